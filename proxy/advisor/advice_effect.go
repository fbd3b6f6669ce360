package advisor

// The figures by which the effect of advice is measured. Lower is better in each.
const (
	dialsPer100  = "dials_per_100"  // connections opened for 100 requests
	queuedPer100 = "queued_per_100" // requests that a limit held up or turned away, of 100
)

// Measure returns the figure that a piece of advice is to lower, as of f, and the number of
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
	switch code {
	case IdleSlots:
		return Effect{Key: dialsPer100, After: per100(d.total(dialsOf), requests)}, requests, true
	case LimitQueue:
		held := d.total(queuedFor) + d.total(turnedAway)
		return Effect{Key: queuedPer100, After: per100(held, requests+d.total(turnedAway))}, requests, true
	}
	return e, 0, false
}

// Measurable is how many requests a measured effect rests on at least.
const Measurable = enough
