//go:build packages

package system

import (
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// installed is where the package puts the daemon.
const installed = "/usr/bin/millpondd"

// claude is what alice has set for Claude Code.
const claude = `{"env": {"ANTHROPIC_BASE_URL": "https://relay.example"}}`

// TestPackage is the life of a .deb, in the words of a user of Debian: installed, set up by alice,
// upgraded under traffic, removed and purged. "make test-package" makes the two versions of it.
func TestPackage(t *testing.T) {
	m := bootMachine(t)
	// Reaching her manager from outside opens a session and ends it, and with the last one the manager ends,
	// unless it lingers. A person who upgrades at the desktop is logged in.
	m.mustRoot(t, "loginctl", "enable-linger", "alice")
	until(t, "alice's service manager answers", func() bool { return m.alice("systemctl", "--user", "is-system-running").out != "" })
	u := serveUpstream(t, m)
	before := owned(t, m)

	m.install(t, "older.deb")
	m.mustRoot(t, "desktop-file-validate", "/usr/share/applications/dev.millpond.app.desktop", "/etc/xdg/autostart/dev.millpond.app.desktop")
	m.mustRoot(t, "appstreamcli", "validate", "--no-net", "/usr/share/metainfo/dev.millpond.app.metainfo.xml")
	m.mustRoot(t, "sh", "-c", `! ldd /usr/bin/millpond-window | grep "not found"`)
	m.mustRoot(t, "sh", "-c", "cd /usr/share/man/man1 && for page in millpond*; do man -l --warnings=w $page 2>&1 >/dev/null | grep . && exit 1; done; true")

	setUp(t, m)
	mustAnswer(t, m, "installed")
	upgradePackage(t, m, u)
	removePackage(t, m, before)
}

// owned lists the files that a package and its service could leave behind.
func owned(t *testing.T, m *machine) []string {
	t.Helper()
	out := m.mustRoot(t, "sh", "-c", "find / -xdev -ipath '*millpond*' -not -path '/proc/*' -not -path '/tmp/*' -not -path '/var/tmp/*' -not -path '*/go/*' -not -path '/root/*' 2>/dev/null; true")
	files := append(strings.Split(strings.TrimSpace(out), "\n"), m.files(t)...)
	slices.Sort(files)
	return slices.Compact(files)
}

// install installs one of the packages that were made for the test.
func (m *machine) install(t *testing.T, name string) {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(os.Getenv("MILLPOND_PACKAGES"), name))
	if err != nil {
		t.Fatalf("%v; run the test by make test-package", err)
	}
	m.write(t, "/var/cache/"+name, string(body), "0644", "root:root")
	m.mustRoot(t, "dpkg", "-i", "/var/cache/"+name)
	m.mustRoot(t, "rm", "/var/cache/"+name)
}

// setUp is what the first start of the application does for alice.
func setUp(t *testing.T, m *machine) {
	t.Helper()
	m.mustRoot(t, "runuser", "-u", "alice", "--", "mkdir", "-p", "/home/alice/.config/millpond", "/home/alice/.claude")
	m.write(t, "/home/alice/.config/millpond/settings.toml", settings, "0600", "alice:alice")
	m.write(t, "/home/alice/.claude/settings.json", claude, "0600", "alice:alice")
	for _, words := range [][]string{{"service", "install"}, {"connect", "claude-code"}} {
		if r := m.alice(append([]string{installed}, words...)...); r.code != 0 {
			t.Fatalf("millpondd %v: %v", words, r)
		}
	}
}

// upgradePackage installs the newer version under traffic: the service goes on with the new program,
// and no request is lost.
func upgradePackage(t *testing.T, m *machine, u *upstream) {
	traffic := startLoad(t, m, "package")
	traffic.goOn(t)
	m.install(t, "newer.deb")
	traffic.goOn(t)
	traffic.check(t, u)
	if r := m.alice(installed, "status", "--json"); !strings.Contains(r.out, `"version": "9.9.9"`) {
		t.Errorf("after the upgrade: got %v; want version 9.9.9 to run", r)
	}
	if r := m.root("test", "-s", "/home/alice/.config/millpond/settings.toml"); r.code != 0 {
		t.Error("the upgrade took the settings away")
	}
}

// removePackage removes and purges: nothing of the package is left, and everything of alice's.
func removePackage(t *testing.T, m *machine, before []string) {
	m.mustRoot(t, "dpkg", "--remove", "millpond")
	if c, err := m.dial(t.Context(), "tcp", proxyAddress); err == nil {
		c.Close()
		t.Error("after removing: got a connection; want it refused")
	}
	if r := m.alice("systemctl", "--user", "show", "millpond", "--value", "-p", "LoadState"); strings.TrimSpace(r.out) != "not-found" {
		t.Errorf("systemd says the unit is %v; want not-found", r)
	}
	m.mustRoot(t, "dpkg", "--purge", "millpond")
	if m.root("test", "-s", "/home/alice/.config/millpond/settings.toml").code != 0 {
		t.Error("alice's settings are gone; want them kept")
	}
	if got := m.mustRoot(t, "cat", "/home/alice/.claude/settings.json"); got != claude {
		t.Errorf("Claude Code's settings: got %s; want %s", got, claude)
	}
	for _, f := range added(before, owned(t, m)) {
		if !strings.HasPrefix(f, "/home/alice/") && !strings.HasPrefix(f, "/var/lib/dpkg") && !strings.HasPrefix(f, "/var/log") {
			t.Errorf("%s is left behind", f)
		}
	}
	if err := newClient(t, m, true).ask(http.MethodGet, "removed"); err == nil {
		t.Error("after removing: got an answer; want none")
	}
}
