package router

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"millpond/settings"
)

// forward is the compiled allow-list of forward mode.
type forward struct {
	enabled bool
	allow   []allowed
}

// allowed is one entry: a network, a name, or a name's children; on one port or on every one.
type allowed struct {
	network netip.Prefix // if valid, name is ""
	name    string       // lower case; with a leading dot for children only
	port    uint16       // 0 = every port
}

// matchForward takes an absolute-form target.
func (t *Table) matchForward(target string) (Match, error) {
	m := Match{Kind: settings.KindHTTP}
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok {
		return m, ErrBadTarget
	}
	if !strings.EqualFold(scheme, "http") {
		return m, ErrForwardRefused.with("forward mode speaks plain HTTP only; for another scheme set the client's base URL to an upstream of Millpond")
	}
	authority := rest
	m.Target = "/"
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		authority, m.Target = rest[:i], rest[i:]
	}
	if m.Target[0] != '/' {
		m.Target = "/" + m.Target
	}
	host, port, ok := splitAuthority(authority)
	switch {
	case !ok:
		return m, ErrBadTarget
	case t.own.has(host, port):
		return m, ErrLoop
	case !t.forward.enabled:
		return m, ErrForwardRefused.with("forward mode is off; set forward.enabled and forward.allow")
	case !t.forward.allows(host, port):
		return m, ErrForwardRefused.with("forward mode does not allow this host; add it to forward.allow")
	}
	m.Forward = &url.URL{Scheme: "http", Host: authority}
	return m, nil
}

// splitAuthority splits "host:port", the port being 80 if it is left out. A host with user
// information is refused (RFC 9110, section 4.2.4).
func splitAuthority(authority string) (host string, port uint16, ok bool) {
	u := url.URL{Host: authority}
	if authority == "" || strings.ContainsAny(authority, "@/?#\\ \t%") {
		return "", 0, false
	}
	host = u.Hostname()
	if strings.Contains(host, ":") != strings.HasPrefix(authority, "[") || strings.ContainsAny(host, "[]") || host == "" {
		return "", 0, false
	}
	after := authority[strings.LastIndexByte(authority, ']')+1:]
	if i := strings.IndexByte(after, ':'); i >= 0 && after[i+1:] != "" {
		n, err := strconv.ParseUint(after[i+1:], 10, 16)
		return canonicalHost(host), uint16(n), err == nil && n > 0
	}
	return canonicalHost(host), 80, true
}

// canonicalHost writes a host in lower case without its root dot, an address in its usual form.
func canonicalHost(host string) string {
	if ip, err := netip.ParseAddr(host); err == nil {
		return ip.Unmap().String()
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// compileForward reads forward.allow.
func compileForward(s settings.Forward) (forward, error) {
	f := forward{enabled: s.Enabled}
	for i, entry := range s.Allow {
		a, ok := parseAllowed(entry)
		if !ok {
			return f, fmt.Errorf("forward.allow[%d]: %q is not NAME, NAME:PORT, NAME:*, *.NAME or a network such as 10.0.0.0/8", i, entry)
		}
		f.allow = append(f.allow, a)
	}
	return f, nil
}

// parseAllowed reads one entry of the allow-list. Without a port, or with ":*", every port is allowed.
func parseAllowed(entry string) (a allowed, ok bool) {
	if network, err := netip.ParsePrefix(entry); err == nil {
		return allowed{network: network.Masked()}, true
	}
	host, port, err := net.SplitHostPort(entry)
	switch {
	case err != nil: // no port
		if host = entry; strings.HasPrefix(entry, "[") && strings.HasSuffix(entry, "]") {
			host = entry[1 : len(entry)-1]
		}
	case port != "*":
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return a, false
		}
		a.port = uint16(n)
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		a.network = hostPrefix(ip)
		return a, true
	}
	a.name = canonicalHost(host)
	bare, children := strings.CutPrefix(a.name, "*.")
	if children {
		a.name = "." + bare
	}
	return a, bare != "" && bare[0] != '.' && !strings.ContainsAny(bare, "*/:[]@ ")
}

func hostPrefix(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap()
	return netip.PrefixFrom(ip, ip.BitLen())
}

func (f forward) allows(host string, port uint16) bool {
	for _, a := range f.allow {
		if (a.port == 0 || a.port == port) && a.hasHost(host) {
			return true
		}
	}
	return false
}

// hasHost compares a canonical host. "localhost" is both loopbacks, here as in RFC 6761, section 6.3.
func (a allowed) hasHost(host string) bool {
	if a.network.IsValid() {
		if host == "localhost" {
			return a.network.Contains(loopback4) || a.network.Contains(netip.IPv6Loopback())
		}
		ip, err := netip.ParseAddr(host)
		return err == nil && a.network.Contains(ip)
	}
	if strings.HasPrefix(a.name, ".") {
		return len(host) > len(a.name) && strings.HasSuffix(host, a.name)
	}
	return a.name == host
}

var loopback4 = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// ownAddrs are the addresses that Millpond itself listens on.
type ownAddrs struct {
	addrs []netip.AddrPort
	names []string // listen.allowed_hosts without a port: names that lead here
}

// ownAddrsOf takes the bound addresses, or those that listen.address asks for.
func ownAddrsOf(l settings.Listen, bound []net.Addr) ownAddrs {
	var o ownAddrs
	for _, a := range bound {
		if ap, err := netip.ParseAddrPort(a.String()); err == nil {
			o.add(ap.Addr().Unmap(), ap.Port())
		}
	}
	if len(bound) == 0 {
		o.addConfigured(l.Address)
	}
	for _, h := range l.AllowedHosts {
		if host, _, ok := splitAuthority(h); ok {
			o.names = append(o.names, host)
		}
	}
	return o
}

func (o *ownAddrs) addConfigured(address string) {
	host, portText, _ := net.SplitHostPort(address)
	n, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || n == 0 {
		return
	}
	switch ip, err := netip.ParseAddr(host); {
	case err == nil:
		o.add(ip.Unmap(), uint16(n))
	case host == "":
		o.add(netip.IPv6Unspecified(), uint16(n))
	case host == "localhost":
		o.add(loopback4, uint16(n))
		o.add(netip.IPv6Loopback(), uint16(n))
	default:
		o.names = append(o.names, canonicalHost(host))
		o.addrs = append(o.addrs, netip.AddrPortFrom(netip.Addr{}, uint16(n)))
	}
}

func (o *ownAddrs) add(ip netip.Addr, port uint16) {
	o.addrs = append(o.addrs, netip.AddrPortFrom(ip, port))
}

// has reports whether host and port lead to Millpond. An unspecified address as a target is the
// loopback's (Linux and macOS connect it there), and one that we listen on is every loopback address.
func (o ownAddrs) has(host string, port uint16) bool {
	host = canonicalHost(host)
	ip, err := netip.ParseAddr(host)
	for _, own := range o.addrs {
		switch {
		case own.Port() != port:
		case err != nil:
			if isLocal(own.Addr()) && isLocalhost(host) || slices.Contains(o.names, host) {
				return true
			}
		case own.Addr() == ip,
			ip.IsUnspecified() && isLocal(own.Addr()),
			ip.IsLoopback() && own.Addr().IsValid() && own.Addr().IsUnspecified():
			return true
		}
	}
	return false
}

func isLocal(ip netip.Addr) bool { return ip.IsLoopback() || ip.IsUnspecified() }

// isLocalhost reports whether a name is this machine's by RFC 6761, section 6.3.
func isLocalhost(name string) bool {
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// portOf returns the port of a URL, by default that of its scheme.
func portOf(scheme, port string) uint16 {
	if n, err := strconv.ParseUint(port, 10, 16); err == nil {
		return uint16(n)
	}
	if strings.EqualFold(scheme, "https") {
		return 443
	}
	return 80
}
