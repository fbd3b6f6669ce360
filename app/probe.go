package app

import (
	"context"
	"errors"
	"time"

	"millpond/app/model"
	"millpond/proxy/control"
	"millpond/settings"
)

// probeTime bounds a test of an upstream.
const probeTime = time.Minute

// test tests an upstream, instead of one that is being tested. Each step is shown.
func (l *link) test(ctx context.Context, u settings.Upstream) {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	l.update(func() {
		if l.stopProbe != nil {
			l.stopProbe()
		}
		l.stopProbe, l.probe = cancel, model.ProbeStart(u.Name, u.URL)
	})
	l.wg.Go(func() {
		defer cancel()
		show := func(p model.Probe) {
			l.update(func() {
				if ctx.Err() == nil { // else another one is shown, or none
					l.probe = p
				}
			})
		}
		report, err := l.client.ProbeSteps(ctx, control.ProbeRequest{Upstream: &u}, func(at control.ProbeProgress) {
			show(model.ProbeAt(u.Name, u.URL, at))
		})
		switch {
		case err == nil:
			show(model.ProbeEnd(u.Name, u.URL, report, time.Now()))
		case errors.Is(ctx.Err(), context.DeadlineExceeded):
			l.update(func() { l.probe = model.ProbeFailed(u.Name, u.URL, err) })
		default:
			show(model.ProbeFailed(u.Name, u.URL, err))
		}
	})
}

// stopTest ends the test that is under way and puts its result away.
func (l *link) stopTest() {
	l.update(func() {
		if l.stopProbe != nil {
			l.stopProbe()
		}
		l.stopProbe, l.probe = nil, model.Probe{}
	})
}
