package meter

import "time"

// Counts are numbers of requests by outcome.
type Counts struct {
	OK, UpstreamError, StreamError, ClientError, ClientCancelled, Local uint64
}

// Total returns the number of all requests, whatever their outcome.
func (c Counts) Total() uint64 { return c.Judged() + c.ClientError + c.ClientCancelled + c.Local }

// Failed returns the number of requests that failed for a fault of the upstream.
func (c Counts) Failed() uint64 { return c.UpstreamError + c.StreamError }

// Judged returns the number of requests that say something about the upstream.
func (c Counts) Judged() uint64 { return c.OK + c.Failed() }

// SuccessRate returns ok / (ok + upstream_error + stream_error) in percent, 100 when
// nothing was counted.
func (c Counts) SuccessRate() float64 {
	if c.Judged() == 0 {
		return 100
	}
	return 100 * float64(c.OK) / float64(c.Judged())
}

// ErrorRate returns what SuccessRate lacks to 100 percent, 0 when nothing was counted.
func (c Counts) ErrorRate() float64 {
	if c.Judged() == 0 {
		return 0
	}
	return 100 * float64(c.Failed()) / float64(c.Judged())
}

// Count adds one request with outcome o.
func (c *Counts) Count(o Outcome) {
	switch o {
	case OK:
		c.OK++
	case UpstreamError:
		c.UpstreamError++
	case StreamError:
		c.StreamError++
	case ClientError:
		c.ClientError++
	case ClientCancelled:
		c.ClientCancelled++
	case Local:
		c.Local++
	}
}

// Of returns the number of requests with outcome o.
func (c Counts) Of(o Outcome) uint64 {
	switch o {
	case OK:
		return c.OK
	case UpstreamError:
		return c.UpstreamError
	case StreamError:
		return c.StreamError
	case ClientError:
		return c.ClientError
	case ClientCancelled:
		return c.ClientCancelled
	case Local:
		return c.Local
	}
	return 0
}

// ByName returns every outcome's number by its stable name, zeros included.
func (c Counts) ByName() map[string]uint64 {
	by := make(map[string]uint64, numOutcomes)
	for _, o := range Outcomes() {
		by[o.String()] = c.Of(o)
	}
	return by
}

func countsOf(n *[numOutcomes]uint64) Counts {
	return Counts{n[OK], n[UpstreamError], n[StreamError], n[ClientError], n[ClientCancelled], n[Local]}
}

// Percentiles describe durations, in milliseconds. All are zero when Count is.
type Percentiles struct {
	Count               uint64
	P50, P90, P99, Mean float64
	Max                 float64 // exact, the others to 1 % (windows, callers and waits of one upstream: 6 %)
}

func (d *dist) percentiles() Percentiles {
	n := d.h.TotalCount()
	if n == 0 {
		return Percentiles{}
	}
	top := milliseconds(d.max)
	at := func(q float64) float64 { return min(float64(d.h.ValueAtQuantile(q))/1000, top) }
	return Percentiles{Count: uint64(n), P50: at(50), P90: at(90), P99: at(99), Max: top,
		Mean: milliseconds(d.sum) / float64(n)}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// A Window is what was counted within the last Span.
type Window struct {
	Span      time.Duration
	Counts    Counts
	Latency   Percentiles
	FirstByte Percentiles
}

// An Upstream is what was counted of one upstream since the start.
type Upstream struct {
	Name        string
	Counts      Counts
	Reused      uint64 // requests on a connection that had carried one before
	Latency     Percentiles
	Wait        Percentiles
	Protocol    string // of the last request: "HTTP/1.1", "HTTP/2.0", "" before the first
	LastError   string // a sentence or a code; "" when nothing failed
	LastErrorAt time.Time

	LastFirstByte time.Duration // of the last request that was answered; 0 before it
	LastAnswerAt  time.Time     // to the second; zero before it
}

// A Caller is what was counted of one caller since the start.
type Caller struct {
	Name    string
	Counts  Counts
	Latency Percentiles
}

// A Snapshot is everything that was counted since Since.
type Snapshot struct {
	At, Since         time.Time
	Counts            Counts
	Reused            uint64 // requests on a connection that had carried one before
	BytesIn, BytesOut int64
	Latency           Percentiles // of requests that ran to their end; not those refused or cancelled
	FirstByte         Percentiles
	Wait              Percentiles // in the queue for a connection
	Minute, Hour, Day Window
	FourWeeks         Window
	Upstreams         []Upstream // in the order of their first request
	Callers           []Caller   // Other, then in the order of their first request
	LastUsed          string     // upstream of the latest request; "" before the first
	Failures          []Failure  // newest first, at most MaxFailures
}

// Upstream returns what was counted of the upstream with that name; a zero value
// with the name when it had no request yet.
func (s *Snapshot) Upstream(name string) Upstream {
	for _, u := range s.Upstreams {
		if u.Name == name {
			return u
		}
	}
	return Upstream{Name: name}
}

// Snapshot returns what was counted so far. It costs about a millisecond with many
// upstreams, so it is for pages and not for requests.
func (m *Meter) Snapshot() Snapshot {
	now := m.now()
	second := m.time.second(now)
	names := m.names.table.Load().names
	s := Snapshot{At: now, Since: m.started, Failures: m.failures.newest(), LastUsed: names[m.lastUsed.Load()]}
	m.sumTotals(&s)
	for i, w := range []*Window{&s.Minute, &s.Hour, &s.Day, &s.FourWeeks} {
		w.Span = [...]time.Duration{Minute, Hour, Day, FourWeeks}[i]
		w.Counts = m.countsWithin(second, w.Span)
		w.Latency = m.distWithin(second, func(s *series) *windowDists { return &s.latency }, i)
		w.FirstByte = m.distWithin(second, func(s *series) *windowDists { return &s.firstByte }, i)
	}
	for i := other; i < len(names); i++ {
		if u, ok := m.upstream(i, names[i]); ok {
			s.Upstreams = append(s.Upstreams, u)
		}
	}
	callers := m.callers.table.Load().names
	for i := other; i < len(callers); i++ {
		if c, ok := m.caller(i, callers[i]); ok {
			s.Callers = append(s.Callers, c)
		}
	}
	return s
}

func (m *Meter) sumTotals(s *Snapshot) {
	var total counters
	latency, firstByte, wait := newDist(fine), newDist(fine), newDist(fine)
	for i := range m.stripes {
		part := &m.stripes[i]
		part.mu.Lock()
		total.merge(&part.total)
		latency.merge(&part.latency)
		firstByte.merge(&part.firstByte)
		wait.merge(&part.wait)
		part.mu.Unlock()
	}
	s.Counts, s.Reused, s.BytesIn, s.BytesOut = countsOf(&total.n), total.reused, total.bytesIn, total.bytesOut
	s.Latency, s.FirstByte, s.Wait = latency.percentiles(), firstByte.percentiles(), wait.percentiles()
}

// CountsWithin returns the counts of the last window: to the second up to a minute,
// to the minute up to a day, to the hour up to four weeks, which is the most kept.
func (m *Meter) CountsWithin(window time.Duration) Counts {
	return m.countsWithin(m.time.second(m.now()), window)
}

func (m *Meter) countsWithin(second int64, window time.Duration) Counts {
	var sum [numOutcomes]uint64
	for i := range m.stripes {
		part := &m.stripes[i]
		part.mu.Lock()
		r, n := part.series.ringFor(window)
		r.each(second, n, func(_ int64, counts *[numOutcomes]uint32) {
			for o, c := range counts {
				sum[o] += uint64(c)
			}
		})
		part.mu.Unlock()
	}
	return countsOf(&sum)
}

func (m *Meter) distWithin(second int64, of func(*series) *windowDists, window int) Percentiles {
	sum := newDist(coarse)
	for i := range m.stripes {
		part := &m.stripes[i]
		part.mu.Lock()
		dists := of(&part.series)
		dists.settle()
		dists.rings[window].mergeInto(&sum, second)
		part.mu.Unlock()
	}
	return sum.percentiles()
}

func (m *Meter) upstream(index int, name string) (Upstream, bool) {
	var total counters
	latency, wait := newDist(fine), newDist(coarse)
	u := Upstream{Name: name}
	seen := false
	var protocolAt, answerAt int64
	for i := range m.stripes {
		part := &m.stripes[i]
		part.mu.Lock()
		if index < len(part.upstreams) && part.upstreams[index] != nil {
			c := part.upstreams[index]
			seen = true
			for _, w := range c.ways {
				if w != nil {
					total.merge(&w.total)
					latency.merge(&w.latency)
				}
			}
			wait.merge(&c.wait)
			if c.protocolAt > protocolAt {
				u.Protocol, protocolAt = c.protocol, c.protocolAt
			}
			if c.lastAnswerAt > answerAt {
				u.LastFirstByte, answerAt = c.lastFirstByte, c.lastAnswerAt
			}
		}
		part.mu.Unlock()
	}
	u.Counts, u.Reused = countsOf(&total.n), total.reused
	u.Latency, u.Wait = latency.percentiles(), wait.percentiles()
	u.LastError, u.LastErrorAt = m.failures.lastOf(index)
	if answerAt > 0 {
		u.LastAnswerAt = m.time.wall(answerAt)
	}
	return u, seen
}

func (m *Meter) caller(index int, name string) (Caller, bool) {
	var total counters
	latency := newDist(coarse)
	seen := false
	for i := range m.stripes {
		part := &m.stripes[i]
		part.mu.Lock()
		if index < len(part.callers) && part.callers[index] != nil {
			seen = true
			total.merge(&part.callers[index].total)
			latency.merge(&part.callers[index].latency)
		}
		part.mu.Unlock()
	}
	return Caller{Name: name, Counts: countsOf(&total.n), Latency: latency.percentiles()}, seen
}

// A Point is one step of a sparkline.
type Point struct {
	At         time.Time // when the step began
	OK, Failed uint64    // failed as in Counts.Failed
}

// Sparkline returns the last window as a row of equal steps, oldest first, empty
// ones included: 60 of a second for a minute, 60 of a minute for an hour, 96 of a
// quarter for a day, 112 of six hours for four weeks. Other windows are rounded up
// to the next of these.
func (m *Meter) Sparkline(window time.Duration) []Point {
	window, step := stepsOf(window)
	second := m.time.second(m.now())
	width := int64(step / time.Second)
	n := int64(window / step)
	last := second / width
	points := make([]Point, n)
	for i := range points {
		points[i].At = m.time.wall((last - n + 1 + int64(i)) * width)
	}
	for i := range m.stripes {
		m.stripes[i].fill(points, second, window, width)
	}
	return points
}

// stepsOf returns the window that a sparkline shows, and its step.
func stepsOf(window time.Duration) (whole, step time.Duration) {
	switch {
	case window <= Minute:
		return Minute, time.Second
	case window <= Hour:
		return Hour, time.Minute
	case window <= Day:
		return Day, 15 * time.Minute
	}
	return FourWeeks, 6 * time.Hour
}

func (s *stripe) fill(points []Point, second int64, window time.Duration, width int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, n := s.series.ringFor(window)
	first := second/width - int64(len(points)) + 1
	r.each(second, n, func(index int64, counts *[numOutcomes]uint32) {
		if i := index*r.width/width - first; i >= 0 && i < int64(len(points)) {
			points[i].OK += uint64(counts[OK])
			points[i].Failed += uint64(counts[UpstreamError]) + uint64(counts[StreamError])
		}
	})
}
