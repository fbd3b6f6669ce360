package pool

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millpond/proxy/wire"
)

const (
	// pingAfter and pingWait end a silent HTTP/2 connection after 45 s.
	pingAfter = 30 * time.Second
	pingWait  = 15 * time.Second
	// settleWait is how long a new connection is held to one stream for want of the
	// peer's SETTINGS, which come within a round trip.
	settleWait = time.Second
	// beginWait is how long a stream may wait for its turn to be written: behind a
	// peer that does not read, or that lowered its streams to none in this moment.
	beginWait = 2 * time.Second
	// streamWindow is how many bytes of one answer are taken in for a client that
	// does not read them. The window of the connection is net/http's, 1 GiB, so that
	// it never holds up one stream for another.
	streamWindow = 1 << 20
)

// startHTTP2 hands the dialled connection to net/http's HTTP/2, which serves it
// as a ClientConn: in no pool, and retrying nothing.
func (c *conn) startHTTP2(ctx context.Context) error {
	m := c.host.group.m
	config := &m.config
	settle := func() { c.host.group.settled(c) }
	preface := &prefaceConn{Conn: c.nc, m: m, raw: c.raw, settled: settle, settling: time.AfterFunc(settleWait, settle)}
	given := func(context.Context, string, string) (net.Conn, error) { return preface, nil }
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	t := &http.Transport{
		Protocols:              protocols,
		DialContext:            given,
		DisableCompression:     true, // bodies pass as they are
		ExpectContinueTimeout:  expectWait,
		MaxResponseHeaderBytes: wire.MaxHead,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout:           cmp.Or(config.PingAfter, pingAfter),
			PingTimeout:               cmp.Or(config.PingWait, pingWait),
			MaxReceiveBufferPerStream: streamWindow,
		},
	}
	// TLS is done, so to net/http every connection is one without.
	cc, err := t.NewClientConn(ctx, "http", joinHostPort(c.host.key.host, c.host.key.port))
	if err != nil {
		preface.settling.Stop()
		return &Failure{Phase: PhaseDial, Code: CodeProtocol, Err: fmt.Errorf("start HTTP/2: %w", err)}
	}
	c.cc = cc
	return nil
}

// uselessLocked reports whether an HTTP/2 connection without requests takes no further
// one: after a GOAWAY, or when its peer allows no streams. The group's mutex is held.
func (c *conn) uselessLocked() bool {
	return c.settled && c.cc.Available() == 0 && c.cc.InFlight() == 0
}

// stillborn says why a connection ended before its first request, if it did.
func (g *group) stillborn(c *conn) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case c.at != closed:
		return nil
	case !c.settled:
		return &Failure{Phase: PhaseDial, Code: CodeProtocol, Err: errors.New("the connection ended before the peer's SETTINGS: does it speak HTTP/2?")}
	}
	return &Failure{Phase: PhaseDial, Code: CodeRefused, Err: errNoStreams}
}

// A prefaceConn tells when net/http has acted on the peer's first frame, which is
// its SETTINGS (RFC 9113, section 3.4). Until then ClientConn.Available says 100,
// whatever the peer will allow. net/http acts on each frame before it reads on, so
// the read after the one that brought the frame's last byte is the sign.
type prefaceConn struct {
	net.Conn
	m        *Manager
	raw      *rawConn
	settled  func()      // nil once called
	settling *time.Timer // settles all the same, without the frame

	// owned by the reader
	head [9]byte // of the first frame
	got  int     // bytes read
}

func (c *prefaceConn) Read(p []byte) (n int, err error) {
	defer c.m.rescue("read", &err) // in net/http's goroutine
	if c.settled != nil && c.got >= len(c.head)+int(c.head[0])<<16+int(c.head[1])<<8+int(c.head[2]) {
		c.settled()
		c.settled = nil
	}
	n, err = c.Conn.Read(p)
	if c.got < len(c.head) {
		copy(c.head[c.got:], p[:n])
	}
	if c.settled != nil {
		c.got += n
	}
	return n, err
}

// Close waits only so long for TLS to say goodbye.
func (c *prefaceConn) Close() error {
	c.settling.Stop()
	t := time.AfterFunc(250*time.Millisecond, func() { c.raw.Close() })
	defer t.Stop()
	return c.Conn.Close()
}

// sendHTTP2 is Send on one stream of an HTTP/2 connection.
func (l *Lease) sendHTTP2(ctx context.Context, req *Request) (*Response, error) {
	if req.Upgrade {
		l.Release()
		return nil, &Failure{Phase: PhaseSend, Code: CodeProtocol, Err: errors.New("an upgrade needs HTTP/1 to the upstream: set protocol = \"http1\""), Lasting: true}
	}
	s := &stream{l: l, req: req}
	s.ctx, s.cancel = context.WithCancelCause(ctx)
	s.timer = newIdleTimer(beginWait, s.late)
	hresp, err := l.c.cc.RoundTrip(s.request())
	s.interims.end()
	if err != nil {
		f := s.failure(err)
		s.end(false)
		return nil, f
	}
	return s.respond(hresp), nil
}

var (
	errSilent   = errors.New("nothing came in time")
	errNotBegun = errors.New("the connection took no request in time")
)

// How far a stream is written.
const (
	notBegun  uint32 = iota
	begun            // its first byte may have left
	abandoned        // given up before; must not begin any more
)

// A stream is one request and its answer on an HTTP/2 connection.
type stream struct {
	l        *Lease
	req      *Request
	ctx      context.Context
	cancel   context.CancelCauseFunc
	timer    *idleTimer
	written  atomic.Uint32 // how far
	upload   *upload       // nil without a body
	interims interims
	once     sync.Once
	body     io.ReadCloser
	resp     *http.Response
	piece    *[]byte // what Next gave out stands in it; nil before and after
	last     int     // bytes that the last read gave
	over     error   // what ends the content behind that piece

	mu        sync.Mutex // guards what follows
	answered  bool       // the head of the answer has come, so the timer is the answer's
	unblocked bool       // the client's body was stopped by us
	cause     error      // the context's before that
}

// late ends a stream on which nothing happened for too long.
func (s *stream) late() {
	if s.written.CompareAndSwap(notBegun, abandoned) {
		s.cancel(errNotBegun)
		return
	}
	s.cancel(errSilent)
}

// begin is called for each field, under net/http's lock for writing and before
// the block of fields leaves. A stream that was abandoned in the same instant can
// be kept from being sent by the end of the connection only.
func (s *stream) begin(string, []string) {
	switch {
	case s.written.Load() == begun:
	case s.written.CompareAndSwap(notBegun, begun):
		s.awaitAnswer()
	default:
		s.l.c.raw.Close()
	}
}

// awaitAnswer starts the time for the head of the answer anew: each piece of the
// request that leaves does so.
func (s *stream) awaitAnswer() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.answered {
		s.timer.set(s.req.HeaderTimeout)
	}
}

// hear is called when the first head has come, be it of a 1xx answer.
func (s *stream) hear() {
	if s.upload != nil {
		s.upload.heard.Store(true)
	}
}

// unblock has a Read of the client's body return. To the front's server that is a
// client that left, and it ends the request's context; so what that said is kept.
func (s *stream) unblock() {
	s.mu.Lock()
	if !s.unblocked {
		s.unblocked, s.cause = true, context.Cause(s.ctx)
	}
	s.mu.Unlock()
	if s.req.Unblock != nil {
		s.req.Unblock()
	}
}

// ended returns why the context has ended, unless we did it.
func (s *stream) ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unblocked {
		return s.cause
	}
	return context.Cause(s.ctx)
}

func (s *stream) request() *http.Request {
	req, key := s.req, s.l.c.host.key
	header := req.Header.Clone()
	header.DropHopByHop()
	hreq := &http.Request{
		Method: req.Method,
		URL:    targetURL(key.scheme, req.Host, req.Target),
		Host:   req.Host,
		Header: header.HTTP(),
		Proto:  "HTTP/2.0", ProtoMajor: 2,
	}
	hreq.Header.Del("Host")
	if _, set := hreq.Header["User-Agent"]; !set {
		hreq.Header["User-Agent"] = nil // or else net/http names itself
	}
	switch {
	case req.Stream != nil:
		s.upload = &upload{m: s.l.g.m, src: req.Stream, unblock: s.unblock, moved: s.awaitAnswer}
		hreq.ContentLength = req.Length
		if req.Trailer != nil {
			hreq.Trailer = req.Trailer()
		}
		if req.Expect {
			hreq.Header.Set("Expect", "100-continue")
		}
	case len(req.Body) > 0:
		s.upload = &upload{m: s.l.g.m, src: bytes.NewReader(req.Body), moved: s.awaitAnswer}
		hreq.ContentLength = int64(len(req.Body))
	}
	if s.upload != nil {
		hreq.Body = s.upload
		// net/http looks at the context between two reads of the body only.
		context.AfterFunc(s.ctx, s.upload.stop)
	}
	return hreq.WithContext(httptrace.WithClientTrace(s.ctx, &httptrace.ClientTrace{
		WroteHeaderField:     s.begin,
		WroteRequest:         func(httptrace.WroteRequestInfo) { s.awaitAnswer() },
		GotFirstResponseByte: s.hear,
		Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
			return s.interims.add(s.l.g.m, s.req.Interim, status, wire.HeaderOf(http.Header(h)))
		},
	}))
}

// targetURL is a URL of which net/http sends the target byte for byte: Opaque is
// not encoded anew. Where it begins with //, net/http expects scheme and host
// before the target, and takes them off.
func targetURL(scheme, host, target string) *url.URL {
	path, query, hasQuery := strings.Cut(target, "?")
	if strings.HasPrefix(path, "//") {
		path = "//" + host + path
	}
	return &url.URL{Scheme: scheme, Host: host, Opaque: path, RawQuery: query, ForceQuery: hasQuery}
}

func (s *stream) respond(hresp *http.Response) *Response {
	s.resp, s.body = hresp, hresp.Body
	s.mu.Lock()
	s.answered = true
	s.timer.set(s.req.StreamIdle)
	s.mu.Unlock()
	header := wire.HeaderOf(hresp.Header)
	header.DropHopByHop()
	return &Response{Status: hresp.StatusCode, Header: header, Length: hresp.ContentLength, Framed: true, Body: s}
}

// Read returns content as soon as there is any.
func (s *stream) Read(p []byte) (int, error) {
	n, err := s.body.Read(p)
	if n > 0 {
		s.timer.reset()
	}
	switch {
	case err == nil:
	case err == io.EOF:
		s.end(true)
	default:
		f := s.failure(err)
		f.Phase, f.Answered = PhaseBody, true
		if f.Code == CodeTimeout {
			f.Code = CodeStreamIdle
		}
		err = f
		s.end(false)
	}
	return n, err
}

// Next returns content as soon as there is any.
func (s *stream) Next() ([]byte, error) {
	for s.over == nil {
		s.piece = bufferFor(s.piece, s.last)
		if s.last, s.over = s.Read(*s.piece); s.last > 0 {
			return (*s.piece)[:s.last], nil
		}
	}
	s.dropPiece()
	return nil, s.over
}

func (s *stream) dropPiece() {
	putBuffer(s.piece)
	s.piece = nil
}

// Buffered cannot tell: net/http does not say.
func (s *stream) Buffered() int { return 0 }

// Trailer returns the trailer fields.
func (s *stream) Trailer() http.Header { return s.resp.Trailer }

// Close resets the stream unless it has ended.
func (s *stream) Close() error {
	s.end(false)
	s.dropPiece()
	return nil
}

// end gives the stream back. After a clean end it waits until net/http has done so
// too, which then takes no time; else a reset is to be written, which may.
func (s *stream) end(clean bool) {
	s.once.Do(func() {
		s.timer.stop()
		if !clean {
			s.cancel(nil)
		}
		if s.upload != nil {
			s.upload.finish()
		}
		if s.body != nil {
			s.body.Close()
		}
		s.cancel(nil)
		s.l.finish(true)
	})
}

// failure reads from an error of net/http what happened to the request.
func (s *stream) failure(err error) *Failure {
	f := &Failure{Phase: PhaseSend, Err: err, Sent: s.written.Load() == begun, Reused: s.l.Reused}
	cause := s.ended()
	switch {
	case errors.Is(err, errPanic):
		f.Code = CodeInternal
	case cause == errSilent:
		f.Code = CodeTimeout
	case cause == errNotBegun:
		f.Code, f.Err = CodeRefused, cause
	case cause != nil:
		f.Code, f.Err = CodeCancelled, cause
	case s.upload != nil && s.upload.failed() != nil:
		f.Code, f.Err = CodeClientBody, s.upload.failed()
	case errors.Is(err, context.Canceled): // by unblock: the stream had failed before
		f.Code = CodeClosed
	default:
		told(f, err)
	}
	return f
}

// streamError has the shape of net/http's own, which can be read only so: its As
// method fills any struct with these fields (net/http/h2_error.go).
type streamError struct {
	StreamID uint32
	Code     uint32
	Cause    error
}

func (streamError) Error() string { return "stream error" }

const codeRefusedStream = 0x7 // REFUSED_STREAM, RFC 9113, section 7

// told fills in what the peer said, which net/http says in words only beyond
// stream errors (h2_bundle.go, Go 1.26; the tests of rows 41 to 45 keep watch).
func told(f *Failure, err error) {
	f.Code = closedCode(err)
	var reset streamError
	text := err.Error()
	begins := func(prefixes ...string) bool {
		for _, p := range prefixes {
			if strings.HasPrefix(text, p) {
				return true
			}
		}
		return false
	}
	switch {
	case errors.As(err, &reset) && reset.Cause != nil && reset.Cause.Error() == "received from peer":
		f.Code = CodeReset
		if reset.Code == codeRefusedStream {
			f.Code, f.Refused = CodeRefused, true
		}
	case begins("http2: Transport received Server's graceful shutdown GOAWAY", "http2: Transport received GOAWAY from server"):
		// Its last stream was below ours (setGoAway).
		f.Code, f.Refused = CodeRefused, true
	case begins("http: invalid", "http2: invalid", "http2: request header list larger"):
		f.Code, f.Lasting = CodeProtocol, true
	case errors.As(err, &reset), // what the peer sent broke a rule
		begins("connection error: ", "http2: frame too large", "http2: failed reading the frame payload", "http2: response header list larger", "malformed "):
		f.Code = CodeProtocol
	}
}

// An upload is a request's body as net/http reads it: in a goroutine that may
// outlive RoundTrip. Once finish has returned nothing reads the source any more, for
// its memory and the client's connection then serve other requests.
type upload struct {
	m       *Manager
	src     io.Reader
	unblock func() // makes a Read of src that waits return; nil when none does
	moved   func() // is called when a piece was read
	closed  atomic.Bool
	heard   atomic.Bool // there is an answer, or the beginning of one

	mu  sync.Mutex // held while reading; guards what follows
	err error      // of src, other than io.EOF
}

var errUploadOver = errors.New("no more of the body is wanted")

func (b *upload) Read(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer b.m.rescue("read a body", &err) // in net/http's goroutine
	if b.closed.Load() {
		return 0, errUploadOver
	}
	n, err = b.src.Read(p)
	if err != nil && err != io.EOF && !b.closed.Load() {
		b.err = err
	}
	b.moved()
	return n, err
}

// Close is called by net/http when it wants no more. Without an answer RoundTrip
// returns only after a Read that waits; with one the client's connection is left
// alone until the answer has passed.
func (b *upload) Close() error {
	if b.heard.Load() {
		b.closed.Store(true)
	} else {
		b.stop()
	}
	return nil
}

// stop has a Read that waits return.
func (b *upload) stop() {
	b.closed.Store(true)
	if b.mu.TryLock() {
		b.mu.Unlock()
		return
	}
	if b.unblock != nil {
		b.unblock()
	}
}

// finish stops the upload and waits for a Read under way.
func (b *upload) finish() {
	b.stop()
	b.mu.Lock()
	defer b.mu.Unlock()
}

// failed returns why the client's body could not be read to its end, if so.
func (b *upload) failed() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// interims passes 1xx answers on in a goroutine of their own: they come from the
// connection's reader, which must not wait for one client. The zero value is ready.
type interims struct {
	wg sync.WaitGroup

	mu    sync.Mutex // guards what follows
	queue chan interim
	over  bool
	n     int
}

type interim struct {
	status int
	header wire.Header
}

// add takes one more. Its error ends the stream.
func (i *interims) add(m *Manager, pass Interim, status int, h wire.Header) error {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.n++; i.n > maxInterim {
		return errors.New("endless 1xx answers")
	}
	if pass == nil || status == http.StatusContinue || i.over {
		return nil
	}
	if i.queue == nil {
		queue := make(chan interim, maxInterim)
		i.queue = queue
		i.wg.Go(func() {
			defer m.rescue("pass 1xx on", nil)
			for a := range queue {
				pass.Interim(a.status, a.header)
			}
		})
	}
	i.queue <- interim{status, h} // has room for all that there may be
	return nil
}

// end waits until all have been passed on, and takes no more.
func (i *interims) end() {
	i.mu.Lock()
	i.over = true
	if i.queue != nil {
		close(i.queue)
		i.queue = nil
	}
	i.mu.Unlock()
	i.wg.Wait()
}

// An idleTimer calls back when nothing reset it for a while. It moves on in steps
// of a sixteenth, since resetting a timer for every chunk costs more than the chunk.
type idleTimer struct {
	mu    sync.Mutex // guards what follows; stop and reset may race with the end of a stream
	t     *time.Timer
	d     time.Duration
	armed time.Time
}

func newIdleTimer(d time.Duration, f func()) *idleTimer {
	it := &idleTimer{d: d, t: time.AfterFunc(time.Hour, f)}
	it.set(d)
	return it
}

// set starts the timer anew with another duration; 0 stops it.
func (it *idleTimer) set(d time.Duration) {
	it.mu.Lock()
	defer it.mu.Unlock()
	it.d, it.armed = d, time.Now()
	it.t.Stop()
	if d > 0 {
		it.t.Reset(d)
	}
}

func (it *idleTimer) reset() {
	it.mu.Lock()
	d, due := it.d, time.Since(it.armed) > it.d/16
	it.mu.Unlock()
	if d > 0 && due {
		it.set(d)
	}
}

func (it *idleTimer) stop() { it.set(0) }
