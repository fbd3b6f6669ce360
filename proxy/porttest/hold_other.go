//go:build !linux

package porttest

import "net"

// hold picks a port and gives it back: other systems refuse to bind it a second time, or let
// both listen (Windows).
func hold() (address string, release func(), err error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return ln.Addr().String(), func() {}, ln.Close()
}
