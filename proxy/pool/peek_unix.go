//go:build unix

package pool

import (
	"errors"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A look is one peek. They are used again, since what is handed to Control is on
// the heap.
type look struct {
	take func(fd uintptr)
	fds  [1]unix.PollFd
	seen peeked
}

var looks = sync.Pool{New: func() any {
	l := new(look)
	l.take = l.at
	return l
}}

// peek looks at what the kernel holds for an idle connection, without taking it
// or waiting (about 2 microseconds when there is nothing).
func peek(c syscall.RawConn) peeked {
	l := looks.Get().(*look)
	defer looks.Put(l)
	l.seen = peekClosed
	if c.Control(l.take) != nil {
		return peekClosed
	}
	return l.seen
}

func (l *look) at(fd uintptr) {
	l.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	n, err := unix.Poll(l.fds[:], 0)
	if n == 0 && err == nil {
		l.seen = peekNothing
		return
	}
	var one [1]byte
	n, _, err = unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	switch {
	case n > 0:
		l.seen = peekBytes
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		l.seen = peekNothing
	}
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
