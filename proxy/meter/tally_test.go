package meter

import (
	"testing"
	"time"
)

// TestTalliesAddUp: the tallies of all upstreams are what was counted, and two tallies'
// difference is what came between them.
func TestTalliesAddUp(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	m := New(func() time.Time { return now })
	record := func(upstream string, o Outcome, d time.Duration) {
		m.Record(Record{Upstream: upstream, Outcome: o, Total: d, FirstByte: d / 2, BytesIn: 3, Reused: true})
	}
	for range 20 {
		record("a", OK, 10*time.Millisecond)
		record("b", UpstreamError, 20*time.Millisecond)
		record("", Local, 0)
	}
	before := m.Tallies()
	for range 5 {
		record("a", StreamError, 40*time.Millisecond)
	}
	after := m.Tallies()
	if len(before) != 3 || len(after) != 3 {
		t.Fatalf("got %d and %d tallies; want 3: \"\", a and b", len(before), len(after))
	}
	for i, want := range []struct {
		name  string
		all   Counts
		since Counts
	}{
		{"", Counts{Local: 20}, Counts{}},
		{"a", Counts{OK: 20, StreamError: 5}, Counts{StreamError: 5}},
		{"b", Counts{UpstreamError: 20}, Counts{}},
	} {
		if after[i].Upstream != want.name || after[i].Counts != want.all {
			t.Errorf("tally %d: got %q %+v; want %q %+v", i, after[i].Upstream, after[i].Counts, want.name, want.all)
		}
		if got := after[i].Since(&before[i]).Counts; got != want.since {
			t.Errorf("%q since: got %+v; want %+v", want.name, got, want.since)
		}
	}
	d := after[1].Since(&before[1])
	if p := d.Latency.Percentiles(); p.Count != 5 || !within(p.P50, 40, 0.1) || p.Max != 40 || p.Mean != 40 {
		t.Errorf("a since: got %+v; want 5 of 40 ms", p)
	}
	if n := after[0].FirstByte.Count(); n != 45 {
		t.Errorf("got %d first bytes; want 45", n)
	}
}

// TestHistogramErrsLittle: every duration comes back within 10 %.
func TestHistogramErrsLittle(t *testing.T) {
	for d := time.Microsecond; d < longest; d = d * 21 / 20 {
		got := middleOf(bucketOf(d))
		if !within(float64(got), float64(d), 0.1) && d > 10*time.Microsecond {
			t.Errorf("%v comes back as %v; want it within 10 %%", d, got)
		}
	}
	if got := bucketOf(24 * time.Hour); got != HistogramBuckets-1 {
		t.Errorf("a day is in bucket %d; want the last", got)
	}
}

func within(got, want, part float64) bool { return got >= want*(1-part) && got <= want*(1+part) }

// TestRestore: what was kept is in the windows that it belongs to, once, and not in
// what was counted since the start.
func TestRestore(t *testing.T) {
	now := time.Unix(1_700_000_000, 0).Truncate(time.Hour).Add(30 * time.Minute)
	m := New(func() time.Time { return now })
	times := func(d time.Duration, n uint64) (h Histogram) {
		h.N[bucketOf(d)], h.Sum, h.Max = n, time.Duration(n)*d, d
		return h
	}
	m.Restore([]Past{
		{At: now.Add(-40 * Day), Width: Hour, Counts: Counts{OK: 1000}, Latency: times(time.Second, 1000)},
		{At: now.Truncate(Hour).Add(-10 * Day), Width: Hour, Counts: Counts{OK: 90, UpstreamError: 10}, Latency: times(time.Second, 100)},
		{At: now.Truncate(Hour).Add(-5 * Hour), Width: Minute, Counts: Counts{OK: 8}, Latency: times(time.Second, 8)},
		{At: now.Add(-20 * time.Minute), Width: Minute, Counts: Counts{OK: 4}, Latency: times(time.Second, 4), FirstByte: times(time.Second, 4)},
		{At: now.Add(time.Hour), Width: Minute, Counts: Counts{OK: 1000}},
	})
	m.Record(Record{Upstream: "a", Outcome: OK, Total: time.Second})
	s := m.Snapshot()
	if s.Counts.Total() != 1 {
		t.Errorf("got %d since the start; want 1", s.Counts.Total())
	}
	for _, w := range []struct {
		name string
		got  Window
		want Counts
	}{
		{"minute", s.Minute, Counts{OK: 1}},
		{"hour", s.Hour, Counts{OK: 5}},
		{"day", s.Day, Counts{OK: 13}},
		{"four weeks", s.FourWeeks, Counts{OK: 103, UpstreamError: 10}},
	} {
		if w.got.Counts != w.want {
			t.Errorf("%s: got %+v; want %+v", w.name, w.got.Counts, w.want)
		}
		if n := w.got.Latency.Count; n != w.want.Total() {
			t.Errorf("%s: got %d durations; want %d", w.name, n, w.want.Total())
		}
		if p := w.got.Latency.P50; !within(p, 1000, 0.17) {
			t.Errorf("%s: got a median of %v ms; want about 1000", w.name, p)
		}
	}
	if s.Hour.FirstByte.Count != 4 {
		t.Errorf("got %d first bytes within the hour; want 4", s.Hour.FirstByte.Count)
	}
	var line uint64
	for _, p := range m.Sparkline(FourWeeks) {
		line += p.OK + p.Failed
	}
	if line != 113 {
		t.Errorf("the sparkline of four weeks has %d; want 113", line)
	}
}
