package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"millpond/proxy/socket"
	"millpond/proxy/wire"
)

const (
	readBuffer  = 32 << 10
	firstBuffer = 4 << 10
	waitBuffer  = 2 << 10
	// inlineBody is how much of a body is written in one go with the head. It fits
	// the smallest default send buffer (16 KiB on Linux), so the write cannot wait
	// for the peer; larger bodies get a goroutine of their own.
	inlineBody = 12 << 10
	// maxInterim is how many 1xx answers one request may draw.
	maxInterim = 16
	// expectWait is how long the body is held back for a 100 that does not come.
	expectWait = time.Second
	// earlyAnswer is how long an answer may take that explains why the upstream
	// stopped reading.
	earlyAnswer = 250 * time.Millisecond
	// writerGrace is how long the writer may take to notice that its last write is
	// done: an answer can be read before the goroutine that sent the request runs on.
	writerGrace = 20 * time.Millisecond
)

var (
	readBuffers  = socket.NewBuffers(readBuffer)
	firstBuffers = socket.NewBuffers(firstBuffer)
	waitBuffers  = socket.NewBuffers(waitBuffer)
	writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 2048+inlineBody); return &b }}
)

// bufferFor returns a buffer for a read that may have to wait with it, as over TLS and HTTP/2,
// where nothing but reading tells whether there is something to read. It is small, as the pieces
// of a stream are, unless the last read, of so many bytes, gave reason to expect more. old is
// given back, or used again; nil for none.
func bufferFor(old *[]byte, last int) *[]byte {
	size, from := waitBuffer, waitBuffers
	if last >= waitBuffer {
		size, from = readBuffer, readBuffers
	}
	if old != nil && len(*old) == size {
		return old
	}
	putBuffer(old)
	return from.Get()
}

// putBuffer gives a buffer back to those of its size; nil for none. One that had to grow is nobody's.
func putBuffer(b *[]byte) {
	readBuffers.Put(b)
	firstBuffers.Put(b)
	waitBuffers.Put(b)
}

// h1State is what an HTTP/1 connection needs between the reads of one answer.
type h1State struct {
	buf  *[]byte   // nil while idle
	r, w int       // unread part of buf
	last int       // bytes that the last read gave
	till time.Time // the deadline of both directions that allow set last; zero when another was set since
}

func (c *conn) close() {
	defer c.host.group.m.rescue("close", nil)
	c.host.group.m.watcher.Remove(c.id)
	if c.cc != nil {
		c.cc.Close()
		return
	}
	c.nc.Close()
}

// fill reads once from the network behind what is buffered. A full buffer, which
// only a head can cause, grows up to the limit of heads.
func (c *conn) fill() error {
	s := &c.h1
	switch {
	case s.r == s.w:
		s.r, s.w = 0, 0
		if c.nc == net.Conn(c.raw) && c.raw.sock != nil {
			return c.fillEmpty()
		}
		s.buf = bufferFor(s.buf, s.last)
	case s.w < len(*s.buf):
	case s.r > 0:
		s.w = copy(*s.buf, (*s.buf)[s.r:s.w])
		s.r = 0
	default:
		bigger := make([]byte, min(max(2*len(*s.buf), readBuffer), wire.MaxHead+readBuffer))
		copy(bigger, *s.buf)
		putBuffer(s.buf)
		s.buf = &bigger
	}
	n, err := c.nc.Read((*s.buf)[s.w:])
	s.w += n
	s.last = n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// fillEmpty is fill when nothing is buffered: while it waits there is no buffer at all. A large one
// is taken when the last read gave reason to expect much.
func (c *conn) fillEmpty() (err error) {
	c.dropBuffer()
	c.h1.buf, c.h1.w, err = c.raw.sock.ReadInto(c.buffersFor())
	c.h1.last = c.h1.w
	return err
}

// buffersFor returns the buffers to read into, by the last read.
func (c *conn) buffersFor() *socket.Buffers {
	if c.h1.last >= firstBuffer {
		return readBuffers
	}
	return firstBuffers
}

// asks reports whether looking, writing and reading can be one (socket.Conn.Ask).
func (l *Lease) asks() bool {
	c := l.c
	return socket.Asks && c.nc == net.Conn(c.raw) && c.raw.sock != nil && !l.g.m.lookFirst.Load()
}

// dropBuffer gives the buffer back with what is in it.
func (c *conn) dropBuffer() {
	s := &c.h1
	putBuffer(s.buf)
	s.buf, s.r, s.w = nil, 0, 0
}

func (c *conn) buffered() []byte {
	if c.h1.buf == nil {
		return nil
	}
	return (*c.h1.buf)[c.h1.r:c.h1.w]
}

// An exchange is one request and its answer on an HTTP/1 connection.
type exchange struct {
	l       *Lease
	c       *conn
	req     *Request
	ctx     context.Context
	base    int64       // bytes written on the connection before the request
	watched Watched     // ctx, if it is one
	unhook  func() bool // else ends the watch on ctx; false when it has fired
	resp    Response
	body    h1Body
	out     *[]byte        // being written; nil before and after
	parsed  *wire.Response // the answer's head, from when it was there until it was read; else nil

	// the writer, when the body has a goroutine of its own
	written  chan struct{} // closed when it is done; nil without one
	writeErr error         // its error, once written is closed
	hold     chan bool     // Expect: true sends the body, false drops it
	mu       sync.Mutex    // guards headed, and the read deadline against both sides
	headed   bool          // the answer's head has come
	asked    bool          // the body was asked for, or needs no asking
	answered bool          // at least one byte of an answer was read
	stopped  bool          // the client's body was stopped by us, so that its error is ours
}

// exchanges are used again; see Recycle.
var exchanges = sync.Pool{New: func() any { return new(exchange) }}

// heads are the memory of heads being read.
var heads = sync.Pool{New: func() any { return new(wire.Response) }}

// forgetHead gives the head's memory back.
func (x *exchange) forgetHead() {
	if x.parsed != nil {
		x.parsed.Forget()
		heads.Put(x.parsed)
		x.parsed = nil
	}
}

// Cut closes the socket beneath TLS, which cannot block, unlike closing TLS itself.
func (c *conn) Cut() { c.raw.Close() }

// watch has the connection cut when ctx ends, until unhook is called.
func (x *exchange) watch(ctx context.Context) {
	if w, ok := ctx.(Watched); ok {
		w.Watch(x.c)
		x.watched = w
		return
	}
	x.unhook = context.AfterFunc(ctx, x.c.Cut)
}

// unwatch ends that. It reports false when the connection was cut, or is about to be.
func (x *exchange) unwatch() bool {
	if x.watched != nil {
		return x.watched.Unwatch()
	}
	return x.unhook()
}

// sendHTTP1 is Send on an HTTP/1 connection.
func (l *Lease) sendHTTP1(ctx context.Context, req *Request) (*Response, error) {
	c := l.c
	asks := req.inline() && l.asks()
	if l.unseen && !asks && !l.look() {
		return nil, socket.ErrNotQuiet
	}
	x := exchanges.Get().(*exchange)
	x.l, x.c, x.req, x.ctx, x.base, x.asked = l, c, req, ctx, c.raw.written.Load(), !req.Expect || req.Stream == nil
	x.watch(ctx)
	tried := false
	defer func() {
		if !tried { // a panic unwinds
			x.finish(false)
		}
	}()
	var resp *Response
	err := x.write(asks)
	if err == nil {
		resp, err = x.readHead()
	}
	tried = true
	switch {
	case err == socket.ErrNotQuiet:
		return nil, x.notQuiet()
	case err != nil:
		return nil, x.fail(err)
	}
	return resp, nil
}

// notQuiet ends an exchange that did not begin, since the connection was found dead.
func (x *exchange) notQuiet() error {
	x.unwatch() // too late or not: the connection is given up
	*x = exchange{}
	exchanges.Put(x)
	return socket.ErrNotQuiet
}

// inline reports whether head and body leave in one write.
func (r *Request) inline() bool { return r.Stream == nil && len(r.Body) <= inlineBody }

// write sends the head with a small body, or the head and starts the writer of a
// large one. An upstream that stops reading may have said why, so only a write
// of which nothing left is an error here; the rest shows when the answer is read. asks
// says that the connection may still have to be looked at, and that the first of the answer
// is to be read, too.
func (x *exchange) write(asks bool) error {
	req, c := x.req, x.c
	x.out = writeBuffers.Get().(*[]byte)
	defer x.Sent()
	out, err := x.appendHead(*x.out)
	if err != nil {
		return &Failure{Phase: PhaseSend, Code: CodeProtocol, Err: fmt.Errorf("request: %w", err), Lasting: true}
	}
	inline := req.inline()
	if inline {
		out = append(out, req.Body...)
	}
	*x.out = out
	c.allow(x.l.at, req.HeaderTimeout)
	if asks {
		if out, err = x.converse(out); err != nil || len(out) == 0 {
			return err
		}
	}
	if _, err := c.nc.Write(out); err != nil {
		if c.raw.written.Load() == x.base {
			return err
		}
		c.setReadDeadline(time.Now().Add(earlyAnswer))
		return nil
	}
	if inline {
		return nil
	}
	c.allow(x.l.at, 0)
	x.written = make(chan struct{})
	x.hold = make(chan bool, 1)
	if x.asked {
		x.hold <- true
	}
	go x.writeBody()
	return nil
}

// converse looks at the connection, where that is still to be done, writes out and reads the first of the
// answer. It returns what there was no room for, and has read nothing then.
func (x *exchange) converse(out []byte) (rest []byte, err error) {
	c, l := x.c, x.l
	c.dropBuffer()
	written, buf, n, err := c.raw.sock.Ask(out, l.unseen, x, c.buffersFor())
	c.raw.written.Add(int64(written))
	if l.unseen && (err == nil || written > 0) {
		l.seen()
	}
	c.h1.buf, c.h1.w, c.h1.last = buf, n, n
	x.answered = n > 0
	return out[written:], err
}

// Sent gives the memory of what was written back; it implements socket.Sender.
func (x *exchange) Sent() {
	if x.out != nil {
		*x.out = (*x.out)[:0]
		writeBuffers.Put(x.out)
		x.out = nil
	}
}

func (x *exchange) appendHead(dst []byte) ([]byte, error) {
	req, c := x.req, x.c
	target, host := req.Target, req.Host
	var extra []wire.Extra
	if c.viaProxy != nil {
		// The proxy goes where the target says, so that is the upstream's address, and
		// Host has to say the same (RFC 9112, section 3.2.2) whatever the client's was.
		host = strings.TrimSuffix(joinHostPort(c.host.key.host, c.host.key.port), ":80")
		target = "http://" + host + strings.TrimPrefix(req.Target, "*")
		if a := proxyAuthorization(c.viaProxy); a != "" {
			extra = append(extra, wire.Extra{Name: "Proxy-Authorization", Value: a})
		}
	}
	if req.Expect && req.Stream != nil {
		extra = append(extra, wire.Extra{Name: "Expect", Value: "100-continue"})
	}
	framing := wire.Framing{KeepAlive: true}
	switch {
	case req.Stream != nil && req.Length < 0:
		framing.Kind = wire.BodyChunked
	case req.Stream != nil:
		framing.Kind, framing.Length = wire.BodyLength, req.Length
	case req.upgrades():
		framing.Kind = wire.BodyTunnel
	case len(req.Body) > 0 || expectsBody(req.Method):
		framing.Kind, framing.Length = wire.BodyLength, int64(len(req.Body))
	}
	return wire.AppendRequestHead(dst, req.Method, target, host, req.Header, framing, extra...)
}

// upgrades reports whether the request asks to leave HTTP. With content it does not:
// the content must be framed, for an upstream that declines.
func (r *Request) upgrades() bool { return r.Upgrade && r.Stream == nil && len(r.Body) == 0 }

// expectsBody reports whether a request without content should say so (RFC 9110,
// section 8.6).
func expectsBody(method string) bool {
	return method == http.MethodPost || method == http.MethodPut || method == http.MethodPatch
}

// writeBody is the goroutine that sends a body which may have to wait for the
// peer. It ends when the body was sent, the connection fails or is closed.
func (x *exchange) writeBody() {
	defer close(x.written)
	if !<-x.hold {
		x.writeErr = errors.New("the upstream answered without wanting the body")
		return
	}
	x.writeErr = x.copyBody()
	var own *Failure
	switch {
	case x.writeErr == nil:
		x.headBy(deadline(x.req.HeaderTimeout))
	case errors.As(x.writeErr, &own):
		x.headBy(time.Unix(1, 0)) // no answer comes to half a request
	default:
		x.headBy(time.Now().Add(earlyAnswer))
	}
}

// wrote reports whether the writer, if there is one, is done.
func (x *exchange) wrote() bool {
	if x.written == nil {
		return true
	}
	select {
	case <-x.written:
		return true
	default:
		return false
	}
}

// headBy limits the wait for the answer's head. One that came before the request
// was written whole has limits of its own.
func (x *exchange) headBy(t time.Time) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.headed {
		x.c.nc.SetReadDeadline(t) // allow keeps none while there is a writer
	}
}

// head says that the answer's head has come: what it waits for next is content, if
// there is more.
func (x *exchange) head(more bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.headed = true
	if more {
		x.c.setReadDeadline(deadline(x.req.StreamIdle))
	}
}

// A clientBody tells errors of the client from those of the upstream.
type clientBody struct{ from io.Reader }

func (b clientBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	if err != nil && err != io.EOF {
		err = &Failure{Phase: PhaseSend, Code: CodeClientBody, Err: err}
	}
	return n, err
}

func (x *exchange) copyBody() (err error) {
	defer x.l.g.m.rescue("write a body", &err)
	req := x.req
	if req.Stream == nil {
		_, err := x.c.nc.Write(req.Body)
		return err
	}
	if req.Length >= 0 {
		n, err := io.Copy(struct{ io.Writer }{x.c.nc}, io.LimitReader(clientBody{req.Stream}, req.Length))
		if err == nil && n < req.Length {
			err = &Failure{Phase: PhaseSend, Code: CodeClientBody, Err: io.ErrUnexpectedEOF}
		}
		return err
	}
	return x.copyChunks()
}

// copyChunks passes a body of unknown length on as it comes.
func (x *exchange) copyChunks() error {
	buf := readBuffers.Get()
	defer readBuffers.Put(buf)
	var out []byte
	body := clientBody{x.req.Stream}
	for {
		n, rerr := body.Read(*buf)
		out = wire.AppendChunk(out[:0], (*buf)[:n])
		if rerr == io.EOF {
			var trailer http.Header
			if x.req.Trailer != nil {
				trailer = x.req.Trailer()
			}
			var err error
			if out, err = wire.AppendLastChunk(out, trailer); err != nil {
				return err
			}
		} else if rerr != nil {
			return rerr
		}
		if len(out) > 0 {
			if _, err := x.c.nc.Write(out); err != nil {
				return err
			}
		}
		if rerr == io.EOF {
			return nil
		}
	}
}

// readHead reads heads until the final one.
func (x *exchange) readHead() (*Response, error) {
	c := x.c
	defer x.forgetHead()
	for interim := 0; ; interim++ {
		if interim > maxInterim {
			return nil, &Failure{Phase: PhaseSend, Code: CodeProtocol, Err: errors.New("endless 1xx answers")}
		}
		n, err := x.awaitHead()
		if err != nil {
			return nil, err
		}
		head := x.parsed
		if head.Status >= 200 || head.Status == http.StatusSwitchingProtocols {
			return x.respond(n)
		}
		if head.Status == http.StatusContinue {
			x.ask(true)
		}
		// 100 is not passed on: reading the client's body makes its front send one.
		if x.req.Interim != nil && head.Status != http.StatusContinue {
			var h wire.Header
			h.Fill(head.Fields)
			h.DropHopByHop()
			x.req.Interim.Interim(head.Status, h)
		}
		c.h1.r += n
	}
}

// awaitHead reads until a whole head is buffered and returns its length.
func (x *exchange) awaitHead() (int, error) {
	c := x.c
	if !x.asked && x.written != nil {
		c.setReadDeadline(time.Now().Add(expectWait))
	}
	scanned, ready := 0, false
	for {
		if scanned, ready = wire.HeadReady(c.buffered(), scanned); ready {
			if x.parsed == nil {
				x.parsed = heads.Get().(*wire.Response)
			}
			n, err := parseHead(c.buffered(), x.parsed)
			if !errors.Is(err, wire.ErrShort) {
				return n, err
			}
		}
		if len(c.buffered()) > wire.MaxHead {
			return 0, &Failure{Code: CodeProtocol, Err: fmt.Errorf("the answer's head is over %d bytes", wire.MaxHead)}
		}
		if err := c.fill(); err != nil {
			if !x.asked && closedCode(err) == CodeTimeout {
				x.ask(true) // the upstream does not know about 100
				continue
			}
			return 0, err
		}
		x.answered = true
	}
}

// parseHead reads a head, first strictly and then, where that is safe, leniently.
func parseHead(b []byte, head *wire.Response) (int, error) {
	n, err := wire.ParseResponse(b, head)
	syntax, malformed := err.(*wire.SyntaxError) // errors.As allocates
	if malformed && syntax.Lenient {
		n, err = wire.ParseResponseLenient(b, head)
		_, malformed = err.(*wire.SyntaxError)
	}
	if malformed {
		return 0, &Failure{Code: CodeProtocol, Err: err}
	}
	return n, err
}

// ask lets the writer send the body that was held back, or drop it.
func (x *exchange) ask(send bool) {
	if x.asked {
		return
	}
	x.asked = true
	if x.hold != nil {
		x.c.setReadDeadline(time.Time{})
		x.hold <- send
	}
}

// respond makes the answer of the head that is buffered, n bytes long.
func (x *exchange) respond(n int) (*Response, error) {
	c, head := x.c, x.parsed
	framing, err := head.Framing(x.req.Method)
	if err != nil {
		return nil, &Failure{Phase: PhaseSend, Code: CodeProtocol, Err: err}
	}
	if head.Status == http.StatusProxyAuthRequired && c.viaProxy != nil {
		// It is us that the egress proxy asks, and it passed nothing on.
		return nil, &Failure{Code: CodeEgressAuth, Err: fmt.Errorf("egress proxy %s: 407", c.viaProxy.Host), Refused: true, Lasting: true}
	}
	if head.Status == http.StatusSwitchingProtocols && !x.req.upgrades() {
		return nil, &Failure{Phase: PhaseSend, Code: CodeProtocol, Err: errors.New("101 to a request that asked for no upgrade")}
	}
	x.ask(false)
	resp := &x.resp
	*resp = Response{Status: head.Status, Length: -1, Sent: x.wrote(), Framed: framing.Kind != wire.BodyUntilClose, Header: resp.Header, x: x}
	resp.Header.Fill(head.Fields)
	x.noteKeepAlive(head)
	c.h1.r += n
	if framing.Kind == wire.BodyTunnel {
		c.allow(x.l.at, 0)
		resp.Tunnel, resp.Body = &tunnel{x: x}, emptyBody{}
		return resp, nil
	}
	b := &x.body
	b.x, b.kind, b.left, b.keep = x, framing.Kind, framing.Length, framing.KeepAlive
	switch framing.Kind {
	case wire.BodyNone:
		resp.Length = 0
	case wire.BodyLength:
		resp.Length = framing.Length
	}
	dropOneHop(&resp.Header, framing.Kind)
	resp.Body = b
	if framing.Kind == wire.BodyChunked {
		b.decode()
	}
	x.head(!b.whole())
	if framing.Kind == wire.BodyNone || resp.Length == 0 {
		b.end(nil)
	}
	return resp, nil
}

// whole reports whether no more of the content is to be read from the network.
func (b *h1Body) whole() bool {
	switch b.kind {
	case wire.BodyNone:
		return true
	case wire.BodyLength:
		return b.left <= int64(len(b.x.c.buffered()))
	case wire.BodyChunked:
		return b.pending == io.EOF
	}
	return false
}

// noteKeepAlive reads what the server says about keeping the connection. A second
// is taken off: its clock started earlier than ours.
func (x *exchange) noteKeepAlive(head *wire.Response) {
	x.c.serverIdle, x.c.serverMax = 0, 0
	if d, ok := wire.KeepAliveTimeout(head.Fields); ok {
		x.c.serverIdle = max(d-time.Second, time.Millisecond)
	}
	if n, ok := wire.KeepAliveMax(head.Fields); ok {
		x.c.serverMax = x.c.requests + n
	}
}

// dropOneHop removes what is for this hop only. A Content-Length beside
// Transfer-Encoding says nothing (RFC 9112, section 6.3).
func dropOneHop(h *wire.Header, kind wire.BodyKind) {
	h.DropHopByHop()
	if kind == wire.BodyChunked || kind == wire.BodyUntilClose {
		h.Del("Content-Length")
	}
}

// fail ends the exchange with the facts of what happened.
func (x *exchange) fail(err error) *Failure {
	c := x.c
	f := &Failure{Code: closedCode(err), Err: err}
	var own *Failure
	if errors.As(err, &own) {
		f = own
	}
	f.Phase = PhaseSend
	f.Sent = c.raw.written.Load() != x.base
	f.Answered = x.answered
	f.Reused = x.l.Reused
	cause := context.Cause(x.ctx) // before finish, which may end it by Unblock
	x.finish(false)
	switch {
	case x.written != nil && !x.stopped && errors.As(x.writeErr, &own) && f.Code != CodeProtocol:
		f.Code, f.Err = own.Code, own.Err // also ends ctx, but says more
	case cause != nil:
		f.Code, f.Err = CodeCancelled, cause
	}
	return f
}

// finish waits for the writer and gives the connection back.
func (x *exchange) finish(reusable bool) {
	c := x.c
	if x.written != nil {
		select {
		case <-x.written:
		case <-time.After(writerGrace):
			// The answer is complete and the request is not: nothing more of it is wanted.
			reusable = false
			x.ask(false)
			c.raw.Close()
			if x.req.Unblock != nil {
				x.stopped = true
				x.req.Unblock()
			}
			<-x.written
		}
		reusable = reusable && x.writeErr == nil
	}
	if !x.unwatch() {
		reusable = false // ctx ended and the socket is closed, or about to be
	}
	if len(c.buffered()) > 0 {
		reusable = false // bytes beyond the answer belong to nobody
	}
	c.dropBuffer()
	x.l.finish(reusable)
}

// allow gives reading and writing at least d from now on, 0 for no limit, and at most a 256th
// more: so a connection that is much used needs its timers moved once in many requests only. What
// is left of the time when the connection becomes idle disturbs nobody.
func (c *conn) allow(now time.Time, d time.Duration) {
	till := &c.h1.till
	switch left := till.Sub(now); {
	case d <= 0:
		*till = time.Time{}
		c.nc.SetDeadline(time.Time{})
	case till.IsZero() || left < d || left > d+d/256:
		*till = now.Add(d + d/256)
		c.nc.SetDeadline(*till)
	}
}

// setReadDeadline limits reading alone. What allow knew is no longer so.
func (c *conn) setReadDeadline(t time.Time) {
	c.h1.till = time.Time{}
	c.nc.SetReadDeadline(t)
}

func deadline(d time.Duration) time.Time {
	if d <= 0 {
		return time.Time{}
	}
	return time.Now().Add(d)
}

// An h1Body is the content of an HTTP/1 answer.
type h1Body struct {
	x       *exchange
	kind    wire.BodyKind
	left    int64 // bytes to come, of a known length
	keep    bool  // the server keeps the connection
	chunks  wire.Chunked
	rest    []byte // decoded and not yet given out
	piece   []byte // given out by Next and not yet read by Read
	pending error  // what comes after rest
	trailer http.Header
	err     error // what every further Read returns
	armed   time.Time
}

// Buffered returns what Read gives without waiting.
func (b *h1Body) Buffered() int {
	switch {
	case b.err != nil:
		return 0
	case b.kind != wire.BodyChunked:
		return len(b.piece) + len(b.x.c.buffered())
	case b.pending != nil:
		return len(b.piece) + len(b.rest) + 1 // the end, too, comes without waiting
	}
	return len(b.piece) + len(b.rest)
}

// Trailer returns the trailer fields of a chunked answer.
func (b *h1Body) Trailer() http.Header { return b.trailer }

// Read returns content as soon as there is any.
func (b *h1Body) Read(p []byte) (int, error) {
	if len(b.piece) == 0 && len(p) > 0 {
		var err error
		if b.piece, err = b.Next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.piece)
	b.piece = b.piece[n:]
	return n, nil
}

// Next returns content where it was read to, as soon as there is any.
func (b *h1Body) Next() ([]byte, error) {
	if p := b.piece; len(p) > 0 { // what Read left
		b.piece = nil
		return p, nil
	}
	for b.err == nil {
		p, err := b.next()
		if len(p) > 0 {
			return p, nil
		}
		if err == nil {
			b.arm()
			if err = b.x.c.fill(); err == nil {
				continue
			}
			if err == io.EOF && b.kind != wire.BodyUntilClose {
				err = io.ErrUnexpectedEOF
			}
		}
		b.end(err)
	}
	return nil, b.err
}

// next returns what is buffered, or how the content ends; neither when more is to be read.
func (b *h1Body) next() ([]byte, error) {
	if b.kind == wire.BodyChunked {
		b.decode()
		p := b.rest
		b.rest = nil
		if len(p) > 0 {
			b.decode() // so that Buffered knows whether the next one has to wait
			return p, nil
		}
		return nil, b.pending
	}
	p := b.x.c.buffered()
	if b.kind == wire.BodyLength {
		if b.left == 0 {
			return nil, io.EOF
		}
		p = p[:min(int64(len(p)), b.left)]
		b.left -= int64(len(p))
	}
	b.x.c.h1.r += len(p)
	return p, nil
}

// decode finds the next run of content in what is buffered.
func (b *h1Body) decode() {
	c := b.x.c
	for len(b.rest) == 0 && b.pending == nil && c.h1.r < c.h1.w {
		var used int
		used, b.rest, b.pending = b.chunks.Decode(c.buffered())
		c.h1.r += used
	}
	if b.pending == io.EOF {
		b.trailer = wire.ToHeader(b.chunks.Trailer())
	}
}

// arm moves the idle deadline on. Doing so for each read would cost more than the
// read of a small chunk, so it moves in steps of a sixteenth.
func (b *h1Body) arm() {
	d := b.x.req.StreamIdle
	if d <= 0 {
		return
	}
	if now := time.Now(); now.Sub(b.armed) > d/16 {
		b.armed = now
		b.x.c.setReadDeadline(now.Add(d))
	}
}

// end settles what further reads return and gives the connection back.
func (b *h1Body) end(err error) {
	if b.err != nil {
		return
	}
	b.piece, b.rest = nil, nil // their memory is given back
	clean := err == nil || err == io.EOF
	if clean {
		b.err = io.EOF
	} else {
		b.err = b.cut(err)
	}
	b.x.finish(clean && b.keep && b.kind != wire.BodyUntilClose)
}

func (b *h1Body) cut(err error) *Failure {
	f := &Failure{Phase: PhaseBody, Code: closedCode(err), Err: err, Sent: true, Answered: true, Reused: b.x.l.Reused}
	var syntax *wire.SyntaxError
	switch {
	case errors.As(err, &syntax):
		f.Code = CodeProtocol
	case f.Code == CodeTimeout:
		f.Code = CodeStreamIdle
	}
	if cause := context.Cause(b.x.ctx); cause != nil {
		f.Code, f.Err = CodeCancelled, cause
	}
	return f
}

// Close gives the connection back; before the end of the content it closes it.
func (b *h1Body) Close() error {
	b.end(errClosedEarly)
	return nil
}

var errClosedEarly = errors.New("closed before its end")

// emptyBody is the content of an answer that has none.
type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }
func (emptyBody) Next() ([]byte, error)    { return nil, io.EOF }
func (emptyBody) Close() error             { return nil }
func (emptyBody) Buffered() int            { return 0 }
func (emptyBody) Trailer() http.Header     { return nil }

// A tunnel is an HTTP/1 connection after 101. Its slot is taken until Close.
type tunnel struct {
	x    *exchange
	once sync.Once
}

func (t *tunnel) Read(p []byte) (int, error) {
	if rest := t.x.c.buffered(); len(rest) > 0 {
		n := copy(p, rest)
		t.x.c.h1.r += n
		return n, nil
	}
	return t.x.c.nc.Read(p)
}

func (t *tunnel) Write(p []byte) (int, error) { return t.x.c.nc.Write(p) }

// CloseWrite passes the end of one direction on.
func (t *tunnel) CloseWrite() error {
	if cw, ok := t.x.c.nc.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	if cw, ok := t.x.c.raw.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// Close ends the tunnel, also for a Read that waits.
func (t *tunnel) Close() error {
	t.x.c.raw.Close()
	return nil
}

// End gives the slot back, once nobody reads or writes any more.
func (t *tunnel) End() { t.once.Do(func() { t.x.finish(false) }) }
