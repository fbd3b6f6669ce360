//go:build !linux

package pool

// watches says that the kernel tells at once when a peer closes. Here it does
// not: idle connections are looked at once a second, and before each use.
const watches = false

// A watcher does nothing on this system.
type watcher struct{}

func newWatcher(*Manager) (*watcher, error) { return &watcher{}, nil }
func (*watcher) add(*conn)                  {}
func (*watcher) remove(*conn)               {}
func (*watcher) run()                       {}
func (*watcher) close()                     {}
