package pool

import (
	"context"
	"io"
	"net/http"
	"time"

	"millpond/proxy/socket"
	"millpond/proxy/wire"
)

// A Lease is the right to send one request. Send it once, or Release it. What it tells is final
// when Send returns: a connection that is found dead in the moment of use is replaced.
type Lease struct {
	Reused  bool          // the connection carried a request before, or was kept ready
	Waited  time.Duration // from asking to having it, the dial included
	Connect time.Duration // of the handshakes, when it was dialled for this request

	g      *group
	caller string
	asked  time.Time // when it was asked for
	w      *waiter   // nil when it did not have to wait
	at     time.Time // when the connection was given
	c      *conn
	age    time.Duration // for which the connection had been idle, if reused
	unseen bool          // the connection is still to be looked at
	done   bool
}

// Protocol returns "HTTP/1.1" or "HTTP/2.0".
func (l *Lease) Protocol() string {
	if l.c.cc != nil {
		return "HTTP/2.0"
	}
	return "HTTP/1.1"
}

// Release gives the connection back unused. After Send it does nothing.
func (l *Lease) Release() {
	if l.done {
		return
	}
	if l.c.cc != nil {
		l.c.cc.Release()
	}
	l.done = true
	l.g.mu.Lock()
	defer l.g.unlock()
	l.c.host.endLocked()
	l.g.takeBackLocked(l.c, false)
}

func (l *Lease) finish(reusable bool) {
	if l.done {
		return
	}
	l.done = true
	l.g.release(l.c, reusable)
}

// A Request is what a lease sends. Fields that are for one hop only must not be
// in Header; what is there all the same is dropped.
type Request struct {
	Method string
	Target string // path and query, byte for byte as the client sent them
	Host   string // the Host field
	Header wire.Header

	Body    []byte             // the whole body, or
	Stream  io.Reader          // its source: Length bytes of it, or all in chunks when Length is -1
	Length  int64              // of Stream
	Trailer func() http.Header // trailer fields, asked for once Stream has ended; nil for none
	Unblock func()             // makes a Read of Stream that waits return; required with Stream

	Expect  bool // the client waits for 100 (RFC 9110, section 10.1.1): ask before sending Stream
	Upgrade bool // Header asks to leave HTTP (RFC 9110, section 7.8)

	Interim Interim // is given 1xx answers; nil drops them

	HeaderTimeout time.Duration // from the request's last byte to the answer's head; 0 waits for ever
	StreamIdle    time.Duration // between bytes of the answer; 0 waits for ever
}

// An Interim takes answers that are not the last word (RFC 9110, section 15.2).
type Interim interface {
	Interim(status int, h wire.Header)
}

// A Response is an answer whose head has come.
type Response struct {
	Status int
	Header wire.Header // end-to-end fields; Content-Length only where Length says so or the method was HEAD
	Length int64       // of the body; -1 unknown
	Sent   bool        // the request was written whole: its Body is not looked at any more
	Framed bool        // the end of the body is marked; false when it ends with the connection
	Body   Body        // never nil; to be closed
	Tunnel Tunnel      // after 101: bytes both ways; Body is then empty

	x *exchange // HTTP/1: what the response is a part of
}

// Recycle gives the response's memory back for another one. It may be called once Body
// is closed, as the last thing that is done with the response, its header included.
func (r *Response) Recycle() {
	if x := r.x; x != nil && x.body.err != nil {
		clear(x.resp.Header)
		*x = exchange{resp: Response{Header: x.resp.Header[:0]}, body: h1Body{chunks: x.body.chunks}}
		x.body.chunks.Reset()
		exchanges.Put(x)
	}
}

// A Watched context tells whoever waits for it that it ended without what
// context.AfterFunc costs for each request. One watches at a time.
type Watched interface {
	context.Context
	// Watch has c.Cut called, in any goroutine, when the context ends or has ended.
	Watch(c Cutter)
	// Unwatch ends that. It reports false when c.Cut was called.
	Unwatch() bool
}

// A Cutter ends what depends on a context. Cut does not block.
type Cutter interface{ Cut() }

// A Body is the content of an answer. Read fails with a *Failure when it was cut.
// Close before the end closes the connection (HTTP/1) or the stream (HTTP/2).
type Body interface {
	io.ReadCloser
	// Next is Read without a buffer: it returns the next piece of the content, which is
	// good until the next call of any method but Buffered. With an error there is none.
	Next() ([]byte, error)
	// Buffered returns how many bytes Read would give without waiting for the
	// network; 0 when it cannot tell.
	Buffered() int
	// Trailer returns the trailer fields, after Read returned io.EOF.
	Trailer() http.Header
}

// A Tunnel is a connection that stopped being HTTP. Close makes every Read and
// Write return; End, once nobody reads or writes, gives the slot back.
type Tunnel interface {
	io.ReadWriteCloser
	CloseWrite() error
	End()
}

// Send writes the request and reads the answer's head. It is called once; the
// connection is given back when the answer's Body is closed, or at once when the
// error is not nil, which is then a *Failure. Until then req must not change.
//
// When ctx ends the request is cut: an HTTP/1 connection is closed, an HTTP/2
// stream reset.
func (l *Lease) Send(ctx context.Context, req *Request) (*Response, error) {
	for {
		if l.c.cc != nil {
			own := *req // net/http may look at it after Send
			return l.sendHTTP2(ctx, &own)
		}
		resp, err := l.sendHTTP1(ctx, req)
		if err != socket.ErrNotQuiet { // which nothing wraps
			return resp, err
		}
		if err := l.renew(ctx); err != nil {
			return nil, err
		}
	}
}
