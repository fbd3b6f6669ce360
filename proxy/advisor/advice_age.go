package advisor

import (
	"fmt"
	"time"

	"millpond/settings"
)

const (
	// keptFor is the part of the learned age for which the pool keeps a connection (pool/learn.go).
	keptFor = 0.8
	// longest is the idle timeout that advice goes to at most: that of the defaults.
	longest = 5 * time.Minute
	// dear is the handshake from which on it is worth having one ready.
	dear = 10 * time.Millisecond
	// widestWarm is how many connections advice keeps ready at most.
	widestWarm = 64
)

// only returns the path of an upstream's setting of the pool, or that of [pool] when there is no
// other upstream and none of its own; "" when neither can be changed for it.
func (f *Facts) only(u *UpstreamFacts, key string) string {
	switch {
	case f.overrides(u.Name, key):
		return path(u.Name, key)
	case len(f.Upstreams) == 1:
		return "pool." + key
	case u.Live:
		return path(u.Name, key)
	}
	return ""
}

// each looks at the upstreams one by one.
func (f *Facts) each(code string, find func(*UpstreamFacts) (Recommendation, bool)) ([]Recommendation, []Missing) {
	var items []Recommendation
	for i := range f.Upstreams {
		if r, ok := find(&f.Upstreams[i]); ok {
			r.Code, r.Upstream = code, f.Upstreams[i].Name
			items = append(items, r)
		}
	}
	return items, f.missingRequests(code)
}

// idleTimeout finds upstreams that close connections which idle_timeout alone would keep: each of
// these closes can meet a request. With reuse "learned" the pool sees to that by itself.
func idleTimeout(f *Facts) ([]Recommendation, []Missing) {
	return f.each(IdleTimeout, func(u *UpstreamFacts) (r Recommendation, ok bool) {
		if u.Pool.Reuse != settings.ReuseFixed || u.HTTP2 || !often(u.Lost, u.Requests) || u.Learned == 0 || f.blames(u) {
			return r, false
		}
		limit := tidy(time.Duration(keptFor * float64(u.Learned)))
		if u.Pool.IdleTimeout <= limit {
			return r, false
		}
		key, to := "idle_timeout", settings.FormatDuration(limit)
		if u.Unreliable || limit < 50*time.Millisecond {
			key, to = "reuse", string(settings.ReuseLearned)
		}
		at := f.only(u, key)
		if at == "" {
			return r, false
		}
		r.Patch = []Change{f.change(at, to)}
		r.Figures = []Figure{count("lost", u.Lost), count("requests", u.Requests), milliseconds("learned_ms", u.Learned), milliseconds("idle_timeout_ms", u.Pool.IdleTimeout),
			Figure{"error_rate", u.Counts.ErrorRate(), "percent"}}
		r.Expected = f.before(IdleTimeout, u.Name, 0)
		r.Sentence = fmt.Sprintf("%s closed %d connections that were kept for it, at an idle age of %s and more; idle_timeout is %s. A request that meets such a close fails.",
			u.Name, u.Lost, inWords(u.Learned), settings.FormatDuration(u.Pool.IdleTimeout))
		r.cost = time.Duration(u.Lost) * max(u.handshake(), time.Millisecond)
		return r, true
	})
}

// tidy rounds a duration down to what a person would write.
func tidy(d time.Duration) time.Duration {
	switch {
	case d < time.Second:
		return d.Truncate(10 * time.Millisecond)
	case d < 10*time.Second:
		return d.Truncate(100 * time.Millisecond)
	}
	return d.Truncate(time.Second)
}

// aged counts the connections that time has ended: the next request had to open another.
func aged(u *UpstreamFacts) uint64 { return u.Expired + u.Aged + u.Closed }

// coldAgain returns the requests that waited for a handshake although the upstream had been reached
// by as many connections before.
func (f *Facts) coldAgain(u *UpstreamFacts) uint64 { return u.cold() - min(u.cold(), f.firsts(u)) }

// startsCold reports whether requests wait for handshakes because connections have ended in the
// pauses between them.
func (f *Facts) startsCold(u *UpstreamFacts) bool {
	cold := f.coldAgain(u)
	return often(cold, u.Requests) && 10*cold >= u.Requests && 2*aged(u) >= cold && u.Pool.Reuse != settings.ReuseNever && !closesBehind(u)
}

// idleTimeoutShort finds connections that idle_timeout ends in the pauses between requests, although
// the upstream would keep them.
func idleTimeoutShort(f *Facts) ([]Recommendation, []Missing) {
	items, _ := f.each(IdleTimeoutShort, f.keepLonger)
	return items, nil // what warm lacks says the same
}

func (f *Facts) keepLonger(u *UpstreamFacts) (r Recommendation, ok bool) {
	to := longest
	if u.Learned > 0 {
		to = min(to, tidy(time.Duration(keptFor*float64(u.Learned))))
	}
	at := f.only(u, "idle_timeout")
	if !f.startsCold(u) || 2*u.Expired < aged(u) || to < 2*u.Pool.IdleTimeout || at == "" {
		return r, false
	}
	saved := min(u.Expired, f.coldAgain(u))
	r.cost = time.Duration(saved) * u.handshake()
	r.Patch = []Change{f.change(at, settings.FormatDuration(to))}
	r.Figures = []Figure{count("cold", u.cold()), count("requests", u.Requests), count("expired", u.Expired), milliseconds("handshake_ms", u.handshake()),
		milliseconds("handshake_total_ms", r.cost), milliseconds("idle_timeout_ms", u.Pool.IdleTimeout), milliseconds("learned_ms", u.Learned)}
	r.Expected = f.before(IdleTimeoutShort, u.Name, per100(u.cold()-saved, u.Requests))
	r.Sentence = fmt.Sprintf("%d of %d requests to %s waited for a handshake, of %s on average, because connections are given up after %s without use.",
		u.cold(), u.Requests, u.Name, inWords(u.handshake()), settings.FormatDuration(u.Pool.IdleTimeout))
	return r, true
}

// declined counts the connections that an answer left unusable although it came whole and the client
// stayed for it: the upstream wanted no more on them.
func declined(u *UpstreamFacts) uint64 {
	return u.NotReusable - min(u.NotReusable, u.Counts.ClientCancelled+u.Counts.Failed())
}

// closesBehind reports whether an upstream closes behind nearly each answer, be it announced or not.
func closesBehind(u *UpstreamFacts) bool {
	return 5*u.cold() >= 4*u.Requests && (u.Unreliable || 5*declined(u) >= 4*u.Requests)
}

// keepAliveUnreliable finds upstreams that close behind their answers. Nothing here can make them
// keep a connection; one that is opened ahead spares a request the wait.
func keepAliveUnreliable(f *Facts) ([]Recommendation, []Missing) {
	return f.each(KeepAliveUnreliable, func(u *UpstreamFacts) (r Recommendation, ok bool) {
		if u.Requests < enough || !closesBehind(u) || u.Pool.Reuse != settings.ReuseLearned || f.blames(u) {
			return r, false
		}
		r.cost = time.Duration(u.cold()) * u.handshake()
		r.Figures = []Figure{count("cold", u.cold()), count("requests", u.Requests), milliseconds("handshake_ms", u.handshake()), milliseconds("handshake_total_ms", r.cost)}
		r.Sentence = fmt.Sprintf("%s closes its connections behind the answers: %d of %d requests waited for a handshake, of %s on average. Whoever runs it can turn keep-alive on.",
			u.Name, u.cold(), u.Requests, inWords(u.handshake()))
		if u.Egress != "" {
			r.Sentence = fmt.Sprintf("%s, or the proxy %s before it, closes connections behind the answers: %d of %d requests waited for a handshake, of %s on average.",
				u.Name, u.Egress, u.cold(), u.Requests, inWords(u.handshake()))
		}
		if at := f.only(u, "warm"); at != "" && f.worthWarming(u) && u.refillable(f.At.Sub(f.Since)) {
			r.Patch = []Change{f.change(at, "auto")}
			r.Expected = f.before(KeepAliveUnreliable, u.Name, 0)
		}
		return r, true
	})
}

// worthWarming reports whether connections that are opened ahead can spare an upstream's requests
// a wait that is felt.
func (f *Facts) worthWarming(u *UpstreamFacts) bool {
	return u.Pool.Warm == 0 && u.Pool.MaxIdlePerHost > 0 && u.handshake() >= dear && u.Width <= widestWarm
}

// refillable reports whether the pool, which makes up for used connections once a second, can keep
// up with a fair part of the requests.
func (u *UpstreamFacts) refillable(over time.Duration) bool {
	return float64(u.Requests) <= 4*float64(max(1, u.Width))*max(1, over.Seconds())
}

// warm finds bursts after a pause whose requests all wait for handshakes.
func warm(f *Facts) ([]Recommendation, []Missing) {
	var items []Recommendation
	for _, d := range f.domains(func(u *UpstreamFacts) bool { return f.startsCold(u) && f.worthWarming(u) && !f.blames(u) }) {
		if r, ok := f.keepReady(d); ok {
			items = append(items, r)
		}
	}
	return items, f.missingRequests(Warm)
}

func (f *Facts) keepReady(d domain) (r Recommendation, ok bool) {
	if d.everywhere() {
		r.Patch = []Change{f.change("pool.warm", "auto")}
	}
	for _, u := range d.upstreams {
		at := f.only(u, "warm")
		if _, longer := f.keepLonger(u); longer || at == "" {
			return r, false // a longer idle_timeout does the same for nothing
		}
		if !d.everywhere() || f.overrides(u.Name, "warm") {
			r.Patch = append(r.Patch, f.change(at, "auto"))
		}
	}
	r.Code, r.Upstream = Warm, d.name
	cold, requests := d.total(coldOf), d.total(requestsOf)
	saved := min(d.total(f.coldAgain), d.total(aged))
	width := d.widest(func(u *UpstreamFacts) int { return u.Width })
	r.cost = time.Duration(saved) * d.handshake()
	r.Figures = []Figure{count("cold", cold), count("requests", requests), milliseconds("handshake_ms", d.handshake()), milliseconds("handshake_total_ms", r.cost), count("burst_width", width)}
	r.Expected = f.before(Warm, d.name, per100(cold-saved, requests))
	r.Sentence = fmt.Sprintf("%d of %d requests to %s waited for a handshake, of %s on average, because connections had ended in the pause before them.",
		cold, requests, d.words(), inWords(d.handshake()))
	return r, true
}
