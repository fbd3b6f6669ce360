package meter

import "time"

// A Past is what was counted within a stretch of time before this process began.
type Past struct {
	At                 time.Time     // when the stretch began
	Width              time.Duration // at most an hour
	Counts             Counts
	Latency, FirstByte Histogram
}

// Restore counts the past in the windows and the sparklines; what was counted since
// the start stays as it is. A stretch goes where its width allows: of a minute or less
// into the hour, the day and four weeks; of an hour into four weeks alone. So a stretch
// that is given by the minute must not be given by the hour too. Stretches of the
// future, which a clock that was set back leaves, are left out.
//
// Give the oldest first. Restore may be called while requests are counted.
func (m *Meter) Restore(past []Past) {
	now := m.time.second(m.now())
	s := &m.stripes[0] // reading adds up all stripes, so that any will do
	for i := range past {
		if second := past[i].At.Unix(); second <= now {
			s.restore(second, now, &past[i])
		}
	}
}

func (s *stripe) restore(second, now int64, p *Past) {
	s.mu.Lock()
	defer s.mu.Unlock()
	minute := p.Width <= Minute
	if minute {
		s.series.minutes.restore(second, now, &p.Counts)
	}
	s.series.hours.restore(second, now, &p.Counts)
	for i := range s.series.latency.rings {
		if time.Duration(s.series.latency.rings[i].width)*time.Second < p.Width {
			continue // it would all go into the slot of its beginning
		}
		if !minute && i < len(s.series.latency.rings)-1 {
			continue
		}
		s.series.latency.rings[i].restore(second, now, &p.Latency)
		s.series.firstByte.rings[i].restore(second, now, &p.FirstByte)
	}
}

func (r *ring) restore(second, now int64, c *Counts) {
	index := second / r.width
	if now/r.width-index >= int64(len(r.buckets)) {
		return // a whole turn ago
	}
	b := &r.buckets[index%int64(len(r.buckets))]
	if b.index != index {
		*b = bucket{index: index}
	}
	for o := range b.n {
		b.n[o] += uint32(c.Of(Outcome(o)))
	}
}

func (r *distRing) restore(second, now int64, h *Histogram) {
	index := second / r.width
	if h.Sum == 0 && h.Max == 0 || now/r.width-index >= int64(len(r.slots)) {
		return
	}
	s := &r.slots[index%int64(len(r.slots))]
	switch {
	case s.dist.h == nil:
		s.index, s.dist = index, newDist(coarse)
	case s.index != index:
		s.index = index
		s.dist.reset()
	}
	s.dist.restore(h)
}
