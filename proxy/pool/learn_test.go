package pool

import (
	"testing"
	"time"
)

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A connection is retired at 0.8 of the shortest idle age at which the origin was
// seen to close, less one round trip; never below the floor.
func TestLimit(t *testing.T) {
	for _, tt := range []struct {
		name     string
		l        learned
		trip     time.Duration
		after    time.Duration
		want     time.Duration
		reliable bool
	}{
		{"nothing known", learned{}, 0, 0, 1<<63 - 1, true},
		{"400 s", learned{CloseAge: 400 * time.Second}, 100 * time.Millisecond, 0, 319900 * time.Millisecond, true},
		{"under the floor", learned{CloseAge: 60 * time.Millisecond}, 0, 0, 48 * time.Millisecond, false},
		{"over the floor, but for the round trip", learned{CloseAge: 100 * time.Millisecond}, 40 * time.Millisecond, 0, 40 * time.Millisecond, false},
		{"an hour later", learned{CloseAge: 100 * time.Second}, 0, time.Hour, 88 * time.Second, true},
		{"two hours later", learned{CloseAge: 100 * time.Second}, 0, 2 * time.Hour, 96800 * time.Millisecond, true},
	} {
		tt.l.At = epoch
		got, reliable := tt.l.limit(epoch.Add(tt.after), tt.trip)
		if got.Round(time.Millisecond) != tt.want.Round(time.Millisecond) || reliable != tt.reliable {
			t.Errorf("%s: %v, reliable %v; want %v, %v", tt.name, got, reliable, tt.want, tt.reliable)
		}
	}
}

// Each step is something seen; after it the close age is known to be want.
func TestLearning(t *testing.T) {
	now := epoch
	type step struct {
		what string
		do   func(*origin)
		want time.Duration
	}
	closed := func(age time.Duration, requests int) func(*origin) {
		return func(o *origin) { o.closedIdle(age, requests, now) }
	}
	outlived := func(age time.Duration) func(*origin) {
		return func(o *origin) { o.outlived(age, 1, now) }
	}
	later := func(d time.Duration) func(*origin) { return func(*origin) { now = now.Add(d) } }
	for name, steps := range map[string][]step{
		"the shortest age counts": {
			{"close at 60 s", closed(60*time.Second, 1), 60 * time.Second},
			{"close at 90 s", closed(90*time.Second, 1), 60 * time.Second},
			{"close at 30 s", closed(30*time.Second, 1), 30 * time.Second},
		},
		"a probe raises what a restart made too short": {
			{"close at 2 s", closed(2*time.Second, 1), 2 * time.Second},
			{"probe open at 10 s", outlived(10 * time.Second), 10 * time.Second},
			{"probe open at 20 s", outlived(20 * time.Second), 20 * time.Second},
			{"probe open at 15 s says nothing new", outlived(15 * time.Second), 20 * time.Second},
		},
		"an age seen twice stands against a probe for an hour": {
			{"close at 60 s", closed(60*time.Second, 1), 60 * time.Second},
			{"two minutes pass", later(2 * time.Minute), 60 * time.Second},
			{"close at 61 s", closed(61*time.Second, 1), 60 * time.Second},
			{"probe open at 100 s", outlived(100 * time.Second), 60 * time.Second},
			{"two hours pass", later(2 * time.Hour), 60 * time.Second},
			{"probe open at 100 s", outlived(100 * time.Second), 100 * time.Second},
		},
		"closes in one moment are one observation": {
			{"close at 60 s", closed(60*time.Second, 1), 60 * time.Second},
			{"another with it", closed(60*time.Second, 1), 60 * time.Second},
			{"probe open at 100 s", outlived(100 * time.Second), 100 * time.Second},
		},
	} {
		now = epoch
		o := newOrigin(learned{})
		for _, s := range steps {
			s.do(o)
			if got := o.known.Load().CloseAge; got != s.want {
				t.Errorf("%s: after %s %v; want %v", name, s.what, got, s.want)
			}
		}
	}
}

// Closes right behind an answer mean a limit of requests, and at one request that
// keep-alive is unreliable.
func TestEarlyCloses(t *testing.T) {
	for _, tt := range []struct {
		name       string
		requests   []int
		wantMax    int
		unreliable bool
	}{
		{"once proves nothing", []int{1}, 0, false},
		{"after each answer", []int{1, 1}, 0, true},
		{"after the hundredth", []int{100, 100}, 100, false},
		{"now and then", []int{3, 7, 2, 9, 4}, 0, true},
	} {
		o := newOrigin(learned{Proven: true})
		for _, n := range tt.requests {
			o.closedIdle(time.Millisecond, n, epoch)
		}
		l := o.known.Load()
		if _, reliable := l.limit(epoch, 0); l.MaxRequests != tt.wantMax || reliable == tt.unreliable || l.Proven {
			t.Errorf("%s: %+v, reliable %v; want %d requests, unreliable %v, not proven", tt.name, l, reliable, tt.wantMax, tt.unreliable)
		}
	}
}

// A probe that stays open after the learned number of requests refutes it.
func TestProbeRefutesMaxRequests(t *testing.T) {
	o := newOrigin(learned{MaxRequests: 5})
	o.outlived(500*time.Millisecond, 5, epoch)
	if got := o.known.Load().MaxRequests; got != 5 {
		t.Errorf("after half a second %d; want 5 still", got)
	}
	o.outlived(time.Second, 5, epoch)
	if got := o.known.Load().MaxRequests; got != 0 {
		t.Errorf("after a second %d; want 0", got)
	}
}

func TestBurstMeterForgetsAfterAnHour(t *testing.T) {
	var b burstMeter
	now := epoch
	for range 32 {
		b.begin(now)
	}
	for range 32 {
		b.end()
	}
	for _, tt := range []struct {
		after time.Duration
		want  int
	}{{0, 32}, {30 * time.Minute, 32}, {54 * time.Minute, 32}, {66 * time.Minute, 0}} {
		b.tick(epoch.Add(tt.after))
		if got := b.width(); got != tt.want {
			t.Errorf("after %v width %d; want %d", tt.after, got, tt.want)
		}
	}
	b.begin(epoch.Add(1000 * time.Hour))
	if got := b.width(); got != 1 {
		t.Errorf("after a long silence %d; want 1", got)
	}
}

func TestSlept(t *testing.T) {
	for _, tt := range []struct {
		wall, mono time.Duration
		want       bool
	}{{time.Second, time.Second, false}, {8 * time.Hour, time.Second, true}, {time.Second, 8 * time.Second, false}, {-time.Hour, time.Second, false}} {
		if got := slept(tt.wall, tt.mono); got != tt.want {
			t.Errorf("slept(%v, %v) = %v; want %v", tt.wall, tt.mono, got, tt.want)
		}
	}
}
