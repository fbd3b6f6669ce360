package pool

import (
	"math/rand/v2"
	"net/http"
	"sync/atomic"
	"time"

	"millpond/settings"
)

// A Reason says why a connection was closed by us.
type Reason uint8

// The reasons, as they are counted in the statistics.
const (
	Expired       Reason = iota // idle for longer than idle_timeout, or than the server's Keep-Alive says
	Learned                     // idle for 0.8 of the learned age, or at the learned number of requests
	Lifetime                    // older than max_lifetime, or max_requests_per_connection served
	PeerClosed                  // the upstream closed it, or sent bytes that belong to no request
	LimitReached                // made room for another connection, or beyond the idle limits
	NetworkChange               // sleep, wake, or another network
	Retired                     // settings changed, or reuse = "never"
	NotReusable                 // the answer, or its end, did not leave it usable
	reasons                     // how many there are
)

// String returns the reason as the statistics name it.
func (r Reason) String() string {
	return [reasons]string{"expired", "learned", "lifetime", "peer_closed", "limit", "network_change", "retired", "not_reusable"}[r]
}

// A place is who owns a connection's slot.
type place uint8

const (
	inUse  place = iota // one or more requests, or a check before use
	idle                // the idle list
	probe               // kept past the learned age, never used
	closed              // nobody
)

// A conn is one connection to an upstream. What is not marked otherwise is
// constant after the dial.
type conn struct {
	dialled
	host *host
	id   uint64 // for the watcher
	born time.Time
	dies time.Time        // end of its lifetime; zero means none
	cc   *http.ClientConn // HTTP/2; nil for HTTP/1

	peerClosed atomic.Bool // the kernel saw the peer close

	// guarded by the group's mutex
	at           place
	inFlight     int // requests on it
	requests     int // requests it has carried
	idleSince    time.Time
	older, newer *conn // idle connections of the group by age
	draining     bool  // HTTP/2: takes no new requests
	settled      bool  // HTTP/2: the peer's SETTINGS are known
	observed     bool  // its close was reported to the origin

	// owned by whoever owns the slot
	serverIdle time.Duration // Keep-Alive: timeout, less a second; 0 when the server says nothing
	serverMax  int           // Keep-Alive: max; 0 when the server says nothing
	h1         h1State
}

// newConn wraps a connection that was just dialled.
func newConn(d *dialled, h *host, id uint64, life time.Duration) *conn {
	now := time.Now()
	c := &conn{dialled: *d, host: h, id: id, born: now, idleSince: now}
	if life > 0 {
		// +-10 %, so that connections dialled in one burst do not end in one.
		c.dies = now.Add(life + time.Duration((rand.Float64()-0.5)*0.2*float64(life)))
	}
	return c
}

// idleLimit returns for how long the connection may be idle and still be used,
// and the reason to give when it was longer. The group's mutex is held.
func (c *conn) idleLimitLocked(now time.Time) (time.Duration, Reason) {
	p := &c.host.pool
	limit, why := p.IdleTimeout, Expired
	if c.serverIdle > 0 && c.serverIdle < limit {
		limit = c.serverIdle
	}
	if p.Reuse == settings.ReuseLearned && c.cc == nil && c.requests > 0 {
		if l, _ := c.host.origin.known.Load().limit(now, c.roundTrip); l < limit {
			limit, why = l, Learned
		}
	}
	return limit, why
}

// spentLocked returns why the connection may carry no further request, if so.
func (c *conn) spentLocked(now time.Time) (Reason, bool) {
	p := &c.host.pool
	known := c.host.origin.known.Load()
	switch {
	case c.host.retired || c.host.group.retired || p.Reuse == settings.ReuseNever:
		return Retired, true
	case c.peerClosed.Load():
		return PeerClosed, true
	case c.born.Before(c.host.group.flushed):
		return NetworkChange, true
	case !c.dies.IsZero() && now.After(c.dies),
		p.MaxRequestsPerConnection > 0 && c.requests >= p.MaxRequestsPerConnection,
		c.serverMax > 0 && c.requests >= c.serverMax:
		return Lifetime, true
	case p.Reuse == settings.ReuseLearned && c.cc == nil && known.MaxRequests > 0 && c.requests >= known.MaxRequests:
		return Learned, true
	case c.cc == nil && c.requests > 0 && p.Reuse == settings.ReuseLearned && !reliable(known, now, c.roundTrip):
		return Learned, true
	}
	return 0, false
}

func reliable(l *learned, now time.Time, roundTrip time.Duration) bool {
	_, ok := l.limit(now, roundTrip)
	return ok
}

// streamsLocked returns how many more requests the connection takes now.
func (c *conn) streamsLocked() int {
	if c.cc == nil || c.at == closed || c.draining {
		return 0
	}
	if !c.settled {
		return max(0, 1-c.inFlight)
	}
	// Requests that were granted the connection and have not reserved their stream
	// yet are in our count only; streams that are being reset in net/http's only.
	taken := c.cc.InFlight()
	allowed := taken + c.cc.Available()
	return max(0, min(c.host.pool.MaxStreamsPerConnection-c.inFlight, allowed-max(taken, c.inFlight)))
}
