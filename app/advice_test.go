package app

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// What a sentence of advice mentions is a figure that the daemon gives.
func TestAdviceMentionsWhatIsGiven(t *testing.T) {
	names, err := filepath.Glob("../proxy/advisor/advice_*.go")
	if err != nil || len(names) == 0 {
		t.Fatalf("no sources of the daemon's advice: %v", err)
	}
	given := ""
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		given += string(text)
	}
	capital := regexp.MustCompile(`([a-z0-9])([A-Z])`)
	for key, words := range keysOf(t, english) {
		if !strings.HasPrefix(key, "advice.found.") || key == "advice.found.other" {
			continue
		}
		for _, place := range placesOf(words) {
			figure := strings.ToLower(capital.ReplaceAllString(strings.Trim(place, "{.}"), "${1}_$2"))
			if !strings.Contains(given, `"`+figure+`"`) && !strings.Contains(given, `"`+figure+`_ms"`) {
				t.Errorf("%s mentions %s, and there is no figure %s", key, place, figure)
			}
		}
	}
}
