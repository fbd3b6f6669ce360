package meter

import (
	"strings"
	"sync"
	"sync/atomic"
)

// none and other are the registry's fixed indexes; named upstreams follow.
const (
	none  = iota // no upstream was chosen
	other        // one beyond MaxUpstreams
	firstNamed
)

// A registry gives each upstream a small number that never changes. Reading takes
// no lock: the table is replaced when a name is added.
type registry struct {
	table atomic.Pointer[nameTable]
	mu    sync.Mutex // held while adding
}

type nameTable struct {
	index map[string]int
	names []string // by index
}

func (r *registry) init() {
	r.table.Store(&nameTable{
		index: map[string]int{"": none, Other: other},
		names: []string{none: "", other: Other},
	})
}

// index returns the name's number, adding the name if there is room.
func (r *registry) index(name string) int {
	if i, ok := r.table.Load().index[name]; ok {
		return i
	}
	return r.add(name)
}

func (r *registry) add(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	old := r.table.Load()
	if i, ok := old.index[name]; ok {
		return i
	}
	i := len(old.names)
	if i-firstNamed >= MaxUpstreams {
		return other
	}
	name = strings.Clone(name) // the caller's may be a slice of a larger buffer
	next := &nameTable{index: make(map[string]int, i+1), names: append(old.names[:i:i], name)}
	for k, v := range old.index {
		next.index[k] = v
	}
	next.index[name] = i
	r.table.Store(next)
	return i
}
