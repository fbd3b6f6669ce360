package upstream

import (
	"sync"
	"sync/atomic"
	"time"

	"millpond/settings"
)

// maxEjection is the longest that an upstream is left alone. The doubling stops there.
const maxEjection = 10 * time.Minute

// A Verdict is what one attempt tells of an upstream's health.
type Verdict uint8

// The verdicts.
const (
	Neutral   Verdict = iota // says nothing: the client left, or made the mistake itself
	Good                     // answered as it should
	Failed                   // connection, 5xx, a broken stream
	Throttled                // 429, 503 or 529: it lives, and wants to be left alone
)

// A Result is how one attempt ended.
type Result struct {
	Verdict Verdict

	// Chosen is when Choose gave the upstream to this attempt. An attempt that began before an ejection
	// has no say in when it ends. Zero means just now.
	Chosen time.Time

	// RetryAfter is how long the upstream asked to be left alone; 0 if it did not say.
	RetryAfter time.Duration

	// Reason is what failed, for the statistics; without secrets. "" keeps the one before.
	Reason string
}

// VerdictOf judges a status. A 529 is an overload of the service, not the end of a quota: it is a
// failure like any 5xx, and only its Retry-After sets the upstream aside.
func VerdictOf(status int) Verdict {
	switch {
	case status == 429, status == 503, status == 529:
		return Throttled
	case status >= 500:
		return Failed
	case status >= 400:
		return Neutral
	}
	return Good
}

// health is the state machine of one upstream. The zero value is a healthy one. It is safe for
// concurrent use.
type health struct {
	// troubled says that failures or ejectedAt is not zero. While it is false, a success changes
	// nothing and takes no lock.
	troubled atomic.Bool

	// mu guards what follows. Nothing is called while it is held.
	mu        sync.Mutex
	failures  int           // in a row
	ejectedAt time.Time     // zero: up
	until     time.Time     // out before, in trial from then on
	length    time.Duration // of the last ejection for failures; 0 after a success
	trial     uint64        // number of the request in trial; 0 if none is
	trials    uint64        // given out so far
	lastError string
	lastAt    time.Time
}

// A Status is an upstream's health at one instant.
type Status struct {
	Healthy   bool      // up: neither out nor in trial
	Until     time.Time // the end of the ejection; zero while up
	Failures  int       // in a row
	LastError string    // "" if there was none
	LastAt    time.Time
}

// report takes the result of one attempt, under the limits of f.
func (h *health) report(r Result, f settings.Failover, now time.Time) {
	switch r.Verdict {
	case Good:
		h.succeed(r)
	case Failed, Throttled:
		h.fail(r, f, now)
	}
}

// succeed ends an ejection, unless the attempt began before it.
func (h *health) succeed(r Result) {
	if !h.troubled.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.startedBeforeLocked(r) {
		return
	}
	h.failures, h.ejectedAt, h.until, h.length, h.trial = 0, time.Time{}, time.Time{}, 0, 0
	h.troubled.Store(false)
}

// fail counts a failure and ejects. While the upstream is out, a failure changes nothing: 32 requests
// that fail together are one event and double nothing.
func (h *health) fail(r Result, f settings.Failover, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.Reason != "" {
		h.lastError, h.lastAt = r.Reason, now
	}
	if h.startedBeforeLocked(r) || !h.ejectedAt.IsZero() && now.Before(h.until) {
		return
	}
	h.troubled.Store(true)
	h.failures++
	aside := min(r.RetryAfter, f.RetryAfterCap)
	switch {
	case r.Verdict == Throttled && aside > 0:
		h.ejectLocked(aside, now)
	case f.EjectAfter > 0 && (h.failures >= f.EjectAfter || !h.ejectedAt.IsZero()):
		h.length = min(max(2*h.length, f.EjectFor), maxEjection)
		h.ejectLocked(h.length, now)
	default:
		h.ejectedAt, h.until, h.trial = time.Time{}, time.Time{}, 0
	}
}

func (h *health) ejectLocked(d time.Duration, now time.Time) {
	h.ejectedAt, h.until, h.trial = now, now.Add(d), 0
}

// startedBeforeLocked reports whether the attempt began before the present ejection.
func (h *health) startedBeforeLocked(r Result) bool {
	return !h.ejectedAt.IsZero() && !r.Chosen.IsZero() && r.Chosen.Before(h.ejectedAt)
}

// A standing is how Choose sees an upstream.
type standing uint8

const (
	up    standing = iota
	ready          // in trial, and the one request is not given out
	out            // left alone, or another request is its trial
)

// standing returns the upstream's standing and, unless it is up, the end of its ejection.
func (h *health) standing(now time.Time) (standing, time.Time) {
	if !h.troubled.Load() {
		return up, time.Time{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.ejectedAt.IsZero():
		return up, time.Time{}
	case now.Before(h.until) || h.trial != 0:
		return out, h.until
	}
	return ready, h.until
}

// tryTrial takes the one place in trial. It returns the number to give it back with, or 0 if it is
// taken or the upstream is not in trial.
func (h *health) tryTrial(now time.Time) uint64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ejectedAt.IsZero() || now.Before(h.until) || h.trial != 0 {
		return 0
	}
	h.trials++
	h.trial = h.trials
	return h.trial
}

// endTrial gives the place back without a verdict. After a report, it does nothing.
func (h *health) endTrial(number uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.trial == number {
		h.trial = 0
	}
}

// status returns the health now.
func (h *health) status() Status {
	h.mu.Lock()
	defer h.mu.Unlock()
	return Status{
		Healthy: h.ejectedAt.IsZero(), Until: h.until, Failures: h.failures,
		LastError: h.lastError, LastAt: h.lastAt,
	}
}
