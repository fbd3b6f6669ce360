package app

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millpond/installer/service"
)

// update rewrites the golden files.
var update = flag.Bool("update", false, "rewrite the golden files")

// What is written for each system, whichever one the test runs on.
func TestAutostartTexts(t *testing.T) {
	tests := map[string]string{
		"linux.desktop":        desktopEntry("/usr/bin/millpond", false),
		"linux-off.desktop":    desktopEntry("/usr/bin/millpond", true),
		"linux-quoted.desktop": desktopEntry(`/home/a b/50% \of "$x"/millpond`, false),
		"darwin.plist":         launchAgent("/Applications/Mill & pond.app/Contents/MacOS/millpond"),
		"windows.txt":          runValue(`C:\Program Files\Millpond\millpond.exe`),
	}
	for name, got := range tests {
		golden(t, filepath.Join("testdata", "autostart", name), got)
	}
}

// golden compares a text with a file, or writes it with -update.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", path, got, want)
	}
}

func TestLaunchAgentIsXML(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(launchAgent("/a<b>&c")))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// Windows has one list for what starts at log-on, whose names differ by more than case. Both start
// what the other would not.
func TestTrayAndServiceStartBothAtLogOn(t *testing.T) {
	if strings.EqualFold(autostartValue, service.Name) {
		t.Errorf("the tray and the service share the value %q under the Run key", autostartValue)
	}
}
