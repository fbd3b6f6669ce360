package listener

import (
	"crypto/sha256"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"millpond/proxy/wire"
)

// The fields that the gate reads.
const (
	headerToken     = "X-Millpond-Token"
	headerOrigin    = "Origin"
	headerFetchSite = "Sec-Fetch-Site"
	headerError     = "X-Millpond-Error"
)

// Codes of refusal, as they stand in X-Millpond-Error.
const (
	CodeMalformed       = "malformed_request"     // 400
	CodeToken           = "token_required"        // 401, or 407 for absolute-form
	CodeOrigin          = "origin_not_allowed"    // 403
	CodeForwardDisabled = "forward_disabled"      // 403
	CodeConnect         = "connect_not_supported" // 405
	CodeHost            = "host_not_allowed"      // 421
)

// GateConfig is what a gate is built from.
type GateConfig struct {
	// Addrs are the bound addresses: their ports may stand in Host, and so may a bound address itself
	// when it is not a wildcard, for an address (unlike a name) cannot be rebound. Required.
	Addrs []net.Addr

	// AllowedHosts are names or addresses beside the loopback's, with or without a port; without one,
	// every port is allowed, since a forwarded port is another one than ours.
	AllowedHosts []string

	// AllowedOrigins are whole origins, such as "http://localhost:3000". Anything else is ignored: "*",
	// as there are no wildcards, and "null", as every sandboxed frame sends it.
	AllowedOrigins []string

	// Token is the value that each request must show. Empty: none is asked for.
	Token string

	// ForwardEnabled says whether absolute-form targets are let through to the router.
	ForwardEnabled bool
}

// A Gate decides from a request's head whether it may come in. It is immutable and safe for
// concurrent use. Use NewGate.
type Gate struct {
	ports   []string // of the bound addresses, in decimal
	hosts   map[hostPort]bool
	usual   string // one that hosts allows and most requests have; "" for none
	origins map[string]bool
	token   [sha256.Size]byte
	guarded bool // a token is configured
	forward bool
}

// hostPort is a host as splitHost returns it. Port is "" for none given, anyPort for every one.
type hostPort struct{ name, port string }

const anyPort = "*"

// A View is what the gate needs to see of a request. Header must not contain Host.
type View struct {
	Method, Target, Host string
	Header               wire.Header
	RemoteAddr           string
}

// A Refusal is the answer to a request that may not come in.
type Refusal struct {
	Status        int    // the HTTP status
	Code, Message string // Code is stable; Message says what to do
}

// Error returns the message, so that a refusal can travel as an error.
func (r *Refusal) Error() string { return r.Message }

// SetHeader sets the fields that belong to the refusal: its code, and what RFC 9110 requires beside
// the status (sections 15.5.2, 15.5.6 and 15.5.8).
func (r *Refusal) SetHeader(h interface{ Set(name, value string) }) {
	h.Set(headerError, r.Code)
	switch r.Status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="millpond"`)
	case http.StatusProxyAuthRequired:
		h.Set("Proxy-Authenticate", `Basic realm="millpond"`)
	case http.StatusMethodNotAllowed:
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
}

// NewGate returns the gate for c.
func NewGate(c GateConfig) *Gate {
	g := &Gate{
		hosts:   make(map[hostPort]bool),
		origins: make(map[string]bool),
		guarded: c.Token != "",
		token:   sha256.Sum256([]byte(c.Token)),
		forward: c.ForwardEnabled,
	}
	for _, a := range c.Addrs {
		g.addBound(a)
	}
	for _, h := range c.AllowedHosts {
		g.addAllowed(h)
	}
	for _, o := range c.AllowedOrigins {
		if strings.Contains(o, "://") {
			g.origins[o] = true
		}
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1"} {
		g.addOwn(name)
	}
	return g
}

// addBound takes the port of a bound address, and the address itself unless it is a wildcard.
func (g *Gate) addBound(a net.Addr) {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return
	}
	port := strconv.Itoa(int(ap.Port()))
	if !slices.Contains(g.ports, port) {
		g.ports = append(g.ports, port)
	}
	if ip := ap.Addr().Unmap().WithZone(""); !ip.IsUnspecified() {
		g.addOwn(ip.String())
		g.usual = net.JoinHostPort(ip.String(), port)
	}
}

// addAllowed takes one configured host; an IPv6 address may stand without brackets.
func (g *Gate) addAllowed(host string) {
	if ip, err := netip.ParseAddr(host); err == nil && ip.Is6() {
		host = "[" + host + "]"
	}
	name, port, ok := splitHost(host)
	if !ok {
		return
	}
	if port == "" {
		port = anyPort
	}
	g.hosts[hostPort{name, port}] = true
}

// addOwn allows one of our own names, without a port or with one that we listen on.
func (g *Gate) addOwn(name string) {
	g.hosts[hostPort{name, ""}] = true
	for _, p := range g.ports {
		g.hosts[hostPort{name, p}] = true
	}
}
