package control

import (
	"context"
	"net/http"
)

// The codes of Error when a trial is refused, beside CodeNothingToApply when the winner is
// what the settings say and CodeChangedSince.
const (
	CodeNoTrial    = "no_trial"    // there is none with that ID
	CodeRunning    = "running"     // a trial runs on the upstream already
	CodeEnded      = "ended"       // the trial has ended already
	CodeNotSpoken  = "not_spoken"  // the upstream does not answer over the other protocol
	CodeSame       = "same"        // it is what is done now
	CodeNoWinner   = "no_winner"   // the difference may be chance
	CodeNotApplied = "not_applied" // there is nothing to undo
	CodeNoUpstream = "no_upstream" // the saved settings have no upstream of that name
)

// A TrialID names a trial.
type TrialID struct {
	ID string `json:"id"`
}

// A TrialEdit changes the settings by what a trial has shown, or back.
type TrialEdit struct {
	Revision uint64 `json:"revision"` // of the status that the edit was made from
	ID       string `json:"id"`
}

// Verdict asks for the judgement over the window of the settings.
func (c *Client) Verdict(ctx context.Context) (Verdict, error) {
	var v Verdict
	err := c.ask(ctx, http.MethodGet, "/v1/verdict", nil, &v)
	return v, err
}

// StartTrial sends a share of an upstream's requests another way, until EndTrial or
// ApplyTrial, over restarts of the daemon. The other way is tested first: one that the
// upstream does not speak is refused with CodeNotSpoken.
func (c *Client) StartTrial(ctx context.Context, q TrialRequest) (Trial, error) {
	var t Trial
	err := c.ask(ctx, http.MethodPost, "/v1/trials", &q, &t)
	return t, err
}

// EndTrial sends all requests the first way again and keeps what was counted.
func (c *Client) EndTrial(ctx context.Context, id string) error {
	return c.ask(ctx, http.MethodPost, "/v1/trials/end", &TrialID{ID: id}, nil)
}

// ApplyTrial puts the winner of a trial into the settings, as an override of its
// upstream's, and ends the trial. A stale revision is refused with ErrStale.
func (c *Client) ApplyTrial(ctx context.Context, revision uint64, id string) error {
	return c.ask(ctx, http.MethodPost, "/v1/trials/apply", &TrialEdit{revision, id}, nil)
}

// UndoTrial puts back what ApplyTrial changed. It is refused when the setting was changed
// since, with CodeChangedSince, and for a stale revision with ErrStale.
func (c *Client) UndoTrial(ctx context.Context, revision uint64, id string) error {
	return c.ask(ctx, http.MethodPost, "/v1/trials/undo", &TrialEdit{revision, id}, nil)
}
