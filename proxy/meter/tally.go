package meter

import (
	"math"
	"time"
)

// HistogramBuckets is how many buckets a Histogram has: four for each doubling, from a
// microsecond to more than an hour.
const HistogramBuckets = 128

// A Histogram is a distribution of durations in a form that can be kept and added up.
// Bucket i counts those from 2^(i/4) microseconds up to the next bucket's; the first
// and the last take what lies beyond. A duration read back errs by less than 10 %.
type Histogram struct {
	N   [HistogramBuckets]uint64
	Sum time.Duration // exact
	Max time.Duration // exact
}

// bucketOf returns the bucket that counts d.
func bucketOf(d time.Duration) int {
	if d <= time.Microsecond {
		return 0
	}
	return min(int(4*math.Log2(float64(d)/float64(time.Microsecond))), HistogramBuckets-1)
}

// middleOf returns the duration that stands for those in bucket i.
func middleOf(i int) time.Duration {
	return time.Duration(float64(time.Microsecond) * math.Exp2((float64(i)+0.5)/4))
}

// Count returns the number of durations.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, c := range h.N {
		n += c
	}
	return n
}

// Add counts what other has counted too.
func (h *Histogram) Add(other *Histogram) {
	for i, n := range other.N {
		h.N[i] += n
	}
	h.Sum += other.Sum
	h.Max = max(h.Max, other.Max)
}

// Since returns what was counted after earlier, an older state of the same histogram.
// Its Max is exact when it is the highest of all, and else the bucket's.
func (h *Histogram) Since(earlier *Histogram) Histogram {
	d := Histogram{Sum: h.Sum - earlier.Sum}
	top := -1
	for i, n := range h.N {
		d.N[i] = n - earlier.N[i]
		if d.N[i] > 0 {
			top = i
		}
	}
	switch {
	case h.Max > earlier.Max:
		d.Max = h.Max
	case top >= 0:
		d.Max = min(middleOf(top), h.Max)
	}
	return d
}

// Percentiles describes the distribution, to 10 %.
func (h *Histogram) Percentiles() Percentiles {
	n := h.Count()
	if n == 0 {
		return Percentiles{}
	}
	at := func(q float64) float64 {
		rank, seen := uint64(math.Ceil(q*float64(n))), uint64(0)
		for i, c := range h.N {
			if seen += c; seen >= rank {
				return milliseconds(min(middleOf(i), h.Max))
			}
		}
		return milliseconds(h.Max)
	}
	return Percentiles{Count: n, P50: at(0.50), P90: at(0.90), P99: at(0.99), Max: milliseconds(h.Max),
		Mean: milliseconds(h.Sum) / float64(n)}
}

// Observe counts one duration.
func (h *Histogram) Observe(d time.Duration) {
	h.N[bucketOf(d)]++
	h.Sum += max(d, 0)
	h.Max = max(h.Max, d)
}

// histogram returns the distribution in the form that is kept.
func (d *dist) histogram() Histogram {
	h := Histogram{Sum: d.sum, Max: d.max}
	for _, b := range d.h.Distribution() {
		if b.Count > 0 {
			middle := time.Duration(b.From+b.To) * time.Microsecond / 2
			h.N[bucketOf(middle)] += uint64(b.Count)
		}
	}
	return h
}

// restore counts the durations of h.
func (d *dist) restore(h *Histogram) {
	for i, n := range h.N {
		if n > 0 {
			_ = d.h.RecordValues(min(middleOf(i), longest).Microseconds(), int64(n)) // cannot be out of range
		}
	}
	d.sum += h.Sum
	d.max = max(d.max, h.Max)
}

// A Tally is what was counted of one way to one upstream since the start. The difference
// of two is what happened between them.
type Tally struct {
	Upstream          string // "" counts the requests for which none was chosen
	Way               Way
	Counts            Counts
	Reused            uint64
	BytesIn, BytesOut int64
	Latency           Histogram

	// FirstByte is of all upstreams together, in the tally of "" alone: it is not
	// kept of each.
	FirstByte Histogram
}

// Since returns what was counted after earlier, an older tally of the same way.
func (t *Tally) Since(earlier *Tally) Tally {
	return Tally{
		Upstream: t.Upstream, Way: t.Way, Counts: t.Counts.Since(earlier.Counts), Reused: t.Reused - earlier.Reused,
		BytesIn: t.BytesIn - earlier.BytesIn, BytesOut: t.BytesOut - earlier.BytesOut,
		Latency: t.Latency.Since(&earlier.Latency), FirstByte: t.FirstByte.Since(&earlier.FirstByte),
	}
}

// Add counts what other has counted too.
func (t *Tally) Add(other *Tally) {
	t.Counts = t.Counts.Plus(other.Counts)
	t.Reused += other.Reused
	t.BytesIn += other.BytesIn
	t.BytesOut += other.BytesOut
	t.Latency.Add(&other.Latency)
	t.FirstByte.Add(&other.FirstByte)
}

// Plus returns both counts together.
func (c Counts) Plus(o Counts) Counts {
	return Counts{c.OK + o.OK, c.UpstreamError + o.UpstreamError, c.StreamError + o.StreamError,
		c.ClientError + o.ClientError, c.ClientCancelled + o.ClientCancelled, c.Local + o.Local}
}

// Since returns what was counted after o, older counts of the same requests.
func (c Counts) Since(o Counts) Counts {
	return Counts{c.OK - o.OK, c.UpstreamError - o.UpstreamError, c.StreamError - o.StreamError,
		c.ClientError - o.ClientError, c.ClientCancelled - o.ClientCancelled, c.Local - o.Local}
}

// Tallies returns what was counted of every way so far, the one of "" first and those of
// one upstream together. Taken while requests are counted, each of them is in it or is
// not; none is halved.
func (m *Meter) Tallies() []Tally {
	names := m.names.table.Load().names
	sums := make([][numWays]sum, len(names))
	var rest sum
	rest.firstByte = newDist(fine)
	for i := range m.stripes {
		m.stripes[i].addTo(sums, &rest)
	}
	list := []Tally{rest.tally("", Way{})}
	for i := range sums {
		for w := range sums[i] {
			if s := &sums[i][w]; s.latency.h != nil {
				list = append(list, s.tally(names[i], wayAt(w)))
			}
		}
	}
	return list
}

// A sum adds up one way's cells of the stripes, or what all of them together lack.
type sum struct {
	total              counters
	latency, firstByte dist
}

func (s *sum) tally(name string, way Way) Tally {
	t := Tally{Upstream: name, Way: way, Counts: countsOf(&s.total.n), Reused: s.total.reused, BytesIn: s.total.bytesIn, BytesOut: s.total.bytesOut}
	if s.latency.h != nil {
		t.Latency = s.latency.histogram()
	}
	if s.firstByte.h != nil {
		t.FirstByte = s.firstByte.histogram()
	}
	return t
}

// addTo adds the stripe's cells to the sums, and to rest what is in none of them.
func (s *stripe) addTo(sums [][numWays]sum, rest *sum) {
	s.mu.Lock()
	defer s.mu.Unlock()
	remains := s.total
	for i, c := range s.upstreams {
		if c == nil {
			continue
		}
		for w, from := range c.ways {
			if from == nil {
				continue
			}
			remains.less(&from.total)
			if i >= len(sums) { // a name that came after the table was read: the next tally has it
				continue
			}
			to := &sums[i][w]
			if to.latency.h == nil {
				to.latency = newDist(fine)
			}
			to.total.merge(&from.total)
			to.latency.merge(&from.latency)
		}
	}
	rest.total.merge(&remains)
	rest.firstByte.merge(&s.firstByte)
}

func (c *counters) less(other *counters) {
	for i, n := range other.n {
		c.n[i] -= n
	}
	c.reused -= other.reused
	c.bytesIn -= other.bytesIn
	c.bytesOut -= other.bytesOut
}

// Counted returns the number of all requests since the start. It is cheap: who keeps
// tallies asks it whether a new one would differ.
func (m *Meter) Counted() uint64 {
	var n uint64
	for i := range m.stripes {
		part := &m.stripes[i]
		part.mu.Lock()
		for _, c := range part.total.n {
			n += c
		}
		part.mu.Unlock()
	}
	return n
}
