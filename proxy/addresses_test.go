package proxy

import (
	"net"
	"net/netip"
	"testing"
)

func TestAllowDial(t *testing.T) {
	tests := map[string]bool{
		"127.0.0.1": true, "::1": true, "10.0.0.7": true, "160.79.104.10": true, "2607:6bc0::10": true, "fd12::1": true,
		"169.254.169.254": false, "169.254.1.1": false, "fe80::1": false, "fe80::1%eth0": false, "::ffff:169.254.169.254": false,
		"fd00:ec2::254": false, "100.100.100.200": false, "192.0.0.192": false, "224.0.0.1": false, "0.0.0.0": false, "::": false,
	}
	for text, want := range tests {
		if got := allowDial(netip.MustParseAddr(text)) == nil; got != want {
			t.Errorf("%s: got allowed %v; want %v", text, got, want)
		}
	}
}

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
