package upstream

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// ErrForbiddenAddress is what AllowDial's errors are for errors.Is.
var ErrForbiddenAddress = errors.New("address is not allowed for an upstream")

// metadata are the addresses at which clouds give out a machine's credentials and that are not
// link-local: AWS over IPv6, Google over IPv6, Alibaba, Azure's host, Oracle's first generation.
var metadata = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),
	netip.MustParseAddr("fd20:ce::254"),
	netip.MustParseAddr("100.100.100.200"),
	netip.MustParseAddr("168.63.129.16"),
	netip.MustParseAddr("192.0.0.192"),
}

// AllowDial returns an error if ip must not be dialled: link-local (which holds 169.254.169.254),
// metadata, multicast, broadcast and unspecified addresses, also inside IPv6 forms that lead to an IPv4
// address. Loopback and private networks are allowed: models run there. It is asked after the name was
// resolved, for a name may resolve to anything.
func AllowDial(ip netip.Addr) error {
	why := whyForbidden(ip.Unmap().WithZone(""))
	if inner := embedded(ip); why == "" && inner.IsValid() {
		why = whyForbidden(inner)
	}
	if why != "" {
		return fmt.Errorf("%w: %s is %s", ErrForbiddenAddress, ip, why)
	}
	return nil
}

// whyForbidden says what an address is that must not be dialled, "" for any other.
func whyForbidden(ip netip.Addr) string {
	switch {
	case !ip.IsValid():
		return "no address"
	case slices.Contains(metadata, ip):
		return "a cloud's metadata service"
	case ip.IsUnspecified():
		return "no destination; write 127.0.0.1 or [::1] for this machine"
	case ip.IsLinkLocalUnicast():
		return "link-local, where clouds serve credentials"
	case ip.IsMulticast():
		return "a multicast group"
	case ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "the broadcast address"
	}
	return ""
}

// embedded returns the IPv4 address inside an IPv6 one of the NAT64 prefix 64:ff9b::/96 (RFC 6052), of
// 6to4 2002::/16 (RFC 3056), or of the old IPv4-compatible form (RFC 4291); else an invalid address.
func embedded(ip netip.Addr) netip.Addr {
	ip = ip.Unmap().WithZone("")
	if !ip.Is6() {
		return netip.Addr{}
	}
	b := ip.As16()
	switch {
	case nat64.Contains(ip), compatible.Contains(ip) && ip != netip.IPv6Loopback() && !ip.IsUnspecified():
		return netip.AddrFrom4([4]byte(b[12:16]))
	case sixToFour.Contains(ip):
		return netip.AddrFrom4([4]byte(b[2:6]))
	}
	return netip.Addr{}
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")
	compatible = netip.MustParsePrefix("::/96")
	sixToFour  = netip.MustParsePrefix("2002::/16")
)
