package app

import (
	"context"
	"sync"
	"time"

	"millpond/app/model"
	"millpond/proxy/control"
)

// The log page: how many lines are kept at most, and how often it changes. A line has
// some hundred bytes, so they take less than 4 MB however long the page is open.
const (
	tailLines = 2000
	tailPace  = 250 * time.Millisecond
)

// A tail follows the daemon's log while its page is open.
type tail struct {
	client  *control.Client
	changed func()
	wake    chan struct{} // wanted has changed

	mu sync.Mutex
	// mu guards what follows.
	wanted bool
	lines  []model.LogLine // only appended to, so that views may share it
	known  bool
	dirty  bool // there are lines that were not shown
	stop   context.CancelFunc
}

// follow begins or ends to follow the log.
func (t *tail) follow(on bool) {
	t.mu.Lock()
	if t.wanted = on; !on && t.stop != nil {
		t.stop()
	}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// run follows the log while it is wanted, until ctx is done. The daemon may go and
// come back.
func (t *tail) run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { t.show(ctx) })
	for ctx.Err() == nil {
		if following, ok := t.begin(ctx); ok {
			t.read(following)
			t.end()
		}
		select {
		case <-ctx.Done():
		case <-t.wake:
		case <-time.After(retryMost):
		}
	}
}

// begin returns a context that ends when the log is not wanted any more, and false
// when it is not wanted now.
func (t *tail) begin(ctx context.Context) (context.Context, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.wanted {
		return nil, false
	}
	following, stop := context.WithCancel(ctx)
	t.stop = stop
	return following, true
}

// end gives back what begin has taken.
func (t *tail) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
	t.stop = nil
}

// read takes the lines in until ctx is done or the daemon goes.
func (t *tail) read(ctx context.Context) {
	fresh := true // the daemon begins with lines that we may have already
	for raw, err := range t.client.FollowLog(ctx, tailLines) {
		if err != nil {
			return
		}
		t.take(model.ParseLogLine(raw, time.Local), fresh)
		fresh = false
	}
}

// take appends a line, after all others are forgotten if it is the first.
func (t *tail) take(line model.LogLine, first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if first {
		t.lines = nil
	}
	if len(t.lines) >= 2*tailLines { // a new list, so that what is forgotten is given back
		t.lines = append(make([]model.LogLine, 0, 2*tailLines), t.lines[len(t.lines)-tailLines+1:]...)
	}
	t.lines = append(t.lines, line)
	t.known, t.dirty = true, true
}

// show tells of new lines, at the pace of the page and not of the log.
func (t *tail) show(ctx context.Context) {
	tick := time.NewTicker(tailPace)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		t.mu.Lock()
		dirty := t.dirty
		t.dirty = false
		t.mu.Unlock()
		if dirty {
			t.changed()
		}
	}
}

// view returns the newest lines.
func (t *tail) view() model.LogView {
	t.mu.Lock()
	defer t.mu.Unlock()
	return model.LogView{Lines: t.lines[max(0, len(t.lines)-tailLines):], Known: t.known, Most: tailLines}
}
