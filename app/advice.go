package app

import (
	"context"
	"time"

	"millpond/app/model"
)

// lookAtAdvice asks the daemon what would make things better.
func (d *desk) lookAtAdvice(ctx context.Context) model.AdviceView {
	ctx, cancel := context.WithTimeout(ctx, requestTime)
	defer cancel()
	a, err := d.client.Advice(ctx)
	return model.AdviceViewOf(a, err, time.Now())
}

// takeAdvice makes the change that a piece of advice proposes, or takes it back. The
// revision is that of the settings that it was shown beside.
func (d *desk) takeAdvice(ctx context.Context, id string, revision uint64, on bool) error {
	defer d.again()
	if on {
		return d.client.ApplyAdvice(ctx, revision, id)
	}
	return d.client.UndoAdvice(ctx, revision, id)
}
