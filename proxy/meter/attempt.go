package meter

import "math/rand/v2"

// Attempt counts what an upstream answered when another one took the request over: with the
// upstream alone, so that its figures are those that it would give itself. The request is recorded
// once, by Record, with the upstream that it ended at.
func (m *Meter) Attempt(r Record) {
	if r.Outcome >= numOutcomes {
		r.Outcome = UpstreamError
	}
	second := m.time.second(m.now())
	if up := m.names.index(r.Upstream); up != none {
		m.stripes[rand.Uint32()&uint32(len(m.stripes)-1)].attempt(second, up, &r)
	}
}

func (s *stripe) attempt(second int64, up int, r *Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cellLocked(up).record(second, r, r.Outcome.timed())
}
