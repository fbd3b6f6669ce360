package pool

import (
	"errors"
	"runtime/debug"
)

var errPanic = errors.New("a mistake of Millpond's own, which the log tells of")

// Panics counts the mistakes of ours that the pool survived.
func (m *Manager) Panics() uint64 { return m.panics.Load() }

// try runs f and keeps what panics in it; see rescue.
func (m *Manager) try(at string, f func()) {
	defer m.rescue(at, nil)
	f()
}

// rescue is deferred where a goroutine of ours begins, and where a request or what a peer
// sent enters the pool: a panic costs what it happened to and nothing else. It is counted and
// logged, and err, unless nil, says so. What was held is given back by defers outside of it.
//
// Out of its reach is a panic in a goroutine of net/http's own, as of HTTP/2.
func (m *Manager) rescue(at string, err *error) {
	p := recover()
	if p == nil {
		return
	}
	m.panics.Add(1)
	m.config.Log.Error("panic in the pool", "at", at, "panic", p, "stack", string(debug.Stack()))
	if err != nil {
		*err = &Failure{Code: CodeInternal, Err: errPanic}
	}
}
