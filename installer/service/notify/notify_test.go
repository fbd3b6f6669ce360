package notify

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// environment returns a getenv.
func environment(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

// listen plays systemd: it returns the socket's name and what the next message is.
func listen(t *testing.T) (name string, next func() string) {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no unix datagrams, and no systemd")
	}
	dir, err := os.MkdirTemp("", "mp") // a unix socket's address is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name = filepath.Join(dir, "s")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return name, func() string {
		t.Helper()
		if err := c.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, err := c.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
}

func TestMessages(t *testing.T) {
	name, next := listen(t)
	m := FromEnvironment(environment(map[string]string{"NOTIFY_SOCKET": name}))
	taken := fmt.Errorf("listen: port 1\nis taken: %w", syscall.EADDRINUSE)
	tests := map[string]struct {
		tell func() error
		want string
	}{
		"ready":         {func() error { return m.Ready("listens") }, "READY=1\nSTATUS=listens\nERRNO=0"},
		"stopping":      {func() error { return m.Stopping("ends\r\nsoon") }, "STOPPING=1\nSTATUS=ends; soon"},
		"failed":        {func() error { return m.Failed(errors.New("wrong settings")) }, fmt.Sprintf("STATUS=wrong settings\nERRNO=%d", int(syscall.EIO))},
		"failed system": {func() error { return m.Failed(taken) }, fmt.Sprintf("STATUS=listen: port 1; is taken: %v\nERRNO=%d", syscall.EADDRINUSE, int(syscall.EADDRINUSE))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if err := tt.tell(); err != nil {
				t.Fatal(err)
			}
			if got := next(); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
	if err := m.Reloading(); err != nil {
		t.Fatal(err)
	}
	if got := next(); !regexp.MustCompile(`^RELOADING=1\nMONOTONIC_USEC=\d+$`).MatchString(got) {
		t.Errorf("got %q; want a reload with its time", got)
	}
}

// TestNobodyListens shows that without a manager nothing is done, and that one that is gone is an error.
func TestNobodyListens(t *testing.T) {
	var none Manager
	if err := errors.Join(none.Ready(""), none.Reloading(), none.Stopping(""), none.Failed(syscall.EIO)); err != nil || none.Present() {
		t.Errorf("without a manager: got %v; want nothing", err)
	}
	none.Watch(t.Context(), func(context.Context) error { t.Error("asked without a watchdog"); return nil })
	gone := Manager{socket: filepath.Join(t.TempDir(), "gone")}
	if err := gone.Ready(""); err == nil {
		t.Error("a socket that is gone: got no error; want one")
	}
}

// TestWatch shows that the watchdog hears of a daemon that is alive, and nothing of one that is not.
func TestWatch(t *testing.T) {
	name, next := listen(t)
	m := FromEnvironment(environment(map[string]string{"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "30000", "WATCHDOG_PID": strconv.Itoa(os.Getpid())}))
	ctx, cancel := context.WithCancel(t.Context())
	asked, ended := 0, make(chan struct{})
	go func() {
		defer close(ended)
		m.Watch(ctx, func(context.Context) error {
			if asked++; asked <= 3 {
				return errors.New("does not answer")
			}
			return nil
		})
	}()
	for range 2 {
		if got, want := next(), "WATCHDOG=1"; got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
	cancel()
	<-ended
	if asked < 5 {
		t.Errorf("asked %d times for 2 signs of life after 3 failures; want 5 or more", asked)
	}
}

// TestWatchdogOfAnother shows that a watchdog for another process, or a wrong one, is none.
func TestWatchdogOfAnother(t *testing.T) {
	for _, vars := range []map[string]string{
		{"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"},
		{"WATCHDOG_USEC": "soon"},
		{"WATCHDOG_USEC": "-5"},
		{},
	} {
		if m := FromEnvironment(environment(vars)); m.watchdog != 0 {
			t.Errorf("%v: got %v; want no watchdog", vars, m.watchdog)
		}
	}
	if m := FromEnvironment(environment(map[string]string{"WATCHDOG_USEC": "30000000"})); m.watchdog != 30*time.Second {
		t.Errorf("got %v; want 30s", m.watchdog)
	}
}
