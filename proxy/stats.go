package proxy

import (
	"errors"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/exchange"
	"millpond/proxy/fast"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/replay"
	"millpond/proxy/upstream"
)

// Stats returns what was counted since the daemon started.
func (d *Daemon) Stats() control.Stats {
	s, _ := d.count()
	return s
}

// count takes the statistics, and the meter's own figures that they come from.
func (d *Daemon) count() (control.Stats, meter.Snapshot) {
	m := d.meter.Snapshot()
	state := d.exchange.State()
	s := control.Stats{
		Version:            d.config.Version,
		UptimeSeconds:      m.At.Sub(m.Since).Seconds(),
		SuccessRate:        m.Counts.SuccessRate(),
		ErrorRate:          m.Counts.ErrorRate(),
		TotalRequests:      int64(m.Counts.Total()),
		SuccessfulRequests: int64(m.Counts.OK),
		FailedRequests:     int64(m.Counts.Failed()),
		Outcomes:           outcomes(m.Counts),
		LatencyMS:          percentiles(m.Latency),
		FirstByteMS:        percentiles(m.FirstByte),
		Pool:               poolStats(d.pools.Stats(), m.Wait),
		Replays:            replays(d.exchange.Ledger()),
		Fast:               fastStats(d.fast.Stats()),
		Upstreams:          []control.Upstream{},
		Callers:            callers(m.Callers),
		Windows: map[string]control.Window{
			control.Window1m: window(m.Minute), control.Window1h: window(m.Hour),
			control.Window24h: window(m.Day), control.Window28d: window(m.FourWeeks),
		},
	}
	for i, u := range state.Upstreams {
		one := d.upstreamStats(u, m.Upstream(u.Name))
		var missing *missingSecret
		if errors.As(state.Withheld[i], &missing) {
			one.Healthy, one.Withheld = false, exchange.CodeCredentialMissing
			one.LastError, one.LastErrorAt = Redact(missing.Error()), &missing.since
		}
		s.Upstreams = append(s.Upstreams, one)
	}
	return s, m
}

// upstreamStats are the figures of one upstream. What it failed with is told by its
// health, which sees every attempt, or else by the requests that failed.
func (d *Daemon) upstreamStats(u *upstream.Upstream, m meter.Upstream) control.Upstream {
	health := u.Status()
	known := d.pools.LearnedOf(exchange.TargetOf(u))
	s := control.Upstream{
		Name: u.Name, URL: u.Base.String(), Kind: string(u.Kind), Healthy: health.Healthy,
		SuccessRate: m.Counts.SuccessRate(), Requests: int64(m.Counts.Total()), LatencyMS: percentiles(m.Latency),
		Pool:               poolStats(d.pools.StatsOf(u.Name), m.Wait),
		LearnedIdleSeconds: known.IdleClose.Seconds(), Protocol: meter.TransportOf(known.Protocol),
		LastError: Redact(m.LastError),
	}
	if !m.LastAnswerAt.IsZero() {
		s.LastFirstByteMS, s.LastAnswerAt = float64(m.LastFirstByte.Microseconds())/1000, &m.LastAnswerAt
	}
	at := m.LastErrorAt
	if health.LastAt.After(at) {
		s.LastError, at = Redact(health.LastError), health.LastAt
	}
	if !at.IsZero() {
		s.LastErrorAt = &at
	}
	return s
}

func outcomes(c meter.Counts) map[string]int64 {
	by := map[string]int64{}
	for _, o := range meter.Outcomes() {
		by[o.String()] = int64(c.Of(o))
	}
	return by
}

func percentiles(p meter.Percentiles) control.Percentiles {
	return control.Percentiles{P50: p.P50, P90: p.P90, P99: p.P99, Max: p.Max}
}

func window(w meter.Window) control.Window {
	return control.Window{
		Requests: int64(w.Counts.Total()), Successful: int64(w.Counts.OK), Failed: int64(w.Counts.Failed()),
		SuccessRate: w.Counts.SuccessRate(), ErrorRate: w.Counts.ErrorRate(),
		LatencyMS: percentiles(w.Latency), FirstByteMS: percentiles(w.FirstByte),
	}
}

func callers(list []meter.Caller) []control.Caller {
	callers := make([]control.Caller, 0, len(list))
	for _, c := range list {
		callers = append(callers, control.Caller{
			Name: c.Name, Requests: int64(c.Counts.Total()), SuccessRate: c.Counts.SuccessRate(), LatencyMS: percentiles(c.Latency),
		})
	}
	return callers
}

// poolStats joins the pool's figures with the waits that the meter saw: the pool's own
// are of requests that had to wait at all, the meter's of all.
func poolStats(s pool.Stats, wait meter.Percentiles) control.Pool {
	return control.Pool{
		Open: s.Open, Idle: s.Idle, InUse: s.InUse, Waiting: s.Waiting,
		Dials: int64(s.Dials), Reused: int64(s.Reused), ReuseRatio: s.ReuseRatio(),
		EvictedIdle:    int64(s.Evicted[pool.Expired] + s.Evicted[pool.Learned]),
		RetiredLearned: int64(s.Evicted[pool.Learned]),
		WaitMS:         percentiles(wait),
		DialErrors:     int64(s.DialErrors),
		Evicted:        evictedOf(s),
		ConnectMS:      quantiles(s.Connect),
	}
}

func evictedOf(s pool.Stats) map[string]int64 {
	by := map[string]int64{}
	for reason, n := range s.EvictedBy() {
		by[reason] = int64(n)
	}
	return by
}

func quantiles(q pool.Quantiles) control.Percentiles {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return control.Percentiles{P50: ms(q.P50), P90: ms(q.P90), P99: ms(q.P99), Max: ms(q.Max)}
}

func replays(c replay.Counts) control.Replays {
	return control.Replays{A: int64(c.A), B: int64(c.B), C: int64(c.C), Ambiguous: int64(c.Ambiguous)}
}

func fastStats(s fast.Stats) control.Fast {
	by := map[string]int64{}
	for reason, n := range s.HandedOver {
		by[reason] = int64(n)
	}
	return control.Fast{Carried: int64(s.Carried), HandedOver: by, Panics: int64(s.Panics)}
}

// recentFailures are the last requests that failed, newest first.
func recentFailures(list []meter.Failure) []control.Failure {
	failures := make([]control.Failure, 0, len(list))
	for _, f := range list {
		failures = append(failures, control.Failure{
			At: f.At, Upstream: f.Upstream, Outcome: f.Outcome.String(), Code: f.Code, Status: f.Status, Error: Redact(f.Err),
		})
	}
	return failures
}

// series is how requests went over a window, as a row of equal steps.
func series(points []meter.Point) control.Series {
	s := control.Series{Start: points[0].At, Step: points[1].At.Sub(points[0].At)}
	for _, p := range points {
		s.Successful = append(s.Successful, int64(p.OK))
		s.Failed = append(s.Failed, int64(p.Failed))
	}
	return s
}
