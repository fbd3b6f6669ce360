package listener

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"millpond/proxy/porttest"
)

// bind binds address, and closes it with the test.
func bind(t *testing.T, address string) *Listener {
	t.Helper()
	l, err := Bind(t.Context(), address, false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// hasIPv6 reports whether this machine has ::1.
func hasIPv6() bool {
	ln, err := net.Listen("tcp6", "[::1]:0")
	if err != nil {
		return false
	}
	ln.Close()
	return true
}

// echo accepts until l is closed, and sends back what each client sends.
func echo(t *testing.T, l net.Listener) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
}

// ping dials addr and asks for an echo.
func ping(addr string) error {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	return pingOn(conn)
}

func pingOn(conn net.Conn) error {
	if _, err := io.WriteString(conn, "ping"); err != nil {
		return err
	}
	var b [4]byte
	_, err := io.ReadFull(conn, b[:])
	if err == nil && string(b[:]) != "ping" {
		err = fmt.Errorf("got %q; want ping", b)
	}
	return err
}

func TestBindLocalhost(t *testing.T) {
	l := bind(t, "localhost:0")
	echo(t, l)
	want := 1
	if hasIPv6() {
		want = 2
	}
	addrs := l.Addrs()
	if len(addrs) != want || l.Addr().String() != addrs[0].String() {
		t.Fatalf("got %v and first %v; want %d addresses", addrs, l.Addr(), want)
	}
	port := addrs[0].(*net.TCPAddr).Port
	for _, a := range addrs {
		if tcp := a.(*net.TCPAddr); tcp.Port != port || tcp.Port == 0 || !tcp.IP.IsLoopback() {
			t.Errorf("got %v; want loopback with port %d", a, port)
		}
		if err := ping(a.String()); err != nil {
			t.Error(err)
		}
	}
	if (l.Note() != "") != (want == 1) {
		t.Errorf("got note %q; want one only without ::1", l.Note())
	}
}

func TestBindOneAddress(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::ffff:127.0.0.1]:0"} {
		l := bind(t, address)
		echo(t, l)
		if len(l.Addrs()) != 1 || l.Note() != "" {
			t.Errorf("%s: got %v, %q; want one address", address, l.Addrs(), l.Note())
		}
		if err := ping(l.Addr().String()); err != nil {
			t.Error(err)
		}
	}
}

// A machine without ::1 refuses an address as this one refuses one of the documentation's network.
func TestOneLoopbackAbsent(t *testing.T) {
	absent := netip.MustParseAddr("2001:db8::1")
	p := plan{address: "localhost:0", both: true, ips: []netip.Addr{loopback4, absent}}
	sockets, note, err := p.open(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer closeExcept(sockets, nil)
	if len(sockets) != 1 || !strings.Contains(note, absent.String()) {
		t.Errorf("got %d sockets, note %q; want 1 and a note of %s", len(sockets), note, absent)
	}

	p.ips = []netip.Addr{absent}
	_, _, err = p.open(t.Context(), nil)
	wantReason(t, err, NotLocal)

	p.both = false
	_, _, err = p.open(t.Context(), nil)
	wantReason(t, err, NotLocal)
}

func wantReason(t *testing.T, err error, want Reason) *BindError {
	t.Helper()
	var e *BindError
	if !errors.As(err, &e) || e.Reason != want {
		t.Fatalf("got %v; want a BindError with reason %s", err, want)
	}
	return e
}

func TestBindRefusesWhatOthersReach(t *testing.T) {
	for _, address := range []string{":0", "0.0.0.0:0", "[::]:0", "192.0.2.1:7860", "[fe80::1]:7860", "[::ffff:192.0.2.1]:80"} {
		_, err := Bind(t.Context(), address, false)
		e := wantReason(t, err, TokenMissing)
		if !strings.Contains(e.Error(), "listen.token") {
			t.Errorf("%s: got %q; want what to set", address, e)
		}
	}
	l, err := Bind(t.Context(), ":0", true)
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestBindRefusesNonsense(t *testing.T) {
	for _, address := range []string{"", "7860", "127.0.0.1", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536", "127.0.0.1:-1", "::1:7860"} {
		_, err := Bind(t.Context(), address, false)
		wantReason(t, err, BadAddress)
	}
}

// The port is taken on the second loopback only: nothing may be left bound on the first.
func TestBindAllOrNothing(t *testing.T) {
	if !hasIPv6() {
		t.Skip("this machine has no ::1")
	}
	first := porttest.Hold(t)
	_, port, _ := net.SplitHostPort(first)
	porttest.ListenOn(t, "[::1]:"+port)
	_, err := Bind(t.Context(), "localhost:"+port, false)
	wantReason(t, err, PortInUse)
	porttest.ListenOn(t, first)
}

func TestPortInUseNamesTheProcess(t *testing.T) {
	other := bind(t, "127.0.0.1:0")
	_, err := Bind(t.Context(), other.Addr().String(), false)
	e := wantReason(t, err, PortInUse)
	if want := strconv.Itoa(os.Getpid()); !strings.Contains(e.Error(), "(pid "+want+")") && holdersAreKnown {
		t.Errorf("got %q; want our pid, %s", e, want)
	}
	if !strings.Contains(e.Error(), "listen.address") || !errors.Is(err, e.Err) {
		t.Errorf("got %q; want what to do, and the cause", e)
	}
}

func TestReason(t *testing.T) {
	wrap := func(n syscall.Errno) error {
		return &net.OpError{Op: "listen", Err: os.NewSyscallError("bind", n)}
	}
	tests := []struct {
		goos string
		err  error
		want Reason
	}{
		{"windows", wrap(10013), PortReserved},
		{"windows", wrap(10048), PortInUse},
		{"windows", wrap(10049), NotLocal},
		{"windows", wrap(10022), CannotListen},
		{"linux", wrap(syscall.EADDRINUSE), PortInUse},
		{"linux", wrap(syscall.EACCES), NotPermitted},
		{"darwin", wrap(syscall.EPERM), NotPermitted},
		{"darwin", wrap(syscall.EADDRNOTAVAIL), NotLocal},
		{"linux", wrap(syscall.EAFNOSUPPORT), NotLocal},
		{"linux", wrap(syscall.EMFILE), CannotListen},
		{"linux", errors.New("odd"), CannotListen},
	}
	for _, tt := range tests {
		if got := reasonOf(tt.goos, tt.err); got != tt.want {
			t.Errorf("%s, %v: got %s; want %s", tt.goos, tt.err, got, tt.want)
		}
	}
}

func TestExplain(t *testing.T) {
	cause := errors.New("cause")
	tests := []struct {
		name, goos string
		e          BindError
		want       string
	}{
		{"known process", "linux", BindError{Reason: PortInUse, Port: 7860, PID: 42, Process: "nginx"},
			"port 7860 is in use by nginx (pid 42); stop it"},
		{"another user's", "linux", BindError{Reason: PortInUse, Port: 7860, Owner: "root"}, "by a program of user root"},
		{"unknown on linux", "linux", BindError{Reason: PortInUse, Port: 7860}, "sudo ss -ltnp sport = :7860"},
		{"unknown on windows", "windows", BindError{Reason: PortInUse, Port: 7860}, "netstat -ano -p TCP | findstr :7860"},
		{"unknown on macOS", "darwin", BindError{Reason: PortInUse, Port: 7860}, "lsof -nP -iTCP:7860 -sTCP:LISTEN"},
		{"reserved", "windows", BindError{Reason: PortReserved, Port: 15700}, "netsh interface ipv4 show excludedportrange protocol=tcp"},
		{"low port", "linux", BindError{Reason: NotPermitted, Port: 80}, "above 1023"},
		{"token", "linux", BindError{Reason: TokenMissing}, "listen.token"},
		{"absent", "linux", BindError{Reason: NotLocal, Err: cause}, "no such address (cause)"},
		{"nonsense", "linux", BindError{Reason: BadAddress, Err: cause}, "like 127.0.0.1:7860"},
		{"else", "linux", BindError{Reason: CannotListen, Err: cause}, "cause"},
	}
	for _, tt := range tests {
		if got := tt.e.explain(tt.goos); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %q; want %q in it", tt.name, got, tt.want)
		}
	}
}

func TestCloseEndsAccept(t *testing.T) {
	_, port, _ := net.SplitHostPort(porttest.Hold(t))
	l := bind(t, "localhost:"+port)
	ended := make(chan error)
	go func() {
		_, err := l.Accept()
		ended <- err
	}()
	l.Close()
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v; want net.ErrClosed", err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept after Close: got %v; want net.ErrClosed", err)
	}
	for _, a := range l.Addrs() {
		if err := ping(a.String()); err == nil {
			t.Errorf("a closed listener was reached at %s", a)
		}
	}
}

func TestConnectionsOutliveClose(t *testing.T) {
	l := bind(t, "127.0.0.1:0")
	echo(t, l)
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := pingOn(conn); err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := pingOn(conn); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

// flaky is a socket whose first Accept fails as if files were short.
type flaky struct {
	net.Listener
	failed bool
}

func (f *flaky) Accept() (net.Conn, error) {
	if !f.failed {
		f.failed = true
		return nil, syscall.EMFILE
	}
	return f.Listener.Accept()
}

func TestPassingAcceptErrors(t *testing.T) {
	l := bind(t, "127.0.0.1:0")
	l.sockets[0].Listener = &flaky{Listener: l.sockets[0].Listener}
	if _, err := l.Accept(); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("got %v; want EMFILE", err)
	}
	echo(t, l)
	if err := ping(l.Addr().String()); err != nil {
		t.Errorf("after the error: %v", err)
	}
}
