package app

import (
	"context"
	"fmt"
	"strconv"

	"millpond/app/model"
	"millpond/proxy/control"
)

// lookAtVerdict asks the daemon for its judgement.
func (d *desk) lookAtVerdict(ctx context.Context) model.VerdictView {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	v, err := d.client.Verdict(ctx)
	if err != nil {
		return model.VerdictView{Bad: err.Error()}
	}
	return model.VerdictViewOf(v)
}

// try starts the trial that is proposed for a row.
func (d *desk) try(ctx context.Context, r model.VerdictRow, share string) error {
	defer d.again()
	if r.Proposal == nil {
		return fmt.Errorf("nothing is proposed for %s", r.Upstream)
	}
	part, err := strconv.ParseFloat(share, 64)
	if err != nil {
		return fmt.Errorf("share of the requests: %w", err)
	}
	_, err = d.client.StartTrial(ctx, control.TrialRequest{Upstream: r.Upstream, Setting: r.Proposal.Setting, To: r.Proposal.To, Share: part})
	return err
}

// trial ends a trial, applies it or takes that back, from the present settings.
func (d *desk) trial(ctx context.Context, id string, a model.TrialAction) error {
	defer d.again()
	if a == model.TrialEnd {
		return d.client.EndTrial(ctx, id)
	}
	s, err := d.client.Status(ctx)
	if err != nil {
		return err
	}
	if a == model.TrialUndo {
		return d.client.UndoTrial(ctx, s.Revision, id)
	}
	return d.client.ApplyTrial(ctx, s.Revision, id)
}
