package meter

import (
	"testing"
	"time"
)

// A request that was taken over counts once, and with both upstreams.
func TestAttempt(t *testing.T) {
	m := New(nil)
	m.Attempt(Record{Upstream: "busy", Outcome: UpstreamError, Status: 529, Total: time.Millisecond})
	m.Attempt(Record{Outcome: UpstreamError})
	m.Record(Record{Upstream: "free", Outcome: OK, Status: 200, Total: 2 * time.Millisecond})
	s := m.Snapshot()
	if s.Counts != (Counts{OK: 1}) || s.Minute.Counts != (Counts{OK: 1}) || s.Latency.Count != 1 {
		t.Errorf("got %+v, %+v and %d durations in all; want the one request", s.Counts, s.Minute.Counts, s.Latency.Count)
	}
	if got := s.Upstream("busy"); got.Counts != (Counts{UpstreamError: 1}) || got.Latency.Count != 1 {
		t.Errorf("got %+v of the first; want its attempt", got)
	}
	if got := s.Upstream("free"); got.Counts != (Counts{OK: 1}) {
		t.Errorf("got %+v of the other; want the request", got)
	}
}
