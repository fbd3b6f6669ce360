package bench

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Progress shows a person how far a benchmark is: a bar that is drawn over and over on a terminal,
// a line for each step elsewhere. Use NewProgress, and Close at the end. All methods may be called
// on nil, which shows nothing, and from any goroutine.
type Progress struct {
	w        io.Writer
	terminal bool
	stop     chan struct{}
	drawing  sync.WaitGroup

	mu          sync.Mutex // guards what follows, and writing to w
	done, total int        // requests
	step        string
	began       time.Time
}

// NewProgress starts showing progress on w.
func NewProgress(w io.Writer, terminal bool) *Progress {
	p := &Progress{w: w, terminal: terminal, stop: make(chan struct{}), began: time.Now()}
	if terminal {
		p.drawing.Go(p.redraw)
	}
	return p
}

// begin says how many requests there will be.
func (p *Progress) begin(total int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total, p.began = 0, total, time.Now()
}

// next names what is being done now.
func (p *Progress) next(step string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step = step
	if !p.terminal {
		fmt.Fprintf(p.w, "%3d %% %s\n", p.percent(), step)
	}
}

// add counts n more requests, or what stands for them.
func (p *Progress) add(n int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += n
}

// Close takes the bar away. It must be called once.
func (p *Progress) Close() {
	if p == nil {
		return
	}
	close(p.stop)
	p.drawing.Wait()
	if p.terminal {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}

// percent is called with the lock held.
func (p *Progress) percent() int {
	if p.total == 0 {
		return 0
	}
	return min(100*p.done/p.total, 100)
}

// redraw draws the bar ten times a second.
func (p *Progress) redraw() {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-tick.C:
			p.draw()
		}
	}
}

func (p *Progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	const width = 28
	full := width * p.percent() / 100
	left := ""
	if spent := time.Since(p.began); p.done > 0 && spent > 2*time.Second {
		rest := time.Duration(float64(spent) * float64(p.total-p.done) / float64(p.done))
		left = ", " + max(rest, 0).Round(time.Second).String() + " left"
	}
	fmt.Fprintf(p.w, "\r\x1b[K%s%s %3d %% %s%s", strings.Repeat("█", full), strings.Repeat("░", width-full), p.percent(), p.step, left)
}
