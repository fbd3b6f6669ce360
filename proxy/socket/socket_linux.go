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
	t := &c.in
	t.free, t.n, t.errno = free, 0, 0
	err = c.sys.Read(t.step)
	buf = t.buf
	t.free, t.buf, t.p = nil, nil, nil
	switch {
	case err != nil:
		err = c.fault("read", err)
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
