package meter

import (
	"testing"
	"time"
)

// TestWaysAreToldApart: each way to an upstream has its own tally, and together they are
// what the upstream has.
func TestWaysAreToldApart(t *testing.T) {
	m := New(newClock().now)
	for _, r := range []struct {
		n      int
		record Record
	}{
		{1, Record{Protocol: "HTTP/1.1", Scope: "upstream"}},
		{2, Record{Protocol: "HTTP/2.0", Scope: "upstream", Meant: "http1"}},
		{3, Record{Protocol: "HTTP/2.0", Scope: "caller"}},
		{4, Record{Meant: "http2", Scope: "caller", Outcome: UpstreamError}}, // no connection was made
		{5, Record{}},
		{6, Record{Protocol: "SPDY", Scope: "planet"}},
	} {
		for range r.n {
			r.record.Upstream, r.record.Total = "a", time.Millisecond
			m.Record(r.record)
		}
	}
	want := map[Way]Counts{
		{"http1", "upstream"}: {OK: 1},
		{"http2", "upstream"}: {OK: 2},
		{"http2", "caller"}:   {OK: 3, UpstreamError: 4},
		{}:                    {OK: 11},
	}
	n := 0
	for _, tally := range m.Tallies()[1:] {
		n++
		if tally.Upstream != "a" || tally.Counts != want[tally.Way] || tally.Latency.Count() != tally.Counts.Total() {
			t.Errorf("%+v of %q: got %+v with %d durations; want %+v", tally.Way, tally.Upstream, tally.Counts, tally.Latency.Count(), want[tally.Way])
		}
	}
	if n != len(want) {
		t.Errorf("got %d ways; want %d", n, len(want))
	}
	if s := m.Snapshot(); s.Upstreams[0].Counts != s.Counts || s.Upstreams[0].Latency.Count != 21 {
		t.Errorf("the upstream: got %+v; want %+v", s.Upstreams[0], s.Counts)
	}
}
