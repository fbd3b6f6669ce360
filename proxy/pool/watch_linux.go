package pool

import (
	"errors"
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// watches says that the kernel tells at once when a peer closes.
const watches = true

// A watcher learns from the kernel when a peer closes: one epoll over all HTTP/1
// connections, for EPOLLRDHUP and edge-triggered, so that it costs nothing per
// request. It is how idle closes are timed and how dead connections leave the
// pool before they are picked. Closing a socket takes it off by itself.
type watcher struct {
	m    *Manager
	file *os.File // the epoll, itself waited for by Go's poller
	poll syscall.RawConn

	mu    sync.Mutex // guards conns
	conns map[uint64]*conn
}

func newWatcher(m *Manager) (*watcher, error) {
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
	return &watcher{m: m, file: f, poll: poll, conns: map[uint64]*conn{}}, nil
}

// add watches c from now on. A nil watcher watches nothing.
func (w *watcher) add(c *conn) {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.conns[c.id] = c
	w.mu.Unlock()
	var err error
	cerr := w.poll.Control(func(epoll uintptr) {
		err = c.raw.sys.Control(func(fd uintptr) {
			ev := unix.EpollEvent{Events: unix.EPOLLRDHUP | unix.EPOLLET, Fd: int32(uint32(c.id)), Pad: int32(uint32(c.id >> 32))}
			err = unix.EpollCtl(int(epoll), unix.EPOLL_CTL_ADD, int(fd), &ev)
		})
	})
	if cerr != nil || err != nil {
		w.remove(c) // unwatched: the peek before use still looks
	}
}

func (w *watcher) remove(c *conn) {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, c.id)
}

// run takes events until close.
func (w *watcher) run() {
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
			w.event(uint64(uint32(ev.Fd)) | uint64(uint32(ev.Pad))<<32)
		}
	}
}

func (w *watcher) event(id uint64) {
	w.mu.Lock()
	c := w.conns[id]
	w.mu.Unlock()
	if c != nil {
		c.host.group.peerClosed(c)
	}
}

func (w *watcher) close() {
	if w != nil {
		w.file.Close()
	}
}
