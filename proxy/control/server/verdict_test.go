package server

import (
	"context"
	"errors"
	"net/http"
	"reflect"
	"testing"
	"time"

	"millpond/proxy/control"
)

// judge is a Trials with one verdict; it notes what it was asked.
type judge struct {
	verdict control.Verdict
	asked   []any
	refuse  error
}

func (j *judge) note(question any) error {
	j.asked = append(j.asked, question)
	return j.refuse
}

func (j *judge) Verdict(context.Context) (control.Verdict, error) { return j.verdict, j.refuse }

func (j *judge) StartTrial(_ context.Context, q control.TrialRequest) (control.Trial, error) {
	return j.verdict.Trials[0], j.note(q)
}

func (j *judge) EndTrial(id string) error { return j.note(control.TrialID{ID: id}) }

func (j *judge) ApplyTrial(revision uint64, id string) error {
	return j.note(control.TrialEdit{Revision: revision, ID: id})
}

func (j *judge) UndoTrial(revision uint64, id string) error { return j.ApplyTrial(revision+100, id) }

func TestVerdictAndTrials(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	j := &judge{verdict: control.Verdict{
		At: at, Window: 28 * 24 * time.Hour, Covered: time.Hour, SuccessTarget: 0.95, ErrorTarget: 0.01, SwitchBelow: 0.9,
		Rows: []control.VerdictRow{{Upstream: "relay", Transport: "http2", Scope: "upstream", Requests: 200, Need: 100, SuccessRate: 50, ErrorRate: 50,
			Decision: control.Switch, Reason: control.ReasonBelowSwitch, Proposal: &control.Proposal{Setting: "protocol", From: "auto", To: "http1"}}},
		Trials: []control.Trial{{ID: "relay-1", Upstream: "relay", Started: at, Ended: &at, Reason: control.TrialMoreSuccess, Winner: "http1", CanApply: true}},
	}}
	m := newMemory()
	m.Trials = j
	path, _ := start(t, m)
	c := dial(t, path)

	if got, err := c.Verdict(t.Context()); err != nil || !reflect.DeepEqual(got, j.verdict) {
		t.Errorf("verdict: got %+v, %v; want %+v", got, err, j.verdict)
	}
	request := control.TrialRequest{Upstream: "relay", Setting: "protocol", To: "http1", Share: 0.3}
	if got, err := c.StartTrial(t.Context(), request); err != nil || !reflect.DeepEqual(got, j.verdict.Trials[0]) {
		t.Errorf("start: got %+v, %v; want %+v", got, err, j.verdict.Trials[0])
	}
	for _, err := range []error{c.EndTrial(t.Context(), "relay-1"), c.ApplyTrial(t.Context(), 7, "relay-1"), c.UndoTrial(t.Context(), 8, "relay-1")} {
		if err != nil {
			t.Error(err)
		}
	}
	want := []any{request, control.TrialID{ID: "relay-1"}, control.TrialEdit{Revision: 7, ID: "relay-1"}, control.TrialEdit{Revision: 108, ID: "relay-1"}}
	if !reflect.DeepEqual(j.asked, want) {
		t.Errorf("the daemon was asked %+v; want %+v", j.asked, want)
	}

	j.refuse = control.ErrStale
	if err := c.ApplyTrial(t.Context(), 7, "relay-1"); !errors.Is(err, control.ErrStale) {
		t.Errorf("stale: got %v; want %v", err, control.ErrStale)
	}
	j.refuse = &control.Error{Status: http.StatusConflict, Code: control.CodeChangedSince, Message: "changed since"}
	var refused *control.Error
	if err := c.UndoTrial(t.Context(), 7, "relay-1"); !errors.As(err, &refused) || refused.Status != 409 || refused.Code != control.CodeChangedSince {
		t.Errorf("changed since: got %v; want 409 %s", err, control.CodeChangedSince)
	}
}
