package hangup

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Kernel says that the kernel tells at once when a peer closes.
const Kernel = true

// A Watcher learns from the kernel when a peer closes: one epoll over many
// connections, for EPOLLRDHUP and edge-triggered, so that it costs nothing per
// request. Closing a socket takes it off by itself. Use NewWatcher and Run. A nil
// Watcher watches nothing.
type Watcher struct {
	file *os.File // the epoll, itself waited for by Go's poller
	poll syscall.RawConn

	mu    sync.Mutex // guards peers
	peers map[uint64]Peer
}

// NewWatcher returns a watcher that watches nothing yet.
func NewWatcher() (*Watcher, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	f := os.NewFile(uintptr(fd), "epoll")
	poll, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, err
	}
	return &Watcher{file: f, poll: poll, peers: map[uint64]Peer{}}, nil
}

// Add watches a connection from now on, until Remove; a close that was before is told
// too. The caller sees to it that ids are unique. It reports false when the connection
// cannot be watched.
func (w *Watcher) Add(id uint64, sys syscall.RawConn, p Peer) bool {
	if w == nil {
		return false
	}
	w.mu.Lock()
	w.peers[id] = p
	w.mu.Unlock()
	var err error
	cerr := w.poll.Control(func(epoll uintptr) {
		err = sys.Control(func(fd uintptr) {
			ev := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(uint32(id)), Pad: int32(uint32(id >> 32))}
			err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, int(fd), &ev)
		})
	})
	if cerr != nil || err != nil {
		w.Remove(id)
		return false
	}
	return true
}

// Remove ends the watch on a connection. The peer may be told once more, if that is
// under way.
func (w *Watcher) Remove(id uint64) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.peers, id)
}

// Run tells peers until Close.
func (w *Watcher) Run() {
	if w == nil {
		return
	}
	events := make([]unix.EpollEvent, 64)
	for {
		n := 0
		err := w.poll.Read(func(fd uintptr) bool {
			var err error
			n, err = unix.EpollWait(int(fd), events, 0)
			return n > 0 || (err != nil && !errors.Is(err, unix.EINTR) && !errors.Is(err, unix.EAGAIN))
		})
		if err != nil {
			return // closed
		}
		for _, ev := range events[:max(n, 0)] {
			w.tell(uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32)
		}
	}
}

func (w *Watcher) tell(id uint64) {
	w.mu.Lock()
	p := w.peers[id]
	w.mu.Unlock()
	if p != nil {
		p.HungUp()
	}
}

// Close ends Run. Watched connections stay as they are.
func (w *Watcher) Close() {
	if w != nil {
		w.file.Close()
	}
}
