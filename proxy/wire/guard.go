package wire

import "io"

// A Guard follows the requests that one client sends on one connection and says
// which bytes may pass to a parser that is less strict. It holds no bytes of
// heads: the caller keeps those that may not pass yet. The zero value is ready.
//
// After a request that leaves HTTP (see WantsTunnel), when its body is through,
// everything passes. Whoever refuses to leave HTTP must therefore close the
// connection after answering. After a request that asks to close (RFC 9112,
// section 9.6) nothing more passes.
type Guard struct {
	// AllowH2C lets the preface of HTTP/2 with prior knowledge pass, as the
	// first bytes of the connection, and all that follows it (RFC 9113,
	// section 3.3).
	AllowH2C bool

	state   guardState
	scanned int   // bytes of an incomplete head already looked at
	left    int64 // bytes of the body to come
	then    guardState
	chunked Chunked
	request Request
	used    bool // a request has passed
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

// Next looks at b: the bytes of the connection from the first that was neither
// passed nor skipped. The first skip bytes are to be thrown away, the next pass
// bytes may go on, and the rest must be shown again with more behind it; the
// rest is never longer than MaxHead. When skip and pass are 0 and there is no
// error, more bytes are needed. An error is a *SyntaxError and final: the
// request that b begins with, or the rest of its body, must not pass.
func (g *Guard) Next(b []byte) (skip, pass int, err error) {
	skip = g.skip(b)
	for pos := skip; ; pos = skip + pass {
		n := g.advance(b[pos:])
		pass += n
		if n == 0 || pass == len(b)-skip {
			break
		}
	}
	if pass > 0 || skip > 0 {
		return skip, pass, nil
	}
	return 0, 0, g.err
}

const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// skip returns how many bytes before a head are not part of it.
func (g *Guard) skip(b []byte) int {
	switch {
	case g.state == guardClosed:
		return len(b)
	case g.state == guardHead && g.err == nil && len(b) > 2 && b[0] == '\r' && b[1] == '\n' && b[2] != '\r':
		g.scanned = 0
		return 2 // RFC 9112, section 2.2
	}
	return 0
}

// advance returns how many bytes at the start of b may pass now.
func (g *Guard) advance(b []byte) (pass int) {
	if g.err != nil || len(b) == 0 {
		return 0
	}
	switch g.state {
	case guardHead:
		return g.head(b)
	case guardLength:
		pass = int(min(g.left, int64(len(b))))
		if g.left -= int64(pass); g.left == 0 {
			g.state = g.then
		}
	case guardChunked:
		return g.chunks(b)
	case guardTunnel:
		return len(b)
	}
	return pass
}

// head lets a head pass when it is complete and correct.
func (g *Guard) head(b []byte) (pass int) {
	if b[0] == '\r' && g.scanned > 0 {
		return 0 // an empty line inside b: the next call skips it
	}
	if g.AllowH2C && !g.used && len(b) > 0 {
		if n := min(len(b), len(preface)); string(b[:n]) == preface[:n] {
			if n == len(preface) {
				g.state = guardTunnel
			}
			return n * b2i(n == len(preface))
		}
	}
	if g.scanned > 0 {
		var ready bool
		if g.scanned, ready = HeadReady(b, g.scanned); !ready {
			return 0
		}
	}
	n, err := ParseRequest(b, &g.request)
	if err == ErrShort {
		g.scanned = len(b)
		return 0
	}
	if err == nil {
		err = g.begin()
	}
	if err != nil {
		g.err = err
		return 0
	}
	g.scanned, g.used = 0, true
	return n
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// begin sets what follows the head just read.
func (g *Guard) begin() error {
	f, err := g.request.Framing()
	if err != nil {
		return err
	}
	switch {
	case g.request.WantsTunnel():
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

// chunks lets a chunked body pass.
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
