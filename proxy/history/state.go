package history

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// The states of the history. They are stable: front ends translate them.
const (
	Kept     = "kept"      // what is counted is written
	Anew     = "anew"      // likewise, but what was there was damaged and was moved aside
	Failing  = "failing"   // it cannot be written at present, and is tried again
	DiskFull = "disk_full" // likewise, because there is no room
	Newer    = "newer"     // a newer Millpond's; it is left alone
	InUse    = "in_use"    // another Millpond writes it
)

// State is how the history is.
type State struct {
	Code   string // one of the constants; "" before it was opened
	Detail string // a sentence for a person; "" when all is well
}

// State returns how the history is. It may be called from any goroutine.
func (k *Keeper) State() State {
	k.state.mu.Lock()
	defer k.state.mu.Unlock()
	return k.state.now
}

// states hold the present state and say once when it changes.
type states struct {
	log *slog.Logger // constant

	mu sync.Mutex
	// mu guards what follows.
	now  State
	good State // what it is when it can be written: kept or anew
}

func (s *states) set(next State) (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed = s.now.Code != next.Code
	s.now = next
	return changed
}

func (s *states) failing() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now.Code == Failing || s.now.Code == DiskFull
}

func (s *states) kept() {
	s.mu.Lock()
	good, before := s.good, s.now.Code
	s.mu.Unlock()
	if good.Code == "" {
		good.Code = Kept
	}
	if s.set(good) && before != "" && before != Anew {
		s.log.Info("the history of statistics is written again")
	}
}

func (s *states) begunAnew(aside string, damage error) {
	next := State{Anew, fmt.Sprintf("The history was damaged and begins anew; the damaged one is %s.", aside)}
	s.mu.Lock()
	s.good, s.now = next, next
	s.mu.Unlock()
	s.log.Warn("the history of statistics was damaged and begins anew", "kept", aside, "err", damage)
}

// failed says why the history is not written, once until that changes.
func (s *states) failed(err error) {
	next := State{Failing, "Statistics are not kept beyond this run: " + err.Error()}
	switch {
	case errors.Is(err, errNewer):
		next = State{Newer, "Statistics are not kept beyond this run: " + errNewer.Error() + "."}
	case errors.Is(err, errInUse):
		next = State{InUse, "Statistics are not kept beyond this run: " + errInUse.Error() + "."}
	case isFull(err):
		next = State{DiskFull, "Statistics are not kept at present: there is no room on the disk."}
	}
	if s.set(next) {
		s.log.Warn("statistics are counted but not kept", "reason", next.Code, "err", err)
	}
}
