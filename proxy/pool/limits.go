package pool

import (
	"sync"
	"sync/atomic"
	"time"

	"millpond/settings"
)

// A Limit is a setting that connections or requests can run into.
type Limit uint8

// The limits, each named as its setting.
const (
	MaxConnections Limit = iota
	MaxConnectionsPerHost
	MaxIdle
	MaxIdlePerHost
	MaxStreams // max_streams_per_connection, of a host that may have no further connection
	Limits     // how many there are
)

// A Queue counts the requests that a limit kept waiting, and for how long together.
type Queue struct {
	Requests uint64
	Waited   time.Duration
}

// maxQueuers is how many callers' queues are told apart; the next ones share one.
const maxQueuers = 100

// squeezes is what the limits cost one upstream. It is written where a connection is
// closed or a request had to wait, and so never by a request that finds a connection.
type squeezes struct {
	closed   [Limits]atomic.Uint64 // idle connections, for the limit's sake
	queued   [Limits]atomic.Uint64
	waited   [Limits]atomic.Int64 // nanoseconds
	hinted   atomic.Uint64        // idle connections given up at the age that the server itself named
	lost     atomic.Uint64        // connections that the peer closed while they might still have been used
	refused  atomic.Uint64        // beyond max_waiting
	timedOut atomic.Uint64        // beyond wait_timeout
	together together

	mu      sync.Mutex        // guards callers
	callers map[string]*Queue // those that a limit kept waiting, by name; "" for those beyond maxQueuers
}

// together counts the requests of one upstream that are under way at the same time, over
// the groups of all callers. It is kept with scope "caller" alone: elsewhere a host's
// own burst says the same.
type together struct{ now, peak atomic.Int64 }

func (t *together) begin() {
	n := t.now.Add(1)
	for {
		peak := t.peak.Load()
		if n <= peak || t.peak.CompareAndSwap(peak, n) {
			return
		}
	}
}

// beginLocked counts a request of the host.
func (h *host) beginLocked(now time.Time) {
	h.burst.begin(now)
	if h.group.scope.scope == settings.ScopeCaller {
		h.counts.limits.together.begin()
	}
}

// endLocked takes it off again.
func (h *host) endLocked() {
	h.burst.end()
	if h.group.scope.scope == settings.ScopeCaller {
		h.counts.limits.together.now.Add(-1)
	}
}

// squeezeLocked closes an idle connection because of a limit.
func (g *group) squeezeLocked(c *conn, limit Limit) {
	c.host.counts.limits.closed[limit].Add(1)
	g.dropLocked(c, LimitReached)
}

// lostLocked counts an idle connection that the peer closed, if it might still have been
// used: such a close can meet a request.
func (g *group) lostLocked(c *conn) {
	now := time.Now()
	limit, _ := c.idleLimitLocked(now)
	if c.at != probe && c.requests > 0 && now.Sub(c.idleSince) <= limit {
		c.host.counts.limits.lost.Add(1)
	}
}

// limitLocked returns the limit that keeps w, the last in h's queue, waiting: no dial is
// under way for it, and none may begin.
func (g *group) limitLocked(h *host, w *waiter) (Limit, bool) {
	if !w.queued || h.queue.len() <= h.expectedLocked() {
		return 0, false
	}
	perHost := !g.hostHasRoomLocked(h)
	total := g.limits.MaxConnections > 0 && g.open >= g.limits.MaxConnections && g.oldest == nil
	switch {
	case !perHost && !total:
		return 0, false // one dial after another, as HTTP/2 has it
	case len(h.multi) > 0 && h.fullLocked():
		return MaxStreams, true
	case perHost:
		return MaxConnectionsPerHost, true
	}
	return MaxConnections, true
}

// fullLocked reports whether an HTTP/2 connection of the host would take more requests if
// max_streams_per_connection did.
func (h *host) fullLocked() bool {
	for _, c := range h.multi {
		if c.at == inUse && c.settled && !c.draining && c.inFlight >= h.pool.MaxStreamsPerConnection && c.cc.Available() > 0 {
			return true
		}
	}
	return false
}

// peerStreamsLocked returns how many requests at one time the peer takes on one
// connection; 0 when there is none that knows.
func (h *host) peerStreamsLocked() int {
	most := 0
	for _, c := range h.multi {
		if c.settled && c.at != closed {
			most = max(most, c.cc.InFlight()+c.cc.Available())
		}
	}
	return most
}

// waitedFor counts a wait that a limit caused.
func (s *squeezes) waitedFor(limit Limit, caller string, d time.Duration) {
	s.queued[limit].Add(1)
	s.waited[limit].Add(int64(d))
	s.mu.Lock()
	defer s.mu.Unlock()
	q := s.callers[caller]
	if q == nil {
		if s.callers == nil {
			s.callers = map[string]*Queue{}
		}
		if len(s.callers) >= maxQueuers {
			caller = ""
		}
		if q = s.callers[caller]; q == nil {
			q = &Queue{}
			s.callers[caller] = q
		}
	}
	q.Requests++
	q.Waited += d
}

// addTo sums up what the limits cost.
func (s *squeezes) addTo(sum *Stats) {
	for l := range Limits {
		sum.Squeezed[l] += s.closed[l].Load()
		sum.Queued[l].Requests += s.queued[l].Load()
		sum.Queued[l].Waited += time.Duration(s.waited[l].Load())
	}
	sum.Hinted += s.hinted.Load()
	sum.Lost += s.lost.Load()
	sum.Refused += s.refused.Load()
	sum.TimedOut += s.timedOut.Load()
	sum.Together += int(s.together.peak.Load())
	s.mu.Lock()
	defer s.mu.Unlock()
	for name, q := range s.callers {
		if sum.QueuedBy == nil {
			sum.QueuedBy = map[string]Queue{}
		}
		all := sum.QueuedBy[name]
		sum.QueuedBy[name] = Queue{all.Requests + q.Requests, all.Waited + q.Waited}
	}
}
