package listener

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"
)

const holdersAreKnown = true

const procTCP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1EB4 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 77 1 0000000000000000 100 0 0 10 0
   1: 0000000000000000FFFF00000100007F:1EB4 0000000000000000FFFF00000100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 78 1 0000000000000000 100 0 0 10 0
   2: 00000000000000000000000000000000:0050 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 79 1 0000000000000000 100 0 0 10 0
   3: nonsense
   4: 0100:zz 00000000:0000 0A 0 0 0 0 0 0 0
`

func TestListeningIn(t *testing.T) {
	got := listeningIn([]byte(procTCP6))
	want := []listening{
		{netip.MustParseAddrPort("[::1]:7860"), 1000, "77"},
		{netip.MustParseAddrPort("[::]:80"), 0, "79"},
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestParseProcAddr(t *testing.T) {
	tests := []struct{ in, want string }{
		{"0100007F:1EB4", "127.0.0.1:7860"},
		{"00000000:0050", "0.0.0.0:80"},
		{"0000000000000000FFFF00000100007F:0001", "127.0.0.1:1"},
		{"0100007F", ""},
		{"0100:0001", ""},
		{"01:0001", ""},
		{":0001", ""},
		{"xx00007F:0001", ""},
		{"0100007F:10000", ""},
	}
	for _, tt := range tests {
		got, ok := parseProcAddr(tt.in)
		if ok != (tt.want != "") || ok && got.String() != tt.want {
			t.Errorf("%s: got %v, %v; want %q", tt.in, got, ok, tt.want)
		}
	}
}

func TestBlocks(t *testing.T) {
	tests := []struct {
		held, wanted string
		want         bool
	}{
		{"127.0.0.1:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "127.0.0.1:81", false},
		{"127.0.0.1:80", "[::1]:80", false},
		{"0.0.0.0:80", "127.0.0.1:80", true},
		{"127.0.0.1:80", "0.0.0.0:80", true},
		{"[::]:80", "127.0.0.1:80", true},
		{"127.0.0.2:80", "127.0.0.1:80", false},
	}
	for _, tt := range tests {
		l := listening{addr: netip.MustParseAddrPort(tt.held)}
		if got := l.blocks(netip.MustParseAddrPort(tt.wanted)); got != tt.want {
			t.Errorf("%s held, %s wanted: got %v; want %v", tt.held, tt.wanted, got, tt.want)
		}
	}
}

// A socket that no readable process has open is another user's.
func TestProcessOfAnotherUser(t *testing.T) {
	if got := processOf(listening{uid: 0, inode: "none"}); got.pid != 0 || got.owner != "root" {
		t.Errorf("got %+v; want the owner root and no pid", got)
	}
	if got := userName(1 << 30); got != "number 1073741824" {
		t.Errorf("got %q; want the number", got)
	}
}

func TestHolderOfUnusedPort(t *testing.T) {
	if got := holderOf(netip.MustParseAddrPort("127.0.0.1:1")); got.pid == os.Getpid() {
		t.Errorf("got %+v; want somebody else or nobody", got)
	}
}

// Only Linux has the whole of 127.0.0.0/8 without further ado.
func TestMoveToWildcardFails(t *testing.T) {
	l := bind(t, "127.0.0.1:0")
	echo(t, l)
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	other := bind(t, "127.0.0.2:"+port) // keeps the wildcard from being bound
	_, err := l.Prepare(t.Context(), "0.0.0.0:"+port, true)
	wantReason(t, err, PortInUse)
	if err := ping(l.Addr().String()); err != nil {
		t.Errorf("the old address is gone: %v", err)
	}
	other.Close()
}
