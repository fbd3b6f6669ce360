package general

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
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

// A proxy under test: the front on a real socket, guarded as the daemon does it,
// before a real upstream. When the test is over, no request may be left in the
// pool, and no goroutine or descriptor at all.
type rig struct {
	t      testing.TB
	url    string
	front  *fronts
	pools  *pool.Manager
	meter  *meter.Meter
	x      *exchange.Exchange
	onSend atomic.Pointer[func()] // see beforeSend
}

func newRig(t testing.TB, config pool.Config, edit func(*settings.Settings), urls ...string) *rig {
	t.Helper()
	leaktest.Check(t)
	return newRigOf(t, front, slog.New(slog.DiscardHandler), config, edit, urls...)
}

// newRigOf is newRig with a front and a log of one's own, and beside others.
func newRigOf(t testing.TB, front string, log *slog.Logger, config pool.Config, edit func(*settings.Settings), urls ...string) *rig {
	t.Helper()
	s := settings.Default()
	s.Upstreams = nil
	for i, u := range urls {
		s.Upstreams = append(s.Upstreams, settings.Upstream{Name: fmt.Sprintf("up-%d", i), Kind: settings.KindHTTP, URL: u, Enabled: true, Priority: 1, Weight: 1})
	}
	if edit != nil {
		edit(s)
	}
	ln, err := listener.Bind(t.Context(), "127.0.0.1:0", false)
	if err != nil {
		t.Fatal(err)
	}
	pools, err := pool.NewManager(config, s)
	if err != nil {
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
	m := meter.New(nil)
	x := exchange.New(exchange.Config{Pools: pools, Meter: m, Log: log})
	x.Commit(&exchange.State{Settings: s, Gate: listener.NewGate(listener.GateConfig{Addrs: ln.Addrs()}), Routes: routes, Upstreams: ups})
	r := &rig{t: t, url: "http://" + ln.Addr().String(), pools: pools, meter: m, x: x}
	r.front = serveBy(front, x, ln, func(ctx context.Context) context.Context {
		if w, ok := ctx.(pool.Watched); ok {
			return watchedContext{sendContext{ctx, r}, w}
		}
		return sendContext{ctx, r}
	})
	t.Cleanup(func() {
		if r.onSend.Load() != nil {
			t.Error("no request was sent after beforeSend")
		}
		r.until("no request is left in the pool", func(s pool.Stats) bool { return s.InUse == 0 && s.Waiting == 0 })
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := r.front.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		pools.Close()
	})
	return r
}

// until waits for the pool's figures to be as they should.
func (r *rig) until(what string, ok func(pool.Stats) bool) {
	r.t.Helper()
	eventually(r.t, what, func() bool { return ok(r.pools.Stats()) }, func() any { return r.pools.Stats() })
}

// eventually waits for a condition, and fails when it does not come.
func eventually(t testing.TB, what string, ok func() bool, details ...func() any) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(patience)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Errorf("after %v it is still not so that %s", patience, what)
			for _, d := range details {
				t.Errorf("%+v", d())
			}
			return
		}
	}
}

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

// beforeSend has f run once, when the next request has its connection and is about
// to write its first byte: the instant in which a peer's close is seen by nobody.
func (r *rig) beforeSend(f func()) {
	r.pools.LookFirstForTest()
	r.beforeUse(f)
}

// beforeUse is beforeSend where the connection may be looked at after f.
func (r *rig) beforeUse(f func()) { r.onSend.Store(&f) }

// A sendContext learns that a request is about to be sent: what cuts it off is
// then registered (context.AfterFunc), and a context that is not of package context
// is asked to do that itself.
type sendContext struct {
	context.Context
	r *rig
}

// AfterFunc is called by context.AfterFunc.
func (c sendContext) AfterFunc(f func()) (stop func() bool) {
	if hook := c.r.onSend.Swap(nil); hook != nil {
		(*hook)()
	}
	return context.AfterFunc(c.Context, f)
}

// A watchedContext is a sendContext over one that the pool can watch.
type watchedContext struct {
	sendContext
	pool.Watched
}

func (c watchedContext) Deadline() (time.Time, bool) { return c.Watched.Deadline() }
func (c watchedContext) Done() <-chan struct{}       { return c.Watched.Done() }
func (c watchedContext) Err() error                  { return c.Watched.Err() }
func (c watchedContext) Value(key any) any           { return c.sendContext.Value(key) }

// Watch is called by the pool.
func (c watchedContext) Watch(cutter pool.Cutter) {
	if hook := c.r.onSend.Swap(nil); hook != nil {
		(*hook)()
	}
	c.Watched.Watch(cutter)
}

// Value hides, by the type of its key, that there is a context of package context
// below: its AfterFunc would be used instead of ours.
func (c sendContext) Value(key any) any {
	if _, ok := key.(*int); ok {
		return nil
	}
	return c.Context.Value(key)
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestPassesARequestOn(t *testing.T) {
	r := newRig(t, pool.Config{}, nil, serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", r.Method+" "+r.RequestURI+" "+r.Host)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprintf(w, "%s|%s", body, r.Header.Get("Via"))
	}))
	resp, err := http.Post(r.url+"/a%2Fb//c?x=%20&&y", "text/plain", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusTeapot || string(body) != "hello|1.1 millpond" {
		t.Errorf("got %d %q", resp.StatusCode, body)
	}
	if got := resp.Header.Get("X-Saw"); !strings.HasPrefix(got, "POST /a%2Fb//c?x=%20&&y 127.0.0.1:") {
		t.Errorf("upstream saw %q", got)
	}
}

// Each chunk of a stream reaches the client before the next is sent.
func TestStreamsAtOnce(t *testing.T) {
	next := make(chan struct{})
	r := newRig(t, pool.Config{}, nil, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(200)
		w.(http.Flusher).Flush()
		for i := range 5 {
			<-next
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
		}
	}))
	resp, err := http.Get(r.url + "/stream")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	in := bufio.NewReader(resp.Body)
	for i := range 5 {
		next <- struct{}{}
		line, err := in.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); err != nil || line != want {
			t.Fatalf("got %q, %v; want %q", line, err, want)
		}
		in.ReadString('\n')
	}
	if _, err := in.ReadByte(); err != io.EOF {
		t.Errorf("after the stream %v; want EOF", err)
	}
}

func TestTrailersAndInterimPass(t *testing.T) {
	r := newRig(t, pool.Config{}, nil, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("Trailer", "X-Sum")
		w.WriteHeader(200)
		io.WriteString(w, "content")
		w.(http.Flusher).Flush()
		w.Header().Set("X-Sum", "42")
	}))
	nc, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprintf(nc, "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n", "HTTP/1.1 200 OK\r\n", "content", "\r\nX-Sum: 42\r\n"} {
		if !bytes.Contains(all, []byte(want)) {
			t.Errorf("the answer lacks %q:\n%s", want, all)
		}
	}
}

// A WebSocket's bytes go both ways, and its end goes on (fault row 62).
func TestUpgrade(t *testing.T) {
	r := newRig(t, pool.Config{}, nil, serve(t, func(w http.ResponseWriter, r *http.Request) {
		nc, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer nc.Close()
		io.WriteString(nc, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
		io.Copy(nc, rw)
		io.WriteString(nc, "bye")
	}))
	nc, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	fmt.Fprintf(nc, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
	in := bufio.NewReader(nc)
	resp, err := http.ReadResponse(in, nil)
	if err != nil || resp.StatusCode != 101 || resp.Header.Get("Upgrade") != "echo" {
		t.Fatalf("got %v, %v; want 101 to echo", resp, err)
	}
	io.WriteString(nc, "ping")
	got := make([]byte, 4)
	if _, err := io.ReadFull(in, got); err != nil || string(got) != "ping" {
		t.Fatalf("got %q, %v; want ping", got, err)
	}
	if s := r.pools.Stats(); s.InUse != 1 {
		t.Errorf("%d connections in use; want 1", s.InUse)
	}
	nc.(*net.TCPConn).CloseWrite()
	rest, err := io.ReadAll(in)
	if err != nil || string(rest) != "bye" {
		t.Errorf("after half-close %q, %v; want bye", rest, err)
	}
}

// When the client leaves, the upstream's request ends at once (row 34).
func TestClientLeaves(t *testing.T) {
	began, ended := make(chan struct{}), make(chan struct{})
	r := newRig(t, pool.Config{}, nil, serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		close(began)
		<-r.Context().Done()
		close(ended)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "POST", r.url+"/", strings.NewReader("x"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	<-began
	cancel()
	resp.Body.Close()
	<-ended
}

// A stream of unknown length and 20 MB passes, in both directions.
func TestLargeBodies(t *testing.T) {
	const size = 20 << 20
	r := newRig(t, pool.Config{}, nil, serve(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil || n != size {
			t.Errorf("upstream read %d, %v; want %d", n, err, size)
		}
		io.CopyN(w, zeros{}, size)
	}))
	for _, length := range []int64{size, -1} {
		req, _ := http.NewRequest("PUT", r.url+"/", io.LimitReader(zeros{}, size))
		req.ContentLength = length
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil || n != size {
			t.Errorf("length %d: got %d bytes, %v; want %d", length, n, err, size)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// 32 callers make 20 rounds over TLS on at most 32 connections, HTTP/1 and HTTP/2.
func TestBurstDialsNoMoreThanItsWidth(t *testing.T) {
	for _, protocol := range []settings.Protocol{settings.ProtocolHTTP1, settings.ProtocolAuto} {
		s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
		s.EnableHTTP2 = true
		s.StartTLS()
		t.Cleanup(s.Close)
		r := newRig(t, pool.Config{TLS: s.Client().Transport.(*http.Transport).TLSClientConfig}, func(s *settings.Settings) { s.Pool.Protocol = protocol }, s.URL)
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
		errs := make(chan error, 32)
		for range 32 {
			go func() {
				for range 20 {
					resp, err := client.Post(r.url+"/", "text/plain", strings.NewReader("x"))
					if err == nil {
						_, err = io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
						if resp.StatusCode != 200 {
							err = fmt.Errorf("status %d", resp.StatusCode)
						}
					}
					if err != nil {
						errs <- err
						return
					}
				}
				errs <- nil
			}()
		}
		for range 32 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		st := r.pools.Stats()
		t.Logf("%s: %d dials, %d requests, reuse %.3f", protocol, st.Dials, st.Requests, st.ReuseRatio())
		if st.Dials > 32 {
			t.Errorf("%s: %d dials; want at most 32", protocol, st.Dials)
		}
		if st.InUse != 0 {
			t.Errorf("%s: %d in use afterwards; want 0", protocol, st.InUse)
		}
	}
}
