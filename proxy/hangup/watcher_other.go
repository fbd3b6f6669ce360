//go:build !linux

package hangup

import "syscall"

// Kernel says that the kernel tells at once when a peer closes. Here it does not, so
// that connections have to be looked at by Peek.
const Kernel = false

// A Watcher does nothing on this system.
type Watcher struct{}

// NewWatcher returns a watcher that watches nothing.
func NewWatcher() (*Watcher, error) { return &Watcher{}, nil }

// Add reports false: the connection is not watched.
func (*Watcher) Add(uint64, syscall.RawConn, Peer) bool { return false }

// Remove does nothing.
func (*Watcher) Remove(uint64) {}

// Run returns at once.
func (*Watcher) Run() {}

// Close does nothing.
func (*Watcher) Close() {}
