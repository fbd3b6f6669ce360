package proxy

import (
	"net"
	"net/netip"
	"testing"
)

func TestOwnAddrs(t *testing.T) {
	tests := []struct {
		bound, dialled string
		want           bool
	}{
		{"127.0.0.1:7860", "127.0.0.1:7860", true},
		{"127.0.0.1:7860", "[::ffff:127.0.0.1]:7860", true},
		{"127.0.0.1:7860", "127.0.0.1:7861", false},
		{"127.0.0.1:7860", "[::1]:7860", false},
		{"[::1]:7860", "[::1]:7860", true},
		{"0.0.0.0:7860", "127.0.0.1:7860", true},
		{"[::]:7860", "127.0.0.9:7860", true},
		{"[::]:7860", "192.0.2.1:7860", false},
	}
	for _, tt := range tests {
		var o ownAddrs
		if o.has(netip.MustParseAddrPort(tt.dialled)) {
			t.Errorf("nothing bound: %s is taken for ours", tt.dialled)
		}
		o.set([]net.Addr{net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tt.bound))})
		if got := o.has(netip.MustParseAddrPort(tt.dialled)); got != tt.want {
			t.Errorf("bound to %s, dialled %s: got %v; want %v", tt.bound, tt.dialled, got, tt.want)
		}
	}
}
