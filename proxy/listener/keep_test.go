package listener

import (
	"errors"
	"net"
	"testing"

	"millpond/proxy/porttest"
)

// announced says when it has accepted, before it gives the connection out.
type announced struct {
	net.Listener
	accepted chan struct{}
}

func (a *announced) Accept() (net.Conn, error) {
	conn, err := a.Listener.Accept()
	if err == nil {
		a.accepted <- struct{}{}
	}
	return conn, err
}

// TestCloseHandsOutWhatWasAccepted shows that a client who was let in before Close is not turned away.
func TestCloseHandsOutWhatWasAccepted(t *testing.T) {
	l := bind(t, "127.0.0.1:0")
	door := &announced{l.sockets[0].Listener, make(chan struct{})}
	l.sockets[0].Listener = door
	for _, name := range []string{"first", "second"} { // the first makes the accept loop run
		client, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if name == "second" {
			<-door.accepted
			l.Close()
		} else {
			go func() { <-door.accepted }()
		}
		conn, err := l.Accept()
		if err != nil {
			t.Fatalf("the %s: got %v; want its connection", name, err)
		}
		conn.Close()
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v; want net.ErrClosed", err)
	}
}

// TestBindTakesOverKeptSockets shows that a client who connected to a kept socket before is served,
// and that kept sockets of no use are closed.
func TestBindTakesOverKeptSockets(t *testing.T) {
	kept, useless := porttest.Listen(t), porttest.Listen(t)
	address := kept.Addr().String()
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	l, err := Bind(t.Context(), address, false, kept, useless)
	if err != nil {
		t.Fatal(err)
	}
	echo(t, l)
	if err := pingOn(client); err != nil {
		t.Errorf("the client who waited: %v", err)
	}
	if got := l.Sockets(); len(got) != 1 || got[0] != kept {
		t.Errorf("got sockets %v; want the kept one", got)
	}
	if _, err := net.Dial("tcp", useless.Addr().String()); err == nil {
		t.Error("a kept socket of no use still listens")
	}
	if _, err := Bind(t.Context(), "nonsense", false, porttest.Listen(t)); err == nil {
		t.Error("got no error; want one")
	}
}
