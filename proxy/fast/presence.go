package fast

import (
	"context"
	"sync"
	"time"

	"millpond/proxy/pool"
)

// A presence is the context of a connection's requests: it ends when the client leaves. It is
// lighter than a context of package context, which it makes only for who asks for more than
// whether it has ended, and the pool watches it without the cost of context.AfterFunc
// (pool.Watched).
type presence struct {
	values context.Context // constant; of its end presence takes no notice

	mu     sync.Mutex // guards what follows
	cutter pool.Cutter
	over   bool
	ctx    context.Context // nil until it was asked for
	cancel func()          // of ctx
}

// leave ends the context.
func (p *presence) leave() {
	p.mu.Lock()
	cutter, cancel := p.cutter, p.cancel
	p.over = true
	p.mu.Unlock()
	if cancel != nil {
		cancel() // first, so that who is cut knows why
	}
	if cutter != nil {
		cutter.Cut()
	}
}

// context returns a context of package context that ends with this one.
func (p *presence) context() context.Context {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ctx == nil {
		p.ctx, p.cancel = context.WithCancel(context.WithoutCancel(p.values))
		if p.over {
			p.cancel()
		}
	}
	return p.ctx
}

// Deadline returns none.
func (p *presence) Deadline() (time.Time, bool) { return time.Time{}, false }

// Done returns a channel that is closed when the client leaves.
func (p *presence) Done() <-chan struct{} { return p.context().Done() }

// Value returns what package context wants to know of its own, or the value of a key.
func (p *presence) Value(key any) any { return p.context().Value(key) }

// Err returns nil as long as the client is there.
func (p *presence) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return context.Canceled
	}
	return nil
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
