package general

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
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

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"millpond/proxy/leaktest"
	"millpond/proxy/pool"
	"millpond/settings"
)

// An h2Upstream is an HTTP/2 server that does, frame by frame, what its test says.
// It is made on the Framer, so that it can break every rule.
type h2Upstream struct {
	url      string
	roots    *x509.CertPool
	settings []http2.Setting // of each connection's preface
	handle   func(*h2Stream) // for each request, in a goroutine of its own

	ln net.Listener
	wg sync.WaitGroup

	mu       sync.Mutex // guards what follows
	conns    []*h2Conn
	executed map[string]int // by path
}

// newH2 starts an upstream that calls handle for each request: over TLS with ALPN,
// or with prior knowledge.
func newH2(t *testing.T, secure bool, handle func(*h2Stream), options ...func(*h2Upstream)) *h2Upstream {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &h2Upstream{url: "http://" + ln.Addr().String(), ln: ln, handle: handle, executed: map[string]int{}}
	if secure {
		cert, roots := certificate(t)
		u.url, u.roots = "https://"+ln.Addr().String(), roots
		u.ln = tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"h2"}})
	}
	for _, o := range options {
		o(u)
	}
	u.wg.Go(u.accept)
	t.Cleanup(func() {
		u.ln.Close()
		for _, c := range u.connections() {
			c.nc.Close()
		}
		u.wg.Wait()
	})
	return u
}

func withSettings(s ...http2.Setting) func(*h2Upstream) {
	return func(u *h2Upstream) { u.settings = s }
}

// certificate borrows the one for 127.0.0.1 that httptest has.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.TLS.Certificates[0], roots
}

func (u *h2Upstream) accept() {
	for {
		nc, err := u.ln.Accept()
		if err != nil {
			return
		}
		u.mu.Lock()
		c := newH2Conn(u, nc, len(u.conns))
		u.conns = append(u.conns, c)
		u.mu.Unlock()
		u.wg.Go(c.serve)
	}
}

func (u *h2Upstream) connections() []*h2Conn {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*h2Conn(nil), u.conns...)
}

// ran returns how often the request for path was executed.
func (u *h2Upstream) ran(path string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.executed[path]
}

// ranAll returns how many requests were executed, and the paths of those that were
// executed more than once.
func (u *h2Upstream) ranAll() (n int, twice []string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for path, times := range u.executed {
		n += times
		if times > 1 {
			twice = append(twice, path)
		}
	}
	return n, twice
}

// An h2Conn is one connection to the upstream.
type h2Conn struct {
	u     *h2Upstream
	n     int // 0 is the first
	nc    net.Conn
	gone  chan struct{} // closed when reading ends
	pings chan [8]byte  // answers to the pings that the upstream sent

	silent atomic.Bool // sends nothing any more

	mu      sync.Mutex // guards what follows, and every write
	moved   *sync.Cond // a window grew, or the connection ended
	fr      *http2.Framer
	hbuf    bytes.Buffer
	henc    *hpack.Encoder
	window  int64 // what may be sent on the connection
	initial int64 // window of a new stream
	streams map[uint32]*h2Stream
	ended   bool
}

func newH2Conn(u *h2Upstream, nc net.Conn, n int) *h2Conn {
	c := &h2Conn{u: u, n: n, nc: nc, gone: make(chan struct{}), pings: make(chan [8]byte, 16),
		fr: http2.NewFramer(nc, nc), window: 65535, initial: 65535, streams: map[uint32]*h2Stream{}}
	c.moved = sync.NewCond(&c.mu)
	c.henc = hpack.NewEncoder(&c.hbuf)
	c.fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	return c
}

func (c *h2Conn) serve() {
	defer c.end()
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(c.nc, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	if c.u.settings != nil {
		c.write(func() error { return c.fr.WriteSettings(c.u.settings...) })
	} else {
		c.write(func() error { return c.fr.WriteSettings() })
	}
	for {
		f, err := c.fr.ReadFrame()
		if err != nil {
			return
		}
		c.take(f)
	}
}

func (c *h2Conn) end() {
	c.mu.Lock()
	c.ended = true
	streams := c.streams
	c.streams = map[uint32]*h2Stream{}
	c.moved.Broadcast()
	c.mu.Unlock()
	c.nc.Close()
	for _, s := range streams {
		s.stop(errors.New("the connection ended"))
	}
	close(c.gone)
}

// take acts on a frame as any server would.
func (c *h2Conn) take(f http2.Frame) {
	switch f := f.(type) {
	case *http2.MetaHeadersFrame:
		c.headers(f)
	case *http2.DataFrame:
		if s := c.stream(f.StreamID); s != nil {
			s.add(f.Data(), f.StreamEnded())
		}
		if n := uint32(len(f.Data())); n > 0 {
			c.write(func() error {
				return errors.Join(c.fr.WriteWindowUpdate(0, n), c.fr.WriteWindowUpdate(f.StreamID, n))
			})
		}
	case *http2.RSTStreamFrame:
		if s := c.stream(f.StreamID); s != nil {
			s.stop(fmt.Errorf("reset: %v", f.ErrCode))
		}
	case *http2.SettingsFrame:
		c.peerSettings(f)
	case *http2.WindowUpdateFrame:
		c.widen(f.StreamID, int64(f.Increment))
	case *http2.PingFrame:
		if f.IsAck() {
			c.pings <- f.Data
		} else {
			c.write(func() error { return c.fr.WritePing(true, f.Data) })
		}
	}
}

func (c *h2Conn) headers(f *http2.MetaHeadersFrame) {
	c.mu.Lock()
	s := c.streams[f.StreamID]
	if s == nil {
		s = newH2Stream(c, f)
		c.streams[f.StreamID] = s
		c.u.wg.Go(func() { c.u.handle(s) })
	} else { // trailer
		s.mu.Lock()
		s.trailer = f
		s.mu.Unlock()
	}
	c.mu.Unlock()
	if f.StreamEnded() {
		s.add(nil, true)
	}
}

func (c *h2Conn) peerSettings(f *http2.SettingsFrame) {
	if f.IsAck() {
		return
	}
	if v, ok := f.Value(http2.SettingInitialWindowSize); ok {
		c.mu.Lock()
		c.initial = int64(v)
		c.mu.Unlock()
	}
	c.write(func() error { return c.fr.WriteSettingsAck() })
}

func (c *h2Conn) widen(stream uint32, by int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if stream == 0 {
		c.window += by
	} else if s := c.streams[stream]; s != nil {
		s.window += by
	}
	c.moved.Broadcast()
}

func (c *h2Conn) stream(id uint32) *h2Stream {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.streams[id]
}

// write sends frames; what becomes of them is seen by reading.
func (c *h2Conn) write(f func() error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.silent.Load() {
		f()
	}
}

// streamsAllowed announces how many streams the client may have open from now on.
func (c *h2Conn) streamsAllowed(n uint32) {
	c.write(func() error { return c.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: n}) })
}

// sync returns once the client has read all that was sent before.
func (c *h2Conn) sync() bool {
	c.write(func() error { return c.fr.WritePing(false, [8]byte{'s', 'y', 'n', 'c'}) })
	select {
	case <-c.pings:
		return true
	case <-c.gone:
		return false
	}
}

func (c *h2Conn) goAway(last uint32, code http2.ErrCode) {
	c.write(func() error { return c.fr.WriteGoAway(last, code, nil) })
}

// An h2Stream is one request and its answer.
type h2Stream struct {
	c      *h2Conn
	id     uint32
	method string
	path   string
	head   *http2.MetaHeadersFrame
	over   chan struct{} // closed when the client resets it, or the connection ends

	window int64 // guarded by the connection's mutex

	mu      sync.Mutex // guards what follows
	more    *sync.Cond
	body    bytes.Buffer
	end     bool
	err     error
	trailer *http2.MetaHeadersFrame
}

func newH2Stream(c *h2Conn, f *http2.MetaHeadersFrame) *h2Stream {
	s := &h2Stream{c: c, id: f.StreamID, method: f.PseudoValue("method"), path: f.PseudoValue("path"), head: f, over: make(chan struct{}), window: c.initial}
	s.more = sync.NewCond(&s.mu)
	return s
}

func (s *h2Stream) add(p []byte, end bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.body.Write(p)
	s.end = s.end || end
	s.more.Broadcast()
}

func (s *h2Stream) stop(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil {
		s.err = err
		close(s.over)
		s.more.Broadcast()
	}
	s.c.moved.Broadcast()
}

// Read reads the request's body.
func (s *h2Stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.body.Len() == 0 {
		if s.err != nil {
			return 0, s.err
		}
		if s.end {
			return 0, io.EOF
		}
		s.more.Wait()
	}
	return s.body.Read(p)
}

// field returns a field of the request's head.
func (s *h2Stream) field(name string) string {
	for _, f := range s.head.RegularFields() {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// execute reads the whole request and counts that it was carried out.
func (s *h2Stream) execute() string {
	body, _ := io.ReadAll(s)
	s.c.u.mu.Lock()
	s.c.u.executed[s.path]++
	s.c.u.mu.Unlock()
	return string(body)
}

// answer sends a head: a status and names with their values.
func (s *h2Stream) answer(status int, end bool, fields ...string) {
	s.fields(end, append([]string{":status", fmt.Sprint(status)}, fields...)...)
}

// fields sends a block of fields, as a head or a trailer.
func (s *h2Stream) fields(end bool, fields ...string) {
	c := s.c
	c.write(func() error {
		c.hbuf.Reset()
		for i := 0; i < len(fields); i += 2 {
			c.henc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
		}
		block := c.hbuf.Bytes()
		first := block[:min(len(block), 16384)]
		err := c.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: s.id, BlockFragment: first, EndHeaders: len(first) == len(block), EndStream: end})
		for block = block[len(first):]; len(block) > 0 && err == nil; block = block[len(first):] {
			first = block[:min(len(block), 16384)]
			err = c.fr.WriteContinuation(s.id, len(first) == len(block), first)
		}
		return err
	})
}

// data sends content, within the windows, and reports whether the stream lasted.
func (s *h2Stream) data(text string, end bool) bool {
	c, p := s.c, []byte(text)
	c.mu.Lock()
	defer c.mu.Unlock()
	for first := true; first || len(p) > 0; first = false {
		for len(p) > 0 && (c.window <= 0 || s.window <= 0) && !c.ended && !s.isOver() {
			c.moved.Wait()
		}
		if c.ended || s.isOver() {
			return false
		}
		n := min(int64(len(p)), c.window, s.window, 16384)
		c.window, s.window = c.window-n, s.window-n
		if c.fr.WriteData(s.id, end && n == int64(len(p)), p[:n]) != nil {
			return false
		}
		p = p[n:]
	}
	return true
}

func (s *h2Stream) isOver() bool {
	select {
	case <-s.over:
		return true
	default:
		return false
	}
}

func (s *h2Stream) reset(code http2.ErrCode) {
	s.c.write(func() error { return s.c.fr.WriteRSTStream(s.id, code) })
}

// ok answers 200 with content.
func (s *h2Stream) ok(content string) {
	s.answer(200, false)
	s.data(content, true)
}

// eachH2 runs a test over TLS and without.
func eachH2(t *testing.T, f func(t *testing.T, secure bool)) {
	for _, secure := range []bool{true, false} {
		t.Run(map[bool]string{true: "tls", false: "h2c"}[secure], func(t *testing.T) {
			leaktest.Check(t)
			f(t, secure)
		})
	}
}

// before returns a proxy before u.
func (u *h2Upstream) before(t *testing.T, edit func(*settings.Settings)) *rig {
	t.Helper()
	return newRig(t, u.config(), func(s *settings.Settings) {
		if u.roots == nil {
			s.Pool.Protocol = settings.ProtocolHTTP2
		}
		if edit != nil {
			edit(s)
		}
	}, u.url)
}

func (u *h2Upstream) config() pool.Config {
	return pool.Config{TLS: &tls.Config{RootCAs: u.roots, MinVersion: tls.VersionTLS12}}
}

// An outcome is what a client saw.
type outcome struct {
	status int
	code   string // X-Millpond-Error
	body   string
	header http.Header
	err    error // the request failed, or the answer was cut
}

// newClient returns a client that keeps nothing open beyond the test.
func newClient(t *testing.T) *http.Client {
	tr := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr, Timeout: 30 * time.Second}
}

// ask sends a request and reads the answer to its end.
func ask(client *http.Client, method, url, body string, fields ...string) outcome {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, url, in)
	if err != nil {
		return outcome{err: err}
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header.Set(fields[i], fields[i+1])
	}
	resp, err := client.Do(req)
	if err != nil {
		return outcome{err: err}
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	return outcome{status: resp.StatusCode, code: resp.Header.Get("X-Millpond-Error"), body: string(got), header: resp.Header, err: err}
}

// askAll sends n requests at once and returns what each saw. Their paths are /0, /1 and so on.
func askAll(client *http.Client, url string, n int) []outcome {
	got := make([]outcome, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { got[i] = ask(client, "POST", fmt.Sprintf("%s/%d", url, i), "body") })
	}
	wg.Wait()
	return got
}

// becomes waits for something that must happen.
func becomes(t *testing.T, what string, true func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !true() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

// atRest checks that nothing of the pool is in use once all answers are there.
func (r *rig) atRest(t *testing.T) {
	t.Helper()
	becomes(t, "nothing in use, nobody waiting", func() bool {
		st := r.pools.Stats()
		return st.InUse == 0 && st.Waiting == 0
	})
}

func (o outcome) String() string {
	return fmt.Sprintf("%d %q %.200q (%v)", o.status, o.code, o.body, o.err)
}

// dialRaw connects to the proxy as a client that writes its own bytes.
func dialRaw(t *testing.T, r *rig) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	return nc
}

// h1TLS starts an upstream that speaks HTTP/1 over TLS and offers the protocols
// given, and counts what it executes.
func h1TLS(t *testing.T, alpn []string) (url string, config pool.Config, ran *atomic.Int32) {
	t.Helper()
	ran = new(atomic.Int32)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ran.Add(1)
		io.Copy(w, r.Body)
	}))
	cert, roots := certificate(t)
	s.Config.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){} // or else it adds h2
	s.Listener = tls.NewListener(s.Listener, &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: alpn})
	s.Start()
	t.Cleanup(s.Close)
	return strings.Replace(s.URL, "http://", "https://", 1), pool.Config{TLS: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}, ran
}
