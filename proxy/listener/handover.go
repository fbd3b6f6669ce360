package listener

import (
	"net"
	"sync"
)

// A Handover is a net.Listener of connections that somebody else accepted and gives
// away: how one front leaves to another what it does not carry. Use NewHandover.
type Handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// NewHandover returns a listener that was given nothing yet.
func NewHandover() *Handover {
	return &Handover{conns: make(chan net.Conn), closed: make(chan struct{})}
}

// Give waits until c is accepted. After Close it closes c.
func (h *Handover) Give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.closed:
		c.Close()
	}
}

// Accept returns the next connection that is given. After Close it returns net.ErrClosed.
func (h *Handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Addr returns nil: only the connections have addresses.
func (h *Handover) Addr() net.Addr { return nil }

// Close ends Accept. It can be called more than once.
func (h *Handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Resume returns c for a reader that is to begin with the bytes in read, which were
// taken from c already and are kept. used says that requests were carried on c before, so
// that what follows is not its beginning.
func Resume(c net.Conn, read []byte, used bool) net.Conn {
	if len(read) == 0 && !used {
		return c
	}
	return &resumed{Conn: c, read: read, used: used}
}

// A resumed connection gives out first what was read from it.
type resumed struct {
	net.Conn
	read []byte
	used bool
}

// Read gives the bytes that were read before, then those of the connection.
func (r *resumed) Read(p []byte) (int, error) {
	if len(r.read) == 0 {
		return r.Conn.Read(p)
	}
	n := copy(p, r.read)
	if r.read = r.read[n:]; len(r.read) == 0 {
		r.read = nil
	}
	return n, nil
}

// CloseWrite ends our half, as on the connection itself.
func (r *resumed) CloseWrite() error { return closeWrite(r.Conn) }
