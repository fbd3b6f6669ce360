package proxy

import (
	"strconv"
	"strings"

	"millpond/proxy/control"
	"millpond/proxy/meter"
	"millpond/settings"
)

// The reasons for a state other than on. They are stable: front ends translate them.
const (
	ReasonPaused            = "paused"               // a person turned the proxy off
	ReasonNoUpstream        = "no_upstream"          // none is configured and enabled
	ReasonNoHealthyUpstream = "no_healthy_upstream"  // args: the names of all
	ReasonCredentialMissing = "credential_missing"   // args: the names of those whose credential cannot be read
	ReasonSuccessTooLow     = "success_too_low"      // args: percent in the last minute, percent at least
	ReasonUnapplied         = "settings_unapplied"   // args: why the settings file as it is now is not in force
	ReasonUpstreamEjected   = "upstream_ejected"     // args: the names of those that are left alone
	ReasonBelowTarget       = "success_below_target" // args: as for success_too_low
)

// fewest is how many judged requests of the last minute are enough to call the proxy
// failing. One request that failed is a reason to look, not an alarm.
const fewest = 3

// facts are what the proxy's state is judged from.
type facts struct {
	paused    bool
	forward   bool     // forward mode serves without any upstream
	healthy   []string // names of the enabled upstreams that are up
	ejected   []string // names of the enabled upstreams that are left alone or in trial
	withheld  []string // names of the enabled upstreams whose credential cannot be read
	unapplied string   // why the settings file as it is now is not in force; "" when it is
	minute    meter.Counts
	verdict   settings.Verdict
}

// A condition is the proxy's state with its reason.
type condition struct {
	state  control.State
	reason string // "" when state is on
	args   []string
}

// judge tells the state: the worst that holds, with its reason. Without an upstream nothing
// has failed, but is still to be set up, which comes before all that could have; when the file
// that may name one is not in force, that is the reason.
func judge(f facts) condition {
	rate := f.minute.SuccessRate()
	none := len(f.healthy) == 0 && len(f.withheld) == 0 && !f.forward
	switch {
	case f.paused:
		return condition{control.Off, ReasonPaused, nil}
	case len(f.healthy) == 0 && len(f.ejected) > 0:
		return condition{control.Failing, ReasonNoHealthyUpstream, f.ejected}
	case len(f.healthy) == 0 && len(f.withheld) > 0 && !f.forward:
		return condition{control.Failing, ReasonCredentialMissing, f.withheld}
	case none && f.unapplied == "":
		return condition{control.Degraded, ReasonNoUpstream, nil}
	case !none && f.minute.Judged() >= fewest && rate < 100*f.verdict.SwitchBelow:
		return condition{control.Failing, ReasonSuccessTooLow, percents(rate, f.verdict.SwitchBelow)}
	case f.unapplied != "":
		return condition{control.Degraded, ReasonUnapplied, []string{f.unapplied}}
	case len(f.withheld) > 0:
		return condition{control.Degraded, ReasonCredentialMissing, f.withheld}
	case len(f.ejected) > 0:
		return condition{control.Degraded, ReasonUpstreamEjected, f.ejected}
	case rate < 100*f.verdict.SuccessTarget:
		return condition{control.Degraded, ReasonBelowTarget, percents(rate, f.verdict.SuccessTarget)}
	}
	return condition{state: control.On}
}

// percents formats what was reached, in percent, and what was wanted, a fraction of 1.
func percents(rate, target float64) []string {
	format := func(f float64) string { return strings.TrimSuffix(strconv.FormatFloat(f, 'f', 1, 64), ".0") }
	return []string{format(rate), format(100 * target)}
}
