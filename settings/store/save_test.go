package store

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"millpond/settings"
)

// files returns the names in a folder without the lock's.
func files(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".lock") {
			names = append(names, e.Name())
		}
	}
	slices.Sort(names)
	return names
}

// withIdle returns a copy whose pool keeps n idle connections.
func withIdle(s *settings.Settings, n int) *settings.Settings {
	c := s.Clone()
	c.Pool.MaxIdle = n
	return c
}

func TestSaveMakesTheFolderAndAPrivateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "settings.toml")
	s := Open(path, nil)
	if err := s.Save(withIdle(load(t, s), 100)); err != nil {
		t.Fatal(err)
	}
	if got, want := load(t, Open(path, nil)).Pool.MaxIdle, 100; got != want {
		t.Errorf("max_idle = %d; want %d", got, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := info.Mode().Perm(), os.FileMode(0o600); got != want && runtime.GOOS != "windows" {
		t.Errorf("mode = %o; want %o", got, want)
	}
	if got, want := files(t, filepath.Dir(path)), []string{"settings.toml"}; !slices.Equal(got, want) {
		t.Errorf("files = %q; want %q", got, want)
	}
}

func TestSaveKeepsOneBackup(t *testing.T) {
	path := write(t, "# mine\n[pool]\nmax_idle = 1\n")
	s := Open(path, nil)
	first := load(t, s)
	if err := s.Save(withIdle(first, 2)); err != nil {
		t.Fatal(err)
	}
	if got, want := read(t, path+".bak"), "# mine\n[pool]\nmax_idle = 1\n"; got != want {
		t.Errorf("backup = %q; want %q", got, want)
	}
	second := read(t, path)
	if err := s.Save(withIdle(first, 3)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path+".bak"); got != second {
		t.Errorf("backup = %q; want %q", got, second)
	}
	if err := s.Save(withIdle(first, 3)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path+".bak"); got != second {
		t.Errorf("saving the same again replaced the backup: %q", got)
	}
	if got, want := files(t, filepath.Dir(path)), []string{"settings.toml", "settings.toml.bak"}; !slices.Equal(got, want) {
		t.Errorf("files = %q; want %q", got, want)
	}
}

func TestSaveRefusesInvalidSettings(t *testing.T) {
	path := write(t, "version = 1\n")
	s := Open(path, nil)
	err := s.Save(withIdle(load(t, s), -1))
	if err == nil || !strings.Contains(err.Error(), "pool.max_idle: -1") {
		t.Errorf("error = %v; want the field's", err)
	}
	if got, want := read(t, path), "version = 1\n"; got != want {
		t.Errorf("file = %q; want %q", got, want)
	}
}

func TestSaveRefusesAFileThatChanged(t *testing.T) {
	tests := []struct{ name, now string }{
		{"edited", "[pool]\nmax_idle = 7\n"},
		{"broken", "[pool\n"},
		{"mistaken", "[pool]\nmax_idel = 7\n"},
		{"emptied", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, "version = 1\n")
			s := Open(path, nil)
			mine := load(t, s)
			rewrite(t, path, test.now)
			if err := s.Save(mine); !errors.Is(err, ErrChanged) {
				t.Errorf("error = %v; want %v", err, ErrChanged)
			}
			if got := read(t, path); got != test.now {
				t.Errorf("file = %q; want it untouched", got)
			}
			if err := s.Overwrite(mine); err != nil {
				t.Fatal(err)
			}
			if got := load(t, Open(path, nil)); !reflect.DeepEqual(got, mine) {
				t.Errorf("got %+v; want %+v", got, mine)
			}
		})
	}
}

func TestSaveRefusesAFileThatWasNeverRead(t *testing.T) {
	path := write(t, "version = 1\n")
	if err := Open(path, nil).Save(settings.Default()); !errors.Is(err, ErrChanged) {
		t.Errorf("error = %v; want %v", err, ErrChanged)
	}
}

func TestSaveAfterABadLoadKeepsWhatTheUserWrote(t *testing.T) {
	path := write(t, "version = 1\n")
	s := Open(path, nil)
	mine := load(t, s)
	rewrite(t, path, "[pool\n")
	if _, err := s.Load(); err == nil {
		t.Fatal("a broken file was read")
	}
	if err := s.Save(mine); !errors.Is(err, ErrChanged) {
		t.Errorf("error = %v; want %v", err, ErrChanged)
	}
	for _, text := range []string{"[pool\n", "[other\n", "[pool\n"} {
		rewrite(t, path, text)
		if err := s.Overwrite(mine); err != nil {
			t.Fatal(err)
		}
		if err := s.Overwrite(withIdle(mine, 1)); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := read(t, path+".broken"), "[pool\n"; got != want {
		t.Errorf("kept = %q; want %q", got, want)
	}
	if got, want := read(t, path+".broken.2"), "[other\n"; got != want {
		t.Errorf("kept = %q; want %q", got, want)
	}
	if _, err := os.Stat(path + ".broken.3"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the same text was kept twice")
	}
}

func TestSaveAfterTheFileWasRemoved(t *testing.T) {
	path := write(t, "[pool]\nmax_idle = 7\n")
	s := Open(path, nil)
	mine := load(t, s)
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(mine); err != nil {
		t.Fatal(err)
	}
	if got := load(t, Open(path, nil)); !reflect.DeepEqual(got, mine) {
		t.Errorf("got %+v; want %+v", got, mine)
	}
}

func TestTheLaterOfTwoSavesIsTold(t *testing.T) {
	path := write(t, "version = 1\n")
	daemon, cli := Open(path, nil), Open(path, nil)
	a, b := load(t, daemon), load(t, cli)
	if err := daemon.Save(withIdle(a, 1)); err != nil {
		t.Fatal(err)
	}
	if err := cli.Save(withIdle(b, 2)); !errors.Is(err, ErrChanged) {
		t.Errorf("error = %v; want %v", err, ErrChanged)
	}
	if err := cli.Save(withIdle(load(t, cli), 2)); err != nil {
		t.Error(err)
	}
}

func TestSavesAtTheSameTimeAllButOneAreTold(t *testing.T) {
	const writers = 8
	path := write(t, "version = 1\n")
	result := make(chan error, writers)
	var stores []*Store
	for range writers {
		s := Open(path, nil)
		load(t, s)
		stores = append(stores, s)
	}
	for i, s := range stores {
		go func() { result <- s.Save(withIdle(settings.Default(), i+1)) }()
	}
	saved := 0
	for range writers {
		if err := <-result; err == nil {
			saved++
		} else if !errors.Is(err, ErrChanged) {
			t.Error(err)
		}
	}
	if saved != 1 {
		t.Errorf("%d saved; want 1", saved)
	}
}

func TestSaveKeepsASymbolicLink(t *testing.T) {
	dotfiles := write(t, "version = 1\n")
	path := filepath.Join(t.TempDir(), "settings.toml")
	if err := os.Symlink(dotfiles, path); err != nil {
		t.Fatal(err)
	}
	s := Open(path, nil)
	if err := s.Save(withIdle(load(t, s), 5)); err != nil {
		t.Fatal(err)
	}
	if got, err := os.Readlink(path); got != dotfiles {
		t.Errorf("link leads to %q, %v; want %q", got, err, dotfiles)
	}
	if got := read(t, dotfiles); !strings.Contains(got, "max_idle = 5") {
		t.Errorf("the link's target was not written: %s", got)
	}
	if got, want := files(t, filepath.Dir(dotfiles)), []string{"settings.toml"}; !slices.Equal(got, want) {
		t.Errorf("files beside the target = %q; want %q", got, want)
	}
}

func TestAFailedSaveChangesNothing(t *testing.T) {
	path := write(t, "version = 1\n")
	s := Open(path, nil)
	mine := load(t, s)
	if err := os.Mkdir(path+".bak", 0o700); err != nil { // no backup can be made
		t.Fatal(err)
	}
	if err := s.Save(mine); err == nil {
		t.Error("saved without a backup")
	}
	if got, want := read(t, path), "version = 1\n"; got != want {
		t.Errorf("file = %q; want %q", got, want)
	}
	if got, want := files(t, filepath.Dir(path)), []string{"settings.toml", "settings.toml.bak"}; !slices.Equal(got, want) {
		t.Errorf("files = %q; want %q", got, want)
	}
	if err := os.Remove(path + ".bak"); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(mine); err != nil {
		t.Errorf("once there is room again: %v", err)
	}
}

func TestTheEnvironmentIsNotWritten(t *testing.T) {
	const before = "[listen]\naddress = \"127.0.0.1:1\"\n[pool]\nmax_connections = 100\nmax_idle = 50\n"
	path := write(t, before)
	s := Open(path, []string{
		"MILLPOND_LISTEN_ADDRESS=127.0.0.1:2", "MILLPOND_LISTEN_TOKEN=env:T", "MILLPOND_POOL_PRESET=gentle", "MILLPOND_POOL_WARM=3",
	})
	next := load(t, s)
	if got, want := next.Pool.MaxConnectionsPerHost, 5; got != want {
		t.Fatalf("max_connections_per_host = %d; want %d", got, want)
	}
	next.Failover.Attempts = 2 // a change of the user's
	next.Pool.Warm = 4         // and one to what the environment says
	if err := s.Save(next); err != nil {
		t.Fatal(err)
	}
	want := settings.Default()
	want.Listen.Address = "127.0.0.1:1"
	want.Pool.MaxConnections, want.Pool.MaxIdle, want.Pool.Warm = 100, 50, 4
	want.Failover.Attempts = 2
	if got := load(t, Open(path, nil)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
	next.Failover.Attempts = 4 // and once more, from what was saved
	if err := s.Save(next); err != nil {
		t.Fatal(err)
	}
	want.Failover.Attempts = 4
	if got := load(t, Open(path, nil)); !reflect.DeepEqual(got, want) {
		t.Errorf("after a second save: got %+v\nwant %+v", got, want)
	}
}

func TestTheFileNeedNotBeValidWithoutTheEnvironment(t *testing.T) {
	path := write(t, "[listen]\naddress = \"0.0.0.0:7860\"\n")
	s := Open(path, []string{"MILLPOND_LISTEN_TOKEN=env:T"})
	if err := s.Save(withIdle(load(t, s), 5)); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); strings.Contains(got, "env:T") || !strings.Contains(got, "0.0.0.0:7860") {
		t.Errorf("file = %s", got)
	}
}
