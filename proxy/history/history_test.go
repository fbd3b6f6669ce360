package history

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millpond/proxy/meter"
)

// A bench is a keeper whose clock and writes a test moves by hand.
type bench struct {
	t    *testing.T
	now  time.Time
	path string
	log  *bytes.Buffer
	m    *meter.Meter
	k    *Keeper
}

func newBench(t *testing.T, path string, maxBytes int64) *bench {
	b := &bench{t: t, now: time.Unix(1_700_000_000, 0).Truncate(time.Hour).Add(5 * time.Second), path: path, log: &bytes.Buffer{}}
	b.start(maxBytes)
	return b
}

// start begins as a new process does.
func (b *bench) start(maxBytes int64) {
	clock := func() time.Time { return b.now }
	b.m = meter.New(clock)
	b.k = New(Config{Path: b.path, Meter: b.m, Now: clock, MaxBytes: maxBytes, Log: slog.New(slog.NewTextHandler(b.log, nil))})
	b.k.begin(b.t.Context())
}

func (b *bench) stop() {
	b.k.end()
	b.k.file = nil
}

func (b *bench) record(n int, upstream string, o meter.Outcome) {
	for range n {
		b.m.Record(meter.Record{Upstream: upstream, Outcome: o, Total: 20 * time.Millisecond, FirstByte: 5 * time.Millisecond, BytesIn: 100, Reused: true})
	}
}

// tick lets ten seconds pass and writes.
func (b *bench) tick() {
	b.now = b.now.Add(10 * time.Second)
	b.k.write(b.t.Context(), b.now)
}

func (b *bench) rows(since time.Duration) []Row {
	b.t.Helper()
	var rows []Row
	if err := Read(b.t.Context(), b.path, b.now.Add(-since), b.now, func(r Row) error { rows = append(rows, r); return nil }); err != nil {
		b.t.Fatal(err)
	}
	return rows
}

func sumOf(rows []Row) (c meter.Counts) {
	var t meter.Tally
	for i := range rows {
		t.Add(&rows[i].Tally)
	}
	return t.Counts
}

// TestSurvivesRestart: minutes and hours hold what was counted, once, over several
// lives of the process within one minute, and the windows have it back.
func TestSurvivesRestart(t *testing.T) {
	b := newBench(t, filepath.Join(t.TempDir(), "history.db"), 0)
	for range 4 {
		b.record(9, "a", meter.OK)
		b.record(1, "a", meter.UpstreamError)
		b.record(2, "", meter.Local)
		b.tick()
		b.stop()
		b.start(0)
	}
	b.now = b.now.Add(2 * time.Hour)
	b.record(5, "b", meter.StreamError)
	b.tick()

	want := meter.Counts{OK: 36, UpstreamError: 4, StreamError: 5, Local: 8}
	if got := sumOf(b.rows(24 * time.Hour)); got != want {
		t.Errorf("by the minute: got %+v; want %+v", got, want)
	}
	hourly := b.rows(28 * 24 * time.Hour)
	if got := sumOf(hourly); got != want {
		t.Errorf("by the hour: got %+v; want %+v", got, want)
	}
	if len(hourly) != 4 { // "" and a of one hour, "" (the first bytes) and b of another
		t.Errorf("got %d rows by the hour; want 4", len(hourly))
	}
	for _, r := range hourly {
		if r.Upstream == "a" && (r.Latency.Count() != 40 || r.Latency.Max != 20*time.Millisecond || r.BytesIn != 4000 || r.Reused != 40) {
			t.Errorf("a: got %d durations, at most %v, %d bytes, %d reused; want 40, 20ms, 4000, 40", r.Latency.Count(), r.Latency.Max, r.BytesIn, r.Reused)
		}
	}
	b.stop()
	b.now = b.now.Add(10 * time.Minute)
	b.start(0)
	s := b.m.Snapshot()
	if s.FourWeeks.Counts != want || s.Day.Counts != want || s.Hour.Counts.StreamError != 5 || s.Counts.Total() != 0 {
		t.Errorf("after a restart: got four weeks %+v, day %+v, hour %+v, since the start %+v", s.FourWeeks.Counts, s.Day.Counts, s.Hour.Counts, s.Counts)
	}
	b.now = b.now.Add(26 * 24 * time.Hour)
	b.stop()
	b.start(0)
	s = b.m.Snapshot()
	if s.FourWeeks.Counts != want || s.Day.Counts.Total() != 0 || s.FourWeeks.FirstByte.Count != 53 {
		t.Errorf("26 days later: got four weeks %+v with %d first bytes, day %+v", s.FourWeeks.Counts, s.FourWeeks.FirstByte.Count, s.Day.Counts)
	}
	if got := b.k.State(); got.Code != Kept || b.log.Len() > 0 {
		t.Errorf("got state %+v, log %s; want %s and nothing to say", got, b.log, Kept)
	}
	b.stop()
}

// TestOldRowsGo: minutes after two days and hours after 92.
func TestOldRowsGo(t *testing.T) {
	b := newBench(t, filepath.Join(t.TempDir(), "history.db"), 0)
	b.record(1, "a", meter.OK)
	b.tick()
	count := func() (minuteRows, hourRows int) {
		if err := b.k.file.db.QueryRow("SELECT (SELECT count(*) FROM minutes), (SELECT count(*) FROM hours)").Scan(&minuteRows, &hourRows); err != nil {
			t.Fatal(err)
		}
		return minuteRows, hourRows
	}
	for _, step := range []struct {
		later          time.Duration
		minutes, hours int
	}{{0, 2, 2}, {KeepMinutes, 2, 4}, {KeepHours, 2, 2}} {
		if step.later > 0 {
			b.now = b.now.Add(step.later + time.Hour)
			b.record(1, "a", meter.OK)
			b.tick()
		}
		if m, h := count(); m != step.minutes || h != step.hours {
			t.Errorf("%v later: got %d minutes and %d hours; want %d and %d", step.later, m, h, step.minutes, step.hours)
		}
	}
	b.stop()
}

// TestIdleWritesNothing: without requests the disk may sleep.
func TestIdleWritesNothing(t *testing.T) {
	b := newBench(t, filepath.Join(t.TempDir(), "history.db"), 0)
	b.record(1, "a", meter.OK)
	b.tick()
	changes := func() (n int) {
		if err := b.k.file.db.QueryRow("SELECT total_changes()").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := changes()
	for range 100 {
		b.tick()
	}
	if after := changes(); after != before {
		t.Errorf("got %d rows written while idle; want none", after-before)
	}
	b.stop()
}

// TestSizeIsBounded: as many upstreams as are told apart, each hour, with durations
// spread as widely as they can be, for a file of half a megabyte.
func TestSizeIsBounded(t *testing.T) {
	const most = 512 << 10
	b := newBench(t, filepath.Join(t.TempDir(), "history.db"), most)
	for range 8 {
		for u := range meter.MaxUpstreams {
			for d := 20 * time.Microsecond; d < time.Hour; d *= 2 {
				b.m.Record(meter.Record{Upstream: fmt.Sprintf("a-rather-long-name-of-upstream-%d", u), Outcome: meter.OK, Total: d, FirstByte: d})
			}
		}
		b.now = b.now.Add(time.Hour)
		b.k.write(t.Context(), b.now)
		var total int64
		for _, suffix := range []string{"", "-wal"} {
			info, err := os.Stat(b.path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if suffix == "" && info.Size() > most {
				t.Fatalf("the database has %d bytes; want at most %d", info.Size(), most)
			}
			total += info.Size()
		}
		if total > 2*most+1<<20 {
			t.Fatalf("the database has %d bytes with its log of writes; want at most %d", total, 2*most+1<<20)
		}
	}
	if got := b.k.State(); got.Code != Kept {
		t.Errorf("got %+v; want that the oldest rows gave way", got)
	}
	rows := b.rows(28 * 24 * time.Hour)
	if newest := rows[len(rows)-1].Start; b.now.Sub(newest) > time.Hour || len(rows) < 300 {
		t.Errorf("got %d rows up to %v; want 300 and more up to %v", len(rows), newest, b.now)
	}
	b.stop()
}

// TestDamaged: a file that is no database, or a torn one, is moved aside and said.
func TestDamaged(t *testing.T) {
	for _, tt := range []struct {
		name  string
		spoil func(t *testing.T, path string)
	}{
		{"text", func(t *testing.T, path string) { write(t, path, []byte(strings.Repeat("no database ", 1000))) }},
		{"torn pages", func(t *testing.T, path string) {
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i := pageSize; i < len(content); i++ {
				content[i] = byte(i * 7)
			}
			write(t, path, content)
		}},
		{"cut", func(t *testing.T, path string) {
			if err := os.Truncate(path, pageSize+100); err != nil {
				t.Fatal(err)
			}
		}},
		{"another program's", func(t *testing.T, path string) {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
			db, err := sql.Open("sqlite", path)
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			if _, err := db.Exec("CREATE TABLE bookmarks (a)"); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, filepath.Join(t.TempDir(), "history.db"), 0)
			for range 3 {
				b.record(3, "a", meter.OK)
				b.tick()
			}
			b.stop()
			for n := range 2 {
				tt.spoil(t, b.path)
				b.start(0)
				b.record(7, "a", meter.OK)
				b.tick()
				if got := b.k.State(); got.Code != Anew || !strings.Contains(got.Detail, fmt.Sprintf("history.db.broken-%d", n+1)) {
					t.Errorf("got %+v; want %s and the file's name", got, Anew)
				}
				if got := sumOf(b.rows(time.Hour)).OK; got != 7 {
					t.Errorf("got %d requests in the new history; want 7", got)
				}
				if _, err := os.Stat(fmt.Sprintf("%s.broken-%d", b.path, n+1)); err != nil {
					t.Error(err)
				}
				if got := strings.Count(b.log.String(), "begins anew"); got != n+1 {
					t.Errorf("said %d times; want %d", got, n+1)
				}
				b.stop()
			}
		})
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestNewerIsLeftAlone: not a byte of a newer Millpond's history changes.
func TestNewerIsLeftAlone(t *testing.T) {
	b := newBench(t, filepath.Join(t.TempDir(), "history.db"), 0)
	if _, err := b.k.file.db.Exec(fmt.Sprintf("PRAGMA user_version = %d; CREATE TABLE novelty (a)", schema+1)); err != nil {
		t.Fatal(err)
	}
	b.stop()
	before, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	b.start(0)
	if got := b.k.State().Code; got != Newer {
		t.Errorf("got state %q; want %q", got, Newer)
	}
	if got := strings.Count(b.log.String(), "newer Millpond"); got != 1 {
		t.Errorf("said %d times; want once: %s", got, b.log)
	}
	after, err := os.ReadFile(b.path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the file was changed")
	}
	err = Read(t.Context(), b.path, b.now, b.now, func(Row) error { return nil })
	if err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("reading it: got %v; want that it is newer", err)
	}
}

// TestSecondKeeperStaysOut: two processes do not write one history.
func TestSecondKeeperStaysOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "history.db")
	first := newBench(t, path, 0)
	second := newBench(t, path, 0)
	if got := second.k.State().Code; got != InUse {
		t.Errorf("got %q; want %q", got, InUse)
	}
	first.record(1, "a", meter.OK)
	first.tick()
	if got := first.k.State().Code; got != Kept {
		t.Errorf("the first: got %q; want %q", got, Kept)
	}
	first.stop()
}

// TestReadWhatIsNot: there is nothing to export before the first run.
func TestReadWhatIsNot(t *testing.T) {
	err := Read(t.Context(), filepath.Join(t.TempDir(), "history.db"), time.Time{}, time.Now(), nil)
	if err != ErrNone {
		t.Errorf("got %v; want %v", err, ErrNone)
	}
}

// TestRunEnds: Run writes at its end what was counted last.
func TestRunEnds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "of a person's own?", "history.db")
	m := meter.New(nil)
	k := New(Config{Path: path, Meter: m, Every: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	m.Record(meter.Record{Upstream: "a", Outcome: meter.OK})
	cancel()
	k.Run(ctx)
	n := 0
	now := time.Now()
	if err := Read(t.Context(), path, now.Add(-3*time.Hour), now, func(r Row) error { n += int(r.Counts.OK); return nil }); err != nil {
		t.Fatal(err)
	}
	if n != 1 {
		t.Errorf("got %d requests; want 1", n)
	}
}

// FuzzHistogram: no bytes of a row break the reader, and what is written is read.
func FuzzHistogram(f *testing.F) {
	var h meter.Histogram
	h.N[3], h.N[127], h.Sum, h.Max = 5, 1<<40, time.Hour, time.Minute
	f.Add(appendHistogram(nil, &h))
	f.Fuzz(func(t *testing.T, b []byte) {
		var one, two meter.Histogram
		if readHistogram(b, &one) != nil || one.Count() == 0 || one.Sum < 0 || one.Max < 0 {
			return
		}
		if err := readHistogram(appendHistogram(nil, &one), &two); err != nil || one != two {
			t.Errorf("got %+v, %v; want %+v", two, err, one)
		}
	})
}
