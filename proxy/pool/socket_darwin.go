package pool

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// tcpRxtConnDropTime is TCP_RXT_CONNDROPTIME (netinet/tcp.h): seconds of
// retransmission after which the connection is dropped.
const tcpRxtConnDropTime = 0x80

// limitUnacked has a path that swallows bytes given up after d.
func limitUnacked(c syscall.RawConn, d time.Duration) error {
	var err error
	if cerr := c.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, tcpRxtConnDropTime, int(d.Seconds()))
	}); cerr != nil {
		return cerr
	}
	return err
}
