package wire

import "io"

// A Guard follows the requests that one client sends on one connection and says
// which bytes may pass to a parser that is less strict. It keeps no bytes of
// heads and bodies: the caller holds those that may not pass yet. The zero value
// is ready.
//
// After a request that leaves HTTP (see WantsTunnel), when its body is through,
// everything passes, whatever is answered. Whoever declines to leave HTTP must
// therefore answer with "Connection: close". After a request that asks to close
// nothing more passes (RFC 9112, section 9.6).
type Guard struct {
	// AllowH2C lets the preface of HTTP/2 with prior knowledge pass as the
	// first bytes of the connection, and then all that follows (RFC 9113,
	// section 3.3).
	AllowH2C bool

	state   guardState
	then    guardState // the state after the body
	left    int64      // bytes of a body of known length to come
	scanned int        // bytes of an incomplete head that were looked at
	blank   bool       // an empty line before the head was skipped
	started bool       // a request, or a part of one, was seen to be no preface
	chunked Chunked
	request Request // empty between calls, but for its room
	err     error
}

type guardState uint8

const (
	guardHead    guardState = iota // before or inside a head
	guardLength                    // in a body of known length
	guardChunked                   // in a chunked body
	guardTunnel                    // not HTTP any more: all passes
	guardClosed                    // after the last request: nothing passes
)

// Next looks at b, the bytes of the connection from the first that was neither
// skipped nor passed. The first skip bytes are to be thrown away, the next pass
// bytes may go on, and the rest must be shown again with more behind it. When
// both are 0 and there is no error, more bytes are needed; b is then shorter
// than MaxHead. An error is a *SyntaxError and final: what b begins with, a
// head or the rest of a chunked body, must not pass.
//
// A parser that is fed no faster than the bytes pass never sees the end of a
// head that was refused, nor of a body.
func (g *Guard) Next(b []byte) (skip, pass int, err error) {
	skip = g.skip(b)
	for g.err == nil && skip+pass < len(b) {
		rest := b[skip+pass:]
		if g.state == guardHead && pass > 0 && rest[0] == '\r' {
			break // an empty line, for the next call to skip
		}
		n := g.advance(rest)
		if n == 0 {
			break
		}
		pass += n
	}
	if skip+pass > 0 {
		return skip, pass, nil
	}
	return 0, 0, g.err
}

// skip returns how many bytes at the start of b belong to no request.
func (g *Guard) skip(b []byte) int {
	switch {
	case g.state == guardClosed:
		return len(b)
	case g.state == guardHead && g.err == nil && !g.blank && len(b) > 1 && b[0] == '\r' && b[1] == '\n':
		g.blank, g.started, g.scanned = true, true, 0
		return 2 // RFC 9112, section 2.2
	}
	return 0
}

// advance returns how many bytes at the start of b, which is not empty, may
// pass now.
func (g *Guard) advance(b []byte) (pass int) {
	switch g.state {
	case guardHead:
		if g.AllowH2C && !g.started {
			return g.preface(b)
		}
		return g.head(b)
	case guardLength:
		pass = int(min(g.left, int64(len(b))))
		if g.left -= int64(pass); g.left == 0 {
			g.state = g.then
		}
		return pass
	case guardChunked:
		return g.chunks(b)
	case guardTunnel:
		return len(b)
	}
	return 0
}

// preface lets the preface of HTTP/2 pass. If b cannot become one, it is a head.
func (g *Guard) preface(b []byte) (pass int) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	n := min(len(b), len(preface))
	switch {
	case string(b[:n]) != preface[:n]:
		g.started = true
		return g.head(b)
	case n < len(preface):
		return 0
	}
	g.state = guardTunnel
	return n
}

// head lets a head pass when it is complete and correct.
func (g *Guard) head(b []byte) (pass int) {
	if g.scanned > 0 {
		var ready bool
		if g.scanned, ready = HeadReady(b, g.scanned); !ready {
			return 0
		}
	}
	if g.blank && b[0] == '\r' {
		g.err = refuse(0, "more than one empty line before a request")
		return 0
	}
	n, err := ParseRequest(b, &g.request)
	if err == nil {
		err = g.begin(&g.request)
	}
	g.request.Forget() // an idle connection pins no buffer
	if err == ErrShort {
		g.scanned = len(b)
		return 0
	}
	if err != nil {
		g.err = err
		return 0
	}
	g.scanned, g.blank, g.started = 0, false, true
	return n
}

// begin sets what follows the head of r.
func (g *Guard) begin(r *Request) error {
	f, err := r.Framing()
	if err != nil {
		return err
	}
	switch {
	case r.WantsTunnel():
		g.then = guardTunnel
	case !f.KeepAlive:
		g.then = guardClosed
	default:
		g.then = guardHead
	}
	switch {
	case f.Kind == BodyChunked:
		g.chunked.Reset()
		g.state = guardChunked
	case f.Kind == BodyLength && f.Length > 0:
		g.left, g.state = f.Length, guardLength
	default:
		g.state = g.then
	}
	return nil
}

// chunks lets a chunked body pass as far as it is correct.
func (g *Guard) chunks(b []byte) (pass int) {
	for pass < len(b) {
		n, _, err := g.chunked.Decode(b[pass:])
		pass += n
		if err == io.EOF {
			g.state = g.then
			return pass
		}
		if err != nil {
			g.err = err
			return pass
		}
	}
	return pass
}
