package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"millpond/settings"
)

// told is one call of the function that Watch tells.
type told struct {
	idle int // pool.max_idle of the settings; -1 with an error
	err  error
}

// watch starts to watch and returns what is told. The test waits for its end.
func watch(t *testing.T, s *Store) <-chan told {
	t.Helper()
	events := make(chan told, 100)
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		err := s.Watch(ctx, func(next *settings.Settings, take func(), err error) {
			if err != nil {
				events <- told{-1, err}
				return
			}
			take()
			events <- told{next.Pool.MaxIdle, nil}
		})
		if err != nil {
			t.Errorf("Watch = %v; want nil", err)
		}
	})
	t.Cleanup(func() { cancel(); wg.Wait() })
	return events
}

// next waits for something to be told.
func next(t *testing.T, events <-chan told) told {
	t.Helper()
	select {
	case e := <-events:
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("nothing was told")
		return told{}
	}
}

// wantIdle waits for settings, and fails when they are others. That a file is empty may be told before,
// when this machine is slow in the midst of writing it.
func wantIdle(t *testing.T, events <-chan told, idle int) {
	t.Helper()
	e := next(t, events)
	for errors.Is(e.err, ErrEmpty) {
		e = next(t, events)
	}
	if e.idle != idle {
		t.Fatalf("told %d, %v; want %d", e.idle, e.err, idle)
	}
}

// file returns the text of a file whose pool keeps one or another number of idle connections.
func file(idle string) string { return "[pool]\nmax_idle = " + idle + "\n" }

// moveIn replaces a file as editors do: a new one takes its name.
func moveIn(t *testing.T, path, text string) {
	t.Helper()
	rewrite(t, path+".new", text)
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// link makes or replaces a symbolic link in one step.
func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path+".new"); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

func TestWatchTellsOfEdits(t *testing.T) {
	path := write(t, file("1"))
	s := Open(path, nil)
	load(t, s)
	events := watch(t, s)
	rewrite(t, path, file("2"))
	wantIdle(t, events, 2)
	moveIn(t, path, file("3"))
	wantIdle(t, events, 3)
	moveIn(t, path, file("4"))
	wantIdle(t, events, 4)
}

func TestWatchTellsOfWhatChangedBefore(t *testing.T) {
	path := write(t, file("1"))
	s := Open(path, nil)
	load(t, s)
	rewrite(t, path, file("2"))
	wantIdle(t, watch(t, s), 2)
}

func TestWatchTellsOfMistakesAndTheirEnd(t *testing.T) {
	path := write(t, file("1"))
	s := Open(path, nil)
	load(t, s)
	events := watch(t, s)

	moveIn(t, path, file("-1"))
	var field *settings.FieldError
	if e := next(t, events); !errors.As(e.err, &field) || field.Path != "pool.max_idle" {
		t.Errorf("told %v; want a field error", e.err)
	}
	moveIn(t, path, file("?"))
	var syntax *SyntaxError
	if e := next(t, events); !errors.As(e.err, &syntax) {
		t.Errorf("told %v; want a syntax error", e.err)
	}
	moveIn(t, path, file("1")) // back to what runs: the mistake must not stay on show
	wantIdle(t, events, 1)
}

func TestWatchKeepsTheSettingsOfAFileThatIsGone(t *testing.T) {
	path := write(t, file("1"))
	s := Open(path, nil)
	load(t, s)
	events := watch(t, s)

	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if e := next(t, events); !errors.Is(e.err, fs.ErrNotExist) {
		t.Errorf("told %v; want %v", e.err, fs.ErrNotExist)
	}
	rewrite(t, path, file("1"))
	wantIdle(t, events, 1)
	rewrite(t, path, "\n")
	if e := next(t, events); !errors.Is(e.err, ErrEmpty) {
		t.Errorf("told %v; want %v", e.err, ErrEmpty)
	}
	rewrite(t, path, file("2"))
	wantIdle(t, events, 2)
}

func TestWatchDoesNotTellOfOurOwnSave(t *testing.T) {
	path := write(t, file("1"))
	s := Open(path, nil)
	mine := load(t, s)
	events := watch(t, s)
	if err := s.Save(withIdle(mine, 2)); err != nil {
		t.Fatal(err)
	}
	moveIn(t, path, file("3"))
	wantIdle(t, events, 3)
}

func TestWatchFollowsSymbolicLinks(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"one", "two", "config"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	one, two := filepath.Join(dir, "one", "settings.toml"), filepath.Join(dir, "two", "settings.toml")
	rewrite(t, one, file("1"))
	rewrite(t, two, file("2"))
	path := filepath.Join(dir, "config", "settings.toml")
	link(t, one, path)
	s := Open(path, nil)
	load(t, s)
	events := watch(t, s)

	moveIn(t, one, file("11")) // the target is replaced
	wantIdle(t, events, 11)
	link(t, filepath.Join("..", "two", "settings.toml"), path) // the link is replaced
	wantIdle(t, events, 2)
	rewrite(t, two, file("22")) // the new target is written to
	wantIdle(t, events, 22)
}

// A mounted Kubernetes ConfigMap: the file is a link through ..data, which is replaced as a whole.
func TestWatchFollowsALinkedFolder(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"..1", "..2"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		rewrite(t, filepath.Join(dir, name, "settings.toml"), file(name[2:]))
	}
	link(t, "..1", filepath.Join(dir, "..data"))
	path := filepath.Join(dir, "settings.toml")
	link(t, filepath.Join("..data", "settings.toml"), path)
	s := Open(path, nil)
	load(t, s)
	events := watch(t, s)
	link(t, "..2", filepath.Join(dir, "..data"))
	wantIdle(t, events, 2)
}

func TestWatchSurvivesItsFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "millpond")
	path := filepath.Join(dir, "settings.toml")
	s := Open(path, nil)
	load(t, s) // there is neither folder nor file yet
	events := watch(t, s)
	put := func(idle string) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		moveIn(t, path, file(idle))
	}
	put("1")
	wantIdle(t, events, 1)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if e := next(t, events); !errors.Is(e.err, fs.ErrNotExist) {
		t.Errorf("told %v; want %v", e.err, fs.ErrNotExist)
	}
	put("2")
	wantIdle(t, events, 2)
	put("3")
	wantIdle(t, events, 3)
}
