package listener

import (
	"net"
	"net/http"
	"net/netip"
	"testing"

	"millpond/proxy/porttest"
)

var loopback4 = netip.MustParseAddr("127.0.0.1")

// move prepares a move to address and fails the test if that fails.
func move(t *testing.T, l *Listener, address string, tokenSet bool) *Move {
	t.Helper()
	m, err := l.Prepare(t.Context(), address, tokenSet)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMove(t *testing.T) {
	l := bind(t, porttest.Hold(t))
	echo(t, l)
	old := l.Addr().String()
	conn, err := net.Dial("tcp", old)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := pingOn(conn); err != nil {
		t.Fatal(err)
	}

	m := move(t, l, "127.0.0.1:0", false)
	if got := l.Addr().String(); got != old {
		t.Errorf("prepared: got %s; want still %s", got, old)
	}
	if err := ping(old); err != nil {
		t.Errorf("prepared: %v", err)
	}
	m.Commit()
	if got, want := l.Addr().String(), m.Addrs()[0].String(); got != want || want == old {
		t.Errorf("got %s; want %s", got, want)
	}
	if err := ping(l.Addr().String()); err != nil {
		t.Errorf("new address: %v", err)
	}
	if err := ping(old); err == nil {
		t.Error("the old address still answers")
	}
	if err := pingOn(conn); err != nil {
		t.Errorf("old connection: %v", err)
	}
}

func TestMoveKeepsCommonSocket(t *testing.T) {
	if !hasIPv6() {
		t.Skip("this machine has no ::1")
	}
	_, port, _ := net.SplitHostPort(porttest.Hold(t))
	l := bind(t, "localhost:"+port)
	echo(t, l)
	before := l.sockets[0]
	for _, address := range []string{"127.0.0.1:", "localhost:", "localhost:"} {
		move(t, l, address+port, false).Commit()
		if l.bound()[0] != before {
			t.Errorf("%s: the common socket was bound anew", address)
		}
		for _, a := range l.Addrs() {
			if err := ping(a.String()); err != nil {
				t.Errorf("%s: %v", address, err)
			}
		}
	}
	if got := len(l.Addrs()); got != 2 {
		t.Errorf("got %d addresses; want 2", got)
	}
}

func TestMoveCancelled(t *testing.T) {
	l := bind(t, "127.0.0.1:0")
	echo(t, l)
	m := move(t, l, porttest.Hold(t), false)
	if err := m.Cancel(t.Context()); err != nil {
		t.Error(err)
	}
	if err := ping(m.Addrs()[0].String()); err == nil {
		t.Error("the cancelled address answers")
	}
	if err := ping(l.Addr().String()); err != nil {
		t.Error(err)
	}
}

func TestMoveFails(t *testing.T) {
	other := bind(t, "127.0.0.1:0")
	l := bind(t, "127.0.0.1:0")
	echo(t, l)
	_, err := l.Prepare(t.Context(), other.Addr().String(), false)
	wantReason(t, err, PortInUse)
	_, err = l.Prepare(t.Context(), "0.0.0.0:0", false)
	wantReason(t, err, TokenMissing)
	if err := ping(l.Addr().String()); err != nil {
		t.Error(err)
	}
}

// A wildcard cannot be bound beside an address with the same port.
func TestMoveToWildcardAndBack(t *testing.T) {
	narrow := porttest.Hold(t)
	_, port, _ := net.SplitHostPort(narrow)
	l := bind(t, narrow)
	echo(t, l)
	for _, address := range []string{"0.0.0.0:" + port, narrow, "0.0.0.0:" + port} {
		move(t, l, address, true).Commit()
		if err := ping(narrow); err != nil {
			t.Errorf("%s: %v", address, err)
		}
	}
	m := move(t, l, narrow, true)
	if err := m.Cancel(t.Context()); err != nil {
		t.Error(err)
	}
	if err := ping(narrow); err != nil {
		t.Errorf("cancelled: %v", err)
	}
	if got := l.Addr().String(); got != "0.0.0.0:"+port {
		t.Errorf("cancelled: got %s; want the wildcard", got)
	}
}

func TestMoveAfterClose(t *testing.T) {
	l := bind(t, "127.0.0.1:0")
	m := move(t, l, porttest.Hold(t), false)
	l.Close()
	m.Commit()
	if err := ping(m.Addrs()[0].String()); err == nil {
		t.Error("a closed listener answers on the new address")
	}
}

// No request fails while the address moves under net/http.
func TestMoveUnderLoad(t *testing.T) {
	l := bind(t, "127.0.0.1:0")
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) })}
	served := make(chan error)
	go func() { served <- srv.Serve(l) }()
	client := &http.Client{Transport: &http.Transport{}} // keeps its connection
	first := "http://" + l.Addr().String()
	get := func(url string) {
		t.Helper()
		resp, err := client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	get(first)
	for range 20 {
		move(t, l, "127.0.0.1:0", false).Commit()
		get(first) // on its kept connection
		get("http://" + l.Addr().String())
	}
	client.CloseIdleConnections()
	srv.Close()
	if err := <-served; err != http.ErrServerClosed {
		t.Errorf("got %v; want http.ErrServerClosed", err)
	}
}
