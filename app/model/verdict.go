package model

import (
	"math"
	"time"

	"millpond/proxy/control"
)

// A VerdictRow is the judgement of one way to an upstream, as a person reads it.
type VerdictRow struct {
	Upstream  string
	Transport Text // what is spoken
	Scope     Text // who shares its connections; empty when not known
	State     State
	Decision  Text // in a word
	Reason    Text // with the figures, and what to do
	Requests  string
	Success   string
	Errors    string
	P50, P99  string
	Trial     string // ID of the one that runs on the upstream; "" when none does
	Try       Text   // what could be tried; empty when there is nothing
	Proposal  *control.Proposal
}

// VerdictRowOf describes a row of the verdict v.
func VerdictRowOf(r control.VerdictRow, v control.Verdict) VerdictRow {
	row := VerdictRow{
		Upstream: r.Upstream, Transport: wayName(control.SettingProtocol, r.Transport), Scope: wayName(control.SettingScope, r.Scope),
		Requests: Count(r.Requests), Success: None, Errors: None, P50: Millis(r.LatencyMS.P50), P99: Millis(r.LatencyMS.P99),
		Trial: r.Trial, Proposal: r.Proposal, Reason: verdictReason(r, v),
	}
	if r.Requests > 0 {
		row.Success, row.Errors = Percent(r.SuccessRate), percentUp(r.ErrorRate)
	}
	switch r.Decision {
	case control.Keep:
		row.State, row.Decision = On, T("verdict.keep")
	case control.Watch:
		row.State, row.Decision = Degraded, T("verdict.watch")
	case control.Switch:
		row.State, row.Decision = Failing, T("verdict.switch")
	default:
		row.State, row.Decision = Off, T("verdict.unknown")
	}
	if p := r.Proposal; p != nil {
		row.Try = T("verdict.try", "To", wayName(p.Setting, p.To))
	}
	return row
}

// verdictReason says why a row is judged as it is.
func verdictReason(r control.VerdictRow, v control.Verdict) Text {
	reached, failed := Percent(r.SuccessRate), percentUp(r.ErrorRate)
	target, errors := Percent(100*v.SuccessTarget), Percent(100*v.ErrorTarget)
	switch r.Reason {
	case control.ReasonMeetsTargets:
		return T("verdict.meets_targets", "Target", target, "Errors", errors)
	case control.ReasonBelowTarget:
		return T("verdict.below_target", "Target", target, "Errors", errors)
	case control.ReasonBelowSwitch:
		return T("verdict.below_switch", "Reached", reached, "Limit", Percent(100*v.SwitchBelow))
	case control.ReasonManyErrors:
		return T("verdict.many_errors", "Reached", failed, "Limit", Percent(500*v.ErrorTarget))
	case control.ReasonTooFew:
		return T("verdict.too_few", "Have", Count(r.Requests), "Need", Count(r.Need))
	}
	return T("reason.other", "Code", r.Reason)
}

// VerdictSpan says what the verdict covers of its window.
func VerdictSpan(v control.Verdict) Text {
	if v.Covered <= 0 {
		return T("verdict.nothing_yet")
	}
	return T("verdict.covers", "Covered", span(v.Covered), "Window", span(v.Window))
}

// span writes a length of time in its largest whole unit.
func span(d time.Duration) Text {
	switch {
	case d < time.Hour:
		return N("span.minutes", max(1, int64(d/time.Minute)))
	case d < 48*time.Hour:
		return N("span.hours", int64(d/time.Hour))
	}
	return N("span.days", int64(d/(24*time.Hour)))
}

// A Trial is a comparison of two ways, as a person reads it.
type Trial struct {
	ID, Upstream string
	What         Text // which share goes which way, or went
	Result       Text // what is known of it
	Ended        Text // why it has ended; empty while it runs
	Running      bool
	Arms         [2]TrialArm // the present way, and the one that is tried
	CanApply     bool
	CanUndo      bool
}

// A TrialArm is one way of a trial.
type TrialArm struct {
	Name     Text
	Requests string
	Success  string
	P50, P99 string
	Dials    string
	Better   bool // it is the winner
}

// TrialOf describes a trial.
func TrialOf(t control.Trial) Trial {
	v := Trial{
		ID: t.ID, Upstream: t.Upstream, Running: t.Ended == nil, CanApply: t.CanApply, CanUndo: t.CanUndo,
		What:   T("trial.share", "Share", Percent(100*t.Share), "Other", wayName(t.Setting, t.Other.Value), "Base", wayName(t.Setting, t.Base.Value)),
		Result: trialResult(t),
	}
	for i, a := range []control.Arm{t.Base, t.Other} {
		v.Arms[i] = TrialArm{
			Name: wayName(t.Setting, a.Value), Requests: Count(a.Requests), Success: None,
			P50: Millis(a.LatencyMS.P50), P99: Millis(a.LatencyMS.P99), Dials: Count(a.Dials), Better: t.Winner != "" && t.Winner == a.Value,
		}
		if a.Requests > 0 {
			v.Arms[i].Success = Percent(a.SuccessRate)
		}
	}
	switch {
	case t.Ended == nil:
	case t.Applied:
		v.Ended = T("trial.ended_applied")
	case t.EndedBy == control.EndedWorse:
		v.Ended = T("trial.ended_worse")
	case t.EndedBy == control.EndedBySettings:
		v.Ended = T("trial.ended_settings")
	default:
		v.Ended = T("trial.ended")
	}
	return v
}

// trialResult says what is known of a trial.
func trialResult(t control.Trial) Text {
	better, worse := t.Base, t.Other
	if t.Winner == t.Other.Value {
		better, worse = t.Other, t.Base
	}
	winner := wayName(t.Setting, better.Value)
	switch t.Reason {
	case control.TrialTooFew:
		return T("trial.too_few", "Have", Count(min(t.Base.Requests, t.Other.Requests)), "Need", Count(t.Need))
	case control.TrialNoDifference:
		return T("trial.no_difference")
	case control.TrialMoreSuccess:
		return T("trial.more_success", "Winner", winner, "Better", Percent(better.SuccessRate), "Worse", Percent(worse.SuccessRate))
	case control.TrialFaster:
		return T("trial.faster", "Winner", winner, "Better", Millis(better.LatencyMS.P50), "Worse", Millis(worse.LatencyMS.P50))
	}
	return T("reason.other", "Code", t.Reason)
}

// wayName names a value of pool.protocol or pool.scope.
func wayName(setting, value string) Text {
	switch {
	case value == "" && setting == control.SettingScope:
		return Text{}
	case value == "http1":
		return T("way.http1")
	case value == "http2":
		return T("way.http2")
	case value == "auto":
		return T("way.auto")
	case value == "shared":
		return T("way.shared")
	case value == "upstream":
		return T("way.upstream")
	case value == "caller":
		return T("way.caller")
	}
	return T("way.unknown")
}

// percentUp formats a share that should be small with at most one decimal. It rounds up,
// so that 0% is said only when there is none.
func percentUp(p float64) string { return Percent(math.Ceil(p*10-1e-6) / 10) }
