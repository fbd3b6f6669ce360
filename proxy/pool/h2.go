package pool

import (
	"bytes"
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
	"time"

	"millpond/proxy/wire"
)

const (
	// pingAfter and pingWait end a silent HTTP/2 connection after 45 s.
	pingAfter = 30 * time.Second
	pingWait  = 15 * time.Second
)

// startHTTP2 hands the dialled connection to net/http's HTTP/2, which serves it
// as a ClientConn: in no pool, and retrying nothing.
func (c *conn) startHTTP2(ctx context.Context) error {
	given := func(context.Context, string, string) (net.Conn, error) { return c.nc, nil }
	protocols := new(http.Protocols)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	t := &http.Transport{
		Protocols:              protocols,
		DialTLSContext:         given,
		DialContext:            given,
		DisableCompression:     true, // bodies pass as they are
		ExpectContinueTimeout:  expectWait,
		MaxResponseHeaderBytes: wire.MaxHead,
		HTTP2: &http.HTTP2Config{
			SendPingTimeout: pingAfter,
			PingTimeout:     pingWait,
		},
	}
	cc, err := t.NewClientConn(ctx, c.host.key.scheme, joinHostPort(c.host.key.host, c.host.key.port))
	if err != nil {
		c.raw.Close()
		return &Failure{Phase: PhaseDial, Code: CodeProtocol, Err: fmt.Errorf("start HTTP/2: %w", err)}
	}
	c.cc = cc
	return nil
}

// sendHTTP2 is Send on one stream of an HTTP/2 connection.
func (l *Lease) sendHTTP2(ctx context.Context, req *Request) (*Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	s := &stream{l: l, cancel: cancel, req: req}
	hreq, err := s.request(ctx)
	if err != nil {
		cancel(nil)
		l.Release()
		return nil, err
	}
	s.timer = newIdleTimer(req.HeaderTimeout, func() { cancel(errSilent) })
	hresp, err := l.c.cc.RoundTrip(hreq)
	if err != nil {
		f := s.failure(ctx, err)
		s.end()
		return nil, f
	}
	return s.respond(ctx, hresp), nil
}

var errSilent = errors.New("nothing came in time")

// A stream is one request and its answer on an HTTP/2 connection.
type stream struct {
	l      *Lease
	req    *Request
	cancel context.CancelCauseFunc
	timer  *idleTimer
	once   sync.Once
	body   io.ReadCloser
	resp   *http.Response
	ctx    context.Context
}

func (s *stream) request(ctx context.Context) (*http.Request, error) {
	req := s.req
	if req.Upgrade {
		return nil, &Failure{Phase: PhaseSend, Code: CodeProtocol, Err: errors.New("an upgrade needs HTTP/1 to the upstream: set protocol = \"http1\""), Lasting: true}
	}
	trace := &httptrace.ClientTrace{Got1xxResponse: func(status int, h textproto.MIMEHeader) error {
		if req.Interim != nil && status != http.StatusContinue {
			req.Interim(status, http.Header(h))
		}
		return nil
	}}
	path, query, hasQuery := strings.Cut(req.Target, "?")
	key := s.l.c.host.key
	hreq := &http.Request{
		Method: req.Method,
		// Opaque keeps the target byte for byte.
		URL:    &url.URL{Scheme: key.scheme, Host: joinHostPort(key.host, key.port), Opaque: path, RawQuery: query, ForceQuery: hasQuery},
		Host:   req.Host,
		Header: req.Header.Clone(),
		Proto:  "HTTP/2.0", ProtoMajor: 2,
	}
	wire.DropHopByHop(hreq.Header)
	hreq.Header.Del("Host")
	if _, set := hreq.Header["User-Agent"]; !set {
		hreq.Header["User-Agent"] = nil // or else net/http names itself
	}
	switch {
	case req.Stream != nil:
		hreq.Body, hreq.ContentLength = &streamBody{req: req}, req.Length
		if req.Trailer != nil {
			hreq.Trailer = req.Trailer()
		}
		if req.Expect {
			hreq.Header.Set("Expect", "100-continue")
		}
	case len(req.Body) > 0:
		hreq.Body, hreq.ContentLength = io.NopCloser(bytes.NewReader(req.Body)), int64(len(req.Body))
	}
	return hreq.WithContext(httptrace.WithClientTrace(ctx, trace)), nil
}

// streamBody is a client's body as net/http reads it.
type streamBody struct{ req *Request }

func (b *streamBody) Read(p []byte) (int, error) { return b.req.Stream.Read(p) }

// Close makes a waiting Read return: the stream is over.
func (b *streamBody) Close() error {
	if b.req.Unblock != nil {
		b.req.Unblock()
	}
	return nil
}

func (s *stream) respond(ctx context.Context, hresp *http.Response) *Response {
	s.ctx, s.resp, s.body = ctx, hresp, hresp.Body
	s.timer.set(s.req.StreamIdle)
	wire.DropHopByHop(hresp.Header)
	return &Response{Status: hresp.StatusCode, Header: hresp.Header, Length: hresp.ContentLength, Framed: true, Body: s}
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
		s.end()
	default:
		f := s.failure(s.ctx, err)
		f.Phase, f.Answered = PhaseBody, true
		if f.Code == CodeTimeout {
			f.Code = CodeStreamIdle
		}
		err = f
		s.end()
	}
	return n, err
}

// Buffered cannot tell: net/http does not say.
func (s *stream) Buffered() int { return 0 }

// Trailer returns the trailer fields.
func (s *stream) Trailer() http.Header { return s.resp.Trailer }

// Close resets the stream unless it has ended.
func (s *stream) Close() error {
	s.end()
	return nil
}

func (s *stream) end() {
	s.once.Do(func() {
		s.timer.stop()
		if s.body != nil {
			s.body.Close()
		}
		s.cancel(nil)
		s.l.finish(true)
	})
}

// failure reads from an error of net/http what the peer said about the request.
func (s *stream) failure(ctx context.Context, err error) *Failure {
	f := &Failure{Phase: PhaseSend, Code: closedCode(err), Err: err, Sent: true, Reused: s.l.Reused}
	var reset streamError
	switch cause := context.Cause(ctx); {
	case cause == errSilent:
		f.Code = CodeTimeout
	case cause != nil:
		f.Code, f.Err = CodeCancelled, cause
	case errors.As(err, &reset):
		f.Code = CodeReset
		f.Refused = reset.Code == codeRefusedStream
	default:
		f.Refused, f.Sent = refusal(err)
	}
	if f.Refused {
		f.Code = CodeRefused
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

// refusal reports what net/http says only in words (h2_bundle.go, setGoAway and
// errClientConnUnusable; Go 1.26): that a GOAWAY's last stream was below ours, so
// that the peer did not process the request, or that it was never sent.
func refusal(err error) (refused, sent bool) {
	text := err.Error()
	switch {
	case strings.HasPrefix(text, "http2: Transport received Server's graceful shutdown GOAWAY"),
		strings.HasPrefix(text, "http2: Transport received GOAWAY from server"):
		return true, true
	case text == "http2: client conn not usable":
		return false, false
	}
	return false, true
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
