// Package meter counts requests by outcome and keeps their durations.
//
// It answers three questions: how well is it going now (windows of a minute, an
// hour, a day and four weeks), how fast is it (percentiles), and what failed last.
// Memory is bounded: time is kept in rings of buckets, durations in histograms of
// fixed size, upstreams beyond MaxUpstreams and callers beyond MaxCallers count
// together as Other.
//
// It decides nothing and knows no settings, no sockets and no file. What it
// counted is lost when the process ends; package history keeps it longer.
package meter

import (
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// An Outcome is what became of a request, decided when its last byte was delivered.
type Outcome uint8

const (
	// OK is a complete answer that was no fault of the upstream's.
	OK Outcome = iota
	// UpstreamError is a 5xx, 429 or 529 answer, or a connection that failed.
	UpstreamError
	// StreamError is an answer that began with 200 and was then cut or ended in an error event.
	StreamError
	// ClientError is a 4xx answer of the client's making.
	ClientError
	// ClientCancelled is a client that left before the end.
	ClientCancelled
	// Local is a request that we refused ourselves.
	Local

	numOutcomes = iota
)

// Outcomes lists every outcome, in the order of the constants.
func Outcomes() []Outcome {
	return []Outcome{OK, UpstreamError, StreamError, ClientError, ClientCancelled, Local}
}

// String returns the outcome's stable name, as in the log and in the statistics.
func (o Outcome) String() string {
	switch o {
	case OK:
		return "ok"
	case UpstreamError:
		return "upstream_error"
	case StreamError:
		return "stream_error"
	case ClientError:
		return "client_error"
	case ClientCancelled:
		return "client_cancelled"
	case Local:
		return "local"
	}
	return "unknown"
}

// MaxUpstreams is how many upstreams are told apart; the next ones count as Other.
const MaxUpstreams = 128

// MaxCallers is how many callers are told apart; the next ones count as Other. A client
// chooses its name itself, so this bounds what one that makes up names can use: with
// every caller there, 4 KB in each stripe, 1.6 MB in all at most.
const MaxCallers = 100

// Other is the name under which those beyond MaxUpstreams or MaxCallers are counted.
const Other = "other"

// A Record says what became of one request. Durations that did not happen are zero.
type Record struct {
	At       time.Time // when the outcome was decided; zero means now
	Upstream string    // name in the settings; "" when none was chosen
	Caller   string    // who asked; "" when it was refused before that was known
	Protocol string    // towards the upstream: "HTTP/1.1", "HTTP/2.0"; "" when none was spoken
	Meant    string    // http1 or http2, which would have been spoken, when Protocol is ""; "" when not known
	Scope    string    // of the pool: shared, upstream or caller; "" when no upstream was chosen
	Code     string    // stable error code, as in X-Millpond-Error; "" for none
	Outcome  Outcome
	Status   int // as the client saw it; 0 when it left before

	Wait      time.Duration // in the queue for a connection
	Connect   time.Duration // dial and handshakes; 0 when reused
	FirstByte time.Duration // from the request's arrival to the first byte of the answer
	Total     time.Duration // from the request's arrival to the last byte

	Reused            bool // the connection had carried a request before
	BytesIn, BytesOut int64
	Err               string // one sentence without secrets, for a person; "" for none
}

// A Meter counts requests. Use New; its methods may be called from any goroutine.
type Meter struct {
	now      func() time.Time // constant after New
	started  time.Time        // constant after New
	stripes  []stripe         // constant after New; a power of two
	time     timeline
	names    registry // of upstreams
	callers  registry
	failures failures
	lastUsed atomic.Int32 // index in names of the upstream that was used last
}

// New returns an empty meter that reads the time from now (nil means time.Now).
func New(now func() time.Time) *Meter {
	if now == nil {
		now = time.Now
	}
	m := &Meter{now: now, started: now(), stripes: make([]stripe, stripesFor(runtime.GOMAXPROCS(0)))}
	for i := range m.stripes {
		m.stripes[i].init()
	}
	m.names.init(MaxUpstreams)
	m.callers.init(MaxCallers)
	return m
}

// stripesFor returns into how many parts the counters are split so that processors
// seldom meet at one lock. Each part costs up to 0.7 MB, so few are better than many.
func stripesFor(procs int) int {
	switch {
	case procs <= 1:
		return 1
	case procs <= 4:
		return 2
	}
	return 4
}

// Record counts one request, in a third of a microsecond. It allocates only for the
// first request of an upstream, a caller or of a new stretch of time, and for failures.
func (m *Meter) Record(r Record) {
	if r.Outcome >= numOutcomes {
		r.Outcome = UpstreamError // a caller's mistake must not look like success
	}
	if r.At.IsZero() {
		r.At = m.now()
	}
	second := m.time.second(r.At)
	up := m.names.index(r.Upstream)
	if up != none && m.lastUsed.Load() != int32(up) {
		m.lastUsed.Store(int32(up))
	}
	m.stripes[rand.Uint32()&uint32(len(m.stripes)-1)].record(second, up, m.callers.index(r.Caller), &r)
	if r.Outcome.failed() || r.Outcome == Local {
		m.failures.add(up, &r)
	}
}

// failed reports whether the outcome is a fault of the upstream or of the way to it.
func (o Outcome) failed() bool { return o == UpstreamError || o == StreamError }

// A stripe is one part of the counters.
type stripe struct {
	mu sync.Mutex
	// mu guards what follows.
	series    series
	total     counters
	latency   dist // of all windows together, as the next two
	firstByte dist
	wait      dist
	upstreams []*cell       // by index in the registry; nil until its first request
	callers   []*callerCell // likewise

	_ [64]byte // keeps the next stripe's lock on another cache line
}

// A cell counts one upstream's requests, each way by itself.
type cell struct {
	ways       [numWays]*wayCell // nil until the first request that went so
	wait       dist
	protocol   string // of the last request that spoke one
	protocolAt int64  // second of the timeline

	lastFirstByte time.Duration // of the last request that was answered; 0 before it
	lastAnswerAt  int64         // second of the timeline
}

// A callerCell counts one caller's requests.
type callerCell struct {
	total   counters
	latency dist
}

// counters are the sums since the start.
type counters struct {
	n                 [numOutcomes]uint64
	reused            uint64
	bytesIn, bytesOut int64
}

func (s *stripe) init() {
	s.series = newSeries()
	s.latency, s.firstByte, s.wait = newDist(fine), newDist(fine), newDist(fine)
}

func (s *stripe) record(second int64, up, caller int, r *Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total.add(r)
	timed := r.Outcome.timed()
	s.series.add(second, r.Outcome)
	if timed {
		s.latency.add(r.Total)
		s.series.latency.add(second, r.Total)
	}
	if r.FirstByte > 0 {
		s.firstByte.add(r.FirstByte)
		s.series.firstByte.add(second, r.FirstByte)
	}
	if up != none {
		s.wait.add(r.Wait)
		s.cellLocked(up).record(second, r, timed)
	}
	if caller != none {
		s.callerLocked(caller).record(r, timed)
	}
}

// timed reports whether the request's duration says something about the upstream.
// A refusal takes no time, and a client that leaves chose the time itself.
func (o Outcome) timed() bool { return o != Local && o != ClientCancelled }

func (s *stripe) cellLocked(up int) *cell {
	for len(s.upstreams) <= up {
		s.upstreams = append(s.upstreams, nil)
	}
	if s.upstreams[up] == nil {
		s.upstreams[up] = &cell{wait: newDist(coarse)}
	}
	return s.upstreams[up]
}

func (s *stripe) callerLocked(caller int) *callerCell {
	for len(s.callers) <= caller {
		s.callers = append(s.callers, nil)
	}
	if s.callers[caller] == nil {
		s.callers[caller] = &callerCell{latency: newDist(coarse)}
	}
	return s.callers[caller]
}

func (c *callerCell) record(r *Record, timed bool) {
	c.total.add(r)
	if timed {
		c.latency.add(r.Total)
	}
}

func (c *cell) record(second int64, r *Record, timed bool) {
	i := wayOf(r)
	w := c.ways[i]
	if w == nil {
		w = &wayCell{latency: newDist(fine)}
		c.ways[i] = w
	}
	w.total.add(r)
	c.wait.add(r.Wait)
	if timed {
		w.latency.add(r.Total)
	}
	if r.Protocol != "" {
		c.protocol, c.protocolAt = r.Protocol, second
	}
	if timed && r.FirstByte > 0 {
		c.lastFirstByte, c.lastAnswerAt = r.FirstByte, second
	}
}

func (c *counters) add(r *Record) {
	c.n[r.Outcome]++
	if r.Reused {
		c.reused++
	}
	c.bytesIn += r.BytesIn
	c.bytesOut += r.BytesOut
}

func (c *counters) merge(from *counters) {
	for i, n := range from.n {
		c.n[i] += n
	}
	c.reused += from.reused
	c.bytesIn += from.bytesIn
	c.bytesOut += from.bytesOut
}
