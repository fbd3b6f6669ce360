package meter

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// The lengths of time that the statistics speak of.
const (
	Minute    = time.Minute
	Hour      = time.Hour
	Day       = 24 * time.Hour
	FourWeeks = 28 * Day
)

// A timeline turns the wall clock into seconds that never run backwards.
//
// The wall clock is used, because the monotonic one stands still while a laptop
// sleeps. When it is set back, time goes on from the latest second, so that what
// was counted before stays in the past.
type timeline struct {
	latest atomic.Int64 // the highest second handed out
	offset atomic.Int64 // seconds by which the wall clock was set back in all
	mu     sync.Mutex   // held while the offset grows
}

// reordering is how many seconds readings of the clock may overtake one another
// between goroutines before it counts as a clock that was set back.
const reordering = 2

func (t *timeline) second(now time.Time) int64 {
	wall := now.Unix()
	second := wall + t.offset.Load()
	for {
		latest := t.latest.Load()
		if second <= latest {
			break
		}
		if t.latest.CompareAndSwap(latest, second) {
			return second
		}
	}
	if t.latest.Load()-second <= reordering {
		return second
	}
	return t.setBack(wall)
}

func (t *timeline) setBack(wall int64) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	latest := t.latest.Load()
	if latest-(wall+t.offset.Load()) > reordering {
		t.offset.Store(latest - wall)
	}
	return wall + t.offset.Load()
}

// wall returns the time by the clock at which a second of the timeline began.
func (t *timeline) wall(second int64) time.Time {
	return time.Unix(second-t.offset.Load(), 0)
}

// A ring is a row of buckets of equal width; a bucket is used again when the time
// has come round.
type ring struct {
	width   int64 // seconds
	buckets []bucket
}

type bucket struct {
	index int64 // seconds since 1970 divided by the ring's width
	n     [numOutcomes]uint32
}

func newRing(width time.Duration, span time.Duration) ring {
	return ring{width: int64(width / time.Second), buckets: make([]bucket, span/width)}
}

func (r *ring) add(second int64, o Outcome) {
	index := second / r.width
	b := &r.buckets[index%int64(len(r.buckets))]
	if b.index != index {
		if b.index > index {
			return // a reading that was overtaken by a whole turn: too old to keep
		}
		*b = bucket{index: index}
	}
	b.n[o]++
}

// each calls f for every bucket that has counts and lies within the n buckets that
// end with the one of second.
func (r *ring) each(second, n int64, f func(index int64, counts *[numOutcomes]uint32)) {
	last := second / r.width
	for i := range r.buckets {
		b := &r.buckets[i]
		if b.index > last-n && b.index <= last && b.n != ([numOutcomes]uint32{}) {
			f(b.index, &b.n)
		}
	}
}

// A series is the recent past: counts by the second, minute and hour, and durations
// for each of the four windows.
type series struct {
	seconds, minutes, hours ring
	latency, firstByte      windowDists
}

// windowDists keeps durations for each window: minute, hour, day, four weeks. Each is counted
// once, and reaches the windows with the others of its ten seconds.
type windowDists struct {
	rings [4]distRing
	last  slot // durations that the rings do not have yet; its index is by the finest ring's width
}

func newWindowDists() windowDists {
	return windowDists{
		rings: [...]distRing{
			{width: 10, slots: make([]slot, 6)},
			{width: 5 * 60, slots: make([]slot, 12)},
			{width: 60 * 60, slots: make([]slot, 24)},
			{width: 24 * 60 * 60, slots: make([]slot, 28)},
		},
		last: slot{dist: newDist(coarse)},
	}
}

func (w *windowDists) add(second int64, d time.Duration) {
	if index := second / w.rings[0].width; index != w.last.index {
		w.settle()
		w.last.index = index
	}
	w.last.dist.add(d)
}

// settle brings the rings up to date.
func (w *windowDists) settle() {
	if w.last.dist.h.TotalCount() == 0 {
		return
	}
	for i := range w.rings {
		w.rings[i].merge(w.last.index*w.rings[0].width, &w.last.dist)
	}
	w.last.dist.reset()
}

func newSeries() series {
	return series{
		seconds: newRing(time.Second, Minute),
		minutes: newRing(time.Minute, Day),
		hours:   newRing(time.Hour, FourWeeks),
		latency: newWindowDists(), firstByte: newWindowDists(),
	}
}

func (s *series) add(second int64, o Outcome) {
	s.seconds.add(second, o)
	s.minutes.add(second, o)
	s.hours.add(second, o)
}

// ringFor returns the finest ring that covers the window, and how many of its
// buckets the window is.
func (s *series) ringFor(window time.Duration) (*ring, int64) {
	r := &s.hours
	switch {
	case window <= Minute:
		r = &s.seconds
	case window <= Day:
		r = &s.minutes
	}
	width := time.Duration(r.width) * time.Second
	n := int64((window + width - 1) / width)
	return r, max(1, min(n, int64(len(r.buckets))))
}

// A distRing keeps durations in a row of histograms, as a ring does counts.
type distRing struct {
	width int64 // seconds
	slots []slot
}

type slot struct {
	index int64
	dist  dist
}

// merge counts what from has counted in a second.
func (r *distRing) merge(second int64, from *dist) {
	index := second / r.width
	s := &r.slots[index%int64(len(r.slots))]
	switch {
	case s.dist.h == nil:
		s.index, s.dist = index, newDist(coarse)
	case s.index > index:
		return
	case s.index < index:
		s.index = index
		s.dist.reset()
	}
	s.dist.merge(from)
}

func (r *distRing) mergeInto(into *dist, second int64) {
	last := second / r.width
	for i := range r.slots {
		s := &r.slots[i]
		if s.dist.h != nil && s.index > last-int64(len(r.slots)) && s.index <= last {
			into.merge(&s.dist)
		}
	}
}

// A dist is a distribution of durations with an exact maximum.
type dist struct {
	h   *hdrhistogram.Histogram // microseconds
	sum time.Duration
	max time.Duration
}

// Significant figures of the histograms: fine errs by less than 1 % and takes 26 KB,
// coarse errs by at most 6 % and takes 4 KB.
const (
	coarse = 1
	fine   = 2
)

// longest is the longest duration that is told apart; longer ones count as this.
const longest = time.Hour

func newDist(figures int) dist {
	return dist{h: hdrhistogram.New(1, longest.Microseconds(), figures)}
}

func (d *dist) reset() {
	d.h.Reset()
	d.sum, d.max = 0, 0
}

func (d *dist) add(v time.Duration) {
	v = max(v, 0)
	d.sum += v
	d.max = max(d.max, v)
	_ = d.h.RecordValue(min(v, longest).Microseconds()) // cannot be out of range
}

func (d *dist) merge(from *dist) {
	d.h.Merge(from.h)
	d.sum += from.sum
	d.max = max(d.max, from.max)
}
