package proxy

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/probe"
	"millpond/settings"
)

// ProbeFor bounds a test of an upstream.
const ProbeFor = time.Minute

// Probe tests an upstream that runs, or one that is not in the settings yet, by a
// connection of its own and without a completion; see package probe. It tells step of
// each step as it begins.
func (d *Daemon) Probe(ctx context.Context, q control.ProbeRequest, step func(control.ProbeProgress)) (*control.ProbeReport, error) {
	s := d.exchange.State().Settings
	u, err := probed(s, q)
	if err != nil {
		return nil, err
	}
	return Examine(ctx, s, u, step), nil
}

// Examine tests an upstream under the settings, within ProbeFor, and takes secrets out
// of the report.
func Examine(ctx context.Context, s *settings.Settings, u settings.Upstream, step func(control.ProbeProgress)) *control.ProbeReport {
	ctx, cancel := context.WithTimeout(ctx, ProbeFor)
	defer cancel()
	r := probe.Run(ctx, probe.Config{Upstream: u, Protocol: s.PoolFor(u).Protocol, Timeouts: s.Timeouts, Progress: step})
	r.Egress, r.Problem = Redact(r.Egress), Redact(r.Problem)
	return r
}

// probed returns the upstream that is meant. One that is given must be as the settings
// want it, but may have no name.
func probed(s *settings.Settings, q control.ProbeRequest) (settings.Upstream, error) {
	if (q.Name == "") == (q.Upstream == nil) {
		return settings.Upstream{}, &control.Error{Status: http.StatusBadRequest, Code: "malformed", Message: "a test needs the name of an upstream, or an upstream, and not both"}
	}
	if q.Upstream == nil {
		return named(s, q.Name)
	}
	u := *q.Upstream
	name := u.Name
	if u.Name == "" {
		u.Name = "given"
	}
	alone := s.Clone()
	alone.Upstreams, alone.Routes = []settings.Upstream{u}, nil
	if err := alone.Validate(); err != nil {
		return settings.Upstream{}, err
	}
	u.Name = name
	return u, nil
}

// named returns the upstream of a name.
func named(s *settings.Settings, name string) (settings.Upstream, error) {
	var names []string
	for _, u := range s.Upstreams {
		if u.Name == name {
			return u, nil
		}
		names = append(names, u.Name)
	}
	message := fmt.Sprintf("no upstream is named %q; there is none", name)
	if len(names) > 0 {
		message = fmt.Sprintf("no upstream is named %q; there are %s", name, strings.Join(names, ", "))
	}
	return settings.Upstream{}, &control.Error{Status: http.StatusNotFound, Code: "no_upstream", Message: message}
}
