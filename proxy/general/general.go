// Package general is the front that takes everything: net/http reads the client's
// requests and writes their answers, HTTP/1 and, where it is allowed, HTTP/2
// without TLS. It decides nothing: the gate and proxy/exchange do.
package general

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"millpond/proxy/exchange"
	"millpond/proxy/listener"
	"millpond/proxy/wire"
)

const (
	// idleTime is how long a client's connection is kept without a request, be it the
	// first or the next. It is longer than clients keep theirs, so that we are never the
	// one that closes in the moment of use.
	idleTime = 15 * time.Minute
	// bodyProgress is how long a client may take over the next piece of a body.
	bodyProgress = 30 * time.Second
	// shortRest is how many bytes of an unwanted body net/http reads so that the
	// connection can be used again.
	shortRest = 256 << 10
)

// A Front is an http.Handler and the server that runs it. Use New.
type Front struct {
	x        *exchange.Exchange
	local    http.Handler
	server   *http.Server
	draining atomic.Bool
}

// New returns a front that carries requests by x and has local answer Millpond's
// own addresses, /__millpond__/ and /__qcc__/. h2c lets HTTP/2 without TLS in.
func New(x *exchange.Exchange, local http.Handler, log *slog.Logger, h2c bool) *Front {
	f := &Front{x: x, local: local}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(h2c)
	f.server = &http.Server{
		Handler:   f,
		Protocols: protocols,
		// It begins when a connection is made, which may be long before its first
		// request: a client that opened one to spare would have that one cut. How long
		// a head may take from its first byte is the guard's to say (listener.Strict),
		// which lets nothing of it pass before the whole.
		ReadHeaderTimeout: idleTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          newServerLog(log),
	}
	return f
}

// Serve takes connections from ln, which is listener.Strict's, until Shutdown or an error
// of ln.
func (f *Front) Serve(ln net.Listener) error {
	if err := f.server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Drain makes every further answer end its connection, which says
// "Connection: close" first. Connections without a request stay open until
// Shutdown: closing them now could cross the next request on its way.
func (f *Front) Drain() { f.draining.Store(true) }

// Draining reports whether Drain was called.
func (f *Front) Draining() bool { return f.draining.Load() }

// Shutdown waits for requests in flight until ctx ends, then cuts them.
func (f *Front) Shutdown(ctx context.Context) error {
	f.Drain()
	if err := f.server.Shutdown(ctx); err != nil {
		return errors.Join(err, f.server.Close())
	}
	return nil
}

// ServeHTTP carries one request.
func (f *Front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	st := f.x.State()
	c := &client{f: f, w: w, r: r, control: http.NewResponseController(w)}
	// Without full duplex the server reads the body to its end before it answers:
	// an early 401 would come late (golang/go#40747).
	c.control.EnableFullDuplex()
	req := c.request()
	if f.Draining() || len(r.Header["Upgrade"]) > 0 || r.Method == http.MethodConnect {
		// The guard lets everything pass behind a request to leave HTTP. If it is
		// declined, no further one may follow on the connection.
		w.Header().Set("Connection", "close")
	}
	refusal := st.Gate.Check(listener.View{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: req.Header, RemoteAddr: r.RemoteAddr,
	})
	switch {
	case refusal != nil:
		f.x.Refuse(st, req, c, refusal)
		c.leaveBody()
	case isLocal(r.RequestURI):
		f.local.ServeHTTP(w, r)
	default:
		if !f.x.Do(r.Context(), st, req, c) {
			panic(http.ErrAbortHandler) // breaks the connection, or resets the stream
		}
		c.leaveBody()
	}
}

// isLocal reports whether an address is Millpond's own.
func isLocal(target string) bool {
	return strings.HasPrefix(target, "/__millpond__/") || strings.HasPrefix(target, "/__qcc__/")
}

// A client is one request of net/http, as the exchange sees it.
type client struct {
	f        *Front
	w        http.ResponseWriter
	r        *http.Request
	control  *http.ResponseController
	switched wire.Header // of 101, until the connection is taken over
	bodyRead bool        // to its end

	unblocked atomic.Bool // no more of the body is to be read
}

func (c *client) request() *exchange.Request {
	r := c.r
	req := &exchange.Request{
		Method: r.Method, Target: r.RequestURI, Host: r.Host, Header: wire.HeaderOf(r.Header),
		Length: r.ContentLength, RemoteAddr: r.RemoteAddr, Arrived: time.Now(),
		Upgrade: r.ProtoMajor == 1 && wantsUpgrade(r.Header),
		Expect:  strings.EqualFold(r.Header.Get("Expect"), "100-continue"),
		Unblock: c.unblock,
	}
	if r.Body != nil && r.Body != http.NoBody {
		req.Body = progressReader{c}
	}
	if len(r.Trailer) > 0 {
		req.Trailer = func() http.Header { return r.Trailer }
	}
	return req
}

// wantsUpgrade reports whether a request asks to leave HTTP (RFC 9110, section
// 7.8). h2c may be ignored since RFC 9113 withdrew it, and is.
func wantsUpgrade(h http.Header) bool {
	to := h.Get("Upgrade")
	return to != "" && !strings.EqualFold(to, "h2c") && hasToken(h["Connection"], "upgrade")
}

func hasToken(lists []string, token string) bool {
	for _, list := range lists {
		for t := range strings.SplitSeq(list, ",") {
			if strings.EqualFold(strings.TrimSpace(t), token) {
				return true
			}
		}
	}
	return false
}

// past is a deadline that makes a Read return at once.
var past = time.Unix(1, 0)

// unblock makes a Read of the body that waits return, and further ones.
func (c *client) unblock() {
	c.unblocked.Store(true)
	c.control.SetReadDeadline(past)
}

// progressReader reads the client's body and gives up when nothing comes.
type progressReader struct{ c *client }

func (p progressReader) Read(b []byte) (int, error) {
	p.c.control.SetReadDeadline(time.Now().Add(bodyProgress))
	if p.c.unblocked.Load() { // in the instant before, so that its deadline is lost
		p.c.control.SetReadDeadline(past)
	}
	n, err := p.c.r.Body.Read(b)
	if err != nil {
		p.c.control.SetReadDeadline(time.Time{})
		p.c.bodyRead = err == io.EOF
	}
	return n, err
}

// leaveBody ends a request whose body nobody wants to its end. A short rest
// net/http reads by itself. With a longer one the connection has to end, and if it
// ended with unread bytes, a reset could overtake the answer (RFC 9112, section 9.6):
// net/http closes gently, after half a second, only behind a body that is over a
// limit. So one is said to be.
func (c *client) leaveBody() {
	switch {
	case c.r.Body == nil || c.r.Body == http.NoBody || c.bodyRead || c.r.ProtoMajor > 1:
	case c.r.ContentLength >= 0 && c.r.ContentLength <= shortRest:
		c.control.SetReadDeadline(time.Now().Add(bodyProgress))
	default:
		c.control.SetReadDeadline(time.Unix(1, 0))
		over := http.MaxBytesReader(c.w, io.NopCloser(strings.NewReader("x")), 0)
		over.Read(make([]byte, 1))
	}
}

// Interim passes a 1xx answer on.
func (c *client) Interim(status int, h wire.Header) {
	own, fields := c.w.Header(), h.HTTP()
	maps.Copy(own, fields)
	c.w.WriteHeader(status)
	for name := range fields {
		delete(own, name)
	}
}

// Start writes the head as it is: no date, type or length of our own.
func (c *client) Start(status int, h wire.Header, _ int64) {
	if status == http.StatusSwitchingProtocols {
		c.switched = h
		return
	}
	own := c.w.Header()
	maps.Copy(own, h.HTTP())
	for _, name := range []string{"Date", "Content-Type"} {
		if _, set := own[name]; !set {
			own[name] = nil
		}
	}
	if c.f.Draining() { // since the request came
		own.Set("Connection", "close")
	}
	c.w.WriteHeader(status)
}

// Write passes content on.
func (c *client) Write(p []byte) (int, error) { return c.w.Write(p) }

// Flush sends what was written.
func (c *client) Flush() error { return c.control.Flush() }

// Trailer passes trailer fields on. Flushing first keeps net/http from giving a
// short answer a Content-Length, after which no trailer can stand.
func (c *client) Trailer(h http.Header) {
	if len(h) > 0 {
		c.control.Flush()
	}
	for name, values := range h {
		c.w.Header()[http.TrailerPrefix+name] = values
	}
}

// Tunnel takes the connection over and writes the head of 101, which net/http
// would not.
func (c *client) Tunnel() (exchange.Tunnel, error) {
	nc, rw, err := c.control.Hijack()
	if err != nil {
		return nil, err
	}
	head, err := wire.AppendResponseHead(nil, http.StatusSwitchingProtocols, "", c.switched, wire.Framing{Kind: wire.BodyTunnel})
	if err == nil {
		_, err = nc.Write(head)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return &tunnel{Conn: nc, rest: rw.Reader}, nil
}

// A tunnel is a client's connection after 101.
type tunnel struct {
	net.Conn
	rest *bufio.Reader // what the server had read already
}

// Read gives what the server had read, then the connection's bytes. Read through
// the server's reader, an EOF would end the request's context, and with it the
// other direction.
func (t *tunnel) Read(p []byte) (int, error) {
	if n := t.rest.Buffered(); n > 0 {
		return t.rest.Read(p[:min(n, len(p))])
	}
	return t.Conn.Read(p)
}

// CloseWrite passes the end of one direction on.
func (t *tunnel) CloseWrite() error {
	if cw, ok := t.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}
