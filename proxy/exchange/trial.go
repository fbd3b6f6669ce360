package exchange

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/settings"
)

// A Trial sends a share of one upstream's requests another way and counts both ways. Its
// fields but the arms' counts are constant. A request that leaves HTTP/1 takes no part.
type Trial struct {
	Protocol settings.Protocol // of the other way; "" is that of the upstream's settings
	Scope    settings.Scope    // likewise
	Share    float64           // of the requests that go the other way, from 0 to 1

	Base, Other Arm
}

// An Arm counts the requests of one of a trial's ways. The zero Arm has counted nothing.
type Arm struct {
	dialled atomic.Uint64

	mu sync.Mutex
	// mu guards what follows.
	counts  meter.Counts
	latency meter.Histogram // of those that succeeded
}

// ArmCounts is what an Arm has counted.
type ArmCounts struct {
	Counts  meter.Counts
	Latency meter.Histogram // of the requests that succeeded
	Dials   uint64
}

// Counted returns what a has counted.
func (a *Arm) Counted() ArmCounts {
	a.mu.Lock()
	defer a.mu.Unlock()
	return ArmCounts{Counts: a.counts, Latency: a.latency, Dials: a.dialled.Load()}
}

// Restore sets what a has counted, before its trial runs.
func (a *Arm) Restore(c ArmCounts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts, a.latency = c.Counts, c.Latency
	a.dialled.Store(c.Dials)
}

// record counts a request; nil counts none.
func (a *Arm) record(o meter.Outcome, took time.Duration) {
	if a == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts.Count(o)
	if o == meter.OK {
		a.latency.Observe(took)
	}
}

// base returns where the requests of the first arm go: where they would without a trial.
func (t *Trial) base(from pool.Target) pool.Target {
	from.Dialled = &t.Base.dialled
	return from
}

// other returns where the requests of the second arm go.
func (t *Trial) other(from pool.Target) pool.Target {
	from.Dialled = &t.Other.dialled
	if t.Protocol != "" {
		from.Pool.Protocol = t.Protocol
	}
	if t.Scope != "" {
		from.Pool.Scope = t.Scope
	}
	return from
}

// trial returns the trial of the upstream at an index; nil when none runs.
func (st *State) trial(i int) *Trial {
	if i >= len(st.Trials) {
		return nil
	}
	return st.Trials[i]
}

// target returns where the upstream at an index is reached, and assigns the request to an
// arm of its trial. It is drawn once for a request, at random: counting in turn could put
// all requests of one kind into one arm. So a replay stays in its arm.
func (t *turn) target(i int) *pool.Target {
	t.arm = nil
	trial := t.st.trial(i)
	if trial == nil || t.req.Upgrade {
		return &t.st.targets[i]
	}
	if t.luck == 0 {
		t.luck = 1 - rand.Float64()
	}
	if t.luck > trial.Share {
		t.arm = &trial.Base
		return &t.st.targets[i]
	}
	t.arm = &trial.Other
	return &t.st.others[i]
}

// passedOn counts what the upstream of an attempt did with a request that another one
// takes over: with this upstream alone, and in its trial.
func (t *turn) passedOn(a *attempt, status int) {
	took := time.Since(a.chosen)
	t.arm.record(meter.UpstreamError, took)
	t.x.Meter.Attempt(meter.Record{
		Upstream: t.record.Upstream, Protocol: t.record.Protocol, Meant: t.record.Meant, Scope: t.record.Scope,
		Outcome: meter.UpstreamError, Status: status, Reused: t.record.Reused, Total: took,
	})
}

// meant names the transport that a request to t would have gone over, had there been a
// connection; "" when the upstream would have chosen it and never has.
func (x *Exchange) meant(t pool.Target) string {
	switch {
	case t.Pool.Protocol != settings.ProtocolAuto:
		return string(t.Pool.Protocol)
	case t.Scheme == "http":
		return string(settings.ProtocolHTTP1)
	}
	return meter.TransportOf(x.Pools.LearnedOf(t).Protocol)
}
