package system

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// program is where the daemon is installed in the container.
const program = "/usr/local/bin/millpondd"

// settings send what is asked of worker to the upstream.
const settings = `version = 1
[[upstreams]]
name = "worker"
kind = "http"
url = "http://` + upstreamAddress + `"
`

// An installation is one service in the container: alice's or the system's.
type installation struct {
	m        *machine
	upstream *upstream
	system   bool
	settings string // its settings file
	state    string // its state folder
	unit     string // its unit file
	// untouched is what was there before the service was installed.
	untouched []string
}

// alices is the service of the user.
func alices(m *machine, u *upstream) *installation {
	return &installation{m: m, upstream: u, settings: "/home/alice/.config/millpond/settings.toml",
		state: "/home/alice/.local/state/millpond", unit: "/home/alice/.config/systemd/user/millpond.service"}
}

// machines is the service of the system.
func machines(m *machine, u *upstream) *installation {
	return &installation{m: m, upstream: u, system: true, settings: "/var/lib/millpond/settings.toml",
		state: "/var/lib/millpond/state", unit: "/etc/systemd/system/millpond.service"}
}

// do runs millpondd as who owns the service.
func (i *installation) do(words ...string) result {
	if i.system {
		return i.m.root(append([]string{program, "--system"}, words...)...)
	}
	return i.m.alice(append([]string{program}, words...)...)
}

// must is do for what has to succeed.
func (i *installation) must(t *testing.T, words ...string) result {
	t.Helper()
	r := i.do(words...)
	if r.code != 0 {
		t.Fatalf("millpondd %s: %v\n%s", strings.Join(words, " "), r, i.journal())
	}
	if r.took > 5*time.Second {
		t.Logf("millpondd %s took %v", strings.Join(words, " "), r.took.Round(time.Millisecond))
	}
	return r
}

// refuses runs millpondd and lets the test fail unless it ends with the code and says all the words.
func (i *installation) refuses(t *testing.T, code int, says []string, words ...string) {
	t.Helper()
	r := i.do(words...)
	if r.code != code {
		t.Fatalf("millpondd %s: got %v; want exit code %d", strings.Join(words, " "), r, code)
	}
	for _, s := range says {
		if !strings.Contains(r.out+r.err, s) {
			t.Errorf("millpondd %s: got %v; want it to say %q", strings.Join(words, " "), r, s)
		}
	}
}

// systemctl asks the service manager of the installation.
func (i *installation) systemctl(words ...string) result {
	if i.system {
		return i.m.root(append([]string{"systemctl"}, words...)...)
	}
	return i.m.alice(append([]string{"systemctl", "--user"}, words...)...)
}

// property returns one property of the unit.
func (i *installation) property(name string) string {
	return strings.TrimSpace(i.systemctl("show", "millpond", "--value", "-p", name).out)
}

// count returns a property that is a number.
func (i *installation) count(t *testing.T, name string) int {
	t.Helper()
	n, err := strconv.Atoi(i.property(name))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// journal returns what the container's journal says of the service, for a test that fails.
func (i *installation) journal() string {
	return i.m.root("sh", "-c", "journalctl --no-pager -o short-precise | grep -i -e millpond -e 'user@' | grep -v msg=request | tail -40").out
}

// status returns what "service status --json" says.
func (i *installation) status(t *testing.T) (s struct {
	Installed, Enabled, Running, Failing bool
	ProgramMissing                       bool `json:"program_missing"`
	PID                                  int
	Linger                               *bool
	Detail, Address                      string
}) {
	t.Helper()
	r := i.do("service", "status", "--json")
	if err := json.Unmarshal([]byte(r.out), &s); err != nil {
		t.Fatalf("service status --json: %v: %v", err, r)
	}
	return s
}

// files lists everything that an installation could leave behind.
func (m *machine) files(t *testing.T) []string {
	t.Helper()
	out := m.mustRoot(t, "sh", "-c", `find /home/alice /etc /usr/local /opt /var/lib /run/user/`+m.uid+`/millpond /run/millpond /run/private/millpond \
		-path /var/lib/systemd -prune -o -path /var/lib/private -prune -o -print 2>/dev/null; ls -d /var/lib/private/* 2>/dev/null; true`)
	files := strings.Split(strings.TrimSpace(out), "\n")
	slices.Sort(files)
	return files
}

// added returns what is in after and not in before.
func added(before, after []string) []string {
	return slices.DeleteFunc(slices.Clone(after), func(f string) bool { _, ok := slices.BinarySearch(before, f); return ok })
}

// build compiles the daemon under a version number.
func build(t *testing.T, version string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), version)
	c := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+version, "-o", file, "./cmd/millpondd")
	c.Dir, c.Env = "../../..", append(os.Environ(), "CGO_ENABLED=0")
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("build millpondd: %v\n%s", err, out)
	}
	return file
}

// put installs the program as a package manager does: the new file takes the old one's place.
func (m *machine) put(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	m.write(t, program, string(text), "0755", "root:root")
}

// TestLife is the whole life, in order: what comes later needs what came before.
func TestLife(t *testing.T) {
	m := bootMachine(t)
	older, newer := build(t, "1.0.0"), build(t, "2.0.0")
	m.put(t, older)
	// The manager of a user runs from login to logout. Nobody can log in here, so it is started by hand,
	// which unlike lingering ends with the next boot.
	m.mustRoot(t, "systemctl", "start", "user@"+m.uid)

	user := alices(m, serveUpstream(t, m))
	steps := []struct {
		name string
		live func(t *testing.T, i *installation)
	}{
		{"install", install},
		{"install again", installAgain},
		{"kill -9", kill},
		{"hang", hang},
		{"upgrade", func(t *testing.T, i *installation) { upgrade(t, i, newer) }},
		{"edited while it runs", edit},
		{"bad settings", badSettings},
		{"taken port", takenPort},
		{"full disk", fullDisk},
		{"program gone", programGone},
		{"folders gone", foldersGone},
		{"reboot", reboot},
		{"uninstall", uninstall},
	}
	for _, s := range steps {
		if !t.Run("user/"+s.name, func(t *testing.T) { s.live(t, user) }) {
			t.Fatalf("what comes after %q was not tried\n%s", s.name, user.journal())
		}
	}
	m.put(t, older)
	system := machines(m, user.upstream)
	steps = slices.DeleteFunc(steps, func(s struct {
		name string
		live func(t *testing.T, i *installation)
	}) bool {
		return s.name == "full disk" || s.name == "folders gone" // nothing about them is the system's
	})
	for _, s := range steps {
		if !t.Run("system/"+s.name, func(t *testing.T) { s.live(t, system) }) {
			t.Fatalf("what comes after %q was not tried\n%s", s.name, system.journal())
		}
	}
}

// install installs the service where there was none.
func install(t *testing.T, i *installation) {
	i.untouched = i.m.files(t)
	i.refuses(t, 3, []string{"not installed"}, "service", "status")
	i.refuses(t, 3, []string{"not installed"}, "service", "start")
	if i.system {
		r := i.m.alice(program, "service", "install", "--system")
		if r.code != 4 || !strings.Contains(r.err, "sudo") {
			t.Errorf("alice installs the system's service: got %v; want a refusal", r)
		}
		i.must(t, "service", "install")
		i.must(t, "upstream", "add", "worker", "--url", "http://"+upstreamAddress, "--kind", "http")
	} else {
		i.m.mustRoot(t, "runuser", "-u", "alice", "--", "mkdir", "-p", filepath.Dir(i.settings))
		i.m.write(t, i.settings, settings, "0600", "alice:alice")
		r := i.must(t, "service", "install")
		if want := "http://" + proxyAddress; !strings.Contains(r.out, want) {
			t.Errorf("got %q; want it to say %q", r.out, want)
		}
		if linger := i.status(t).Linger; linger == nil || *linger {
			t.Errorf("got linger %v; want false, and the offer to change it", linger)
		}
		if !strings.Contains(r.out, "--linger") {
			t.Errorf("got %q; want it to offer --linger", r.out)
		}
		lingering(t, i)
	}
	i.isUp(t, "installed")
	if i.m.root("test", "-s", i.unit).code != 0 {
		t.Errorf("there is no unit %s", i.unit)
	}
	if got := i.property("UnitFileState"); got != "enabled" {
		t.Errorf("the unit is %q; want enabled", got)
	}
	verify := []string{"systemd-analyze", "verify", i.unit}
	if !i.system {
		verify = []string{"systemd-analyze", "--user", "verify", i.unit}
	}
	run := i.m.alice
	if i.system {
		run = i.m.root
		seenByAll(t, i)
	}
	if r := run(verify...); r.code != 0 || strings.Contains(r.out+r.err, "millpond") {
		t.Errorf("%v: got %v; want no complaint", verify, r)
	}
	if got := i.property("NoNewPrivileges"); got != "yes" {
		t.Errorf("NoNewPrivileges is %q; want yes", got)
	}
}

// seenByAll has a user who may not change the machine's service see that it runs, and install none
// beside it.
func seenByAll(t *testing.T, i *installation) {
	r := i.m.alice(program, "status")
	if r.code != 0 || !strings.Contains(r.out, "the machine's") || !strings.Contains(r.out, proxyAddress) || strings.Contains(r.out, "worker") {
		t.Errorf("alice asks how it is: got %v; want the state and the address, and no names", r)
	}
	if r := i.m.alice(program, "status", "--system"); r.code != 0 || strings.Contains(r.out, "worker") {
		t.Errorf("alice asks how the system's is: got %v; want the same", r)
	}
	if r := i.m.alice(program, "service", "install"); r.code != 4 || !strings.Contains(r.err, "the whole machine") {
		t.Errorf("alice installs a service beside it: got %v; want a refusal", r)
	}
	for _, words := range [][]string{{"pause", "--system"}, {"logs", "--system"}, {"config", "show", "--system"}} {
		if r := i.m.alice(append([]string{program}, words...)...); r.code == 0 || strings.Contains(r.out, "worker") {
			t.Errorf("alice: %v: got %v; want a refusal", words, r)
		}
	}
	if r := i.m.alice("ls", "/run/millpond"); r.code == 0 {
		t.Errorf("alice looks into the folder of the sockets: got %v; want a refusal", r)
	}
}

// lingering lets alice's service start with the machine. Where the rules of polkit do not let her do
// it herself, she is told whom to ask.
func lingering(t *testing.T, i *installation) {
	t.Helper()
	if r := i.do("service", "install", "--linger"); r.code != 0 {
		if !strings.Contains(r.err, "loginctl enable-linger alice") {
			t.Fatalf("got %v; want it to say what an administrator can do", r)
		}
		i.m.mustRoot(t, "loginctl", "enable-linger", "alice")
	}
	if linger := i.status(t).Linger; linger == nil || !*linger {
		t.Errorf("got linger %v; want true", linger)
	}
}

// isUp lets the test fail unless the service runs, by all who know of it.
func (i *installation) isUp(t *testing.T, id string) {
	t.Helper()
	mustAnswer(t, i.m, fmt.Sprintf("%s-%v", id, i.system))
	if got := strings.TrimSpace(i.systemctl("is-active", "millpond").out); got != "active" {
		t.Errorf("systemctl says %q; want active", got)
	}
	if s := i.status(t); !s.Running || s.Failing || s.Address != proxyAddress || s.PID != i.count(t, "MainPID") {
		t.Errorf("got status %+v; want one that runs at %s", s, proxyAddress)
	}
	i.must(t, "service", "status")
}

// installAgain installs over what is there, which loses nothing.
func installAgain(t *testing.T, i *installation) {
	traffic := startLoad(t, i.m, fmt.Sprintf("again-%v", i.system))
	traffic.goOn(t)
	i.must(t, "service", "install")
	i.must(t, "service", "start") // it runs: nothing to do
	traffic.goOn(t)
	traffic.check(t, i.upstream)
	i.isUp(t, "again")
}

// kill kills the daemon in the middle of its life. A request that comes right after waits for the next
// daemon on the socket that systemd has kept. On a machine that is busy with other things it may take
// longer, so the best of some times counts.
func kill(t *testing.T, i *installation) {
	const soon = 2 * time.Second
	best := time.Hour
	for n := 1; n <= 4 && best > soon; n++ {
		before := i.count(t, "MainPID")
		i.m.mustRoot(t, "kill", "-9", strconv.Itoa(before))
		began := time.Now()
		mustAnswer(t, i.m, fmt.Sprintf("killed-%d-%v", n, i.system))
		best = min(best, time.Since(began))
		if now := i.count(t, "MainPID"); now == before || now == 0 {
			t.Errorf("got process %d; want another than %d", now, before)
		}
		until(t, "systemd knows that it serves", func() bool { return i.property("ActiveState") == "active" })
		if got := i.count(t, "NRestarts"); got != n {
			t.Errorf("systemd counts %d restarts; want %d", got, n)
		}
	}
	t.Logf("the next request was answered %v after the kill", best.Round(time.Millisecond))
	if best > soon {
		t.Errorf("the next request was answered %v after the kill; want %v at most", best, soon)
	}
	i.isUp(t, "after-kill")
}

// hang stops the daemon without ending it. The watchdog, here with less patience than by default, kills
// it, and it is started again. It ends by a panic then: exit code 2, as of any other panic.
func hang(t *testing.T, i *installation) {
	dropIn := i.unit + ".d"
	if i.system {
		dropIn = "/run/systemd/system/millpond.service.d"
	}
	i.m.mustRoot(t, "mkdir", "-p", dropIn)
	i.m.write(t, dropIn+"/impatient.conf", "[Service]\nWatchdogSec=2s\n", "0644", "root:root")
	i.systemctl("daemon-reload")
	i.must(t, "service", "restart")
	before := i.count(t, "MainPID")
	i.m.mustRoot(t, "kill", "-STOP", strconv.Itoa(before))
	until(t, "another one is started", func() bool {
		now := i.count(t, "MainPID")
		return now != 0 && now != before
	})
	mustAnswer(t, i.m, fmt.Sprintf("hung-%v", i.system))
	i.m.mustRoot(t, "rm", "-r", dropIn)
	i.systemctl("daemon-reload")
	i.must(t, "service", "restart")
	i.isUp(t, "after-hang")
}

// upgrade replaces the program under traffic and restarts. No request is lost, not even one that is in
// flight all the while, and no connection is refused.
func upgrade(t *testing.T, i *installation, newer string) {
	if got := i.must(t, "status", "--json").out; !strings.Contains(got, `"version": "1.0.0"`) {
		t.Fatalf("got %s; want version 1.0.0", got)
	}
	slow := fmt.Sprintf("slow-%v", i.system)
	letGo := i.upstream.hold(slow)
	defer letGo()
	answered := make(chan error, 1)
	ask := newClient(t, i.m, true)
	go func() { answered <- ask.ask(http.MethodPost, slow) }()
	until(t, "the slow request is in flight", func() bool { return i.upstream.times(slow) == 1 })

	traffic := startLoad(t, i.m, fmt.Sprintf("upgrade-%v", i.system))
	traffic.goOn(t)
	i.m.put(t, newer)
	restarted := make(chan result, 1)
	go func() { restarted <- i.do("service", "restart") }()
	until(t, "the old daemon waits for it", func() bool { return i.property("ActiveState") == "deactivating" })
	letGo()
	if err := <-answered; err != nil {
		t.Errorf("the request that was in flight: %v", err)
	}
	if r := <-restarted; r.code != 0 {
		t.Fatalf("service restart: %v", r)
	}
	traffic.goOn(t)
	traffic.check(t, i.upstream)
	if got := i.must(t, "status", "--json").out; !strings.Contains(got, `"version": "2.0.0"`) {
		t.Errorf("got %s; want version 2.0.0", got)
	}
	i.isUp(t, "upgraded")
}

// edit changes the listen address to one that overlaps the present one, and back.
func edit(t *testing.T, i *installation) {
	for _, address := range []string{"localhost:7860", proxyAddress} {
		i.must(t, "config", "set", "listen.address", address)
		mustAnswer(t, i.m, fmt.Sprintf("edited-%s-%v", address, i.system))
	}
	before := i.count(t, "MainPID")
	i.must(t, "service", "restart")
	if i.count(t, "MainPID") == before {
		t.Error("restart kept the process")
	}
	i.isUp(t, "edited")
	if r := i.systemctl("reload", "millpond"); r.code != 0 {
		t.Errorf("reload: %v", r)
	}
	i.isUp(t, "reloaded")
}

// owner is who owns the settings file.
func (i *installation) owner() string {
	if i.system {
		return "millpond:millpond"
	}
	return "alice:alice"
}

// badSettings are written to the file while it runs. What ran goes on; a restart is refused before
// anything is stopped; systemd, told by hand, does not try again and again.
func badSettings(t *testing.T, i *installation) {
	good := i.m.mustRoot(t, "cat", i.settings)
	before := i.count(t, "MainPID")
	const bad = "\n[[upstreams]]\nname = \"worker\"\nurl = \"ftp://nowhere\"\n[nonsense]\nx = 1\n"
	i.m.write(t, i.settings, good+bad, "0600", i.owner())
	mustAnswer(t, i.m, fmt.Sprintf("bad-%v", i.system))
	says := []string{"upstreams[1]", "nonsense"} // each mistake by its place
	i.refuses(t, 2, says, "config", "validate")
	i.refuses(t, 2, says, "service", "restart")
	i.refuses(t, 2, says, "service", "install")
	if now := i.count(t, "MainPID"); now != before {
		t.Errorf("got process %d; want %d, which ran before", now, before)
	}
	mustAnswer(t, i.m, fmt.Sprintf("still-%v", i.system))

	if r := i.systemctl("restart", "millpond"); r.code == 0 {
		t.Error("systemctl restart with bad settings: got exit code 0; want another")
	}
	if got := i.property("ExecMainStatus"); got != "78" {
		t.Errorf("the daemon ended with exit code %s; want 78", got)
	}
	if got := i.property("ActiveState"); got != "failed" {
		t.Errorf("the unit is %s; want failed, and no further start", got)
	}
	i.refuses(t, 1, says, "service", "status")
	i.m.write(t, i.settings, good, "0600", i.owner())
	i.must(t, "service", "start")
	i.isUp(t, "mended")
}

// takenPort starts it while another program has the port, says so, and comes up by itself when the
// port is free.
func takenPort(t *testing.T, i *installation) {
	i.must(t, "service", "stop")
	if c, err := i.m.dial(t.Context(), "tcp", proxyAddress); err == nil {
		c.Close()
		t.Fatal("a stopped service: got a connection; want it refused")
	}
	i.refuses(t, 3, []string{"does not run"}, "service", "status")
	other := i.m.listen(t, proxyAddress)
	defer other.Close()
	i.refuses(t, 1, []string{"7860 is in use"}, "service", "start")
	i.refuses(t, 1, []string{"7860 is in use"}, "service", "status")
	if s := i.status(t); !s.Failing || s.Running {
		t.Errorf("got status %+v; want one that fails", s)
	}
	if n := i.count(t, "NRestarts"); n > 2 {
		t.Errorf("systemd started it again %d times within moments; want it to wait", n)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	until(t, "it listens by itself", func() bool { return i.status(t).Running })
	i.isUp(t, "port-free")
}

// fullDisk leaves no room for state. It proxies, and says what it cannot keep.
func fullDisk(t *testing.T, i *installation) {
	i.must(t, "service", "stop")
	i.m.mustRoot(t, "mount", "-t", "tmpfs", "-o", "size=64k,mode=0700,uid="+i.m.uid, "tmpfs", i.state)
	i.m.root("dd", "if=/dev/zero", "of="+i.state+"/ballast", "bs=4k") // ends when nothing is left
	i.must(t, "service", "start")
	i.isUp(t, "full")
	until(t, "it says that the disk is full", func() bool {
		var s struct{ Keeping struct{ Code, Detail string } }
		if err := json.Unmarshal([]byte(i.must(t, "status", "--json").out), &s); err != nil {
			t.Fatal(err)
		}
		return s.Keeping.Code == "disk_full"
	})
	traffic := startLoad(t, i.m, "full")
	traffic.goOn(t)
	traffic.check(t, i.upstream)
	i.must(t, "service", "stop")
	i.m.mustRoot(t, "umount", i.state)
	i.must(t, "service", "start")
	i.isUp(t, "room-again")
}

// programGone takes the program away, as one does who forgets the service.
func programGone(t *testing.T, i *installation) {
	i.must(t, "service", "stop")
	i.m.mustRoot(t, "mv", program, "/usr/local/bin/elsewhere")
	away := func(words ...string) result {
		if i.system {
			return i.m.root(append([]string{"/usr/local/bin/elsewhere", "--system"}, words...)...)
		}
		return i.m.alice(append([]string{"/usr/local/bin/elsewhere"}, words...)...)
	}
	for _, verb := range []string{"start", "status"} {
		if r := away("service", verb); r.code == 0 || !strings.Contains(r.out+r.err, program+" is gone") {
			t.Errorf("service %s: got %v; want it to say that the program is gone", verb, r)
		}
	}
	if r := i.systemctl("start", "millpond"); r.code != 0 || i.property("ActiveState") != "inactive" {
		t.Errorf("systemctl start: got %v, %s; want nothing to be tried", r, i.property("ActiveState"))
	}
	i.m.mustRoot(t, "mv", "/usr/local/bin/elsewhere", program)
	i.must(t, "service", "start")
	i.isUp(t, "program-back")
}

// foldersGone removes what the confined service may write to, which systemd then could not open for it.
func foldersGone(t *testing.T, i *installation) {
	i.must(t, "service", "stop")
	kept := i.m.mustRoot(t, "cat", i.settings)
	i.m.mustRoot(t, "rm", "-r", i.state, filepath.Dir(i.settings))
	i.must(t, "service", "start")
	i.m.write(t, i.settings, kept, "0600", i.owner())
	until(t, "the settings are applied", func() bool {
		return newClient(t, i.m, true).ask(http.MethodPost, fmt.Sprintf("folders-%d", time.Now().UnixNano())) == nil
	})
	i.isUp(t, "folders-back")
	i.must(t, "config", "set", "pool.max_idle", "77") // the confined daemon can save
}

// reboot boots the container again: the service is there without anyone logging in.
func reboot(t *testing.T, i *installation) {
	i.m.reboot(t)
	i.upstream = serveUpstream(i.m.test, i.m)
	until(t, "it runs after the reboot", func() bool { return i.property("ActiveState") == "active" })
	i.isUp(t, "rebooted")
}

// uninstall removes the service: nothing is left but settings and state, and those not with --purge.
func uninstall(t *testing.T, i *installation) {
	i.must(t, "service", "uninstall")
	if c, err := i.m.dial(t.Context(), "tcp", proxyAddress); err == nil {
		c.Close()
		t.Error("after uninstalling: got a connection; want it refused")
	}
	if got := i.property("LoadState"); got != "not-found" {
		t.Errorf("systemd says the unit is %s; want not-found", got)
	}
	own := []string{filepath.Dir(i.settings), i.state, "/var/lib/private/millpond"}
	left := added(i.untouched, i.m.files(t))
	for _, f := range left {
		isParent := slices.ContainsFunc(own, func(o string) bool { return strings.HasPrefix(o, f+"/") })
		isOwn := slices.ContainsFunc(own, func(o string) bool { return f == o || strings.HasPrefix(f, o+"/") })
		if !isOwn && (i.system || !isParent) {
			t.Errorf("%s is left behind", f)
		}
	}
	if i.m.root("test", "-s", i.settings).code != 0 {
		t.Errorf("the settings are gone; want them kept: %v", left)
	}
	i.must(t, "service", "uninstall") // again: nothing to do
	i.refuses(t, 4, []string{filepath.Dir(i.settings)}, "service", "uninstall", "--purge")
	i.must(t, "service", "uninstall", "--purge", "--yes")
	for _, f := range added(i.untouched, i.m.files(t)) {
		if !slices.ContainsFunc(own, func(o string) bool { return !i.system && strings.HasPrefix(o, f+"/") }) {
			t.Errorf("%s is left behind by --purge", f)
		}
	}
	if !i.system {
		oddPaths(t, i.m)
		i.m.mustRoot(t, "loginctl", "disable-linger", "alice")
	}
}

// oddPaths installs a program with settings in folders whose names hold what systemd gives a meaning.
func oddPaths(t *testing.T, m *machine) {
	t.Helper()
	const odd = `/home/alice/it's "50%" of $HOME \ %h/millpond`
	const bin = "/home/alice/50% of $HOME %h" // systemd itself refuses quotes in a program's path
	m.mustRoot(t, "runuser", "-u", "alice", "--", "mkdir", "-p", odd, bin)
	m.mustRoot(t, "cp", program, bin+"/millpondd")
	m.write(t, odd+"/settings.toml", settings, "0600", "alice:alice")
	millpondd := func(words ...string) {
		t.Helper()
		r := m.alice(append([]string{"env", "MILLPOND_CONFIG=" + odd + "/settings.toml", "MILLPOND_STATE=" + odd + "/state", bin + "/millpondd"}, words...)...)
		if r.code != 0 {
			t.Fatalf("millpondd %q with odd paths: %v", words, r)
		}
	}
	millpondd("service", "install")
	mustAnswer(t, m, "odd")
	millpondd("config", "set", "pool.max_idle", "78")
	r := m.alice(program, "service", "status")
	if !strings.Contains(r.out, bin+"/millpondd") {
		t.Errorf("got %v; want it to name the program in %s", r, bin)
	}
	millpondd("service", "uninstall")
	m.mustRoot(t, "rm", "-r", filepath.Dir(odd), bin)
}
