package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/listener"
	"millpond/proxy/porttest"
	"millpond/settings"
	"millpond/settings/store"
)

// patience bounds every wait of a test; nothing that works comes near it.
const patience = 10 * time.Second

// A running daemon is one that a test started.
type running struct {
	*Daemon
	file   string // its settings file
	log    *lockedText
	stop   func() error // as SIGTERM would; returns what Run returned
	client *http.Client
}

// lockedText collects the log.
type lockedText struct {
	mu   sync.Mutex
	text strings.Builder // guarded by mu
}

func (l *lockedText) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedText) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// write replaces the settings file in one step, as editors do.
func write(t *testing.T, file, text string) {
	t.Helper()
	next := file + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, file); err != nil {
		t.Fatal(err)
	}
}

// anywhere begins a settings file that listens on a free port of the loopback.
const anywhere = "version = 1\n[listen]\naddress = \"127.0.0.1:0\"\n"

// at is anywhere for an address of one's own.
func at(address string) string { return strings.Replace(anywhere, "127.0.0.1:0", address, 1) }

// entry is one upstream of a settings file.
func entry(name, url string) string {
	return fmt.Sprintf("[[upstreams]]\nname = %q\nkind = \"http\"\nurl = %q\n", name, url)
}

// start runs a daemon with these settings until the test ends.
func start(t *testing.T, text string, adjust func(*Config)) *running {
	t.Helper()
	dir := t.TempDir()
	r := &running{file: filepath.Join(dir, "settings.toml"), log: &lockedText{}, client: &http.Client{Transport: &http.Transport{}, Timeout: patience}}
	write(t, r.file, text)
	log, err := OpenLog(LogConfig{Stderr: r.log})
	if err != nil {
		t.Fatal(err)
	}
	c := Config{Store: store.Open(r.file, nil), Log: log, Version: "test", StateDir: filepath.Join(dir, "state")}
	if adjust != nil {
		adjust(&c)
	}
	if r.Daemon, err = New(c); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- r.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		err := <-ran
		r.client.CloseIdleConnections()
		return errors.Join(err, log.Close())
	})
	t.Cleanup(func() {
		if err := r.stop(); err != nil {
			t.Errorf("run: %v", err)
		}
	})
	select {
	case <-r.Ready():
	case err := <-ran:
		ran <- err
		t.Fatalf("the daemon ended: %v", err)
	}
	return r
}

// get asks the daemon for a path.
func (r *running) get(t *testing.T, path string) (status int, h http.Header, body string) {
	t.Helper()
	return r.getAt(t, r.Address(), path)
}

func (r *running) getAt(t *testing.T, address, path string) (status int, h http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return do(t, r.client, req)
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-deadline:
			t.Fatalf("waited %v in vain until %s", patience, what)
		case <-tick.C:
		}
	}
}

// origin is an upstream that answers with its name; /status/N with status N, and /hold
// when it is let go.
func origin(t *testing.T, name string) (url string, letGo func()) {
	t.Helper()
	held := make(chan struct{})
	letGo = sync.OnceFunc(func() { close(held) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		if _, err := fmt.Sscanf(r.URL.Path, "/status/%d", &status); err == nil {
			w.WriteHeader(status)
		}
		fmt.Fprintf(w, "%s begins\n", name)
		if r.URL.Path == "/hold" {
			_ = http.NewResponseController(w).Flush()
			select {
			case <-held:
			case <-r.Context().Done():
				return
			}
		}
		fmt.Fprintf(w, "%s ends\n", name)
	}))
	t.Cleanup(func() { letGo(); server.Close() })
	return server.URL, letGo
}

// hold begins a request that the upstream answers only in part, and reads that part.
func (r *running) hold(t *testing.T) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.Address()+"/hold", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	first := make([]byte, len("a begins\n"))
	if _, err := io.ReadFull(resp.Body, first); err != nil {
		t.Fatal(err)
	}
	return resp
}

func TestStatsAgreeWithWhatWasSent(t *testing.T) {
	url, _ := origin(t, "a")
	r := start(t, anywhere+entry("a", url)+"[failover]\neject_after = 0\nattempts = 1\n", nil)
	const each = 7
	for range each {
		for path, want := range map[string]int{"/": 200, "/status/404": 404, "/status/500": 500, "/u/nobody/": 404} {
			if status, _, _ := r.get(t, path); status != want {
				t.Errorf("%s: got status %d; want %d", path, status, want)
			}
		}
	}
	until(t, "all requests are counted", func() bool { return r.Stats().TotalRequests == 4*each })

	status, h, body := r.get(t, "/__millpond__/stats")
	if status != 200 || h.Get("Content-Type") != "application/json" {
		t.Fatalf("got status %d, type %q; want JSON", status, h.Get("Content-Type"))
	}
	var s control.Stats
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"ok": each, "upstream_error": each, "client_error": each, "local": each, "stream_error": 0, "client_cancelled": 0}
	for name, n := range want {
		if s.Outcomes[name] != n {
			t.Errorf("%s: got %d; want %d", name, s.Outcomes[name], n)
		}
	}
	if s.SuccessfulRequests != each || s.FailedRequests != each || s.SuccessRate != 50 || s.ErrorRate != 50 {
		t.Errorf("got %d ok, %d failed, %v %% and %v %%; want %d, %d, 50 and 50", s.SuccessfulRequests, s.FailedRequests, s.SuccessRate, s.ErrorRate, each, each)
	}
	for _, name := range []string{control.Window1m, control.Window1h, control.Window24h, control.Window28d} {
		if w := s.Windows[name]; w.Requests != 4*each || w.SuccessRate != 50 {
			t.Errorf("window %s: got %+v; want %d requests, half of them successful", name, w, 4*each)
		}
	}
	if len(s.Upstreams) != 1 {
		t.Fatalf("got %d upstreams; want 1", len(s.Upstreams))
	}
	u := s.Upstreams[0]
	if u.Name != "a" || u.URL != url || u.Kind != "http" || !u.Healthy || u.Requests != 3*each || u.LastError == "" || u.LastErrorAt == nil {
		t.Errorf("got %+v; want %d requests of a, healthy, with its last error", u, 3*each)
	}
	if s.LatencyMS.Max <= 0 || s.LatencyMS.P50 > s.LatencyMS.Max || u.LatencyMS.Max <= 0 {
		t.Errorf("got latencies %+v and %+v; want some", s.LatencyMS, u.LatencyMS)
	}
}

func TestReloadAppliesLive(t *testing.T) {
	urlA, letGo := origin(t, "a")
	urlB, _ := origin(t, "b")
	r := start(t, anywhere+entry("a", urlA), nil)
	address := r.Address()
	inFlight := r.hold(t)
	write(t, r.file, anywhere+entry("b", urlB))
	until(t, "the new upstream answers", func() bool {
		_, _, body := r.get(t, "/")
		return strings.HasPrefix(body, "b ")
	})
	if got := r.Address(); got != address {
		t.Errorf("got address %s; want %s still", got, address)
	}
	letGo()
	rest, err := io.ReadAll(inFlight.Body)
	if err != nil || string(rest) != "a ends\n" {
		t.Errorf("request in flight: got %q, %v; want its end", rest, err)
	}
	until(t, "the change is published", func() bool { return r.Status().Revision > 1 })
	if got := r.Status(); got.Revision != 2 || len(got.Settings.Upstreams) != 1 || got.Settings.Upstreams[0].Name != "b" {
		t.Errorf("got revision %d and %+v; want 2 and upstream b", got.Revision, got.Settings.Upstreams)
	}
}

// Requests go on while everything is replaced under them: none fails, none is lost.
func TestReloadsUnderLoad(t *testing.T) {
	urlA, _ := origin(t, "a")
	urlB, _ := origin(t, "b")
	r := start(t, anywhere+entry("a", urlA), nil)
	var sent atomic.Int64
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range 4 {
		wg.Go(func() {
			for ctx.Err() == nil {
				resp, err := r.client.Post("http://"+r.Address()+"/", "text/plain", strings.NewReader("question"))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != 200 || !strings.HasSuffix(string(body), " ends\n") {
					t.Errorf("got %d, %q, %v; want a whole answer", resp.StatusCode, body, err)
					return
				}
				_ = resp.Body.Close()
				sent.Add(1)
			}
		})
	}
	base := r.Status().Settings
	for i := range 20 {
		next := base.Clone()
		next.Upstreams[0].URL = []string{urlA, urlB}[i%2]
		next.Pool.MaxIdlePerHost = 1 + i%3
		next.Pool.Scope = []settings.Scope{settings.ScopeShared, settings.ScopeUpstream, settings.ScopeCaller}[i%3]
		if err := r.Apply(next); err != nil {
			t.Error(err)
		}
		before := sent.Load()
		until(t, "requests went through", func() bool { return sent.Load() > before+8 || t.Failed() })
	}
	cancel()
	wg.Wait()
	until(t, "all requests are counted", func() bool { return r.Stats().TotalRequests == sent.Load() })
	if s := r.Stats(); s.SuccessfulRequests != sent.Load() || s.Pool.InUse != 0 || s.Pool.Waiting != 0 {
		t.Errorf("got %d successful, %d in use, %d waiting; want %d, 0 and 0", s.SuccessfulRequests, s.Pool.InUse, s.Pool.Waiting, sent.Load())
	}
	if got := r.Status().Revision; got != 21 {
		t.Errorf("got revision %d; want 21", got)
	}
}

func TestNothingIsLeftRunning(t *testing.T) {
	url, _ := origin(t, "a")
	before := runtime.NumGoroutine()
	r := start(t, anywhere+entry("a", url), nil)
	for range 5 {
		r.get(t, "/")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	// The upstream's own goroutines end when they see the connections closed.
	until(t, "the daemon's goroutines have ended", func() bool { return runtime.NumGoroutine() <= before })
}

func TestBadReloadKeepsWhatRuns(t *testing.T) {
	url, _ := origin(t, "a")
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := []struct{ name, text, logged string }{
		{"two mistakes", anywhere + entry("b", "ftp://x") + "[pool]\nmax_idle = -1\n", "pool.max_idle"},
		{"no TOML", anywhere + "[[[", ":4:"},
		{"our own address", at("127.0.0.1:7999") + entry("b", "http://127.0.0.1:7999"), "upstreams[0].url"},
		{"an address in use", at(taken.Addr().String()) + entry("b", url), "in use"},
		{"a token that is not there", anywhere + "token = \"env:MILLPOND_TEST_NO_SUCH_TOKEN\"\n" + entry("b", url), "MILLPOND_TEST_NO_SUCH_TOKEN"},
		{"an empty file", "", "the settings file is empty"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := start(t, anywhere+entry("a", url), nil)
			write(t, r.file, tt.text)
			until(t, "the mistake is logged", func() bool {
				for line := range strings.Lines(r.log.String()) {
					if _, cause, ok := strings.Cut(line, "the running ones stay"); ok && strings.Contains(cause, tt.logged) {
						return true
					}
				}
				return false
			})
			if status, _, body := r.get(t, "/"); status != 200 || !strings.HasPrefix(body, "a ") {
				t.Errorf("got %d %q; want the old upstream's answer", status, body)
			}
			if got := r.Status().Revision; got != 1 {
				t.Errorf("got revision %d; want 1", got)
			}
			write(t, r.file, anywhere+entry("c", url))
			until(t, "a correct file applies", func() bool { return r.Status().Revision == 2 })
		})
	}
}

func TestWarningsAreLogged(t *testing.T) {
	r := start(t, anywhere, func(c *Config) { c.Store = store.Open(c.Store.Path(), []string{"MILLPOND_NONSENSE=1"}) })
	until(t, "the warning is logged", func() bool { return strings.Contains(r.log.String(), "MILLPOND_NONSENSE") })
}

func TestMistakesAreLoggedAllAtOnce(t *testing.T) {
	r := start(t, anywhere, nil)
	write(t, r.file, anywhere+entry("b", "ftp://x")+"[pool]\nmax_idle = -1\nidle_timeout = \"never\"\n")
	for _, path := range []string{"upstreams[0].url", "pool.max_idle", "pool.idle_timeout"} {
		until(t, path+" is logged", func() bool { return strings.Contains(r.log.String(), path) })
	}
}

func TestRebind(t *testing.T) {
	url, letGo := origin(t, "a")
	before, after := porttest.Hold(t), porttest.Hold(t)
	r := start(t, at(before)+entry("a", url), nil)
	inFlight := r.hold(t)
	write(t, r.file, at(after)+entry("a", url))
	until(t, "the address has changed", func() bool { return r.Address() == after })
	if status, _, _ := r.getAt(t, after, "/"); status != 200 {
		t.Errorf("new address: got status %d; want 200", status)
	}
	if c, err := net.Dial("tcp", before); err == nil {
		c.Close()
		t.Error("the old address still accepts")
	}
	letGo()
	if rest, err := io.ReadAll(inFlight.Body); err != nil || string(rest) != "a ends\n" {
		t.Errorf("request in flight: got %q, %v; want its end", rest, err)
	}
}

func TestDrainLetsRequestsEnd(t *testing.T) {
	url, letGo := origin(t, "a")
	r := start(t, at(porttest.Hold(t))+entry("a", url), nil)
	inFlight := r.hold(t)
	stopped := make(chan error, 1)
	go func() { stopped <- r.stop() }()
	until(t, "draining shows", func() bool { return r.Status().Draining })
	if got := r.health(); got.Status != "draining" || got.Reason == "" {
		t.Errorf("health: got %+v; want draining with a reason", got)
	}
	until(t, "the port is closed", func() bool {
		c, err := net.Dial("tcp", r.Address())
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	letGo()
	if rest, err := io.ReadAll(inFlight.Body); err != nil || string(rest) != "a ends\n" {
		t.Errorf("request in flight: got %q, %v; want its end", rest, err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("got %v; want a clean end", err)
	}
}

func TestDrainCutsWhatDoesNotEnd(t *testing.T) {
	url, _ := origin(t, "a")
	r := start(t, anywhere+entry("a", url), func(c *Config) { c.DrainFor = 50 * time.Millisecond })
	inFlight := r.hold(t)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	if rest, err := io.ReadAll(inFlight.Body); err == nil {
		t.Errorf("request in flight: got %q and a clean end; want it cut", rest)
	}
	if !strings.Contains(r.log.String(), "were cut") {
		t.Errorf("got log %q; want it to say that requests were cut", r.log)
	}
}

func TestPause(t *testing.T) {
	url, _ := origin(t, "a")
	r := start(t, anywhere+entry("a", url), nil)
	changed := r.Changed()
	if err := r.Pause(true); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
	default:
		t.Error("watchers were not told of the pause")
	}
	status, h, _ := r.get(t, "/v1/messages")
	if status != 503 || h.Get("X-Millpond-Error") != "paused" {
		t.Errorf("paused: got %d %q; want 503 paused", status, h.Get("X-Millpond-Error"))
	}
	if got := r.Status(); got.State != control.Off || got.Reason != ReasonPaused || !got.Paused {
		t.Errorf("paused: got state %s, reason %q; want off, paused", got.State, got.Reason)
	}
	if err := r.Apply(r.Status().Settings); err != nil {
		t.Fatal(err)
	}
	if status, h, _ := r.get(t, "/"); status != 503 || h.Get("X-Millpond-Error") != "paused" {
		t.Errorf("paused, after a change: got %d %q; want 503 paused", status, h.Get("X-Millpond-Error"))
	}
	if status, _, body := r.get(t, "/__millpond__/health"); status != 503 || !strings.Contains(body, `"paused"`) {
		t.Errorf("paused: got health %d %q; want 503 paused", status, body)
	}
	if status, _, _ := r.get(t, "/__millpond__/stats"); status != 200 {
		t.Errorf("our own pages while paused: got %d; want 200", status)
	}
	if err := r.Pause(false); err != nil {
		t.Fatal(err)
	}
	if status, _, _ := r.get(t, "/"); status != 200 {
		t.Errorf("resumed: got %d; want 200", status)
	}
}

func TestHealthWithoutUpstream(t *testing.T) {
	r := start(t, anywhere, nil)
	status, _, body := r.get(t, "/__millpond__/health")
	if status != 503 || !strings.Contains(body, `"status":"no_upstream"`) {
		t.Errorf("got %d %q; want 503 no_upstream", status, body)
	}
	if status, h, _ := r.get(t, "/"); status != 404 || h.Get("X-Millpond-Error") != "no_upstream" {
		t.Errorf("a request: got %d %q; want 404 no_upstream", status, h.Get("X-Millpond-Error"))
	}
}

func TestStateFollowsHealth(t *testing.T) {
	url, _ := origin(t, "a")
	r := start(t, anywhere+entry("a", url)+entry("b", url)+"[failover]\neject_after = 1\nattempts = 1\n", nil)
	if got := r.Status(); got.State != control.On || got.Reason != "" {
		t.Errorf("at first: got %s, %q; want on", got.State, got.Reason)
	}
	r.get(t, "/u/a/status/500")
	until(t, "one upstream is out", func() bool { return r.Status().Reason == ReasonUpstreamEjected })
	if got := r.Status(); got.State != control.Degraded || len(got.ReasonArgs) != 1 || got.ReasonArgs[0] != "a" {
		t.Errorf("one out: got %s, %q; want degraded for a", got.State, got.ReasonArgs)
	}
	if status, _, _ := r.get(t, "/__millpond__/health"); status != 200 {
		t.Errorf("one out: got health %d; want 200", status)
	}
	r.get(t, "/u/b/status/500")
	until(t, "both are out", func() bool { return r.Status().Reason == ReasonNoHealthyUpstream })
	if status, _, body := r.get(t, "/__millpond__/health"); status != 503 || !strings.Contains(body, "no_healthy_upstream") {
		t.Errorf("both out: got health %d %q; want 503 with the reason", status, body)
	}
	failures := r.Status().Failures
	if len(failures) != 2 || failures[0].Upstream != "b" || failures[0].Status != 500 || failures[0].Outcome != "upstream_error" {
		t.Errorf("got failures %+v; want b's and a's", failures)
	}
}

func TestPutSettings(t *testing.T) {
	urlA, _ := origin(t, "a")
	urlB, _ := origin(t, "b")
	r := start(t, anywhere+entry("a", urlA), nil)
	next := r.Status().Settings.Clone()
	next.Upstreams[0].Name, next.Upstreams[0].URL = "b", urlB

	bad := next.Clone()
	bad.Pool.MaxIdle, bad.Upstreams[0].URL = -1, "ftp://x"
	if got := settings.FieldErrors(r.PutSettings(1, bad)); len(got) != 2 {
		t.Errorf("two mistakes: got %v; want both", got)
	}
	if err := r.PutSettings(7, next); !errors.Is(err, control.ErrStale) {
		t.Errorf("wrong revision: got %v; want %v", err, control.ErrStale)
	}
	if got := r.Status().Revision; got != 1 {
		t.Errorf("after refusals: got revision %d; want 1", got)
	}
	if err := r.PutSettings(1, next); err != nil {
		t.Fatal(err)
	}
	if _, _, body := r.get(t, "/"); !strings.HasPrefix(body, "b ") {
		t.Errorf("got %q; want the new upstream's answer", body)
	}
	if text, err := os.ReadFile(r.file); err != nil || !strings.Contains(string(text), urlB) {
		t.Errorf("got file %q, %v; want %s saved", text, err, urlB)
	}
	if err := r.PutSettings(1, next); !errors.Is(err, control.ErrStale) {
		t.Errorf("same revision again: got %v; want %v", err, control.ErrStale)
	}
}

func TestOverridesAreNotSaved(t *testing.T) {
	url, _ := origin(t, "flag")
	r := start(t, "version = 1\n"+entry("filed", "http://127.0.0.1:1"), func(c *Config) {
		c.Overrides = Overrides{Address: "127.0.0.1:0", Upstreams: []settings.Upstream{
			{Name: "upstream", Kind: settings.KindHTTP, URL: url, Enabled: true, Priority: 1, Weight: 1}}}
	})
	if _, _, body := r.get(t, "/"); !strings.HasPrefix(body, "flag ") {
		t.Errorf("got %q; want the overriding upstream's answer", body)
	}
	s := r.Status()
	if s.Settings.Listen.Address != "127.0.0.1:7860" || s.Settings.Upstreams[0].Name != "filed" {
		t.Errorf("got %q and %q to edit; want what the file says", s.Settings.Listen.Address, s.Settings.Upstreams[0].Name)
	}
	next := s.Settings.Clone()
	next.Pool.MaxIdle = 99
	if err := r.PutSettings(s.Revision, next); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "filed") || strings.Contains(string(text), url) || strings.Contains(string(text), "127.0.0.1:0") {
		t.Errorf("got file %q; want no override in it", text)
	}
	if _, _, body := r.get(t, "/"); !strings.HasPrefix(body, "flag ") {
		t.Errorf("after the edit: got %q; want the overriding upstream still", body)
	}
}

func TestControlSocket(t *testing.T) {
	url, _ := origin(t, "a")
	dir, err := os.MkdirTemp("", "mp") // a unix socket's address is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := control.DefaultSocket(func(name string) string { return map[string]string{"XDG_RUNTIME_DIR": dir, "HOME": dir}[name] })
	r := start(t, anywhere+entry("a", url), func(c *Config) { c.Control = socket })
	client := control.Dial(socket)
	defer client.Close()
	var s control.Status
	until(t, "the socket answers", func() bool { s, err = client.Status(t.Context()); return err == nil })
	if s.Address != r.Address() || s.State != control.On || s.PID != os.Getpid() || s.ConfigPath != r.file || s.API != control.API {
		t.Errorf("got %+v; want the daemon's own state", s)
	}
	if err := client.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := r.Status().State; got != control.Off {
		t.Errorf("after Pause: got %s; want off", got)
	}
	second := start(t, anywhere+entry("a", url), func(c *Config) { c.Control = socket })
	until(t, "the second daemon says that the socket is taken", func() bool { return strings.Contains(second.log.String(), "another Millpond") })
	if status, _, _ := second.get(t, "/"); status != 200 {
		t.Errorf("second daemon: got %d; want it to serve all the same", status)
	}
}

func TestAddressInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	file := filepath.Join(t.TempDir(), "settings.toml")
	write(t, file, at(taken.Addr().String()))
	d, err := New(Config{Store: store.Open(file, nil)})
	if err != nil {
		t.Fatal(err)
	}
	var bind *listener.BindError
	if err := d.Run(t.Context()); !errors.As(err, &bind) || bind.Reason != listener.PortInUse {
		t.Errorf("got %v; want that the port is in use", err)
	}
}

func TestNewTellsEveryMistake(t *testing.T) {
	file := filepath.Join(t.TempDir(), "settings.toml")
	write(t, file, "version = 1\n[pool]\nmax_idle = -1\nnonsense = 1\n[timeouts]\nconnect = \"-1s\"\n")
	_, err := New(Config{Store: store.Open(file, nil)})
	if got := settings.FieldErrors(err); len(got) != 3 {
		t.Errorf("got %v; want three mistakes", err)
	}
	if _, err := New(Config{}); err == nil {
		t.Error("without a store: got no error; want one")
	}
}
