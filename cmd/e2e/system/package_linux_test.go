//go:build packages

package system

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// installed is where the packages put the daemon.
const installed = "/usr/bin/millpondd"

// entry is the line of the desktop's menu.
const entry = "/usr/share/applications/dev.millpond.app.desktop"

// claude is what alice has set for Claude Code.
const claude = `{"env": {"ANTHROPIC_BASE_URL": "https://relay.example"}}`

// TestPackageDeb is the life of a .deb, in the words of a user of Debian: installed, opened from the menu,
// set up by clicks, upgraded under traffic, removed and purged. "make test-package" makes the two versions.
func TestPackageDeb(t *testing.T) {
	m := bootForAlice(t)
	u := serveUpstream(t, m, ollama)
	d := logIn(t, m)
	before, all := owned(t, m), everything(t, m)

	began := time.Now()
	m.withPackage(t, "older/*.deb", func(file string) { m.mustRoot(t, "dpkg", "-i", file) })
	t.Logf("dpkg took %v", time.Since(began).Round(time.Millisecond))
	m.mustRoot(t, "desktop-file-validate", entry, "/etc/xdg/autostart/dev.millpond.app.desktop")
	m.mustRoot(t, "appstreamcli", "validate", "--no-net", "/usr/share/metainfo/dev.millpond.app.metainfo.xml")
	m.mustRoot(t, "sh", "-c", "cd /usr/share/man/man1 && for page in millpond*; do man -l --warnings=w $page 2>&1 >/dev/null | grep . && exit 1; done; true")
	m.withPackage(t, "older/*.deb", func(file string) { opensAlone(t, d, file) })

	d.firstRun(t, u, entry)
	setUp(t, m, installed)
	mustAnswer(t, m, "installed")
	livesOn(t, m)
	d.closeWindow(t)
	upgradePackage(t, m, u, installed, func() {
		m.withPackage(t, "newer/*.deb", func(file string) { m.mustRoot(t, "dpkg", "-i", file) })
	})
	until(t, "the tray has gone on as the new one", func() bool {
		return m.root("sh", "-c", "ls -l /proc/[0-9]*/exe 2>/dev/null | grep -q '/usr/bin/millpond.*(deleted)'").code != 0 && d.icons() == 1
	})
	d.launch(t, entry)
	d.place(t)

	files := unpacked(t, all, m.mustRoot(t, "dpkg", "-L", "millpond"))
	m.mustRoot(t, "dpkg", "--remove", "millpond")
	mustBeRemoved(t, m)
	until(t, "icon and window are gone", func() bool { return d.icons() == 0 && len(d.windows()) == 0 })
	m.mustRoot(t, "dpkg", "--purge", "millpond")
	mustBeGone(t, m, before, files, "/var/lib/dpkg/")
}

// TestPackageRPM is the life of an .rpm. rpm runs the new version's scripts before those of the old one,
// and tells them by a count what they are run for.
func TestPackageRPM(t *testing.T) {
	m := bootForAlice(t)
	u := serveUpstream(t, m)
	before, all := owned(t, m), everything(t, m)
	// The container is a Debian, whose rpm knows of no package that others could depend on.
	rpm := func(words ...string) string {
		t.Helper()
		return m.mustRoot(t, append([]string{"rpm", "--force-debian", "--dbpath", "/var/lib/rpm"}, words...)...)
	}
	m.withPackage(t, "older/*.rpm", func(file string) {
		rpm("-i", "--nodeps", file)
		mustNameLibraries(t, m, file)
	})
	setUp(t, m, installed)
	mustAnswer(t, m, "installed")
	livesOn(t, m)
	const own = "/etc/xdg/autostart/dev.millpond.app.desktop"
	m.mustRoot(t, "sh", "-c", "echo Hidden=true >> "+own)
	upgradePackage(t, m, u, installed, func() { m.withPackage(t, "newer/*.rpm", func(file string) { rpm("-U", "--nodeps", file) }) })
	if r := m.root("grep", "-qx", "Hidden=true", own); r.code != 0 {
		t.Error("the upgrade took away what was changed in /etc")
	}

	files := unpacked(t, all, rpm("-ql", "millpond"))
	rpm("-e", "millpond")
	mustBeRemoved(t, m)
	mustBeGone(t, m, before, files, "/var/lib/rpm", own+".rpmsave")
}

// TestPackageTarball is what a person does whose system has neither format: unpacks it somewhere, starts it,
// installs the service by a click, and once more from elsewhere when it is no longer there.
func TestPackageTarball(t *testing.T) {
	m := bootForAlice(t)
	u := serveUpstream(t, m, ollama)
	d := logIn(t, m)
	unpack := func(folder string) (program string) {
		m.withPackage(t, "older/*.tar.gz", func(file string) {
			d.must(t, "mkdir", "-p", folder)
			d.must(t, "tar", "-C", folder, "--strip-components=1", "-xf", file)
		})
		return folder + "/bin/millpondd"
	}
	first := unpack("/home/alice/Down loads/millpond")
	m.mustRoot(t, "sh", "-c", `mkdir /var/tmp/empty && cp "$1" "${1%d}" /var/tmp/empty`, "sh", first)
	for _, program := range []string{"/millpond", "/millpondd"} { // without a C library, and without anything
		m.mustRoot(t, "chroot", "/var/tmp/empty", program, "version")
	}
	d.must(t, "sh", "-c", `exec systemd-run --user --scope --quiet "$1/millpond" >/home/alice/launched 2>&1 </dev/null &`, "sh", filepath.Dir(first))
	d.welcome(t, u)
	if got := m.alice("systemctl", "--user", "show", "millpond", "--value", "-p", "ExecStart").out; !strings.Contains(got, first) {
		t.Errorf("the service runs %s; want %s", got, first)
	}
	livesOn(t, m)

	d.must(t, "rm", "-r", "/home/alice/Down loads")
	second := unpack("/home/alice/.local")
	if r := m.alice(second, "service", "status"); !strings.Contains(r.out+r.err, "is gone") {
		t.Errorf("got %v; want it to say that its program is gone", r)
	}
	if r := m.alice(second, "service", "install"); r.code != 0 {
		t.Fatalf("install again from elsewhere: %v", r)
	}
	if err := newClient(t, m, true).askAt(http.MethodPost, "/v1/chat/completions", "again"); err != nil {
		t.Error(err)
	}
	// README says so: this puts it into the menu.
	d.must(t, "desktop-file-validate", "/home/alice/.local/share/applications/dev.millpond.app.desktop")
}

// bootForAlice boots a container in which alice is logged in.
func bootForAlice(t *testing.T) *machine {
	t.Helper()
	if os.Getenv("MILLPOND_PACKAGES") == "" {
		t.Fatal("there are no packages to test; run the test by make test-package")
	}
	m := bootMachine(t)
	// Reaching her manager from outside opens a session and ends it, and with the last one the manager ends,
	// unless it lingers. A person who upgrades at the desktop is logged in.
	m.mustRoot(t, "loginctl", "enable-linger", "alice")
	until(t, "alice's service manager answers", func() bool { return m.alice("systemctl", "--user", "is-system-running").out != "" })
	return m
}

// owned lists the files that a package and its service could leave behind.
func owned(t *testing.T, m *machine) []string {
	t.Helper()
	out := m.mustRoot(t, "sh", "-c", "find / -xdev -ipath '*millpond*' -not -path '/proc/*' -not -path '/tmp/*' -not -path '/var/tmp/*' -not -path '*/go/*' -not -path '/root/*' 2>/dev/null; true")
	files := append(strings.Split(strings.TrimSpace(out), "\n"), m.files(t)...)
	slices.Sort(files)
	return slices.Compact(files)
}

// unpacked lists the files of a package and the folders above them that the container did not have before it,
// by the list that the package's manager has.
func unpacked(t *testing.T, before []string, list string) []string {
	t.Helper()
	var all []string
	for file := range strings.Lines(list) {
		for file = strings.TrimSpace(file); strings.Count(file, "/") > 1; file = filepath.Dir(file) {
			all = append(all, file)
		}
	}
	slices.Sort(all)
	return added(before, slices.Compact(all))
}

// everything lists what is below the folders that packages unpack into.
func everything(t *testing.T, m *machine) []string {
	t.Helper()
	files := strings.Split(strings.TrimSpace(m.mustRoot(t, "find", "/usr", "/etc", "-xdev")), "\n")
	slices.Sort(files)
	return files
}

// withPackage calls use with one of the packages that were made for the test, in the container.
func (m *machine) withPackage(t *testing.T, pattern string, use func(file string)) {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(os.Getenv("MILLPOND_PACKAGES"), pattern))
	if err != nil || len(found) != 1 {
		t.Fatalf("%s: found %v, %v; want one file", pattern, found, err)
	}
	body, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	file := "/var/cache/" + filepath.Base(found[0])
	m.write(t, file, string(body), "0644", "root:root")
	use(file)
	m.mustRoot(t, "rm", file)
}

// setUp is what alice does at a terminal with the program: the service, an upstream, an agent. She may have done the first
// at her desktop.
func setUp(t *testing.T, m *machine, program string) {
	t.Helper()
	m.mustRoot(t, "runuser", "-u", "alice", "--", "mkdir", "-p", "/home/alice/.claude")
	m.write(t, "/home/alice/.claude/settings.json", claude, "0600", "alice:alice")
	for _, words := range [][]string{
		{"service", "install"},
		{"upstream", "add", "worker", "--kind", "http", "--url", "http://" + upstreamAddress},
		{"connect", "claude-code"},
	} {
		if r := m.alice(append([]string{program}, words...)...); r.code != 0 {
			t.Fatalf("millpondd %v: %v", words, r)
		}
	}
}

// livesOn waits until the daemon has been up for some time, in which it gives memory back, and lets the test
// fail if it did not go through that alive.
func livesOn(t *testing.T, m *machine) {
	t.Helper()
	const enough = 8 // seconds
	show := func(name string) string {
		return strings.TrimSpace(m.alice("systemctl", "--user", "show", "millpond", "--value", "-p", name).out)
	}
	pid := show("MainPID")
	until(t, "the daemon has been up for a while", func() bool {
		up, err := strconv.Atoi(strings.TrimSpace(m.root("ps", "-o", "etimes=", "-p", pid).out))
		return err != nil || up >= enough // an error: it is gone
	})
	if now, restarts := show("MainPID"), show("NRestarts"); now != pid || restarts != "0" {
		t.Errorf("the daemon is process %s after %s restarts; want still %s: %s", now, restarts, pid,
			m.root("sh", "-c", "journalctl --no-pager | grep millpond | grep -v msg=request | tail -40"))
	}
}

// upgradePackage installs the newer version under traffic: the service goes on with the new program, and no
// request is lost.
func upgradePackage(t *testing.T, m *machine, u *upstream, program string, install func()) {
	t.Helper()
	traffic := startLoad(t, m, "package")
	traffic.goOn(t)
	install()
	traffic.goOn(t)
	traffic.check(t, u)
	if r := m.alice(program, "status", "--json"); !strings.Contains(r.out, `"version": "9.9.9"`) {
		t.Errorf("after the upgrade: got %v; want version 9.9.9 to run", r)
	}
	if r := m.root("test", "-s", "/home/alice/.config/millpond/settings.toml"); r.code != 0 {
		t.Error("the upgrade took the settings away")
	}
}

// mustBeRemoved lets the test fail if anything still runs or points at it.
func mustBeRemoved(t *testing.T, m *machine) {
	t.Helper()
	if c, err := m.dial(t.Context(), "tcp", proxyAddress); err == nil {
		c.Close()
		t.Error("after removing: got a connection; want it refused")
	}
	if r := m.alice("systemctl", "--user", "show", "millpond", "--value", "-p", "LoadState"); strings.TrimSpace(r.out) != "not-found" {
		t.Errorf("systemd says the unit is %v; want not-found", r)
	}
	if got := m.mustRoot(t, "cat", "/home/alice/.claude/settings.json"); got != claude {
		t.Errorf("Claude Code's settings: got %s; want %s", got, claude)
	}
}

// mustBeGone lets the test fail if anything of the package is left, but for what is the package manager's
// own, or if something of alice's is not.
func mustBeGone(t *testing.T, m *machine, before, files []string, own ...string) {
	t.Helper()
	if m.root("test", "-s", "/home/alice/.config/millpond/settings.toml").code != 0 {
		t.Error("alice's settings are gone; want them kept")
	}
	own = append(own, "/home/alice/", "/var/log/")
	left := m.command(strings.Join(files, "\n"), "xargs", "-d", "\n", "ls", "-d").out // those of them that there are
	if len(files) < 20 {
		t.Errorf("the package had no more than these files: %v", files)
	}
	for _, f := range append(strings.Fields(left), added(before, owned(t, m))...) {
		if !slices.ContainsFunc(own, func(prefix string) bool { return strings.HasPrefix(f, prefix) }) {
			t.Errorf("%s is left behind", f)
		}
	}
}

// mustNameLibraries lets the test fail if an .rpm asks for a library by a name that none has.
func mustNameLibraries(t *testing.T, m *machine, file string) {
	t.Helper()
	known := m.mustRoot(t, "ldconfig", "-p")
	asked := regexp.MustCompile(`(?m)^(\S+\.so[.0-9]*)\(`).FindAllStringSubmatch(m.mustRoot(t, "rpm", "-qpR", file), -1)
	if len(asked) == 0 {
		t.Error("the .rpm asks for no library")
	}
	for _, name := range asked {
		if !strings.Contains(known, "\t"+name[1]+" ") {
			t.Errorf("the .rpm asks for %s, which ldconfig does not know", name[1])
		}
	}
}
