package pool

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// settle is how long a connection to an origin that has not proved itself rests
	// before its first reuse. Servers that close after each answer without saying so
	// send the FIN within a millisecond or two of the answer; the wait is paid until
	// one connection has stayed open for it, usually once.
	settle = 10 * time.Millisecond
	// retireAt is the part of the learned age at which a connection is retired. At
	// 0.8, 25,600 requests with mixed gaps lost none and reused as much as before.
	retireAt = 0.8
	// learnFloor is the shortest age worth keeping a connection for.
	learnFloor = 50 * time.Millisecond
	// growth is how much a learned age grows back in an hour without being seen again.
	growth = 1.10
	// firmFor is how long an age that was seen twice stands against a probe that
	// outlives it: behind one name there may be servers with different ages.
	firmFor = time.Hour
	// firmWithin is how close two ages are that confirm each other.
	firmWithin = 0.15
)

// learned is what is known about an origin's idle closes. The zero value knows
// nothing. It is never modified once published.
type learned struct {
	CloseAge    time.Duration `json:"close_age"`    // shortest idle age at which it was seen to close; 0 unknown
	At          time.Time     `json:"at"`           // when that was last seen
	Firm        bool          `json:"firm"`         // seen twice, apart in time
	Proven      bool          `json:"proven"`       // a connection stayed open for settle after an answer
	MaxRequests int           `json:"max_requests"` // it closes after so many requests without saying so; 0 unknown
	HTTP        uint8         `json:"http"`         // 1 or 2 as last negotiated; 0 unknown
}

// age returns the learned age as of now, grown back since it was last seen.
func (l *learned) age(now time.Time) time.Duration {
	hours := now.Sub(l.At).Hours()
	if hours < 0.1 {
		return l.CloseAge
	}
	return time.Duration(float64(l.CloseAge) * math.Pow(growth, min(hours, 240)))
}

// limit returns for how long a connection may be idle and still be used, and
// whether that is worth anything: false means that keep-alive is unreliable here.
// No limit is known while CloseAge is 0.
func (l *learned) limit(now time.Time, roundTrip time.Duration) (d time.Duration, reliable bool) {
	if l.CloseAge == 0 {
		return math.MaxInt64, true
	}
	d = time.Duration(retireAt*float64(l.age(now))) - roundTrip
	return d, d >= learnFloor
}

// An origin learns from what its connections were seen to do. Reading is one
// atomic load.
type origin struct {
	known atomic.Pointer[learned] // never nil

	mu    sync.Mutex // guards early, and serialises changes of known
	early earlyCloses
}

// earlyCloses are those that came too soon after an answer to be idle closes,
// since the last connection that survived.
type earlyCloses struct {
	requests int // served by the last such connection
	same     int // in a row with that number
	total    int
}

func newOrigin(l learned) *origin {
	o := &origin{}
	o.known.Store(&l)
	return o
}

func (o *origin) update(change func(*learned)) {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := *o.known.Load()
	change(&next)
	o.known.Store(&next)
}

// closedIdle records that the peer closed a connection that had been idle for
// age after its requests-th answer. Closes in flight are no evidence and must not
// be reported.
func (o *origin) closedIdle(age time.Duration, requests int, now time.Time) {
	o.update(func(l *learned) {
		if age < settle && requests > 0 {
			o.closedEarlyLocked(l, requests, now)
			return
		}
		known := l.age(now)
		near := l.CloseAge > 0 && math.Abs(float64(age-l.CloseAge)) <= firmWithin*float64(l.CloseAge)
		switch {
		case near:
			// Two connections that went idle together and close together are one
			// observation (a restart looks like that), so they must be apart in time.
			l.Firm = l.Firm || now.Sub(l.At) >= max(time.Second, age)
			l.CloseAge, l.At = min(age, l.CloseAge), now
		case l.CloseAge == 0 || age < known:
			l.CloseAge, l.At, l.Firm = max(age, time.Millisecond), now, false
		}
	})
}

// closedEarlyLocked handles a close right behind an answer: the server limits
// requests per connection, to one or to some number, and does not say so.
func (o *origin) closedEarlyLocked(l *learned, requests int, now time.Time) {
	l.Proven = false
	e := &o.early
	if e.requests == requests {
		e.same++
	} else {
		e.requests, e.same = requests, 1
	}
	e.total++
	switch {
	case requests > 1 && e.same >= 2:
		l.MaxRequests = requests
	case requests == 1 && e.same >= 2, e.total >= 5:
		l.CloseAge, l.At, l.Firm = time.Millisecond, now, false
	}
}

// survived records that a connection was found open after age idle.
func (o *origin) survived(age time.Duration) {
	if age < settle || o.known.Load().Proven {
		return
	}
	o.update(func(l *learned) {
		l.Proven = true
		o.early = earlyCloses{}
	})
}

// outlived records that a probe, kept past what was learned, is still open after
// age idle and requests answers: what it outlived is refuted.
func (o *origin) outlived(age time.Duration, requests int, now time.Time) {
	l := o.known.Load()
	raises := l.CloseAge > 0 && age > l.age(now) && !(l.Firm && now.Sub(l.At) < firmFor)
	refutes := l.MaxRequests > 0 && requests >= l.MaxRequests && age >= time.Second
	if !raises && !refutes {
		return
	}
	o.update(func(l *learned) {
		if raises {
			l.CloseAge, l.At, l.Firm = age, now, false
		}
		if refutes {
			l.MaxRequests = 0
		}
	})
}

// speaks records the protocol that was negotiated.
func (o *origin) speaks(version uint8) {
	if o.known.Load().HTTP != version {
		o.update(func(l *learned) { l.HTTP = version })
	}
}
