package main

import (
	"bytes"
	"os/exec"
	"path/filepath"
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
