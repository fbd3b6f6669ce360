package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/leaktest"
	"millpond/proxy/wire"
	"millpond/settings"
)

// newManager returns a pool with the default settings, as edited.
func newManager(t *testing.T, edit func(*settings.Settings)) *Manager {
	t.Helper()
	leaktest.Check(t)
	s := settings.Default()
	if edit != nil {
		edit(s)
	}
	m, err := NewManager(Config{}, s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.Close()
		m.checkForTest(t)
		if st := m.Stats(); st.Open != 0 {
			t.Errorf("after Close %+v; want nothing open", st)
		}
	})
	return m
}

// target leads to a plain HTTP server under the manager's settings.
func (m *Manager) targetForTest(t *testing.T, rawURL string) Target {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return Target{Upstream: "up", Scheme: u.Scheme, Host: u.Hostname(), Port: u.Port(), Pool: m.settings.Load().Pool}
}

// checkForTest compares the counts of every group with what they count.
func (m *Manager) checkForTest(t *testing.T) {
	t.Helper()
	for _, g := range m.all() {
		g.mu.Lock()
		open, idle, linked := 0, 0, 0
		for _, h := range g.hosts {
			open += h.open
			idle += h.idleCountLocked()
			if h.open < 0 || h.dialing < 0 || h.dialing > h.open {
				t.Errorf("%v: %d open, %d being dialled", h.key, h.open, h.dialing)
			}
			if _, queuing := g.queuing[h]; queuing != (h.queue.len() > 0) {
				t.Errorf("%v: %d wait, marked as queuing %v", h.key, h.queue.len(), queuing)
			}
		}
		for c := g.oldest; c != nil; c = c.newer {
			linked++
			if c.at != idle_ && c.at != probe {
				t.Errorf("a connection in place %d is linked as idle", c.at)
			}
		}
		if g.open != open || g.idle != idle || g.idle != linked {
			t.Errorf("group says %d open and %d idle; its hosts %d and %d, its list %d", g.open, g.idle, open, idle, linked)
		}
		if g.idle > max(g.limits.MaxIdle, 0) {
			t.Errorf("%d idle; the limit is %d", g.idle, g.limits.MaxIdle)
		}
		g.mu.Unlock()
	}
}

const idle_ = idle // a local variable hides the name

// get sends a GET and reads the answer.
func (m *Manager) get(ctx context.Context, t Target, method string) error {
	l, err := m.Acquire(ctx, t, false)
	if err != nil {
		return err
	}
	resp, err := l.Send(ctx, &Request{Method: method, Target: "/", Host: t.Host})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// await waits until cond holds.
func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !cond(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited 10 s for %s", what)
		}
	}
}

// moody answers, or does one of the things that servers do instead.
func moody(t *testing.T) (url string, most *atomic.Int64) {
	most = new(atomic.Int64)
	var now atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch rand.N(12) {
		case 0: // no answer
			panic(http.ErrAbortHandler)
		case 1: // reset
			nc, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				nc.(*net.TCPConn).SetLinger(0)
				nc.Close()
			}
		case 2:
			w.Header().Set("Connection", "close")
			io.WriteString(w, "last")
		case 3: // cut
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "short")
		case 4:
			for range 3 {
				io.WriteString(w, strings.Repeat("x", 10000))
				w.(http.Flusher).Flush()
			}
		case 5:
			wait := time.NewTimer(rand.N(5 * time.Millisecond))
			<-wait.C
			io.WriteString(w, "late")
		default:
			io.WriteString(w, "ok")
		}
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		switch st {
		case http.StateNew:
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		case http.StateClosed, http.StateHijacked:
			now.Add(-1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s.URL, most
}

// Whatever happens to 10,000 requests, and whatever the limits become meanwhile,
// the counts stay true, no limit is exceeded and nothing is left behind.
func TestStorm(t *testing.T) {
	before := runtime.NumGoroutine()
	url, _ := moody(t)
	m := newManager(t, func(s *settings.Settings) {
		s.Pool.MaxConnections, s.Pool.MaxConnectionsPerHost, s.Pool.MaxIdlePerHost = 20, 20, 10
		s.Pool.WaitTimeout = time.Second
	})
	const workers, each = 64, 160
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				ctx, cancel := context.WithCancel(t.Context())
				var stop *time.Timer
				if rand.N(3) == 0 {
					stop = time.AfterFunc(rand.N(3*time.Millisecond), cancel)
				}
				err := m.get(ctx, m.targetForTest(t, url), "GET")
				var f *Failure
				if err != nil && !errors.As(err, &f) {
					t.Errorf("error of type %T: %v", err, err)
				}
				if stop != nil {
					stop.Stop()
				}
				cancel()
			}
		})
	}
	finished := make(chan struct{})
	go func() { wg.Wait(); close(finished) }()
	for running := true; running; {
		select {
		case <-finished:
			running = false
		case <-time.After(5 * time.Millisecond):
			m.checkForTest(t)
			s := m.settings.Load().Clone()
			s.Pool.MaxConnections, s.Pool.MaxConnectionsPerHost = 5+rand.N(20), 5+rand.N(20)
			s.Pool.MaxIdlePerHost = rand.N(10)
			s.Pool.MaxRequestsPerConnection = rand.N(4)
			m.applyForTest(s, m.targetForTest(t, url))
		}
	}
	await(t, "all connections to be returned", func() bool { s := m.Stats(); return s.InUse == 0 && s.Waiting == 0 && s.Open == s.Idle })
	m.checkForTest(t)
	m.FlushIdle(Expired)
	await(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before+8 })
}

func (m *Manager) applyForTest(s *settings.Settings, t Target) {
	t.Pool = s.Pool
	m.Apply(s, []Target{t})
}

// The server sees at no time more connections than the limit, and the limit is
// used; HTTP/1 with 64 callers.
func TestLimitPerHostHolds(t *testing.T) {
	url, most := moody(t)
	m := newManager(t, func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = 7 })
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 20 {
				m.get(t.Context(), m.targetForTest(t, url), "GET")
			}
		})
	}
	wg.Wait()
	// The server notices a close a moment after we gave the slot to the next, so it
	// may count one more for each that is being closed; ours is the count that holds.
	if got := most.Load(); got < 2 || got > 14 {
		t.Errorf("the server saw %d connections at once; the limit is 7", got)
	}
}

// Those who wait are served in the order in which they came.
func TestWaitersAreServedInOrder(t *testing.T) {
	release := make(chan struct{})
	var mu sync.Mutex
	var order []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		order = append(order, r.Header.Get("X-Id"))
		mu.Unlock()
		<-release
	}))
	t.Cleanup(s.Close)
	m := newManager(t, func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = 1 })
	target := m.targetForTest(t, s.URL)
	const n = 30
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			l, err := m.Acquire(t.Context(), target, false)
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := l.Send(t.Context(), &Request{Method: "POST", Target: "/", Host: "h", Header: wire.Header{{Name: "X-Id", Value: fmt.Sprint(i)}}})
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		})
		if i == 0 {
			await(t, "the first request to arrive", func() bool { mu.Lock(); defer mu.Unlock(); return len(order) == 1 })
		} else {
			await(t, "request to queue", func() bool { return m.Stats().Waiting == i })
		}
	}
	for range n {
		release <- struct{}{}
	}
	wg.Wait()
	for i, id := range order {
		if id != fmt.Sprint(i) {
			t.Fatalf("served in the order %v", order)
		}
	}
}

// A request over max_waiting is refused at once, one over wait_timeout in time,
// and both leave nothing behind.
func TestQueueLimits(t *testing.T) {
	release := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	t.Cleanup(s.Close)
	m := newManager(t, func(s *settings.Settings) {
		s.Pool.MaxConnectionsPerHost, s.Pool.MaxWaiting, s.Pool.WaitTimeout = 1, 1, 50*time.Millisecond
	})
	target := m.targetForTest(t, s.URL)
	var wg sync.WaitGroup
	wg.Go(func() { m.get(t.Context(), target, "GET") })
	await(t, "the connection to be in use", func() bool { return m.Stats().InUse == 1 })
	code := func(err error) string {
		var f *Failure
		if !errors.As(err, &f) {
			return fmt.Sprint(err)
		}
		return f.Code
	}
	waiting := make(chan error, 1)
	go func() { waiting <- m.get(t.Context(), target, "GET") }()
	await(t, "one to wait", func() bool { return m.Stats().Waiting == 1 })
	if got := code(m.get(t.Context(), target, "GET")); got != CodeQueueFull {
		t.Errorf("over max_waiting: %s; want %s", got, CodeQueueFull)
	}
	if got := code(<-waiting); got != CodeWaitTimeout {
		t.Errorf("over wait_timeout: %s; want %s", got, CodeWaitTimeout)
	}
	close(release)
	wg.Wait()
	if s := m.Stats(); s.Waiting != 0 || s.InUse != 0 {
		t.Errorf("afterwards %+v", s)
	}
}

// The total limit, held by idle connections of others, makes room at once (row 37).
func TestTotalLimitEvictsTheLeastRecentlyUsed(t *testing.T) {
	m := newManager(t, func(s *settings.Settings) { s.Pool.Scope, s.Pool.MaxConnections = settings.ScopeShared, 3 })
	var urls []string
	for range 5 {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		t.Cleanup(s.Close)
		urls = append(urls, s.URL)
	}
	for _, u := range urls {
		target := m.targetForTest(t, u)
		target.Upstream = u
		if err := m.get(t.Context(), target, "GET"); err != nil {
			t.Fatal(err)
		}
	}
	s := m.Stats()
	if s.Open != 3 || s.Idle != 3 || s.Evicted[LimitReached] != 2 {
		t.Errorf("%d open, %d idle, %d evicted; want 3, 3, 2", s.Open, s.Idle, s.Evicted[LimitReached])
	}
	for i, u := range urls {
		if got, want := m.StatsOf(u).Open, map[bool]int{true: 1}[i >= 2]; got != want {
			t.Errorf("upstream %d has %d connections; want %d", i, got, want)
		}
	}
}

// Scopes: shared and upstream keep one connection for two callers in turn, caller
// keeps one for each; a change of scope closes what was idle.
func TestScopes(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	m := newManager(t, nil)
	dials := uint64(0)
	for _, tt := range []struct {
		scope settings.Scope
		want  uint64
	}{{settings.ScopeShared, 1}, {settings.ScopeUpstream, 1}, {settings.ScopeCaller, 2}, {settings.ScopeShared, 1}} {
		next := m.settings.Load().Clone()
		next.Pool.Scope = tt.scope
		target := m.targetForTest(t, s.URL)
		target.Pool = next.Pool
		m.applyForTest(next, target)
		if st := m.Stats(); st.Open != 0 {
			t.Errorf("%s: %d connections of the scope before; want none", tt.scope, st.Open)
		}
		for i := range 6 {
			target.Caller = fmt.Sprint(i % 2)
			if err := m.get(t.Context(), target, "GET"); err != nil {
				t.Fatal(err)
			}
		}
		now := m.Stats().Dials
		if got := now - dials; got != tt.want {
			t.Errorf("%s: %d dials; want %d", tt.scope, got, tt.want)
		}
		dials = now
	}
}

// An upstream's own scope holds beside that of the others, two ways to one upstream keep
// their connections apart, and a way that is no longer wanted keeps none.
func TestScopeOfAnUpstream(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	m := newManager(t, nil)
	base := m.targetForTest(t, s.URL)
	own := base
	own.Pool.Scope, own.Dialled = settings.ScopeCaller, new(atomic.Uint64)
	m.Apply(m.settings.Load(), []Target{base, own})
	for range 3 {
		for _, caller := range []string{"a", "b"} {
			for _, target := range []Target{base, own} {
				target.Caller = caller
				if err := m.get(t.Context(), target, "GET"); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	if got, of := m.Stats().Dials, own.Dialled.Load(); got != 3 || of != 2 {
		t.Errorf("got %d dials, %d of scope caller; want 3 and 2", got, of)
	}
	m.Apply(m.settings.Load(), []Target{base})
	if got := m.Stats().Open; got != 1 {
		t.Errorf("without scope caller: got %d connections; want 1", got)
	}
}

// warm = N keeps connections ready without sending anything on them, and makes
// them again after the server closed them.
func TestWarm(t *testing.T) {
	var requests, conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { requests.Add(1) }))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	m := newManager(t, func(s *settings.Settings) { s.Pool.Warm = 4 })
	if err := m.get(t.Context(), m.targetForTest(t, s.URL), "GET"); err != nil {
		t.Fatal(err)
	}
	await(t, "four warm connections", func() bool { return m.Stats().Idle == 4 })
	m.FlushIdle(NetworkChange)
	await(t, "four warm connections again", func() bool { return m.Stats().Idle == 4 && conns.Load() >= 8 })
	if got := requests.Load(); got != 1 {
		t.Errorf("the server was asked %d times; want 1", got)
	}
}

// What was learned survives a restart.
func TestLearnedSurvivesARestart(t *testing.T) {
	file := t.TempDir() + "/learned.json"
	first, err := NewManager(Config{StateFile: file}, settings.Default())
	if err != nil {
		t.Fatal(err)
	}
	o := first.originOf(Key{scheme: "https", host: "api.test", port: "443"})
	o.closedIdle(400*time.Second, 3, time.Now())
	o.speaks(2)
	first.Close()
	second, err := NewManager(Config{StateFile: file}, settings.Default())
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	got := second.Learned()
	if len(got) != 1 || got[0].Origin != "https://api.test:443" || got[0].IdleClose != 400*time.Second || got[0].Protocol != "HTTP/2.0" {
		t.Errorf("after a restart %+v", got)
	}
}
