package pool

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Stats are the figures of one upstream, or of all together. Counts are since
// the start and never fall.
type Stats struct {
	Open    int // connections, those being dialled included
	Idle    int // of these, without a request
	InUse   int // of these, with one or more
	Waiting int // requests without a connection and without a dial under way for them

	Dials      uint64 // begun
	DialErrors uint64
	Requests   uint64 // leases given
	Reused     uint64 // of these, on a connection that was there
	Evicted    [reasons]uint64

	Squeezed [Limits]uint64   // idle connections closed for a limit's sake
	Queued   [Limits]Queue    // requests that had to wait because of a limit
	QueuedBy map[string]Queue // the same by caller; "" beyond the first hundred
	Hinted   uint64           // connections Expired at the age that the server's Keep-Alive named
	Lost     uint64           // connections that the peer closed while they might still have been used
	Refused  uint64           // requests beyond max_waiting
	TimedOut uint64           // requests that waited for wait_timeout in vain
	Connects uint64           // dials that succeeded
	Spent    time.Duration    // on these, with everything that a dial takes

	Width       int    // the most requests to one host at one time, in the last hour
	Wanted      int    // the connections that such bursts of all hosts of a group take together
	Bursts      uint64 // times that two requests or more were under way to a host; of groups that are not forgotten
	Together    int    // scope "caller": the most requests to an upstream at one time, over all callers
	PeerStreams int    // HTTP/2: requests at one time that the peer takes on a connection; 0 unknown

	Wait    Quantiles // from asking to having a connection, where it had to wait at all
	Connect Quantiles // handshakes: TCP, egress and TLS
}

// Quantiles describe a distribution of times. All are 0 when nothing was counted.
type Quantiles struct{ P50, P90, P99, Max time.Duration }

// ReuseRatio is the part of requests that needed no dial, 0 to 1; 0 without any.
func (s Stats) ReuseRatio() float64 {
	if s.Requests == 0 {
		return 0
	}
	return float64(s.Reused) / float64(s.Requests)
}

// EvictedBy returns the connections closed for each reason, by its name.
func (s Stats) EvictedBy() map[string]uint64 {
	by := make(map[string]uint64, reasons)
	for r := range reasons {
		by[r.String()] = s.Evicted[r]
	}
	return by
}

// Knowledge is what was learned about an origin.
type Knowledge struct {
	Origin      string        // scheme, host and port, and the egress proxy
	IdleClose   time.Duration // idle age at which it closes; 0 unknown
	Unreliable  bool          // it closes too soon for connections to be kept
	MaxRequests int           // it closes after so many requests; 0 unknown
	Kept        bool          // a connection was found open some time after an answer
	Protocol    string        // "HTTP/1.1", "HTTP/2.0", or "" before the first dial
	SeenAt      time.Time
}

// counts are kept per upstream, over all groups, so that they outlive them.
type counts struct {
	dials, dialErrors, requests, reused atomic.Uint64
	evicted                             [reasons]atomic.Uint64
	limits                              squeezes

	mu            sync.Mutex // guards the histograms and spent
	wait, connect *hdrhistogram.Histogram
	spent         time.Duration // on handshakes
}

func newCounts() *counts {
	// 1 microsecond to 10 minutes with two significant digits: 23 KB each.
	histogram := func() *hdrhistogram.Histogram { return hdrhistogram.New(1, int64(10*time.Minute/time.Microsecond), 2) }
	return &counts{wait: histogram(), connect: histogram()}
}

func (c *counts) connected(d *dialled) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.spent += d.took
	c.connect.RecordValue(min((d.roundTrip + d.tlsTime).Microseconds(), c.connect.HighestTrackableValue()))
}

// leased counts that a lease was given its connection. One that is still unseen counts as reused when
// it is found alive.
func (c *counts) leased(l *Lease, waited bool) {
	if l.Reused && !l.unseen {
		c.reused.Add(1)
	}
	if waited {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.wait.RecordValue(min(l.Waited.Microseconds(), c.wait.HighestTrackableValue()))
	}
}

func quantiles(h *hdrhistogram.Histogram) Quantiles {
	at := func(q float64) time.Duration { return time.Duration(h.ValueAtQuantile(q)) * time.Microsecond }
	if h.TotalCount() == 0 {
		return Quantiles{}
	}
	return Quantiles{P50: at(50), P90: at(90), P99: at(99), Max: time.Duration(h.Max()) * time.Microsecond}
}

// Stats returns the figures of all upstreams together.
func (m *Manager) Stats() Stats {
	return m.stats(func(string) bool { return true })
}

// StatsOf returns the figures of one upstream; "" is forward mode.
func (m *Manager) StatsOf(upstream string) Stats {
	return m.stats(func(name string) bool { return name == upstream })
}

func (m *Manager) stats(wanted func(upstream string) bool) Stats {
	var s Stats
	for _, g := range m.all() {
		g.addStats(&s, wanted)
	}
	wait, connect := newCounts().wait, newCounts().connect
	m.tables.Lock()
	defer m.tables.Unlock()
	for name, c := range m.counts {
		if !wanted(name) {
			continue
		}
		s.Dials += c.dials.Load()
		s.DialErrors += c.dialErrors.Load()
		s.Requests += c.requests.Load()
		s.Reused += c.reused.Load()
		for r := range reasons {
			s.Evicted[r] += c.evicted[r].Load()
		}
		c.mu.Lock()
		wait.Merge(c.wait)
		connect.Merge(c.connect)
		s.Connects += uint64(c.connect.TotalCount())
		s.Spent += c.spent
		c.mu.Unlock()
		c.limits.addTo(&s)
	}
	s.Wait, s.Connect = quantiles(wait), quantiles(connect)
	return s
}

func (g *group) addStats(s *Stats, wanted func(string) bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	connections := 0
	for _, h := range g.hosts {
		if !wanted(h.upstream) {
			continue
		}
		idle, width := h.idleCountLocked(), h.burst.width()
		connections += h.connectionsForLocked(width)
		s.Width = max(s.Width, width)
		s.Bursts += h.burst.bursts
		s.PeerStreams = max(s.PeerStreams, h.peerStreamsLocked())
		s.Open += h.open
		s.Idle += idle
		s.InUse += h.open - h.dialing - idle
		s.Waiting += max(0, h.queue.len()-h.expectedLocked())
	}
	s.Wanted = max(s.Wanted, connections)
}

// connectionsForLocked returns how many connections carry so many requests at one time.
func (h *host) connectionsForLocked(requests int) int {
	if len(h.multi) == 0 && h.origin.known.Load().HTTP != 2 {
		return requests
	}
	streams := max(1, h.pool.MaxStreamsPerConnection)
	return (requests + streams - 1) / streams
}

// Learned returns what is known about each origin, in the order of their names.
func (m *Manager) Learned() []Knowledge {
	now := time.Now()
	m.tables.Lock()
	defer m.tables.Unlock()
	list := make([]Knowledge, 0, len(m.origins))
	for name, o := range m.origins {
		list = append(list, o.describe(name, now))
	}
	slices.SortFunc(list, func(a, b Knowledge) int { return cmp.Compare(a.Origin, b.Origin) })
	return list
}

// LearnedOf returns what is known about the origin that t leads to.
func (m *Manager) LearnedOf(t Target) Knowledge {
	key := t.Key()
	return m.originOf(key).describe(key.origin(), time.Now())
}

// KeepsDirect reports whether the origin that t leads to was seen to keep connections
// that did not go through an egress proxy.
func (m *Manager) KeepsDirect(t Target) bool {
	t.Egress = nil
	m.tables.Lock()
	o := m.origins[t.Key().origin()]
	m.tables.Unlock()
	return o != nil && o.known.Load().Proven && reliable(o.known.Load(), time.Now(), 0)
}

func (o *origin) describe(name string, now time.Time) Knowledge {
	l := o.known.Load()
	out := Knowledge{Origin: name, MaxRequests: l.MaxRequests, Kept: l.Proven, SeenAt: l.At, Unreliable: !reliable(l, now, 0)}
	if l.CloseAge > 0 {
		out.IdleClose = l.age(now)
	}
	out.Protocol = map[uint8]string{1: "HTTP/1.1", 2: "HTTP/2.0"}[l.HTTP]
	return out
}
