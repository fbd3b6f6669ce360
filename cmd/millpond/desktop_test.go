package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"millpond/app/window"
	"millpond/installer/service"
	"millpond/proxy/control"
	"millpond/proxy/porttest"
)

// TestTray drives the icon over the bus: what it shows follows the real daemon,
// and what is clicked happens there.
func TestTray(t *testing.T) {
	d := newDesk(t)
	origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer origin.Close()
	d.configure(fmt.Sprintf("[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = %q\n", origin.URL))
	panel := d.addPanel()
	app := d.millpond("--background")
	icon := panel.icon()

	panel.await(icon, "Not running", func(e entry) bool { return !e.enabled })
	if _, ok := find(panel.menu(icon), "Proxy on"); ok {
		t.Error("there is a switch without a daemon")
	}
	if got := panel.property(icon, "Title"); got != "Millpond" {
		t.Errorf("title: got %v; want Millpond", got)
	}
	daemon, address := d.daemon()
	panel.await(icon, "Running", shown)
	panel.await(icon, "one", shown)

	panel.click(icon, "Proxy on")
	panel.await(icon, "Proxy on", off)
	panel.await(icon, "Off", shown)
	if got := ask(t, address, "/"); got != http.StatusServiceUnavailable {
		t.Errorf("switched off: got %d; want %d", got, http.StatusServiceUnavailable)
	}
	panel.click(icon, "Proxy on")
	panel.await(icon, "Proxy on", on)
	if got := ask(t, address, "/"); got != http.StatusOK {
		t.Errorf("switched on: got %d; want %d", got, http.StatusOK)
	}
	latest := regexp.MustCompile(`^one {2}· {2}healthy {2}· {2}\d.* m?s, just now$`)
	panel.await(icon, "one", func(e entry) bool { return latest.MatchString(e.label) })

	panel.click(icon, "Copy address")
	until(t, "the address on the clipboard", func() bool { return d.clipboard() == "http://"+address })
	panel.click(icon, "Gentle")
	panel.await(icon, "Gentle", on)
	if text, err := os.ReadFile(d.config()); err != nil || !strings.Contains(string(text), "gentle") {
		t.Errorf("settings file: got %s, %v; want the preset gentle", text, err)
	}

	daemon.end(t, syscall.SIGKILL)
	panel.await(icon, "Not running", shown)
	_, address = d.daemon()
	panel.await(icon, "Running", shown)

	if len(d.windows()) != 0 {
		t.Error("a window popped up at login")
	}
	panel.click(icon, "Quit")
	if code := app.wait(t); code != 0 {
		t.Errorf("exit code: got %d; want 0", code)
	}
	if got := ask(t, address, "/"); got != http.StatusOK {
		t.Errorf("after quitting the tray: got %d; want the proxy to go on", got)
	}
}

// TestTrayShowsMachine shows the machine's daemon to a person whose own does not run: how it is and
// where, and nothing to change or to start beside it.
func TestTrayShowsMachine(t *testing.T) {
	d := newDesk(t)
	d.env = append(d.env, "MILLPOND_PUBLIC="+filepath.Join(d.home, "run", "status.sock"))
	machine := *d
	machine.env = append(slices.Clone(d.env), "MILLPOND_CONTROL="+filepath.Join(d.home, "run", "machine.sock"))
	origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer origin.Close()
	d.configure(fmt.Sprintf("[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = %q\n", origin.URL))
	daemon := machine.run(programs.daemon, "serve", "--listen", "127.0.0.1:0")
	panel := d.addPanel()
	d.millpond("--background")
	icon := panel.icon()
	panel.await(icon, "Set up for everyone", shown)
	panel.await(icon, "Running", shown)
	for _, label := range []string{"Start the proxy", "Proxy on", "Upstream", "Gentle", "one"} {
		if e, ok := find(panel.menu(icon), label); ok {
			t.Errorf("the menu offers %q, which is an administrator's", e.label)
		}
	}
	panel.click(icon, "Copy address")
	until(t, "the address on the clipboard", func() bool {
		return strings.HasPrefix(d.clipboard(), "http://127.0.0.1:") && ask(t, strings.TrimPrefix(d.clipboard(), "http://"), "/") == http.StatusOK
	})
	until(t, "that request in the figures", func() bool { return strings.Contains(panel.words(icon), "100% of ") })
	daemon.end(t, syscall.SIGKILL)
	panel.await(icon, "Not running", shown)
	panel.await(icon, "Start the proxy", shown)
}

// TestTrayChooses lists upstreams of two kinds, of which a person chooses another.
func TestTrayChooses(t *testing.T) {
	d := newDesk(t)
	answer := func(name string) string {
		origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }))
		t.Cleanup(origin.Close)
		return origin.URL
	}
	d.configure(fmt.Sprintf(`
[[upstreams]]
name = "one"
kind = "anthropic"
url = %q
[[upstreams]]
name = "two"
kind = "anthropic"
url = %q
priority = 2
[[upstreams]]
name = "local"
kind = "openai"
url = %q
enabled = false
`, answer("one"), answer("two"), answer("local")))
	panel := d.addPanel()
	_, address := d.daemon()
	d.millpond("--background")
	icon := panel.icon()
	panel.await(icon, "Upstream: one", shown)
	panel.await(icon, "Anthropic API", func(e entry) bool { return !e.enabled })
	panel.await(icon, "OpenAI API", func(e entry) bool { return !e.enabled })
	panel.await(icon, "local  ·  disabled", off)
	if got := read(t, address, "/v1/messages"); got != "one" {
		t.Errorf("got %q; want it from one", got)
	}
	panel.click(icon, "two")
	panel.await(icon, "two", on)
	panel.await(icon, "one", off)
	panel.await(icon, "Upstream: two", shown)
	if got := read(t, address, "/v1/messages"); got != "two" {
		t.Errorf("after a click: got %q; want it from two", got)
	}
	panel.click(icon, "local")
	panel.await(icon, "local", on)
	panel.await(icon, "two", on) // which is of another kind
	if got := read(t, address, "/v1/chat/completions"); got != "local" {
		t.Errorf("of another kind: got %q; want it from local", got)
	}
}

// hasServices reports whether this machine can have the daemon as a service of a person.
// There a person chooses whether it becomes one.
func hasServices() bool {
	_, err := service.New(service.Config{Kind: service.User, Program: "/none"})
	return !errors.Is(err, service.ErrNoManager)
}

// TestTrayLetsChoose has the tray show the ways to start the proxy, of which one is taken.
func TestTrayLetsChoose(t *testing.T) {
	if !hasServices() {
		t.Skip("there are no services here, so there is nothing to choose: TestTrayStartsDaemon")
	}
	d := newDesk(t)
	d.light()
	d.configure("[listen]\naddress = \"127.0.0.1:0\"\n")
	panel := d.addPanel()
	d.millpond("--background")
	panel.click(panel.icon(), "Start the proxy")
	d.pressRun(d.place())
	d.endDaemon()
}

// TestTrayStartsDaemon has the tray start the proxy, and tell why it cannot.
func TestTrayStartsDaemon(t *testing.T) {
	if hasServices() {
		t.Skip("there are services here, so a person chooses first: TestTrayLetsChoose")
	}
	d := newDesk(t)
	taken := porttest.Listen(t)
	d.configure(fmt.Sprintf("[listen]\naddress = %q\n[app]\noff = \"stop\"\n", taken.Addr()))
	panel := d.addPanel()
	app := d.millpond("--background")
	icon := panel.icon()
	panel.click(icon, "Start the proxy")
	until(t, "the reason, in several lines", func() bool {
		words := panel.words(icon)
		return strings.Contains(words, "The proxy could not be started: ") && strings.Contains(words, taken.Addr().String())
	})
	panel.await(icon, "Start the proxy", shown)

	taken.Close()
	panel.click(icon, "Start the proxy")
	panel.await(icon, "Proxy on", on)
	panel.click(icon, "Proxy on") // off means to stop it, by the settings
	panel.await(icon, "Not running", shown)
	panel.click(icon, "Start the proxy")
	panel.await(icon, "Proxy on", on)
	defer d.endDaemon()
	app.end(t, syscall.SIGTERM)
	if got := ask(t, taken.Addr().String(), "/__millpond__/stats"); got != http.StatusOK {
		t.Errorf("after the tray has ended: got %d; want the daemon to go on", got)
	}
}

// endDaemon ends the daemon that the application started.
func (d *desk) endDaemon() {
	d.t.Helper()
	client := control.Dial(d.socket())
	defer client.Close()
	s, err := client.Status(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	if err := syscall.Kill(s.PID, syscall.SIGTERM); err != nil {
		d.t.Fatal(err)
	}
	until(d.t, "the daemon to end", func() bool {
		_, err := client.Status(d.t.Context())
		return errors.Is(err, control.ErrNotRunning)
	})
}

// TestTrayRenews puts another program in the place of the tray, as an upgrade does: it
// goes on as that one, in the same process.
func TestTrayRenews(t *testing.T) {
	d := newDesk(t)
	program := filepath.Join(t.TempDir(), "millpond")
	put := func() {
		t.Helper()
		text, err := os.ReadFile(programs.tray)
		if err == nil {
			err = os.WriteFile(program+".new", text, 0o755)
		}
		if err == nil {
			err = os.Rename(program+".new", program)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put()
	panel := d.addPanel()
	daemon, _ := d.daemon()
	app := d.run(program, "--background")
	panel.await(panel.icon(), "No upstream yet", shown)
	runs := func() string {
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", app.Process.Pid))
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	put()
	if got := runs(); got == program {
		t.Fatalf("the tray runs %s; want one that is gone", got)
	}
	daemon.end(t, syscall.SIGTERM)
	until(t, "the tray to run what is there now", func() bool { return runs() == program })
	d.daemon()
	icon := panel.icon()
	panel.await(icon, "No upstream yet", shown)
	panel.click(icon, "Quit")
	if code := app.wait(t); code != 0 {
		t.Errorf("exit code: got %d; want 0", code)
	}
}

// TestTrayTellsOfTrouble breaks the upstream and mends it.
func TestTrayTellsOfTrouble(t *testing.T) {
	d := newDesk(t)
	broken := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-broken:
			w.WriteHeader(http.StatusInternalServerError)
		default:
		}
	}))
	defer origin.Close()
	d.configure(fmt.Sprintf("[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = %q\n", origin.URL))
	panel := d.addPanel()
	_, address := d.daemon()
	d.millpond("--background")
	icon := panel.icon()
	panel.await(icon, "Running", shown)
	fine := fmt.Sprint(panel.property(icon, "IconPixmap"))

	close(broken)
	for range 10 {
		ask(t, address, "/")
	}
	panel.await(icon, "Requests are failing", shown)
	panel.await(icon, "No upstream answers: one", shown)
	if fmt.Sprint(panel.property(icon, "IconPixmap")) == fine {
		t.Error("the icon is as if all were well")
	}
}

// TestWindow opens the window in every way that there is, and closes it.
func TestWindow(t *testing.T) {
	d := newDesk(t)
	d.daemon("--demo")
	panel := d.addPanel()
	app := d.millpond()
	icon := panel.icon()
	first := d.only()

	if code := d.millpond().wait(t); code != 0 {
		t.Errorf("a second start: got exit code %d; want 0", code)
	}
	if again := d.only(); again != first {
		t.Errorf("a second start: got window %v; want the first, %v", again, first)
	}
	d.closeWindow(first)
	until(t, "the window to be gone", func() bool { return len(d.windows()) == 0 })
	if !app.running() {
		t.Fatal("the tray ended with its window")
	}

	clicked := time.Now()
	panel.click(icon, "Open Millpond")
	d.only()
	t.Logf("from the click to a window: %v", time.Since(clicked).Round(time.Millisecond))
	app.end(t, syscall.SIGTERM)
	until(t, "the window to end with the tray", func() bool { return len(d.windows()) == 0 })
}

// TestWindowShowsDaemon uses the window's switch and wants it done.
func TestWindowShowsDaemon(t *testing.T) {
	d := newDesk(t)
	_, address := d.daemon("--demo")
	shown := d.millpond("window")
	until(t, "a window", func() bool { return len(d.windows()) == 1 })
	until(t, "traffic", func() bool { return ask(t, address, "/u/anthropic/v1/models") == http.StatusOK })
	d.picture("window")
	off := func() bool { return ask(t, address, "/u/anthropic/v1/models") == http.StatusServiceUnavailable }
	until(t, "the switch to stop the traffic", func() bool {
		if off() {
			return true
		}
		d.pressSwitch()
		return off()
	})
	d.picture("window-off")
	shown.end(t, syscall.SIGTERM)
}

// pressSwitch clicks the window's switch, which is at the right of its head. The
// switch asks for the contrary of what it shows, so a second click before the
// daemon has answered asks for the same.
func (d *desk) pressSwitch() {
	d.t.Helper()
	x := strconv.Itoa(int(window.Size.Width) - 62)
	d.xdotool("search", "--onlyvisible", "--name", "^Millpond$", "mousemove", "--window", "%1", x, "60", "click", "1")
}

// TestWithoutPanel starts where nothing shows tray icons.
func TestWithoutPanel(t *testing.T) {
	d := newDesk(t)
	app := d.millpond()
	until(t, "a window in place of the icon", func() bool { return len(d.windows()) == 1 })
	d.picture("window-without-panel")
	if code := d.millpond().wait(t); code != 0 {
		t.Errorf("a second start: got exit code %d; want 0", code)
	}
	if got := len(d.windows()); got != 1 {
		t.Errorf("got %d windows after a second start; want 1", got)
	}
	app.end(t, syscall.SIGTERM)

	// At login the panel may come later than we do.
	d.millpond("--background")
	panel := d.addPanel()
	panel.await(panel.icon(), "Not running", shown)
	if got := len(d.windows()); got != 0 {
		t.Errorf("got %d windows at login; want none", got)
	}
}

// TestWholeProgramAlone starts the program that has both, without the other
// beside it.
func TestWholeProgramAlone(t *testing.T) {
	d := newDesk(t)
	panel := d.addPanel()
	app := d.run(programs.whole)
	icon := panel.icon()
	panel.await(icon, "Not running", shown)
	until(t, "a window", func() bool { return len(d.windows()) == 1 })
	panel.click(icon, "Quit")
	if code := app.wait(t); code != 0 {
		t.Errorf("exit code: got %d; want 0", code)
	}
	if got := len(d.windows()); got != 0 {
		t.Errorf("got %d windows after quitting; want none", got)
	}
}

// TestQuit ends everything by the command that installers use.
func TestQuit(t *testing.T) {
	d := newDesk(t)
	daemon, address := d.daemon("--demo")
	panel := d.addPanel()
	tray := d.millpond()
	panel.icon()
	d.only()
	if code := d.millpond("quit").wait(t); code != 0 {
		t.Errorf("quit: got exit code %d; want 0", code)
	}
	if code := tray.wait(t); code != 0 {
		t.Errorf("the tray: got exit code %d; want 0", code)
	}
	if got := len(d.windows()); got != 0 {
		t.Errorf("got %d windows after quitting; want none", got)
	}
	if got := ask(t, address, "/u/anthropic/v1/models"); got != http.StatusOK {
		t.Errorf("after quitting: got %d; want the proxy to go on", got)
	}
	if code := d.millpond("quit", "--daemon").wait(t); code != exitNotRunning {
		t.Errorf("quit without a tray: got exit code %d; want %d", code, exitNotRunning)
	}
	daemon.wait(t)
}

// TestWithoutScreen starts where there is nothing to show a window on.
func TestWithoutScreen(t *testing.T) {
	d := newDesk(t)
	d.env = append(d.env, "DISPLAY=")
	app := d.millpond()
	if code := app.wait(t); code != 1 {
		t.Errorf("exit code: got %d; want 1", code)
	}
	if got := app.output.String(); !strings.Contains(got, "there is no screen") {
		t.Errorf("got %q; want it to say that there is no screen", got)
	}
}

// TestFootprint measures what is resident all day.
func TestFootprint(t *testing.T) {
	const most = 25 << 10 // KB, of the tray while it shows a daemon with traffic
	d := newDesk(t)
	d.daemon("--demo")
	panel := d.addPanel()
	started := time.Now()
	app := d.millpond("--background")
	icon := panel.icon()
	t.Logf("from start to icon: %v", time.Since(started).Round(time.Millisecond))
	panel.await(icon, "Running", shown)
	panel.await(icon, "worker-13", shown)
	if kb := resident(t, app.Process.Pid); kb > most {
		t.Errorf("resident: got %d KB; want %d at most", kb, most)
	} else {
		t.Logf("resident: %.1f MB", float64(kb)/1024)
	}
}

// resident returns the resident memory of a process in KB.
func resident(t *testing.T, pid int) int {
	t.Helper()
	file, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var kb int
		if n, _ := fmt.Sscanf(lines.Text(), "VmRSS: %d kB", &kb); n == 1 {
			return kb
		}
	}
	t.Fatal("the system does not say what is resident")
	return 0
}

// TestUsage wants mistakes told in a sentence.
func TestUsage(t *testing.T) {
	if err := run(t.Context(), []string{"widnow"}); err == nil || !strings.Contains(err.Error(), "widnow") {
		t.Errorf("an unknown command: got %v; want an error that names it", err)
	}
	if err := run(t.Context(), []string{"version"}); err != nil {
		t.Errorf("version: got %v; want no error", err)
	}
}
