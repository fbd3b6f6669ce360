package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"millpond/proxy/porttest"
)

const (
	startWithin = 20 * time.Second // for a process to listen
	stopWithin  = 3 * time.Second  // for it to end by itself; then it is killed
)

// onlyRoots is what the environment of a child must have for TrustOnly.
const onlyRoots = "GODEBUG=x509usefallbackroots=1"

// A process is a proxy under test. It is always stopped by its own id.
type process struct {
	name    string
	address string // host:port that it listens on
	cmd     *exec.Cmd
	hold    io.Closer // our own programs end when this is closed; nil for others
	said    *tail
	ended   chan struct{} // closed when it has
}

// launch starts cmd, which will listen on address, and waits until it does. One that is ours
// (held) ends with us because its standard input does; others because the system tells them, where
// it can.
func launch(ctx context.Context, name string, cmd *exec.Cmd, address string, held bool) (*process, error) {
	p := &process{name: name, address: address, cmd: cmd, said: &tail{}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = p.said, p.said
	if held {
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, fmt.Errorf("start %s: %w", name, err)
		}
		p.hold = in
	}
	cmd.SysProcAttr, cmd.WaitDelay = bound(), stopWithin
	started := make(chan error, 1)
	go func() { // it ends with the process, for which stop waits
		runtime.LockOSThread() // see bound
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is not our business
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	if err := p.awaitListening(ctx); err != nil {
		p.stop()
		return nil, err
	}
	return p, nil
}

// awaitListening waits until something accepts at the address.
func (p *process) awaitListening(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startWithin)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "tcp", p.address); err == nil {
			return c.Close()
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended at once: %s", p.name, p.said)
		case <-ctx.Done():
			return fmt.Errorf("%s did not listen on %s: %w", p.name, p.address, ctx.Err())
		case <-tick.C:
		}
	}
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// stop ends the process, gently and then by force, and waits for it.
func (p *process) stop() {
	if p.hold != nil {
		_ = p.hold.Close()
	} else if p.cmd.Process.Signal(os.Interrupt) != nil {
		_ = p.cmd.Process.Kill() // Windows has no such signal
	}
	late := time.NewTimer(stopWithin)
	defer late.Stop()
	select {
	case <-p.ended:
	case <-late.C:
		_ = p.cmd.Process.Kill()
		<-p.ended
	}
}

// tail keeps the last words of a process, for when it fails.
type tail struct {
	mu   sync.Mutex // guards text
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	const most = 2 << 10
	t.text = append(t.text, b...)
	if len(t.text) > most {
		t.text = append(t.text[:0], t.text[len(t.text)-most:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.text))
}

// A millpond is a Millpond that was started for a run, with a folder and settings of its own, so
// that it neither sees nor changes those of the user.
type millpond struct {
	*process
	folder string
}

// startMillpond starts this program as a proxy to the upstreams of the settings text, which
// begins within the listen table. roots, when there is one, is the only authority that it trusts.
func startMillpond(ctx context.Context, o Options, text string, roots *certificate) (m *millpond, err error) {
	folder, err := os.MkdirTemp("", "millpond")
	if err != nil {
		return nil, fmt.Errorf("make a folder for Millpond: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.RemoveAll(folder)
		}
	}()
	address, release, err := porttest.Take()
	if err != nil {
		return nil, err
	}
	defer release() // it listens by then
	config := filepath.Join(folder, "settings.toml")
	text = "version = 1\n\n[listen]\naddress = \"" + address + "\"\n" + text
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write Millpond's settings: %w", err)
	}
	trust, err := roots.write(folder)
	if err != nil {
		return nil, err
	}
	cmd := o.Child("millpond", "--roots", trust)
	control := filepath.Join(folder, "c.sock")
	if runtime.GOOS == "windows" {
		control = `\\.\pipe\` + filepath.Base(folder)
	}
	cmd.Env = append(environment(o.Cores), "MILLPOND_CONFIG="+config, "MILLPOND_STATE="+filepath.Join(folder, "state"),
		"MILLPOND_CONTROL="+control, onlyRoots)
	p, err := launch(ctx, "Millpond", cmd, address, true)
	if err != nil {
		return nil, err
	}
	return &millpond{p, folder}, nil
}

// stop ends Millpond and removes its folder.
func (m *millpond) stop() {
	m.process.stop()
	_ = os.RemoveAll(m.folder) // what is left lies among temporary files
}

// dials asks Millpond how many upstream connections it has opened.
func (m *millpond) dials(ctx context.Context) (int, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.address+"/__millpond__/stats", nil)
	if err != nil {
		return 0, err
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask Millpond for its statistics: %w", err)
	}
	defer resp.Body.Close()
	var stats struct{ Pool struct{ Dials int } }
	if err := json.NewDecoder(resp.Body).Decode(&stats); err != nil {
		return 0, fmt.Errorf("read Millpond's statistics: %w", err)
	}
	return stats.Pool.Dials, nil
}

// environment returns that of this program for a child, without what would change a Millpond or
// send requests elsewhere.
func environment(cores int) []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(strings.ToUpper(pair), "=")
		if !strings.HasPrefix(name, "MILLPOND_") && !strings.HasSuffix(name, "_PROXY") && name != "GOMAXPROCS" && name != "GODEBUG" {
			env = append(env, pair)
		}
	}
	return append(env, "GOMAXPROCS="+number(cores))
}
