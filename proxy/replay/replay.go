// Package replay decides whether a request that failed may be sent again.
//
// The rule is short, because a proxy must not repeat a request that may have been
// executed (RFC 9110, section 9.2.2): for a call to a language model that would be
// a second bill, for a tool call a second deed.
//
//	class  what happened                                              sent again
//	A      no byte of the request left: the connection was not        any method, within
//	       made, or the first write failed                            the dial budget
//	B      HTTP/2: the peer states that it did not process it         any method, 3 times
//	C      a safe method, or a route its operator marked idempotent,  once
//	       on a connection that was reused, and no byte came back
//	-      everything else                                            never
//
// And only while nothing of an answer went to the client, the client is there, and
// the whole body is at hand. A replay always takes a new connection: the siblings
// of a dead one are likely dead as well.
//
// What is not proof: that the connection was used before (the server may have read
// the request and then closed), or that a FIN was seen and nothing acknowledged
// (it ran 53 to 85 of 1,600 requests twice, against servers that close one half
// and still execute).
//
// The functions here are pure; Budget, Ledger and Memory are the small states
// that they rest on.
package replay

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Class says why a request may be sent again.
type Class uint8

// The classes of the package comment.
const (
	None Class = iota
	A
	B
	C
)

// String returns the class as the statistics and the log name it; "" for None.
func (c Class) String() string { return [...]string{"", "a", "b", "c"}[c] }

// BodyState says what is left of the request's body.
type BodyState uint8

// The states of a body. The zero value is the cautious one.
const (
	BodyGone      BodyState = iota // part of it was read from the client and not kept
	BodyUntouched                  // nothing of it was read yet
	BodyWhole                      // all of it is in memory, or there is none
)

// Facts are what is known about a failed attempt. The zero value allows nothing.
type Facts struct {
	Method     string
	Idempotent bool // the operator vouches that repeating does no harm
	Body       BodyState

	NotSent  bool // not a byte of the request was written to the connection
	Refused  bool // the peer states that it did not process the request
	Reused   bool // the connection had been used or idle before
	Answered bool // a byte of an answer was read
	Lasting  bool // trying again cannot help: a certificate, credentials, the settings

	Started    bool // a byte of an answer went to the client
	ClientGone bool
}

// Limits of replays of one request.
const (
	MaxB = 3
	MaxC = 1
)

// Made counts the replays of one request so far, and the dials it may still fail.
type Made struct {
	A, B, C int
	MaxA    int // the dial budget: failover attempts less the first
}

// Decide returns the class under which the request may be sent again, or None.
func Decide(f Facts, made Made) Class {
	if f.Started || f.ClientGone || f.Lasting || f.Body == BodyGone {
		return None
	}
	switch {
	case f.NotSent:
		if made.A < made.MaxA {
			return A
		}
	case f.Refused:
		if made.B < MaxB && f.Body == BodyWhole {
			return B
		}
	case f.Reused && !f.Answered && (Safe(f.Method) || f.Idempotent):
		if made.C < MaxC && f.Body == BodyWhole {
			return C
		}
	}
	return None
}

// Ambiguous reports whether the request may have been executed without an answer:
// the failures that a proxy cannot hide.
func Ambiguous(f Facts) bool {
	return !f.NotSent && !f.Refused && !f.Started && !f.ClientGone
}

// Count adds a replay of class c.
func (m *Made) Count(c Class) {
	switch c {
	case A:
		m.A++
	case B:
		m.B++
	case C:
		m.C++
	}
}

// Total is the number of replays.
func (m *Made) Total() int { return m.A + m.B + m.C }

// Safe reports whether a method is safe (RFC 9110, section 9.2.1), so that a
// client expects no effect of it, once or twice. PUT and DELETE are idempotent by
// the letter and left out: nobody sends them for their answer alone.
func Safe(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

// Pause is the jittered wait before the n-th replay of class B, counted from 1: a
// peer that refuses streams is busy, and its other clients were refused as well.
func Pause(n int) time.Duration {
	full := 10 * time.Millisecond << min(n, 6)
	return full/2 + rand.N(full/2)
}

// A Budget bounds the replays to one upstream: a fifth of its requests and ten a
// second besides, so that an outage is not answered with a storm. Use NewBudget.
type Budget struct {
	mu     sync.Mutex // guards what follows
	tokens float64
	at     time.Time
}

const (
	perRequest = 0.2
	perSecond  = 10
	budgetCap  = 100
)

// NewBudget returns a budget that holds one second's worth.
func NewBudget(now time.Time) *Budget { return &Budget{tokens: perSecond, at: now} }

// Request counts a request.
func (b *Budget) Request(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refillLocked(now)
	b.tokens = min(budgetCap, b.tokens+perRequest)
}

// Take takes a replay out of the budget and reports whether there was one.
func (b *Budget) Take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refillLocked(now)
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

func (b *Budget) refillLocked(now time.Time) {
	if d := now.Sub(b.at); d > 0 {
		b.tokens = min(budgetCap, b.tokens+perSecond*d.Seconds())
		b.at = now
	}
}

// A Ledger counts what was replayed and what was not. The zero value is ready.
type Ledger struct {
	a, b, c, ambiguous, overBudget atomic.Uint64
}

// Counts are the figures of a Ledger.
type Counts struct {
	A, B, C    uint64 // replays by class
	Ambiguous  uint64 // failures that were not replayed since the request may have run
	OverBudget uint64 // replays that were allowed but for the budget
}

// Replayed counts a replay.
func (l *Ledger) Replayed(c Class) {
	switch c {
	case A:
		l.a.Add(1)
	case B:
		l.b.Add(1)
	case C:
		l.c.Add(1)
	}
}

// Ambiguous counts a failure that may have been executed.
func (l *Ledger) Ambiguous() { l.ambiguous.Add(1) }

// OverBudget counts a replay that the budget forbade.
func (l *Ledger) OverBudget() { l.overBudget.Add(1) }

// Counts returns the figures.
func (l *Ledger) Counts() Counts {
	return Counts{A: l.a.Load(), B: l.b.Load(), C: l.c.Load(), Ambiguous: l.ambiguous.Load(), OverBudget: l.overBudget.Load()}
}
