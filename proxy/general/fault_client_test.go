package general

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/pool"
	"millpond/settings"
)

// ask sends a request without content on a raw connection, to be left alone.
func (r *rig) ask(method, path string) net.Conn {
	r.t.Helper()
	nc := r.dial()
	fmt.Fprintf(nc, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", method, path)
	return nc
}

// oneAtATime allows one connection per host.
func oneAtATime(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = 1 }

// heldOrigin answers the request to /held only when it is told.
func heldOrigin(t *testing.T) (o *origin, began, release chan struct{}) {
	began, release = make(chan struct{}), make(chan struct{})
	return newOrigin(t, false, func(p *peer) {
		for req := p.request(); req != nil; req = p.request() {
			if req.URL.Path == "/held" {
				close(began)
				p.wait(release)
			}
			p.ok(req)
		}
	}), began, release
}

// Row 32: a client that leaves the queue takes nothing with it.
func TestRow32ClientLeavesTheQueue(t *testing.T) {
	o, began, release := heldOrigin(t)
	r := newRig(t, o.config(), oneAtATime, o.url)
	held := r.ask("POST", "/held")
	await(t, "the first request is executed", began)
	second := r.ask("POST", "/second")
	r.until("the second waits", func(s pool.Stats) bool { return s.Waiting == 1 })
	third := r.ask("POST", "/third")
	r.until("the third waits", func(s pool.Stats) bool { return s.Waiting == 2 })
	second.Close()
	r.until("the second has left", func(s pool.Stats) bool { return s.Waiting == 1 })
	close(release)
	r.fine(answerTo(t, held, "POST"), "/held")
	r.fine(answerTo(t, third, "POST"), "/third")
	held.Close()
	third.Close()
	o.executed("/second", 0)
	o.executed("/third", 1)
	if n := o.connections(); n != 1 {
		t.Errorf("%d connections; want 1", n)
	}
}

// Row 33: a client that leaves during the dial leaves the connection to the next.
func TestRow33ClientLeavesDuringTheDial(t *testing.T) {
	shake := make(chan struct{})
	o := newOrigin(t, true, func(p *peer) {
		p.wait(shake)
		p.serveAll()
	})
	r := newRig(t, o.config(), func(s *settings.Settings) { s.Pool.MaxConnections = 1 }, o.url)
	nc := r.ask("POST", "/1")
	r.until("the dial is under way", func(s pool.Stats) bool { return s.Open == 1 })
	nc.Close()
	eventually(t, "the request has ended", func() bool { return r.meter.Snapshot().Counts.ClientCancelled == 1 })
	close(shake)
	r.until("the connection is idle", func(s pool.Stats) bool { return s.Idle == 1 })
	r.fine(r.post("/2"), "/2")
	o.executed("/1", 0)
	if n := o.connections(); n != 1 {
		t.Errorf("%d connections; want 1", n)
	}
}

// Row 34: when the client leaves, the upstream learns it at once: before the head
// of the answer, within a stream that flows, and within one that is silent.
func TestRow34ClientLeaves(t *testing.T) {
	for name, said := range map[string]string{"before the head": "", "silent": chunkedHead + chunk("data: 1\n\n")} {
		t.Run(name, func(t *testing.T) {
			began, left := make(chan struct{}), make(chan struct{})
			o := newOrigin(t, false, func(p *peer) {
				p.request()
				io.WriteString(p, said)
				close(began)
				p.left()
				close(left)
			})
			r := newRig(t, o.config(), nil, o.url)
			nc := r.ask("POST", "/1")
			await(t, "the request is executed", began)
			if said != "" {
				if line, err := bufio.NewReader(nc).ReadString('1'); err != nil { // the status line's
					t.Errorf("got %q, %v; want the answer's head", line, err)
				}
			}
			at := time.Now()
			nc.Close()
			await(t, "the upstream sees the end", left)
			t.Logf("the upstream saw the end after %v", time.Since(at))
			o.executed("/1", 1)
			r.replayed(0, 0, 0)
		})
	}
	t.Run("flowing", func(t *testing.T) {
		left := make(chan struct{})
		o := newOrigin(t, false, func(p *peer) {
			p.request()
			_, err := io.WriteString(p, chunkedHead)
			for err == nil {
				_, err = io.WriteString(p, chunk("data: 1\n\n"))
			}
			close(left)
		})
		r := newRig(t, o.config(), nil, o.url)
		nc := r.ask("POST", "/1")
		io.CopyN(io.Discard, nc, 100<<10)
		nc.Close()
		await(t, "the upstream sees the end", left)
		o.executed("/1", 1)
	})
}

// Row 35: a client that reads nothing holds the upstream back; it costs no memory,
// disturbs nobody, and is not taken for an upstream that stalls.
func TestRow35SlowClient(t *testing.T) {
	// What is idle is so for longer than a busy machine leaves a goroutine alone.
	const most, idle = 32 << 20, time.Second
	var sent atomic.Int64
	var enough atomic.Bool
	o := newOrigin(t, false, func(p *peer) {
		for req := p.request(); req != nil; req = p.request() {
			if req.URL.Path != "/slow" {
				p.ok(req)
				continue
			}
			io.WriteString(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			piece := strings.Repeat("x", 64<<10)
			for !enough.Load() && sent.Load() < most {
				if _, err := io.WriteString(p, chunk(piece)); err != nil {
					return
				}
				sent.Add(int64(len(piece)))
			}
			io.WriteString(p, chunk(""))
		}
	})
	r := newRig(t, o.config(), func(s *settings.Settings) { s.Timeouts.StreamIdle = idle }, o.url)
	live := func() int64 { // bytes, without what is to be collected
		var m runtime.MemStats
		runtime.GC()
		runtime.GC() // a pool keeps what it has over one
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := live()
	slow := r.ask("POST", "/slow")
	eventually(t, "the stream has begun", func() bool { return sent.Load() > 0 })
	for i := range 20 {
		path := fmt.Sprintf("/%d", i)
		r.fine(r.post(path), path)
	}
	last, since := int64(-1), time.Now()
	eventually(t, "the upstream is held back", func() bool {
		if now := sent.Load(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 2*idle
	})
	grown := live() - before
	if n := sent.Load(); n >= most {
		t.Errorf("the upstream could send %d MB to a client that reads nothing", n>>20)
	}
	if grown > 8<<20 {
		t.Errorf("the heap grew by %d MB", grown>>20)
	}
	enough.Store(true)
	resp, err := http.ReadResponse(bufio.NewReader(slow), nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.Copy(io.Discard, resp.Body); n != sent.Load() || err != nil {
		t.Errorf("then the client got %d bytes, %v; want %d", n, err, sent.Load())
	}
	slow.Close()
	o.executed("/slow", 1)
}

// Row 36: in a full pool requests wait in the order of their arrival, for as long
// as they are told to, and no more than are told to.
func TestRow36FullPool(t *testing.T) {
	t.Run("order", func(t *testing.T) {
		var mu sync.Mutex
		var order []string
		release := make(chan struct{})
		o := newOrigin(t, false, func(p *peer) {
			for req := p.request(); req != nil; req = p.request() {
				mu.Lock()
				order = append(order, req.URL.Path)
				mu.Unlock()
				p.wait(release)
				p.ok(req)
			}
		})
		r := newRig(t, o.config(), oneAtATime, o.url)
		var want []string
		var clients []net.Conn
		for i := range 12 {
			path := fmt.Sprintf("/%d", i)
			want = append(want, path)
			clients = append(clients, r.ask("POST", path))
			r.until(path+" waits", func(s pool.Stats) bool { return s.Waiting == i && s.Open == 1 })
		}
		close(release)
		for i, nc := range clients {
			r.fine(answerTo(t, nc, "POST"), want[i])
			nc.Close()
			o.executed(want[i], 1)
		}
		if !slices.Equal(order, want) {
			t.Errorf("order %v; want %v", order, want)
		}
	})
	for code, edit := range map[string]func(*settings.Pool){
		pool.CodeWaitTimeout: func(p *settings.Pool) { p.WaitTimeout = 50 * time.Millisecond },
		pool.CodeQueueFull:   func(p *settings.Pool) { p.MaxWaiting = 0 },
	} {
		t.Run(code, func(t *testing.T) {
			o, began, release := heldOrigin(t)
			r := newRig(t, o.config(), func(s *settings.Settings) { oneAtATime(s); edit(&s.Pool) }, o.url)
			held := r.ask("POST", "/held")
			await(t, "the first request is executed", began)
			got := r.post("/late")
			r.failed(got, http.StatusServiceUnavailable, code)
			if got.header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			close(release)
			r.fine(answerTo(t, held, "POST"), "/held")
			held.Close()
			o.executed("/late", 0)
			r.fine(r.post("/3"), "/3")
		})
	}
}

// Row 37: idle connections of others make room at the total limit, the least
// recently used first, and nobody waits.
func TestRow37IdleConnectionsMakeRoom(t *testing.T) {
	var urls []string
	var origins []*origin
	for range 3 {
		o := newOrigin(t, false, (*peer).serveAll)
		origins, urls = append(origins, o), append(urls, o.url)
	}
	r := newRig(t, pool.Config{}, func(s *settings.Settings) {
		s.Pool.Scope, s.Pool.MaxConnections = settings.ScopeShared, 2
	}, urls...)
	for i := range 3 {
		r.fine(r.post(fmt.Sprintf("/u/up-%d/x", i)), "/x")
	}
	r.evicted(pool.LimitReached, 1)
	if s := r.pools.StatsOf("up-0"); s.Open != 0 || s.Evicted[pool.LimitReached] != 1 {
		t.Errorf("of the least recently used: %d open, %d evicted; want 0, 1", s.Open, s.Evicted[pool.LimitReached])
	}
	r.fine(r.post("/u/up-1/x"), "/x")
	for i, want := range []int{1, 1, 1} {
		if n := origins[i].connections(); n != want {
			t.Errorf("up-%d: %d connections; want %d", i, n, want)
		}
	}
}

// Row 38: a cold burst dials no more than the limit, and all are served.
func TestRow38ColdBurst(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		const requests, limit = 256, 32
		o := newOrigin(t, secure, (*peer).serveAll)
		r := newRig(t, o.config(), func(s *settings.Settings) {
			s.Pool.MaxConnectionsPerHost, s.Pool.MaxIdlePerHost = limit, limit
		}, o.url)
		begin := make(chan struct{})
		var wg sync.WaitGroup
		for i := range requests {
			wg.Go(func() {
				<-begin
				path := fmt.Sprintf("/%d", i)
				r.fine(r.post(path), path)
				o.executed(path, 1)
			})
		}
		close(begin)
		wg.Wait()
		if n := o.connections(); n > limit {
			t.Errorf("%d connections; want at most %d", n, limit)
		}
	})
}

// Row 40: over its lifetime, or its number of requests, a connection is retired
// when it comes back, and not before.
func TestRow40Retired(t *testing.T) {
	t.Run("requests", func(t *testing.T) {
		o := newOrigin(t, false, (*peer).serveAll)
		r := newRig(t, o.config(), func(s *settings.Settings) { s.Pool.MaxRequestsPerConnection = 2 }, o.url)
		for i := range 6 {
			path := fmt.Sprintf("/%d", i)
			r.fine(r.post(path), path)
			o.executed(path, 1)
		}
		r.evicted(pool.Lifetime, 3)
		if n := o.connections(); n != 3 {
			t.Errorf("%d connections; want 3", n)
		}
	})
	t.Run("lifetime", func(t *testing.T) {
		o, began, release := heldOrigin(t)
		r := newRig(t, o.config(), func(s *settings.Settings) { s.Pool.MaxLifetime = 20 * time.Millisecond }, o.url)
		held := r.ask("POST", "/held")
		await(t, "the request is executed", began)
		over := time.Now().Add(40 * time.Millisecond)
		eventually(t, "the lifetime is over", func() bool { return time.Now().After(over) })
		if s := r.pools.Stats(); s.InUse != 1 {
			t.Errorf("%d in use; want 1: a request in flight is not disturbed", s.InUse)
		}
		close(release)
		r.fine(answerTo(t, held, "POST"), "/held")
		held.Close()
		r.evicted(pool.Lifetime, 1)
		o.executed("/held", 1)
	})
	t.Run("announced", func(t *testing.T) {
		o := newOrigin(t, false, func(p *peer) {
			for left := 2; left > 0; left-- {
				req := p.request()
				p.say(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\nKeep-Alive: timeout=60, max=%d\n\n%s", len(req.URL.Path), left-1, req.URL.Path))
			}
			p.left()
		})
		r := newRig(t, o.config(), nil, o.url)
		for i := range 4 {
			path := "/" + strings.Repeat("x", i)
			r.fine(r.post(path), path)
		}
		r.evicted(pool.Lifetime, 2)
	})
}
