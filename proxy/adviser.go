package proxy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"time"

	"millpond/proxy/advisor"
	"millpond/settings"
)

const (
	// adviceName is the file of the advice that was applied, in the folder for state.
	adviceName = "advice.json"
	// lookBack is how far back the statistics go that advice rests on, at the most twice that.
	lookBack = 12 * time.Hour
	// sampleEvery is how often the widths of bursts are noted, which the pool forgets after an hour.
	sampleEvery = time.Minute
	// maxApplied is how many pieces of applied advice are remembered.
	maxApplied = 32
)

// An adviser keeps what advice needs beside the present statistics: where its time begins, and
// what was applied.
type adviser struct {
	path string // of the file; "" keeps it in memory

	mu sync.Mutex
	// mu guards what follows.
	spans   [2]span // the older one is what advice rests on; they take turns
	applied []applied
	unsaved bool // an effect was measured for the first time since applied was written
}

// A span is a time that advice may rest on.
type span struct {
	base advisor.Facts // the counts of its beginning
	wide advisor.Facts // the widest bursts in it
}

// applied is a piece of advice that was taken.
type applied struct {
	ID       string           `json:"id"`
	Code     string           `json:"code"`
	Upstream string           `json:"upstream"`
	Sentence string           `json:"sentence"`
	Figures  []advisor.Figure `json:"figures"`
	Patch    []advisor.Change `json:"patch"`
	Diff     []advisor.Change `json:"diff"` // every setting that it changed, for the way back
	Expected *advisor.Effect  `json:"expected"`
	At       time.Time        `json:"at"`
	Before   advisor.Effect   `json:"before"` // the figure, as it was
	Measured *advisor.Effect  `json:"measured"`
	base     *advisor.Facts   // the counts when it was applied; nil after a restart, which set them to 0
}

// adviceFile is the form of the file.
type adviceFile struct {
	Version int       `json:"version"`
	Applied []applied `json:"applied"`
}

// newAdviser reads what was applied before. With an error, which says why the file cannot be
// read, the adviser works all the same and replaces the file: what was applied before can then
// not be undone by it.
func newAdviser(path string) (*adviser, error) {
	a := &adviser{path: path}
	if path == "" {
		return a, nil
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	var file adviceFile
	if err == nil {
		err = json.Unmarshal(text, &file)
	}
	if err == nil && file.Version != 1 {
		err = fmt.Errorf("version %d is not known", file.Version)
	}
	if err != nil {
		return a, fmt.Errorf("read the advice that was applied: %w", err)
	}
	a.applied = file.Applied
	return a, nil
}

// saveLocked writes what was applied, whole or not at all.
func (a *adviser) saveLocked() error {
	a.unsaved = false
	if a.path == "" {
		return nil
	}
	text, err := json.MarshalIndent(adviceFile{Version: 1, Applied: a.applied}, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(a.path), adviceName+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing to remove
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), a.path)
}

// look notes the present counts, and returns the facts that advice rests on.
func (a *adviser) look(now advisor.Facts) advisor.Facts {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.spans[0].base.At.IsZero() {
		begin := advisor.Facts{At: now.Since}
		a.spans = [2]span{{base: begin}, {base: begin}}
	}
	if now.At.Sub(a.spans[1].base.At) > lookBack {
		a.spans = [2]span{a.spans[1], {base: now}}
	}
	for i := range a.spans {
		wide := now
		wide.Upstreams = slices.Clone(now.Upstreams)
		wide.Widest(&a.spans[i].wide)
		a.spans[i].wide = wide
	}
	a.measureLocked(&now)
	facts := now.After(&a.spans[0].base)
	facts.Widest(&a.spans[0].wide)
	for _, done := range a.applied {
		if stands(now.Settings, done.Diff) {
			facts.InForce = append(facts.InForce, done.Diff...)
		}
	}
	return facts
}

// measureLocked compares the figures of what was applied with those before.
func (a *adviser) measureLocked(now *advisor.Facts) {
	for i := range a.applied {
		done := &a.applied[i]
		if !stands(now.Settings, done.Diff) {
			continue // something else is measured since
		}
		since := *now
		if done.base != nil {
			since = now.After(done.base)
		}
		after, requests, ok := advisor.Measure(&since, done.Code, done.Upstream)
		if !ok || requests < advisor.Measurable || after.Key != done.Before.Key {
			continue
		}
		a.unsaved = a.unsaved || done.Measured == nil
		done.Measured = &advisor.Effect{Key: after.Key, Before: done.Before.After, After: after.After, Unit: after.Unit}
	}
}

// changed begins anew for the upstreams whose settings are others now: figures of before say
// nothing about them.
func (a *adviser) changed(before, after *settings.Settings, now advisor.Facts) {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := before.Pool != after.Pool
	for i := range a.spans {
		base := &a.spans[i].base
		if all || base.At.IsZero() {
			*base = now
			continue
		}
		for j := range now.Upstreams {
			if u := now.Upstreams[j]; differs(before, after, u.Name) {
				base.Upstreams = append(slices.DeleteFunc(slices.Clone(base.Upstreams), func(e advisor.UpstreamFacts) bool { return e.Name == u.Name }), u)
			}
		}
	}
}

// differs reports whether an upstream is reached otherwise.
func differs(before, after *settings.Settings, name string) bool {
	one, two := upstreamOf(before, name), upstreamOf(after, name)
	return !reflect.DeepEqual(one, two)
}

func upstreamOf(s *settings.Settings, name string) *settings.Upstream {
	for i := range s.Upstreams {
		if s.Upstreams[i].Name == name {
			return &s.Upstreams[i]
		}
	}
	return nil
}

// stands reports whether the settings still have what a change put there.
func stands(s *settings.Settings, diff []advisor.Change) bool {
	for _, c := range diff {
		if value, err := textAt(s, c.Key); err != nil || value != c.To {
			return false
		}
	}
	return true
}

// textAt returns a setting as text that settings.Set reads back.
func textAt(s *settings.Settings, path string) (string, error) {
	value, err := s.Get(path)
	return fmt.Sprint(value), err
}

// watchAdvice notes the widths of bursts until ctx is done, when there were requests.
func (d *Daemon) watchAdvice(ctx context.Context) {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for last := uint64(0); ; {
		select {
		case <-ctx.Done():
			d.keepAdvice(true)
			return
		case <-tick.C:
		}
		if n := d.meter.Counted(); n != last {
			last = n
			d.adviser.look(d.measured())
			d.keepAdvice(false)
		}
	}
}

// keepAdvice writes what was measured: at the end the latest, and else what is new.
func (d *Daemon) keepAdvice(atEnd bool) {
	a := d.adviser
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unsaved || atEnd && len(a.applied) > 0 {
		d.logAdvice(a.saveLocked())
	}
}

func (d *Daemon) logAdvice(err error) {
	if err != nil {
		d.config.Log.Warn("what was applied on advice is not remembered", "file", d.adviser.path, "err", err)
	}
}
