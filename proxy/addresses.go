package proxy

import (
	"net"
	"net/netip"
	"slices"
	"sync/atomic"
)

// ownAddrs knows the addresses that the daemon listens on. The zero value knows none.
type ownAddrs struct{ bound atomic.Pointer[[]net.Addr] }

func (o *ownAddrs) set(bound []net.Addr) { o.bound.Store(&bound) }

// has reports whether a connection to a would arrive at our own listener.
func (o *ownAddrs) has(a netip.AddrPort) bool {
	bound := o.bound.Load()
	if bound == nil {
		return false
	}
	for _, b := range *bound {
		tcp, ok := b.(*net.TCPAddr)
		if !ok {
			continue
		}
		own := tcp.AddrPort()
		if own.Port() != a.Port() {
			continue
		}
		ip := a.Addr().Unmap()
		if own.Addr().Unmap() == ip || own.Addr().IsUnspecified() && isOurs(ip) {
			return true
		}
	}
	return false
}

// isOurs reports whether ip is one of this machine's. It asks the system, but only on
// a dial to our own port while we listen on a wildcard.
func isOurs(ip netip.Addr) bool {
	if ip.IsLoopback() || ip.IsUnspecified() {
		return true
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		prefix, err := netip.ParsePrefix(a.String())
		return err == nil && prefix.Addr().WithZone("") == ip.WithZone("")
	})
}
