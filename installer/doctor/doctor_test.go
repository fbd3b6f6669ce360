package doctor

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"millpond/installer/hookup"
	"millpond/installer/service"
	"millpond/proxy"
	"millpond/proxy/control"
	"millpond/proxy/porttest"
	"millpond/settings"
	"millpond/settings/store"
)

// patience bounds every wait of a test; nothing that works comes near it.
const patience = 20 * time.Second

// machine returns what a doctor looks at on a machine of its own, with these settings.
func machine(t *testing.T, text string, environ ...string) Config {
	t.Helper()
	dir := t.TempDir()
	c := Config{
		Environ:  append([]string{"HOME=" + dir}, environ...),
		Settings: filepath.Join(dir, "settings.toml"), StateDir: filepath.Join(dir, "state"),
		Socket: filepath.Join(dir, "c.sock"), Version: "1.2.3",
		Service: func(context.Context) (service.Status, error) {
			return service.Status{Manager: "systemd", Installed: true, Enabled: true, Running: true, Program: "/usr/bin/millpondd"}, nil
		},
	}
	if text != "" {
		edit(t, c, text)
	}
	return c
}

// edit replaces the settings file in one step.
func edit(t *testing.T, c Config, text string) {
	t.Helper()
	if err := os.WriteFile(c.Settings+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(c.Settings+".new", c.Settings); err != nil {
		t.Fatal(err)
	}
}

// run starts a real daemon on the machine and returns a client of it.
func run(t *testing.T, c Config, adjust func(*proxy.Config)) *control.Client {
	t.Helper()
	log, err := proxy.OpenLog(proxy.LogConfig{Dir: c.StateDir})
	if err != nil {
		t.Fatal(err)
	}
	p := proxy.Config{Store: store.Open(c.Settings, c.Environ), Log: log, Version: c.Version, StateDir: c.StateDir, Control: c.Socket}
	if adjust != nil {
		adjust(&p)
	}
	d, err := proxy.New(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	client := control.Dial(c.Socket)
	t.Cleanup(func() {
		client.Close()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the daemon: %v", err)
		}
		_ = log.Close()
	})
	until(t, "the daemon answers", func() bool {
		s, err := client.Status(t.Context())
		return err == nil && s.Address != ""
	})
	return client
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

const anywhere = "version = 1\n[listen]\naddress = \"127.0.0.1:0\"\n"

func upstream(name, url, more string) string {
	return fmt.Sprintf("[[upstreams]]\nname = %q\nkind = \"openai\"\nurl = %q\n%s\n", name, url, more)
}

// want is a finding that an examination should have.
type want struct {
	check string
	level Level
	seen  string // a part of it
}

// expect examines and compares. No other problem may be found, except the usual one that
// no daemon runs.
func expect(t *testing.T, c Config, wants ...want) {
	t.Helper()
	findings := Examine(t.Context(), c)
	met := make([]bool, len(wants))
	for _, f := range findings {
		expected := false
		for i, w := range wants {
			if f.Check == w.check && f.Level == w.level && strings.Contains(f.Seen, w.seen) {
				met[i], expected = true, true
			}
		}
		if f.Level != OK && f.Do == "" {
			t.Errorf("%s: %s: it does not say what to do", f.Check, f.Seen)
		}
		if f.Level == Problem && !expected && f.Check != "daemon" {
			t.Errorf("got problem %s: %s; want none", f.Check, f.Seen)
		}
	}
	for i, w := range wants {
		if !met[i] {
			t.Errorf("got no %s of %s with %q in %+v", w.level, w.check, w.seen, findings)
		}
	}
}

func TestAllIsWell(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer api.Close()
	c := machine(t, anywhere+upstream("one", api.URL, ""))
	run(t, c, nil)
	findings := Examine(t.Context(), c)
	if got := Worst(findings); got != OK {
		t.Errorf("got %s: %+v; want ok", got, findings)
	}
	seen := map[string]bool{}
	for _, f := range findings {
		seen[f.Check] = true
	}
	for _, check := range checks {
		if !seen[check.name] {
			t.Errorf("%s: nothing was found", check.name)
		}
	}
}

func TestWithoutDaemon(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer api.Close()
	expect(t, machine(t, anywhere+upstream("one", api.URL, "")),
		want{"daemon", Problem, "the daemon is not running"}, want{"port", OK, "is free"}, want{"upstreams", OK, "one (http1, "})
	expect(t, machine(t, ""),
		want{"settings", OK, "the defaults are in force"}, want{"upstreams", Problem, "no upstream is configured"})
}

func TestSettings(t *testing.T) {
	c := machine(t, anywhere+"[pool]\nmax_idel = 5\n[failover]\nattempts = 99\n")
	expect(t, c, want{"settings", Problem, "unknown key; did you mean max_idle?"}, want{"settings", Problem, "failover.attempts: 99 is outside"})
	expect(t, machine(t, "version = \n"), want{"settings", Problem, "settings.toml:1:"})
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer api.Close()
	c = machine(t, anywhere+upstream("one", api.URL, ""), "MILLPOND_POOL_MAX_IDLE=100", "MILLPOND_POOL_MAX_IDEL=100")
	expect(t, c, want{"settings", Warn, "MILLPOND_POOL_MAX_IDLE overrides pool.max_idle"}, want{"settings", Warn, "did you mean MILLPOND_POOL_MAX_IDLE?"})
}

func TestPortTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	c := machine(t, "version = 1\n[listen]\naddress = \""+l.Addr().String()+"\"\n[forward]\nenabled = true\n")
	expect(t, c, want{"port", Problem, "port " + port + " is in use"})
}

func TestCredentials(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer good-key-1" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	dir := t.TempDir()
	good, bad := filepath.Join(dir, "good"), filepath.Join(dir, "bad")
	for file, key := range map[string]string{good: "good-key-1", bad: "bad-key-1"} {
		if err := os.WriteFile(file, []byte(key+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c := machine(t, anywhere+upstream("one", api.URL, `credential = "file:`+good+`"`)+upstream("two", api.URL, `credential = "file:`+filepath.Join(dir, "none")+`"`)+
		upstream("three", api.URL, `credential = "file:`+bad+`"`))
	wants := []want{{"credentials", Problem, "two"}, {"upstreams", Problem, "two fails at credential"}, {"upstreams", Problem, "three fails at answer: the upstream refused the credential"}, {"upstreams", OK, "one ("}}
	expect(t, c, wants...)
	run(t, c, nil)
	expect(t, c, append(wants, want{"credentials", Problem, "nothing is sent to two"})...)
}

func TestUpstreamsAndClock(t *testing.T) {
	for _, test := range []struct {
		ahead time.Duration // of the upstream's clock
		want  want
	}{
		{0, want{"clock", OK, "agrees with that of one"}},
		{2 * time.Minute, want{"clock", Warn, "behind that of one"}},
		{-time.Hour, want{"clock", Problem, "ahead of that of one"}},
	} {
		api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Date", time.Now().Add(test.ahead).UTC().Format(http.TimeFormat))
		}))
		c := machine(t, anywhere+upstream("one", api.URL, "")+upstream("gone", "http://"+porttest.Hold(t), "")+upstream("off", "http://"+porttest.Hold(t), "enabled = false"))
		expect(t, c, test.want, want{"upstreams", Problem, "gone fails at connect: nobody listens there"})
		api.Close()
	}
}

func TestEgress(t *testing.T) {
	through := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer through.Close()
	gone := porttest.Hold(t)
	c := machine(t, anywhere+upstream("one", "http://127.0.0.1:9", `egress = "`+through.URL+`"`)+upstream("two", "http://127.0.0.1:9", `egress = "socks5://`+gone+`"`)+
		upstream("three", "http://127.0.0.1:9", `egress = "system"`))
	expect(t, c, want{"egress", OK, strings.TrimPrefix(through.URL, "http://") + " can be reached"}, want{"egress", Problem, gone + " cannot be reached"},
		want{"egress", Warn, "three goes out by the system's proxy, and the environment names none"},
		want{"upstreams", Problem, "two fails"}, want{"upstreams", Problem, "three fails"})
	// A system proxy that is Millpond itself would send requests round in a circle.
	c = machine(t, anywhere+upstream("one", through.URL, `egress = "system"`))
	client := run(t, c, nil)
	s, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	c.Environ = append(c.Environ, "HTTPS_PROXY=http://"+s.Address)
	expect(t, c, want{"egress", Problem, "is Millpond itself"})
}

func TestDaemonAndStaleSettings(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer api.Close()
	text := anywhere + upstream("one", api.URL, "")
	c := machine(t, text)
	client := run(t, c, func(p *proxy.Config) {
		p.Store = store.Open(c.Settings, append(c.Environ, "MILLPOND_FAILOVER_ATTEMPTS=7")) // the service's environment is not ours
	})
	expect(t, c, want{"daemon", OK, "version 1.2.3"}, want{"stale", Warn, "another value than the file has for failover.attempts"})

	edit(t, c, text+"[failover]\neject_after = -1\n")
	until(t, "the daemon has seen it", func() bool {
		s, err := client.Status(t.Context())
		return err == nil && s.Unapplied != ""
	})
	expect(t, c, want{"stale", Problem, "failover.eject_after: -1 is outside"}, want{"settings", Problem, "failover.eject_after"})
	edit(t, c, text)
	until(t, "it is mended", func() bool {
		s, err := client.Status(t.Context())
		return err == nil && s.Unapplied == ""
	})

	if err := client.Pause(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect(t, c, want{"daemon", Warn, "switched off"})
	newer := c
	newer.Version = "2.0.0"
	expect(t, newer, want{"daemon", Warn, "the daemon is version 1.2.3 and this program 2.0.0"})
	other := c
	other.Settings = filepath.Join(t.TempDir(), "other.toml")
	expect(t, other, want{"stale", Warn, "and not under " + other.Settings})
}

func TestAgents(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer api.Close()
	listen := porttest.Hold(t)
	c := machine(t, strings.Replace(anywhere, "127.0.0.1:0", listen, 1)+upstream("one", api.URL, ""))
	getenv := (&visit{Config: c}).getenv
	h, err := hookup.New(hookup.Config{Getenv: getenv, StateDir: c.StateDir})
	if err != nil {
		t.Fatal(err)
	}
	home := getenv("HOME")
	if err := os.MkdirAll(filepath.Join(home, ".claude"), 0o700); err != nil {
		t.Fatal(err)
	}
	expect(t, c, want{"agents", OK, "they do not go through the proxy: Claude Code"})
	changes, err := h.Connect("claude-code", listen)
	if err != nil {
		t.Fatal(err)
	}
	expect(t, c, want{"agents", OK, "they go through the proxy: Claude Code"})
	edit(t, c, anywhere+upstream("one", api.URL, "")) // the proxy moves
	expect(t, c, want{"agents", Problem, "where the proxy is not"})
	if err := os.WriteFile(changes.File, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, c, want{"agents", Problem, "the settings of Claude Code"})
}

func TestDisk(t *testing.T) {
	c := machine(t, anywhere+"[forward]\nenabled = true\n")
	if err := os.WriteFile(c.StateDir, nil, 0o600); err != nil { // a file where the folder should be
		t.Fatal(err)
	}
	expect(t, c, want{"disk", Problem, "the folder for state cannot be written"}, want{"agents", Problem, "not a directory"})
	if err := os.Remove(c.StateDir); err != nil {
		t.Fatal(err)
	}
	expect(t, c, want{"disk", OK, "there is room"})
	for room, want := range map[uint64]Level{1 << 20: Problem, 100 << 20: Warn, 10 << 30: OK} {
		if got := Worst(judgeRoom(room, "x")); got != want {
			t.Errorf("%d bytes: got %s; want %s", room, got, want)
		}
	}
	for code, want := range map[string]Level{"": OK, "kept": OK, "anew": Warn, "newer": Warn, "disk_full": Problem, "failing": Problem, "in_use": Problem} {
		if got := Worst(judgeKeeping(control.Keeping{Code: code, Detail: "x"})); got != want {
			t.Errorf("history %q: got %s; want %s", code, got, want)
		}
	}
}

func TestTrayWithoutOne(t *testing.T) {
	c := machine(t, anywhere+"[forward]\nenabled = true\n", "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(t.TempDir(), "none"))
	expect(t, c, want{"tray", Warn, "the session bus cannot be asked"})
}

func TestJudgeService(t *testing.T) {
	yes, no := true, false
	well := service.Status{Installed: true, Enabled: true, Running: true, Manager: "systemd", Program: "/x/millpondd", Linger: &yes}
	with := func(change func(*service.Status)) service.Status {
		s := well
		change(&s)
		return s
	}
	tests := []struct {
		name    string
		status  service.Status
		answers bool
		level   Level
		seen    string
	}{
		{"well", well, true, OK, "the service runs (systemd)"},
		{"no linger", with(func(s *service.Status) { s.Linger = &no }), true, OK, "starts at login"},
		{"not installed", service.Status{}, false, Warn, "nothing starts the daemon"},
		{"in a terminal", service.Status{}, true, Warn, "not as a service"},
		{"stopped", with(func(s *service.Status) { s.Running = false }), false, Problem, "does not run"},
		{"another answers", with(func(s *service.Status) { s.Running = false }), true, Warn, "started otherwise"},
		{"failing", with(func(s *service.Status) { s.Failing, s.Detail = true, "exit code 2" }), false, Problem, "exit code 2"},
		{"gone", with(func(s *service.Status) { s.ProgramMissing = true }), true, Problem, "/x/millpondd is gone"},
		{"disabled", with(func(s *service.Status) { s.Enabled = false }), true, Warn, "does not start by itself"},
		{"restarted", with(func(s *service.Status) { s.Restarts = 3 }), true, Warn, "3 times"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := judgeService(test.status, test.answers)
			if len(got) != 1 || got[0].Level != test.level || !strings.Contains(got[0].Seen, test.seen) {
				t.Errorf("got %+v; want %s with %q", got, test.level, test.seen)
			}
		})
	}
}

func TestJudgeDescriptors(t *testing.T) {
	for limit, want := range map[uint64]Level{64: Problem, 1024: Warn, 1200: OK} {
		if got := Worst(judgeDescriptors(limit, settings.Pool{MaxConnections: 512})); got != want {
			t.Errorf("%d: got %s; want %s", limit, got, want)
		}
	}
	if got := Worst(judgeDescriptors(1024, settings.Pool{})); got != OK {
		t.Errorf("without a limit of connections: got %s; want ok", got)
	}
	own, known := descriptors(0)
	other, alsoKnown := descriptors(os.Getpid())
	if known != alsoKnown || own != other {
		t.Errorf("got %d, %v of this process and %d, %v by its number; want the same", own, known, other, alsoKnown)
	}
}

func TestPrint(t *testing.T) {
	var out strings.Builder
	if err := Print(&out, []Finding{{"port", OK, "free", ""}, {"clock", Warn, "behind", "Set it."}}); err != nil {
		t.Fatal(err)
	}
	want := "ok       port         free\nwarn     clock        behind\n                      -> Set it.\n"
	if out.String() != want {
		t.Errorf("got %q; want %q", out.String(), want)
	}
}
