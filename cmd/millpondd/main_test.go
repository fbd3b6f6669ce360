package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"millpond/proxy/porttest"
)

// patience bounds every wait of a script; nothing that works comes near it.
const patience = 20 * time.Second

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"millpondd": main})
}

// TestScripts runs the program as a process, as a person would: testdata/script/*.txtar.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setup,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":       exits,
			"freeport":    freePort(t),
			"taken":       taken,
			"upstream":    upstream,
			"answers":     answers,
			"answers-now": answersNow,
			"until":       until,
			"lines":       lines,
			"onlyours":    onlyOurs,
			"json":        isJSON,
			"lopsided":    lopsided,
			"ask":         ask,
		},
	})
}

// setup gives a script folders of its own.
func setup(env *testscript.Env) error {
	sockets, err := os.MkdirTemp("", "mp") // a unix socket's address is short
	if err != nil {
		return err
	}
	env.Defer(func() { _ = os.RemoveAll(sockets) })
	control := filepath.Join(sockets, "s", "c.sock")
	if runtime.GOOS == "windows" {
		control = `\\.\pipe\` + filepath.Base(sockets)
	}
	for name, value := range map[string]string{
		"HOME": env.WorkDir, "AppData": env.WorkDir, "LocalAppData": env.WorkDir,
		"MILLPOND_CONFIG": filepath.Join(env.WorkDir, "settings.toml"), "MILLPOND_STATE": filepath.Join(env.WorkDir, "state"),
		"MILLPOND_CONTROL": control,
	} {
		env.Setenv(name, value)
	}
	return nil
}

// exits runs a command and checks its exit code: exits CODE COMMAND ARG...
func exits(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var ended *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("got exit code %d; want %d", got, want)
	}
}

// freePort sets a variable to an address that nobody listens on, unless the script does: freeport NAME
func freePort(t *testing.T) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, _ bool, args []string) { ts.Setenv(args[0], porttest.Hold(t)) }
}

// taken sets a variable to an address that this process listens on: taken NAME
func taken(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Defer(func() { _ = l.Close() })
}

// upstream starts an API that answers with a word, and sets a variable to its URL:
// upstream NAME WORD
func upstream(ts *testscript.TestScript, _ bool, args []string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, args[1], r.Method, r.RequestURI)
	}))
	ts.Setenv(args[0], server.URL)
	ts.Defer(server.Close)
}

// lopsided starts an API that speaks both protocols without TLS and answers every second
// request over HTTP/2 with 500, and sets a variable to its URL: lopsided NAME
func lopsided(ts *testscript.TestScript, _ bool, args []string) {
	var n atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && n.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	ts.Setenv(args[0], server.URL)
	ts.Defer(server.Close)
}

// ask sends requests to a URL, whatever it answers: ask URL N
func ask(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	for range n {
		resp, err := http.Get(args[0])
		ts.Check(err)
		_, err = io.Copy(io.Discard, resp.Body)
		ts.Check(errors.Join(err, resp.Body.Close()))
	}
}

// answers waits until a URL is answered with a status and a text: answers URL STATUS TEXT
func answers(ts *testscript.TestScript, _ bool, args []string) {
	last := "nothing"
	await(ts, func() bool {
		resp, err := http.Get(args[0])
		if err != nil {
			last = err.Error()
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		last = fmt.Sprintf("%s %s %v", resp.Status, body, err)
		return strconv.Itoa(resp.StatusCode) == args[1] && strings.Contains(string(body), args[2])
	}, func() string { return "got " + last })
}

// answersNow checks that a URL is answered with a status and a text, at the first try, and
// that a refusal does not say when to come back, which a pause cannot know.
func answersNow(ts *testscript.TestScript, _ bool, args []string) {
	resp, err := http.Get(args[0])
	ts.Check(err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	ts.Check(err)
	if strconv.Itoa(resp.StatusCode) != args[1] || !strings.Contains(string(body), args[2]) || resp.Header.Get("Retry-After") != "" {
		ts.Fatalf("got %s %s %v; want %s %s", resp.Status, body, resp.Header, args[1], args[2])
	}
}

// until waits until a file matches a pattern: until FILE PATTERN
func until(ts *testscript.TestScript, _ bool, args []string) {
	pattern := regexp.MustCompile(args[1])
	var text []byte
	await(ts, func() bool {
		text, _ = os.ReadFile(ts.MkAbs(args[0])) // it may not be there yet
		return pattern.Match(text)
	}, func() string { return fmt.Sprintf("got %q in %s", text, args[0]) })
}

// lines checks how many lines stderr has: lines N
func lines(ts *testscript.TestScript, _ bool, args []string) {
	if got := strings.Count(ts.ReadFile("stderr"), "\n"); strconv.Itoa(got) != args[0] {
		ts.Fatalf("got %d lines on stderr; want %s", got, args[0])
	}
}

// onlyOurs leaves nothing in PATH but the program under test: onlyours
func onlyOurs(ts *testscript.TestScript, _ bool, _ []string) {
	ts.Setenv("PATH", filepath.SplitList(ts.Getenv("PATH"))[0])
}

// isJSON checks that stdout is JSON, in one value or more, and that the first has each of the
// fields: json .FIELD.FIELD...
func isJSON(ts *testscript.TestScript, _ bool, args []string) {
	d := json.NewDecoder(strings.NewReader(ts.ReadFile("stdout")))
	var first any
	for n := 0; ; n++ {
		var value any
		err := d.Decode(&value)
		switch {
		case err == io.EOF && n > 0:
			hasFields(ts, first, args)
			return
		case err != nil:
			ts.Fatalf("got %v after %d values; want JSON on stdout", err, n)
		case n == 0:
			first = value
		}
	}
}

// hasFields checks that an object has each of the fields.
func hasFields(ts *testscript.TestScript, object any, paths []string) {
	for _, path := range paths {
		at := object
		for name := range strings.SplitSeq(strings.TrimPrefix(path, "."), ".") {
			members, _ := at.(map[string]any)
			value, ok := members[name]
			if !ok {
				ts.Fatalf("got no %s in %v", path, object)
			}
			at = value
		}
	}
}

// await waits for a condition that another process brings about.
func await(ts *testscript.TestScript, met func() bool, instead func() string) {
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-deadline:
			ts.Fatalf("waited %v in vain: %s", patience, instead())
		case <-tick.C:
		}
	}
}

func TestKindOf(t *testing.T) {
	tests := map[string]string{
		"https://api.anthropic.com": "anthropic", "https://API.OpenAI.com/v1": "openai", "https://generativelanguage.googleapis.com": "gemini",
		"https://openrouter.ai/api/v1": "openai", "https://api.deepseek.com/anthropic": "anthropic", "https://api.deepseek.com/v1": "openai",
		"http://127.0.0.1:8080": "http", "http://127.0.0.1:9": "http", "https://api.anthropic.com.evil.example": "http",
		"https://api.z.ai/api/anthropical": "http", "": "http",
	}
	for address, want := range tests {
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(kindOf(u)); got != want {
			t.Errorf("%q: got %s; want %s", address, got, want)
		}
	}
}

func TestReachable(t *testing.T) {
	tests := map[string]string{
		"127.0.0.1:7860": "127.0.0.1:7860", "localhost:7860": "localhost:7860", "0.0.0.0:7860": "127.0.0.1:7860",
		":7860": "127.0.0.1:7860", "[::]:7860": "127.0.0.1:7860", "[::1]:7860": "[::1]:7860", "nonsense": "nonsense",
	}
	for listen, want := range tests {
		if got := reachable(listen); got != want {
			t.Errorf("%q: got %q; want %q", listen, got, want)
		}
	}
}

func TestMainIsShort(t *testing.T) {
	text, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(text), "\n"); got >= 80 {
		t.Errorf("got %d lines; want fewer than 80", got)
	}
}
