package proxy

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"millpond/proxy/advisor"
	"millpond/proxy/control"
	"millpond/proxy/exchange"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/upstream"
	"millpond/settings"
)

// measured gathers the facts that advice rests on, since the start.
func (d *Daemon) measured() advisor.Facts {
	counted := d.meter.Snapshot()
	tallies := map[string]meter.Tally{}
	for _, t := range d.meter.Tallies() {
		sum := tallies[t.Upstream]
		sum.Add(&t)
		tallies[t.Upstream] = sum
	}
	state := d.exchange.State()
	all := d.pools.Stats()
	f := advisor.Facts{At: counted.At, Since: counted.Since, Settings: d.saved(), Wanted: all.Wanted}
	for _, u := range state.Upstreams {
		if u.Enabled {
			f.Upstreams = append(f.Upstreams, d.measuredOf(u, tallies[u.Name], f.Settings))
		}
	}
	for _, c := range counted.Callers {
		q := all.QueuedBy[c.Name]
		f.Callers = append(f.Callers, advisor.CallerFacts{Name: c.Name, Requests: c.Counts.Total(), Queued: q.Requests, Waited: q.Waited})
	}
	return f
}

// saved returns the settings without the overrides: those that can be changed.
func (d *Daemon) saved() *settings.Settings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.base
}

// measuredOf gathers the facts of one upstream.
func (d *Daemon) measuredOf(u *upstream.Upstream, t meter.Tally, saved *settings.Settings) advisor.UpstreamFacts {
	target := exchange.TargetOf(u)
	s, known := d.pools.StatsOf(u.Name), d.pools.LearnedOf(target)
	pressure := func(l pool.Limit) advisor.Pressure {
		return advisor.Pressure{Closed: s.Squeezed[l], Queued: s.Queued[l].Requests, Waited: s.Queued[l].Waited}
	}
	return advisor.UpstreamFacts{
		Name: u.Name, Pool: u.Pool, Live: upstreamOf(saved, u.Name) != nil,
		Requests: s.Requests, Reused: s.Reused, Dials: s.Dials, Connects: s.Connects, Spent: s.Spent,
		Connections: pressure(pool.MaxConnections), ConnectionsPerHost: pressure(pool.MaxConnectionsPerHost),
		Idle: pressure(pool.MaxIdle), IdlePerHost: pressure(pool.MaxIdlePerHost), Streams: pressure(pool.MaxStreams),
		Refused: s.Refused, TimedOut: s.TimedOut,
		Expired: s.Evicted[pool.Expired] - s.Hinted, Aged: s.Evicted[pool.Learned] + s.Evicted[pool.Lifetime] + s.Hinted,
		Closed: s.Evicted[pool.PeerClosed], Lost: s.Lost, NotReusable: s.Evicted[pool.NotReusable],
		Width: s.Width, Wanted: s.Wanted, Bursts: s.Bursts, Together: s.Together, PeerStreams: s.PeerStreams,
		Learned: known.IdleClose, Unreliable: known.Unreliable, HTTP2: known.Protocol == "HTTP/2.0",
		Origin: target.Scheme + "://" + net.JoinHostPort(target.Host, target.Port), Egress: hostOf(target.Egress), Direct: d.pools.KeepsDirect(target),
		Counts: t.Counts, Latency: t.Latency,
	}
}

// hostOf names an egress proxy without its login; "" when there is none.
func hostOf(egress *url.URL) string {
	if egress == nil {
		return ""
	}
	return egress.Host
}

// Advice returns what would make things better, by the statistics since the settings were last
// changed, and what became of the advice that was taken.
func (d *Daemon) Advice() control.Advice {
	facts := d.adviser.look(d.measured())
	found := advisor.Advise(&facts)
	out := control.Advice{At: facts.At, Since: facts.Since, Items: []control.Recommendation{}, Missing: []control.Missing{}}
	done := d.adviser.taken()
	for _, r := range found.Items {
		out.Items = append(out.Items, control.Recommendation{
			ID: idOf(&r, done), Code: r.Code, Upstream: r.Upstream, Sentence: r.Sentence, Figures: figures(r.Figures),
			Patch: changes(r.Patch), Expected: effect(r.Expected),
		})
	}
	for _, a := range done {
		at := a.At
		out.Items = append(out.Items, control.Recommendation{
			ID: a.ID, Code: a.Code, Upstream: a.Upstream, Sentence: a.Sentence, Figures: figures(a.Figures), Patch: changes(a.Patch),
			Expected: effect(a.Expected), AppliedAt: &at, Measured: effect(a.Measured), CanUndo: stands(facts.Settings, a.Diff),
		})
	}
	for _, m := range found.Missing {
		out.Missing = append(out.Missing, control.Missing{Code: m.Code, Upstream: m.Upstream, Have: m.Have, Need: m.Need, Of: m.Of})
	}
	return out
}

// idOf names a piece of advice. One that comes back although it was applied has a number too.
func idOf(r *advisor.Recommendation, done []applied) string {
	for n := 1; ; n++ {
		id := r.ID()
		if n > 1 {
			id += "." + strconv.Itoa(n)
		}
		if !slices.ContainsFunc(done, func(a applied) bool { return a.ID == id }) {
			return id
		}
	}
}

// taken returns the advice that was applied, the latest first.
func (a *adviser) taken() []applied {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := slices.Clone(a.applied)
	slices.Reverse(list)
	return list
}

func figures(list []advisor.Figure) []control.Figure {
	out := make([]control.Figure, 0, len(list))
	for _, f := range list {
		out = append(out, control.Figure{Key: f.Key, Value: f.Value, Unit: f.Unit})
	}
	return out
}

func changes(list []advisor.Change) []control.Change {
	out := make([]control.Change, 0, len(list))
	for _, c := range list {
		out = append(out, control.Change{Key: c.Key, From: c.From, To: c.To})
	}
	return out
}

func effect(e *advisor.Effect) *control.Effect {
	if e == nil {
		return nil
	}
	return &control.Effect{Key: e.Key, Before: e.Before, After: e.After, Unit: e.Unit}
}

// ApplyAdvice makes the change that a piece of advice proposes, as any edit of the settings, and
// remembers how it was.
func (d *Daemon) ApplyAdvice(revision uint64, id string) error {
	facts := d.adviser.look(d.measured())
	found, done := advisor.Advise(&facts).Items, d.adviser.taken()
	i := slices.IndexFunc(found, func(r advisor.Recommendation) bool { return idOf(&r, done) == id })
	switch {
	case i < 0:
		return &control.Error{Status: http.StatusNotFound, Code: control.CodeNoAdvice, Message: fmt.Sprintf("there is no advice %q now", id)}
	case len(found[i].Patch) == 0:
		return &control.Error{Status: http.StatusConflict, Code: control.CodeNothingToApply, Message: "nothing can be changed here by itself: the advice says what a person can do"}
	}
	r := &found[i]
	diff, err := d.changeSettings(revision, r.Patch)
	if err != nil {
		return err
	}
	before, _, _ := advisor.Measure(&facts, r.Code, r.Upstream)
	now := d.measured()
	d.adviser.remember(applied{
		ID: id, Code: r.Code, Upstream: r.Upstream, Sentence: r.Sentence, Figures: r.Figures, Patch: r.Patch, Diff: diff,
		Expected: r.Expected, At: d.config.Now(), Before: before, base: &now,
	}, d.logAdvice)
	d.config.Log.Info("advice applied", "advice", id, "changes", len(diff))
	return nil
}

// remember adds what was applied.
func (a *adviser) remember(done applied, report func(error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.applied = slices.DeleteFunc(a.applied, func(old applied) bool { return old.ID == done.ID })
	a.applied = append(a.applied, done)
	a.applied = a.applied[max(0, len(a.applied)-maxApplied):]
	report(a.saveLocked())
}

// UndoAdvice sets back exactly what a piece of advice changed, unless a person has changed it
// since.
func (d *Daemon) UndoAdvice(revision uint64, id string) error {
	done := d.adviser.taken()
	i := slices.IndexFunc(done, func(a applied) bool { return a.ID == id })
	if i < 0 {
		return &control.Error{Status: http.StatusNotFound, Code: control.CodeNoAdvice, Message: fmt.Sprintf("no advice %q was applied", id)}
	}
	var back []advisor.Change
	for _, c := range done[i].Diff {
		if now, err := textAt(d.saved(), c.Key); err != nil || now != c.To {
			return &control.Error{Status: http.StatusConflict, Code: control.CodeChangedSince, Message: fmt.Sprintf("%s was changed since, from %q to %q; it stays as it is", c.Key, c.To, now)}
		}
		back = append(back, advisor.Change{Key: c.Key, From: c.To, To: c.From})
	}
	if _, err := d.changeSettings(revision, back); err != nil {
		return err
	}
	d.adviser.forget(id, d.logAdvice)
	d.config.Log.Info("advice taken back", "advice", id)
	return nil
}

func (a *adviser) forget(id string, report func(error)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.applied = slices.DeleteFunc(a.applied, func(old applied) bool { return old.ID == id })
	report(a.saveLocked())
}

// changeSettings makes a patch of the settings of a revision and returns every setting that it
// changed: a preset changes more than its name.
func (d *Daemon) changeSettings(revision uint64, patch []advisor.Change) (diff []advisor.Change, err error) {
	d.mu.Lock()
	before, present := d.base, d.revision
	d.mu.Unlock()
	if revision != present {
		return nil, control.ErrStale
	}
	next := before.Clone()
	for _, c := range patch {
		if err := next.Set(c.Key, c.To); err != nil {
			return nil, err
		}
	}
	if err := d.PutSettings(revision, next); err != nil {
		return nil, err
	}
	return differences(before, next, patch), nil
}

// differences lists the settings of a patch that are others now, and those that came with a
// preset, which stands first so that it can be set back first.
func differences(before, after *settings.Settings, patch []advisor.Change) []advisor.Change {
	paths := []string{}
	for _, c := range patch {
		paths = append(paths, c.Key)
	}
	for _, k := range settings.Keys() {
		if k.Section() == "pool" && !slices.Contains(paths, k.Path) {
			paths = append(paths, k.Path)
		}
	}
	var diff []advisor.Change
	for _, path := range paths {
		from, errFrom := textAt(before, path)
		to, errTo := textAt(after, path)
		if errFrom == nil && errTo == nil && from != to {
			diff = append(diff, advisor.Change{Key: path, From: from, To: to})
		}
	}
	return diff
}

// adviseAnew tells the adviser of settings that are in force now.
func (d *Daemon) adviseAnew(before, after *settings.Settings) {
	if before.Pool != after.Pool || slices.ContainsFunc(after.Upstreams, func(u settings.Upstream) bool { return differs(before, after, u.Name) }) {
		d.adviser.changed(before, after, d.measured())
	}
}
