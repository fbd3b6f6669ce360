package listener

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"syscall"
)

// bindTries is how often a common free port for both loopbacks is looked for, when the port is 0.
const bindTries = 16

// Bind listens on address, a "host:port". "localhost" is both loopbacks, 127.0.0.1 and ::1, on the
// same port, also when that is 0 and the system picks one. A machine without one of the two is served
// on the other, and Note says so.
//
// Any address but a loopback one is refused unless tokenSet, since others could reach it. The error is
// a *BindError.
//
// Of kept, which are sockets that listen already, those with the wanted address are taken over, with
// the clients who wait there. The others are closed, and all of them when there is an error.
func Bind(ctx context.Context, address string, tokenSet bool, kept ...net.Listener) (*Listener, error) {
	held := adopt(kept)
	plan, err := planFor(ctx, address, tokenSet)
	if err != nil {
		closeExcept(held, nil)
		return nil, err
	}
	sockets, note, err := plan.open(ctx, held)
	closeExcept(held, sockets)
	if err != nil {
		return nil, err
	}
	return newListener(sockets, note), nil
}

// adopt makes sockets of ours of those that listen already.
func adopt(kept []net.Listener) []*socket {
	var held []*socket
	for _, k := range kept {
		if a, ok := k.Addr().(*net.TCPAddr); ok {
			at := a.AddrPort()
			held = append(held, &socket{Listener: k, addr: netip.AddrPortFrom(at.Addr().Unmap(), at.Port())})
		} else {
			k.Close()
		}
	}
	return held
}

// A plan is what an address asks for, before any socket is opened.
type plan struct {
	address string // as configured, for messages
	ips     []netip.Addr
	port    uint16
	both    bool // the two loopbacks: one may be absent from the machine
}

// planFor resolves address and checks that it may be bound.
func planFor(ctx context.Context, address string, tokenSet bool) (plan, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return plan{}, &BindError{Address: address, Reason: BadAddress, Err: err}
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil {
		return plan{}, &BindError{Address: address, Reason: BadAddress, Err: fmt.Errorf("port %q is outside 0 to 65535", portText)}
	}
	p := plan{address: address, port: uint16(port)}
	switch host {
	case "localhost":
		p.both = true
		p.ips = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	case "":
		p.ips = []netip.Addr{netip.IPv6Unspecified()}
	default:
		if p.ips, err = resolve(ctx, host); err != nil {
			return plan{}, &BindError{Address: address, Reason: NotLocal, Err: err}
		}
	}
	open := slices.ContainsFunc(p.ips, func(ip netip.Addr) bool { return !ip.IsLoopback() })
	if open && !tokenSet {
		return plan{}, &BindError{Address: address, Reason: TokenMissing}
	}
	return p, nil
}

// resolve returns the addresses of host, which may be an address itself.
func resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip.Unmap()}, nil
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	return slices.Compact(ips), err
}

// open binds all sockets of the plan or none. A socket of held that already has the wanted address is
// taken over instead of being bound again.
func (p plan) open(ctx context.Context, held []*socket) (sockets []*socket, note string, err error) {
	for range bindTries {
		sockets, note, err = p.openOnce(ctx, held)
		if err == nil || p.port != 0 || !errors.Is(err, syscall.EADDRINUSE) {
			return sockets, note, err
		}
	}
	return sockets, note, err
}

func (p plan) openOnce(ctx context.Context, held []*socket) (sockets []*socket, note string, err error) {
	port := p.port
	for _, ip := range p.ips {
		s, err := openSocket(ctx, netip.AddrPortFrom(ip, port), held)
		if err != nil && p.both && isAbsent(err) {
			note = fmt.Sprintf("%s is not on this machine, so only the other loopback is listened on", ip)
			continue
		}
		if err != nil {
			closeExcept(sockets, held)
			return nil, "", bindError(p.address, netip.AddrPortFrom(ip, port), err)
		}
		sockets = append(sockets, s)
		port = s.addr.Port() // port 0: the next one takes the same
	}
	if len(sockets) == 0 {
		return nil, "", &BindError{Address: p.address, Reason: NotLocal, Err: errors.New("this machine has no loopback address")}
	}
	return sockets, note, nil
}

// isAbsent reports whether err says that the machine lacks the address or its family.
func isAbsent(err error) bool {
	return errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT) ||
		errors.Is(err, syscall.EPROTONOSUPPORT) || errors.Is(err, wsaEADDRNOTAVAIL) || errors.Is(err, wsaEAFNOSUPPORT)
}

// closeExcept closes those of sockets that are not among kept.
func closeExcept(sockets, kept []*socket) {
	for _, s := range sockets {
		if !slices.Contains(kept, s) {
			s.close()
		}
	}
}
