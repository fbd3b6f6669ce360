package pool

import (
	"time"

	"millpond/proxy/hangup"
	"millpond/settings"
)

const (
	// warmFor is how long after its last request a host is kept warm.
	warmFor = time.Hour
	// warmRetry is the pause after a warm connection died unused or could not be
	// dialled, so that an upstream that drops silent clients is not dialled for ever.
	warmRetry = 30 * time.Second
	// forgetAfter is how long a group without connections is remembered.
	forgetAfter = 2 * time.Minute
)

// sweep looks over a group's connections. It reports whether the group can be
// forgotten.
func (g *group) sweep(now time.Time) bool {
	if !hangup.Kernel {
		g.lookAtIdle()
	}
	g.mu.Lock()
	defer g.unlock()
	for _, h := range g.hosts {
		g.sweepHostLocked(h, now)
	}
	g.serveLocked()
	return g.forgettableLocked(now)
}

func (g *group) forgettableLocked(now time.Time) bool {
	return g.open == 0 && len(g.queuing) == 0 && now.Sub(g.used) > forgetAfter
}

func (g *group) sweepHostLocked(h *host, now time.Time) {
	h.burst.tick(now)
	for i := 0; i < len(h.idle); i++ {
		if why, over := h.idle[i].overdueLocked(now); over {
			g.expireLocked(h.idle[i], why)
			i--
		}
	}
	for _, c := range append([]*conn(nil), h.multi...) {
		if c.at != idle {
			continue
		}
		if why, over := c.overdueLocked(now); over {
			g.dropLocked(c, why)
		}
	}
	g.sweepProbeLocked(h, now)
	g.warmLocked(h, now)
}

// sweepProbeLocked lets the probe's age speak, and ends a probe that has lived as
// long as any connection may.
func (g *group) sweepProbeLocked(h *host, now time.Time) {
	c := h.probe
	if c == nil {
		return
	}
	age := now.Sub(c.idleSince)
	h.origin.outlived(age, c.requests, now)
	if age > h.pool.IdleTimeout || (!c.dies.IsZero() && now.After(c.dies)) {
		g.dropLocked(c, Expired)
	}
}

// warmLocked dials what is missing to the number of connections to keep ready.
// Nothing is sent on them: nobody is billed, and no server is asked anything.
func (g *group) warmLocked(h *host, now time.Time) {
	want := h.wantWarmLocked()
	if want == 0 || h.retired || g.retired || h.pool.Reuse == settings.ReuseNever || now.Sub(h.used) > warmFor || now.Before(h.warmAt) {
		return
	}
	ready := h.open // those in use come back
	if h.multiplexed() {
		want = (want + h.pool.MaxStreamsPerConnection - 1) / max(1, h.pool.MaxStreamsPerConnection)
	}
	want = min(want, h.pool.MaxIdlePerHost, g.limits.MaxIdle)
	for ; ready < want; ready++ {
		if limit := h.pool.MaxConnectionsPerHost; limit > 0 && h.open >= limit {
			return
		}
		if limit := g.limits.MaxConnections; limit > 0 && g.open >= limit {
			return // warmth takes nothing from others
		}
		if h.multiplexed() && h.dialing > 0 {
			return
		}
		g.dialLocked(h)
	}
}

func (h *host) wantWarmLocked() int {
	if h.pool.Warm == settings.WarmAuto {
		return h.burst.width()
	}
	return int(h.pool.Warm)
}

// lookAtIdle looks at each idle connection's socket, where the kernel does not
// tell of a close by itself.
func (g *group) lookAtIdle() {
	g.mu.Lock()
	var all []*conn
	for c := g.oldest; c != nil; c = c.newer {
		if c.cc == nil {
			all = append(all, c)
		}
	}
	g.mu.Unlock()
	for _, c := range all {
		if hangup.Peek(c.raw.sys) == hangup.Closed {
			g.peerClosed(c)
		}
	}
}

// A burstMeter remembers how many requests of a host were in flight or waiting at
// the same time, at most, in the last hour. The zero value is ready. The group's
// mutex guards it.
type burstMeter struct {
	now    int
	top    int     // since there was none at all
	bursts uint64  // times that two or more were, between none and none
	peaks  [12]int // of the last twelve five-minute spans
	span   int64
}

const burstSpan = 5 * time.Minute

func (b *burstMeter) begin(now time.Time) {
	b.tick(now)
	b.now++
	at := &b.peaks[b.span%int64(len(b.peaks))]
	*at = max(*at, b.now)
	b.top = max(b.top, b.now)
}

func (b *burstMeter) end() {
	b.now--
	if b.now == 0 {
		if b.top > 1 {
			b.bursts++
		}
		b.top = 0
	}
}

// tick moves on to the span of now.
func (b *burstMeter) tick(now time.Time) {
	span := now.UnixNano() / int64(burstSpan)
	if b.span == 0 || span-b.span > int64(len(b.peaks)) {
		b.span = span - 1
		b.peaks = [12]int{}
	}
	for b.span < span {
		b.span++
		b.peaks[b.span%int64(len(b.peaks))] = b.now
	}
}

// width returns the widest burst of the last hour.
func (b *burstMeter) width() int {
	widest := 0
	for _, p := range b.peaks {
		widest = max(widest, p)
	}
	return widest
}
