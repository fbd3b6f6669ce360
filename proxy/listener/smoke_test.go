package listener

import (
	"net"
	"testing"
)

func TestGateLetsLoopbackIn(t *testing.T) {
	g := NewGate(GateConfig{Addrs: []net.Addr{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7860}}})
	if r := g.Check(View{Method: "GET", Target: "/", Host: "localhost:7860"}); r != nil {
		t.Fatalf("got %v; want nil", r)
	}
}
