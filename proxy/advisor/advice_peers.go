package advisor

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"millpond/settings"
)

// peers returns the upstreams that could answer the requests of u: those of the same API, and those
// of the same route. Workers of one kind are no peers by that: each is another agent.
func (f *Facts) peers(u *UpstreamFacts) []*UpstreamFacts {
	of := f.entry(u)
	if of == nil {
		return nil
	}
	var list []*UpstreamFacts
	for i := range f.Upstreams {
		p := &f.Upstreams[i]
		entry := f.entry(p)
		if p == u || entry == nil || entry.Kind != of.Kind {
			continue
		}
		api := of.Kind == settings.KindAnthropic || of.Kind == settings.KindOpenAI || of.Kind == settings.KindGemini
		if api || f.sameRoute(u.Name, p.Name) {
			list = append(list, p)
		}
	}
	return list
}

// entry returns an upstream's settings; nil for one that the saved settings do not have.
func (f *Facts) entry(u *UpstreamFacts) *settings.Upstream {
	for i := range f.Settings.Upstreams {
		if f.Settings.Upstreams[i].Name == u.Name {
			return &f.Settings.Upstreams[i]
		}
	}
	return nil
}

func (f *Facts) sameRoute(one, two string) bool {
	return slices.ContainsFunc(f.Settings.Routes, func(r settings.Route) bool {
		return slices.Contains(r.Upstreams, one) && slices.Contains(r.Upstreams, two)
	})
}

// behind returns the change that puts u behind all its peers.
func (f *Facts) behind(u *UpstreamFacts, peers []*UpstreamFacts) Change {
	last := 0
	for _, p := range peers {
		last = max(last, f.entry(p).Priority)
	}
	return f.change("upstreams["+u.Name+"].priority", strconv.Itoa(min(last+1, 1000)))
}

// compared tells which upstreams with peers have too few requests to be compared.
func (f *Facts) compared(code string, requests func(*UpstreamFacts) uint64) []Missing {
	var missing []Missing
	for i := range f.Upstreams {
		u := &f.Upstreams[i]
		if n := requests(u); n < enough && len(f.peers(u)) > 0 {
			missing = append(missing, Missing{code, u.Name, int64(n), enough, "requests"})
		}
	}
	return missing
}

// upstreamFailing finds upstreams that fail more often than one that could answer instead, and get
// requests before it or beside it.
func upstreamFailing(f *Facts) ([]Recommendation, []Missing) {
	items, _ := f.each(UpstreamFailing, func(u *UpstreamFacts) (r Recommendation, ok bool) {
		peers := f.peers(u)
		var best *UpstreamFacts
		for _, p := range peers {
			if f.entry(p).Priority >= f.entry(u).Priority && failsMore(u, p) && (best == nil || p.Counts.ErrorRate() < best.Counts.ErrorRate()) {
				best = p
			}
		}
		if best == nil {
			return r, false
		}
		r.Patch = []Change{f.behind(u, peers)}
		r.Figures = []Figure{{"error_rate", u.Counts.ErrorRate(), "percent"}, count("requests", u.Counts.Judged()), {"peer_error_rate", best.Counts.ErrorRate(), "percent"}, count("peer_requests", best.Counts.Judged())}
		r.Expected = f.before(UpstreamFailing, u.Name, best.Counts.ErrorRate())
		r.Sentence = fmt.Sprintf("%.1f %% of %d requests to %s failed, and %.1f %% of %d to %s, which could answer them.",
			u.Counts.ErrorRate(), u.Counts.Judged(), u.Name, best.Counts.ErrorRate(), best.Counts.Judged(), best.Name)
		r.cost = time.Duration(u.Counts.Failed()) * time.Second // a failure costs a person more than a wait
		return r, true
	})
	return items, f.compared(UpstreamFailing, func(u *UpstreamFacts) uint64 { return u.Counts.Judged() })
}

// failsMore reports whether u fails more often than p by five points at least, and not by chance:
// three standard deviations of the difference of two proportions.
func failsMore(u, p *UpstreamFacts) bool {
	n, m := float64(u.Counts.Judged()), float64(p.Counts.Judged())
	if n < enough || m < enough {
		return false
	}
	a, b := u.Counts.ErrorRate()/100, p.Counts.ErrorRate()/100
	all := (a*n + b*m) / (n + m)
	return a-b >= 0.05 && a-b >= 3*math.Sqrt(all*(1-all)*(1/n+1/m))
}

// upstreamSlow finds upstreams that take twice as long as one that shares their requests. Ones of
// another priority get other requests, and are not compared.
func upstreamSlow(f *Facts) ([]Recommendation, []Missing) {
	items, _ := f.each(UpstreamSlow, func(u *UpstreamFacts) (r Recommendation, ok bool) {
		peers := f.peers(u)
		var best *UpstreamFacts
		for _, p := range peers {
			if f.entry(p).Priority == f.entry(u).Priority && slower(u, p) && (best == nil || p50(&p.Latency) < p50(&best.Latency)) {
				best = p
			}
		}
		if best == nil {
			return r, false
		}
		one, two := p50(&u.Latency), p50(&best.Latency)
		r.Patch = []Change{f.behind(u, peers)}
		r.Figures = []Figure{{"latency_p50_ms", one, "ms"}, count("requests", u.Latency.Count()), {"peer_latency_p50_ms", two, "ms"}, count("peer_requests", best.Latency.Count())}
		r.Expected = f.before(UpstreamSlow, u.Name, two)
		r.Sentence = fmt.Sprintf("Half of the requests to %s took more than %s, and those to %s, which shares them, %s.",
			u.Name, inWords(fromMS(one)), best.Name, inWords(fromMS(two)))
		r.cost = time.Duration(u.Latency.Count()) * fromMS(one-two)
		return r, true
	})
	return items, f.compared(UpstreamSlow, func(u *UpstreamFacts) uint64 { return u.Latency.Count() })
}

// slower reports whether u takes twice as long as p and a tenth of a second more, in the middle
// and at the top, while p does not fail more.
func slower(u, p *UpstreamFacts) bool {
	if u.Latency.Count() < enough || p.Latency.Count() < enough || p.Counts.ErrorRate() > u.Counts.ErrorRate()+1 {
		return false
	}
	one, two := u.Latency.Percentiles(), p.Latency.Percentiles()
	return one.P50 >= 2*two.P50 && one.P50-two.P50 >= 100 && one.P90 >= two.P90
}

func fromMS(ms float64) time.Duration { return time.Duration(ms * float64(time.Millisecond)) }

// blames reports whether the egress proxy is what ends an upstream's connections: the same origin
// keeps them without it.
func (f *Facts) blames(u *UpstreamFacts) bool {
	ended := aged(u) + declined(u)
	return u.Egress != "" && u.Requests >= enough && 2*u.cold() >= u.Requests && 2*ended >= u.Requests && u.Direct
}

// egressReuse finds egress proxies that end connections which the upstream itself would keep.
func egressReuse(f *Facts) ([]Recommendation, []Missing) {
	items, _ := f.each(EgressReuse, func(u *UpstreamFacts) (r Recommendation, ok bool) {
		entry := f.entry(u)
		if !f.blames(u) || entry == nil {
			return r, false
		}
		r.cost = time.Duration(u.cold()) * u.handshake()
		r.Patch = []Change{f.change("upstreams["+u.Name+"].egress", "")}
		r.Figures = []Figure{count("cold", u.cold()), count("requests", u.Requests), milliseconds("handshake_ms", u.handshake()), milliseconds("handshake_total_ms", r.cost)}
		r.Expected = f.before(EgressReuse, u.Name, 0)
		r.Sentence = fmt.Sprintf("The proxy %s before %s ends connections that %s keeps when it is reached without: %d of %d requests waited for a handshake, of %s on average.",
			u.Egress, u.Name, u.Origin, u.cold(), u.Requests, inWords(u.handshake()))
		return r, true
	})
	var missing []Missing
	for i := range f.Upstreams {
		if u := &f.Upstreams[i]; u.Egress != "" && !u.Direct && closesBehind(u) && u.Requests >= enough {
			missing = append(missing, Missing{EgressReuse, u.Name, 0, 1, "direct_requests"})
		}
	}
	return items, missing
}
