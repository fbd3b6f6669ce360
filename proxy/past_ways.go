package proxy

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"millpond/proxy/history"
	"millpond/proxy/meter"
)

// A past is what was counted of each way within a window.
type past struct {
	first time.Time                             // when it begins; zero when nothing was counted
	ways  map[string]map[meter.Way]*meter.Tally // by upstream
}

func newPast() past { return past{ways: map[string]map[meter.Way]*meter.Tally{}} }

// add counts a tally that began at a time.
func (p *past) add(at time.Time, t *meter.Tally) {
	if t.Upstream == "" || t.Counts.Total() == 0 {
		return
	}
	if p.first.IsZero() || at.Before(p.first) {
		p.first = at
	}
	of := p.ways[t.Upstream]
	if of == nil {
		of = map[meter.Way]*meter.Tally{}
		p.ways[t.Upstream] = of
	}
	if of[t.Way] == nil {
		of[t.Way] = &meter.Tally{Upstream: t.Upstream, Way: t.Way}
	}
	of[t.Way].Add(t)
}

// addAll counts what o has.
func (p *past) addAll(o past) {
	for _, of := range o.ways {
		for _, t := range of {
			p.add(o.first, t)
		}
	}
}

// An older is what was counted before an hour that is over: it does not change, so that a
// screen which asks every few seconds does not have four weeks read each time.
type older struct {
	mu sync.Mutex
	// mu guards what follows.
	window time.Duration
	until  time.Time
	past   past
}

// settled is how long after its end an hour still gets what was counted in it.
const settled = time.Minute

// past returns what was counted within a window, up to now: by the history, or when there
// is none since the start.
func (d *Daemon) past(ctx context.Context, window time.Duration) (past, error) {
	if d.history != nil {
		d.history.Write(ctx)
		if code := d.history.State().Code; code == history.Kept || code == history.Anew {
			return d.older.read(ctx, filepath.Join(d.config.StateDir, HistoryName), window, d.config.Now())
		}
	}
	p, since := newPast(), d.meter.Snapshot().Since
	for _, t := range d.meter.Tallies() {
		p.add(since, &t)
	}
	return p, nil
}

// read reads what is newer than what it has.
func (o *older) read(ctx context.Context, path string, window time.Duration, now time.Time) (past, error) {
	o.mu.Lock() // also over reading: two that ask at the same time would read the same
	defer o.mu.Unlock()
	until := now.Add(-settled).Truncate(time.Hour)
	since, before := until, o.past
	if o.window != window || !o.until.Equal(until) {
		since, before = now.Add(-window), newPast()
	}
	fresh := newPast()
	err := history.Read(ctx, path, since, now, func(r history.Row) error {
		if r.Start.Before(until) {
			before.add(r.Start, &r.Tally)
		} else {
			fresh.add(r.Start, &r.Tally)
		}
		return nil
	})
	if err != nil {
		return past{}, err
	}
	o.window, o.until, o.past = window, until, before
	fresh.addAll(before)
	return fresh, nil
}
