package app

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millpond/app/model"
)

func TestPreferencesAreKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", PreferencesName)
	if got, err := loadPreferences(path); err != nil || got != (model.Preferences{}) {
		t.Errorf("without a file: got %+v, %v; want the system's", got, err)
	}
	for _, want := range []model.Preferences{{Language: "zh_Hans", Theme: "dark"}, {Theme: "light"}, {}} {
		if err := savePreferences(path, want); err != nil {
			t.Fatal(err)
		}
		if got, err := loadPreferences(path); err != nil || got != want {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*")); len(left) != 1 {
		t.Errorf("got %v; want the one file", left)
	}
}

// A file that makes no sense changes nothing, and the error names it.
func TestWrongPreferences(t *testing.T) {
	tests := map[string]string{
		"no JSON":          "language = en",
		"unknown language": `{"language":"xx"}`,
		"unknown theme":    `{"theme":"purple"}`,
		"too large":        `{"theme":"dark"}` + strings.Repeat(" ", preferencesMost),
	}
	for name, text := range tests {
		path := filepath.Join(t.TempDir(), PreferencesName)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := loadPreferences(path)
		if err == nil || !strings.Contains(err.Error(), path) || got != (model.Preferences{}) {
			t.Errorf("%s: got %+v, %v; want the system's and an error that names the file", name, got, err)
		}
	}
	path := filepath.Join(t.TempDir(), PreferencesName)
	if err := savePreferences(path, model.Preferences{Theme: "purple"}); err == nil {
		t.Error("an unknown theme was saved")
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a refused save made a file")
	}
}
