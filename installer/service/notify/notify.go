// Package notify tells systemd how the daemon is: the protocol of sd_notify(3), which is a datagram
// of VARIABLE=VALUE lines to the socket that $NOTIFY_SOCKET names. Under any other service manager,
// and at a terminal, everything here does nothing.
package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Manager is the systemd that started this process. The zero value is none, and is told nothing.
type Manager struct {
	socket   string
	watchdog time.Duration // 0: it does not watch
}

// FromEnvironment returns the manager that the environment names. WATCHDOG_PID says whom a watchdog
// is meant for; one of another process is none of ours (sd_watchdog_enabled(3)).
func FromEnvironment(getenv func(string) string) Manager {
	m := Manager{socket: getenv("NOTIFY_SOCKET")}
	usec, err := strconv.ParseInt(getenv("WATCHDOG_USEC"), 10, 64)
	if pid := getenv("WATCHDOG_PID"); err == nil && usec > 0 && (pid == "" || pid == strconv.Itoa(os.Getpid())) {
		m.watchdog = time.Duration(usec) * time.Microsecond
	}
	return m
}

// Present reports whether a manager listens.
func (m Manager) Present() bool { return m.socket != "" }

// Ready says that the daemon serves, with a sentence for the status.
func (m Manager) Ready(status string) error {
	return m.send("READY=1", "STATUS="+line(status), "ERRNO=0")
}

// Reloading says that the daemon reads its settings again. Ready must follow. The time is what
// Type=notify-reload tells two reloads apart by.
func (m Manager) Reloading() error {
	return m.send("RELOADING=1", "MONOTONIC_USEC="+strconv.FormatInt(monotonic().Microseconds(), 10))
}

// Stopping says that the daemon ends by itself or as it was told.
func (m Manager) Stopping(status string) error { return m.send("STOPPING=1", "STATUS="+line(status)) }

// Failed says why the daemon cannot serve. The manager shows the sentence until the next start.
func (m Manager) Failed(err error) error {
	number := syscall.EIO // of what no system call refused
	errors.As(err, &number)
	return m.send("STATUS="+line(err.Error()), "ERRNO="+strconv.Itoa(int(number)))
}

// Watch tells the watchdog that the daemon is alive whenever alive says so, at a third of the time
// that it waits, until ctx is done. Without a watchdog it returns at once. A daemon that is not
// alive for that whole time is killed and started again.
func (m Manager) Watch(ctx context.Context, alive func(context.Context) error) {
	if m.watchdog <= 0 || !m.Present() {
		return
	}
	every := m.watchdog / 3
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		asked, cancel := context.WithTimeout(ctx, every)
		if err := alive(asked); err == nil {
			_ = m.send("WATCHDOG=1") // a manager that cannot be told will act on its own
		}
		cancel()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// send sends the lines as one message.
func (m Manager) send(lines ...string) error {
	if !m.Present() {
		return nil
	}
	c, err := m.dial()
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err := c.Write([]byte(strings.Join(lines, "\n"))); err != nil {
		return fmt.Errorf("tell the service manager: %w", err)
	}
	return nil
}

// dial opens the manager's socket. A name that begins with @ is in the abstract name space, for Go too.
func (m Manager) dial() (*net.UnixConn, error) {
	c, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: m.socket, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("tell the service manager: %w", err)
	}
	return c, nil
}

// line makes one line of a text, since a line break would begin another variable.
func line(text string) string { return strings.Join(strings.FieldsFunc(text, isBreak), "; ") }

func isBreak(r rune) bool { return r == '\n' || r == '\r' }
