package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRootWritesForTheOwner shows that settings which root saves belong to the owner of their folder.
func TestRootWritesForTheOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can give files away")
	}
	const somebody = 12345
	dir := t.TempDir()
	if err := os.Chown(dir, somebody, somebody); err != nil {
		t.Fatal(err)
	}
	s := Open(filepath.Join(dir, "settings.toml"), nil)
	next, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second one keeps the first beside it
		next.Pool.MaxIdle++
		if err := s.Save(next); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"settings.toml", "settings.toml.bak"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Sys().(*syscall.Stat_t).Uid; got != somebody {
			t.Errorf("%s belongs to user %d; want %d", name, got, somebody)
		}
	}
}
