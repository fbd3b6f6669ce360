package fast

import (
	"context"
	"sync"

	"millpond/proxy/pool"
)

// A presence is the context of a connection's requests: it ends when the client leaves.
// The pool watches it without the cost of context.AfterFunc (pool.Watched).
type presence struct {
	context.Context
	cancel func() // of Context

	mu     sync.Mutex // guards what follows
	cutter pool.Cutter
	over   bool
}

// newPresence returns one that also ends with parent, until leave.
func newPresence(parent context.Context) *presence {
	p := new(presence)
	ctx, cancel := context.WithCancel(parent)
	stop := context.AfterFunc(parent, p.leave)
	p.Context, p.cancel = ctx, func() { stop(); cancel() }
	return p
}

// leave ends the context.
func (p *presence) leave() {
	p.mu.Lock()
	cutter := p.cutter
	p.over = true
	p.mu.Unlock()
	p.cancel() // first, so that who is cut knows why
	if cutter != nil {
		cutter.Cut()
	}
}

// Watch has c.Cut called when the context ends.
func (p *presence) Watch(c pool.Cutter) {
	p.mu.Lock()
	over := p.over
	p.cutter = c
	p.mu.Unlock()
	if over {
		c.Cut()
	}
}

// Unwatch ends that, and reports false when it was too late.
func (p *presence) Unwatch() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutter = nil
	return !p.over
}
