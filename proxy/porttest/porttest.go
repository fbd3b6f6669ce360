// Package porttest gives tests and benchmarks ports of the loopback that are theirs until they end.
//
// A port that is taken by listening on ":0" and given back by Close is free for everybody: a test
// that runs beside may get it for a server or for a connection of its own, before the first one
// has used it or while the first one expects that nobody answers there.
package porttest

import (
	"fmt"
	"net"
)

// A TB is the part of testing.TB that is needed here, for programs that are no tests.
type TB interface {
	Helper()
	Cleanup(func())
	Fatal(...any)
}

// Hold returns an address of 127.0.0.1 on which nobody listens: connects are refused. Until t and
// its cleanups are over the system gives its port to nobody who asks for any port. Whoever asks for
// this one may listen on it, once or again and again (Go's net.Listen does, and every program that
// sets SO_REUSEADDR); when that is over, connects are refused as before. The same port of ::1 is held
// too, where there is one, so that "localhost" with it can be relied on.
//
// Only Linux lets a second socket bind such a port. Elsewhere the port is free once Hold has
// returned, and may go to somebody else.
func Hold(t TB) string {
	t.Helper()
	address, release, err := Take()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return address
}

// Take is Hold until release is called.
func Take() (address string, release func(), err error) {
	port, release, err := hold()
	if err != nil {
		return "", nil, fmt.Errorf("hold a port of the loopback: %w", err)
	}
	return net.JoinHostPort("127.0.0.1", port), release, nil
}

// Listen listens on a held port. Who closes the listener before the test is over can rely on it
// that nobody else answers there, and can listen on the same address again. t closes it at the latest.
func Listen(t TB) net.Listener {
	t.Helper()
	return ListenOn(t, Hold(t))
}

// ListenOn listens on an address that Hold returned. t closes the listener at the latest.
func ListenOn(t TB, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}
