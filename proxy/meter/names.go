package meter

import (
	"strings"
	"sync"
	"sync/atomic"
)

// none and other are a registry's fixed indexes; named ones follow.
const (
	none  = iota // without a name: no upstream was chosen, or no caller is known
	other        // one beyond the registry's limit
	firstNamed
)

// A registry gives each name a small number that never changes. Reading takes no lock:
// the table is replaced when a name is added.
type registry struct {
	limit int // names that are told apart; constant after init
	table atomic.Pointer[nameTable]
	mu    sync.Mutex // held while adding
}

type nameTable struct {
	index map[string]int
	names []string // by index
}

func (r *registry) init(limit int) {
	r.limit = limit
	r.table.Store(&nameTable{
		index: map[string]int{"": none, Other: other},
		names: []string{none: "", other: Other},
	})
}

// index returns the name's number, adding the name if there is room.
func (r *registry) index(name string) int {
	t := r.table.Load()
	if i, ok := t.index[name]; ok {
		return i
	}
	if r.full(t) {
		return other
	}
	return r.add(name)
}

// full reports whether no name can be added; it stays so.
func (r *registry) full(t *nameTable) bool { return len(t.names)-firstNamed >= r.limit }

func (r *registry) add(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.table.Load()
	if i, ok := old.index[name]; ok {
		return i
	}
	if r.full(old) {
		return other
	}
	i := len(old.names)
	name = strings.Clone(name) // the caller's may be a slice of a larger buffer
	next := &nameTable{index: make(map[string]int, i+1), names: append(old.names[:i:i], name)}
	for k, v := range old.index {
		next.index[k] = v
	}
	next.index[name] = i
	r.table.Store(next)
	return i
}
