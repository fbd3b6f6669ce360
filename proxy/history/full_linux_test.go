package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"millpond/proxy/meter"
)

// TestFullDisk: in a process whose files may not grow the counting goes on, the log
// says so once, and what waited is written when there is room again.
func TestFullDisk(t *testing.T) {
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childFull+"="+filepath.Join(t.TempDir(), "history.db"))
	if out, err := child.CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// runFull is the child of TestFullDisk. A limit on the size of files is of a whole
// process, and this way of a full disk needs no rights.
func runFull(path string) error {
	signal.Ignore(syscall.SIGXFSZ)
	now := time.Unix(1_700_000_000, 0).Truncate(time.Hour)
	m := meter.New(func() time.Time { return now })
	var log bytes.Buffer
	k := New(Config{Path: path, Meter: m, Now: func() time.Time { return now }, Log: slog.New(slog.NewTextHandler(&log, nil))})
	ctx := context.Background()
	if !k.begin(ctx) {
		return fmt.Errorf("it did not open: %+v", k.State())
	}
	defer k.end()
	count := func(n int) {
		for range n {
			for u := range 20 {
				m.Record(meter.Record{Upstream: fmt.Sprintf("upstream-%d", u), Outcome: meter.OK, Total: time.Second})
			}
			now = now.Add(time.Minute)
			k.write(ctx, now)
		}
	}
	count(2)
	if err := limit(64 << 10); err != nil {
		return err
	}
	count(30)
	if got := k.State().Code; got != DiskFull {
		return fmt.Errorf("with a full disk: got state %q; want %q: %s", got, DiskFull, log.String())
	}
	if got := strings.Count(log.String(), "not kept"); got != 1 {
		return fmt.Errorf("said %d times; want once: %s", got, log.String())
	}
	if n := m.Snapshot().Counts.OK; n != 32*20 {
		return fmt.Errorf("got %d counted; want %d", n, 32*20)
	}
	if n := len(k.pending); n > maxPending {
		return fmt.Errorf("got %d rows waiting; want at most %d", n, maxPending)
	}
	if err := limit(64 << 20); err != nil {
		return err
	}
	count(1)
	if got := k.State().Code; got != Kept {
		return fmt.Errorf("with room again: got state %q; want %q: %s", got, Kept, log.String())
	}
	var sum uint64
	err := k.file.each(ctx, hours, time.Unix(0, 0), now.Add(time.Hour), func(r Row) error { sum += r.Counts.Total(); return nil })
	if sum != 33*20 {
		err = errors.Join(err, fmt.Errorf("got %d written by the hour; want %d", sum, 33*20))
	}
	return err
}

// limit sets the size that this process's files may have.
func limit(bytes uint64) error {
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &now); err != nil {
		return err
	}
	now.Cur = bytes
	return syscall.Setrlimit(syscall.RLIMIT_FSIZE, &now)
}
