package fast

import (
	"errors"
	"net/http"
	"sync"

	"millpond/proxy/exchange"
	"millpond/proxy/wire"
)

// writeBuffer holds a head and the largest piece that the exchange reads at once.
const writeBuffer = 36 << 10

var writeBuffers = sync.Pool{New: func() any { b := make([]byte, 0, writeBuffer); return &b }}

// An answer writes what the exchange answers: it is its Client.
type answer struct {
	c       *conn
	out     *[]byte // not yet written; nil when empty
	head    bool    // the request's method was HEAD
	closing bool    // the connection ends behind this answer
	kind    wire.BodyKind
	trailer http.Header
	err     error // of writing: what every further Write returns
}

func (a *answer) reset(method string, keepAlive bool) {
	*a = answer{c: a.c, head: method == http.MethodHead, closing: !keepAlive}
}

func (a *answer) buffer() *[]byte {
	if a.out == nil {
		a.out = writeBuffers.Get().(*[]byte)
	}
	return a.out
}

// drop gives the buffer back with what is in it.
func (a *answer) drop() {
	if a.out != nil {
		if cap(*a.out) == writeBuffer {
			*a.out = (*a.out)[:0]
			writeBuffers.Put(a.out)
		}
		a.out = nil
	}
}

// Interim passes a 1xx answer on at once.
func (a *answer) Interim(status int, h wire.Header) {
	a.append(status, h, wire.Framing{KeepAlive: true})
	a.Flush()
}

// Start puts the head before the content.
func (a *answer) Start(status int, h wire.Header, length int64) {
	a.closing = a.closing || a.c.f.draining.Load() || a.c.body.left.Load() > shortRest
	framing := wire.Framing{KeepAlive: !a.closing}
	switch {
	case a.head || status/100 == 1 || status == http.StatusNoContent || status == http.StatusNotModified:
	case length >= 0:
		framing.Kind, framing.Length = wire.BodyLength, length
	default:
		framing.Kind = wire.BodyChunked
	}
	a.kind = framing.Kind
	if status == http.StatusNotModified { // the other front has net/http leave them out, too
		h.Del("Content-Length")
		h.Del("Content-Type")
	}
	a.append(status, h, framing)
}

func (a *answer) append(status int, h wire.Header, framing wire.Framing) {
	out := a.buffer()
	var err error
	if *out, err = wire.AppendResponseHead(*out, status, "", h, framing); err != nil {
		a.err = err
	}
}

// Write takes content. It is written when there is much of it, or by Flush.
func (a *answer) Write(p []byte) (int, error) {
	switch {
	case a.err != nil:
		return 0, a.err
	case a.kind == wire.BodyNone:
		return len(p), nil // of an answer to HEAD
	}
	if a.out != nil && len(*a.out)+len(p)+chunkFrame > writeBuffer {
		if err := a.Flush(); err != nil {
			return 0, err
		}
	}
	if a.out == nil && a.kind == wire.BodyLength && len(p) >= largePiece {
		var n int
		n, a.err = a.c.nc.Write(p)
		return n, a.err
	}
	out := a.buffer()
	if a.kind == wire.BodyChunked {
		*out = wire.AppendChunk(*out, p)
	} else {
		*out = append(*out, p...)
	}
	return len(p), nil
}

// largePiece is how large a piece is written as it is rather than copied first.
const largePiece = 8 << 10

// chunkFrame is what stands around a chunk at most.
const chunkFrame = 20

// Flush writes what was taken, and gives the buffer back.
func (a *answer) Flush() error {
	if a.err == nil && a.out != nil && len(*a.out) > 0 {
		_, a.err = a.c.nc.Write(*a.out)
	}
	a.drop()
	return a.err
}

// Trailer keeps trailer fields for the end.
func (a *answer) Trailer(h http.Header) { a.trailer = h }

// finish writes the end of an answer that is whole, and reports whether that succeeded.
func (a *answer) finish() bool {
	if a.err == nil && a.kind == wire.BodyChunked {
		out := a.buffer()
		*out, a.err = wire.AppendLastChunk(*out, a.trailer)
	}
	return a.Flush() == nil
}

// errTunnel is never seen: requests that leave HTTP are handed over.
var errTunnel = errors.New("this front carries no tunnels")

// Tunnel fails.
func (a *answer) Tunnel() (exchange.Tunnel, error) { return nil, errTunnel }
