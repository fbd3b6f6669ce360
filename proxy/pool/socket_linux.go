package pool

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// limitUnacked sets TCP_USER_TIMEOUT (tcp(7)): a path that swallows bytes is
// given up after d.
func limitUnacked(c syscall.RawConn, d time.Duration) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d.Milliseconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}
