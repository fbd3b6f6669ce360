package proxy

import (
	"cmp"
	"context"
	"slices"

	"millpond/proxy/advisor"
	"millpond/proxy/control"
	"millpond/proxy/meter"
	"millpond/settings"
)

// Verdict judges every way to every upstream over the window of the settings, and tells of
// the trials. What is counted on disk counts, and without that what was counted since the
// start.
func (d *Daemon) Verdict(ctx context.Context) (control.Verdict, error) {
	state := d.exchange.State()
	rules, now := state.Settings.Verdict, d.config.Now()
	past, err := d.past(ctx, rules.Window)
	if err != nil {
		return control.Verdict{}, err
	}
	v := control.Verdict{
		At: now, Window: rules.Window, Covered: advisor.Covered(rules.Window, past.first, now),
		SuccessTarget: rules.SuccessTarget, ErrorTarget: rules.ErrorTarget, SwitchBelow: rules.SwitchBelow,
		Rows: []control.VerdictRow{}, Trials: []control.Trial{},
	}
	running := map[string]string{}
	for _, t := range d.trials.all() {
		v.Trials = append(v.Trials, d.describe(t))
		if t.Ended == nil {
			running[t.Upstream] = t.ID
		}
	}
	for _, u := range state.Settings.Upstreams {
		v.Rows = append(v.Rows, d.rowsOf(state.Settings, u, past.ways[u.Name], running[u.Name])...)
	}
	return v, nil
}

// rowsOf judges the ways to one upstream, the one with the most requests first. One without
// requests has a row all the same.
func (d *Daemon) rowsOf(s *settings.Settings, u settings.Upstream, ways map[meter.Way]*meter.Tally, trial string) []control.VerdictRow {
	pool, https := s.PoolFor(u), isHTTPS(u.URL)
	present := meter.Way{Transport: d.transportOf(u.Name, pool, https), Scope: string(pool.Scope)}
	if len(ways) == 0 {
		ways = map[meter.Way]*meter.Tally{present: {}}
	}
	decisions := map[string]advisor.Decision{} // by transport: of the way with the most requests
	rows := make([]control.VerdictRow, 0, len(ways))
	for _, way := range byRequests(ways) {
		j := advisor.Judge(s.Verdict, advisor.Record{Upstream: u.Name, Way: way, Counts: ways[way].Counts})
		if _, known := decisions[way.Transport]; !known {
			decisions[way.Transport] = j.Decision
		}
		rows = append(rows, rowOf(u.Name, way, ways[way], j))
		rows[len(rows)-1].Trial = trial
	}
	for i := range rows {
		row := &rows[i]
		other := settings.ProtocolHTTP1
		if row.Transport == string(other) {
			other = settings.ProtocolHTTP2
		}
		j := advisor.Judgement{Decision: advisor.Decision(row.Decision)}
		if p := advisor.Propose(j, meter.Way{Transport: row.Transport, Scope: row.Scope}, pool, https, decisions[string(other)]); p != nil && trial == "" {
			row.Proposal = &control.Proposal{Setting: p.Setting, From: p.From, To: p.To}
		}
	}
	return rows
}

// transportOf is what requests to an upstream go over now; "" when that was not seen yet.
func (d *Daemon) transportOf(name string, p settings.Pool, https bool) string {
	switch {
	case p.Protocol != settings.ProtocolAuto:
		return string(p.Protocol)
	case !https:
		return string(settings.ProtocolHTTP1)
	}
	return d.speaks(name)
}

func isHTTPS(url string) bool { return len(url) > 8 && url[:8] == "https://" }

// byRequests lists ways, the one with the most requests first.
func byRequests(ways map[meter.Way]*meter.Tally) []meter.Way {
	list := make([]meter.Way, 0, len(ways))
	for way := range ways {
		list = append(list, way)
	}
	slices.SortFunc(list, func(a, b meter.Way) int {
		return cmp.Or(cmp.Compare(ways[b].Counts.Judged(), ways[a].Counts.Judged()),
			cmp.Compare(a.Transport, b.Transport), cmp.Compare(a.Scope, b.Scope))
	})
	return list
}

func rowOf(upstream string, way meter.Way, t *meter.Tally, j advisor.Judgement) control.VerdictRow {
	return control.VerdictRow{
		Upstream: upstream, Transport: way.Transport, Scope: way.Scope,
		Requests: int64(t.Counts.Judged()), Need: j.Need, SuccessRate: t.Counts.SuccessRate(), ErrorRate: t.Counts.ErrorRate(),
		LatencyMS: percentiles(t.Latency.Percentiles()),
		Decision:  control.Decision(j.Decision), Reason: j.Reason, Sentence: j.Sentence,
	}
}

// compare says which arm of a trial did better.
func compare(t trial) advisor.Comparison {
	return advisor.Compare(
		advisor.Arm{Value: t.From, Counts: t.Base.Counts, Latency: t.Base.Latency},
		advisor.Arm{Value: t.To, Counts: t.Other.Counts, Latency: t.Other.Latency},
	)
}

// describe is a trial as the control socket tells it.
func (d *Daemon) describe(t trial) control.Trial {
	c := compare(t)
	base := d.saved()
	now, err := text(base, t.key())
	out := control.Trial{
		ID: t.ID, Upstream: t.Upstream, Setting: t.Setting, Share: t.Share, Started: t.Started, Ended: t.Ended, EndedBy: t.EndedBy,
		Base: armOf(t.From, t.Base), Other: armOf(t.To, t.Other),
		Need: advisor.ArmNeed, Reason: c.Reason, Winner: c.Winner, Chance: c.Chance, Sentence: c.Sentence,
	}
	out.Applied = t.Applied != nil && err == nil && now == *t.Applied
	out.CanUndo = out.Applied
	out.CanApply = c.Winner == t.To && t.isIn(base) && now != t.To
	return out
}

func armOf(value string, a armCounts) control.Arm {
	return control.Arm{
		Value: value, Requests: int64(a.Counts.Judged()), SuccessRate: a.Counts.SuccessRate(),
		LatencyMS: percentiles(a.Latency.Percentiles()), Dials: int64(a.Dials),
	}
}
