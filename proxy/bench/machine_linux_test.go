package bench

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// TestProcessorTime compares the clock with what getrusage(2) says before and after it was read, which
// is in microseconds. Hundredths of a second would lie outside sooner or later.
func TestProcessorTime(t *testing.T) {
	spent := func() time.Duration {
		var r syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
			t.Fatal(err)
		}
		return time.Duration(r.Utime.Nano() + r.Stime.Nano())
	}
	const unit = 2 * time.Microsecond // user and system are cut each
	for range 1000 {
		before := spent()
		got, err := processorTime(os.Getpid())
		if after := spent(); err != nil || got < before-unit || got > after+unit {
			t.Fatalf("got %v, %v; want %v to %v", got, err, before, after)
		}
	}
	if _, err := processorTime(1 << 22); err == nil { // the first that no process can have
		t.Error("got no error for a process that does not exist")
	}
}
