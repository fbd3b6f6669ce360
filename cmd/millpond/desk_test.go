package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"millpond/app"
	"millpond/proxy/control"
)

// patience bounds every wait for another process; nothing that works comes near.
const patience = 60 * time.Second

// programs are the real ones, built once for all tests: the tray alone, the
// program that has both, as it is installed beside it, and the daemon.
var programs struct {
	once                sync.Once
	dir                 string
	tray, whole, daemon string
	err                 error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if programs.dir != "" {
		_ = os.RemoveAll(programs.dir)
	}
	os.Exit(code)
}

// build compiles the programs from the present sources. The one with Fyne has
// the flags of the Makefile, whose cache it shares.
func build(t *testing.T) {
	t.Helper()
	noteSources(t)
	programs.once.Do(func() {
		if programs.dir, programs.err = os.MkdirTemp("", "millpond-desktop-"); programs.err != nil {
			return
		}
		programs.tray = filepath.Join(programs.dir, "millpond")
		programs.whole = filepath.Join(programs.dir, app.WindowProgram)
		programs.daemon = filepath.Join(programs.dir, "millpondd")
		programs.err = errors.Join(
			compile("../millpondd", programs.daemon, "", "exe", "CGO_ENABLED=0"),
			compile(".", programs.tray, "lean", "exe", "CGO_ENABLED=0"),
			compile(".", programs.whole, "gles", "pie"))
	})
	if programs.err != nil {
		t.Fatal(programs.err)
	}
}

// compile builds one program.
func compile(pkg, to, tags, mode string, env ...string) error {
	cmd := exec.Command("go", "build", "-trimpath", "-tags", tags, "-buildmode", mode, "-ldflags", "-s -w -X main.version=test", "-o", to, pkg)
	cmd.Env = append(os.Environ(), env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// noteSources looks at every source file, so that the go command, which sees what
// a test opens, does not take the result of an older tree from its cache.
func noteSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(name string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if e.IsDir() && name != "../.." && (strings.HasPrefix(e.Name(), ".") || e.Name() == "build") {
			return fs.SkipDir
		}
		if strings.HasSuffix(name, ".go") || strings.HasSuffix(name, ".json") {
			_, err = os.Stat(name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A desk is a screen in memory, a message bus and a home of its own.
type desk struct {
	t       *testing.T
	home    string
	env     []string
	bus     string // the address of the message bus
	display string // the name of the screen
}

// newDesk returns a desk without a panel.
func newDesk(t *testing.T) *desk {
	t.Helper()
	for _, tool := range []string{"Xvfb", "dbus-daemon", "xdotool"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed here; .ci/install test brings it", tool)
		}
	}
	build(t)
	d := &desk{t: t, home: t.TempDir()}
	if err := os.MkdirAll(filepath.Join(d.home, ".cache"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.env = []string{
		"HOME=" + d.home, "PATH=" + os.Getenv("PATH"), "LANG=en_US.UTF-8", "XDG_RUNTIME_DIR=" + d.home + "/run",
		"XDG_CONFIG_HOME=" + d.home + "/config", "XDG_STATE_HOME=" + d.home + "/state",
		"LIBGL_ALWAYS_SOFTWARE=1", "NO_AT_BRIDGE=1", "TZ=UTC",
	}
	if err := os.Mkdir(filepath.Join(d.home, "run"), 0o700); err != nil {
		t.Fatal(err)
	}
	d.display = ":" + d.tool("Xvfb", "-displayfd", "3", "-screen", "0", "1000x760x24", "-nolisten", "tcp", "-noreset")
	d.bus = d.tool("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address=3",
		"--address=unix:path="+filepath.Join(d.home, "bus"))
	d.env = append(d.env, "DISPLAY="+d.display, "DBUS_SESSION_BUS_ADDRESS="+d.bus)
	return d
}

// tool starts a server that says on descriptor 3 where it is, and returns that.
func (d *desk) tool(name string, args ...string) string {
	d.t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		d.t.Fatal(err)
	}
	defer read.Close()
	p := &process{Cmd: exec.Command(name, args...), name: name}
	p.Env = d.env // what the bus starts for others gets it, too
	p.ExtraFiles = []*os.File{write}
	p.start(d.t)
	write.Close()
	_ = read.SetReadDeadline(time.Now().Add(patience))
	line, err := bufio.NewReader(read).ReadString('\n')
	if err != nil {
		d.t.Fatalf("%s: %v\n%s", name, err, p.output.String())
	}
	return strings.TrimSpace(line)
}

// run starts a program on the desk.
func (d *desk) run(program string, args ...string) *process {
	d.t.Helper()
	p := &process{Cmd: exec.Command(program, args...), name: filepath.Base(program)}
	p.Env = d.env
	p.start(d.t)
	d.t.Cleanup(func() { // before the program ends
		if d.t.Failed() && program != programs.daemon {
			d.picture("failed-" + d.t.Name())
		}
	})
	return p
}

// millpond starts the application.
func (d *desk) millpond(args ...string) *process {
	d.t.Helper()
	return d.run(programs.tray, args...)
}

// socket is where the daemon of this desk listens.
func (d *desk) socket() string { return filepath.Join(d.home, "run", "millpond", "control.sock") }

// config is the settings file of this desk.
func (d *desk) config() string { return filepath.Join(d.home, "config", "millpond", "settings.toml") }

// configure writes the settings file.
func (d *desk) configure(text string) {
	d.t.Helper()
	if err := os.MkdirAll(filepath.Dir(d.config()), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(d.config(), []byte("version = 1\n"+text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// daemon starts the proxy on any free port and returns it with its address.
func (d *desk) daemon(args ...string) (*process, string) {
	d.t.Helper()
	p := d.run(programs.daemon, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...)...)
	client := control.Dial(d.socket())
	defer client.Close()
	var address string
	until(d.t, "the daemon to answer", func() bool {
		s, err := client.Status(d.t.Context())
		address = s.Address
		return err == nil && s.Address != ""
	})
	return p, address
}

// windows returns the ids of the application's windows that are shown.
func (d *desk) windows() []string {
	d.t.Helper()
	find := exec.Command("xdotool", "search", "--onlyvisible", "--name", "^Millpond$")
	find.Env = d.env
	out, _ := find.Output() // fails when there is none
	return strings.Fields(string(out))
}

// tell runs a tool on the desk and returns what it says.
func (d *desk) tell(name string, args ...string) string {
	d.t.Helper()
	tool := exec.Command(name, args...)
	tool.Env = d.env
	out, err := tool.Output()
	if err != nil {
		d.t.Fatalf("%s %v: %v", name, args, err)
	}
	return string(out)
}

// xdotool does something with the mouse, the keyboard or a window.
func (d *desk) xdotool(args ...string) {
	d.t.Helper()
	do := exec.Command("xdotool", args...)
	do.Env = d.env
	if out, err := do.CombinedOutput(); err != nil {
		d.t.Fatalf("xdotool %v: %v\n%s", args, err, out)
	}
}

// screen returns what the screen shows, as a PNG.
func (d *desk) screen() []byte {
	d.t.Helper()
	take := exec.Command("import", "-window", "root", "png:-")
	take.Env = d.env
	picture, err := take.Output()
	if err != nil {
		d.t.Fatalf("take a picture: %v", err)
	}
	return picture
}

// still waits until the screen shows something that has stopped changing, or for some looks
// when traffic keeps it moving, and returns what it shows then. What is pressed before a
// window stands still may be lost, or meet something else than is meant.
func (d *desk) still() []byte {
	d.t.Helper()
	const looks, alike = 20, 3
	tick := time.NewTicker(300 * time.Millisecond) // a window shows a new state after half a second at most
	defer tick.Stop()
	last, same := d.screen(), 1
	for i := 0; i < looks && same < alike; i++ {
		<-tick.C
		now := d.screen()
		if same++; !bytes.Equal(now, last) || len(now) < 10_000 { // a black screen is smaller
			same = 1
		}
		last = now
	}
	return last
}

// picture keeps what the screen shows in the folder MILLPOND_SCREENSHOTS, if set.
func (d *desk) picture(name string) {
	d.t.Helper()
	dir := os.Getenv("MILLPOND_SCREENSHOTS")
	if dir == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), d.still(), 0o644); err != nil {
		d.t.Fatal(err)
	}
}

// A process is a program that the test started and ends.
type process struct {
	*exec.Cmd
	name   string
	output buffer
	ended  chan struct{}
}

// start starts the process, to be killed at the end of the test at the latest.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.ended = make(chan struct{})
	p.Stdout, p.Stderr = &p.output, &p.output
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		_ = p.Wait()
	}()
	t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGTERM) // servers put their sockets and locks away
		select {
		case <-p.ended:
		case <-time.After(patience):
			_ = p.Process.Kill()
			<-p.ended
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", p.name, p.output.String())
		}
	})
}

// end asks the process to end and waits until it has.
func (p *process) end(t *testing.T, how os.Signal) {
	t.Helper()
	if err := p.Process.Signal(how); err != nil {
		t.Fatal(err)
	}
	p.wait(t)
}

// wait waits until the process has ended, and returns its exit code.
func (p *process) wait(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("%s does not end", p.name)
	}
	return p.ProcessState.ExitCode()
}

// running reports whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// A buffer is written by a process and read by a test.
type buffer struct {
	mu sync.Mutex
	// mu guards what follows.
	b bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// until waits for a condition that another process brings about.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	timeout := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-timeout:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}

// ask sends a request through the proxy and returns the status of the answer.
func ask(t *testing.T, address, path string) int {
	t.Helper()
	status, _ := get(t, address, path)
	return status
}

// read sends a request through the proxy and returns the answer's body.
func read(t *testing.T, address, path string) string {
	t.Helper()
	_, body := get(t, address, path)
	return body
}

// get sends a request through the proxy and returns the answer.
func get(t *testing.T, address, path string) (status int, body string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}
