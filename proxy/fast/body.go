package fast

import (
	"io"
	"sync/atomic"
	"time"
)

const (
	// shortRest is how many bytes of an unwanted body are read, so that the connection
	// can be used again.
	shortRest = 256 << 10
	// lingerFor is how long an answer may take to be read before a connection with
	// unread bytes is closed: closing it resets it (RFC 9112, section 9.6).
	lingerFor = 500 * time.Millisecond
)

// A body is a request's content of known length, read from the client as it is wanted:
// by one goroutine, which need not be the connection's.
type body struct {
	c         *conn
	left      atomic.Int64 // bytes to come
	unblocked atomic.Bool  // no more of it is to be read
}

func (b *body) reset(length int64) {
	b.left.Store(length)
	b.unblocked.Store(false)
}

// Read gives buffered bytes first. It ends the wait for a client that sends nothing.
func (b *body) Read(p []byte) (int, error) {
	c, left := b.c, b.left.Load()
	if left == 0 {
		return 0, io.EOF
	}
	p = p[:min(int64(len(p)), left)]
	n, err := b.read(p)
	if left -= int64(n); left == 0 {
		b.left.Store(0)
		c.wait()
		return n, nil
	}
	b.left.Store(left)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	c := b.c
	if c.r < c.w {
		n := copy(p, c.buffered())
		c.r += n
		return n, nil
	}
	c.within(bodyProgress)
	if b.unblocked.Load() { // in the instant before
		c.nc.SetReadDeadline(past)
	}
	return c.nc.Read(p)
}

// unblock makes a Read that waits return, and further ones.
func (b *body) unblock() {
	b.unblocked.Store(true)
	b.c.nc.SetReadDeadline(past)
}

// leave ends a request of which nobody wanted the whole body: a short rest is read, and
// with a longer one the connection ends, gently. It reports whether it goes on.
func (b *body) leave() bool {
	c := b.c
	if b.unblocked.Swap(false) { // perhaps in the instant in which the body had come
		c.nc.SetReadDeadline(time.Time{})
	}
	if b.left.Load() == 0 {
		return true
	}
	if b.left.Load() <= shortRest {
		_, err := io.Copy(io.Discard, struct{ io.Reader }{b})
		return err == nil
	}
	if c.nc.CloseWrite() == nil {
		c.nc.SetReadDeadline(time.Now().Add(lingerFor))
		io.CopyN(io.Discard, c.nc, shortRest)
	}
	return false
}
