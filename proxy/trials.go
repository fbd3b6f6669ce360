package proxy

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/exchange"
	"millpond/proxy/meter"
	"millpond/settings"
)

// trialsName is the file of trials in the folder for state.
const trialsName = "trials.json"

// trialsVersion is that of the file's form. A file of another one is left alone.
const trialsVersion = 1

// maxEnded is how many trials that have ended are kept.
const maxEnded = 20

// A trial compares two values of a setting on one upstream. What is written of it is what
// it was when the file was written last.
type trial struct {
	ID       string  `json:"id"`
	Upstream string  `json:"upstream"`
	URL      string  `json:"url"`     // of the upstream, when the trial was started
	Setting  string  `json:"setting"` // protocol or scope
	From     string  `json:"from"`    // the value of the base arm
	To       string  `json:"to"`      // of the other arm
	Share    float64 `json:"share"`

	Started time.Time  `json:"started"`
	Ended   *time.Time `json:"ended,omitempty"`
	EndedBy string     `json:"ended_by,omitempty"`

	// Applied is the value that was put into the settings, and Before what stood there:
	// "" for no override. They are nil unless it was applied and not undone.
	Applied *string `json:"applied,omitempty"`
	Before  *string `json:"before,omitempty"`

	Base  armCounts `json:"base"`
	Other armCounts `json:"other"`

	live *exchange.Trial // counts while the trial runs; nil when it has ended
}

// armCounts is exchange.ArmCounts as the file has it.
type armCounts struct {
	Counts  meter.Counts    `json:"counts"`
	Latency meter.Histogram `json:"latency"`
	Dials   uint64          `json:"dials"`
}

// key is the path of the setting that is tried.
func (t *trial) key() string { return "upstreams[" + t.Upstream + "].pool." + t.Setting }

// value returns what the setting is for an upstream now.
func (t *trial) value(s *settings.Settings, u settings.Upstream) string {
	p := s.PoolFor(u)
	if t.Setting == control.SettingScope {
		return string(p.Scope)
	}
	return string(p.Protocol)
}

// isIn reports whether settings have the upstream, where it was when the trial was started.
func (t *trial) isIn(s *settings.Settings) bool {
	return slices.ContainsFunc(s.Upstreams, func(u settings.Upstream) bool { return u.Name == t.Upstream && u.URL == t.URL })
}

// begin makes the part that requests meet.
func (t *trial) begin() {
	t.live = &exchange.Trial{Share: t.Share}
	if t.Setting == control.SettingScope {
		t.live.Scope = settings.Scope(t.To)
	} else {
		t.live.Protocol = settings.Protocol(t.To)
	}
	t.live.Base.Restore(exchange.ArmCounts(t.Base))
	t.live.Other.Restore(exchange.ArmCounts(t.Other))
}

// count takes over what was counted since.
func (t *trial) count() {
	if t.live != nil {
		t.Base, t.Other = armCounts(t.live.Base.Counted()), armCounts(t.live.Other.Counted())
	}
}

// end stops counting. Requests under way still count where they began, unseen.
func (t *trial) end(now time.Time, by string) {
	t.count()
	t.live, t.Ended, t.EndedBy = nil, &now, by
}

// trials are those that run and the last that have ended, oldest first.
type trials struct {
	path string // "" keeps them in memory; constant

	editing sync.Mutex // held while a person starts, ends, applies or takes back one; taken first

	mu sync.Mutex
	// mu guards what follows. It is taken last, and no file is written under it.
	list []*trial
	next int // number of the next one

	writing sync.Mutex // held while the file is written; taken before mu
	written []byte     // what the file holds; guarded by writing
}

// trialsFile is the file's form.
type trialsFile struct {
	Version int      `json:"version"`
	Next    int      `json:"next"`
	Trials  []*trial `json:"trials"`
}

// loadTrials reads the trials of the file in a folder, of which those that run go on. With
// an error there are none, and the file, which may hold what is to be taken back, is left
// alone.
func loadTrials(dir string) (*trials, error) {
	t := &trials{next: 1}
	if dir == "" {
		return t, nil
	}
	t.path = filepath.Join(dir, trialsName)
	text, err := os.ReadFile(t.path)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	var f trialsFile
	if err == nil {
		err = json.Unmarshal(text, &f)
	}
	if err == nil && f.Version != trialsVersion {
		err = fmt.Errorf("version %d is not known", f.Version)
	}
	if err != nil {
		err = fmt.Errorf("read the trials in %s: %w", t.path, err)
		t.path = ""
		return t, err
	}
	t.written, t.list, t.next = text, f.Trials, max(f.Next, 1)
	for _, one := range t.list {
		if one.Ended == nil {
			one.begin()
		}
	}
	return t, nil
}

// save writes the file if it would differ, whole or not at all.
func (t *trials) save() error {
	if t.path == "" {
		return nil
	}
	t.writing.Lock()
	defer t.writing.Unlock()
	text, err := t.encode()
	if err != nil || string(text) == string(t.written) {
		return err
	}
	if err := writeWhole(t.path, text); err != nil {
		return fmt.Errorf("write the trials: %w", err)
	}
	t.written = text
	return nil
}

func (t *trials) encode() ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.list {
		one.count()
	}
	if len(t.list) == 0 && t.next == 1 {
		return nil, nil
	}
	return json.Marshal(trialsFile{Version: trialsVersion, Next: t.next, Trials: t.list})
}

// writeWhole replaces the file at path, readable to its owner alone.
func writeWhole(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // after the rename there is nothing to remove
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// add begins a trial and returns a copy, unless one runs on its upstream already.
func (t *trials) add(one *trial) (trial, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.list {
		if o.Upstream == one.Upstream && o.Ended == nil {
			return trial{}, false
		}
	}
	one.ID = fmt.Sprintf("%s-%d", one.Upstream, t.next)
	one.begin()
	t.next++
	t.list = append(t.list, one)
	for ended := t.endedLocked(); ended > maxEnded; ended-- {
		i := slices.IndexFunc(t.list, func(o *trial) bool { return o.Ended != nil })
		t.list = slices.Delete(t.list, i, i+1)
	}
	return *one, true
}

func (t *trials) endedLocked() int {
	n := 0
	for _, o := range t.list {
		if o.Ended != nil {
			n++
		}
	}
	return n
}

// remove forgets a trial that could not be written.
func (t *trials) remove(one *trial) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = slices.DeleteFunc(t.list, func(o *trial) bool { return o == one })
}

// all returns copies with their present counts, oldest first.
func (t *trials) all() []trial {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := make([]trial, 0, len(t.list))
	for _, one := range t.list {
		one.count()
		list = append(list, *one)
	}
	return list
}

// edit calls f with the trial of an ID under the mutex; it reports false when there is none.
func (t *trials) edit(id string, f func(*trial)) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, one := range t.list {
		if one.ID == id {
			f(one)
			return true
		}
	}
	return false
}

// fit puts the trials that run into a state that is about to be committed, and ends those
// whose upstream is no longer what it was.
func (t *trials) fit(state *exchange.State, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	state.Trials = make([]*exchange.Trial, len(state.Upstreams))
	for _, one := range t.list {
		if one.Ended != nil {
			continue
		}
		i := slices.IndexFunc(state.Settings.Upstreams, func(u settings.Upstream) bool {
			return u.Name == one.Upstream && u.URL == one.URL && one.value(state.Settings, u) == one.From
		})
		if i < 0 {
			one.end(now, control.EndedBySettings)
			continue
		}
		state.Trials[i] = one.live
	}
}
