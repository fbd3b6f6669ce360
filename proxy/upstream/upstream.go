package upstream

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"millpond/settings"
)

// An Upstream is one API. All but its health is constant after New.
type Upstream struct {
	Name         string
	Kind         settings.Kind
	Base         *url.URL // scheme and host of the API, and its base path without a slash at the end
	Enabled      bool
	Priority     int    // lower first
	Weight       int    // share among those of equal priority
	Credential   string // secret reference; "" passes the client's own through
	Egress       string // "", "system", or a proxy's URL
	PreserveHost bool
	Pool         settings.Pool // [pool] with this upstream's overrides

	basePath string // as it stands in a request line
	failover settings.Failover
	health   *health
}

// New returns the upstream that u describes, new to health.
func New(u settings.Upstream, pool settings.Pool, failover settings.Failover) (*Upstream, error) {
	base, err := url.Parse(u.URL)
	if err != nil {
		return nil, errors.New("the URL cannot be read") // Go's error would hold the URL and its userinfo
	}
	if base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("the scheme %q is neither http nor https", base.Scheme)
	}
	if base.Hostname() == "" || base.User != nil || strings.ContainsAny(u.URL, "?#") {
		return nil, errors.New("the URL must have a host, and neither user, query nor fragment")
	}
	base.Host = strings.ToLower(base.Host)
	base.Path, base.RawPath = strings.TrimRight(base.Path, "/"), strings.TrimRight(base.RawPath, "/")
	return &Upstream{
		Name: u.Name, Kind: u.Kind, Base: base, Enabled: u.Enabled, Priority: u.Priority, Weight: u.Weight,
		Credential: u.Credential, Egress: u.Egress, PreserveHost: u.PreserveHost, Pool: pool,
		basePath: base.EscapedPath(), failover: failover, health: new(health),
	}, nil
}

// Compile returns the upstreams of s, at the same indexes. One that has the name and the address of one
// of old keeps its health. Old is not changed, so that a failure leaves it running.
func Compile(s *settings.Settings, old []*Upstream) ([]*Upstream, error) {
	var errs []error
	upstreams := make([]*Upstream, len(s.Upstreams))
	for i, u := range s.Upstreams {
		next, err := New(u, s.PoolFor(u), s.Failover)
		if err != nil {
			errs = append(errs, fmt.Errorf("upstreams[%d].url: %w", i, err))
			continue
		}
		for _, o := range old {
			if o.Name == next.Name && *o.Base == *next.Base {
				next.health = o.health
			}
		}
		upstreams[i] = next
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return upstreams, nil
}

// Target joins the base path with the path and query of a request, byte for byte. Without a path that
// is the base path alone, with no slash put behind it: an agent's whole URL may be the base.
func (u *Upstream) Target(target string) string {
	if target == "" || target[0] == '?' {
		return cmp.Or(u.basePath, "/") + target
	}
	if u.basePath == "" || !strings.HasPrefix(target, "/") {
		return target // "*" of OPTIONS has no path
	}
	return u.basePath + target
}

// Host returns the Host to send: our upstream's, or the client's where it is to be preserved.
func (u *Upstream) Host(client string) string {
	if u.PreserveHost && client != "" {
		return client
	}
	return u.Base.Host
}

// Report takes the result of one attempt, at its end.
func (u *Upstream) Report(r Result, now time.Time) { u.health.report(r, u.failover, now) }

// Status returns the health.
func (u *Upstream) Status() Status { return u.health.status() }
