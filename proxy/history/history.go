// Package history keeps what the meter counted for longer than the process lives: by
// the minute for two days and by the hour for 92, per upstream and way (transport and
// scope of the pool), in a SQLite database.
//
// A Keeper writes every ten seconds, in one transaction, when something was counted;
// it takes sums from the meter and is never on the way of a request. What a process
// that is killed had not written yet, ten seconds at most, is lost; what was written
// stays readable. When the database cannot be written, or is not ours to write, the
// proxy goes on without it and the keeper says why.
//
// The database is one file of MaxBytes at most with a log of writes beside it, which
// takes about a megabyte. A row is a minute or an hour of one way, 100 to 1,200
// bytes, so that ten busy upstreams take 8 MB; where names are many the oldest minutes
// give way first.
package history

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"millpond/proxy/meter"
)

// The times that rows cover and are kept.
const (
	KeepMinutes = 48 * time.Hour
	KeepHours   = 92 * 24 * time.Hour

	writeEvery = 10 * time.Second
)

// MaxBytes is the size that the database does not pass, unless Config says otherwise.
const MaxBytes = 64 << 20

// Config is what a keeper is made of. Path and Meter are required.
type Config struct {
	Path     string       // of the database
	Meter    *meter.Meter // where the counts come from, and go back to at the start
	Log      *slog.Logger // nil logs nowhere
	Now      func() time.Time
	Every    time.Duration // between two writes; 0 means ten seconds
	MaxBytes int64         // 0 means MaxBytes; the least is 256 KB
}

// A Keeper keeps the history. Use New, then Run once.
type Keeper struct {
	config Config // constant after New
	state  states
	wanted chan chan struct{} // who asks for a write at once; constant after New
	ended  chan struct{}      // closed when Run has returned; constant after New

	// What follows belongs to Run's goroutine.
	file    *file
	last    map[source]meter.Tally // as of the last write
	counted uint64                 // of the last write
	pending map[key]*meter.Tally   // sums of the rows that were changed since they were written, and of the present ones
}

// New returns a keeper, which does nothing before Run.
func New(c Config) *Keeper {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Every = cmp.Or(c.Every, writeEvery)
	c.MaxBytes = max(cmp.Or(c.MaxBytes, MaxBytes), 256<<10)
	k := &Keeper{config: c, wanted: make(chan chan struct{}), ended: make(chan struct{}), last: map[source]meter.Tally{}, pending: map[key]*meter.Tally{}}
	k.state.log = c.Log
	return k
}

// Run opens the database, gives the meter what it knows, and writes until ctx is done,
// the last time then. It waits for nothing and nobody needs to wait for it but at the
// end. Whatever fails is logged and told by State.
func (k *Keeper) Run(ctx context.Context) {
	defer close(k.ended)
	// SQLite is not interrupted in the middle of a write at the end: it is short.
	work := context.WithoutCancel(ctx)
	if !k.begin(work) {
		return
	}
	defer k.end()
	for {
		done, more := k.pause(ctx)
		k.write(work, k.config.Now())
		if done != nil {
			close(done)
		}
		if !more {
			return
		}
	}
}

// Write writes what was counted until now and returns when that is done or ctx is. It
// waits for Run to begin; after its end it does nothing.
func (k *Keeper) Write(ctx context.Context) {
	done := make(chan struct{})
	select {
	case k.wanted <- done:
	case <-k.ended:
		return
	case <-ctx.Done():
		return
	}
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// begin opens the database and restores from it; it reports whether to go on.
func (k *Keeper) begin(ctx context.Context) bool {
	f, err := open(ctx, k.config.Path, k.config.MaxBytes)
	if isDamage(err) {
		f, err = k.anew(ctx, err)
	}
	if err == nil {
		if err = k.restore(ctx, f); isDamage(err) {
			f.close()
			f, err = k.anew(ctx, err)
		}
	}
	if err != nil {
		if f != nil {
			f.close()
		}
		k.state.failed(err)
		return false
	}
	k.file = f
	k.state.kept()
	return true
}

// anew moves a damaged database aside and begins another one.
func (k *Keeper) anew(ctx context.Context, damage error) (*file, error) {
	aside, err := moveAside(k.config.Path)
	if err != nil {
		return nil, errors.Join(damage, err)
	}
	f, err := open(ctx, k.config.Path, k.config.MaxBytes)
	if err != nil {
		return nil, err
	}
	k.state.begunAnew(aside, damage)
	return f, nil
}

func (k *Keeper) end() {
	if k.file != nil {
		k.file.close()
	}
}

// pause waits for the next write, at a multiple of Every of the clock so that minutes
// end with a write, or for one who asks for it, whom done then tells. more is false when
// ctx is done.
func (k *Keeper) pause(ctx context.Context) (done chan struct{}, more bool) {
	now := k.config.Now()
	t := time.NewTimer(now.Truncate(k.config.Every).Add(k.config.Every).Sub(now))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return nil, false
	case done := <-k.wanted:
		return done, true
	case <-t.C:
		return nil, true
	}
}

// write stores what was counted since the last write.
func (k *Keeper) write(ctx context.Context, now time.Time) {
	if n := k.config.Meter.Counted(); n != k.counted {
		k.counted = n
		k.collect(ctx, now)
	} else if !k.state.failing() {
		return // nothing to write, nothing left over: let the disk sleep
	}
	err := k.flush(ctx, now)
	if isDamage(err) {
		k.file.close()
		if k.file, err = k.anew(ctx, err); err == nil {
			err = k.flush(ctx, now)
		}
	}
	if err != nil {
		k.state.failed(err)
		k.forget()
		return
	}
	k.state.kept()
	k.settle(now)
}

// collect adds what was counted since the last time to the rows of its minute and hour.
// It was counted before now, so that a write at a full minute fills the one before.
func (k *Keeper) collect(ctx context.Context, now time.Time) {
	at := now.Add(-k.config.Every / 2)
	for _, t := range k.config.Meter.Tallies() {
		of := source{t.Upstream, t.Way}
		before := k.last[of]
		k.last[of] = t
		d := t.Since(&before)
		if d.Counts.Total() == 0 && d.FirstByte.Count() == 0 {
			continue
		}
		for _, w := range []width{minutes, hours} {
			k.row(ctx, keyOf(w, at, of)).Add(&d)
		}
	}
}

// row returns the sums of a row, with what the database has of it already: of the
// present hour, when the program was started anew, or of a time that the clock was
// set back to.
func (k *Keeper) row(ctx context.Context, id key) *meter.Tally {
	if t := k.pending[id]; t != nil {
		return t
	}
	t := &meter.Tally{Upstream: id.upstream, Way: id.way}
	if k.file != nil {
		if kept, err := k.file.load(ctx, id); err == nil && kept != nil {
			t = kept
		}
	}
	k.pending[id] = t
	return t
}

func (k *Keeper) flush(ctx context.Context, now time.Time) error {
	if k.file == nil {
		f, err := open(ctx, k.config.Path, k.config.MaxBytes)
		if err != nil {
			return err
		}
		k.file = f
	}
	return k.file.store(ctx, k.pending, now)
}

// settle lets go of the rows that will not change any more.
func (k *Keeper) settle(now time.Time) {
	for id := range k.pending {
		if id != keyOf(id.width, now, source{id.upstream, id.way}) {
			delete(k.pending, id)
		}
	}
}

// maxPending bounds the rows that wait for a disk that is full: about 2 KB each.
const maxPending = 500

// forget drops minutes when too many rows wait; the hours hold their sums.
func (k *Keeper) forget() {
	for id := range k.pending {
		if len(k.pending) <= maxPending {
			return
		}
		if id.width == minutes || len(k.pending) > 2*maxPending {
			delete(k.pending, id)
		}
	}
}

// restore gives the meter its windows: the last two days by the minute and what is
// older by the hour. Rows of all upstreams come together to one stretch of time.
func (k *Keeper) restore(ctx context.Context, f *file) error {
	now := k.config.Now()
	day := now.Add(-meter.Day).Truncate(time.Hour)
	for _, part := range []struct {
		width    width
		from, to time.Time
	}{
		{hours, now.Add(-meter.FourWeeks), day},
		{minutes, day, now.Add(time.Minute)},
	} {
		var p meter.Past
		tell := func() {
			if p.Width != 0 {
				k.config.Meter.Restore([]meter.Past{p})
			}
		}
		err := f.each(ctx, part.width, part.from, part.to, func(r Row) error {
			if !r.Start.Equal(p.At) {
				tell()
				p = meter.Past{At: r.Start, Width: r.Width}
			}
			var both meter.Tally
			both.Counts, both.Latency, both.FirstByte = p.Counts, p.Latency, p.FirstByte
			both.Add(&r.Tally)
			p.Counts, p.Latency, p.FirstByte = both.Counts, both.Latency, both.FirstByte
			return nil
		})
		if err != nil {
			return fmt.Errorf("read the history: %w", err)
		}
		tell()
	}
	return nil
}
