//go:build !windows

package notify

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// firstInherited is the first descriptor that systemd hands over (sd_listen_fds(3)).
const firstInherited = 3

// barrierWait bounds how long systemd may take to let sockets go. It takes microseconds.
const barrierWait = 5 * time.Second

// inherited returns the listening sockets among what systemd handed over. Other descriptors that bear
// our name are closed.
func inherited(getenv func(string) string) []net.Listener {
	n, err := strconv.Atoi(getenv("LISTEN_FDS"))
	if err != nil || getenv("LISTEN_PID") != strconv.Itoa(os.Getpid()) {
		return nil
	}
	names := strings.Split(getenv("LISTEN_FDNAMES"), ":")
	var sockets []net.Listener
	for i := range min(n, len(names)) {
		if names[i] != storeName {
			continue // of a socket unit that a person has made: not ours
		}
		f := os.NewFile(uintptr(firstInherited+i), names[i])
		if l, err := net.FileListener(f); err == nil {
			sockets = append(sockets, l)
		}
		_ = f.Close() // the listener has a copy
	}
	return sockets
}

// Keep has systemd keep these sockets, and let go those that it kept before. When it returns they
// have been let go.
func (s *Store) Keep(sockets []net.Listener) error {
	if err := s.send("FDSTOREREMOVE=1", "FDNAME="+storeName); err != nil {
		return err
	}
	for _, l := range sockets {
		if err := s.keep(l); err != nil {
			return err
		}
	}
	return s.barrier()
}

// keep hands systemd a copy of one socket.
func (s *Store) keep(l net.Listener) error {
	c, ok := l.(syscall.Conn)
	if !ok {
		return fmt.Errorf("keep a socket: %T has no descriptor", l)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("keep a socket: %w", err)
	}
	var sent error
	err = raw.Control(func(fd uintptr) { sent = s.sendFile(int(fd), "FDSTORE=1", "FDNAME="+storeName) })
	return errors.Join(err, sent)
}

// barrier returns when systemd has acted on everything that was sent: it closes the end of a pipe
// that it gets with the message (sd_notify_barrier(3)).
func (s *Store) barrier() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	raw, err := w.SyscallConn()
	if err == nil {
		var sent error
		err = raw.Control(func(fd uintptr) { sent = s.sendFile(int(fd), "BARRIER=1") })
		err = errors.Join(err, sent)
	}
	err = errors.Join(err, w.Close(), r.SetReadDeadline(time.Now().Add(barrierWait)))
	if err != nil {
		return err
	}
	if _, err := r.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("wait for the service manager: %w", err)
	}
	return nil
}

// sendFile sends the lines with a descriptor. net's own WriteMsgUnix refuses connected datagram sockets.
func (m Manager) sendFile(fd int, lines ...string) error {
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	raw, err := c.SyscallConn()
	if err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	text, rights := []byte(strings.Join(lines, "\n")), syscall.UnixRights(fd)
	var sent error
	err = raw.Write(func(socket uintptr) bool {
		sent = syscall.Sendmsg(int(socket), text, rights, nil, 0)
		return !errors.Is(sent, syscall.EAGAIN)
	})
	if err = errors.Join(err, sent); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}
