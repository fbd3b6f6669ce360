//go:build packages

package windows

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"unicode/utf16"
)

// Where the registry has what the setup writes, without what is before "Software".
const (
	runKey       = `Software\Microsoft\Windows\CurrentVersion\Run`
	uninstallKey = `Software\Microsoft\Windows\CurrentVersion\Uninstall\Millpond`
)

// claude is what the person has set for Claude Code.
const claude = `{"env": {"ANTHROPIC_BASE_URL": "https://relay.example"}}`

// A life is one person's use of an installation.
type life struct {
	*machine
	programs string       // the folder that the programs are installed to
	address  string       // of the proxy
	settings string       // the text of the settings file
	asked    atomic.Int64 // requests that the upstream has answered
}

// setup returns one of the setups that "make test-windows" has made.
func setup(t *testing.T, name string) string {
	t.Helper()
	path := filepath.Join(os.Getenv("MILLPOND_PACKAGES"), name+"-setup.exe")
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v; run the test by make test-windows", err)
	}
	return path
}

// newLife gives a person of a new machine settings and an agent.
func newLife(t *testing.T) *life {
	t.Helper()
	l := &life{machine: newMachine(t)}
	l.programs = filepath.Join(l.home, "AppData", "Local", "Programs", "Millpond")
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.asked.Add(1)
		fmt.Fprint(w, "answer to "+r.URL.Path)
	}))
	t.Cleanup(origin.Close)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.address = free.Addr().String()
	free.Close()
	l.settings = fmt.Sprintf("version = 1\n# mine\n[listen]\naddress = %q\n[[upstreams]]\nname = \"one\"\nkind = \"anthropic\"\nurl = %q\n", l.address, origin.URL)
	l.write(t, "AppData/Roaming/Millpond/settings.toml", l.settings)
	l.write(t, ".claude/settings.json", claude)
	return l
}

// write writes a file below the person's home.
func (l *life) write(t *testing.T, name, text string) {
	t.Helper()
	path := filepath.Join(l.home, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// wantFile wants a file below the person's home to hold a text.
func (l *life) wantFile(t *testing.T, name, want string) {
	t.Helper()
	got, err := os.ReadFile(filepath.Join(l.home, filepath.FromSlash(name)))
	if err != nil || string(got) != want {
		t.Errorf("%s: got %s, %v; want %s", name, got, err, want)
	}
}

// millpondd runs the installed daemon's command line.
func (l *life) millpondd(t *testing.T, args ...string) string {
	t.Helper()
	return l.wine(t, append([]string{l.windowsPath(filepath.Join(l.programs, "millpondd.exe"))}, args...)...)
}

// ask sends a request through the proxy to the upstream.
func (l *life) ask(t *testing.T, what string) {
	t.Helper()
	before := l.asked.Load()
	answer, err := http.Get("http://" + l.address + "/v1/" + what)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if want := "answer to /v1/" + what; err != nil || string(body) != want || l.asked.Load() != before+1 {
		t.Fatalf("%s: got %s, %v, asked %d times; want %s, once", what, body, err, l.asked.Load()-before, want)
	}
}

// version returns the version of the daemon that runs.
func (l *life) version(t *testing.T) string {
	t.Helper()
	var status struct{ Version string }
	if err := json.Unmarshal([]byte(l.millpondd(t, "status", "--json")), &status); err != nil {
		t.Fatal(err)
	}
	return status.Version
}

// wantShown wants the tray's icon on the screen.
func (l *life) wantShown(t *testing.T) {
	t.Helper()
	until(t, "the icon in the tray", func() bool { return l.shows(t, passing) })
}

// log is what the last setup that failed has told.
func (l *life) log(t *testing.T) string {
	t.Helper()
	i := slices.IndexFunc(l.ours(t), func(f string) bool { return strings.HasSuffix(f, "/Temp/millpond-setup.log") })
	if i < 0 {
		t.Fatal("the setup has written no log")
	}
	body, err := os.ReadFile(filepath.Join(l.prefix, "drive_c", l.ours(t)[i]))
	if err != nil {
		t.Fatal(err)
	}
	var units []uint16
	for i := 2; i+1 < len(body); i += 2 {
		units = append(units, uint16(body[i])|uint16(body[i+1])<<8)
	}
	return string(utf16.Decode(units))
}

// TestSetup is a person's life with Millpond: installed without an administrator, used, upgraded while it runs, and removed.
func TestSetup(t *testing.T) {
	l := newLife(t)
	if l.shows(t, passing) {
		t.Fatal("the icon's colour is on the screen before anything is installed")
	}
	l.wine(t, setup(t, "older"), "/S")
	l.installed(t)
	l.ask(t, "installed")
	l.wantShown(t)
	l.millpondd(t, "connect", "claude-code")
	_ = t.Run("upgrade in vain", l.upgradeInVain) && // each begins where the one before has ended
		t.Run("upgrade", l.upgrade) && t.Run("uninstall", l.uninstall)
}

// installed looks at everything that the setup makes.
func (l *life) installed(t *testing.T) {
	t.Helper()
	program := l.windowsPath(filepath.Join(l.programs, "millpond"))
	run := l.key(t, `HKCU\`+runKey)
	for _, want := range []string{`"` + program + `.exe" --background`, `conhost.exe --headless ` + program + `d.exe serve`} {
		if !strings.Contains(run, want) {
			t.Errorf("at log-on: got %s; want %s", run, want)
		}
	}
	entry := l.key(t, `HKCU\`+uninstallKey)
	for _, want := range []string{"DisplayName    REG_SZ    Millpond", `uninstall.exe" /S`, l.windowsPath(l.programs)} {
		if !strings.Contains(entry, want) {
			t.Errorf("the entry for uninstalling: got %s; want %s", entry, want)
		}
	}
	if !slices.ContainsFunc(l.ours(t), func(f string) bool { return strings.HasSuffix(f, "Start Menu/Programs/Millpond.lnk") }) {
		t.Errorf("got %v; want an entry in the Start menu", l.ours(t))
	}
	said := l.millpondd(t, "version")
	if version := strings.Fields(said)[1]; !strings.Contains(entry, "DisplayVersion    REG_SZ    "+version) || l.version(t) != version {
		t.Errorf("the program says %s, the daemon %s, the entry %s; want one version", said, l.version(t), entry)
	}
	l.wantFile(t, "AppData/Roaming/Millpond/settings.toml", l.settings)
}

// upgradeInVain upgrades while a file cannot be replaced, the last one of all: what was there is there again and runs.
func (l *life) upgradeInVain(t *testing.T) {
	defer l.hold(t, filepath.Join(l.programs, "uninstall.exe"))()
	before := l.version(t)
	if code, said := l.run(t, "wine", setup(t, "newer"), "/S"); code != 2 {
		t.Errorf("got exit code %d, %s; want 2", code, said)
	}
	if got := l.log(t); !strings.Contains(got, "uninstall.exe") || !strings.Contains(got, "run the setup again") {
		t.Errorf("got the sentence %q; want it to name the file and what to do", got)
	}
	if got := l.version(t); got != before {
		t.Errorf("got version %s; want %s to run on", got, before)
	}
	l.ask(t, "in-vain")
	l.installed(t)
	l.noRemains(t)
	l.wantShown(t)
}

// hold keeps a file open until what it returns is called.
func (l *life) hold(t *testing.T, path string) (release func()) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "hold.exe")
	build := exec.Command("go", "build", "-o", program, "./hold")
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, said)
	}
	c := l.command("wine", program, l.windowsPath(path))
	in, err := c.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var word string
	if _, err := fmt.Fscan(out, &word); err != nil || word != "held" {
		t.Fatalf("hold %s: got %q, %v", path, word, err)
	}
	return func() {
		_ = in.Close()
		if err := c.Wait(); err != nil {
			t.Errorf("hold %s: %v", path, err)
		}
	}
}

// noRemains wants nothing of an upgrade left beside the programs.
func (l *life) noRemains(t *testing.T) {
	t.Helper()
	entries, err := os.ReadDir(l.programs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); ext != ".exe" && ext != ".txt" {
			t.Errorf("%s is left in the folder of the programs", e.Name())
		}
	}
}

// upgrade installs a newer version over the one that runs.
func (l *life) upgrade(t *testing.T) {
	l.wine(t, setup(t, "newer"), "/S")
	if got := l.version(t); got != "9.9.9" {
		t.Errorf("got version %s; want 9.9.9 to run", got)
	}
	l.ask(t, "upgraded")
	l.installed(t)
	l.noRemains(t)
	l.wantShown(t)
	if got := len(l.processes()); got != 2 {
		t.Errorf("got %v; want one daemon and one tray", l.processes())
	}
}

// uninstall removes it: nothing is left but what is the person's.
func (l *life) uninstall(t *testing.T) {
	l.remove(t)
	for _, f := range l.ours(t) {
		if !strings.HasSuffix(f, "AppData/Roaming/Millpond") && !strings.HasSuffix(f, "AppData/Local/Millpond") &&
			!strings.Contains(f, "AppData/Local/Millpond/") && !strings.Contains(f, "/Temp/") {
			t.Errorf("%s is left behind", f)
		}
	}
	l.wantFile(t, "AppData/Roaming/Millpond/settings.toml", l.settings)
	l.wantFile(t, ".claude/settings.json", claude)
	if answer, err := http.Get("http://" + l.address + "/v1/removed"); err == nil {
		answer.Body.Close()
		t.Error("after removing: got an answer; want none")
	}
	until(t, "the icon to go", func() bool { return !l.shows(t, passing) && !l.shows(t, failing) })
}

// machines runs the daemon as the service would: this person sees that it runs, and may not change it.
func (l *life) machines(t *testing.T) {
	const own = `C:\machine`
	c := l.command("wine", l.windowsPath(filepath.Join(l.programs, "millpondd.exe")), "serve", "--listen", l.address)
	c.Env = append(slices.Clone(l.env), `MILLPOND_CONTROL=\\.\pipe\millpond-service`, `MILLPOND_CONFIG=`+own+`\settings.toml`, `MILLPOND_STATE=`+own)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = c.Process.Kill()
		_ = c.Wait()
		until(t, "it to end", func() bool { return len(l.processes()) == 0 })
	}()
	daemon := l.windowsPath(filepath.Join(l.programs, "millpondd.exe"))
	said := ""
	until(t, "it to be seen", func() bool {
		code := 0
		code, said = l.run(t, "wine", daemon, "status")
		return code == 0
	})
	if !strings.Contains(said, "the machine's") || !strings.Contains(said, l.address) {
		t.Errorf("got %s; want whose it is, and where", said)
	}
	if code, said := l.run(t, "wine", daemon, "pause"); code != 3 || !strings.Contains(said, "as administrator") {
		t.Errorf("pause: got exit code %d, %s; want what an administrator does", code, said)
	}
	if code, said := l.run(t, "wine", daemon, "service", "install"); code != 4 || !strings.Contains(said, "the whole machine") {
		t.Errorf("service install: got exit code %d, %s; want a refusal", code, said)
	}
}

// remove uninstalls silently, as the list of programs does it, and looks at the processes and the registry.
func (l *life) remove(t *testing.T) {
	t.Helper()
	l.wine(t, l.windowsPath(filepath.Join(l.programs, "uninstall.exe")), "/S")
	until(t, "the programs to go", func() bool { // the uninstaller goes on as a copy of itself
		_, err := os.Stat(l.programs)
		return os.IsNotExist(err)
	})
	until(t, "the entry for uninstalling to go", func() bool {
		return l.key(t, `HKCU\`+uninstallKey)+l.key(t, `HKLM\`+uninstallKey) == ""
	})
	until(t, "the processes to end", func() bool { return len(l.processes()) == 0 })
	if run := l.key(t, `HKCU\`+runKey); strings.Contains(strings.ToLower(run), "millpond") {
		t.Errorf("at log-on: got %s; want nothing of ours", run)
	}
}

// TestSetupForEveryone installs into Program Files: with the service unless it is told otherwise; without, nothing
// starts by itself, and nothing is left of it.
func TestSetupForEveryone(t *testing.T) {
	l := newLife(t)
	l.programs = filepath.Join(l.prefix, "drive_c", "Program Files", "Millpond")
	if code, said := l.run(t, "wine", setup(t, "older"), "/S", "/AllUsers"); code != 3 || !strings.Contains(l.log(t), "the proxy does not run") {
		t.Errorf("got exit code %d, %s; want 3, since wine cannot make the service", code, said)
	}
	l.remove(t)
	l.wine(t, setup(t, "older"), "/S", "/AllUsers", "/NoService")
	if got := l.key(t, `HKLM\`+uninstallKey); !strings.Contains(got, `C:\Program Files\Millpond`) {
		t.Errorf("the entry for uninstalling: got %s; want it for all", got)
	}
	if got := l.key(t, `HKCU\`+uninstallKey) + l.key(t, `HKCU\`+runKey); strings.Contains(strings.ToLower(got), "millpond") {
		t.Errorf("got %s; want nothing for this person alone", got)
	}
	if got := l.processes(); len(got) != 0 {
		t.Errorf("%v runs; want nothing before somebody opens it", got)
	}
	t.Run("the machine's daemon", l.machines)
	l.millpondd(t, "service", "install") // as the application does at its first start
	l.ask(t, "for-me")
	l.wine(t, setup(t, "newer"), "/S") // finds out by itself whom it is for
	if got := l.version(t); got != "9.9.9" {
		t.Errorf("got version %s; want 9.9.9 to run", got)
	}
	l.ask(t, "upgraded")
	somebody := `HKU\.Default\` + runKey // stands for another person who is logged on
	l.wine(t, "reg", "add", somebody, "/v", "millpond", "/d", `conhost.exe --headless "C:\Program Files\Millpond\millpondd.exe" serve`, "/f")
	l.wine(t, "reg", "add", somebody, "/v", "MillpondTray", "/d", `"C:\Elsewhere\millpond.exe" --background`, "/f")
	l.remove(t)
	if got := l.key(t, somebody); strings.Contains(got, "millpondd") || !strings.Contains(got, "Elsewhere") {
		t.Errorf("what starts when somebody else logs on: got %s; want nothing of this installation, and what is elsewhere", got)
	}
	l.wantFile(t, "AppData/Roaming/Millpond/settings.toml", l.settings)
}
