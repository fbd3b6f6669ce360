package proxy

import (
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// mostPending bounds what an outlet holds for a writer that does not keep up: bytes.
	mostPending = 1 << 20
	// gather is how long lines are collected after a write, under load.
	gather = 20 * time.Millisecond
)

// An outlet writes lines to a writer from a goroutine of its own.
type outlet struct {
	to      io.Writer
	wake    chan struct{} // holds one: there is something to write
	stop    chan struct{} // closed by close
	done    chan struct{} // closed when the goroutine has ended
	dropped atomic.Int64  // lines

	mu      sync.Mutex
	pending []byte // guarded by mu
}

func newOutlet(w io.Writer) *outlet {
	o := &outlet{to: w, wake: make(chan struct{}, 1), stop: make(chan struct{}), done: make(chan struct{})}
	go o.run() // close waits for it
	return o
}

// Write takes a copy of the line. It never fails: a line too many is dropped and counted.
func (o *outlet) Write(line []byte) (int, error) {
	o.mu.Lock()
	full := len(o.pending)+len(line) > mostPending
	if !full {
		o.pending = append(o.pending, line...)
	}
	o.mu.Unlock()
	if full {
		o.dropped.Add(1)
		return len(line), nil
	}
	select {
	case o.wake <- struct{}{}:
	default:
	}
	return len(line), nil
}

// run writes at once what arrives after a quiet time, and what arrives within gather
// after that together.
func (o *outlet) run() {
	defer close(o.done)
	var spare []byte
	var told int64
	for {
		select {
		case <-o.wake:
		case <-o.stop:
			o.flush(spare, told)
			return
		}
		spare, told = o.flush(spare, told)
		select {
		case <-time.After(gather):
		case <-o.stop:
		}
	}
}

// flush writes what is pending and hands back the emptied buffer. It says how many
// lines are missing when some were dropped since it was last told.
func (o *outlet) flush(spare []byte, told int64) ([]byte, int64) {
	o.mu.Lock()
	batch := o.pending
	o.pending = spare[:0]
	o.mu.Unlock()
	if len(batch) > 0 {
		_, _ = o.to.Write(batch) // there is nowhere to say that the log cannot be written
	}
	if now := o.dropped.Load(); now > told {
		_, _ = fmt.Fprintf(o.to, "time=%s level=WARN msg=\"log lines dropped\" lines=%d\n", time.Now().Format(time.RFC3339Nano), now-told)
		told = now
	}
	return batch, told
}

// close writes what is left and waits for the goroutine, but no longer than patience:
// a write to a pipe that nobody reads cannot be called off.
func (o *outlet) close(patience time.Duration) {
	close(o.stop)
	select {
	case <-o.done:
	case <-time.After(patience):
	}
}

// recent keeps the last lines of the request log.
type recent struct {
	mu   sync.Mutex
	ring [recentLines][]byte // guarded by mu; buffers are used again
	n    int                 // ever written; guarded by mu
}

// Write keeps the line if it is one of the request log.
func (r *recent) Write(line []byte) (int, error) {
	if !isRequest(line) {
		return len(line), nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	slot := &r.ring[r.n%recentLines]
	*slot = append((*slot)[:0], line...)
	r.n++
	return len(line), nil
}

func (r *recent) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := min(r.n, recentLines)
	lines := make([]string, 0, n)
	for i := r.n - n; i < r.n; i++ {
		line := r.ring[i%recentLines]
		lines = append(lines, string(line[:len(line)-1])) // without the line break
	}
	return lines
}
