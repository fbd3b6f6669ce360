package general

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy/pool"
)

// The tests of this file's siblings are the rows of the fault matrix that speak
// HTTP/1 to the upstream, named by their number. Each asserts what the client
// sees and how often the upstream executed the request.

// An origin is an upstream over raw TCP, with or without TLS, that does on each
// connection what its script says.
type origin struct {
	t      *testing.T
	url    string
	addr   string
	tls    *tls.Config // the clients'; nil without TLS
	script func(*peer)
	done   chan struct{} // closed when the test is over
	wg     sync.WaitGroup

	mu    sync.Mutex // guards what follows
	conns []net.Conn
	ran   map[string]int
}

// newOrigin starts an upstream. A connection is closed when its script returns.
func newOrigin(t *testing.T, secure bool, script func(*peer)) *origin {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &origin{t: t, script: script, done: make(chan struct{}), ran: map[string]int{}}
	o.addr = ln.Addr().String()
	o.url = "http://" + o.addr
	var server *tls.Config
	if secure {
		o.url = "https://" + o.addr
		server, o.tls = identity()
	}
	o.wg.Go(func() { o.accept(ln, server) })
	t.Cleanup(func() {
		close(o.done)
		ln.Close()
		o.mu.Lock()
		for _, c := range o.conns {
			c.Close()
		}
		o.mu.Unlock()
		o.wg.Wait()
	})
	return o
}

// identity returns the configurations of a server with a certificate and of its clients.
var identity = sync.OnceValues(func() (server, client *tls.Config) {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates}, &tls.Config{RootCAs: roots}
})

func (o *origin) accept(ln net.Listener, secure *tls.Config) {
	for n := 1; ; n++ {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		o.mu.Lock()
		o.conns = append(o.conns, nc)
		o.mu.Unlock()
		p := &peer{o: o, n: n, raw: nc.(*net.TCPConn), Conn: nc}
		if secure != nil {
			p.Conn = tls.Server(nc, secure)
		}
		p.in = bufio.NewReader(p.Conn)
		o.wg.Go(func() {
			defer p.Close()
			o.script(p)
		})
	}
}

// config is that of a pool which trusts the origin.
func (o *origin) config() pool.Config { return pool.Config{TLS: o.tls} }

// executed asserts how often the origin executed the requests to path.
func (o *origin) executed(path string, want int) {
	o.t.Helper()
	o.mu.Lock()
	defer o.mu.Unlock()
	if got := o.ran[path]; got != want {
		o.t.Errorf("%s was executed %d times; want %d", path, got, want)
	}
}

// connections returns how many were made.
func (o *origin) connections() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.conns)
}

// A peer is the upstream's end of a connection. What it cannot read or write is no
// fault: the other side may leave.
type peer struct {
	net.Conn
	o    *origin
	n    int // of the connection, from 1
	raw  *net.TCPConn
	in   *bufio.Reader
	body []byte // of the last request
}

// request reads a request to its end and executes it: counts it. It returns nil
// when there is none.
func (p *peer) request() *http.Request {
	req := p.head()
	if req == nil {
		return nil
	}
	var err error
	if p.body, err = io.ReadAll(req.Body); err != nil {
		return nil
	}
	p.execute(req)
	return req
}

// head reads a request's head alone.
func (p *peer) head() *http.Request {
	req, err := http.ReadRequest(p.in)
	if err != nil {
		return nil
	}
	return req
}

func (p *peer) execute(req *http.Request) {
	p.o.mu.Lock()
	defer p.o.mu.Unlock()
	p.o.ran[req.URL.Path]++
}

// say writes text as it is, with CRLF for each LF.
func (p *peer) say(text string) {
	io.WriteString(p, strings.ReplaceAll(text, "\n", "\r\n"))
}

// ok answers with the path, so that an answer shows whose it is.
func (p *peer) ok(req *http.Request) {
	p.say(fmt.Sprintf("HTTP/1.1 200 OK\nContent-Length: %d\n\n%s", len(req.URL.Path), req.URL.Path))
}

// serve executes and answers one request.
func (p *peer) serve() bool {
	req := p.request()
	if req != nil {
		p.ok(req)
	}
	return req != nil
}

// serveAll executes and answers until the client leaves.
func (p *peer) serveAll() {
	for p.serve() {
	}
}

// reset ends the connection with RST rather than FIN.
func (p *peer) reset() {
	p.raw.SetLinger(0)
	p.raw.Close()
}

// half ends our direction only.
func (p *peer) half() {
	if tc, ok := p.Conn.(*tls.Conn); ok {
		tc.CloseWrite()
	}
	p.raw.CloseWrite()
}

// wait waits for a channel of the test's.
func (p *peer) wait(c <-chan struct{}) {
	select {
	case <-c:
	case <-p.o.done:
	}
}

// left waits until the other side has closed.
func (p *peer) left() { io.Copy(io.Discard, p.in) }

// An answer is what the client saw.
type answer struct {
	status int // 0 without a head
	code   string
	header http.Header
	body   string
	cut    bool // it did not end as an answer does
}

// send makes a request of its own connection, which no client library repeats.
func (r *rig) send(req *http.Request) answer {
	r.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, DisableCompression: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return answer{cut: true}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header.Get("X-Millpond-Error"), resp.Header, string(body), err != nil}
}

func (r *rig) request(method, path string, body io.Reader) *http.Request {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, body)
	if err != nil {
		r.t.Fatal(err)
	}
	return req
}

func (r *rig) post(path string) answer {
	r.t.Helper()
	return r.send(r.request("POST", path, strings.NewReader("content")))
}

func (r *rig) get(path string) answer {
	r.t.Helper()
	return r.send(r.request("GET", path, nil))
}

// fine asserts that the answer is the one to path, whole.
func (r *rig) fine(got answer, path string) {
	r.t.Helper()
	if got.status != 200 || got.body != path || got.cut {
		r.t.Errorf("got %d %q (cut %v, code %q); want 200 %q", got.status, got.body, got.cut, got.code, path)
	}
}

// failed asserts a whole answer of our own, with one of the codes.
func (r *rig) failed(got answer, status int, codes ...string) {
	r.t.Helper()
	for _, code := range codes {
		if got.status == status && got.code == code && !got.cut && strings.Contains(got.body, `"code":"`+code) {
			return
		}
	}
	r.t.Errorf("got %d %q %q (cut %v); want %d %q", got.status, got.code, got.body, got.cut, status, codes)
}

// ambiguous asserts that the client learned that its request may have been executed.
func (r *rig) ambiguous(got answer) {
	r.t.Helper()
	r.failed(got, http.StatusBadGateway, pool.CodeClosed, pool.CodeReset)
	if n := r.x.Ledger().Ambiguous; n != 1 {
		r.t.Errorf("%d ambiguous failures counted; want 1", n)
	}
}

// replayed asserts how many replays of each class were made.
func (r *rig) replayed(a, b, c uint64) {
	r.t.Helper()
	if got := r.x.Ledger(); got.A != a || got.B != b || got.C != c {
		r.t.Errorf("replays %d, %d, %d; want %d, %d, %d", got.A, got.B, got.C, a, b, c)
	}
}

// evicted waits until connections were closed for a reason.
func (r *rig) evicted(why pool.Reason, n uint64) {
	r.t.Helper()
	r.until(fmt.Sprintf("%d connections were evicted: %s", n, why), func(s pool.Stats) bool { return s.Evicted[why] == n })
}

// dial opens a raw connection to the front.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	nc.SetDeadline(time.Now().Add(patience))
	r.t.Cleanup(func() { nc.Close() })
	return nc
}

// plainAndTLS runs a row over both.
func plainAndTLS(t *testing.T, row func(t *testing.T, secure bool)) {
	t.Run("plain", func(t *testing.T) { row(t, false) })
	t.Run("tls", func(t *testing.T) { row(t, true) })
}

// await waits for a channel, but not for ever.
func await(t testing.TB, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(patience):
		t.Fatalf("%s: not after %v", what, patience)
	}
}

// large is a body that no socket takes at once.
func large() io.Reader { return bytes.NewReader(make([]byte, 4<<20)) }

// parseAnswer reads one final answer, and passes over those that are not.
func parseAnswer(from io.Reader, method string) (answer, error) {
	in := bufio.NewReader(from)
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return answer{cut: true}, err
		}
		if resp.StatusCode < 200 {
			continue
		}
		body, err := io.ReadAll(resp.Body)
		return answer{resp.StatusCode, resp.Header.Get("X-Millpond-Error"), resp.Header, string(body), err != nil}, nil
	}
}

// readToCut reads what is left, and reports whether it ended in an error.
func readToCut(from io.Reader) (string, bool) {
	rest, err := io.ReadAll(from)
	return string(rest), err != nil
}
