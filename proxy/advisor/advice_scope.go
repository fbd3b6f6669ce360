package advisor

import (
	"fmt"
	"time"

	"millpond/settings"
)

// busiest returns the caller with the most requests, and all others together.
func (f *Facts) busiest() (first, others CallerFacts) {
	for _, c := range f.Callers {
		if c.Requests > first.Requests {
			c, first = first, c
		}
		others.Requests += c.Requests
		others.Queued += c.Queued
		others.Waited += c.Waited
	}
	return first, others
}

// crowdedOut reports whether one caller's requests take the connections that a limit allows, so
// that the others wait, and it wants so many more that the limit cannot be meant for it.
func (f *Facts) crowdedOut() (first, others CallerFacts, ok bool) {
	first, others = f.busiest()
	many := first.Requests >= 2*others.Requests && others.Requests >= 2*seldom
	waits := others.Queued >= seldom && 5*others.Queued >= others.Requests && others.Waited >= time.Duration(others.Queued)*time.Millisecond
	if !many || !waits {
		return first, others, false
	}
	for i := range f.Upstreams {
		u := &f.Upstreams[i]
		limit := u.Pool.MaxConnectionsPerHost
		if total := f.group(u).MaxConnections; limit == 0 || total > 0 && u.Connections.Queued > u.ConnectionsPerHost.Queued {
			limit = total
		}
		if u.Pool.Scope != settings.ScopeCaller && held(u) && u.Width >= 4*max(1, limit) {
			return first, others, true
		}
	}
	return first, others, false
}

// callerScopeHelps finds callers that wait behind another one's batch: with connections of their
// own they would not.
func callerScopeHelps(f *Facts) ([]Recommendation, []Missing) {
	first, others, ok := f.crowdedOut()
	if !ok {
		return nil, nil
	}
	r := Recommendation{Code: CallerScopeHelps, cost: others.Waited, Patch: []Change{f.change("pool.scope", string(settings.ScopeCaller))}}
	each := others.Waited / time.Duration(others.Queued)
	share := 100 * float64(first.Requests) / float64(first.Requests+others.Requests)
	r.Figures = []Figure{count("queued", others.Queued), count("requests", others.Requests), milliseconds("wait_ms", each), {"share", share, "percent"}}
	r.Expected = f.before(CallerScopeHelps, "", 0)
	r.Sentence = fmt.Sprintf("%s sends %.0f %% of the requests and takes the connections that the limits allow: %d of the %d requests of other callers waited, %s on average.",
		first.Name, share, others.Queued, others.Requests, inWords(each))
	return []Recommendation{r}, nil
}

// callerScopeHurts finds callers that each open connections of their own, of which together they
// would need few.
func callerScopeHurts(f *Facts) ([]Recommendation, []Missing) {
	d := domain{}
	together := 0
	for i := range f.Upstreams {
		if u := &f.Upstreams[i]; u.Pool.Scope == settings.ScopeCaller {
			d.upstreams = append(d.upstreams, u)
			together += u.Together
		}
	}
	requests, dials, cold := d.total(requestsOf), d.total(dialsOf), d.total(coldOf)
	if len(d.upstreams) == 0 {
		return nil, nil
	}
	otherwise := d.total(squeezedOut) + d.total(aged) + d.total(func(u *UpstreamFacts) uint64 { return u.NotReusable })
	apart := dials - min(dials, otherwise) // those that have no other cause
	if len(f.Callers) < 2 || !often(cold, requests) || 10*cold < requests || apart < seldom || 2*apart < dials || apart < 2*uint64(max(1, together)) {
		return nil, f.missingRequests(CallerScopeHurts)
	}
	r := Recommendation{Code: CallerScopeHurts, cost: time.Duration(apart) * d.handshake()}
	for _, u := range d.upstreams {
		if f.overrides(u.Name, "scope") {
			r.Patch = append(r.Patch, f.change(path(u.Name, "scope"), string(settings.ScopeUpstream)))
		}
	}
	if f.Settings.Pool.Scope == settings.ScopeCaller {
		r.Patch = append(r.Patch, f.change("pool.scope", string(settings.ScopeUpstream)))
	}
	r.Figures = []Figure{count("dials", dials), count("requests", requests), count("callers", len(f.Callers)), count("burst_width", together),
		milliseconds("handshake_ms", d.handshake()), milliseconds("handshake_total_ms", r.cost)}
	r.Expected = f.before(CallerScopeHurts, "", per100(uint64(together), requests))
	r.Sentence = fmt.Sprintf("%d callers opened %d connections for %d requests, each its own; together they never had more than %d requests at one time.",
		len(f.Callers), dials, requests, together)
	return []Recommendation{r}, nil
}
