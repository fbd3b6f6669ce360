//go:build unix

package pool

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// peek looks at what the kernel holds for an idle connection, without taking it
// or waiting (recv(2) with MSG_PEEK|MSG_DONTWAIT; about 3 microseconds).
func peek(c syscall.RawConn) peeked {
	seen := peekClosed
	err := c.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		switch {
		case n > 0:
			seen = peekBytes
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
			seen = peekNothing
		}
	})
	if err != nil {
		return peekClosed
	}
	return seen
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
