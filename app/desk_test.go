package app

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"millpond/app/model"
	"millpond/installer/hookup"
	"millpond/proxy/control"
)

// deskConfig is that of an application in a home of its own, whose daemon would listen
// at the socket that it names.
func deskConfig(t *testing.T) Config {
	t.Helper()
	home := t.TempDir()
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home + "/config", "CLAUDE_CONFIG_DIR": "", "CODEX_HOME": "", "GEMINI_CLI_HOME": "", "PATH": "",
	} {
		t.Setenv(name, value)
	}
	return Config{
		Socket: filepath.Join(home, "control.sock"), Log: slog.New(slog.DiscardHandler), Version: "1.0",
		Settings: filepath.Join(home, "config", "settings.toml"), State: filepath.Join(home, "state"),
	}
}

// startDesk runs a desk and returns it with its facts as they come.
func startDesk(t *testing.T, c Config) (*desk, <-chan model.View) {
	t.Helper()
	return watchDesk(t, c, func() model.View { return model.View{Startable: true} })
}

// watchDesk is startDesk beside a daemon, of which link tells.
func watchDesk(t *testing.T, c Config, link func() model.View) (*desk, <-chan model.View) {
	t.Helper()
	views := make(chan model.View, 1000)
	var d *desk
	d = newDesk(c, func() { views <- d.fill(link()) })
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { d.run(ctx) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	return d, views
}

// Every client that can be connected is listed with its words, and a click connects it
// and takes that back.
func TestDeskConnectsAgents(t *testing.T) {
	c := deskConfig(t)
	if err := os.MkdirAll(filepath.Join(os.Getenv("HOME"), ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	d, views := startDesk(t, c)
	v := await(t, views, "with agents", func(v model.View) bool { return len(v.Agents) > 0 })
	h, err := hookup.New(hookup.Config{Getenv: os.Getenv, StateDir: c.State})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(v.Agents), len(h.Clients()); got != want {
		t.Errorf("got %d agents; want %d", got, want)
	}
	for _, a := range v.Agents {
		if a.Note.Empty() || len(a.Copies) == 0 {
			t.Errorf("%s: got %+v; want words and something to copy", a.ID, a)
		}
	}
	claude := func(connected bool) func(model.View) bool {
		return func(v model.View) bool {
			return len(v.Agents) > 0 && v.Agents[0].ID == "claude-code" && v.Agents[0].Disconnect == connected && len(v.Agents[0].Changes) == 1
		}
	}
	if !claude(false)(v) {
		t.Errorf("at first: got %+v; want Claude Code not connected, and one change", v.Agents[0])
	}
	for _, on := range []bool{true, false} {
		if err := c.connect("claude-code", c.usualAddress(), on); err != nil {
			t.Fatal(err)
		}
		d.again()
		await(t, views, fmt.Sprint("connected is ", on), claude(on))
	}
}

// A choice of language and appearance is kept and shown, and a wrong one is not.
func TestDeskKeepsPreferences(t *testing.T) {
	c := deskConfig(t)
	d, views := startDesk(t, c)
	var adopted []model.Preferences
	adopt := func(p model.Preferences) { adopted = append(adopted, p) }
	want := model.Preferences{Language: "zh_Hans", Theme: "dark"}
	if err := d.prefer(t.Context(), want, adopt); err != nil {
		t.Fatal(err)
	}
	await(t, views, "in Chinese", func(v model.View) bool { return v.General.Preferences == want })
	if err := d.prefer(t.Context(), model.Preferences{Theme: "purple"}, adopt); err == nil {
		t.Error("an unknown appearance: got no error")
	}
	if len(adopted) != 1 || adopted[0] != want {
		t.Errorf("shown: got %v; want %v alone", adopted, want)
	}
	if got := newDesk(c, func() {}).facts.Preferences; got != want {
		t.Errorf("after a restart: got %v; want %v", got, want)
	}
}

// What is set up says at which step it failed, and why; and something else can be
// tried then.
func TestDeskTellsWhyItFailed(t *testing.T) {
	d, views := startDesk(t, deskConfig(t))
	d.runForLogin(t.Context()) // the test is no folder with a daemon in it
	v := await(t, views, "failed", func(v model.View) bool { return v.General.Failure != "" && v.General.Known })
	if !strings.Contains(v.General.Failure, DaemonProgram) || v.General.Busy || v.General.Setup[0].State != model.Failing {
		t.Errorf("got %+v; want the missing program named, and the step", v.General)
	}
	if v.Welcome.Failure == "" || !v.Welcome.Run {
		t.Errorf("got %+v; want the reason and a way on", v.Welcome)
	}
	d.runForLogin(t.Context())
	await(t, views, "tried again", func(v model.View) bool { return v.General.Busy })
}

// Whatever page is open, the service is asked at first, and again when another daemon answers.
func TestDeskAsksService(t *testing.T) {
	for _, page := range []model.Page{"", model.PageVerdict, model.PagePool} {
		c := deskConfig(t)
		c.Page = page
		var pid atomic.Int32
		d, views := watchDesk(t, c, func() model.View { return model.View{Startable: pid.Load() == 0, PID: int(pid.Load())} })
		await(t, views, "with a way to start", func(v model.View) bool { return v.Start != "" })
		pid.Store(7)
		d.changed()
		await(t, views, "asked again", func(model.View) bool { return !d.unsure() })
	}
}

// The log is followed while its page is open, in bounded memory, and begun anew when
// the daemon was gone.
func TestTailIsBounded(t *testing.T) {
	tl := &tail{changed: func() {}, wake: make(chan struct{}, 1), client: control.Dial("")}
	if v := tl.view(); v.Known || len(v.Lines) != 0 {
		t.Errorf("at first: got %+v; want nothing known", v)
	}
	early := model.LogView{}
	for i := range 5*tailLines + 7 {
		tl.take(model.LogLine{Raw: fmt.Sprint(i)}, i == 0)
		if i == tailLines {
			early = tl.view()
		}
	}
	v := tl.view()
	if len(v.Lines) != tailLines || v.Lines[tailLines-1].Raw != fmt.Sprint(5*tailLines+6) || !v.Known {
		t.Errorf("got %d lines to %q; want %d to the last", len(v.Lines), v.Lines[len(v.Lines)-1].Raw, tailLines)
	}
	if cap(tl.lines) > 3*tailLines {
		t.Errorf("got room for %d lines; want it bounded", cap(tl.lines))
	}
	if early.Lines[0].Raw != "1" || early.Lines[tailLines-1].Raw != fmt.Sprint(tailLines) {
		t.Error("a view that was taken before has changed")
	}
	tl.take(model.LogLine{Raw: "new"}, true)
	if got := tl.view().Lines; len(got) != 1 || got[0].Raw != "new" {
		t.Errorf("from the start: got %v; want the one line", got)
	}
}
