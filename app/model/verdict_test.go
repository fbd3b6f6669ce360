package model

import (
	"reflect"
	"testing"
	"time"

	"millpond/proxy/control"
)

func TestVerdictRowOf(t *testing.T) {
	v := control.Verdict{SuccessTarget: 0.95, ErrorTarget: 0.01, SwitchBelow: 0.9}
	proposal := &control.Proposal{Setting: "protocol", From: "auto", To: "http1"}
	tests := []struct {
		name string
		row  control.VerdictRow
		want VerdictRow
	}{
		{"keep", control.VerdictRow{Upstream: "relay", Transport: "http2", Scope: "upstream", Requests: 2000, SuccessRate: 99.95, ErrorRate: 0.05,
			LatencyMS: control.Percentiles{P50: 250, P99: 1200}, Decision: control.Keep, Reason: control.ReasonMeetsTargets},
			VerdictRow{Upstream: "relay", Transport: T("way.http2"), Scope: T("way.upstream"), State: On, Decision: T("verdict.keep"),
				Reason: T("verdict.meets_targets", "Target", "95%", "Errors", "1%"), Requests: "2,000", Success: "99.9%", Errors: "0.1%", P50: "250 ms", P99: "1.2 s"}},
		{"watch", control.VerdictRow{Transport: "http1", Requests: 100, SuccessRate: 97, ErrorRate: 3, Decision: control.Watch, Reason: control.ReasonBelowTarget},
			VerdictRow{Transport: T("way.http1"), State: Degraded, Decision: T("verdict.watch"),
				Reason: T("verdict.below_target", "Target", "95%", "Errors", "1%"), Requests: "100", Success: "97%", Errors: "3%", P50: None, P99: None}},
		{"switch for success", control.VerdictRow{Transport: "http2", Scope: "caller", Requests: 200, SuccessRate: 75, ErrorRate: 25, Trial: "relay-1",
			Decision: control.Switch, Reason: control.ReasonBelowSwitch, Proposal: proposal},
			VerdictRow{Transport: T("way.http2"), Scope: T("way.caller"), State: Failing, Decision: T("verdict.switch"), Trial: "relay-1",
				Reason: T("verdict.below_switch", "Reached", "75%", "Limit", "90%"), Requests: "200", Success: "75%", Errors: "25%", P50: None, P99: None,
				Try: T("verdict.try", "To", T("way.http1")), Proposal: proposal}},
		{"switch for errors", control.VerdictRow{Scope: "shared", Requests: 200, SuccessRate: 94, ErrorRate: 6, Decision: control.Switch, Reason: control.ReasonManyErrors},
			VerdictRow{Transport: T("way.unknown"), Scope: T("way.shared"), State: Failing, Decision: T("verdict.switch"),
				Reason: T("verdict.many_errors", "Reached", "6%", "Limit", "5%"), Requests: "200", Success: "94%", Errors: "6%", P50: None, P99: None}},
		{"too few", control.VerdictRow{Transport: "http1", Need: 100, SuccessRate: 100, Decision: control.Unknown, Reason: control.ReasonTooFew},
			VerdictRow{Transport: T("way.http1"), State: Off, Decision: T("verdict.unknown"), Reason: T("verdict.too_few", "Have", "0", "Need", "100"),
				Requests: "0", Success: None, Errors: None, P50: None, P99: None}},
		{"what a newer daemon says", control.VerdictRow{Transport: "http3", Requests: 1, SuccessRate: 100, Decision: "wait", Reason: "moon"},
			VerdictRow{Transport: T("way.unknown"), State: Off, Decision: T("verdict.unknown"), Reason: T("reason.other", "Code", "moon"),
				Requests: "1", Success: "100%", Errors: "0%", P50: None, P99: None}},
	}
	for _, tt := range tests {
		if got := VerdictRowOf(tt.row, v); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: got %+v; want %+v", tt.name, got, tt.want)
		}
	}
}

func TestVerdictSpan(t *testing.T) {
	for covered, want := range map[time.Duration]Text{
		0:                   T("verdict.nothing_yet"),
		10 * time.Second:    T("verdict.covers", "Covered", N("span.minutes", 1), "Window", N("span.days", 28)),
		90 * time.Minute:    T("verdict.covers", "Covered", N("span.hours", 1), "Window", N("span.days", 28)),
		28 * 24 * time.Hour: T("verdict.covers", "Covered", N("span.days", 28), "Window", N("span.days", 28)),
	} {
		if got := VerdictSpan(control.Verdict{Window: 28 * 24 * time.Hour, Covered: covered}); !reflect.DeepEqual(got, want) {
			t.Errorf("%v: got %+v; want %+v", covered, got, want)
		}
	}
}

func TestTrialOf(t *testing.T) {
	at := time.Unix(1_700_000_000, 0)
	base := control.Arm{Value: "auto", Requests: 700, SuccessRate: 75, LatencyMS: control.Percentiles{P50: 20}, Dials: 3}
	other := control.Arm{Value: "http1", Requests: 300, SuccessRate: 99.5, LatencyMS: control.Percentiles{P50: 10}}
	tests := []struct {
		name          string
		trial         control.Trial
		result, ended Text
		better        int // of the arms; -1 neither
	}{
		{"running, too few", control.Trial{Other: control.Arm{Value: "http1"}, Need: 100, Reason: control.TrialTooFew},
			T("trial.too_few", "Have", "0", "Need", "100"), Text{}, -1},
		{"no difference", control.Trial{Other: other, Reason: control.TrialNoDifference, Ended: &at, EndedBy: control.EndedByPerson},
			T("trial.no_difference"), T("trial.ended"), -1},
		{"the other succeeds", control.Trial{Other: other, Reason: control.TrialMoreSuccess, Winner: "http1", Ended: &at, EndedBy: control.EndedApplied, Applied: true},
			T("trial.more_success", "Winner", T("way.http1"), "Better", "99.5%", "Worse", "75%"), T("trial.ended_applied"), 1},
		{"taken back", control.Trial{Other: other, Reason: control.TrialFaster, Winner: "http1", Ended: &at, EndedBy: control.EndedApplied},
			T("trial.faster", "Winner", T("way.http1"), "Better", "10 ms", "Worse", "20 ms"), T("trial.ended"), 1},
		{"the base succeeds", control.Trial{Other: other, Reason: control.TrialMoreSuccess, Winner: "auto", Ended: &at, EndedBy: control.EndedWorse},
			T("trial.more_success", "Winner", T("way.auto"), "Better", "75%", "Worse", "99.5%"), T("trial.ended_worse"), 0},
		{"the settings changed", control.Trial{Other: other, Reason: "moon", Ended: &at, EndedBy: control.EndedBySettings},
			T("reason.other", "Code", "moon"), T("trial.ended_settings"), -1},
	}
	for _, tt := range tests {
		tt.trial.Setting, tt.trial.Base, tt.trial.Share = "protocol", base, 0.3
		got := TrialOf(tt.trial)
		if !reflect.DeepEqual(got.Result, tt.result) || !reflect.DeepEqual(got.Ended, tt.ended) || got.Running != tt.ended.Empty() {
			t.Errorf("%s: got %+v, %+v, running %v; want %+v, %+v", tt.name, got.Result, got.Ended, got.Running, tt.result, tt.ended)
		}
		if want := T("trial.share", "Share", "30%", "Other", T("way.http1"), "Base", T("way.auto")); !reflect.DeepEqual(got.What, want) {
			t.Errorf("%s: got %+v; want %+v", tt.name, got.What, want)
		}
		for i, a := range got.Arms {
			if a.Better != (i == tt.better) {
				t.Errorf("%s: arm %d: got better %v; want %v", tt.name, i, a.Better, i == tt.better)
			}
		}
		if want := (TrialArm{Name: T("way.auto"), Requests: "700", Success: "75%", P50: "20 ms", P99: None, Dials: "3", Better: tt.better == 0}); !reflect.DeepEqual(got.Arms[0], want) {
			t.Errorf("%s: got %+v; want %+v", tt.name, got.Arms[0], want)
		}
	}
}
