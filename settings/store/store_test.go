package store

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"millpond/settings"
)

func TestMissingFileMeansDefaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.toml")
	got, err := Open(path, nil).Load()
	if err != nil {
		t.Fatal(err)
	}
	if want := settings.Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if _, err := os.Stat(path); err == nil {
		t.Errorf("Load made a file")
	}
}

func TestSaveThenLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "folder", "settings.toml")
	s := Open(path, nil)
	next, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	next.Pool.MaxIdle = 100
	if err := s.Save(next); err != nil {
		t.Fatal(err)
	}
	got, err := Open(path, nil).Load()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, next) {
		t.Errorf("got %+v; want %+v", got, next)
	}
}
