package pool

import (
	"errors"
	"syscall"
	"time"

	"golang.org/x/sys/windows"
)

// tcpMaxRT is TCP_MAXRT (ws2ipdef.h): seconds of retransmission after which the
// connection is dropped.
const tcpMaxRT = 5

// limitUnacked has a path that swallows bytes given up after d. A system that does not know the option
// (wine 8) gives up after a time of its own: no reason not to connect.
func limitUnacked(c syscall.RawConn, d time.Duration) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = windows.SetsockoptInt(windows.Handle(fd), windows.IPPROTO_TCP, tcpMaxRT, int(d.Seconds()))
	}); cerr != nil {
		return cerr
	}
	if errors.Is(err, windows.WSAENOPROTOOPT) {
		return nil
	}
	return err
}
