package general

import (
	"net"
	"net/http"
	"syscall"
	"testing"
	"time"

	"millpond/proxy/pool"
	"millpond/settings"
)

// Row 15: no answer to a SYN: the queue of a listener that accepts nobody is full.
func TestRow15ConnectTimeout(t *testing.T) {
	ln, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	sys, err := ln.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.Control(func(fd uintptr) { err = syscall.Listen(int(fd), 0) }); err != nil {
		t.Fatal(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	first, err := net.Dial("tcp4", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	r := newRig(t, pool.Config{}, func(s *settings.Settings) {
		s.Timeouts.Connect, s.Failover.Attempts = 100*time.Millisecond, 2
	}, "http://"+ln.Addr().String())
	r.failed(r.post("/1"), http.StatusBadGateway, pool.CodeConnect)
	r.replayed(1, 0, 0)
}
