package history

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy/meter"
)

// The environment that makes this test's program a child: the path of its database.
const (
	childPath = "MILLPOND_HISTORY_CHILD"
	childFull = "MILLPOND_HISTORY_CHILD_FULL"
)

func TestMain(m *testing.M) {
	switch {
	case os.Getenv(childPath) != "":
		runChild(os.Getenv(childPath))
	case os.Getenv(childFull) != "":
		if err := runFull(os.Getenv(childFull)); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	default:
		os.Exit(m.Run())
	}
}

// runChild counts as fast as it can and writes every few milliseconds, until it is
// killed. After each write it prints how many requests that write holds at least.
func runChild(path string) {
	m := meter.New(nil)
	k := New(Config{Path: path, Meter: m, Log: slog.New(slog.NewTextHandler(os.Stdout, nil))})
	ctx := context.Background()
	if !k.begin(ctx) {
		return
	}
	for u := range 4 {
		go func() {
			name := "upstream-" + strconv.Itoa(u)
			for {
				m.Record(meter.Record{Upstream: name, Outcome: meter.OK, Total: time.Duration(rand.Int64N(int64(time.Second)))})
			}
		}()
	}
	for {
		n := m.Counted()
		k.write(ctx, time.Now().Add(time.Duration(rand.IntN(60))*time.Minute)) // rows of many times
		if n > 0 {
			fmt.Println("written", n)
		}
	}
}

// TestSurvivesKill kills a process that writes without pause, at any moment, 200 times.
// Each time the database is whole and has all that was written.
func TestSurvivesKill(t *testing.T) {
	kills := 200
	if testing.Short() {
		kills = 20
	}
	path := filepath.Join(t.TempDir(), "history.db")
	var before uint64
	for n := range kills {
		written := killOne(t, path, time.Duration(rand.Int64N(int64(30*time.Millisecond))))
		got := check(t, path)
		if got < before+written {
			t.Fatalf("kill %d: got %d requests in the history; want at least %d", n+1, got, before+written)
		}
		before = got
	}
	t.Logf("%d requests in the history after %d kills", before, kills)
}

// killOne starts a child, kills it a while after its first write, and returns how many
// requests it said to have written.
func killOne(t *testing.T, path string, after time.Duration) (written uint64) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childPath+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		number, ok := strings.CutPrefix(lines.Text(), "written ")
		if !ok {
			t.Errorf("the child said %q", lines.Text())
			continue
		}
		once.Do(func() { time.AfterFunc(after, func() { _ = child.Process.Kill() }) })
		if n, err := strconv.ParseUint(number, 10, 64); err == nil { // not a line cut by the kill
			written = n
		}
	}
	_ = child.Wait() // it was killed
	if written == 0 {
		t.Fatal("the child wrote nothing")
	}
	return written
}

// check opens the database, has SQLite look at all of it, and adds up the hours.
func check(t *testing.T, path string) (requests uint64) {
	t.Helper()
	f, err := open(t.Context(), path, MaxBytes)
	if err != nil {
		t.Fatal(err)
	}
	defer f.close()
	var verdict string
	if err := f.db.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Fatalf("integrity check: got %q, %v; want ok", verdict, err)
	}
	err = f.each(t.Context(), hours, time.Unix(0, 0), time.Now().Add(2*time.Hour), func(r Row) error {
		requests += r.Counts.Total()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return requests
}
