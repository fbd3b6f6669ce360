package porttest

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"testing"
)

// only has a socket that asks for any port look at port alone (IP_LOCAL_PORT_RANGE, ip(7); since
// Linux 6.3), and skips t where the system cannot.
func only(t *testing.T, port uint16) func(network, address string, c syscall.RawConn) error {
	const ipLocalPortRange = 51
	return func(_, _ string, c syscall.RawConn) (err error) {
		c.Control(func(fd uintptr) {
			err = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_IP, ipLocalPortRange, int(port)<<16|int(port))
		})
		if errors.Is(err, syscall.ENOPROTOOPT) {
			t.Skip("a Linux before 6.3, where no socket can be told which ports to look at")
		}
		return err
	}
}

// Whoever asks for any port does not get the held one: neither to listen nor for a connection, before
// and after somebody listened on it. Given back it goes to either, so that the test has looked at it.
func TestHeldPortGoesToNobody(t *testing.T) {
	target, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	held, release, err := hold()
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.ParseUint(held, 10, 16)
	if err != nil {
		t.Fatal(err)
	}
	control := only(t, uint16(port))
	anywhere := []string{"127.0.0.1:0", ":0"}
	if ln, err := net.Listen("tcp", "[::1]:0"); err == nil {
		ln.Close()
		anywhere = append(anywhere, "[::1]:0")
	}
	try := func(when string, free bool) {
		t.Helper()
		for _, any := range anywhere {
			ln, err := (&net.ListenConfig{Control: control}).Listen(t.Context(), "tcp", any)
			if err == nil {
				ln.Close()
			}
			if (err == nil) != free {
				t.Errorf("%s, listen on %s: got error %v; want success %v", when, any, err, free)
			}
		}
		nc, err := (&net.Dialer{Control: control}).Dial("tcp", target.Addr().String())
		if err == nil {
			nc.(*net.TCPConn).SetLinger(0) // no TIME_WAIT, which would keep the port
			nc.Close()
		}
		if (err == nil) != free {
			t.Errorf("%s, connect: got error %v; want success %v", when, err, free)
		}
	}
	try("held", false)
	ln := ListenOn(t, "127.0.0.1:"+held)
	try("listened on", false)
	ln.Close()
	try("held again", false)
	release()
	try("given back", true)
}
