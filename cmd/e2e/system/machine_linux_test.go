package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// patience bounds every wait; nothing that works comes near it.
const patience = 60 * time.Second

// boot mounts a layer in memory over this machine's root and boots it: argument 1 is the folder.
// Units of the machine's own are left out, so that nothing but systemd runs. --keep-unit is essential
// where PID 1 of the machine is no systemd; --volatile=overlay and -D / are refused there. With it,
// nspawn leaves it to its caller to boot again, by exit code 133.
const boot = `set -u
fail() { echo "$*"; exit 1; }
mount -t tmpfs tmpfs /run || fail "no tmpfs can be mounted"
mount -t tmpfs tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" "$1/root" || fail "no overlay can be mounted"
cd "$1/root" || fail "the overlay cannot be entered"
rm -rf etc/systemd/system/*.wants etc/rc[2-5].d/S* etc/resolv.conf .dockerenv
for timer in apt-daily apt-daily-upgrade dpkg-db-backup e2scrub_all fstrim; do ln -sf /dev/null "etc/systemd/system/$timer.timer"; done
mkdir -p etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\n' > etc/systemd/journald.conf.d/test.conf
while :; do
	setpriv --pdeathsig KILL systemd-nspawn --directory="$1/root" --boot --machine="$2" --register=no --keep-unit --private-network --link-journal=no
	[ $? -eq 133 ] || exit
done
`

// A machine is the container.
type machine struct {
	test    *testing.T // the one that the container lives for
	shell   *exec.Cmd  // which runs nspawn
	console console
	pid     atomic.Int64  // of the shell; 0 before it runs
	ended   chan struct{} // closed when it is off
	booted  bool          // systemd has started everything
	leader  int           // the PID of its init, as this machine sees it
	uid     string        // alice's
}

// A console collects what the container prints.
type console struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.text.Write(p)
}

// last returns the end of what was printed.
func (c *console) last() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	text := c.text.String()
	return text[max(0, len(text)-2000):]
}

// obstacle says why no container can be booted here; "" when one can. These are properties of the
// machine that runs the tests, not of what is tested.
func obstacle(dir string) string {
	if os.Geteuid() != 0 {
		return "only root can boot a container"
	}
	for _, program := range []string{"systemd-nspawn", "unshare", "nsenter", "setpriv", "runuser", "useradd"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed; .ci/install test brings it"
		}
	}
	for _, file := range []string{"/usr/lib/systemd/systemd", "/usr/bin/dbus-daemon"} {
		if _, err := os.Stat(file); err != nil {
			return file + " is not installed; .ci/install test brings it"
		}
	}
	const try = `mount -t tmpfs tmpfs "$1" && mkdir "$1/u" "$1/w" "$1/m" && mount -t overlay overlay -o "lowerdir=/,upperdir=$1/u,workdir=$1/w" "$1/m"`
	if out, err := exec.Command("unshare", "--mount", "--pid", "--net", "--fork", "--propagation=private", "sh", "-c", try, "sh", dir).CombinedOutput(); err != nil {
		return fmt.Sprintf("this machine lets us make no name spaces or mounts: %v: %s", err, bytes.TrimSpace(out))
	}
	for _, dir := range []string{"/sys/fs/cgroup/systemd", "/sys/fs/cgroup"} {
		if unix.Access(dir, unix.W_OK) == nil {
			return ""
		}
	}
	return "the control groups below /sys/fs/cgroup cannot be written"
}

// bootMachine boots the container, or skips the test and says what keeps it from being booted.
func bootMachine(t *testing.T) *machine {
	t.Helper()
	m := start(t, boot, "--mount")
	if !m.waitForBoot(0) {
		t.Skipf("no real systemd was tried: none boots in a container here; its last words: %s", m.console.last())
	}
	m.mustRoot(t, "useradd", "-m", "-s", "/bin/sh", "alice")
	m.uid = strings.TrimSpace(m.mustRoot(t, "id", "-u", "alice"))
	return m
}

// start runs a script in name spaces of its own, with a new folder as argument 1 and a name as argument 2.
func start(t *testing.T, script string, namespaces ...string) *machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "millpond-system-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) }) // what was mounted on it is gone: it is empty
	if why := obstacle(dir); why != "" {
		t.Skip("no service manager was tried: " + why)
	}
	m := &machine{test: t, ended: make(chan struct{})}
	m.shell = exec.Command("unshare", append(namespaces, "--propagation=private", "sh", "-c", script, "sh", dir, filepath.Base(dir))...)
	m.shell.Stdout, m.shell.Stderr = &m.console, &m.console
	m.shell.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	go func() {
		defer close(m.ended)
		runtime.LockOSThread() // Pdeathsig means the death of this thread
		if err := m.shell.Start(); err != nil {
			fmt.Fprintln(&m.console, err)
			return
		}
		m.pid.Store(int64(m.shell.Process.Pid))
		_ = m.shell.Wait() // the console says why
	}()
	t.Cleanup(m.powerOff)
	return m
}

// waitForBoot waits until systemd has started everything, under an init other than before.
func (m *machine) waitForBoot(before int) bool {
	deadline := time.After(patience)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if pid := m.init(); pid != 0 && pid != before {
			m.leader = pid
			r := m.root("systemctl", "is-system-running")
			if state := strings.TrimSpace(r.out); state == "running" || state == "degraded" {
				m.booted = true
				return true
			}
		}
		select {
		case <-deadline:
			return false
		case <-m.ended:
			return false
		case <-tick.C:
		}
	}
}

// init returns the PID of the container's init: the first of its name space, a child of nspawn.
func (m *machine) init() int {
	for _, nspawn := range children(int(m.pid.Load())) {
		for _, pid := range children(nspawn) {
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			if err == nil && strings.Contains(string(status), fmt.Sprintf("\nNSpid:\t%d\t1\n", pid)) {
				return pid
			}
		}
	}
	return 0
}

// children returns the PIDs of a process's children.
func children(pid int) []int {
	var found []int
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid)) // the pattern is sound
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		for _, field := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(field); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}

// reboot boots the container again.
func (m *machine) reboot(t *testing.T) {
	t.Helper()
	before := m.leader
	m.root("systemctl", "reboot") // its answer may be cut
	if !m.waitForBoot(before) {
		t.Fatalf("the container does not come back: %s", m.console.last())
	}
}

// powerOff ends the container.
func (m *machine) powerOff() {
	if m.booted {
		m.root("systemctl", "poweroff")
		select {
		case <-m.ended:
		case <-time.After(15 * time.Second):
		}
	}
	if pid := m.pid.Load(); pid != 0 {
		_ = syscall.Kill(int(pid), syscall.SIGKILL) // nspawn and its init die with it
	}
	<-m.ended
}

// A result is what a command printed, and its exit code.
type result struct {
	out, err string
	code     int
	took     time.Duration
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\n%s%s", r.code, r.out, r.err)
}

// command runs a program in the container, with the input given.
func (m *machine) command(input string, words ...string) result {
	words = append([]string{"-t", strconv.Itoa(m.leader), "-m", "-u", "-i", "-n", "-p", "-C", "-w", "-r", "--",
		"env", "-i", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "LANG=C.UTF-8"}, words...)
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	c := exec.CommandContext(ctx, "nsenter", words...)
	var out, complaint bytes.Buffer
	c.Stdin, c.Stdout, c.Stderr = strings.NewReader(input), &out, &complaint
	began := time.Now()
	err := c.Run()
	r := result{out: out.String(), err: complaint.String(), code: c.ProcessState.ExitCode(), took: time.Since(began)}
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		r.code, r.err = -1, err.Error()
	}
	return r
}

// root runs a command as root.
func (m *machine) root(words ...string) result {
	return m.command("", append([]string{"HOME=/root", "USER=root"}, words...)...)
}

// alice runs a command as the user, as a session of hers would.
func (m *machine) alice(words ...string) result {
	return m.command("", append([]string{"runuser", "-u", "alice", "--", "env", "HOME=/home/alice", "USER=alice",
		"XDG_RUNTIME_DIR=/run/user/" + m.uid}, words...)...)
}

// mustRoot is root for what has to succeed; it returns what was printed.
func (m *machine) mustRoot(t *testing.T, words ...string) string {
	t.Helper()
	r := m.root(words...)
	if r.code != 0 {
		t.Fatalf("%q: %v", words, r)
	}
	return r.out
}

// write writes a file in the container in one step, as root; its owner is the one given.
func (m *machine) write(t *testing.T, path, text, mode, owner string) {
	t.Helper()
	const script = `cat > "$1.new" && chmod "$2" "$1.new" && { chown "$3" "$1.new" 2>/dev/null || chown --reference="$(dirname "$1")" "$1.new"; } && mv "$1.new" "$1"`
	if r := m.command(text, "sh", "-c", script, "sh", path, mode, owner); r.code != 0 {
		t.Fatalf("write %s: %v", path, r)
	}
}

// inside calls f on a thread that is in the container's network. Sockets that f opens stay there. The
// thread ends with f, since it is never unlocked.
func (m *machine) inside(f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		done <- func() error {
			net, err := os.Open(fmt.Sprintf("/proc/%d/ns/net", m.leader))
			if err != nil {
				return err
			}
			defer net.Close()
			if err := unix.Setns(int(net.Fd()), unix.CLONE_NEWNET); err != nil {
				return fmt.Errorf("enter the container's network: %w", err)
			}
			return f()
		}()
	}()
	return <-done
}

// listen listens in the container's network.
func (m *machine) listen(t *testing.T, address string) net.Listener {
	t.Helper()
	var l net.Listener
	err := m.inside(func() (err error) {
		l, err = net.Listen("tcp", address)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dial connects in the container's network.
func (m *machine) dial(ctx context.Context, network, address string) (net.Conn, error) {
	var c net.Conn
	err := m.inside(func() (err error) {
		c, err = new(net.Dialer).DialContext(ctx, network, address) // one address: it stays on this thread
		return err
	})
	return c, err
}

// until waits for a condition that another process brings about.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-deadline:
			t.Fatalf("waited %v in vain until %s", patience, what)
		case <-tick.C:
		}
	}
}
