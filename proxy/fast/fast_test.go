package fast

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy/exchange"
	"millpond/proxy/leaktest"
	"millpond/proxy/listener"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/router"
	"millpond/proxy/upstream"
	"millpond/settings"
)

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

// A rig is a front on a real socket before a real upstream. What is handed over comes to the test.
type rig struct {
	t     *testing.T
	front *Front
	addr  string
	pools *pool.Manager
	meter *meter.Meter
	given chan net.Conn
	log   *text
}

// text collects a log.
type text struct {
	mu sync.Mutex
	b  strings.Builder // guarded by mu
}

func (l *text) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *text) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newRig(t *testing.T, adjust func(*Front), h http.HandlerFunc) *rig {
	t.Helper()
	leaktest.Check(t)
	up := httptest.NewServer(h)
	t.Cleanup(up.Close)
	s := settings.Default()
	s.Upstreams = []settings.Upstream{{Name: "up", Kind: settings.KindHTTP, URL: up.URL, Enabled: true, Priority: 1, Weight: 1}}
	ln, err := listener.Bind(t.Context(), "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, addr: ln.Addr().String(), meter: meter.New(nil), given: make(chan net.Conn, 16), log: &text{}}
	if r.pools, err = pool.NewManager(pool.Config{}, s); err != nil {
		t.Fatal(err)
	}
	routes, err := router.New(s, ln.Addrs()...)
	if err != nil {
		t.Fatal(err)
	}
	ups, err := upstream.Compile(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := exchange.New(exchange.Config{Pools: r.pools, Meter: r.meter, Log: slog.New(slog.DiscardHandler)})
	x.Commit(&exchange.State{Settings: s, Gate: listener.NewGate(listener.GateConfig{Addrs: ln.Addrs()}), Routes: routes, Upstreams: ups})
	r.front = New(Config{Exchange: x, Give: func(nc net.Conn) { r.given <- nc }, Log: slog.New(slog.NewTextHandler(r.log, nil))})
	if adjust != nil {
		adjust(r.front)
	}
	served := make(chan error, 1)
	go func() { served <- r.front.Serve(context.Background(), ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.front.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
		r.pools.Close()
	})
	return r
}

func (r *rig) dial() *net.TCPConn {
	r.t.Helper()
	nc, err := net.Dial("tcp", r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { nc.Close() })
	return nc.(*net.TCPConn)
}

func (r *rig) eventually(what string, ok func() bool) {
	r.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			r.t.Fatalf("after %v it is still not so that %s", patience, what)
		}
	}
}

// A body that is no longer wanted may have come to its end in that very instant. That ends no connection.
func TestUnblockAfterTheBody(t *testing.T) {
	var r *rig
	r = newRig(t, nil, func(w http.ResponseWriter, q *http.Request) {
		io.Copy(w, q.Body)
		r.front.mu.Lock()
		defer r.front.mu.Unlock()
		for c := range r.front.conns {
			c.unblock()
		}
	})
	nc := r.dial()
	answers := bufio.NewReader(nc)
	for n := range 3 {
		fmt.Fprintf(nc, post, "body")
		a, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatalf("answer %d: got %v; want one on the same connection", n, err)
		}
		if got, err := io.ReadAll(a.Body); err != nil || string(got) != "hi" {
			t.Errorf("answer %d: got %q, %v; want hi", n, got, err)
		}
	}
}

const post = "POST /%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nhi"

// echo answers with the path.
func echo(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, r.URL.Path)
}

// wantAnswer reads an answer and wants it to be the one to path.
func wantAnswer(t *testing.T, in *bufio.Reader, path string) {
	t.Helper()
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 || string(body) != path {
		t.Fatalf("got %d %q, %v; want 200 %q", resp.StatusCode, body, err, path)
	}
}

// Requests in one write, by the byte, and behind empty lines are answered in turn.
func TestRequestsInAnyPieces(t *testing.T) {
	r := newRig(t, nil, echo)
	all := ""
	for i := range 3 {
		all += "\r\n" + fmt.Sprintf(post, fmt.Sprint(i))
	}
	for _, size := range []int{len(all), 1, 7} {
		nc := r.dial()
		go func() {
			for rest := all; rest != ""; {
				n := min(size, len(rest))
				if _, err := io.WriteString(nc, rest[:n]); err != nil {
					return
				}
				rest = rest[n:]
			}
		}()
		in := bufio.NewReader(nc)
		for i := range 3 {
			wantAnswer(t, in, fmt.Sprintf("/%d", i))
		}
		nc.Close()
	}
	if s := r.front.Stats(); s.Carried != 9 {
		t.Errorf("got %d requests carried; want 9", s.Carried)
	}
}

// What is handed over begins with the bytes of the request that was not carried, and with those
// behind it.
func TestHandsOverWithAllBytes(t *testing.T) {
	r := newRig(t, nil, echo)
	nc := r.dial()
	const strange = "GET /stats HTTP/1.1\r\nHost: localhost\r\nVia: 1.1 x\r\n\r\nand more"
	io.WriteString(nc, fmt.Sprintf(post, "1")+strange)
	wantAnswer(t, bufio.NewReader(nc), "/1")
	given := <-r.given
	defer given.Close()
	io.WriteString(nc, ", later")
	nc.CloseWrite()
	got, err := io.ReadAll(given)
	if err != nil || string(got) != strange+", later" {
		t.Errorf("got %q, %v; want %q", got, err, strange+", later")
	}
	if s := r.front.Stats(); s.Carried != 1 || s.HandedOver["via"] != 1 {
		t.Errorf("got %+v; want 1 carried and 1 handed over as via", s)
	}
}

// A client that leaves while an upstream is at work has its request ended within 50 ms: told by the
// kernel, or looked for where it does not tell. On a machine that is busy the limit is not met each
// time, so the best of some is taken.
func TestClientLeaves(t *testing.T) {
	for name, look := range map[string]bool{"told": false, "looked for": true} {
		t.Run(name, func(t *testing.T) {
			began, ended := make(chan struct{}), make(chan time.Time)
			r := newRig(t, func(f *Front) { f.look = f.look || look }, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				began <- struct{}{}
				<-r.Context().Done()
				ended <- time.Now()
			})
			best := patience
			for range 5 {
				nc := r.dial()
				fmt.Fprintf(nc, post, "held")
				<-began
				left := time.Now()
				nc.Close()
				best = min(best, (<-ended).Sub(left))
			}
			if best > 50*time.Millisecond {
				t.Errorf("the upstream was told after %v at best; want 50ms at most", best)
			}
			r.eventually("five requests are counted as cancelled", func() bool {
				return r.meter.Snapshot().Counts.ClientCancelled == 5
			})
		})
	}
}

// A client that hangs up behind its next request has not left: it waits for both answers. Only what
// no byte is behind counts as left, as net/http has it too.
func TestHalfClosedBehindPipelinedRequests(t *testing.T) {
	goOn := make(chan struct{})
	r := newRig(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/1" {
			<-goOn
		}
		echo(w, r)
	})
	nc := r.dial()
	fmt.Fprintf(nc, post+post, "1", "2")
	nc.CloseWrite()
	r.eventually("the first is under way", func() bool { return r.pools.Stats().InUse == 1 })
	close(goOn)
	wantAnswer(t, bufio.NewReader(nc), "/1")
}

// A mistake of ours ends one connection, and is counted and logged.
func TestPanicEndsOneConnection(t *testing.T) {
	r := newRig(t, func(f *Front) { f.Exchange.Log = slog.New(mistaken{}) }, echo)
	nc := r.dial()
	fmt.Fprintf(nc, post, "1")
	if got, err := io.ReadAll(nc); len(got) > 0 {
		t.Errorf("got %q, %v; want the end of the connection", got, err)
	}
	if n := r.front.Stats().Panics; n != 1 {
		t.Errorf("got %d panics counted; want 1", n)
	}
	if got := r.log.String(); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "as a mistake would") || !strings.Contains(got, "fast_test.go") {
		t.Errorf("got %q; want the panic and its place as an error", got)
	}
}

// mistaken is a log that panics.
type mistaken struct{ slog.Handler }

func (mistaken) Enabled(context.Context, slog.Level) bool { panic("as a mistake would") }

// What takes too long ends: an idle connection, a head, a body. The sweep is given a later time, so
// that nobody waits for it.
func TestSlowClientsEnd(t *testing.T) {
	r := newRig(t, nil, echo)
	for name, tt := range map[string]struct {
		sent  string
		after time.Duration
	}{
		"idle": {"", idleTime},
		"head": {"POST / HTTP/1.1\r\nHost: local", headTime},
		"body": {"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf", bodyProgress},
	} {
		nc := r.dial()
		io.WriteString(nc, tt.sent)
		var c *conn
		r.eventually(name+" is waited for", func() bool {
			r.front.each(func(one *conn) { c = one })
			if c == nil {
				return false
			}
			due := time.Until(time.Unix(0, c.due.Load()))
			return due > tt.after-time.Minute/4 && due <= tt.after+sweepEvery
		})
		c.expire(c.due.Load())
		if c.phase.Load() == ended {
			t.Errorf("%s: ended in time", name)
		}
		c.expire(c.due.Load() + 1)
		if got, err := io.ReadAll(nc); len(got) > 0 || err != nil {
			t.Errorf("%s: got %q, %v; want the end of the connection", name, got, err)
		}
		r.eventually("it is forgotten", func() bool {
			n := 0
			r.front.each(func(*conn) { n++ })
			return n == 0
		})
	}
}

// A storm of clients that leave at any moment leaves nothing behind: no request in the pool, no
// connection, no goroutine or descriptor (newRig looks).
func TestCancelStorm(t *testing.T) {
	const clients, each = 32, 60
	r := newRig(t, nil, func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		for range rand.IntN(4) {
			fmt.Fprintf(w, "data: %s\n\n", strings.Repeat("x", rand.IntN(2000)))
			w.(http.Flusher).Flush()
		}
	})
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for range each {
				nc, err := net.Dial("tcp", r.addr)
				if err != nil {
					t.Error(err)
					return
				}
				nc.(*net.TCPConn).SetLinger(0)
				nc.SetDeadline(time.Now().Add(time.Duration(rand.ExpFloat64() * float64(5*time.Millisecond))))
				fmt.Fprintf(nc, post+post, "1", "2")
				io.Copy(io.Discard, nc)
				nc.Close()
			}
		})
	}
	wg.Wait()
	r.eventually("nothing is left", func() bool {
		s, n := r.pools.Stats(), 0
		r.front.each(func(*conn) { n++ })
		return s.InUse == 0 && s.Waiting == 0 && n == 0
	})
	if s := r.front.Stats(); s.Carried == 0 || s.Panics != 0 {
		t.Errorf("got %+v; want requests carried and no panic", s)
	}
}

// A front that is shut down before it serves takes nothing and leaves nothing.
func TestShutdownBeforeServe(t *testing.T) {
	leaktest.Check(t)
	for range 20 {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		f := New(Config{})
		served := make(chan error, 1)
		go func() { served <- f.Serve(context.Background(), ln) }()
		if err := f.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Errorf("serve: %v", err)
		}
	}
}

// Shutdown lets an answer end that is under way, and cuts it when its time is over.
func TestShutdown(t *testing.T) {
	for name, wait := range map[string]bool{"ends": true, "is cut": false} {
		t.Run(name, func(t *testing.T) {
			began, goOn := make(chan struct{}), make(chan struct{})
			r := newRig(t, nil, func(w http.ResponseWriter, r *http.Request) {
				io.Copy(io.Discard, r.Body)
				close(began)
				select {
				case <-goOn:
				case <-r.Context().Done():
				}
				io.WriteString(w, r.URL.Path)
			})
			nc, idling := r.dial(), r.dial()
			fmt.Fprintf(idling, "GET / HTTP/1.1\r\nHost: other\r\n\r\n") // it is used up by being handed over
			(<-r.given).Close()
			fmt.Fprintf(nc, post, "1")
			<-began
			ctx, cancel := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- r.front.Shutdown(ctx) }()
			if wait {
				r.eventually("it drains", func() bool { return r.front.draining.Load() })
				close(goOn)
				resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil || !resp.Close {
					t.Errorf("got %+v, %v; want an answer with Connection: close", resp, err)
				}
			} else {
				cancel()
				if got, _ := io.ReadAll(nc); len(got) > 0 {
					t.Errorf("got %q; want the end of the connection", got)
				}
			}
			if err := <-done; (err != nil) == wait {
				t.Errorf("got %v from Shutdown", err)
			}
			cancel()
		})
	}
}
