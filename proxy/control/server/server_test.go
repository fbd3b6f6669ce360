package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
)

// memory is a daemon without traffic.
type memory struct {
	Trials // nil, unless a test sets them

	mu sync.Mutex
	// mu guards what follows.
	status  control.Status
	changed chan struct{}
	flushes int
	refuse  error // what PutSettings and Pause answer

	advice control.Advice // constant
}

func newMemory() *memory {
	return &memory{
		status: control.Status{
			Revision: 1, API: control.API, Version: "1.2.3", State: control.On,
			Address: "127.0.0.1:7860", Settings: settings.Default(),
		},
		changed: make(chan struct{}),
	}
}

func (m *memory) Status() control.Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.status
}

func (m *memory) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *memory) Pause(paused bool) error {
	return m.change(func(s *control.Status) { s.Paused = paused })
}

func (m *memory) PutSettings(revision uint64, s *settings.Settings) error {
	if revision != m.Status().Revision {
		return control.ErrStale
	}
	if err := s.Validate(); err != nil {
		return err
	}
	return m.change(func(status *control.Status) { status.Settings = s; status.Revision++ })
}

func (m *memory) FlushIdle() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.flushes++
}

func (m *memory) Advice() control.Advice { return m.advice }

func (m *memory) ApplyAdvice(revision uint64, id string) error { return m.take(revision, id) }
func (m *memory) UndoAdvice(revision uint64, id string) error  { return m.take(revision, id) }

// take takes the first piece of advice, and refuses others.
func (m *memory) take(revision uint64, id string) error {
	switch {
	case revision != m.Status().Revision:
		return control.ErrStale
	case id != m.advice.Items[0].ID:
		return &control.Error{Status: 404, Code: control.CodeNoAdvice, Message: "there is no advice " + id}
	}
	return m.change(func(s *control.Status) { s.Revision++ })
}

// Probe pretends to have tested any upstream but the one that is named nobody.
func (m *memory) Probe(_ context.Context, q control.ProbeRequest, step func(control.ProbeProgress)) (*control.ProbeReport, error) {
	if q.Name == "nobody" {
		return nil, &control.Error{Status: 404, Code: "no_upstream", Message: "no upstream is named nobody"}
	}
	ms := 1.5
	step(control.ProbeProgress{Step: control.StepDNS})
	step(control.ProbeProgress{Step: control.StepConnect, DNS: &ms})
	defer step(control.ProbeProgress{Step: "too late"})
	return &control.ProbeReport{Name: q.Name, OK: true, DNS: &ms, Addresses: []string{"127.0.0.1"}, Warnings: []string{}}, nil
}

// Log has the lines 1 to 5, and when it follows goes on with 6 and 7.
func (m *memory) Log(ctx context.Context, lines int, follow bool, do func([]string) error) error {
	all := []string{"1", "2", "3", "4 \"quoted\"", "5"}
	if err := do(all[max(0, len(all)-lines):]); err != nil || !follow {
		return err
	}
	if err := do([]string{"6", "7"}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// Diagnostics is a short text, or the refusal.
func (m *memory) Diagnostics(_ context.Context, w io.Writer) error {
	if _, err := io.WriteString(w, "PK"); err != nil {
		return err
	}
	return m.refuse
}

// HistoryOf knows the upstream relay alone.
func (m *memory) HistoryOf(_ context.Context, window, upstream string) (control.Series, error) {
	if upstream != "relay" {
		return control.Series{}, &control.Error{Status: 404, Code: "no_upstream", Message: "no upstream is named " + upstream}
	}
	return control.Series{Step: time.Minute, Successful: []int64{3}, Failed: []int64{int64(len(window))}}, nil
}

// change applies f to the status and tells the watchers.
func (m *memory) change(f func(*control.Status)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.refuse != nil {
		return m.refuse
	}
	f(&m.status)
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}

// start serves b on a real socket until the test ends or stop is called.
func start(t *testing.T, b Backend) (path string, stop func()) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "control.sock")
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- Serve(ctx, l, b) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serve: got %v; want no error", err)
		}
	})
	t.Cleanup(stop)
	return path, stop
}

func dial(t *testing.T, path string) *control.Client {
	t.Helper()
	c := control.Dial(path)
	t.Cleanup(c.Close)
	return c
}

// On the public socket every user learns how it is, and nothing that names something.
func TestPublicSocket(t *testing.T) {
	m := newMemory()
	m.status.Reason, m.status.ReasonArgs = "upstream_ejected", []string{"private"}
	m.status.ConfigPath, m.status.Unapplied = "/private", "private"
	m.status.Settings.Upstreams = []settings.Upstream{{Name: "private"}}
	m.status.Failures = []control.Failure{{Upstream: "private"}}
	m.status.Stats.Upstreams = []control.Upstream{{Name: "private"}}
	m.status.Stats.Callers = []control.Caller{{Name: "private"}}
	m.status.Stats.Windows = map[string]control.Window{control.Window24h: {Requests: 7, Successful: 6, Failed: 1, SuccessRate: 85}}
	path := filepath.Join(t.TempDir(), "status.sock")
	l, err := control.ListenPublic(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- ServePublic(ctx, l, m) }()
	defer func() { cancel(); <-done }()
	c := control.DialPublic(path)
	defer c.Close()
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !s.Machine || s.State != control.On || s.Address != "127.0.0.1:7860" || s.Stats.Windows[control.Window24h] != m.status.Stats.Windows[control.Window24h] {
		t.Errorf("got %+v; want the state, the address and the figures", s)
	}
	text, err := json.Marshal(s)
	if err != nil || strings.Contains(string(text), "private") || s.Settings != nil {
		t.Errorf("got %s, %v; want no names", text, err)
	}
	for name, ask := range map[string]func() error{
		"pause":    func() error { return c.Pause(t.Context()) },
		"settings": func() error { return c.PutSettings(t.Context(), 1, settings.Default()) },
		"log":      func() error { _, err := c.Log(t.Context(), 5); return err },
		"watch": func() error {
			for _, err := range c.Watch(t.Context(), time.Second) {
				return err
			}
			return nil
		},
	} {
		var refused *control.Error
		if err := ask(); !errors.As(err, &refused) || refused.Status != http.StatusForbidden {
			t.Errorf("%s: got %v; want a refusal", name, err)
		}
	}
}

func TestStatusCrossesWhole(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	m := newMemory()
	m.status.Reason, m.status.ReasonArgs = "upstream_ejected", []string{"relay"}
	m.status.Failures = []control.Failure{{At: at, Upstream: "relay", Outcome: "upstream_error", Status: 502, Code: "upstream_connect"}}
	m.status.History = map[string]control.Series{control.Window1h: {Start: at, Step: time.Minute, Successful: []int64{3, 4}, Failed: []int64{0, 1}}}
	m.status.Stats.Upstreams = []control.Upstream{{Name: "relay", LastErrorAt: &at}}
	path, _ := start(t, m)
	got, err := dial(t, path).Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := m.Status(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestPauseResumeFlush(t *testing.T) {
	m := newMemory()
	path, _ := start(t, m)
	c := dial(t, path)
	steps := []struct {
		name   string
		call   func(context.Context) error
		paused bool
	}{
		{"pause", c.Pause, true},
		{"pause again", c.Pause, true},
		{"resume", c.Resume, false},
	}
	for _, step := range steps {
		if err := step.call(t.Context()); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		if got := m.Status().Paused; got != step.paused {
			t.Errorf("paused after %s: got %v; want %v", step.name, got, step.paused)
		}
	}
	if err := c.FlushIdle(t.Context()); err != nil || m.flushes != 1 {
		t.Errorf("flush: got %v and %d; want no error and 1", err, m.flushes)
	}
}

func TestPutSettings(t *testing.T) {
	path, _ := start(t, newMemory())
	c := dial(t, path)
	wrong := settings.Default()
	wrong.Pool.MaxIdle, wrong.Failover.Attempts = -1, 99

	if err := c.PutSettings(t.Context(), 1, settings.Default()); err != nil {
		t.Fatalf("from the present revision: %v", err)
	}
	if err := c.PutSettings(t.Context(), 1, settings.Default()); !errors.Is(err, control.ErrStale) {
		t.Errorf("from an old revision: got %v; want %v", err, control.ErrStale)
	}
	var refused *control.Error
	if err := c.PutSettings(t.Context(), 2, wrong); !errors.As(err, &refused) {
		t.Fatalf("wrong values: got %v; want a refusal", err)
	}
	if refused.Status != http.StatusUnprocessableEntity || len(refused.Fields) != 2 {
		t.Fatalf("wrong values: got %d with %v; want 422 with two settings", refused.Status, refused.Fields)
	}
	if got, want := refused.Fields[0].Path, "pool.max_idle"; got != want {
		t.Errorf("first wrong setting: got %v; want %v", got, want)
	}
}

// A program of another version is understood, or told who must be updated; and one that
// does not know a setting cannot lose it.
func TestOtherVersions(t *testing.T) {
	whole, err := json.Marshal(settings.Default())
	if err != nil {
		t.Fatal(err)
	}
	tree := settings.Default().Tree()
	delete(tree["failover"].(map[string]any), "retry_after_cap")
	older, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, method, path, body, api, least string
		status                               int
		code, sentence                       string
	}{
		{"the same", "GET", "/v1/status", "", "1", "1", 200, "", ""},
		{"one that tells nothing", "GET", "/v1/status", "", "", "", 200, "", ""},
		{"a newer one that understands us", "GET", "/v1/status", "", "9", "1", 200, "", ""},
		{"a newer one that does not", "GET", "/v1/status", "", "9", "8", 426, "daemon_older", "the daemon (version 1.2.3) is older than this program and cannot answer it; update the daemon"},
		{"one that is too old", "POST", "/v1/pause", "", "0", "0", 426, "client_older", "this program is older than the daemon (version 1.2.3) and does not understand it; update this program"},
		{"an older one's settings", "PUT", "/v1/settings", `{"revision":1,"settings":` + string(older) + `}`, "1", "1", 426, "client_older", "does not know the setting failover.retry_after_cap; update this program"},
		{"a newer one's settings", "PUT", "/v1/settings", `{"revision":1,"settings":` + strings.Replace(string(whole), `{`, `{"moon":1,`, 1) + `}`, "9", "1", 422, "invalid", ""},
		{"no settings", "PUT", "/v1/settings", `{"revision":1,"settings":null}`, "1", "1", 400, "malformed", ""},
		{"the same one's settings", "PUT", "/v1/settings", `{"revision":1,"settings":` + string(whole) + `}`, "1", "1", 204, "", ""},
	}
	m := newMemory()
	path, _ := start(t, m)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), test.method, "http://"+control.Host+test.path, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			if test.api != "" {
				r.Header.Set(control.HeaderAPI, test.api)
				r.Header.Set(control.HeaderMinAPI, test.least)
			}
			answer := roundTrip(t, path, r)
			defer answer.Body.Close()
			var e control.Error
			if answer.StatusCode >= 400 {
				if err := json.NewDecoder(answer.Body).Decode(&e); err != nil {
					t.Fatal(err)
				}
			}
			if answer.StatusCode != test.status || e.Code != test.code || !strings.Contains(e.Message, test.sentence) {
				t.Errorf("got %d %q %q; want %d %q %q", answer.StatusCode, e.Code, e.Message, test.status, test.code, test.sentence)
			}
			if api, least := control.Versions(answer.Header); api != control.API || least != control.MinAPI || answer.Header.Get(control.HeaderVersion) != "1.2.3" {
				t.Errorf("got versions %d, %d, %q; want ours", api, least, answer.Header.Get(control.HeaderVersion))
			}
		})
	}
	if m.Status().Paused || m.Status().Revision != 2 {
		t.Error("a refused request changed something")
	}
}

func TestFailureInWords(t *testing.T) {
	m := newMemory()
	m.refuse = errors.New("save settings: no space left on device")
	path, _ := start(t, m)
	err := dial(t, path).Pause(t.Context())
	var refused *control.Error
	if !errors.As(err, &refused) || refused.Status != 500 || refused.Message != m.refuse.Error() {
		t.Errorf("got %v; want 500 and %v", err, m.refuse)
	}
}

func TestProbe(t *testing.T) {
	path, _ := start(t, newMemory())
	c := dial(t, path)
	var steps []string
	got, err := c.ProbeSteps(t.Context(), control.ProbeRequest{Name: "relay"}, func(p control.ProbeProgress) {
		steps = append(steps, p.Step)
	})
	if err != nil || !got.OK || got.Name != "relay" || got.DNS == nil || *got.DNS != 1.5 {
		t.Errorf("got %+v, %v; want the report", got, err)
	}
	if got, want := strings.Join(steps, " "), "dns connect too late"; got != want {
		t.Errorf("steps: got %v; want %v", got, want)
	}
	var refused *control.Error
	if _, err := c.Probe(t.Context(), control.ProbeRequest{Name: "nobody"}); !errors.As(err, &refused) || refused.Status != 404 || refused.Code != "no_upstream" {
		t.Errorf("an unknown name: got %v; want 404 no_upstream", err)
	}
}

func TestLog(t *testing.T) {
	path, stop := start(t, newMemory())
	c := dial(t, path)
	for lines, want := range map[int]string{0: "", 2: `4 "quoted",5`, 10: `1,2,3,4 "quoted",5`} {
		got, err := c.Log(t.Context(), lines)
		if err != nil || strings.Join(got, ",") != want {
			t.Errorf("%d lines: got %q, %v; want %q", lines, got, err, want)
		}
	}
	var refused *control.Error
	if _, err := c.Log(t.Context(), -1); !errors.As(err, &refused) || refused.Status != 400 {
		t.Errorf("a negative number: got %v; want 400", err)
	}
	var got []string
	for line, err := range c.FollowLog(t.Context(), 1) {
		if err != nil {
			if !errors.Is(err, control.ErrNotRunning) {
				t.Errorf("got %v; want that the daemon went", err)
			}
			got = append(got, "gone")
			break
		}
		if got = append(got, line); len(got) == 3 {
			go stop() // the cleanup waits for it
		}
	}
	if got, want := strings.Join(got, ","), "5,6,7,gone"; got != want {
		t.Errorf("followed: got %v; want %v", got, want)
	}
}

func TestDiagnostics(t *testing.T) {
	m := newMemory()
	path, _ := start(t, m)
	c := dial(t, path)
	var got strings.Builder
	if err := c.Diagnostics(t.Context(), &got); err != nil || got.String() != "PK" {
		t.Errorf("got %q, %v; want PK", &got, err)
	}
	got.Reset()
	m.refuse = errors.New("no space left on device")
	var refused *control.Error
	if err := c.Diagnostics(t.Context(), &got); !errors.As(err, &refused) || refused.Message != m.refuse.Error() || got.Len() > 0 {
		t.Errorf("got %q, %v; want nothing and %v", &got, err, m.refuse)
	}
}

func TestHistoryOf(t *testing.T) {
	path, _ := start(t, newMemory())
	c := dial(t, path)
	got, err := c.HistoryOf(t.Context(), control.Window24h, "relay")
	if want := (control.Series{Step: time.Minute, Successful: []int64{3}, Failed: []int64{3}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	var refused *control.Error
	if _, err := c.HistoryOf(t.Context(), control.Window24h, "other & co"); !errors.As(err, &refused) || refused.Message != "no upstream is named other & co" {
		t.Errorf("got %v; want 404", err)
	}
}

// A page in a browser, or a program that took our socket for another's, gets
// nothing and changes nothing.
func TestGuard(t *testing.T) {
	tests := []struct {
		name, method, path, header, value string
		host                              string
		want                              int
	}{
		{"our client", "GET", "/v1/status", "", "", control.Host, 200},
		{"origin", "GET", "/v1/status", "Origin", "http://localhost:3000", control.Host, 403},
		{"null origin", "POST", "/v1/pause", "Origin", "null", control.Host, 403},
		{"empty origin", "POST", "/v1/pause", "Origin", "", control.Host, 403},
		{"referer", "GET", "/v1/watch", "Referer", "https://example.com/", control.Host, 403},
		{"foreign host", "GET", "/v1/status", "", "", "example.com", 403},
		{"loopback host", "GET", "/v1/status", "", "", "127.0.0.1:7860", 403},
		{"probe by a page", "POST", "/v1/probe", "Origin", "http://127.0.0.1:7860", control.Host, 403},
		{"probe by another host", "POST", "/v1/probe", "", "", "localhost", 403},
		{"log by a page", "GET", "/v1/log?lines=5", "Origin", "null", control.Host, 403},
		{"log by another host", "GET", "/v1/log?follow=1", "", "", "127.0.0.1", 403},
		{"history by a page", "GET", "/v1/history?window=1h", "Referer", "http://localhost/", control.Host, 403},
		{"diagnostics by a page", "GET", "/v1/diagnostics", "Origin", "http://localhost", control.Host, 403},
		{"too many lines", "GET", "/v1/log?lines=10001", "", "", control.Host, 400},
		{"malformed follow", "GET", "/v1/log?follow=maybe", "", "", control.Host, 400},
		{"unknown path", "GET", "/v1/nothing", "", "", control.Host, 404},
		{"wrong method", "GET", "/v1/pause", "", "", control.Host, 404},
		{"malformed edit", "PUT", "/v1/settings", "", "", control.Host, 400},
		{"malformed probe", "POST", "/v1/probe", "", "", control.Host, 400},
		{"malformed pace", "GET", "/v1/watch?every=soon", "", "", control.Host, 400},
	}
	m := newMemory()
	path, _ := start(t, m)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), test.method, "http://"+test.host+test.path, strings.NewReader(`{"revision":1}`))
			if err != nil {
				t.Fatal(err)
			}
			if test.header != "" {
				r.Header[test.header] = []string{test.value}
			}
			if got := statusOf(t, path, r); got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
	if m.Status().Paused {
		t.Error("a refused request paused the proxy")
	}
}

// Every address that there is refuses a page and a foreign host, also those that come
// later: they are read from the source.
func TestGuardHoldsForEveryAddress(t *testing.T) {
	source, err := os.ReadFile("server.go")
	if err != nil {
		t.Fatal(err)
	}
	routes := regexp.MustCompile(`HandleFunc\("([A-Z]+) (/[^"]*)"`).FindAllStringSubmatch(string(source), -1)
	if len(routes) < 12 {
		t.Fatalf("got %d addresses in server.go; want them all: have they moved?", len(routes))
	}
	path, _ := start(t, newMemory())
	for _, route := range routes {
		for _, page := range []bool{true, false} {
			host := "localhost:7860"
			if page {
				host = control.Host
			}
			r, err := http.NewRequestWithContext(t.Context(), route[1], "http://"+host+route[2], strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if page {
				r.Header.Set("Origin", "http://localhost:7860")
			}
			if got := statusOf(t, path, r); got != http.StatusForbidden {
				t.Errorf("%s %s, page %v: got %d; want 403", route[1], route[2], page, got)
			}
		}
	}
}

// roundTrip sends r over the socket. The caller closes the answer's body.
func roundTrip(t *testing.T, path string, r *http.Request) *http.Response {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// statusOf sends r over the socket and returns the answer's status.
func statusOf(t *testing.T, path string, r *http.Request) int {
	t.Helper()
	answer := roundTrip(t, path, r)
	defer answer.Body.Close()
	if answer.StatusCode != 200 {
		var e control.Error
		if err := json.NewDecoder(answer.Body).Decode(&e); err != nil || e.Code == "" || e.Message == "" {
			t.Errorf("refusal: got %+v, %v; want a code and a sentence", e, err)
		}
	}
	return answer.StatusCode
}
