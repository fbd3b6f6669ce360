//go:build packages

package system

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// copied is where AppRun puts the daemon.
const copied = "/home/alice/.local/share/millpond/bin/millpondd"

// TestPackageAppImage is the life of an AppImage, without the program that mounts it: it is started out of a
// folder that goes away, as the mount does, set up by clicks, replaced by a newer one under traffic, and
// removed by the lines of README.md.
func TestPackageAppImage(t *testing.T) {
	m := bootForAlice(t)
	u := serveUpstream(t, m, ollama)
	d := logIn(t, m)

	older := d.startAppImage(t, "older")
	d.welcome(t, u)
	if got := m.alice("systemctl", "--user", "show", "millpond", "--value", "-p", "ExecStart").out; !strings.Contains(got, copied) {
		t.Errorf("the service runs %s; want %s", got, copied)
	}
	livesOn(t, m)
	d.closeWindow(t)
	m.mustRoot(t, "rm", "-r", older)
	if r := m.alice(copied, "service", "restart"); r.code != 0 {
		t.Errorf("restart when the AppImage is not mounted: %v", r)
	}
	if err := newClient(t, m, true).askAt(http.MethodPost, "/v1/chat/completions", "unmounted"); err != nil {
		t.Error(err)
	}

	setUp(t, m, copied)
	upgradePackage(t, m, u, copied, func() {
		d.startAppImage(t, "newer")
		until(t, "the newer daemon answers", func() bool {
			return strings.Contains(m.alice(copied, "status", "--json").out, `"version": "9.9.9"`)
		})
	})
	until(t, "the newer tray shows its icon", func() bool { return d.icons() == 1 })

	d.must(t, "sh", "-c", removal(t))
	mustBeRemoved(t, m)
	until(t, "the icon is gone", func() bool { return d.icons() == 0 })
	if r := m.root("test", "-e", filepath.Dir(copied)); r.code == 0 {
		t.Error("the programs are left behind")
	}
}

// startAppImage starts what an AppImage of the version holds, and returns the folder.
func (d *desk) startAppImage(t *testing.T, version string) (folder string) {
	t.Helper()
	tree, err := exec.CommandContext(t.Context(), "tar", "-C", filepath.Join(os.Getenv("MILLPOND_PACKAGES"), version, "Millpond.AppDir"), "-cf", "-", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	folder = "/tmp/.mount_" + version
	d.m.mustRoot(t, "mkdir", folder)
	if r := d.m.command(string(tree), "tar", "-C", folder, "--no-same-owner", "-xf", "-"); r.code != 0 {
		t.Fatal(r)
	}
	const script = `APPIMAGE=/home/alice/millpond.AppImage APPDIR="$1" exec systemd-run --user --scope --quiet "$1/AppRun" >/home/alice/launched 2>&1 </dev/null &`
	d.must(t, "sh", "-c", script, "sh", folder)
	return folder
}

// removal returns the lines by which README.md removes an AppImage.
func removal(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, lines, _ := strings.Cut(string(text), "\n# AppImage\n")
	lines, _, found := strings.Cut(lines, "\n# macOS\n")
	if !found {
		t.Fatal("README.md does not say how to remove an AppImage")
	}
	return lines
}
