// Package fast is the front for the strict common case: plain HTTP/1.1 requests with a
// body of known, modest length, or none. One goroutine for each client connection reads
// a request, has proxy/exchange carry it, and writes the answer, without net/http.
//
// Everything else is handed over: the connection goes, with the bytes already read, to
// the other front (proxy/general) and stays there. The reasons are in reason.go, and
// counted. So this package decides nothing about a request but whether it is common:
// gate, route, choice, replay, outcome, count and log are the exchange's, and what is
// refused by the gate or malformed is refused by the other front.
//
// The reader is as strict as the guard that stands before net/http (listener.Strict):
// both use the parsers of proxy/wire.
package fast

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"millpond/proxy/exchange"
	"millpond/proxy/hangup"
)

const (
	// headTime is how long a head may take from its first byte to its last.
	headTime = 10 * time.Second
	// idleTime is how long a client's connection is kept without a request: as long as
	// by the other front, so that we are never the one that closes in the moment of reuse.
	idleTime = 15 * time.Minute
	// bodyProgress is how long a client may take over the next piece of a body.
	bodyProgress = 30 * time.Second
	// sweepEvery is how often these limits are looked after.
	sweepEvery = time.Second
	// lookEvery is how often waiting clients are looked at where the kernel does not
	// tell that one left.
	lookEvery = 25 * time.Millisecond
	// freshFor is how long Shutdown waits for the first request of a new connection: it
	// is on its way, as net/http reckons too.
	freshFor = 5 * time.Second
	// mostSpare is how many goroutines wait for the next connection when theirs has ended: a new
	// one would have to grow its stack first, which is a tenth of what a caller costs that
	// connects for each request.
	mostSpare = 16
)

// A Config holds what a Front needs. All but Log is required.
type Config struct {
	Exchange *exchange.Exchange
	// Give takes a connection over. It may wait.
	Give func(net.Conn)
	// Log is told of panics and of trouble with accepting; nil logs nowhere.
	Log *slog.Logger
}

// A Front serves clients. Use New.
type Front struct {
	Config
	counts   counts
	draining atomic.Bool
	clock    atomic.Int64 // Unix nanoseconds, as of the last sweep
	ids      atomic.Uint64
	look     bool // look at waiting clients, rather than be told by the kernel

	watcher *hangup.Watcher
	stop    chan struct{}  // closed when no connection is left
	support sync.WaitGroup // the goroutines that end by stop
	serving sync.WaitGroup // connections
	spare   chan *conn     // taken by a goroutine without one
	waiting atomic.Int32   // how many there are

	wrap func(context.Context) context.Context // of each connection; nil changes nothing

	served chan struct{} // closed when Serve ends

	mu       sync.Mutex // guards what follows
	ln       net.Listener
	conns    map[*conn]struct{}
	stopping bool // Shutdown was called
	shut     bool // no connection is taken any more
}

// New returns a front that serves nothing yet.
func New(c Config) *Front {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	f := &Front{Config: c, look: !hangup.Kernel, stop: make(chan struct{}), served: make(chan struct{}), spare: make(chan *conn), conns: map[*conn]struct{}{}}
	f.clock.Store(time.Now().UnixNano())
	return f
}

// WrapContextForTest has wrap change the context under which the requests of each
// connection are carried. It is called before Serve.
func (f *Front) WrapContextForTest(wrap func(context.Context) context.Context) { f.wrap = wrap }

// Serve takes connections from ln until Shutdown or an error of ln. Requests are carried
// under ctx, and cut when it ends. It is called once, and Shutdown after it.
func (f *Front) Serve(ctx context.Context, ln net.Listener) error {
	defer close(f.served)
	if err := f.begin(ctx, ln); err != nil {
		return err
	}
	pause := time.Duration(0)
	for {
		nc, err := ln.Accept()
		switch {
		case err == nil:
			pause = 0
			f.take(ctx, nc)
		case errors.Is(err, net.ErrClosed):
			return nil
		case !temporary(err):
			return err
		default: // out of descriptors, most likely: as net/http does
			pause = min(max(5*time.Millisecond, 2*pause), time.Second)
			f.Log.Warn("connections cannot be accepted", "err", err, "again_in", pause)
			f.rest(pause)
		}
	}
}

// begin starts what supports the connections, unless Shutdown came first.
func (f *Front) begin(ctx context.Context, ln net.Listener) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ln = ln
	if f.stopping {
		return ln.Close() // what was accepted is handed over: nothing watches it here
	}
	watcher, err := hangup.NewWatcher()
	if err != nil {
		return err
	}
	f.watcher = watcher
	f.support.Go(watcher.Run)
	f.support.Go(f.sweepLoop)
	f.support.Go(func() { <-f.stop; watcher.Close() })
	f.support.Go(func() { f.leaveWith(ctx) })
	return nil
}

// leaveWith ends the requests of all clients with ctx, as if they had left.
func (f *Front) leaveWith(ctx context.Context) {
	select {
	case <-ctx.Done():
		f.each(func(c *conn) { c.client.leave() })
	case <-f.stop:
	}
}

// temporary reports whether Accept may succeed later.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func (f *Front) rest(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-f.stop:
	}
}

// take serves a new connection, or gives it away.
func (f *Front) take(ctx context.Context, nc net.Conn) {
	if !f.Exchange.State().Settings.Listen.Fast {
		f.handOver(off, nc)
		return
	}
	c := newConn(ctx, f, nc)
	if c == nil {
		f.handOver(unwatched, nc)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.shut {
		f.watcher.Remove(c.id)
		nc.Close()
		return
	}
	f.conns[c] = struct{}{}
	if ctx.Err() != nil { // leaveWith may have been there before
		c.client.leave()
	}
	f.serving.Add(1)
	select {
	case f.spare <- c:
	default:
		f.support.Go(func() { f.work(c) })
	}
}

// work serves c, and then others as long as they come.
func (f *Front) work(c *conn) {
	for {
		c.serve()
		f.serving.Done()
		if f.waiting.Add(1) > mostSpare {
			f.waiting.Add(-1)
			return
		}
		select {
		case c = <-f.spare:
			f.waiting.Add(-1)
		case <-f.stop:
			return
		}
	}
}

func (f *Front) handOver(why reason, nc net.Conn) {
	f.counts.handed[why].Add(1)
	f.Give(nc)
}

// Drain makes every further answer end its connection, which says "Connection: close"
// first. Connections without a request stay open until Shutdown.
func (f *Front) Drain() { f.draining.Store(true) }

// Shutdown stops accepting, closes connections without a request, waits for requests in
// flight until ctx ends, and then cuts them. It returns once all have ended.
func (f *Front) Shutdown(ctx context.Context) error {
	f.Drain()
	f.mu.Lock()
	again := f.stopping
	f.stopping = true
	ln := f.ln
	f.mu.Unlock()
	if ln != nil {
		ln.Close()
		select {
		case <-f.served: // what was accepted before is taken, and served
		case <-ctx.Done():
		}
	}
	f.mu.Lock()
	f.shut = true
	f.mu.Unlock()
	done := make(chan struct{})
	go func() { f.serving.Wait(); close(done) }()
	err := f.outlast(ctx, done)
	if !again {
		close(f.stop)
	}
	f.support.Wait()
	return err
}

// outlast waits for done, and closes meanwhile what becomes idle. At the end of ctx it
// cuts what is left.
func (f *Front) outlast(ctx context.Context, done <-chan struct{}) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		f.each(func(c *conn) { c.endIdle() })
		select {
		case <-done:
			return nil
		case <-tick.C:
		case <-ctx.Done():
			f.each(func(c *conn) { c.cut() })
			<-done
			return ctx.Err()
		}
	}
}

// each calls do for every connection. It must not block.
func (f *Front) each(do func(*conn)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.conns {
		do(c)
	}
}

// forget takes a connection off all lists: nothing but its own goroutine touches it then.
func (f *Front) forget(c *conn) {
	f.watcher.Remove(c.id)
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, c)
}

// sweepLoop ends what takes too long: no request has a timer of its own.
func (f *Front) sweepLoop() {
	every := sweepEvery
	if f.look {
		every = lookEvery
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-f.stop:
			return
		case now := <-tick.C:
			f.sweep(now)
		}
	}
}

func (f *Front) sweep(now time.Time) {
	last := f.clock.Load()
	if due := now.UnixNano(); due-last >= int64(sweepEvery) || !f.look {
		f.clock.Store(due)
		f.each(func(c *conn) { c.expire(due) })
	}
	if f.look {
		f.each(func(c *conn) { c.lookAt() })
	}
}

// rescue keeps a mistake of ours within one connection.
func (f *Front) rescue(remote string) {
	if p := recover(); p != nil {
		f.counts.panics.Add(1)
		f.Log.Error("panic serving a connection", "remote", remote, "panic", p, "stack", string(debug.Stack()))
	}
}
