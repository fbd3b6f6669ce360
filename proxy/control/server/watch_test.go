package server

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millpond/proxy/control"
)

// slowest is a pace at which nothing arrives by the clock within a test.
const slowest = time.Minute

func TestWatchSendsPresentThenNewest(t *testing.T) {
	m := newMemory()
	path, _ := start(t, m)
	var seen []uint64
	for s, err := range dial(t, path).Watch(t.Context(), slowest) {
		if err != nil {
			t.Fatal(err)
		}
		if seen = append(seen, s.Revision); s.Revision == 3 {
			break
		}
		_ = m.change(func(s *control.Status) { s.Revision++ })
	}
	if len(seen) != 3 || seen[0] != 1 || seen[1] != 2 {
		t.Errorf("got revisions %v; want 1, 2 and 3", seen)
	}
}

// The counts have no signal of their own: they are looked at once in every pace.
func TestWatchSendsCounts(t *testing.T) {
	m := newMemory()
	path, _ := start(t, m)
	for s, err := range dial(t, path).Watch(t.Context(), paceLeast) {
		if err != nil {
			t.Fatal(err)
		}
		if s.Stats.TotalRequests == 7 {
			break
		}
		m.mu.Lock()
		m.status.Stats.TotalRequests = 7
		m.mu.Unlock()
	}
}

// A watcher that does not read for a while finds the newest state after a few
// that the kernel held, not all that it missed; and it holds nobody up.
func TestSlowWatcherSkips(t *testing.T) {
	const changes = 2000
	m := newMemory()
	m.status.ConfigPath = strings.Repeat("x", 4<<10) // as long as a status with some upstreams
	path, _ := start(t, m)
	seen := 0
	for s, err := range dial(t, path).Watch(t.Context(), slowest) {
		if err != nil {
			t.Fatal(err)
		}
		if seen++; seen == 1 {
			for range changes {
				_ = m.change(func(s *control.Status) { s.Revision++ })
			}
		}
		if s.Revision == changes+1 {
			break
		}
	}
	if seen > changes/4 {
		t.Errorf("got %d statuses; want most of %d skipped", seen, changes)
	}
}

func TestWatchEndsWithContext(t *testing.T) {
	path, _ := start(t, newMemory())
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, err := range dial(t, path).Watch(ctx, slowest) {
		if err != nil {
			t.Fatalf("got %v; want no error", err)
		}
		cancel()
	}
}

func TestWatchEndsWithDaemon(t *testing.T) {
	path, stop := start(t, newMemory())
	var last error
	for _, err := range dial(t, path).Watch(t.Context(), slowest) {
		if last = err; err == nil {
			stop()
		}
	}
	if !errors.Is(last, control.ErrNotRunning) {
		t.Errorf("got %v; want %v", last, control.ErrNotRunning)
	}
}

// A client that neither reads nor leaves does not keep the daemon from stopping.
func TestStopWithStuckWatcher(t *testing.T) {
	m := newMemory()
	m.status.ConfigPath = strings.Repeat("x", 1<<20) // more than any socket holds
	path, stop := start(t, m)
	c := dial(t, path)
	for _, err := range c.Watch(t.Context(), slowest) {
		if err != nil {
			break // cut off in the middle of a status
		}
		_ = m.change(func(s *control.Status) { s.Revision++ })
		stop()
	}
}

func TestNotRunning(t *testing.T) {
	none := filepath.Join(t.TempDir(), "control.sock")
	if _, err := dial(t, none).Status(t.Context()); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("no socket: got %v; want %v", err, control.ErrNotRunning)
	}
	for _, err := range dial(t, none).Watch(t.Context(), 0) {
		if !errors.Is(err, control.ErrNotRunning) {
			t.Errorf("watch without a socket: got %v; want %v", err, control.ErrNotRunning)
		}
	}
	path, stop := start(t, newMemory())
	c := dial(t, path)
	if _, err := c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, err := c.Status(t.Context()); !errors.Is(err, control.ErrNotRunning) {
		t.Errorf("after the daemon stopped: got %v; want %v", err, control.ErrNotRunning)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("the socket is still there after the daemon stopped")
	}
}
