// Package e2e drives the built daemon as a process, with real clients on one side and a real
// upstream process on the other. It imports nothing of the product: what it knows of it is the
// command line, the settings file, the socket and the log.
//
// The tests of what clients see run twice: "direct" straight to the upstream, which shows that
// the test itself is right, and "through" the daemon, which must look the same.
package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait; nothing that works comes near it.
const patience = 20 * time.Second

// programs are the paths of what TestMain built.
var programs struct{ daemon, upstream, workers string }

// fast is listen.fast of the daemons of this run: all tests run with and without it.
var fast string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "millpond-e2e-")
	if err == nil {
		err = build(dir)
	}
	code := 1
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	} else {
		code = 0
		for _, fast = range []string{"true", "false"} {
			fmt.Println("listen.fast =", fast)
			code = max(code, m.Run())
		}
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build compiles the daemon from the module above, and the far sides from this one. With E2E_DAEMON
// set, that program is tested instead, such as one built with the race detector.
func build(dir string) error {
	programs.daemon = filepath.Join(dir, "millpondd")
	programs.upstream = filepath.Join(dir, "upstream")
	programs.workers = filepath.Join(dir, "workers")
	wanted := []struct{ from, pkg, to string }{
		{"../..", "./cmd/millpondd", programs.daemon},
		{".", "./upstream", programs.upstream},
		{".", "./workers", programs.workers},
	}
	if given := os.Getenv("E2E_DAEMON"); given != "" {
		programs.daemon, wanted = given, wanted[1:]
	}
	for _, p := range wanted {
		cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=e2e", "-o", p.to, p.pkg)
		cmd.Dir = p.from
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", p.pkg, err, out)
		}
	}
	return nil
}

// until waits for a condition that another process brings about.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-deadline:
			t.Fatalf("waited %v in vain until %s", patience, what)
		case <-tick.C:
		}
	}
}

// An output collects what a process writes.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// lines are the complete lines so far.
func (o *output) lines() []string {
	text := o.String()
	return slices.DeleteFunc(strings.Split(text[:strings.LastIndexByte(text, '\n')+1], "\n"), func(s string) bool { return s == "" })
}

// A process is one that a test started and that ends with the test.
type process struct {
	*exec.Cmd
	stdout, stderr output
	ended          chan struct{} // closed when it has ended
	code           int           // its exit code; valid once ended
}

// start runs a program until the test ends; then it gets SIGTERM and must go.
func start(t *testing.T, environment []string, program string, args ...string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(program, args...), ended: make(chan struct{})}
	p.Stdout, p.Stderr, p.Env = &p.stdout, &p.stderr, environment
	hold, err := p.StdinPipe() // the far sides end when it does, also if this process is killed
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.Wait() // the code says it
		p.code = p.ProcessState.ExitCode()
		close(p.ended)
	}()
	t.Cleanup(func() {
		_ = hold.Close()
		_ = p.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(patience):
			_ = p.Process.Kill()
			<-p.ended
			t.Errorf("%s did not end within %v of SIGTERM", filepath.Base(program), patience)
		}
		if strings.Contains(p.stderr.String(), "WARNING: DATA RACE") { // built with the race detector
			t.Errorf("%s has a data race", filepath.Base(program))
		}
		if t.Failed() {
			t.Logf("%s wrote to stderr:\n%s", filepath.Base(program), tail(p.stderr.String(), 4000))
		}
	})
	return p
}

// hasEnded reports whether the process is gone.
func (p *process) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// report waits for the line of JSON that a far side prints first.
func (p *process) report(t *testing.T, v any) {
	t.Helper()
	until(t, "the far side says where it is", func() bool { return p.hasEnded() || len(p.stdout.lines()) > 0 })
	if err := json.Unmarshal([]byte(p.stdout.String()), v); err != nil {
		t.Fatalf("read the report %q: %v", p.stdout.String(), err)
	}
}

// An upstream is a running cmd/e2e/upstream.
type upstream struct {
	URL     string // of the service
	control string // URL of the counters
	ca      string // file with the certificate to trust; "" for plain HTTP
}

// startUpstream starts one; flags are of cmd/e2e/upstream, beside -ca which tls sets.
func startUpstream(t *testing.T, tls bool, flags ...string) *upstream {
	t.Helper()
	u := &upstream{}
	scheme := "http://"
	if tls {
		scheme, u.ca = "https://", filepath.Join(t.TempDir(), "ca.pem")
		flags = append(flags, "-ca", u.ca)
	}
	var report struct{ Address, Control string }
	start(t, os.Environ(), programs.upstream, flags...).report(t, &report)
	u.URL, u.control = scheme+report.Address, "http://"+report.Control
	return u
}

// counts are what the upstream counted so far.
type counts struct {
	Requests, Dials, Open          int
	Executed, Cancelled, Protocols map[string]int
}

func (u *upstream) counts(t *testing.T) (c counts) {
	t.Helper()
	getJSON(t, u.control, &c)
	return c
}

// release lets a held request go on.
func (u *upstream) release(t *testing.T, id string) {
	t.Helper()
	resp, err := http.Post(u.control+"/release/"+id, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

func getJSON(t *testing.T, url string, v any) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
		t.Fatalf("read %s: %v", url, err)
	}
}

// A daemon is a running millpondd.
type daemon struct {
	*process
	URL      string
	settings string // its settings file
	home     string // holds all its folders
}

// entry is one [[upstreams]] of a settings file.
func entry(name, kind, url string) string {
	return fmt.Sprintf("[[upstreams]]\nname = %q\nkind = %q\nurl = %q\n", name, kind, url)
}

// anywhere begins a settings file that listens on a port of the system's choice.
const anywhere = "version = 1\n[listen]\naddress = \"127.0.0.1:0\"\n"

// place makes folders for one daemon and its settings file. The folder's name is short, since a
// unix socket's address is.
func place(t *testing.T, settings string) *daemon {
	t.Helper()
	home, err := os.MkdirTemp("", "mp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	d := &daemon{home: home, settings: filepath.Join(home, "settings.toml")}
	d.write(t, settings)
	return d
}

// write replaces the settings file at once.
func (d *daemon) write(t *testing.T, settings string) {
	t.Helper()
	next := d.settings + ".new"
	if err := os.WriteFile(next, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(next, d.settings); err != nil {
		t.Fatal(err)
	}
}

// environment is what the daemon sees: folders of its own, and the authority of its upstream.
func (d *daemon) environment(ca string) []string {
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + d.home, "XDG_CONFIG_HOME=" + d.home + "/config",
		"XDG_STATE_HOME=" + d.home + "/state", "XDG_RUNTIME_DIR=" + d.home + "/run"}
	if ca != "" {
		env = append(env, "SSL_CERT_FILE="+ca)
	}
	return env
}

// listens finds the address that the daemon logs.
var listens = regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`)

// serve starts a daemon with these settings and waits until it answers.
func serve(t *testing.T, ca, settings string, flags ...string) *daemon {
	t.Helper()
	d := place(t, settings)
	d.process = start(t, append(d.environment(ca), "MILLPOND_LISTEN_FAST="+fast), programs.daemon, append([]string{"serve", "--config", d.settings}, flags...)...)
	until(t, "the daemon says where it listens", func() bool {
		for _, line := range d.stderr.lines() {
			if address := listens.FindString(line); strings.Contains(line, "listen") && address != "" {
				d.URL = "http://" + address
			}
		}
		return d.URL != "" || d.hasEnded()
	})
	if d.URL == "" {
		t.Fatalf("the daemon ended with code %d: %s", d.code, d.stderr.String())
	}
	return d
}

// logged are the lines of the request log so far, each as key and value.
func (d *daemon) logged() (requests []map[string]string) {
	for _, line := range d.stderr.lines() {
		if fields := logfmt(line); fields["msg"] == "request" {
			requests = append(requests, fields)
		}
	}
	return requests
}

// pair is one key=value of logfmt; the value may be quoted.
var pair = regexp.MustCompile(`([^\s=]+)=("(?:[^"\\]|\\.)*"|\S*)`)

func logfmt(line string) map[string]string {
	fields := map[string]string{}
	for _, m := range pair.FindAllStringSubmatch(line, -1) {
		fields[m[1]] = strings.Trim(m[2], `"`)
	}
	return fields
}

// both runs a test straight to the upstream and through a daemon in front of it.
func both(t *testing.T, u *upstream, test func(t *testing.T, base string)) {
	t.Run("direct", func(t *testing.T) { test(t, u.URL) })
	t.Run("through", func(t *testing.T) {
		test(t, serve(t, u.ca, anywhere+entry("test", "anthropic", u.URL)).URL)
	})
}

// post sends a POST with a Test-Id and returns the answer, whose body the caller closes.
func post(t *testing.T, client *http.Client, url, id string, body io.Reader) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Test-Id", id)
	return client.Do(req)
}

// heldStream starts a streamed message that stops after its second word, and reads so far.
func heldStream(t *testing.T, base, id string) (*http.Response, *bufio.Scanner) {
	t.Helper()
	resp, err := post(t, http.DefaultClient, base+"/v1/messages", id, strings.NewReader(`{"model":"held","stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	events := bufio.NewScanner(resp.Body)
	for events.Scan() {
		if strings.Contains(events.Text(), " two") {
			return resp, events
		}
	}
	t.Fatalf("got status %d and a stream that ended (%v); want its first two words", resp.StatusCode, events.Err())
	return nil, nil
}
