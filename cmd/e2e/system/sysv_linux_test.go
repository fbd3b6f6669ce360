package system

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// hold makes a root without any service manager, and a process 1 that does nothing but bury the dead.
// The devices are made there: none of the machine's own is touched.
const hold = `set -eu
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root"
mount -t proc proc "$1/root/proc"
for folder in dev run tmp; do mount -t tmpfs tmpfs "$1/root/$folder"; done
chmod 1777 "$1/root/tmp"
mknod -m 0666 "$1/root/dev/null" c 1 3
mknod -m 0666 "$1/root/dev/urandom" c 1 9
exec chroot "$1/root" /bin/sh -c 'while :; do sleep 0.1; done'
`

// TestSysV lives a shorter life where there are only scripts in /etc/init.d.
func TestSysV(t *testing.T) {
	m := start(t, hold, "--mount", "--pid", "--net", "--uts", "--ipc", "--fork", "--kill-child")
	until(t, "there is a process 1", func() bool {
		for _, pid := range children(int(m.pid.Load())) {
			if root, err := os.Readlink(fmt.Sprintf("/proc/%d/root", pid)); err == nil && root != "/" {
				m.leader = pid
			}
		}
		select {
		case <-m.ended:
			t.Fatalf("the root cannot be made: %s", m.console.last())
		default:
		}
		return m.leader != 0
	})
	if err := m.inside(loopbackUp); err != nil {
		t.Fatal(err)
	}
	m.put(t, build(t, "1.0.0"))
	u := serveUpstream(t, m)
	i := machines(m, u)
	before := m.files(t)

	i.must(t, "service", "install")
	i.must(t, "upstream", "add", "worker", "--url", "http://"+upstreamAddress, "--kind", "http")
	mustAnswer(t, m, "installed")
	if got := i.do("service", "status").out; !strings.Contains(got, "sysv, /etc/init.d/millpond") {
		t.Errorf("got %s; want it to name the script", got)
	}
	pid := daemonOf(t, m)
	owner := strings.TrimSpace(m.mustRoot(t, "stat", "-c", "%U", "/proc/"+pid))
	if owner != "millpond" {
		t.Errorf("it runs as %s; want millpond", owner)
	}
	m.mustRoot(t, "kill", "-9", pid)
	ask := newClient(t, m, true)
	until(t, "it is back after kill -9", func() bool { return ask.ask(http.MethodPost, "killed") == nil })
	i.must(t, "service", "restart")
	mustAnswer(t, m, "restarted")
	i.must(t, "service", "install") // again
	i.must(t, "service", "stop")
	if err := ask.ask(http.MethodPost, "stopped"); !errors.Is(err, unix.ECONNREFUSED) {
		t.Errorf("a stopped service: got %v; want a refused connection", err)
	}
	i.refuses(t, 3, []string{"does not run"}, "service", "status")
	i.must(t, "service", "uninstall", "--purge", "--yes")
	for _, f := range added(before, m.files(t)) {
		if !strings.HasPrefix(f, "/etc/") || !strings.HasSuffix(f, "-") { // useradd keeps copies of the lists
			t.Errorf("%s is left behind", f)
		}
	}
	if m.root("id", "millpond").code == 0 {
		t.Error("the account is left behind")
	}
}

// daemonOf returns the process that listens, by its own word.
func daemonOf(t *testing.T, m *machine) string {
	t.Helper()
	out := m.mustRoot(t, "pgrep", "-x", "millpondd")
	pid := strings.TrimSpace(out)
	if _, err := strconv.Atoi(pid); err != nil {
		t.Fatalf("got processes %q; want one", out)
	}
	return pid
}

// loopbackUp brings up the network of a new name space.
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	return unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, lo)
}
