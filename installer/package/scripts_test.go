package main

import (
	"bytes"
	"io/fs"
	"os/exec"
	"strings"
	"testing"
)

// Every script of a package is one that the shell reads, and shellcheck where it is installed.
func TestScripts(t *testing.T) {
	p, _ := sample(t)
	seen := 0
	err := fs.WalkDir(templates, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := p.fillFrom(path)
		if err != nil || !strings.HasPrefix(string(text), "#!/bin/sh\n") {
			return err
		}
		seen++
		for _, check := range [][]string{{"sh", "-n"}, {"shellcheck", "--shell=sh", "--severity=warning", "-"}} {
			if _, err := exec.LookPath(check[0]); err != nil && check[0] == "shellcheck" {
				continue // .ci/install brings it
			}
			c := exec.CommandContext(t.Context(), check[0], check[1:]...)
			c.Stdin = bytes.NewReader(text)
			if out, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %s: %v\n%s", path, check[0], err, out)
			}
		}
		return nil
	})
	if err != nil || seen < 4 {
		t.Errorf("got %d scripts, %v; want the four of the packages", seen, err)
	}
}
