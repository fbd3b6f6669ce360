package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A person turns it on and off, with and without a package that has it on for all.
func TestStartAtLogin(t *testing.T) {
	for _, installed := range []bool{false, true} {
		home, system := t.TempDir(), t.TempDir()
		t.Setenv("XDG_CONFIG_HOME", home)
		t.Setenv("XDG_CONFIG_DIRS", system)
		if installed {
			entry := filepath.Join(system, "autostart", autostartEntry)
			if err := writeWhole(entry, []byte(desktopEntry("/usr/bin/millpond", false)), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := startsAtLogin(); err != nil || got != installed {
			t.Errorf("installed %v: got %v, %v at first", installed, got, err)
		}
		for _, on := range []bool{true, true, false, false, true} {
			if err := startAtLogin(on); err != nil {
				t.Fatal(err)
			}
			if got, err := startsAtLogin(); err != nil || got != on {
				t.Errorf("installed %v: got %v, %v; want %v", installed, got, err, on)
			}
		}
		text, err := os.ReadFile(filepath.Join(home, "autostart", autostartEntry))
		if err != nil || !strings.Contains(string(text), execOf(trayProgram())) {
			t.Errorf("got %s, %v; want it to start %s", text, err, trayProgram())
		}
		if err := startAtLogin(false); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(home, "autostart", autostartEntry)); (err == nil) != installed {
			t.Errorf("installed %v: an entry is left: %v", installed, err == nil)
		}
	}
}

// The packages' entry, which is called by the application's id, is the one that the
// user's own overrides.
func TestAutostartEntry(t *testing.T) {
	text, err := os.ReadFile("../FyneApp.toml")
	if err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSuffix(autostartEntry, ".desktop")
	if want := "ID = \"" + id + "\"\n"; !strings.Contains(string(text), want) {
		t.Errorf("the entry is called %s; want it called by the id in FyneApp.toml", autostartEntry)
	}
	if !strings.Contains(desktopEntry("/usr/bin/millpond", false), "Icon="+id+"\n") {
		t.Error("the entry's icon is not the one that packages install")
	}
}
