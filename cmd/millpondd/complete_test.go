package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// person is a home with settings in it, as an environment.
func person(t *testing.T) []string {
	t.Helper()
	home := t.TempDir()
	file := filepath.Join(home, "settings.toml")
	const text = `version = 1
[[upstreams]]
name = "relay"
kind = "anthropic"
url = "https://relay.example"
[[upstreams]]
name = "worker.1"
kind = "a2a"
url = "http://127.0.0.1:9001"
[[routes]]
path = "/a"
upstreams = ["relay"]
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"HOME=" + home, "USERPROFILE=" + home, "AppData=" + home, "LocalAppData=" + home, "MILLPOND_CONFIG=" + file,
		"MILLPOND_STATE=" + filepath.Join(home, "state"), "MILLPOND_CONTROL=" + filepath.Join(home, "none", "c.sock"), "PATH=" + os.Getenv("PATH")}
}

// completions asks the program as the shells' scripts do: the words so far, the last one begun.
func completions(t *testing.T, environ []string, words ...string) []string {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), append([]string{cobra.ShellCompRequestCmd}, words...), streams{strings.NewReader(""), &out, &errs}, environ)
	if code != exitDone {
		t.Fatalf("%q: got exit code %d, %s", words, code, errs.String())
	}
	var found []string
	for line := range strings.Lines(out.String()) {
		if word, _, _ := strings.Cut(strings.TrimSpace(line), "\t"); !strings.HasPrefix(word, ":") {
			found = append(found, word)
		}
	}
	return found
}

func TestComplete(t *testing.T) {
	environ := person(t)
	tests := []struct {
		words string
		want  []string // all of these
		not   []string // and none of these
	}{
		{"|", []string{"serve", "config", "upstream", "connect", "completion"}, []string{"man", "child"}},
		{"config get |", []string{"pool.max_idle", "upstreams[relay].url", "upstreams[worker.1].pool.scope", "routes[0].path"}, []string{"upstreams[].url"}},
		{"config get pool.max_idle |", nil, []string{"pool.max_idle"}},
		{"config set pool.preset |", []string{"balanced", "gentle", "fan-out", "unpooled", "custom"}, nil},
		{"config set upstreams[relay].kind |", []string{"anthropic", "a2a"}, nil},
		{"config set upstreams[relay].enabled |", []string{"true", "false"}, nil},
		{"config set upstreams[relay].pool.scope |", []string{"shared", "upstream", "caller"}, nil},
		{"config set pool.warm |", []string{"auto"}, nil},
		{"config set pool.max_idle |", []string{"256"}, nil},
		{"config set pool.max_idle 256 |", nil, []string{"256"}},
		{"config set no.such |", nil, []string{"0"}},
		{"config preset |", []string{"gentle"}, nil},
		{"upstream use |", []string{"relay", "worker.1"}, nil},
		{"upstream remove re|", []string{"relay"}, nil},
		{"upstream add |", []string{"anthropic"}, []string{"relay"}},
		{"upstream add x --kind |", []string{"anthropic", "http"}, nil},
		{"upstream add x --from |", []string{"anthropic"}, nil},
		{"connect |", []string{"claude-code", "codex", "a2a"}, nil},
		{"connect codex --upstream |", []string{"relay"}, nil},
		{"disconnect |", []string{"claude-code"}, []string{"a2a"}},
		{"logs --outcome |", []string{"upstream_error", "ok"}, nil},
		{"logs --upstream |", []string{"relay"}, nil},
		{"serve --upstream |", nil, []string{"relay"}},
		{"bench compare --shapes tls,|", []string{"tls,stream", "tls,memory"}, []string{"tls,tls"}},
		{"bench compare --to |", []string{"nginx", "reverseproxy"}, nil},
		{"bench fanout --variants plain,|", []string{"plain,tls", "plain,far"}, []string{"plain,plain"}},
	}
	for _, tt := range tests {
		words := strings.Split(strings.TrimSuffix(tt.words, "|"), " ")
		got := completions(t, environ, words...)
		for _, word := range tt.want {
			if !slices.Contains(got, word) {
				t.Errorf("%s: got %q; want %s among them", tt.words, got, word)
			}
		}
		for _, word := range tt.not {
			if slices.Contains(got, word) {
				t.Errorf("%s: got %q; want %s not among them", tt.words, got, word)
			}
		}
	}
}

// Settings with mistakes, and none, still complete the keys.
func TestCompleteWithoutSettings(t *testing.T) {
	environ := append(person(t), "MILLPOND_CONFIG="+filepath.Join(t.TempDir(), "none.toml"))
	if got := completions(t, environ, "config", "get", ""); !slices.Contains(got, "pool.max_idle") {
		t.Errorf("got %q; want the keys", got)
	}
}

// The scripts of all four shells are printed and name the program.
func TestCompletionScripts(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		var out, errs bytes.Buffer
		code := run(t.Context(), []string{"completion", shell}, streams{strings.NewReader(""), &out, &errs}, person(t))
		if code != exitDone || errs.Len() > 0 || !strings.Contains(out.String(), "millpondd") || out.Len() < 1000 {
			t.Errorf("%s: got exit code %d, %d bytes, %s", shell, code, out.Len(), errs.String())
		}
	}
}

// The script for bash works in a bash, with this program as a process. The function that it takes
// from the package bash-completion, to split the line into words, is stood in for.
func TestBashCompletion(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("there is no bash on this machine")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, "millpondd")); err != nil { // testscript's TestMain goes by the name
		t.Skipf("links cannot be made here: %v", err)
	}
	const script = `
set -eu
COLUMNS=80
_init_completion() { words=("${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur=${words[cword]}; prev=${words[cword-1]}; }
compopt() { :; }
source <(millpondd completion bash)
ask() {
	COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}; COMP_TYPE=9; COMP_KEY=9; COMPREPLY=()
	__start_millpondd
	echo "${COMPREPLY[*]}"
}
ask millpondd upstream use ''
ask millpondd config set pool.pres
ask millpondd config set pool.preset gen
ask millpondd connect claude
`
	cmd := exec.CommandContext(t.Context(), bash, "--norc", "-c", script)
	cmd.Env = append(person(t), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	want := [][]string{{"relay", "worker.1"}, {"pool.preset"}, {"gentle"}, {"claude-code"}}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for i, words := range want {
		if i >= len(lines) {
			t.Fatalf("got %q; want %d lines", lines, len(want))
		}
		for _, word := range words {
			if !strings.Contains(lines[i], word) {
				t.Errorf("got %q in line %d; want %s", lines[i], i+1, word)
			}
		}
	}
}
