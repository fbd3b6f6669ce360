package advisor

import (
	"fmt"
	"math"
	"strings"
	"time"

	"millpond/proxy/meter"
	"millpond/settings"
)

// A Decision is the word of the verdict on one way to an upstream.
type Decision string

// The decisions.
const (
	Keep    Decision = "keep"
	Watch   Decision = "watch"
	Switch  Decision = "switch"
	Unknown Decision = "unknown" // too few requests
)

// The reasons of a decision. They are stable: front ends translate them.
const (
	ReasonMeetsTargets = "meets_targets" // keep
	ReasonBelowTarget  = "below_target"  // watch
	ReasonBelowSwitch  = "below_switch"  // switch: the success rate
	ReasonManyErrors   = "many_errors"   // switch: the error rate
	ReasonTooFew       = "too_few"       // unknown
)

// A Record is what was counted of one way to an upstream.
type Record struct {
	Upstream string
	Way      meter.Way
	Counts   meter.Counts
}

// A Judgement is the verdict on a Record.
type Judgement struct {
	Decision Decision
	Reason   string
	Need     int64  // requests before there is a decision
	Sentence string // in English, with the figures and what to do
}

// errorsToSwitch is by how many times the error target is exceeded when it is time to
// switch: 5 % where the target is 1 %.
const errorsToSwitch = 5

// Judge gives the verdict on one way, by the decision table of issue 5: above the success
// target and below the error target it is kept; below switch_below, or with errors above
// five times their target, it is time to switch; between, it is watched. A rate that is
// exactly at a limit is on the side of watch.
//
// Success and error rate are of the requests that say something about the upstream, so
// that they add up to 100 %. With fewer than Needed of them there is no decision.
func Judge(v settings.Verdict, r Record) Judgement {
	j := Judgement{Need: Needed(v)}
	n, failed := r.Counts.Judged(), r.Counts.Failed()
	switch {
	case n < uint64(j.Need):
		j.Decision, j.Reason = Unknown, ReasonTooFew
	case below(n-failed, n, v.SwitchBelow):
		j.Decision, j.Reason = Switch, ReasonBelowSwitch
	case above(failed, n, errorsToSwitch*v.ErrorTarget):
		j.Decision, j.Reason = Switch, ReasonManyErrors
	case above(n-failed, n, v.SuccessTarget) && below(failed, n, v.ErrorTarget):
		j.Decision, j.Reason = Keep, ReasonMeetsTargets
	default:
		j.Decision, j.Reason = Watch, ReasonBelowTarget
	}
	j.Sentence = sentence(v, r, j)
	return j
}

// The least and the most requests that Needed asks for.
const (
	leastNeeded = 20
	mostNeeded  = 1000
)

// Needed returns how many requests a decision takes: as many as it takes for a single
// failure not to exceed the error target by itself, 100 where that is 1 %.
func Needed(v settings.Verdict) int64 {
	if v.ErrorTarget <= 0 {
		return mostNeeded
	}
	return int64(min(max(math.Ceil(1/v.ErrorTarget-rounding), leastNeeded), mostNeeded))
}

// rounding is what a fraction of two numbers of requests may err by. A rate that is at a
// limit, as 95 of 100 is at 0.95, must not come to lie beyond it.
const rounding = 1e-9

func below(part, of uint64, limit float64) bool {
	return float64(part) < limit*float64(of)-rounding*float64(of)
}

func above(part, of uint64, limit float64) bool {
	return float64(part) > limit*float64(of)+rounding*float64(of)
}

// sentence says the judgement in English.
func sentence(v settings.Verdict, r Record, j Judgement) string {
	c := r.Counts
	if j.Decision == Unknown {
		return fmt.Sprintf("Too few requests to %s for a decision: %d of the %d that it takes.", name(r), c.Judged(), j.Need)
	}
	figures := fmt.Sprintf("%s: %s of %d requests succeeded, %s failed.", name(r), percent(c.SuccessRate()), c.Judged(), percent(c.ErrorRate()))
	targets := fmt.Sprintf("more than %s succeed and fewer than %s fail", percent(100*v.SuccessTarget), percent(100*v.ErrorTarget))
	switch j.Reason {
	case ReasonMeetsTargets:
		return figures + " Keep it: " + targets + "."
	case ReasonBelowSwitch:
		return figures + fmt.Sprintf(" Switch: fewer than %s succeed. Try another transport on a share of the requests first.", percent(100*v.SwitchBelow))
	case ReasonManyErrors:
		return figures + fmt.Sprintf(" Switch: more than %s fail. Try another transport on a share of the requests first.", percent(100*errorsToSwitch*v.ErrorTarget))
	}
	return figures + " Watch it: it is to be kept when " + targets + "."
}

// name says what a record is of.
func name(r Record) string {
	parts := []string{r.Upstream}
	switch r.Way.Transport {
	case "http1":
		parts = append(parts, "over HTTP/1")
	case "http2":
		parts = append(parts, "over HTTP/2")
	}
	if r.Way.Scope != "" {
		parts = append(parts, "in scope "+r.Way.Scope)
	}
	return strings.Join(parts, " ")
}

// percent writes a percentage with as many places as tell it from the targets.
func percent(p float64) string {
	text := strings.TrimRight(fmt.Sprintf("%.2f", p), "0")
	return strings.TrimSuffix(text, ".") + " %"
}

// A Proposal is another way that could be tried: another value of pool.protocol or
// pool.scope.
type Proposal struct{ Setting, From, To string }

// Propose returns what to try instead of a way that is not kept; nil when nothing is to
// be tried. u is how the upstream is reached now, https whether over TLS, and other
// what is known of its other transport (Unknown when nothing is).
//
// Over HTTP/2, HTTP/1 is tried, which any server speaks. Over HTTP/1, HTTP/2 is tried
// where the settings alone forbid it; where the server chose HTTP/1, it speaks nothing
// else. What is left is another scope: requests of all agents on connections of their own
// when they share them, and else shared.
func Propose(j Judgement, way meter.Way, u settings.Pool, https bool, other Decision) *Proposal {
	if j.Decision != Switch && j.Decision != Watch {
		return nil
	}
	protocol := string(u.Protocol)
	switch {
	case other == Switch:
	case way.Transport == "http2" && u.Protocol != settings.ProtocolHTTP1:
		return &Proposal{"protocol", protocol, string(settings.ProtocolHTTP1)}
	case way.Transport == "http1" && u.Protocol == settings.ProtocolHTTP1 && https:
		return &Proposal{"protocol", protocol, string(settings.ProtocolHTTP2)}
	case way.Transport != "" && !uses(u.Protocol, way.Transport):
		return nil // it is not in use any more
	}
	if way.Scope != string(u.Scope) {
		return nil // likewise
	}
	to := settings.ScopeCaller
	if u.Scope == settings.ScopeCaller {
		to = settings.ScopeUpstream
	}
	return &Proposal{"scope", string(u.Scope), string(to)}
}

// uses reports whether requests may go over the transport under the setting.
func uses(p settings.Protocol, transport string) bool {
	return p == settings.ProtocolAuto || string(p) == transport
}

// Covered returns how much of the window there is, from its first request on.
func Covered(window time.Duration, first, now time.Time) time.Duration {
	if first.IsZero() {
		return 0
	}
	return min(max(now.Sub(first), 0), window)
}
