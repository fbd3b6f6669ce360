package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
)

// Every workflow is one that GitHub understands: its keys and expressions, what it hands to actions, what it
// needs of other jobs, and, where shellcheck is installed, its scripts.
func TestWorkflows(t *testing.T) {
	paths, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil || len(paths) < 2 {
		t.Fatalf("got %q, %v; want the workflows", paths, err)
	}
	shellcheck, _ := exec.LookPath("shellcheck") // "" leaves the scripts out
	var said bytes.Buffer
	linter, err := actionlint.NewLinter(&said, &actionlint.LinterOptions{Shellcheck: shellcheck})
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.LintFiles(paths, nil)
	if err != nil || len(found) > 0 {
		t.Errorf("%v\n%s", err, &said)
	}
}

// What C compiles for macOS in the workflow runs where Info.plist says it does.
func TestWorkflowMinMacOS(t *testing.T) {
	text, err := os.ReadFile("../../.github/workflows/release.yml")
	if err != nil {
		t.Fatal(err)
	}
	if want := `MACOSX_DEPLOYMENT_TARGET: "` + minMacOS + `"`; !strings.Contains(string(text), want) {
		t.Errorf("release.yml does not say %s", want)
	}
}
