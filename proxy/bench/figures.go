package bench

import (
	"fmt"
	"slices"
	"strconv"
	"time"
)

// Latency is how long requests took, in milliseconds.
type Latency struct {
	Average float64 `json:"average"`
	P50     float64 `json:"p50"`
	P99     float64 `json:"p99"`
	Max     float64 `json:"max"`
}

// slow is from where on a request counts as slow in the fan-out.
const slow = 100 * time.Millisecond

// summarize sorts times and returns their latency and how many were slow. None at all are 0.
func summarize(times []time.Duration) (l Latency, over int) {
	if len(times) == 0 {
		return l, 0
	}
	slices.Sort(times)
	var sum time.Duration
	for _, d := range times {
		sum += d
		if d > slow {
			over++
		}
	}
	l.Average = ms(sum) / float64(len(times))
	l.P50, l.P99, l.Max = ms(rank(times, 0.50)), ms(rank(times, 0.99)), ms(times[len(times)-1])
	return l, over
}

// rank returns the value of sorted below or at which the share q of them lies.
func rank[T any](sorted []T, q float64) T {
	i := int(q*float64(len(sorted))+0.999999) - 1
	return sorted[min(max(i, 0), len(sorted)-1)]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// A Spread is what a figure was over the rounds.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// spread returns the spread of values; with an even count the median is the lower one.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	return Spread{sorted[0], rank(sorted, 0.5), sorted[len(sorted)-1]}
}

// ratios divides the values of the same rounds; rounds with nothing to divide by are left out.
func ratios(values, by []float64) []float64 {
	var list []float64
	for i := range min(len(values), len(by)) {
		if by[i] > 0 {
			list = append(list, values[i]/by[i])
		}
	}
	return list
}

// String shows a ratio and how far it spread, as in "4.2 (3.9 to 5.0)"; "-" when there is none.
func (s Spread) String() string {
	if s == (Spread{}) {
		return "-"
	}
	return fmt.Sprintf("%s (%s to %s)", short(s.Median), short(s.Min), short(s.Max))
}

// short shows a figure with as many places as matter.
func short(v float64) string {
	switch {
	case v >= 100:
		return places(v, 0)
	case v >= 10:
		return places(v, 1)
	}
	return places(v, 2)
}

func places(v float64, n int) string { return strconv.FormatFloat(v, 'f', n, 64) }

func number[T ~int | ~int64](n T) string { return strconv.FormatInt(int64(n), 10) }

// pick returns one figure of each row that fits, in the order of the rows.
func pick[R, F any](rows []R, fits func(R) bool, figure func(R) F) []F {
	var list []F
	for _, r := range rows {
		if fits(r) {
			list = append(list, figure(r))
		}
	}
	return list
}
