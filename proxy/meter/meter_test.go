package meter

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// clock is a wall clock that tests may set, also back.
type clock struct{ t time.Time }

func newClock() *clock                   { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }
func (c *clock) now() time.Time          { return c.t }
func (c *clock) advance(d time.Duration) { c.t = c.t.Add(d) }

func TestRates(t *testing.T) {
	tests := []struct {
		name           string
		counts         Counts
		success, error float64
		total, failed  uint64
	}{
		{"nothing counted", Counts{}, 100, 0, 0, 0},
		{"all well", Counts{OK: 3}, 100, 0, 3, 0},
		{"a cut stream is no success", Counts{OK: 1, StreamError: 1}, 50, 50, 2, 1},
		{"both kinds of failure", Counts{OK: 2, UpstreamError: 1, StreamError: 1}, 50, 50, 4, 2},
		{"client's faults and refusals do not count", Counts{OK: 1, ClientError: 5, ClientCancelled: 7, Local: 9}, 100, 0, 22, 0},
		{"only refusals", Counts{Local: 4}, 100, 0, 4, 0},
		{"all failed", Counts{UpstreamError: 4}, 0, 100, 4, 4},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := tt.counts.SuccessRate(); got != tt.success {
				t.Errorf("success rate: got %v; want %v", got, tt.success)
			}
			if got := tt.counts.ErrorRate(); got != tt.error {
				t.Errorf("error rate: got %v; want %v", got, tt.error)
			}
			if got := tt.counts.Total(); got != tt.total {
				t.Errorf("total: got %v; want %v", got, tt.total)
			}
			if got := tt.counts.Failed(); got != tt.failed {
				t.Errorf("failed: got %v; want %v", got, tt.failed)
			}
		})
	}
}

func TestOutcomeNames(t *testing.T) {
	want := []string{"ok", "upstream_error", "stream_error", "client_error", "client_cancelled", "local"}
	m := New(newClock().now)
	for i, o := range Outcomes() {
		if got := o.String(); got != want[i] {
			t.Errorf("outcome %d: got %q; want %q", i, got, want[i])
		}
		for range i + 1 {
			m.Record(Record{Outcome: o, Upstream: "a"})
		}
	}
	m.Record(Record{Outcome: numOutcomes, Upstream: "a"}) // unknown: must not look like success
	by := m.Snapshot().Counts.ByName()
	for i, name := range want {
		n := uint64(i + 1)
		if name == "upstream_error" {
			n++
		}
		if by[name] != n {
			t.Errorf("%s: got %d; want %d", name, by[name], n)
		}
	}
	if got := Outcome(numOutcomes).String(); got != "unknown" {
		t.Errorf("out of range: got %q; want %q", got, "unknown")
	}
}

func TestPercentiles(t *testing.T) {
	m := New(newClock().now)
	for i := 1; i <= 1000; i++ {
		m.Record(Record{Outcome: OK, Upstream: "a", Total: time.Duration(i) * time.Millisecond,
			FirstByte: time.Duration(i) * time.Millisecond / 2, Wait: time.Duration(i) * time.Microsecond})
	}
	m.Record(Record{Outcome: Local, Total: time.Nanosecond})                               // a refusal takes no time
	m.Record(Record{Outcome: ClientCancelled, Upstream: "a", Total: 50 * time.Minute})     // the client chose when to leave
	m.Record(Record{Outcome: UpstreamError, Upstream: "b", Total: -time.Second, Wait: -1}) // a clock that was set back
	s := m.Snapshot()
	tests := []struct {
		name      string
		got, want float64
	}{
		{"p50", s.Latency.P50, 500}, {"p90", s.Latency.P90, 900}, {"p99", s.Latency.P99, 990}, {"max", s.Latency.Max, 1000},
		{"mean", s.Latency.Mean, 500}, {"count", float64(s.Latency.Count), 1001},
		{"first byte p50", s.FirstByte.P50, 250}, {"first byte max", s.FirstByte.Max, 500},
		{"wait p50", s.Wait.P50, 0.5}, {"wait max", s.Wait.Max, 1},
		{"upstream p99", s.Upstream("a").Latency.P99, 990},
	}
	for _, tt := range tests {
		if math.Abs(tt.got-tt.want) > 0.01*tt.want {
			t.Errorf("%s: got %v; want %v within 1 %%", tt.name, tt.got, tt.want)
		}
	}
	if got := s.Minute.Latency.P50; math.Abs(got-500) > 0.06*500 {
		t.Errorf("minute's p50: got %v; want 500 within 6 %%", got)
	}
	if got := s.Hour.FirstByte.P90; math.Abs(got-450) > 0.06*450 {
		t.Errorf("hour's first byte p90: got %v; want 450 within 6 %%", got)
	}
	if got := s.Upstream("b").Latency.Max; got != 0 {
		t.Errorf("negative duration: got %v; want 0", got)
	}
}

func TestLongerThanTheHistogram(t *testing.T) {
	m := New(newClock().now)
	m.Record(Record{Outcome: OK, Total: 5 * time.Hour})
	p := m.Snapshot().Latency
	if want := (5 * time.Hour).Seconds() * 1000; p.Max != want || p.Count != 1 || p.P50 <= 0 {
		t.Errorf("got %+v; want one of at most %v", p, want)
	}
}

func TestWindows(t *testing.T) {
	type counts [4]uint64 // minute, hour, day, four weeks
	tests := []struct {
		name  string
		after time.Duration // since ten requests
		want  counts
	}{
		{"at once", 0, counts{10, 10, 10, 10}},
		{"within the minute", 59 * time.Second, counts{10, 10, 10, 10}},
		{"after the minute", 60 * time.Second, counts{0, 10, 10, 10}},
		{"within the hour", 59 * time.Minute, counts{0, 10, 10, 10}},
		{"after the hour", time.Hour, counts{0, 0, 10, 10}},
		{"within the day", 23*time.Hour + 59*time.Minute, counts{0, 0, 10, 10}},
		{"after the day", 24 * time.Hour, counts{0, 0, 0, 10}},
		{"within four weeks", FourWeeks - time.Hour, counts{0, 0, 0, 10}},
		{"after four weeks", FourWeeks, counts{}},
		{"a year asleep", 365 * Day, counts{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			m := New(c.now)
			for range 10 {
				m.Record(Record{Outcome: OK, Upstream: "a", Total: time.Millisecond})
			}
			c.advance(tt.after)
			s := m.Snapshot()
			for i, w := range []Window{s.Minute, s.Hour, s.Day, s.FourWeeks} {
				if got := w.Counts.Total(); got != tt.want[i] {
					t.Errorf("window %v: got %d; want %d", w.Span, got, tt.want[i])
				}
				if tt.want[i] == 0 && w.Latency.Count != 0 {
					t.Errorf("window %v: %d durations; want none", w.Span, w.Latency.Count)
				}
				if got := m.CountsWithin(w.Span).Total(); got != tt.want[i] {
					t.Errorf("CountsWithin(%v): got %d; want %d", w.Span, got, tt.want[i])
				}
			}
			if got := s.Counts.Total(); got != 10 {
				t.Errorf("since the start: got %d; want 10", got)
			}
		})
	}
}

// A ring's slot is used again after a whole turn: what it held must be gone.
func TestSlotsAreReused(t *testing.T) {
	c := newClock()
	m := New(c.now)
	for range 3 * 672 { // three turns of four weeks
		m.Record(Record{Outcome: OK, Total: time.Millisecond})
		c.advance(time.Hour)
	}
	s := m.Snapshot()
	for _, tt := range []struct {
		w    Window
		want uint64
	}{{s.Minute, 0}, {s.Hour, 0}, {s.Day, 23}, {s.FourWeeks, 671}} {
		if got := tt.w.Counts.OK; got != tt.want {
			t.Errorf("window %v: got %d; want %d", tt.w.Span, got, tt.want)
		}
	}
	if got := s.Day.Latency.Count; got != 23 {
		t.Errorf("durations of the day: got %d; want 23", got)
	}
}

func TestClockSetBack(t *testing.T) {
	c := newClock()
	m := New(c.now)
	m.Record(Record{Outcome: OK})
	c.advance(-3 * time.Hour)
	m.Record(Record{Outcome: OK})
	if got := m.Snapshot().Minute.Counts.OK; got != 2 {
		t.Errorf("right after: got %d in the minute; want 2", got)
	}
	c.advance(2 * time.Minute)
	m.Record(Record{Outcome: OK})
	s := m.Snapshot()
	if s.Minute.Counts.OK != 1 || s.Hour.Counts.OK != 3 {
		t.Errorf("two minutes later: got %d and %d; want 1 and 3", s.Minute.Counts.OK, s.Hour.Counts.OK)
	}
	c.advance(3 * time.Hour) // the clock shows again what it had shown before
	if got := m.Snapshot().Hour.Counts.OK; got != 0 {
		t.Errorf("three hours later: got %d in the hour; want 0", got)
	}
	points := m.Sparkline(Hour)
	if got, want := points[len(points)-1].At, c.t.Truncate(time.Minute); !got.Equal(want) {
		t.Errorf("last point: got %v; want %v by the clock as it is set now", got, want)
	}
}

func TestOvertakenReadingIsNoClockJump(t *testing.T) {
	var tl timeline
	at := time.Unix(1_000_000, 0)
	tl.second(at)
	if got, want := tl.second(at.Add(-time.Second)), at.Unix()-1; got != want {
		t.Errorf("a second late: got %d; want %d", got, want)
	}
	if got, want := tl.second(at), at.Unix(); got != want {
		t.Errorf("back on time: got %d; want %d", got, want)
	}
}

func TestRunsByTheProcessClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := New(nil)
		m.Record(Record{Outcome: StreamError, Upstream: "a", Code: "stream_idle"})
		time.Sleep(2 * time.Minute)
		m.Record(Record{Outcome: OK, Upstream: "a"})
		s := m.Snapshot()
		if got := s.Minute.Counts.SuccessRate(); got != 100 {
			t.Errorf("minute: got %v; want 100", got)
		}
		if got := s.Hour.Counts.SuccessRate(); got != 50 {
			t.Errorf("hour: got %v; want 50", got)
		}
		if got := s.At.Sub(s.Since); got != 2*time.Minute {
			t.Errorf("up for: got %v; want 2m", got)
		}
	})
}

func TestSparkline(t *testing.T) {
	tests := []struct {
		window, step time.Duration
		points       int
	}{
		{time.Second, time.Second, 60},
		{Minute, time.Second, 60},
		{Hour, time.Minute, 60},
		{2 * time.Hour, 15 * time.Minute, 96},
		{Day, 15 * time.Minute, 96},
		{FourWeeks, 6 * time.Hour, 112},
		{10 * FourWeeks, 6 * time.Hour, 112},
	}
	for _, tt := range tests {
		t.Run(tt.window.String(), func(t *testing.T) {
			c := newClock()
			m := New(c.now)
			m.Record(Record{Outcome: OK})
			m.Record(Record{Outcome: ClientError})
			c.advance(3 * tt.step)
			m.Record(Record{Outcome: UpstreamError})
			m.Record(Record{Outcome: StreamError})
			points := m.Sparkline(tt.window)
			if len(points) != tt.points {
				t.Fatalf("got %d points; want %d", len(points), tt.points)
			}
			n := len(points)
			if got := points[n-4]; got.OK != 1 || got.Failed != 0 {
				t.Errorf("three steps ago: got %+v; want 1 ok", got)
			}
			if got := points[n-1]; got.OK != 0 || got.Failed != 2 {
				t.Errorf("now: got %+v; want 2 failed", got)
			}
			var all uint64
			for i, p := range points {
				all += p.OK + p.Failed
				if i > 0 && p.At.Sub(points[i-1].At) != tt.step {
					t.Fatalf("point %d: step %v; want %v", i, p.At.Sub(points[i-1].At), tt.step)
				}
			}
			if all != 3 {
				t.Errorf("all points: got %d; want 3", all)
			}
			if last := points[n-1].At; last.After(c.t) || c.t.Sub(last) >= tt.step {
				t.Errorf("last point began %v; want within %v before %v", last, tt.step, c.t)
			}
		})
	}
}

func TestUpstreamsAreBounded(t *testing.T) {
	m := New(newClock().now)
	for i := range MaxUpstreams + 20 {
		for range 2 {
			m.Record(Record{Upstream: fmt.Sprintf("worker-%d", i), Outcome: OK, Protocol: "h2", Reused: true})
		}
	}
	s := m.Snapshot()
	if got, want := len(s.Upstreams), MaxUpstreams+1; got != want {
		t.Fatalf("got %d upstreams; want %d", got, want)
	}
	if got := s.Upstream(Other).Counts.OK; got != 40 {
		t.Errorf("other: got %d; want 40", got)
	}
	first := s.Upstream("worker-0")
	if first.Counts.OK != 2 || first.Protocol != "h2" || first.Reused != 2 {
		t.Errorf("worker-0: got %+v; want 2 requests over h2, both reused", first)
	}
	if got := s.LastUsed; got != Other {
		t.Errorf("last used: got %q; want %q", got, Other)
	}
	if got := s.Upstream("nobody"); got.Name != "nobody" || got.Counts.Total() != 0 {
		t.Errorf("unknown upstream: got %+v; want no counts", got)
	}
}

// What the tray shows of an upstream is its latest answer, with its age.
func TestLastAnswer(t *testing.T) {
	c := newClock()
	m := New(c.now)
	m.Record(Record{Upstream: "a", Outcome: Local})
	s := m.Snapshot()
	if got := s.Upstream("a"); !got.LastAnswerAt.IsZero() || got.LastFirstByte != 0 {
		t.Errorf("before an answer: got %v at %v; want none", got.LastFirstByte, got.LastAnswerAt)
	}
	at := time.Time{}
	for _, first := range []time.Duration{900, 40} {
		c.t = c.t.Add(2 * time.Second)
		at = c.t
		m.Record(Record{Upstream: "a", Outcome: OK, FirstByte: first * time.Millisecond, Total: time.Second})
	}
	c.t = c.t.Add(5 * time.Second)
	m.Record(Record{Upstream: "a", Outcome: ClientCancelled, FirstByte: time.Minute})
	m.Record(Record{Upstream: "b", Outcome: OK, FirstByte: time.Minute})
	s = m.Snapshot()
	got := s.Upstream("a")
	if got.LastFirstByte != 40*time.Millisecond || got.LastAnswerAt.Unix() != at.Unix() {
		t.Errorf("got %v at %v; want 40ms at %v", got.LastFirstByte, got.LastAnswerAt, at)
	}
}

func TestCallersAreBounded(t *testing.T) {
	m := New(newClock().now)
	const names = 10_000
	for i := range names {
		r := Record{Caller: fmt.Sprintf("agent-%d", i), Upstream: "a", Outcome: OK, Total: 10 * time.Millisecond}
		m.Record(r)
		r.Outcome, r.Total = UpstreamError, 20*time.Millisecond
		m.Record(r)
		r.Outcome = Local
		m.Record(r)
	}
	m.Record(Record{Upstream: "a", Outcome: OK}) // nobody knows who asked
	s := m.Snapshot()
	if got, want := len(s.Callers), MaxCallers+1; got != want {
		t.Fatalf("got %d callers; want %d", got, want)
	}
	if got, want := len(m.callers.table.Load().names), MaxCallers+firstNamed; got != want {
		t.Errorf("got %d names kept; want %d", got, want)
	}
	for _, c := range s.Callers {
		want := Counts{OK: 1, UpstreamError: 1, Local: 1}
		if c.Name == Other {
			n := uint64(names - MaxCallers)
			want = Counts{OK: n, UpstreamError: n, Local: n}
		}
		if c.Counts != want || c.Latency.Count != want.Judged() || c.Counts.SuccessRate() != 50 {
			t.Errorf("%s: got %+v, %d timed; want %+v", c.Name, c.Counts, c.Latency.Count, want)
		}
		if math.Abs(c.Latency.Max-20) > 0.01 || math.Abs(c.Latency.P50-10) > 0.6 {
			t.Errorf("%s: got %+v; want a median of 10 ms and 20 ms at most", c.Name, c.Latency)
		}
	}
	if got := s.Callers[1].Name; got != "agent-0" {
		t.Errorf("got %q first; want the first that asked", got)
	}
}

func TestFailures(t *testing.T) {
	c := newClock()
	m := New(c.now)
	for i := range MaxFailures + 5 {
		c.advance(time.Second)
		m.Record(Record{Upstream: "a", Outcome: UpstreamError, Status: 502, Code: "upstream_connect", Err: fmt.Sprintf("number %d", i)})
		m.Record(Record{Upstream: "a", Outcome: OK})
		m.Record(Record{Upstream: "a", Outcome: ClientError, Status: 404})
	}
	at := c.t.Add(time.Minute)
	m.Record(Record{At: at, Upstream: "b", Outcome: StreamError, Code: "stream_idle", Err: strings.Repeat("é", 400)})
	m.Record(Record{Outcome: Local, Status: 421, Code: "host_not_allowed"})

	s := m.Snapshot()
	if got := len(s.Failures); got != MaxFailures {
		t.Fatalf("got %d failures; want %d", got, MaxFailures)
	}
	if got := s.Failures[0]; got.Code != "host_not_allowed" || got.Upstream != "" || got.Outcome != Local || got.Reason() != "host_not_allowed" {
		t.Errorf("newest: got %+v; want the refusal", got)
	}
	if got := s.Failures[1]; !got.At.Equal(at) || len(got.Err) > 310 || !strings.HasSuffix(got.Err, "é…") {
		t.Errorf("second: got %+v; want it at %v and cut between characters", got, at)
	}
	if got, want := s.Failures[2].Reason(), fmt.Sprintf("number %d", MaxFailures+4); got != want {
		t.Errorf("third: got %q; want %q", got, want)
	}
	a := s.Upstream("a")
	if a.LastError != s.Failures[2].Err || !a.LastErrorAt.Equal(c.t) {
		t.Errorf("last error of a: got %q at %v; want %q at %v", a.LastError, a.LastErrorAt, s.Failures[2].Err, c.t)
	}
	if got := New(c.now).Snapshot(); len(got.Failures) != 0 || got.Upstream("a").LastError != "" {
		t.Errorf("empty meter: got %+v; want no failures", got.Failures)
	}
}

func TestRecordFromManyGoroutines(t *testing.T) {
	m := New(nil)
	const goroutines, each = 8, 500
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			for i := range each {
				m.Record(Record{Upstream: fmt.Sprintf("u%d", (g+i)%5), Outcome: Outcome(i % numOutcomes), Total: time.Millisecond, BytesIn: 1, BytesOut: 2})
				if i%100 == 0 {
					m.Snapshot()
				}
			}
		})
	}
	wg.Wait()
	s := m.Snapshot()
	if got, want := s.Counts.Total(), uint64(goroutines*each); got != want {
		t.Errorf("total: got %d; want %d", got, want)
	}
	if s.BytesIn != goroutines*each || s.BytesOut != 2*goroutines*each {
		t.Errorf("bytes: got %d in, %d out; want %d and twice that", s.BytesIn, s.BytesOut, goroutines*each)
	}
	var sum uint64
	for _, u := range s.Upstreams {
		sum += u.Counts.Total()
	}
	if sum != s.Counts.Total() {
		t.Errorf("sum of upstreams: got %d; want %d", sum, s.Counts.Total())
	}
}

func TestRecordAllocatesNothing(t *testing.T) {
	m := New(nil)
	r := Record{Upstream: "a", Protocol: "h2", Outcome: OK, Total: time.Millisecond, FirstByte: time.Millisecond}
	for range 200 { // the first request of an upstream allocates in each stripe
		m.Record(r)
	}
	if got := testing.AllocsPerRun(1000, func() { m.Record(r) }); got != 0 {
		t.Errorf("got %v allocations; want 0", got)
	}
}

func BenchmarkRecord(b *testing.B) {
	m := New(nil)
	r := Record{Upstream: "anthropic", Caller: "127.0.0.1", Protocol: "HTTP/1.1", Scope: "upstream", Outcome: OK, Status: 200, Reused: true,
		Wait: 20 * time.Microsecond, FirstByte: 700 * time.Microsecond, Total: time.Millisecond, BytesIn: 1000, BytesOut: 2000}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m.Record(r)
		}
	})
}

func BenchmarkSnapshot(b *testing.B) {
	m := New(nil)
	for i := range 10_000 {
		m.Record(Record{Upstream: fmt.Sprintf("worker-%d", i%32), Outcome: OK, Total: time.Duration(i) * time.Microsecond})
	}
	b.ReportAllocs()
	for b.Loop() {
		m.Snapshot()
	}
}
