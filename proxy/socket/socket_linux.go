package socket

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"unsafe"
)

// mostAtOnce bounds a write: as long as it takes to copy, no other goroutine runs on its
// processor, nor can one be stopped for the garbage collector.
const mostAtOnce = 64 << 10

// A transfer is one direction of a connection. What is handed to RawConn is on the heap, so
// it is made once.
type transfer struct {
	p     []byte   // being read into, or still to be written
	free  *Buffers // where ReadInto takes p from; nil for Read
	buf   *[]byte  // what it took
	n     int
	errno syscall.Errno
	step  func(fd uintptr) (done bool)
}

func (c *Conn) prepare() {
	c.in.step = c.in.read
	c.out.step = c.out.write
}

// Read reads what there is, and waits for it if need be.
func (c *Conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t := &c.in
	t.p, t.n, t.errno = p, 0, 0
	err := c.sys.Read(t.step)
	t.p = nil
	switch {
	case err != nil:
		return 0, c.fault("read", err)
	case t.errno != 0:
		return 0, c.fault("read", os.NewSyscallError("read", t.errno))
	case t.n == 0:
		return 0, io.EOF
	}
	return t.n, nil
}

// ReadInto is Read into a buffer of its own choice: one that it takes from free once there is
// something to read. So a connection that waits holds none. The buffer is nil when there is an
// error.
func (c *Conn) ReadInto(free *Buffers) (buf *[]byte, n int, err error) {
	return c.readInto(free, c.in.step)
}

// readInto is ReadInto by these steps, the last of which is in.read, or by none that read.
func (c *Conn) readInto(free *Buffers, step func(fd uintptr) (done bool)) (buf *[]byte, n int, err error) {
	t := &c.in
	t.free, t.n, t.errno = free, 0, 0
	err = c.sys.Read(step)
	buf = t.buf
	t.free, t.buf, t.p = nil, nil, nil
	switch {
	case err != nil:
		err = c.fault("read", err)
	case buf == nil: // nothing was read
		return nil, 0, nil
	case t.errno != 0:
		err = c.fault("read", os.NewSyscallError("read", t.errno))
	case t.n == 0:
		err = io.EOF
	default:
		return buf, t.n, nil
	}
	free.Put(buf)
	return nil, 0, err
}

// Asks says that Ask works on this system.
const Asks = true

// A question is what Ask is about.
type question struct {
	p      []byte // to be written; nil once it was
	look   bool   // first
	sender Sender
	n      int // bytes written
	err    error
	one    [1]byte
	step   func(fd uintptr) (done bool)
}

// Ask writes p and reads what comes then, as ReadInto does. Nothing is written, and the error is
// ErrNotQuiet, when look is set and there is something to read already, be it the end. When not all
// is written, since there is no room, it returns at once without an error; sender is not told then.
//
// It costs less than looking, writing and reading: after a look it does not try to read in vain. What
// arrives behind the look wakes it for certain, since the runtime's poller was told to forget what was
// before it; without a look there may be something of which it will not hear again. The writing is not to be done by another goroutine at the same time.
func (c *Conn) Ask(p []byte, look bool, sender Sender, free *Buffers) (written int, buf *[]byte, n int, err error) {
	q := &c.asked
	if q.step == nil {
		q.step = c.ask
	}
	q.p, q.look, q.sender, q.n, q.err = p, look, sender, 0, nil
	buf, n, err = c.readInto(free, q.step)
	q.p, q.sender = nil, nil
	if q.err != nil {
		err = q.err
	}
	return q.n, buf, n, err
}

// ask is one step of Ask. It reports false when the answer is to be waited for.
func (c *Conn) ask(fd uintptr) bool {
	q := &c.asked
	if q.p == nil {
		return c.in.read(fd)
	}
	if q.look && !q.quiet(fd) {
		q.err = ErrNotQuiet
		return true
	}
	t := transfer{p: q.p}
	done := t.write(fd)
	q.n = t.n
	if t.errno != 0 {
		q.err = c.fault("write", os.NewSyscallError("write", t.errno))
	}
	if !done || t.errno != 0 {
		return true
	}
	q.p = nil
	q.sender.Sent()
	return !q.look && c.in.read(fd)
}

// quiet asks for a byte and leaves it there.
func (q *question) quiet(fd uintptr) bool {
	for {
		_, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, fd, uintptr(unsafe.Pointer(&q.one[0])), 1, syscall.MSG_PEEK|syscall.MSG_DONTWAIT, 0, 0)
		if errno != syscall.EINTR {
			return errno == syscall.EAGAIN
		}
	}
}

// read is one attempt. It reports false when there is nothing yet.
func (t *transfer) read(fd uintptr) bool {
	if t.free != nil {
		t.buf = t.free.Get()
		t.p = *t.buf
	}
	for {
		n, _, errno := syscall.RawSyscall(syscall.SYS_READ, fd, uintptr(unsafe.Pointer(&t.p[0])), uintptr(len(t.p)))
		switch errno {
		case 0:
			t.n = int(n)
		case syscall.EINTR:
			continue
		case syscall.EAGAIN:
			if t.free != nil {
				t.free.Put(t.buf)
				t.buf = nil
			}
			return false
		}
		t.errno = errno
		return true
	}
}

// Write writes all of p, and waits for room if need be.
func (c *Conn) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	t := &c.out
	t.p, t.n, t.errno = p, 0, 0
	err := c.sys.Write(t.step)
	t.p = nil
	switch {
	case err != nil:
		return t.n, c.fault("write", err)
	case t.errno != 0:
		return t.n, c.fault("write", os.NewSyscallError("write", t.errno))
	}
	return t.n, nil
}

// write writes as long as there is room. It reports false when there is more to write.
func (t *transfer) write(fd uintptr) bool {
	for t.n < len(t.p) {
		rest := t.p[t.n:min(len(t.p), t.n+mostAtOnce)]
		n, _, errno := syscall.RawSyscall(syscall.SYS_WRITE, fd, uintptr(unsafe.Pointer(&rest[0])), uintptr(len(rest)))
		switch errno {
		case 0:
			t.n += int(n)
		case syscall.EINTR:
		case syscall.EAGAIN:
			return false
		default:
			t.errno = errno
			return true
		}
	}
	return true
}

// fault words an error as package net does.
func (c *Conn) fault(op string, err error) error {
	var raw *net.OpError
	if errors.As(err, &raw) {
		err = raw.Err
	}
	return &net.OpError{Op: op, Net: "tcp", Source: c.LocalAddr(), Addr: c.RemoteAddr(), Err: err}
}
