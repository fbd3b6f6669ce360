//go:build unix && !linux

package hangup

import (
	"errors"

	"golang.org/x/sys/unix"
)

// A glance is what a look has to keep on the heap.
type glance struct{ fds [1]unix.PollFd }

// at asks whether there is anything, and only then what it is.
func (l *look) at(fd uintptr) {
	l.fds[0] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	n, err := unix.Poll(l.fds[:], 0)
	if n == 0 && err == nil {
		l.seen = Nothing
		return
	}
	var one [1]byte
	n, _, err = unix.Recvfrom(int(fd), one[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
	switch {
	case n > 0:
		l.seen = Bytes
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		l.seen = Nothing
	}
}
