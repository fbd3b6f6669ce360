package model

import "millpond/proxy/control"

// A VerdictView is the page about how each way to an upstream has done.
type VerdictView struct {
	Known  bool   // the daemon has answered; the rest is real
	Bad    string // why it could not be asked, in English; "" when it could
	Span   Text   // what it covers of its window
	Rules  []Rule // the decisions, and what each takes
	Rows   []VerdictRow
	Trials []Trial // those that run first, then the newest
}

// A Rule is one decision and when it is taken.
type Rule struct {
	State    State
	Decision Text
	When     Text
}

// shownTrials is how many trials are listed.
const shownTrials = 6

// VerdictViewOf describes a verdict.
func VerdictViewOf(v control.Verdict) VerdictView {
	view := VerdictView{Known: true, Span: VerdictSpan(v), Rules: rulesOf(v)}
	for _, r := range v.Rows {
		view.Rows = append(view.Rows, VerdictRowOf(r, v))
	}
	for _, running := range []bool{true, false} {
		for i := len(v.Trials) - 1; i >= 0 && len(view.Trials) < shownTrials; i-- {
			if t := TrialOf(v.Trials[i]); t.Running == running {
				view.Trials = append(view.Trials, t)
			}
		}
	}
	return view
}

// rulesOf returns the decision table with the targets of the settings.
func rulesOf(v control.Verdict) []Rule {
	target, errors := Percent(100*v.SuccessTarget), Percent(100*v.ErrorTarget)
	below, above := Percent(100*v.SwitchBelow), Percent(500*v.ErrorTarget)
	return []Rule{
		{On, T("verdict.keep"), T("verdict.rule.keep", "Target", target, "Errors", errors)},
		{Degraded, T("verdict.watch"), T("verdict.rule.watch")},
		{Failing, T("verdict.switch"), T("verdict.rule.switch", "Below", below, "Above", above)},
		{Off, T("verdict.unknown"), T("verdict.rule.unknown")},
	}
}

// Shares are the parts of the requests that a trial can send the other way.
func Shares() []Option {
	return []Option{{"0.1", T("verdict.share.tenth")}, {"0.25", T("verdict.share.quarter")}, {"0.5", T("verdict.share.half")}}
}

// A TrialAction is what can be asked of a trial.
type TrialAction string

// The actions.
const (
	TrialEnd   TrialAction = "end"
	TrialApply TrialAction = "apply"
	TrialUndo  TrialAction = "undo"
)
