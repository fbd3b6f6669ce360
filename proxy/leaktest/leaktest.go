// Package leaktest fails tests that leave goroutines or descriptors behind. It is
// imported by tests only.
package leaktest

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// patience is how long what is ending may take to end. Only a test that fails
// waits for it to pass.
const patience = 10 * time.Second

// Check remembers the goroutines and descriptors that there are, and lets t fail if
// there are others once it is over. Call it first: cleanups run backwards, so
// those of the test come before the comparison. A test that runs beside others
// (t.Parallel) would be blamed for theirs.
//
// Descriptors are compared where the system lists them under /proc/self/fd.
func Check(t testing.TB) {
	t.Helper()
	wakePoller(t)
	goroutines, descriptors := stacks(), open()
	t.Cleanup(func() {
		if t.Failed() {
			return // what it did not come to close is not news
		}
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		late := time.After(patience)
		for {
			routines, files := beyond(goroutines, stacks()), beyond(descriptors, open())
			if len(routines) == 0 && len(files) == 0 {
				return
			}
			select {
			case <-tick.C:
			case <-late:
				t.Errorf("left behind: %d goroutines, %d descriptors\n%s\n%s", len(routines), len(files),
					strings.Join(files, "\n"), strings.Join(routines, "\n\n"))
				return
			}
		}
	})
}

// wakePoller has the runtime open its own descriptors before they are counted.
func wakePoller(t testing.TB) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
}

// stacks returns the stack of each goroutine but those of the testing package, by
// its number.
func stacks() map[string]string {
	buf := make([]byte, 1<<20)
	for {
		n := runtime.Stack(buf, true)
		if n < len(buf) {
			buf = buf[:n]
			break
		}
		buf = make([]byte, 2*len(buf))
	}
	all := map[string]string{}
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		name, _, _ := strings.Cut(stack, " [") // "goroutine 7"
		if !strings.Contains(stack, "testing.(*T).Run(") && !strings.Contains(stack, "testing.tRunner(") {
			all[name] = stack
		}
	}
	return all
}

// open returns what each descriptor of the process is, by its number.
func open() map[string]string {
	const dir = "/proc/self/fd"
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	all := map[string]string{}
	for _, e := range entries {
		what, err := os.Readlink(filepath.Join(dir, e.Name()))
		if err == nil && !strings.HasPrefix(what, "/proc/") {
			all[e.Name()+" "+what] = e.Name() + " " + what
		}
	}
	return all
}

// beyond returns what is in now and was not in before.
func beyond(before, now map[string]string) []string {
	var extra []string
	for key, what := range now {
		if _, known := before[key]; !known {
			extra = append(extra, what)
		}
	}
	return extra
}
