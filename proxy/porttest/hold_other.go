//go:build !linux

package porttest

import (
	"errors"
	"net"
)

// hold picks a port and gives it back: other systems refuse to bind it a second time, or let
// both listen (Windows).
func hold() (port string, release func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	_, port, err = net.SplitHostPort(ln.Addr().String())
	return port, func() {}, errors.Join(err, ln.Close())
}
