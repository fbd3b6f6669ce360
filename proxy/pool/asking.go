package pool

import (
	"context"
	"time"
)

// An asking is one request on its way to a lease. What it holds is given back by leave
// when it gets none, also while a panic unwinds.
type asking struct {
	g      *group
	caller string
	fresh  bool // demands a connection that was dialled for this request and never carried another
	start  time.Time

	h *host   // nil before the request counts there
	w *waiter // nil before it had to wait
	c *conn   // the request is counted on it

	limit   Limit // what it waits for, when limited
	limited bool
}

// acquire gives a connection with a request counted on it, or errMoved when the group was
// forgotten meanwhile.
func (g *group) acquire(ctx context.Context, t *Target, fresh bool) (l *Lease, err error) {
	a := asking{g: g, caller: t.Caller, fresh: fresh, start: time.Now()}
	defer func() {
		if err != nil {
			l = nil
			a.leave()
		}
	}()
	defer g.m.rescue("acquire", &err)
	l, err = a.lease(ctx, t)
	if err == nil {
		a.h.counts.requests.Add(1)
		a.h.counts.leased(l, l.Waited > 0)
	}
	return l, err
}

// renew gives l another connection in place of one that was found dead in the moment of use. With
// an error l has ended.
func (l *Lease) renew(ctx context.Context) (err error) {
	a := asking{g: l.g, caller: l.caller, start: l.asked, h: l.c.host, w: l.w, c: l.c}
	defer func() {
		if err != nil {
			l.done = true
			a.leave()
		}
	}()
	defer l.g.m.rescue("renew", &err)
	a.c = nil
	a.g.discardStale(l.c)
	next, err := a.lease(ctx, nil)
	if err == nil {
		a.h.counts.leased(next, l.Waited == 0 && next.Waited > 0)
		*l = *next
	}
	return err
}

func (a *asking) lease(ctx context.Context, t *Target) (*Lease, error) {
	g := a.g
	for now := a.start; ; now = time.Now() {
		if err := a.take(t, now); err != nil {
			return nil, err
		}
		dialled := false
		if a.c == nil {
			got, err := a.wait(ctx)
			if err != nil {
				return nil, err
			}
			a.c, dialled, now = got.c, got.dialled, time.Now()
		}
		c := a.c
		l := &Lease{g: g, caller: a.caller, asked: a.start, w: a.w, c: c, at: now, Reused: !dialled}
		if dialled {
			l.Connect = c.roundTrip + c.tlsTime
		}
		if a.w != nil {
			l.Waited = now.Sub(a.start)
		}
		if g.usable(ctx, l) {
			return l, nil
		}
		a.c = nil
		if ctx.Err() != nil {
			g.takeBack(c)
			return nil, cancelled(ctx)
		}
		g.discardStale(c)
		if dialled && c.cc != nil { // or else such a peer is dialled for ever
			if err := g.stillborn(c); err != nil {
				return nil, err
			}
		}
	}
}

// take sets c to a connection that is there, or has w stand in the queue.
func (a *asking) take(t *Target, now time.Time) error {
	g := a.g
	g.mu.Lock()
	defer g.unlock()
	if a.h == nil {
		if g.gone {
			return errMoved
		}
		a.h = g.hostLocked(t)
		g.used, a.h.used = now, now
		a.h.beginLocked(now)
	}
	if a.c = g.takeLocked(a.h, a.fresh, now); a.c != nil {
		return nil
	}
	if a.w == nil {
		a.w = &waiter{fresh: a.fresh, granted: make(chan grant, 1)}
	}
	if !g.queueLocked(a.h, a.w) {
		a.h.counts.limits.refused.Add(1)
		return &Failure{Phase: PhaseQueue, Code: CodeQueueFull, Err: errQueueFull}
	}
	a.limit, a.limited = g.limitLocked(a.h, a.w)
	return nil
}

// wait blocks until w is granted something, or has waited for long enough.
func (a *asking) wait(ctx context.Context) (grant, error) {
	if a.limited {
		defer func() { a.h.counts.limits.waitedFor(a.limit, a.caller, time.Since(a.start)) }()
	}
	timer := time.NewTimer(a.w.patience)
	defer timer.Stop()
	for {
		select {
		case got := <-a.w.granted:
			return got, got.err
		case <-ctx.Done():
			return grant{}, cancelled(ctx)
		case <-timer.C:
			if a.g.expects(a.h, a.w) { // a dial for it is under way, and has limits of its own
				timer.Reset(time.Second)
				continue
			}
			if !a.g.quit(a.h, a.w) { // granted in the same instant
				got := <-a.w.granted
				return got, got.err
			}
			a.h.counts.limits.timedOut.Add(1)
			return grant{}, &Failure{Phase: PhaseQueue, Code: CodeWaitTimeout, Err: errWait}
		}
	}
}

func (g *group) expects(h *host, w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return w.queued && h.queue.ahead(w) < h.expectedLocked()
}

// quit takes w out of the queue. It reports false when w was granted something before that.
func (g *group) quit(h *host, w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !w.queued {
		return false
	}
	g.leaveLocked(h, w)
	return true
}

// leave ends an asking that got no lease. What was granted to it goes to the next in line.
func (a *asking) leave() {
	if a.h == nil {
		return
	}
	a.g.mu.Lock()
	defer a.g.unlock()
	a.h.endLocked()
	if a.c != nil { // a panic unwinds
		now := time.Now()
		a.g.returnLocked(a.c, false, now, now, false)
	}
	if a.w == nil {
		return
	}
	if a.w.queued {
		a.g.leaveLocked(a.h, a.w)
	}
	select {
	case got := <-a.w.granted:
		if got.c != nil {
			a.g.takeBackLocked(got.c, got.dialled)
		}
	default:
	}
}

func cancelled(ctx context.Context) *Failure {
	return &Failure{Phase: PhaseQueue, Code: CodeCancelled, Err: context.Cause(ctx)}
}
