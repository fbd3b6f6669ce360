package system

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// proxyAddress is where the daemon listens in the container, and upstreamAddress what it asks.
const (
	proxyAddress    = "127.0.0.1:7860"
	upstreamAddress = "127.0.0.1:9001"
)

// An upstream answers in the container's network and counts how often it ran each request.
type upstream struct {
	server *http.Server

	mu   sync.Mutex // guards what follows
	ran  map[string]int
	held map[string]chan struct{} // requests whose answer waits until it is closed
}

// serveUpstream starts the upstream, which ends with the test or when the container's network does. It
// listens at other addresses, too.
func serveUpstream(t *testing.T, m *machine, others ...string) *upstream {
	t.Helper()
	u := &upstream{ran: map[string]int{}, held: map[string]chan struct{}{}}
	u.server = &http.Server{Handler: u}
	var wg sync.WaitGroup
	for _, address := range append(others, upstreamAddress) {
		l := m.listen(t, address)
		wg.Go(func() { _ = u.server.Serve(l) })
	}
	t.Cleanup(func() {
		_ = u.server.Close()
		wg.Wait()
	})
	return u
}

// ServeHTTP answers one request.
func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := r.Header.Get("X-Id")
	u.mu.Lock()
	u.ran[id]++
	held := u.held[id]
	u.mu.Unlock()
	if held != nil {
		select {
		case <-held:
		case <-r.Context().Done():
		}
	}
	fmt.Fprintln(w, "answer to "+id)
}

// hold lets the answer to a request wait until letGo is called.
func (u *upstream) hold(id string) (letGo func()) {
	u.mu.Lock()
	defer u.mu.Unlock()
	gate := make(chan struct{})
	u.held[id] = gate
	return sync.OnceFunc(func() { close(gate) })
}

// times returns how often a request was run.
func (u *upstream) times(id string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.ran[id]
}

// A client asks through the daemon, from inside the container's network.
type client struct{ http.Client }

// newClient returns a client; each of its requests has a connection of its own, or they share some.
func newClient(t *testing.T, m *machine, fresh bool) *client {
	t.Helper()
	transport := &http.Transport{DialContext: m.dial, DisableKeepAlives: fresh}
	t.Cleanup(transport.CloseIdleConnections)
	return &client{http.Client{Transport: transport, Timeout: patience}}
}

// ask sends one request to worker and returns an error unless the upstream's answer to it came back.
func (c *client) ask(method, id string) error { return c.askAt(method, "/u/worker/ask", id) }

// askAt is ask for a path.
func (c *client) askAt(method, path, id string) error {
	request, err := http.NewRequest(method, "http://"+proxyAddress+path, strings.NewReader("question "+id))
	if err != nil {
		return err
	}
	request.Header.Set("X-Id", id)
	answer, err := c.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if want := "answer to " + id + "\n"; answer.StatusCode != http.StatusOK || string(body) != want {
		return fmt.Errorf("got status %d, %q; want 200, %q", answer.StatusCode, body, want)
	}
	return nil
}

// mustAnswer asks one question on a connection of its own and lets the test fail unless it is answered.
func mustAnswer(t *testing.T, m *machine, id string) {
	t.Helper()
	if err := newClient(t, m, true).ask(http.MethodPost, id); err != nil {
		t.Fatalf("request %s: %v", id, err)
	}
}

// A load is traffic that goes on while something happens.
type load struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex // guards what follows
	sent    []string
	failed  map[string]error
	refused int           // connections
	slowest time.Duration // of the requests
}

// startLoad begins: POSTs on connections of their own, GETs on connections that are kept, and
// connections that are opened and closed again, several of each at a time.
func startLoad(t *testing.T, m *machine, name string) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{cancel: cancel, failed: map[string]error{}}
	t.Cleanup(l.end)
	for worker := range 6 {
		method := []string{http.MethodPost, http.MethodGet}[worker%2]
		c := newClient(t, m, method == http.MethodPost)
		l.wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id := fmt.Sprintf("%s-%s-%d-%d", name, method, worker, n)
				began := time.Now()
				l.note(id, c.ask(method, id), time.Since(began))
			}
		})
	}
	l.wg.Go(func() {
		for ctx.Err() == nil {
			c, err := m.dial(ctx, "tcp", proxyAddress)
			if err == nil {
				_ = c.Close()
			}
			l.mu.Lock()
			if errors.Is(err, syscall.ECONNREFUSED) {
				l.refused++
			}
			l.mu.Unlock()
		}
	})
	return l
}

// note keeps what became of one request.
func (l *load) note(id string, err error, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent = append(l.sent, id)
	l.slowest = max(l.slowest, took)
	if err != nil {
		l.failed[id] = err
	}
}

// answered returns how many requests were answered so far.
func (l *load) answered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent) - len(l.failed)
}

// goOn waits until some more requests were answered.
func (l *load) goOn(t *testing.T) {
	t.Helper()
	before := l.answered()
	until(t, "50 more requests are answered", func() bool { return l.answered() >= before+50 })
}

// end ends the traffic and waits for the last answers.
func (l *load) end() {
	l.cancel()
	l.wg.Wait()
}

// check ends the traffic and lets the test fail if a request failed, a POST ran twice, or a connection
// was refused.
func (l *load) check(t *testing.T, u *upstream) {
	t.Helper()
	l.end()
	for id, err := range l.failed {
		t.Errorf("request %s: %v; it ran %d times", id, err, u.times(id))
	}
	for _, id := range l.sent {
		if n := u.times(id); strings.Contains(id, http.MethodPost) && n != 1 {
			t.Errorf("request %s ran %d times; want once", id, n)
		}
	}
	if l.refused > 0 {
		t.Errorf("%d connections were refused; want none", l.refused)
	}
	t.Logf("%d requests, %d failed, %d connections refused, slowest answer after %v", len(l.sent), len(l.failed), l.refused, l.slowest.Round(time.Millisecond))
}
