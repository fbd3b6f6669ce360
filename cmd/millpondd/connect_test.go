package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A purge takes the record of what the agents' settings held with it, so it puts that back first.
func TestPurgeDisconnects(t *testing.T) {
	environ := append(person(t), "CLAUDE_CONFIG_DIR=", "CODEX_HOME=", "GEMINI_CLI_HOME=")
	a := &app{std: streams{strings.NewReader(""), &bytes.Buffer{}, &bytes.Buffer{}}, environ: environ}
	file := filepath.Join(a.getenv("HOME"), ".codex", "config.toml")
	const text = "# mine\nmodel = 'x'\n"
	if err := os.Mkdir(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := a.connectedClients(t.Context()); len(got) != 0 {
		t.Fatalf("got %q connected; want none", got)
	}
	if code := run(t.Context(), []string{"connect", "codex"}, a.std, environ); code != exitDone {
		t.Fatalf("got exit code %d", code)
	}
	agents := a.connectedClients(t.Context())
	if !slices.Equal(agents, []string{"codex"}) {
		t.Fatalf("got %q connected; want codex", agents)
	}
	if err := a.disconnectAll(t.Context(), agents); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(file); err != nil || string(got) != text {
		t.Errorf("got %q, %v; want it as it was", got, err)
	}
	system := *a
	system.system = true
	if got := system.connectedClients(t.Context()); got != nil {
		t.Errorf("got %q for the system's service; want none", got)
	}
}
