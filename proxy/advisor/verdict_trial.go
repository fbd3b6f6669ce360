package advisor

import (
	"fmt"
	"math"

	"millpond/proxy/meter"
)

// ArmNeed is how many requests each arm of a trial must have seen before a winner is named.
const ArmNeed = 100

// The states of a trial. They are stable: front ends translate them.
const (
	TrialTooFew       = "too_few"       // requests in an arm
	TrialNoDifference = "no_difference" // that is more than chance
	TrialMoreSuccess  = "more_success"  // the winner fails less
	TrialFaster       = "faster"        // the winner fails no more, and answers sooner
)

// An Arm is what was seen of one of a trial's two ways.
type Arm struct {
	Value   string // of the setting that is tried
	Counts  meter.Counts
	Latency meter.Histogram // of the requests that succeeded
}

// A Comparison says which of two arms did better.
type Comparison struct {
	Reason   string
	Winner   string  // the value of the better arm; "" while none is
	Chance   float64 // that chance alone makes such a difference: of success, or for TrialFaster of latency; 1 before it was looked at
	Sentence string  // in English, with the figures
}

const (
	// unlikely is the chance below which a difference is believed. A trial is looked at
	// again and again rather than once, and the more often one looks the sooner chance
	// passes any limit (Armitage, McPherson and Rowe, "Repeated significance tests on
	// accumulating data", 1969). By Siegmund's approximation for the greatest of many
	// looks (Sequential Analysis, 1985, chapter 4), 0.001 in each look is 0.05 in all for
	// looks from 100 to a million requests.
	unlikely = 0.001
	// hint is the chance below which a difference of success is not ruled out, so that the
	// faster arm is not named the better one when it may fail more.
	hint = 0.05
	// sooner is the least part by which the faster arm's median is shorter: the buckets
	// of the histograms are that wide.
	sooner = 0.15
)

// Compare says which arm did better: the one with more success, or without a difference in
// that, the one that answers sooner. Success is compared by Fisher's exact test, which holds
// for few failures too, unlike the z test of two proportions (NIST/SEMATECH e-Handbook of
// Statistical Methods, section 7.3.3); latency by the rank test of Mann and Whitney with
// the correction for ties, since the two are in the same buckets (ibid., 7.3.5).
func Compare(base, other Arm) Comparison {
	c := Comparison{Reason: TrialTooFew, Chance: 1}
	if n := min(base.Counts.Judged(), other.Counts.Judged()); n < ArmNeed {
		c.Sentence = fmt.Sprintf("%s Each way needs %d requests before they are compared.", both(base, other), ArmNeed)
		return c
	}
	better, worse := base, other
	if other.Counts.SuccessRate() > base.Counts.SuccessRate() {
		better, worse = other, base
	}
	c.Chance = fisher(better.Counts.OK, better.Counts.Failed(), worse.Counts.OK, worse.Counts.Failed())
	if c.Chance < unlikely {
		c.Reason, c.Winner = TrialMoreSuccess, better.Value
		c.Sentence = fmt.Sprintf("%s %s does better; chance makes such a difference in %s of trials.", both(base, other), better.Value, percentOfChance(c.Chance))
		return c
	}
	faster, slower := base, other
	if median(other) < median(base) {
		faster, slower = other, base
	}
	chance := mannWhitney(&faster.Latency, &slower.Latency)
	noWorse := c.Chance > hint || faster.Value == better.Value
	if chance < unlikely && noWorse && median(faster) < (1-sooner)*median(slower) {
		c.Reason, c.Winner, c.Chance = TrialFaster, faster.Value, chance
		c.Sentence = fmt.Sprintf("%s %s answers sooner, by the median in %.0f ms instead of %.0f ms, and fails no more.", both(base, other), faster.Value, median(faster), median(slower))
		return c
	}
	c.Reason = TrialNoDifference
	c.Sentence = both(base, other) + " The difference may be chance."
	return c
}

// both gives the figures of the arms.
func both(base, other Arm) string {
	one := func(a Arm) string {
		if a.Counts.Judged() == 0 {
			return a.Value + " had no request yet"
		}
		return fmt.Sprintf("%s succeeded in %s of %d", a.Value, percent(a.Counts.SuccessRate()), a.Counts.Judged())
	}
	return one(base) + ", " + one(other) + "."
}

func median(a Arm) float64 { return a.Latency.Percentiles().P50 }

// percentOfChance writes a small chance without pretending to know it to many places.
func percentOfChance(p float64) string {
	if p < 0.0001 {
		return "less than 0.01 %"
	}
	return percent(100 * p)
}

// fisher returns the chance that two proportions, ok of ok+failed each, differ as much as
// these or more when both are of the same kind: the two-sided p of Fisher's exact test,
// the sum over all tables with the same margins that are no more likely than this one.
func fisher(ok1, failed1, ok2, failed2 uint64) float64 {
	n1, n2, failed := ok1+failed1, ok2+failed2, failed1+failed2
	logOf := func(x uint64) float64 { // of the table with x failures in the first arm
		return logChoose(n1, x) + logChoose(n2, failed-x) - logChoose(n1+n2, failed)
	}
	least, most := uint64(0), min(n1, failed)
	if failed > n2 {
		least = failed - n2
	}
	const same = 1e-7 // what the logarithms of equal chances may differ by
	here, sum := logOf(failed1)+same, 0.0
	for x := least; x <= most; x++ {
		if l := logOf(x); l <= here {
			sum += math.Exp(l)
		}
	}
	return min(sum, 1)
}

// logChoose is the logarithm of n over k.
func logChoose(n, k uint64) float64 {
	return logFactorial(n) - logFactorial(k) - logFactorial(n-k)
}

func logFactorial(n uint64) float64 {
	l, _ := math.Lgamma(float64(n) + 1)
	return l
}

// mannWhitney returns the chance that durations of one kind differ as much as those of a
// and b: the two-sided p of the rank test in its normal approximation, which is good from
// twenty on each side. Durations in one bucket count as equal.
func mannWhitney(a, b *meter.Histogram) float64 {
	n1, n2 := float64(a.Count()), float64(b.Count())
	if n1 == 0 || n2 == 0 {
		return 1
	}
	u, ties, passed := 0.0, 0.0, 0.0 // passed: of b, in the buckets before
	for i := range a.N {
		x, y := float64(a.N[i]), float64(b.N[i])
		u += x * (passed + y/2)
		passed += y
		ties += cube(x+y) - (x + y)
	}
	n := n1 + n2
	variance := n1 * n2 / 12 * (n + 1 - ties/(n*(n-1)))
	if variance <= 0 {
		return 1 // all in one bucket
	}
	z := math.Abs(u-n1*n2/2) / math.Sqrt(variance)
	return math.Erfc(z / math.Sqrt2)
}

func cube(x float64) float64 { return x * x * x }
