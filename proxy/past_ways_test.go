package proxy

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/history"
	"millpond/proxy/meter"
)

// TestOlderIsReadOnce: what was counted before the present hour is read once, and what
// comes after it is never missed nor counted twice, over the turn of an hour too.
func TestOlderIsReadOnce(t *testing.T) {
	var clock atomic.Int64
	at := func(d time.Duration) { clock.Store(time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC).Add(d).UnixNano()) }
	now := func() time.Time { return time.Unix(0, clock.Load()) }
	at(30 * time.Minute)
	m := meter.New(now)
	path := filepath.Join(t.TempDir(), "history.db")
	k := history.New(history.Config{Path: path, Meter: m, Now: now})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); k.Run(ctx) }()
	defer func() { cancel(); <-done }()

	var o older
	way := meter.Way{Transport: "http2", Scope: "upstream"}
	steps := []struct {
		name   string
		at     time.Duration // since noon
		n      int           // requests that come
		window time.Duration
		want   uint64
		first  time.Duration // of the first row: a minute where it was read by the minute, else an hour
	}{
		{"the first time", 30 * time.Minute, 5, meter.FourWeeks, 5, 0},
		{"more in the same hour", 40 * time.Minute, 3, meter.FourWeeks, 8, 29 * time.Minute},
		{"nothing new", 40 * time.Minute, 0, meter.FourWeeks, 8, 29 * time.Minute},
		{"just after the hour", time.Hour + 10*time.Second, 2, meter.FourWeeks, 10, 29 * time.Minute},
		{"when the hour is settled", time.Hour + 2*time.Minute, 1, meter.FourWeeks, 11, 0},
		{"and again", time.Hour + 3*time.Minute, 1, meter.FourWeeks, 12, 0},
		{"another window", time.Hour + 3*time.Minute, 0, 24 * time.Hour, 12, 29 * time.Minute},
		{"a shorter one", 2*time.Hour + 20*time.Minute, 1, 90 * time.Minute, 5, time.Hour},
		{"all is too old", 30 * 24 * time.Hour, 0, meter.FourWeeks, 0, 0},
	}
	for _, step := range steps {
		at(step.at)
		for range step.n {
			m.Record(meter.Record{Upstream: "relay", Protocol: "HTTP/2.0", Scope: "upstream", Total: time.Millisecond})
		}
		k.Write(t.Context())
		p, err := o.read(t.Context(), path, step.window, now())
		if err != nil {
			t.Fatal(err)
		}
		got := uint64(0)
		if tally := p.ways["relay"][way]; tally != nil {
			got = tally.Counts.OK
		}
		if got != step.want {
			t.Errorf("%s: got %d requests; want %d", step.name, got, step.want)
		}
		at(step.first)
		if step.want > 0 && !p.first.Equal(now()) {
			t.Errorf("%s: got the first at %v; want %v", step.name, p.first, now())
		}
	}
}
