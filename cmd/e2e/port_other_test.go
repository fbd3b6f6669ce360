//go:build !linux

package e2e

import (
	"net"
	"testing"
)

// closedPort is a loopback address where nobody listens. Other systems than Linux cannot hold it.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
