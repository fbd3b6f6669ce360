package model

import (
	"math"
	"testing"
	"time"
)

func TestCount(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 7: "7", 999: "999", 1000: "1,000", 12345: "12,345", 1234567: "1,234,567", -4321: "-4,321"} {
		if got := Count(n); got != want {
			t.Errorf("Count(%d): got %v; want %v", n, got, want)
		}
	}
}

func TestPercent(t *testing.T) {
	for p, want := range map[float64]string{
		100: "100%", 99.999: "99.9%", 99.95: "99.9%", 99.5: "99.5%", 95: "95%", 94.96: "94.9%", 0: "0%", 33.333: "33.3%",
	} {
		if got := Percent(p); got != want {
			t.Errorf("Percent(%v): got %v; want %v", p, got, want)
		}
	}
	if got := Percent(math.NaN()); got != None {
		t.Errorf("of no number: got %v; want %v", got, None)
	}
}

func TestMillis(t *testing.T) {
	tests := []struct {
		ms   float64
		want string
	}{
		{0, None}, {-1, None}, {math.NaN(), None},
		{0.04, "0.0 ms"}, {3.44, "3.4 ms"}, {9.94, "9.9 ms"}, {9.96, "10 ms"}, {250.4, "250 ms"}, {999.4, "999 ms"},
		{999.6, "1.0 s"}, {1234, "1.2 s"}, {59_900, "59.9 s"}, {59_980, "1 min 00 s"}, {125_000, "2 min 05 s"},
	}
	for _, test := range tests {
		if got := Millis(test.ms); got != test.want {
			t.Errorf("Millis(%v): got %v; want %v", test.ms, got, test.want)
		}
	}
}

func TestAgo(t *testing.T) {
	now := time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		ago  time.Duration
		key  string
		want any
	}{
		{-time.Minute, "ago.now", nil},
		{0, "ago.now", nil},
		{4 * time.Second, "ago.now", nil},
		{59 * time.Second, "ago.seconds", "59"},
		{61 * time.Second, "ago.minutes", "1"},
		{59*time.Minute + 59*time.Second, "ago.minutes", "59"},
		{47 * time.Hour, "ago.hours", "47"},
		{49 * time.Hour, "ago.days", "2"},
	}
	for _, test := range tests {
		got := Ago(now.Add(-test.ago), now)
		if got.Key != test.key || got.Args["N"] != test.want {
			t.Errorf("%v ago: got %v %v; want %v %v", test.ago, got.Key, got.Args["N"], test.key, test.want)
		}
	}
}
