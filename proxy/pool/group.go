package pool

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"millpond/proxy/hangup"
	"millpond/settings"
)

// A group is one domain of admission: its limits hold over all its hosts.
type group struct {
	m     *Manager
	scope scopeKey

	mu      sync.Mutex // guards all that follows, and the marked parts of hosts, conns and waiters
	limits  settings.Pool
	hosts   map[Key]*host
	last    *host // that was asked for last
	open    int   // slots taken: connections open or being dialled
	idle    int   // of these, idle or probes
	oldest  *conn
	newest  *conn // idle connections, linked by age
	tickets uint64
	queuing map[*host]struct{} // hosts with waiters
	doomed  []*conn            // to be closed once the mutex is free
	retired bool               // the pool is closed: nothing is kept
	used    time.Time
	flushed time.Time // connections older than this are not kept
	gone    bool      // the manager forgot it: ask for another
}

// A host is one key within a group.
type host struct {
	group    *group
	key      Key
	target   Target
	upstream string
	origin   *origin
	counts   *counts

	// guarded by the group's mutex
	pool    settings.Pool
	idle    []*conn // HTTP/1, by age, newest last
	multi   []*conn // HTTP/2, all
	probe   *conn
	open    int
	dialing int
	queue   queue
	retired bool // its upstream is gone or changed: nothing is kept
	used    time.Time
	burst   burstMeter
	warmAt  time.Time // no warming before this
}

var (
	errClosed    = errors.New("the pool is closed")
	errQueueFull = errors.New("too many requests are waiting for a connection")
	errWait      = errors.New("no connection came free in time")
	errNoStreams = errors.New("the peer allows no streams")
	errMoved     = errors.New("the manager forgot the group") // ask for another
)

// unlock frees the mutex and closes what was dropped under it: closing a TLS
// connection writes to the network.
func (g *group) unlock() {
	doomed := g.doomed
	g.doomed = nil
	g.mu.Unlock()
	for _, c := range doomed {
		c.close()
	}
}

func (g *group) hostLocked(t *Target) *host {
	key := t.Key()
	if g.last != nil && g.last.key == key {
		return g.last
	}
	h := g.hosts[key]
	if h == nil {
		h = &host{group: g, key: key, target: *t, upstream: t.Upstream, pool: t.Pool, origin: g.m.originOf(key), counts: g.m.countsOf(t.Upstream)}
		g.hosts[key] = h
	}
	g.last = h
	return h
}

// multiplexed reports whether one dial at a time is right: the host speaks
// HTTP/2, or may.
func (h *host) multiplexed() bool {
	switch {
	case h.pool.Protocol == settings.ProtocolHTTP2:
		return true
	case h.pool.Protocol == settings.ProtocolHTTP1 || h.key.scheme != "https":
		return false
	}
	return h.origin.known.Load().HTTP != 1
}

// takeLocked gives a connection that is there, or nil.
func (g *group) takeLocked(h *host, fresh bool, now time.Time) *conn {
	if fresh || h.queue.firstFor(false) != nil {
		return nil
	}
	if c := h.leastLoadedLocked(now); c != nil {
		g.useLocked(c)
		return c
	}
	for n := len(h.idle); n > 0; n = len(h.idle) {
		c := h.idle[n-1]
		if why, over := c.overdueLocked(now); over {
			g.expireLocked(c, why)
			continue
		}
		g.useLocked(c)
		return c
	}
	return nil
}

// overdueLocked returns why an idle connection must not be used again, if so.
func (c *conn) overdueLocked(now time.Time) (Reason, bool) {
	if why, spent := c.spentLocked(now); spent {
		return why, true
	}
	limit, why := c.idleLimitLocked(now)
	return why, now.Sub(c.idleSince) > limit
}

// leastLoadedLocked picks the HTTP/2 connection with the fewest requests.
func (h *host) leastLoadedLocked(now time.Time) *conn {
	var best *conn
	for _, c := range h.multi {
		if c.at == idle {
			if why, over := c.overdueLocked(now); over {
				h.group.expireLocked(c, why)
				return h.leastLoadedLocked(now)
			}
			if c.uselessLocked() {
				h.group.dropLocked(c, PeerClosed)
				return h.leastLoadedLocked(now)
			}
		} else if _, spent := c.spentLocked(now); spent {
			c.draining = true
		}
		if c.streamsLocked() > 0 && (best == nil || c.inFlight < best.inFlight) {
			best = c
		}
	}
	return best
}

// useLocked counts a request on c.
func (g *group) useLocked(c *conn) {
	if c.at == idle {
		g.unlinkLocked(c)
	}
	c.at = inUse
	c.inFlight++
	c.requests++
}

// queueLocked lets w stand in h's queue, and starts the dials that are now
// wanted and have room. It reports false when too many wait without a dial.
func (g *group) queueLocked(h *host, w *waiter) bool {
	w.patience = h.pool.WaitTimeout
	if w.ticket == 0 {
		g.tickets++
		w.ticket = g.tickets
		h.queue.push(w)
	} else {
		h.queue.pushFront(w) // it had its turn, and got a connection that was dead
	}
	g.queuing[h] = struct{}{}
	g.serveLocked()
	if w.queued && g.waitingLocked() > g.limits.MaxWaiting {
		g.leaveLocked(h, w)
		return false
	}
	return true
}

func (g *group) leaveLocked(h *host, w *waiter) {
	h.queue.remove(w)
	if h.queue.len() == 0 {
		delete(g.queuing, h)
	}
}

// waitingLocked counts the waiters for which no dial is under way.
func (g *group) waitingLocked() int {
	n := 0
	for h := range g.queuing {
		n += max(0, h.queue.len()-h.expectedLocked())
	}
	return n
}

// expectedLocked is how many requests the dials under way will take.
func (h *host) expectedLocked() int {
	if h.multiplexed() {
		return (h.dialing + h.unsettledLocked()) * h.pool.MaxStreamsPerConnection
	}
	return h.dialing
}

// unsettledLocked counts the HTTP/2 connections of which it is not known yet how
// many streams they take. Until then they take one.
func (h *host) unsettledLocked() int {
	n := 0
	for _, c := range h.multi {
		if !c.settled {
			n++
		}
	}
	return n
}

// serveLocked starts the dials that waiters want, the longest waiting first,
// while there is room.
func (g *group) serveLocked() {
	for len(g.queuing) > 0 {
		var next *host
		for h := range g.queuing {
			if h.wantsDialLocked() && g.hostHasRoomLocked(h) && (next == nil || h.queue.first().ticket < next.queue.first().ticket) {
				next = h
			}
		}
		if next == nil || !g.makeRoomLocked(next) {
			return
		}
		g.dialLocked(next)
	}
}

func (h *host) wantsDialLocked() bool {
	if h.multiplexed() {
		return h.dialing == 0 && h.queue.len() > 0 && h.unsettledLocked() == 0
	}
	return h.dialing < h.queue.len()
}

// hostHasRoomLocked reports whether h may have one more connection, if need be
// in place of an idle one of its own.
func (g *group) hostHasRoomLocked(h *host) bool {
	limit := h.pool.MaxConnectionsPerHost
	return limit == 0 || h.open < limit || h.oldestIdleLocked() != nil
}

// makeRoomLocked sees to it that one more connection to h stays within all
// limits: idle connections make room, the least recently used first.
func (g *group) makeRoomLocked(h *host) bool {
	if limit := h.pool.MaxConnectionsPerHost; limit > 0 && h.open >= limit {
		g.squeezeLocked(h.oldestIdleLocked(), MaxConnectionsPerHost)
	}
	if limit := g.limits.MaxConnections; limit > 0 && g.open >= limit {
		if g.oldest == nil {
			return false
		}
		g.squeezeLocked(g.oldest, MaxConnections)
	}
	return true
}

func (h *host) oldestIdleLocked() *conn {
	if h.probe != nil {
		return h.probe
	}
	if len(h.idle) > 0 {
		return h.idle[0]
	}
	for _, c := range h.multi {
		if c.at == idle {
			return c
		}
	}
	return nil
}

// dialLocked takes a slot and dials for h.
func (g *group) dialLocked(h *host) {
	g.open++
	h.open++
	h.dialing++
	h.counts.dials.Add(1)
	if n := h.target.Dialled; n != nil {
		n.Add(1)
	}
	upTo, single, target := g.tickets, h.multiplexed(), h.target
	if !g.m.start(func(ctx context.Context) { g.dial(ctx, h, target, upTo, single) }) {
		g.dialFailedLocked(h, upTo, single, &Failure{Phase: PhaseDial, Code: CodeShutdown, Err: errClosed})
	}
}

// dial runs in its own goroutine. Whoever waits longest gets what comes of it.
func (g *group) dial(ctx context.Context, h *host, target Target, upTo uint64, single bool) {
	c, err := g.connect(ctx, h, target)
	if g.dialOver(h, c, upTo, single, err) && c.cc != nil {
		c.cc.SetStateHook(func(*http.ClientConn) { g.changed(c) })
	}
}

// connect makes a connection. A panic in it, as over what a peer sent, is a dial that failed.
func (g *group) connect(ctx context.Context, h *host, target Target) (c *conn, err error) {
	defer func() {
		if err == nil {
			return
		}
		if err = dialFailure(err); c != nil {
			c.raw.Close()
		}
	}()
	defer g.m.rescue("dial", &err)
	start := time.Now()
	d, err := g.m.dial(ctx, target)
	if err != nil {
		return nil, err
	}
	d.took = time.Since(start)
	c = newConn(d, h, g.m.nextID(), target.Pool.MaxLifetime)
	if d.http2 {
		err = c.startHTTP2(ctx)
	}
	return c, err
}

// dialOver hands out what came of a dial, and reports whether that is a connection.
func (g *group) dialOver(h *host, c *conn, upTo uint64, single bool, err error) (made bool) {
	g.mu.Lock()
	defer g.unlock()
	if err == nil && c.cc != nil && c.uselessLocked() {
		err = &Failure{Phase: PhaseDial, Code: CodeRefused, Err: errNoStreams}
		g.doomed = append(g.doomed, c)
	}
	if err != nil {
		g.dialFailedLocked(h, upTo, single, err)
		return false
	}
	defer func() {
		if !made { // a panic unwinds
			g.dropLocked(c, NotReusable)
		}
	}()
	g.dialDoneLocked(c)
	return true
}

func (g *group) dialDoneLocked(c *conn) {
	h := c.host
	h.dialing--
	h.counts.connected(&c.dialled)
	version := uint8(1)
	if c.cc != nil {
		version = 2
		h.multi = append(h.multi, c)
	} else {
		g.m.watch(c)
	}
	if h.pool.Protocol == settings.ProtocolAuto {
		h.origin.speaks(version)
	}
	g.offerLocked(c, true)
	g.serveLocked()
}

// changed is called when an HTTP/2 connection was closed or takes more requests.
// It may be called from within calls on c.cc, so none is made under the mutex.
func (g *group) changed(c *conn) {
	defer g.m.rescue("state", nil)
	g.mu.Lock()
	defer g.unlock()
	switch {
	case c.at == closed:
		return
	case c.inFlight == 0 && (c.cc.Err() != nil || c.uselessLocked()):
		g.dropLocked(c, PeerClosed)
	case c.cc.Err() == nil:
		g.offerLocked(c, false)
	default:
		c.draining = true
	}
	g.serveLocked()
}

// settled is called when it is known how many streams c takes. To those who want a
// new connection it still is one.
func (g *group) settled(c *conn) {
	defer g.m.rescue("settle", nil)
	g.mu.Lock()
	defer g.unlock()
	if c.settled {
		return
	}
	c.settled = true
	switch {
	case c.at == closed || !slices.Contains(c.host.multi, c): // gone, or not yet there
		return
	case c.inFlight == 0 && c.uselessLocked():
		g.dropLocked(c, PeerClosed)
	default:
		g.offerLocked(c, true)
	}
	g.serveLocked()
}

// dialFailedLocked gives the slot back and the error to whom it concerns: the
// one who waits longest, or, where one dial was made for all, all that waited
// when it began.
func (g *group) dialFailedLocked(h *host, upTo uint64, single bool, err error) {
	h.dialing--
	h.open--
	g.open--
	h.warmAt = time.Now().Add(warmRetry)
	h.counts.dialErrors.Add(1)
	for w := h.queue.first(); w != nil && w.ticket <= upTo; w = h.queue.first() {
		g.grantLocked(h, w, grant{err: err})
		if !single {
			break
		}
	}
	g.serveLocked()
}

// offerLocked gives c, which carries no request or is an HTTP/2 connection with
// room, to those who wait, and else keeps it idle. isNew says that it was just dialled.
func (g *group) offerLocked(c *conn, isNew bool) {
	h := c.host
	for {
		w := h.queue.firstFor(isNew)
		if w == nil || (c.cc != nil && c.streamsLocked() == 0) || (c.cc == nil && c.inFlight > 0) {
			break
		}
		g.useLocked(c)
		g.grantLocked(h, w, grant{c: c, dialled: isNew})
		if c.cc == nil {
			return
		}
	}
	if c.inFlight == 0 {
		g.keepLocked(c)
	}
}

func (g *group) grantLocked(h *host, w *waiter, what grant) {
	g.leaveLocked(h, w)
	w.granted <- what // has room for one, and a waiter is granted once
}

// takeBack returns a connection whose request was never sent.
func (g *group) takeBack(c *conn) {
	g.mu.Lock()
	defer g.unlock()
	g.takeBackLocked(c, false)
}

// takeBackLocked finds an unused connection its next owner. It has been idle
// since it was before, which its age is reckoned from. untouched says that it was
// just dialled, so that it may serve those who need a new one.
func (g *group) takeBackLocked(c *conn, untouched bool) {
	c.requests--
	since := c.idleSince
	g.returnLocked(c, true, since, time.Now(), untouched)
}

// usable reports whether c may carry the request now. Connections that just came
// from the dial may; others are looked at once more, after the origin had time to
// show that it closes. Where that is cheaper it is done in the moment of writing: l is
// then unseen.
func (g *group) usable(ctx context.Context, l *Lease) bool {
	c := l.c
	if c.cc != nil {
		return c.cc.Reserve() == nil
	}
	if !l.Reused {
		return true
	}
	l.age = l.at.Sub(c.idleSince)
	if used := c.requests > 1; used && l.age < settle && !c.host.origin.known.Load().Proven {
		if !rest(ctx, settle-l.age) {
			return false
		}
		l.age = settle
	}
	if c.peerClosed.Load() {
		return false
	}
	if l.unseen = l.asks(); l.unseen {
		return true
	}
	return l.look()
}

// look reports whether an idle connection is found open and silent.
func (l *Lease) look() bool {
	if !l.g.quiet(l.c) {
		return false
	}
	l.seen()
	return true
}

// seen says that it was.
func (l *Lease) seen() {
	if l.c.requests > 1 {
		l.c.host.origin.survived(l.age)
	}
	if l.unseen {
		l.unseen = false
		l.c.host.counts.reused.Add(1)
	}
}

// quiet is c.quiet, where a panic over what the peer sent says no.
func (g *group) quiet(c *conn) (ok bool) {
	defer g.m.rescue("look", nil)
	return c.quiet()
}

// rest waits for d and reports whether ctx allowed it to.
func rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// discardStale drops a connection that was found dead before use, and looks at
// its idle siblings: they are likely to have died with it.
func (g *group) discardStale(c *conn) {
	h := c.host
	g.mu.Lock()
	c.inFlight--
	c.requests--
	if c.cc != nil {
		g.returnRefusedLocked(c)
		g.unlock()
		return
	}
	g.lostLocked(c)
	g.observeCloseLocked(c)
	g.dropLocked(c, PeerClosed)
	siblings := append([]*conn(nil), h.idle...)
	for _, s := range siblings {
		g.unlinkLocked(s)
		s.at = inUse
	}
	g.unlock()

	alive := siblings[:0]
	var dead []*conn
	for _, s := range siblings {
		if g.quiet(s) {
			alive = append(alive, s)
		} else {
			dead = append(dead, s)
		}
	}
	g.mu.Lock()
	for _, s := range dead {
		g.lostLocked(s)
		g.observeCloseLocked(s)
		g.dropLocked(s, PeerClosed)
	}
	for _, s := range alive {
		g.offerLocked(s, false)
	}
	g.serveLocked()
	g.unlock()
}

// returnRefusedLocked is for an HTTP/2 connection that took no request although
// it had seemed to: it was closed, or its peer lowered the number of streams.
func (g *group) returnRefusedLocked(c *conn) {
	if c.cc.Err() != nil {
		c.draining = true
	}
	switch {
	case c.inFlight > 0:
	case c.draining || c.uselessLocked():
		g.dropLocked(c, PeerClosed)
	default:
		c.idleSince = time.Now()
		g.keepLocked(c)
	}
	g.serveLocked()
}

// observeCloseLocked tells the origin that c was closed by the peer while idle.
func (g *group) observeCloseLocked(c *conn) {
	if c.observed || c.requests == 0 || !(c.peerClosed.Load() || hangup.Peek(c.raw.sys) == hangup.Closed) {
		return
	}
	c.observed = true
	now := time.Now()
	c.host.origin.closedIdle(now.Sub(c.idleSince), c.requests, now)
}

// release ends one request on c. reusable says that its answer came to its end,
// that the request was written whole, and that the server keeps the connection.
func (g *group) release(c *conn, reusable bool) {
	g.mu.Lock()
	defer g.unlock()
	c.host.endLocked()
	now := time.Now()
	g.returnLocked(c, reusable, now, now, false)
}

// returnLocked takes a request off c, which is idle since the time given, and
// finds c its next owner.
func (g *group) returnLocked(c *conn, reusable bool, since, now time.Time, untouched bool) {
	c.inFlight--
	if c.cc != nil {
		g.returnStreamLocked(c, since)
		return
	}
	c.idleSince = since
	why, spent := c.spentLocked(now)
	switch {
	case !reusable:
		g.dropLocked(c, NotReusable)
	case spent && why == PeerClosed:
		g.observeCloseLocked(c)
		g.dropLocked(c, why)
	case spent:
		c.at = inUse
		g.expireLocked(c, why)
	default:
		g.offerLocked(c, untouched)
	}
	g.serveLocked()
}

// returnStreamLocked is returnLocked for HTTP/2, where the connection may carry
// others.
func (g *group) returnStreamLocked(c *conn, now time.Time) {
	why, spent := c.spentLocked(now)
	if spent {
		c.draining = true
	}
	switch {
	case c.at == closed:
	case c.inFlight == 0 && (c.draining || c.cc.Err() != nil || c.uselessLocked()):
		if !spent {
			why = PeerClosed
		}
		g.dropLocked(c, why)
	default:
		if c.inFlight == 0 {
			c.idleSince = now
		}
		g.offerLocked(c, false)
	}
	g.serveLocked()
}

// keepLocked puts c on the idle list, within the limits.
func (g *group) keepLocked(c *conn) {
	h := c.host
	if c.at == idle {
		return
	}
	if h.retired || g.retired || h.pool.Reuse == settings.ReuseNever {
		g.dropLocked(c, Retired)
		return
	}
	if over := g.limits.MaxConnections; over > 0 && g.open > over {
		g.dropLocked(c, LimitReached)
		return
	}
	if over := h.pool.MaxConnectionsPerHost; over > 0 && h.open > over {
		g.dropLocked(c, LimitReached)
		return
	}
	g.linkLocked(c, idle)
	for h.idleCountLocked() > h.pool.MaxIdlePerHost {
		g.squeezeLocked(h.oldestIdleLocked(), MaxIdlePerHost)
	}
	for g.idle > g.limits.MaxIdle && g.oldest != nil {
		g.squeezeLocked(g.oldest, MaxIdle)
	}
}

func (h *host) idleCountLocked() int {
	n := len(h.idle)
	if h.probe != nil {
		n++
	}
	for _, c := range h.multi {
		if c.at == idle {
			n++
		}
	}
	return n
}

// expireLocked takes an idle connection out of use. One that outlived only what
// was learned stays open as the host's probe.
func (g *group) expireLocked(c *conn, why Reason) {
	h := c.host
	if why == Expired && c.serverIdle > 0 && c.serverIdle < h.pool.IdleTimeout {
		h.counts.limits.hinted.Add(1)
	}
	if why == Learned && h.probe == nil && !h.retired && !g.retired && h.pool.MaxIdlePerHost > 0 && g.idle <= g.limits.MaxIdle {
		if c.at == idle {
			g.unlinkLocked(c)
		}
		h.counts.evicted[Learned].Add(1)
		g.linkLocked(c, probe)
		return
	}
	g.dropLocked(c, why)
}

// dropLocked gives c's slot back and has it closed.
func (g *group) dropLocked(c *conn, why Reason) {
	h := c.host
	switch c.at {
	case closed:
		return
	case idle:
		g.unlinkLocked(c)
		h.counts.evicted[why].Add(1)
	case probe:
		g.unlinkLocked(c) // counted when it became one
	default:
		h.counts.evicted[why].Add(1)
	}
	for i, m := range h.multi {
		if m == c {
			h.multi = append(h.multi[:i], h.multi[i+1:]...)
			break
		}
	}
	c.at = closed
	h.open--
	g.open--
	g.doomed = append(g.doomed, c)
}

// linkLocked puts c among the idle connections, as the newest.
func (g *group) linkLocked(c *conn, at place) {
	h := c.host
	c.at = at
	g.idle++
	c.older, c.newer = g.newest, nil
	if g.newest != nil {
		g.newest.newer = c
	} else {
		g.oldest = c
	}
	g.newest = c
	switch {
	case at == probe:
		h.probe = c
	case c.cc == nil:
		h.idle = append(h.idle, c)
	}
}

func (g *group) unlinkLocked(c *conn) {
	h := c.host
	g.idle--
	if c.older != nil {
		c.older.newer = c.newer
	} else {
		g.oldest = c.newer
	}
	if c.newer != nil {
		c.newer.older = c.older
	} else {
		g.newest = c.older
	}
	c.older, c.newer = nil, nil
	if c.at == probe {
		h.probe = nil
		return
	}
	for i := len(h.idle) - 1; i >= 0; i-- {
		if h.idle[i] == c {
			h.idle = append(h.idle[:i], h.idle[i+1:]...)
			break
		}
	}
}

// HungUp is called when the kernel says that the peer closed the connection.
func (c *conn) HungUp() {
	defer c.host.group.m.rescue("watch", nil)
	c.host.group.peerClosed(c)
}

// peerClosed is called when the kernel says that the peer closed c.
func (g *group) peerClosed(c *conn) {
	c.peerClosed.Store(true)
	g.mu.Lock()
	defer g.unlock()
	if c.at != idle && c.at != probe {
		return // whoever uses it will see
	}
	if c.requests == 0 {
		c.host.warmAt = time.Now().Add(warmRetry)
	}
	g.lostLocked(c)
	g.observeCloseLocked(c)
	g.dropLocked(c, PeerClosed)
	g.serveLocked()
}
