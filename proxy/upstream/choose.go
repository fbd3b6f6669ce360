package upstream

import (
	"math/rand/v2"
	"slices"
	"time"
)

// Choose picks the upstream for one attempt: of all, those at the indexes among, without those already
// tried for this request. It takes the lowest priority number that has a healthy one, and shares by
// weight among equals. A random share needs no state and cannot be captured: an upstream that fails
// fast gets no more than its weight, unlike with "least connections".
//
// When all are out, it takes the one whose ejection ends first. It returns nil only when every
// candidate was tried.
//
// The caller calls release when the attempt has ended, after Report if there is something to report.
func Choose(all []*Upstream, among []int, tried []*Upstream, now time.Time) (u *Upstream, release func()) {
	return choose(all, among, tried, now, rand.IntN)
}

func choose(all []*Upstream, among []int, tried []*Upstream, now time.Time, intN func(int) int) (*Upstream, func()) {
	for range len(among) + 1 {
		u, s := pick(all, among, tried, now, intN)
		if s != ready {
			return u, nothing
		}
		if number := u.health.tryTrial(now); number != 0 {
			return u, func() { u.health.endTrial(number) }
		}
		// Another request has just become the trial: look again.
	}
	return best(all, among, tried, now), nothing
}

func nothing() {}

// pick returns an upstream and its standing, without taking a trial.
func pick(all []*Upstream, among []int, tried []*Upstream, now time.Time, intN func(int) int) (*Upstream, standing) {
	total, priority, found := 0, 0, false
	for _, i := range among {
		u := all[i]
		if found && u.Priority > priority || !u.available(tried, now) {
			continue
		}
		if !found || u.Priority < priority {
			total, priority, found = 0, u.Priority, true
		}
		total += u.share()
	}
	if !found {
		return best(all, among, tried, now), out
	}
	n := intN(total)
	for _, i := range among {
		u := all[i]
		if u.Priority != priority || !u.available(tried, now) {
			continue
		}
		if n -= u.share(); n < 0 {
			s, _ := u.health.standing(now)
			return u, s
		}
	}
	return best(all, among, tried, now), out // one went out meanwhile
}

// available reports whether u may be chosen in its turn.
func (u *Upstream) available(tried []*Upstream, now time.Time) bool {
	if slices.Contains(tried, u) {
		return false
	}
	s, _ := u.health.standing(now)
	return s != out
}

// share is the weight, at least 1.
func (u *Upstream) share() int { return max(u.Weight, 1) }

// best returns the one that comes back first; among equals the lower priority number, then the earlier.
func best(all []*Upstream, among []int, tried []*Upstream, now time.Time) *Upstream {
	var b *Upstream
	var until time.Time
	for _, i := range among {
		u := all[i]
		if slices.Contains(tried, u) {
			continue
		}
		_, end := u.health.standing(now)
		if b == nil || end.Before(until) || end.Equal(until) && u.Priority < b.Priority {
			b, until = u, end
		}
	}
	return b
}
