package model

import (
	"slices"
	"testing"
	"time"

	"millpond/proxy/control"
)

func TestVerdictView(t *testing.T) {
	ended := noon
	v := control.Verdict{Window: 28 * 24 * time.Hour, Covered: time.Hour, SuccessTarget: 0.95, ErrorTarget: 0.01, SwitchBelow: 0.9,
		Rows: []control.VerdictRow{{Upstream: "a", Transport: "http1", Decision: control.Keep}}}
	for _, id := range []string{"old", "runs", "new"} {
		trial := control.Trial{ID: id, Upstream: "a", Setting: control.SettingProtocol}
		if id != "runs" {
			trial.Ended = &ended
		}
		v.Trials = append(v.Trials, trial)
	}
	got := VerdictViewOf(v)
	var order []string
	for _, trial := range got.Trials {
		order = append(order, trial.ID)
	}
	if want := []string{"runs", "new", "old"}; !slices.Equal(order, want) {
		t.Errorf("trials: got %v; want %v", order, want)
	}
	if len(got.Rows) != 1 || !got.Known || got.Span.Empty() {
		t.Errorf("got %+v; want a row, known, and what it covers", got)
	}
	if rule := got.Rules[2].When; rule.Args["Below"] != "90%" || rule.Args["Above"] != "5%" {
		t.Errorf("switch: got %v; want below 90%% or above 5%%", rule.Args)
	}
	for range 20 {
		v.Trials = append(v.Trials, control.Trial{Ended: &ended})
	}
	if got := len(VerdictViewOf(v).Trials); got != shownTrials {
		t.Errorf("got %d trials; want %d", got, shownTrials)
	}
}
