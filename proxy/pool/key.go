package pool

import (
	"net/url"
	"sync/atomic"

	"millpond/settings"
)

// A Target says where a request goes and under which limits.
type Target struct {
	Upstream string        // its name, for statistics and for scope "upstream"; empty in forward mode
	Scheme   string        // "http" or "https"
	Host     string        // host name or address, without brackets; also the TLS server name
	Port     string        // decimal
	Caller   string        // who asks, for scope "caller"; may be empty
	Pool     settings.Pool // scope and limits, with the upstream's own overrides
	Egress   *url.URL      // proxy to go through, with its credential; nil dials directly

	Dialled *atomic.Uint64 // counts the dials begun, for who compares two ways; may be nil
}

// A Key is the identity of a connection: two requests may share a connection
// only when their keys are equal. It holds the egress proxy with its credential,
// because a tunnel made for one account must not carry another's requests
// (golang/go#25620 is what happens otherwise). A Key prints without credentials.
type Key struct {
	scheme, host, port string
	protocol           settings.Protocol
	egress             string
}

// Key returns the identity under which connections to t are kept. The scope is
// not part of it: groups are separate by scope already.
func (t *Target) Key() Key {
	k := Key{scheme: t.Scheme, host: t.Host, port: t.Port, protocol: t.Pool.Protocol}
	if t.Egress != nil {
		k.egress = t.Egress.String()
	}
	return k
}

// origin names what a learned age belongs to: what closes connections is the
// server, or the egress proxy before it, whatever the credential or protocol.
func (k Key) origin() string {
	o := k.scheme + "://" + joinHostPort(k.host, k.port)
	if k.egress != "" {
		if u, err := url.Parse(k.egress); err == nil {
			o += " via " + u.Scheme + "://" + u.Host
		}
	}
	return o
}

// String returns the origin and the protocol mode, without credentials.
func (k Key) String() string { return k.origin() + " " + string(k.protocol) }
