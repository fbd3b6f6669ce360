package advisor

import (
	"slices"
	"strings"
	"time"

	"millpond/settings"
)

// The codes of advice. They are stable: screens have a sentence for each.
const (
	UpstreamFailing     = "upstream_failing"     // an upstream fails more than another that could answer
	UpstreamSlow        = "upstream_slow"        // an upstream is slower than another that could answer
	EgressReuse         = "egress_reuse"         // an egress proxy keeps connections from being used again
	IdleTimeout         = "idle_timeout"         // connections are kept for longer than the upstream keeps them
	IdleTimeoutShort    = "idle_timeout_short"   // connections are given up that the upstream would keep
	KeepAliveUnreliable = "keepalive_unreliable" // the upstream closes behind its answers
	CallerScopeHelps    = "caller_scope_helps"   // one caller keeps the others waiting
	CallerScopeHurts    = "caller_scope_hurts"   // callers open connections that others have
	HTTP2Saturated      = "http2_saturated"      // requests wait for a stream of an HTTP/2 connection
	LimitQueue          = "limit_queue"          // requests wait because of a limit on connections
	IdleSlots           = "idle_slots"           // connections are closed for want of idle slots, and opened again
	Warm                = "warm"                 // requests after a pause wait for handshakes
)

// Advice is what follows from facts.
type Advice struct {
	Items   []Recommendation // the most useful first
	Missing []Missing
}

// A Recommendation is one change that would help, with the figures that it rests on.
type Recommendation struct {
	Code     string
	Upstream string // "" when it concerns all
	Sentence string // what was found and what to do, in English

	Figures  []Figure
	Patch    []Change // none when only a person can act
	Expected *Effect  // nil when it cannot be reckoned

	cost time.Duration // that requests waited for it, to put the dearest first
}

// ID names a piece of advice as long as its situation lasts.
func (r *Recommendation) ID() string {
	if r.Upstream == "" {
		return r.Code
	}
	return r.Code + ":" + r.Upstream
}

// A Figure is one measured number.
type Figure struct {
	Key   string
	Value float64
	Unit  string // ms, s, percent, or "" for a count
}

// A Change is one setting, by its path for settings.Set.
type Change struct{ Key, From, To string }

// An Effect is a figure before and after a change.
type Effect struct {
	Key           string
	Before, After float64
	Unit          string
}

// Missing says what must be seen before a piece of advice can be given.
type Missing struct {
	Code, Upstream string
	Have, Need     int64
	Of             string // requests, or direct_requests: those without the egress proxy
}

// enough is how many requests a piece of advice rests on at least.
const enough = 50

// A situation looks for one thing that could be better.
type situation func(f *Facts) ([]Recommendation, []Missing)

// situations are in the order of their right to a setting: causes before effects.
func situations() []situation {
	return []situation{
		upstreamFailing, upstreamSlow, egressReuse, idleTimeout, idleTimeoutShort, keepAliveUnreliable,
		callerScopeHelps, callerScopeHurts, http2Saturated, limitQueue, idleSlots, warm,
	}
}

// Advise returns what would make things better, and what cannot be told yet.
func Advise(f *Facts) Advice {
	var a Advice
	taken := map[string]bool{}
	for _, find := range situations() {
		items, missing := find(f)
		a.Missing = append(a.Missing, missing...)
		for _, r := range items {
			if f.takesBack(r.Patch) || contested(r.Patch, taken) || !f.valid(r.Patch) {
				continue
			}
			for _, c := range r.Patch {
				taken[settingOf(c.Key)] = true
			}
			a.Items = append(a.Items, r)
		}
	}
	slices.SortStableFunc(a.Items, func(a, b Recommendation) int { return int(b.cost/time.Microsecond - a.cost/time.Microsecond) })
	return a
}

// settingOf is the name of a pool's setting, be it that of all or of one upstream, and else the
// whole path.
func settingOf(path string) string {
	if k, ok := settings.Lookup(path); ok && k.Section() == "pool" {
		return k.Name()
	}
	return path
}

// contested reports whether a patch changes a setting that another one changes. A preset
// changes all numbers of the pool.
func contested(patch []Change, taken map[string]bool) bool {
	return slices.ContainsFunc(patch, func(c Change) bool {
		name := settingOf(c.Key)
		return taken[name] || taken["preset"] && !strings.Contains(name, "[") || name == "preset" && len(taken) > 0
	})
}

// takesBack reports whether a patch would undo what was applied on advice.
func (f *Facts) takesBack(patch []Change) bool {
	return slices.ContainsFunc(patch, func(c Change) bool {
		return slices.ContainsFunc(f.InForce, func(done Change) bool { return done.Key == c.Key && done.From == c.To })
	})
}

// valid reports whether the settings are valid with a patch.
func (f *Facts) valid(patch []Change) bool {
	next := f.Settings.Clone()
	for _, c := range patch {
		if next.Set(c.Key, c.To) != nil {
			return false
		}
	}
	return next.Validate() == nil
}

// missingRequests tells of the upstream that comes nearest to enough requests.
func (f *Facts) missingRequests(code string) []Missing {
	var most uint64
	for i := range f.Upstreams {
		most = max(most, f.Upstreams[i].Requests)
	}
	if most >= enough || len(f.Upstreams) == 0 {
		return nil
	}
	return []Missing{{Code: code, Have: int64(most), Need: enough, Of: "requests"}}
}

// milliseconds is a figure of time.
func milliseconds(key string, d time.Duration) Figure {
	return Figure{key, float64(d.Microseconds()) / 1000, "ms"}
}

// count is a figure without a unit.
func count[N int | uint64](key string, n N) Figure { return Figure{key, float64(n), ""} }

// per100 returns how many there are for 100 requests.
func per100(n, requests uint64) float64 {
	if requests == 0 {
		return 0
	}
	return 100 * float64(n) / float64(requests)
}
