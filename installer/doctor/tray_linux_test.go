package doctor

import (
	"bufio"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
)

// A desktop session without who shows tray icons, and then with one.
func TestTrayOnARealBus(t *testing.T) {
	if _, err := exec.LookPath("dbus-daemon"); err != nil {
		t.Skip("dbus-daemon is not installed here; .ci/install test brings it")
	}
	daemon := exec.Command("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address",
		"--address=unix:path="+filepath.Join(t.TempDir(), "bus"))
	out, err := daemon.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := daemon.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = daemon.Process.Kill()
		_ = daemon.Wait()
	})
	address, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address = strings.TrimSpace(address)
	c := machine(t, anywhere+"[forward]\nenabled = true\n", "DBUS_SESSION_BUS_ADDRESS="+address)
	expect(t, c, want{"tray", Warn, "the desktop shows no tray icons"})
	panel, err := dbus.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer panel.Close()
	if _, err := panel.RequestName(trayWatcher, 0); err != nil {
		t.Fatal(err)
	}
	expect(t, c, want{"tray", OK, "the desktop shows tray icons"})
}
