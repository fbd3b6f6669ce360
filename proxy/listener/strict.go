package listener

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"millpond/proxy/wire"
)

// Limits of a refusal: how long the answer may take to leave, and how much and how long is read after
// it, so that the answer is not lost to a reset (RFC 9112, section 9.6).
const (
	refusalWrite  = time.Second
	refusalLinger = 500 * time.Millisecond
	refusalDrain  = 256 << 10 // bytes
)

// headerTimeout is how long a head may take from its first byte to its last.
const headerTimeout = 10 * time.Second

// StrictConfig says how Strict guards. The zero value guards, lets no HTTP/2 in and tells nobody.
type StrictConfig struct {
	// H2C reports whether a connection may begin with the preface of HTTP/2. Nil means no.
	H2C func() bool

	// Refused is told of each head that is refused, from the connection's goroutine. It must not block.
	// A malformed body is not among them: it belongs to a request, which has an outcome of its own.
	Refused func(remote net.Addr, err *wire.SyntaxError)

	// HeaderTimeout is how long a head may take to arrive, from its first byte; 0 means 10 s. The
	// server behind cannot see it, as no part of a head reaches it before the whole.
	HeaderTimeout time.Duration
}

// Strict returns ln with each connection's bytes checked before they are read by anyone. A malformed
// head is answered with 400 (431 if it is too large) and the connection closed; whoever serves the
// connection sees a read error, and nothing of that head but, at most, one byte. A malformed chunked
// body ends in a read error, which is a *wire.SyntaxError for errors.As, except in a trailer, where
// net/http puts its own.
//
// Heads pass when they are complete, bodies at once and without a copy. After a request with Upgrade
// everything passes, so that whoever declines the upgrade must close the connection (wire.Guard).
func Strict(ln net.Listener, c StrictConfig) net.Listener {
	if c.HeaderTimeout == 0 {
		c.HeaderTimeout = headerTimeout
	}
	return &strictListener{ln, c}
}

type strictListener struct {
	net.Listener
	config StrictConfig
}

// Accept returns the next connection, guarded.
func (l *strictListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &strictConn{Conn: conn, config: &l.config}
	r, _ := conn.(*resumed)
	c.guard.AllowH2C = l.config.H2C != nil && l.config.H2C() && (r == nil || !r.used)
	return c, nil
}

// A strictConn is a connection behind a guard. As with any net.Conn, one goroutine reads at a time.
type strictConn struct {
	net.Conn
	config *StrictConfig

	// The reader's.
	guard    wire.Guard
	held     []byte // received and not delivered
	vetted   int    // so many bytes of held may be delivered
	hungry   bool   // the guard has seen held, and needs more
	gaveByte bool   // the one byte of a refused head was given out
	fault    *wire.SyntaxError
	inHead   bool // the fault is that of a head, so no response is under way

	refused  atomic.Bool // our answer was written: nobody else's may follow
	deadline readDeadline
}

// Read delivers bytes that the guard has let pass.
func (c *strictConn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		switch {
		case c.vetted > 0:
			return c.deliver(p), nil
		case c.fault != nil:
			return c.refuse(p)
		case len(c.held) > 0 && !c.hungry:
			c.vetHeld()
			continue
		}
		n, err := c.receive(p)
		if n > 0 || err != nil {
			return n, err
		}
	}
}

// deliver hands over what was held back and has passed.
func (c *strictConn) deliver(p []byte) int {
	n := copy(p, c.held[:c.vetted])
	c.held, c.vetted = c.held[n:], c.vetted-n
	if len(c.held) == 0 {
		c.held = nil // an idle connection keeps no buffer
	}
	return n
}

// vetHeld shows the held bytes to the guard.
func (c *strictConn) vetHeld() {
	skip, pass, err := c.guard.Next(c.held)
	c.held, c.vetted = c.held[skip:], pass
	c.judge(skip+pass, err)
}

// judge takes the guard's word: an error is final, and no progress means that more is needed.
func (c *strictConn) judge(progress int, err error) {
	c.hungry = progress == 0 && err == nil
	if err == nil {
		return
	}
	if !errors.As(err, &c.fault) {
		c.fault = &wire.SyntaxError{Offset: -1, What: "malformed request"}
	}
	if c.inHead = isHeadFault(c.held, c.fault); c.inHead && c.config.Refused != nil {
		c.config.Refused(c.RemoteAddr(), c.fault)
	}
}

// isHeadFault reports whether fault is that of a head, and not of a chunked body. The guard does not
// tell, but a fresh one, which expects a head (the other after one empty line), finds the same fault
// only in a head: the words for chunks and trailers are others.
func isHeadFault(b []byte, fault *wire.SyntaxError) bool {
	for _, before := range []string{"", "\r\n"} {
		var fresh wire.Guard
		_, _, _ = fresh.Next([]byte(before))
		var same *wire.SyntaxError
		if _, _, err := fresh.Next(b); errors.As(err, &same) && same.What == fault.What {
			return true
		}
	}
	return false
}

// receive reads from the socket: into p, where bytes stay if they may pass, or behind what is held. It
// returns 0 without an error when the guard must be asked again.
func (c *strictConn) receive(p []byte) (int, error) {
	if len(c.held) > 0 {
		return 0, c.receiveHeld()
	}
	n, err := c.Conn.Read(p)
	if n == 0 {
		return 0, err
	}
	skip, pass, verdict := c.guard.Next(p[:n])
	if rest := p[skip+pass : n]; len(rest) > 0 {
		c.held = append(c.held, rest...)
		c.judge(skip+pass, verdict)
	}
	if skip > 0 {
		copy(p, p[skip:skip+pass])
	}
	return pass, nil // an error beside bytes comes again at the next read
}

// receiveHeld reads more behind an incomplete head, within the time that a head has.
func (c *strictConn) receiveHeld() error {
	const step = 4 << 10
	c.deadline.begin(c.Conn, c.config.HeaderTimeout)
	start := len(c.held)
	c.held = append(c.held, make([]byte, step)...)
	n, err := c.Conn.Read(c.held[start:])
	c.held = c.held[:start+n]
	if n == 0 {
		return err
	}
	if c.vetHeld(); !c.hungry {
		c.deadline.end(c.Conn)
	}
	return nil
}

// refuse answers a malformed head and ends the connection. In a malformed body a response may be
// under way, so that the answer is its handler's: reading the body gives it the fault.
//
// net/http reads exactly one byte while a handler runs, to notice that a client leaves. An error there
// would cancel that request, which is not at fault, and an answer would stand inside its response. So
// that read gets the one byte it wants, and the refusal comes with the next read.
func (c *strictConn) refuse(p []byte) (int, error) {
	if c.inHead && len(p) == 1 && !c.gaveByte {
		c.gaveByte = true
		p[0] = c.held[0]
		return 1, nil
	}
	if c.inHead && c.refused.CompareAndSwap(false, true) {
		c.answer()
	}
	return 0, &net.OpError{Op: "read", Net: "tcp", Addr: c.RemoteAddr(), Err: c.fault}
}

// answer writes the refusal and waits a moment for the client to read it.
func (c *strictConn) answer() {
	c.held = nil
	c.Conn.SetWriteDeadline(time.Now().Add(refusalWrite))
	if _, err := c.Conn.Write(refusal(c.fault)); err != nil {
		return
	}
	if c.CloseWrite() != nil {
		return
	}
	c.Conn.SetReadDeadline(time.Now().Add(refusalLinger))
	_, _ = io.CopyN(io.Discard, c.Conn, refusalDrain)
}

// refusal is the whole answer to a malformed request: in the shape of the Anthropic API, which holds
// the shape of OpenAI's, as nobody knows which of them the client speaks.
func refusal(fault *wire.SyntaxError) []byte {
	status := http.StatusBadRequest
	if fault.TooLarge {
		status = http.StatusRequestHeaderFieldsTooLarge
	}
	body := `{"type":"error","error":{"type":"invalid_request_error","code":"` + CodeMalformed +
		`","message":` + strconv.Quote("Millpond refused a malformed request: "+fault.What) + `}}` + "\n"
	return []byte("HTTP/1.1 " + strconv.Itoa(status) + " " + http.StatusText(status) + "\r\n" +
		"Content-Type: application/json\r\n" +
		"Content-Length: " + strconv.Itoa(len(body)) + "\r\n" +
		"Connection: close\r\n" +
		headerError + ": " + CodeMalformed + "\r\n\r\n" + body)
}

// Write writes, unless the refusal was written, after which nothing may come.
func (c *strictConn) Write(p []byte) (int, error) {
	if c.refused.Load() {
		return 0, net.ErrClosed
	}
	return c.Conn.Write(p)
}

// CloseWrite ends our half; net/http and tunnels ask for it.
func (c *strictConn) CloseWrite() error { return closeWrite(c.Conn) }

func closeWrite(conn net.Conn) error {
	if half, ok := conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
