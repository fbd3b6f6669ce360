package advisor

import "millpond/proxy/meter"

// The figures by which the effect of advice is measured. Lower is better in each.
const (
	dialsPer100  = "dials_per_100"  // connections opened for 100 requests
	queuedPer100 = "queued_per_100" // requests that a limit held up or turned away, of 100
	othersPer100 = "others_per_100" // the same of all callers but the busiest
	lostPer100   = "lost_per_100"   // connections that the upstream closed while they were kept, for 100 requests
	coldPer100   = "cold_per_100"   // requests that waited for a handshake, of 100
	errorRate    = "error_rate"     // percent of the requests, of all that could answer them
	latencyP50   = "latency_p50_ms" // half of the requests took no longer, of all that could answer them
)

// Measurable is how many requests a measured effect rests on at least.
const Measurable = enough

// Measure returns the figure that a piece of advice is to lower, as After, and the number of
// requests that it rests on. ok is false when the code is not known or its upstream is gone.
func Measure(f *Facts, code, upstream string) (e Effect, requests uint64, ok bool) {
	d := f.everyone()
	if upstream != "" {
		u := f.upstream(upstream)
		if u == nil {
			return e, 0, false
		}
		d = domain{upstream, []*UpstreamFacts{u}}
	}
	requests = d.total(requestsOf)
	of100 := func(key string, figure func(*UpstreamFacts) uint64) (Effect, uint64, bool) {
		return Effect{Key: key, After: per100(d.total(figure), requests)}, requests, true
	}
	switch code {
	case IdleSlots, CallerScopeHurts:
		return of100(dialsPer100, dialsOf)
	case LimitQueue, HTTP2Saturated:
		return Effect{Key: queuedPer100, After: per100(d.total(heldUp), requests+d.total(turnedAway))}, requests, true
	case CallerScopeHelps:
		_, others := f.busiest()
		return Effect{Key: othersPer100, After: per100(others.Queued, others.Requests)}, others.Requests, true
	case IdleTimeout:
		return of100(lostPer100, func(u *UpstreamFacts) uint64 { return u.Lost })
	case IdleTimeoutShort, KeepAliveUnreliable, EgressReuse, Warm:
		return of100(coldPer100, coldOf)
	case UpstreamFailing, UpstreamSlow:
		return f.measurePeers(code, d.upstreams[0])
	}
	return e, 0, false
}

// measurePeers returns how all do together that can answer the requests of an upstream.
func (f *Facts) measurePeers(code string, u *UpstreamFacts) (Effect, uint64, bool) {
	counts, latency := u.Counts, u.Latency
	for _, p := range f.peers(u) {
		counts = counts.Plus(p.Counts)
		latency.Add(&p.Latency)
	}
	if code == UpstreamFailing {
		return Effect{Key: errorRate, After: counts.ErrorRate(), Unit: "percent"}, counts.Judged(), true
	}
	return Effect{Key: latencyP50, After: latency.Percentiles().P50, Unit: "ms"}, latency.Count(), true
}

// before returns the present figure of a piece of advice as the one before its effect.
func (f *Facts) before(code, upstream string, after float64) *Effect {
	e, _, _ := Measure(f, code, upstream)
	e.Before, e.After = e.After, after
	return &e
}

// p50 returns how long half of the requests took at the most, in milliseconds.
func p50(h *meter.Histogram) float64 { return h.Percentiles().P50 }
