package upstream

import (
	"errors"
	"net/netip"
	"testing"
)

func TestAllowDial(t *testing.T) {
	for _, ip := range []string{
		"127.0.0.1", "::1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "fd00::1", "1.1.1.1", "2606:4700::1111",
		"::ffff:127.0.0.1", "64:ff9b::101:101", "2002:101:101::1", "100.100.100.201",
	} {
		if err := AllowDial(netip.MustParseAddr(ip)); err != nil {
			t.Errorf("%s: got %v; want nil", ip, err)
		}
	}
	for _, ip := range []string{
		"169.254.169.254", "169.254.170.2", "169.254.0.1", "fe80::1", "fe80::1%eth0", "febf::1",
		"fd00:ec2::254", "fd20:ce::254", "100.100.100.200", "168.63.129.16", "192.0.0.192",
		"0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255",
		"::ffff:169.254.169.254", "::169.254.169.254", "64:ff9b::169.254.169.254", "64:ff9b::a9fe:a9fe%eth0", "2002:a9fe:a9fe::1",
		"::ffff:0.0.0.0", "64:ff9b::", "::ffff:100.100.100.200", "fd00:ec2::254%lo",
	} {
		if err := AllowDial(netip.MustParseAddr(ip)); !errors.Is(err, ErrForbiddenAddress) {
			t.Errorf("%s: got %v; want ErrForbiddenAddress", ip, err)
		}
	}
	if err := AllowDial(netip.Addr{}); !errors.Is(err, ErrForbiddenAddress) {
		t.Errorf("no address: got %v; want ErrForbiddenAddress", err)
	}
}
