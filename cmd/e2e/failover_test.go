package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const ejectAfter = 5 // failures in a row, failover.eject_after's default

// A replica is an upstream of several of the same kind. It counts what it executed.
type replica struct {
	mu       sync.Mutex // guards executed
	executed map[string]int
}

func (r *replica) execute(req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.executed[req.Header.Get("Test-Id")]++
}

// total is how many requests came, and checks that none came twice.
func (r *replica) total(t *testing.T, name string) (n int) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, times := range r.executed {
		if n += times; times != 1 {
			t.Errorf("%s executed %s %d times; want once at most", name, id, times)
		}
	}
	return n
}

// newReplica makes one that answers by answer, once it has counted.
func newReplica(answer http.HandlerFunc) (*replica, http.HandlerFunc) {
	r := &replica{executed: map[string]int{}}
	return r, func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		r.execute(req)
		req.Body = io.NopCloser(strings.NewReader(string(body)))
		answer(w, req)
	}
}

// works answers whole or as a stream, as it is asked.
func works(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !strings.Contains(string(body), `"stream":true`) {
		_, _ = io.WriteString(w, "one two three")
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, event := range shapes["messages"] {
		_, _ = io.WriteString(w, event+"\n\n")
		_ = http.NewResponseController(w).Flush()
	}
}

func overloaded(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(529)
	_, _ = io.WriteString(w, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`)
}

// resets breaks the connection off, after the request was executed.
func resets(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_ = conn.(*net.TCPConn).SetLinger(0)
	_ = conn.Close()
}

// An asked is how one request went.
type asked struct {
	id         string
	began, end time.Time
	status     int
	code       string // X-Millpond-Error
	err        error
}

func (a asked) ok() bool { return a.err == nil && a.status == http.StatusOK }

// ask sends request i, every other one for a stream, and reads the answer to its end.
func ask(t *testing.T, client *http.Client, base string, i int) (a asked) {
	a.id = fmt.Sprint("request-", i)
	a.began = time.Now()
	defer func() { a.end = time.Now() }()
	body, last := `{"model":"quick"}`, "one two three"
	if i%2 == 1 {
		body, last = `{"model":"quick","stream":true}`, "message_stop\"}\n\n"
	}
	resp, err := post(t, client, base+"/v1/messages", a.id, strings.NewReader(body))
	if err != nil {
		a.err = err
		return a
	}
	defer resp.Body.Close()
	a.status, a.code = resp.StatusCode, resp.Header.Get("X-Millpond-Error")
	text, err := io.ReadAll(resp.Body)
	if a.err = err; err == nil && a.status == http.StatusOK && !strings.HasSuffix(string(text), last) {
		a.err = fmt.Errorf("got %q; want an answer that ends in %q", text, last)
	}
	return a
}

// askMany sends n requests, so many at once, and returns how each went. each is told after each.
func askMany(t *testing.T, base string, n, atOnce int, each func(done int)) []asked {
	transport := &http.Transport{MaxIdleConnsPerHost: atOnce}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	results := make([]asked, n)
	var next, done atomic.Int64
	var asking sync.WaitGroup
	for range atOnce {
		asking.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				results[i] = ask(t, client, base, i)
				each(int(done.Add(1)))
			}
		})
	}
	asking.Wait()
	return results
}

// TestOneOfThreeWorks sends 1,000 requests, plain and streamed, to three upstreams of which one resets
// the connection once it has executed the request, one is overloaded, and one works. What was reset may
// have run, so the client must be told, and it must not be sent again; all else must succeed.
func TestOneOfThreeWorks(t *testing.T) {
	const requests, atOnce = 1000, 16
	replicas := map[string]*replica{}
	settings := anywhere
	for name, answer := range map[string]http.HandlerFunc{"resets": resets, "overloaded": overloaded, "works": works} {
		r, handler := newReplica(answer)
		far := httptest.NewServer(handler)
		t.Cleanup(far.Close)
		replicas[name] = r
		settings += entry(name, "anthropic", far.URL)
	}
	d := serve(t, "", settings)
	failed := 0
	for _, a := range askMany(t, d.URL, requests, atOnce, func(int) {}) {
		if a.ok() {
			continue
		}
		failed++
		if a.err != nil || a.status != http.StatusBadGateway || a.code != "upstream_reset" || replicas["resets"].executed[a.id] != 1 {
			t.Errorf("%s: got status %d %s, error %v; want no failure but of what was reset", a.id, a.status, a.code, a.err)
		}
	}
	reset := replicas["resets"].total(t, "resets")
	if most := ejectAfter + atOnce - 1; failed != reset || failed > most || failed == 0 {
		t.Errorf("%d requests failed, %d were reset; want the same, and %d at most before it is left alone", failed, reset, most)
	}
	if n := replicas["overloaded"].total(t, "overloaded"); n > ejectAfter+atOnce-1 || n == 0 {
		t.Errorf("the overloaded one got %d requests; want it left alone", n)
	}
	if n := replicas["works"].total(t, "works"); n != requests-reset {
		t.Errorf("%d requests succeeded; want %d", n, requests-reset)
	}
	s := d.stats(t, requests)
	if s.OK != requests-failed || s.Failed != failed || s.Outcomes["ok"] != s.OK || s.Outcomes["upstream_error"] != failed || s.Replays.Ambiguous != failed {
		t.Errorf("got %+v; want %d ok, %d upstream_error, all of them ambiguous", s, requests-failed, failed)
	}
	for _, u := range s.Upstreams {
		if n := replicas[u.Name].total(t, u.Name); u.Requests != n || u.Healthy != (u.Name == "works") {
			t.Errorf("%s: got %d requests, healthy %v; want %d, as it counted itself", u.Name, u.Requests, u.Healthy, n)
		}
		if (u.LastError == "") != (u.Name == "works") {
			t.Errorf("%s: got last error %q", u.Name, u.LastError)
		}
	}
	t.Logf("of %d requests %d were reset and told; %d were declined and taken over", requests, failed, replicas["overloaded"].total(t, "overloaded"))
}

// A phoenix is a replica whose server can be killed, and started again at the same address.
type phoenix struct {
	*replica
	address string
	handler http.Handler

	mu    sync.Mutex // guards what follows
	open  map[net.Conn]bool
	serve *http.Server
	ended chan struct{}
}

func newPhoenix(t *testing.T) *phoenix {
	t.Helper()
	r, handler := newReplica(works)
	p := &phoenix{replica: r, address: closedPort(t), handler: handler}
	p.start(t)
	t.Cleanup(p.kill)
	return p
}

func (p *phoenix) start(t *testing.T) {
	t.Helper()
	l, err := net.Listen("tcp", p.address)
	if err != nil {
		t.Error(err)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open, p.ended = map[net.Conn]bool{}, make(chan struct{})
	p.serve = &http.Server{Handler: p.handler, ConnState: p.track}
	go func(s *http.Server, ended chan struct{}) {
		defer close(ended)
		_ = s.Serve(l)
	}(p.serve, p.ended)
}

func (p *phoenix) track(c net.Conn, state http.ConnState) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch state {
	case http.StateNew:
		p.open[c] = true
	case http.StateClosed, http.StateHijacked:
		delete(p.open, c)
	}
}

// kill ends the server as the end of its process would: every connection is reset where it stands.
func (p *phoenix) kill() {
	p.mu.Lock()
	for c := range p.open {
		_ = c.(*net.TCPConn).SetLinger(0)
	}
	server, ended := p.serve, p.ended
	p.mu.Unlock()
	_ = server.Close()
	<-ended
}

// TestKillAndRestart kills an upstream under load and starts it again, alone and beside another one.
// Only what was in flight at that moment may fail, and nothing may run twice.
func TestKillAndRestart(t *testing.T) {
	const requests, atOnce = 3000, 16
	for _, tt := range []struct {
		name    string
		others  int
		downFor int // requests that go by while it is down
	}{{"alone", 0, 0}, {"beside another", 1, 500}} {
		t.Run(tt.name, func(t *testing.T) {
			p := newPhoenix(t)
			replicas := []*replica{p.replica}
			settings := anywhere + "[failover]\neject_for = \"1s\"\n" + entry("phoenix", "anthropic", "http://"+p.address)
			for i := range tt.others {
				r, handler := newReplica(works)
				far := httptest.NewServer(handler)
				t.Cleanup(far.Close)
				replicas = append(replicas, r)
				settings += entry(fmt.Sprint("other-", i), "anthropic", far.URL)
			}
			d := serve(t, "", settings)
			var began, over time.Time // of the killing
			results := askMany(t, d.URL, requests, atOnce, func(done int) {
				switch done {
				case requests / 3:
					began = time.Now()
					p.kill()
					over = time.Now()
					if tt.downFor == 0 {
						p.start(t)
					}
				case requests/3 + tt.downFor:
					p.start(t)
				}
			})
			failed := 0
			for _, a := range results {
				if a.ok() {
					continue
				}
				failed++
				if a.began.After(over) || a.end.Before(began) {
					t.Errorf("%s: got status %d %s, error %v, from %v to %v after the killing; want none but those in flight", a.id, a.status, a.code, a.err,
						a.began.Sub(began), a.end.Sub(began))
				}
			}
			if failed > atOnce {
				t.Errorf("%d requests failed; want %d at most, as many as were in flight", failed, atOnce)
			}
			for i, r := range replicas {
				r.total(t, fmt.Sprint("replica ", i))
			}
			s := d.stats(t, requests)
			if s.OK != requests-failed {
				t.Errorf("got %d ok; want %d", s.OK, requests-failed)
			}
			t.Logf("%d of %d requests failed; %+v", failed, requests, s.Replays)
			wantBack(t, d, p)
		})
	}
}

// wantBack asks until the upstream that was started again has its share of requests, which it gets
// after its trial.
func wantBack(t *testing.T, d *daemon, p *phoenix) {
	t.Helper()
	before, i := p.total(t, "phoenix"), 1_000_000
	until(t, "the upstream is back in use", func() bool {
		i++
		if a := ask(t, http.DefaultClient, d.URL, i); !a.ok() {
			t.Errorf("%s: got status %d %s, error %v; want the answer", a.id, a.status, a.code, a.err)
		}
		return p.total(t, "phoenix") > before+2
	})
}
