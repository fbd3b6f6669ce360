package listener

import (
	"net"
	"sync"
	"time"
)

// A readDeadline joins two deadlines of one connection: the one that its server sets, and the one that
// a head has to be complete. The earlier one holds.
type readDeadline struct {
	// mu guards what follows, and that the socket has what they say. Setting a socket's deadline does
	// not block.
	mu     sync.Mutex
	server time.Time // zero: none
	head   time.Time // zero: no head is incomplete
}

// set takes the server's deadline.
func (d *readDeadline) set(conn net.Conn, t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.server = t
	return d.applyLocked(conn)
}

// begin starts the time of a head, unless it runs already.
func (d *readDeadline) begin(conn net.Conn, limit time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.head.IsZero() {
		d.head = time.Now().Add(limit)
		_ = d.applyLocked(conn) // an error comes back from the read
	}
}

// end says that the head is complete.
func (d *readDeadline) end(conn net.Conn) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.head = time.Time{}
	_ = d.applyLocked(conn)
}

func (d *readDeadline) applyLocked(conn net.Conn) error {
	t := d.server
	if t.IsZero() || !d.head.IsZero() && d.head.Before(t) {
		t = d.head
	}
	return conn.SetReadDeadline(t)
}

// SetReadDeadline sets when reading ends.
func (c *strictConn) SetReadDeadline(t time.Time) error { return c.deadline.set(c.Conn, t) }

// SetDeadline sets when reading and writing end.
func (c *strictConn) SetDeadline(t time.Time) error {
	if err := c.Conn.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.deadline.set(c.Conn, t)
}
