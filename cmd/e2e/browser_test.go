package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// browse opens a page in a real browser until the test ends. Names under .test lead to this machine,
// as an attacker's names do once they are rebound.
func browse(t *testing.T, page, names string) {
	t.Helper()
	program, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatal("the browser chromium is missing; .ci/install test installs it")
	}
	start(t, append(os.Environ(), "DBUS_SESSION_BUS_ADDRESS=disabled:"), program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
		"--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
		"--host-resolver-rules="+names, "--user-data-dir="+filepath.Join(t.TempDir(), "profile"), page)
}

// A site is an attacker's: it serves browser/attack.html, and hears what the page could read.
type site struct {
	*httptest.Server
	rebind func() // called when the page is ready
	read   chan map[string]string
}

func startSite(t *testing.T) *site {
	t.Helper()
	page, err := os.ReadFile("browser/attack.html")
	if err != nil {
		t.Fatal(err)
	}
	s := &site{read: make(chan map[string]string, 1), rebind: func() {}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /attack", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(page)
	})
	mux.HandleFunc("GET /rebind", func(http.ResponseWriter, *http.Request) { s.rebind() })
	mux.HandleFunc("POST /report", func(_ http.ResponseWriter, r *http.Request) {
		var read map[string]string
		if json.NewDecoder(r.Body).Decode(&read) == nil {
			s.read <- read
		}
	})
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

// attack is the page's address by the name host, told to call target.
func (s *site) attack(host, target string) string {
	return strings.Replace(s.URL, "127.0.0.1", host, 1) + "/attack?" +
		url.Values{"target": {target}, "report": {s.URL + "/report"}}.Encode()
}

// heard waits for what the page could read.
func (s *site) heard(t *testing.T) (read map[string]string) {
	t.Helper()
	until(t, "the page has tried everything", func() bool {
		select {
		case read = <-s.read:
			return true
		default:
			return false
		}
	})
	return read
}

// A secret is an upstream that answers everything and counts its requests.
type secret struct {
	*httptest.Server
	mu   sync.Mutex // guards seen
	seen []string
}

const treasure = "the treasure"

func startSecret(t *testing.T) *secret {
	t.Helper()
	s := &secret{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.seen = append(s.seen, r.Method+" "+r.RequestURI)
		s.mu.Unlock()
		w.Header().Set("Access-Control-Allow-Origin", "*") // which must not get through
		_, _ = io.WriteString(w, treasure)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *secret) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// wantRefused checks that the page's requests came to the daemon, and that each was refused with the
// code: the least that must have come, whatever the browser held back by itself.
func (d *daemon) wantRefused(t *testing.T, code string, least int) {
	t.Helper()
	var requests []map[string]string
	until(t, "the page's requests are logged and counted", func() bool {
		var s stats
		requests = d.logged()
		getJSON(t, d.URL+"/__millpond__/stats", &s)
		return len(requests) >= least && s.Outcomes["local"] == len(requests) && s.Total == len(requests)
	})
	for _, r := range requests {
		if r["outcome"] != "local" || r["code"] != code {
			t.Errorf("%s %s: got outcome %s, code %s; want %s", r["method"], r["path"], r["outcome"], r["code"], code)
		}
	}
	t.Logf("%d requests, all refused with %s", len(requests), code)
}

// TestPagesStayOut lets pages in a real browser try every way there is: from this machine on another
// port, which is the same site to a browser, and from elsewhere.
func TestPagesStayOut(t *testing.T) {
	for _, tt := range []struct{ name, page, target string }{
		{"same site", "127.0.0.1", "127.0.0.1"},
		{"cross site", "evil.test", "127.0.0.1"},
		{"by localhost", "evil.test", "localhost"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			far, site := startSecret(t), startSite(t)
			d := serve(t, "", anywhere+entry("test", "anthropic", far.URL))
			browse(t, site.attack(tt.page, strings.Replace(d.URL, "127.0.0.1", tt.target, 1)), "MAP *.test 127.0.0.1")
			read := site.heard(t)
			for way, got := range read {
				if got != "" {
					t.Errorf("%s: the page read %q; want nothing", way, got)
				}
			}
			if seen := far.requests(); len(seen) > 0 {
				t.Errorf("the upstream got %q; want nothing", seen)
			}
			d.wantRefused(t, "origin_not_allowed", 23)
		})
	}
}

// A turncoat is what a name leads to: first the attacker's site, then the daemon.
type turncoat struct {
	net.Listener
	to      atomic.Pointer[string] // host:port
	joining sync.WaitGroup
	mu      sync.Mutex // guards open
	open    []net.Conn
}

func (c *turncoat) serve(ctx context.Context) {
	defer c.joining.Wait()
	for {
		conn, err := c.Accept()
		if err != nil {
			return
		}
		c.mu.Lock()
		c.open = append(c.open, conn)
		c.mu.Unlock()
		c.joining.Go(func() { c.join(ctx, conn) })
	}
}

func (c *turncoat) join(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	far, err := new(net.Dialer).DialContext(ctx, "tcp", *c.to.Load())
	if err != nil {
		return
	}
	var there sync.WaitGroup
	there.Go(func() {
		_, _ = io.Copy(far, conn)
		_ = far.Close()
	})
	_, _ = io.Copy(conn, far)
	_ = conn.Close()
	there.Wait()
}

// turn leads every further connection to address, and ends those that there are.
func (c *turncoat) turn(address string) {
	c.to.Store(&address)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.open {
		_ = conn.Close()
	}
}

// TestRebindingStaysOut serves a page under a name that then leads to the daemon: to the browser the
// daemon is of the page's own origin, so that it holds nothing back. The Host field alone tells.
func TestRebindingStaysOut(t *testing.T) {
	far, site := startSecret(t), startSite(t)
	d := serve(t, "", anywhere+entry("test", "anthropic", far.URL))
	daemon := strings.TrimPrefix(d.URL, "http://")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &turncoat{Listener: l}
	c.turn(strings.TrimPrefix(site.URL, "http://"))
	site.rebind = func() { c.turn(daemon) }
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.serve(t.Context())
	}()
	t.Cleanup(func() {
		_ = l.Close()
		c.turn("")
		<-done
	})
	// The browser finds the name at the turncoat's port; the daemon sees a foreign name and port.
	page := "http://evil.test:" + l.Addr().String()[len("127.0.0.1:"):] + "/attack?rebind=1&target=&report=" + url.QueryEscape(site.URL+"/report")
	browse(t, page, "MAP *.test 127.0.0.1")
	read := site.heard(t)
	answered := 0
	for way, got := range read {
		if strings.HasPrefix(got, "421 ") {
			answered++
		}
		if strings.Contains(got, treasure) || got == "open" || strings.HasPrefix(got, "200") {
			t.Errorf("%s: the page read %q; want a refusal", way, got)
		}
	}
	if answered < 8 {
		t.Errorf("got %v; want 421 by every way that shows a status", read)
	}
	if seen := far.requests(); len(seen) > 0 {
		t.Errorf("the upstream got %q; want nothing", seen)
	}
	d.wantRefused(t, "host_not_allowed", 20)
}

// TestListedOriginComesIn lets in the one page whose origin is listed, also to read, and no other; the
// upstream's "Access-Control-Allow-Origin: *" is not passed on.
func TestListedOriginComesIn(t *testing.T) {
	far, site := startSecret(t), startSite(t)
	origin := strings.Replace(site.URL, "127.0.0.1", "app.test", 1)
	d := serve(t, "", anywhere+"allowed_origins = [\""+origin+"\"]\n"+entry("test", "anthropic", far.URL))
	browse(t, site.attack("app.test", d.URL), "MAP *.test 127.0.0.1")
	read := site.heard(t)
	for _, way := range []string{"fetch-get", "fetch-post-simple", "fetch-post-json", "fetch-put", "fetch-caller", "xhr"} {
		if got := read[way]; got != "200 "+treasure {
			t.Errorf("%s: the listed page read %q; want the answer", way, got)
		}
	}
	for _, way := range []string{"fetch-credentials", "sandbox", "fetch-no-cors", "iframe"} {
		if got := read[way]; got != "" {
			t.Errorf("%s: got %q; want nothing to read", way, got)
		}
	}
	for _, from := range []string{"", "http://evil.test", "null"} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", d.URL+"/v1/messages", bytes.NewReader(nil))
		if err != nil {
			t.Fatal(err)
		}
		if from != "" {
			req.Header.Set("Origin", from)
		}
		if got := whole(t, plain, req).header["Access-Control-Allow-Origin"]; got != nil {
			t.Errorf("from %q: got Access-Control-Allow-Origin %q; want none", from, got)
		}
	}
}
