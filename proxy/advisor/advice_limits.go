package advisor

import (
	"fmt"
	"time"

	"millpond/settings"
)

const (
	// seldom is how often something may happen before it counts: less is chance.
	seldom = 10
	// most is how many connections to one host advice goes to. Whoever needs more decides so.
	most = 1000
	// unwell is the part of failed requests, in percent, beyond which an upstream is not given
	// more at one time: it may fail because it has too much already.
	unwell = 10
)

// group returns the pool that an upstream's limits over a whole pool are those of.
func (f *Facts) group(u *UpstreamFacts) *settings.Pool {
	if u.Pool.Scope == settings.ScopeUpstream {
		return &u.Pool
	}
	return &f.Settings.Pool
}

// wanted returns the connections that the bursts of a domain take in one pool.
func (f *Facts) wanted(d domain) int {
	if !d.pooled() {
		return d.widest(func(u *UpstreamFacts) int { return u.Wanted })
	}
	return f.Wanted
}

// connections returns how many connections to one host its widest burst takes.
func (u *UpstreamFacts) connections() int {
	if !u.HTTP2 {
		return u.Width
	}
	streams := max(1, u.Pool.MaxStreamsPerConnection)
	if u.PeerStreams > 0 {
		streams = min(streams, u.PeerStreams)
	}
	return (u.Width + streams - 1) / streams
}

// within returns n, or the limit if it is lower and there is one.
func within(n, limit int) int {
	if limit > 0 {
		return min(n, limit)
	}
	return n
}

// everyone is the domain of all upstreams.
func (f *Facts) everyone() domain {
	d := domain{}
	for i := range f.Upstreams {
		d.upstreams = append(d.upstreams, &f.Upstreams[i])
	}
	return d
}

// together is the domain of the upstreams whose pool is not theirs alone.
func (f *Facts) together() domain {
	d := domain{}
	for i := range f.Upstreams {
		if u := &f.Upstreams[i]; u.Pool.Scope != settings.ScopeUpstream {
			d.upstreams = append(d.upstreams, u)
		}
	}
	return d
}

// squeezedOut counts the idle connections that were closed to stay within a limit.
func squeezedOut(u *UpstreamFacts) uint64 {
	return u.Idle.Closed + u.IdlePerHost.Closed + u.Connections.Closed
}

// squeezedByAll counts those of them that a limit over a whole pool closed.
func squeezedByAll(u *UpstreamFacts) uint64 { return u.Idle.Closed + u.Connections.Closed }

// firsts returns how many of an upstream's connections may have been opened for the first time, which
// nothing could have spared: as many as its widest burst takes, for each caller if they are apart.
func (f *Facts) firsts(u *UpstreamFacts) uint64 {
	n := max(0, u.Wanted)
	if u.Pool.Scope == settings.ScopeCaller {
		n *= max(1, len(f.Callers))
	}
	return uint64(n)
}

// often reports whether n of so many requests are more than chance: 2 percent, and seldom in all.
func often(n, requests uint64) bool { return requests >= enough && n >= seldom && 50*n >= requests }

// idleSlots finds bursts whose connections are not all kept, so that the next burst opens the
// rest again.
func idleSlots(f *Facts) ([]Recommendation, []Missing) {
	var found []domain
	if all := f.together(); often(all.total(squeezedByAll), all.total(requestsOf)) {
		found = []domain{all}
	} else {
		found = f.domains(func(u *UpstreamFacts) bool { return often(squeezedOut(u), u.Requests) })
	}
	var items []Recommendation
	for _, d := range found {
		if r, ok := f.moreSlots(d); ok {
			items = append(items, r)
		}
	}
	return items, f.missingRequests(IdleSlots)
}

// moreSlots returns the advice to keep more idle connections for a domain.
func (f *Facts) moreSlots(d domain) (Recommendation, bool) {
	slots := f.group(d.upstreams[0]).MaxIdle
	perHost := d.widest(func(u *UpstreamFacts) int { return within(roomy(u.connections()), u.Pool.MaxConnectionsPerHost) })
	total := roomy(f.wanted(d))
	var wants []want
	if d.total(func(u *UpstreamFacts) uint64 { return u.Connections.Closed }) > 0 {
		wants = append(wants, want{"max_connections", total})
	} else {
		total = within(total, f.group(d.upstreams[0]).MaxConnections)
	}
	if d.total(func(u *UpstreamFacts) uint64 { return u.Idle.Closed }) == 0 {
		slots = d.upstreams[0].Pool.MaxIdlePerHost
	}
	wants = append(wants, want{"max_idle", max(total, perHost)}, want{"max_idle_per_host", perHost})
	redials := min(d.total(squeezedOut), d.total(func(u *UpstreamFacts) uint64 { return u.Dials - min(u.Dials, f.firsts(u)) }))
	requests, each := d.total(requestsOf), d.handshake()
	r := Recommendation{Code: IdleSlots, Upstream: d.name, cost: time.Duration(redials) * each, Patch: f.raise(d.upstreams, d.everywhere(), wants...)}
	if len(r.Patch) == 0 || !often(redials, requests) {
		return r, false
	}
	width := max(f.wanted(d), d.widest((*UpstreamFacts).connections))
	r.Figures = []Figure{count("redials", redials), count("requests", requests), count("burst_width", width), count("idle_slots", slots),
		milliseconds("handshake_ms", each), milliseconds("handshake_total_ms", r.cost)}
	if bursts := d.total(func(u *UpstreamFacts) uint64 { return u.Bursts }); bursts > 0 {
		r.Figures = append(r.Figures, Figure{"redials_per_burst", float64(redials) / float64(bursts), ""})
	}
	r.Expected = f.before(IdleSlots, d.name, per100(d.total(dialsOf)-redials, requests))
	r.Sentence = fmt.Sprintf("%d connections to %s were closed for want of idle slots, and as many opened again, in %d requests: bursts take %d connections, and no more than %d may be idle. The handshakes took %s in all.",
		redials, d.words(), requests, width, slots, inWords(r.cost))
	return r, true
}

// http2Saturated finds requests that wait because every HTTP/2 connection carries as many as it may,
// and there may be no further connection.
func http2Saturated(f *Facts) ([]Recommendation, []Missing) {
	var items []Recommendation
	for _, d := range f.domains(saturated) {
		if r, ok := f.moreStreams(d); ok {
			items = append(items, r)
		}
	}
	for i := range f.Upstreams {
		if f.Upstreams[i].HTTP2 {
			return items, f.missingRequests(HTTP2Saturated)
		}
	}
	return items, nil
}

// saturated reports whether waits for a stream hold an upstream's requests up.
func saturated(u *UpstreamFacts) bool {
	s := u.Streams
	return often(s.Queued, u.Requests) && 20*s.Waited >= u.Latency.Sum && s.Waited >= time.Duration(s.Queued)*time.Millisecond &&
		u.Counts.ErrorRate() < unwell
}

// moreStreams returns the advice to let a domain's connections carry more requests, or, where the
// peer allows no more, to allow more connections.
func (f *Facts) moreStreams(d domain) (Recommendation, bool) {
	u := d.upstreams[0]
	for _, other := range d.upstreams {
		if other.Width > u.Width {
			u = other
		}
	}
	limit := within(max(u.Pool.MaxConnectionsPerHost, 0), f.group(u).MaxConnections)
	if limit == 0 {
		limit = max(1, f.group(u).MaxConnections)
	}
	now := u.Pool.MaxStreamsPerConnection
	streams := roomy((u.Width + limit - 1) / limit)
	if u.PeerStreams > 0 {
		streams = min(streams, u.PeerStreams)
	}
	wants := []want{{"max_streams_per_connection", min(most, streams)}}
	if streams <= now {
		wants = []want{{"max_connections_per_host", min(most, roomy(u.connections()))}}
	}
	queued, requests := d.total(func(u *UpstreamFacts) uint64 { return u.Streams.Queued }), d.total(requestsOf)
	var waited time.Duration
	for _, other := range d.upstreams {
		waited += other.Streams.Waited
	}
	r := Recommendation{Code: HTTP2Saturated, Upstream: d.name, cost: waited, Patch: f.raise(d.upstreams, d.everywhere(), wants...)}
	if len(r.Patch) == 0 || queued == 0 {
		return r, false
	}
	each := waited / time.Duration(queued)
	r.Figures = []Figure{count("queued", queued), count("requests", requests), milliseconds("wait_ms", each), milliseconds("wait_total_ms", waited),
		count("streams", now), count("limit", limit), count("burst_width", u.Width), count("peer_streams", u.PeerStreams)}
	r.Expected = f.before(HTTP2Saturated, d.name, 0)
	r.Sentence = fmt.Sprintf("%d of %d requests to %s waited %s on average for room on an HTTP/2 connection: %d at one time, %d on each, and no more than %d connections.",
		queued, requests, d.words(), inWords(each), u.Width, now, limit)
	return r, true
}

// heldUp counts the requests that any limit kept waiting or turned away.
func heldUp(u *UpstreamFacts) uint64 { return queuedFor(u) + u.Streams.Queued + turnedAway(u) }

// limitQueue finds requests that wait because there may be no further connection.
func limitQueue(f *Facts) ([]Recommendation, []Missing) {
	var items []Recommendation
	if _, _, ok := f.crowdedOut(); ok {
		return nil, nil // what one caller needs is no measure for the limits
	}
	for _, d := range f.domains(held) {
		if r, ok := f.moreConnections(d); ok {
			items = append(items, r)
		}
	}
	return items, f.missingRequests(LimitQueue)
}

// queuedFor counts the requests that a limit on connections kept waiting.
func queuedFor(u *UpstreamFacts) uint64 { return u.Connections.Queued + u.ConnectionsPerHost.Queued }

// turnedAway counts the requests that a limit cost their answer.
func turnedAway(u *UpstreamFacts) uint64 { return u.Refused + u.TimedOut }

// held reports whether limits on connections hold an upstream's requests up, and it may be given
// more at one time: the waits are a twentieth of all the time that requests took, or some were
// turned away.
func held(u *UpstreamFacts) bool {
	waited := u.Connections.Waited + u.ConnectionsPerHost.Waited
	slow := often(queuedFor(u), u.Requests) && 20*waited >= u.Latency.Sum && waited >= time.Duration(queuedFor(u))*time.Millisecond
	refused := u.Requests >= enough && turnedAway(u) >= seldom && queuedFor(u) > 0
	return (slow || refused) && u.Counts.ErrorRate() < unwell
}

// moreConnections returns the advice to allow a domain more connections.
func (f *Facts) moreConnections(d domain) (Recommendation, bool) {
	queued, requests := d.total(queuedFor), d.total(requestsOf)
	perHost := min(most, roomy(d.widest((*UpstreamFacts).connections)))
	total := max(perHost, min(4*most, roomy(f.wanted(d))))
	wants := []want{{"max_connections_per_host", perHost}, {"max_connections", total}, {"max_idle", total}, {"max_idle_per_host", perHost}}
	away := d.total(turnedAway)
	if away > 0 {
		wants = append(wants, want{"max_waiting", roomy(d.widest(func(u *UpstreamFacts) int { return u.Width }))})
	}
	limit := d.upstreams[0].Pool.MaxConnectionsPerHost
	if d.total(func(u *UpstreamFacts) uint64 { return u.Connections.Queued }) > queued/2 {
		limit = f.group(d.upstreams[0]).MaxConnections
	}
	var waited time.Duration
	for _, u := range d.upstreams {
		waited += u.Connections.Waited + u.ConnectionsPerHost.Waited
	}
	each := time.Duration(0)
	if queued > 0 {
		each = waited / time.Duration(queued)
	}
	r := Recommendation{Code: LimitQueue, Upstream: d.name, cost: waited, Patch: f.raise(d.upstreams, d.everywhere(), wants...)}
	if len(r.Patch) == 0 {
		return r, false
	}
	width := max(f.wanted(d), d.widest((*UpstreamFacts).connections))
	r.Figures = []Figure{count("queued", queued), count("requests", requests), milliseconds("wait_ms", each), milliseconds("wait_total_ms", waited),
		count("limit", limit), count("burst_width", width), count("turned_away", away)}
	r.Expected = f.before(LimitQueue, d.name, 0)
	r.Sentence = fmt.Sprintf("%d of %d requests to %s waited %s on average because no more than %d connections may be open; bursts would use %d.",
		queued, requests, d.words(), inWords(each), limit, width)
	if away > 0 {
		r.Sentence += fmt.Sprintf(" %d were turned away.", away)
	}
	return r, true
}

// inWords writes a duration with as many places as matter.
func inWords(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	case d >= time.Millisecond:
		return fmt.Sprintf("%.3g ms", float64(d.Microseconds())/1000)
	}
	return "less than 1 ms"
}
