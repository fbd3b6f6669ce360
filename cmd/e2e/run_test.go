package e2e

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestBurstsDialOnce lets 32 callers send 20 requests each, in step, as a coordinator does. Go's
// default transport makes about 600 connections of it.
func TestBurstsDialOnce(t *testing.T) {
	const callers, rounds = 32, 20
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(protocol, func(t *testing.T) {
			u := startUpstream(t, true, fmt.Sprintf("-h2=%v", protocol == "HTTP/2.0"))
			d := serve(t, u.ca, anywhere+entry("test", "anthropic", u.URL))
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: callers}}
			for round := range rounds {
				var asking sync.WaitGroup
				for caller := range callers {
					asking.Go(func() { askQuick(t, client, d.URL, fmt.Sprintf("%d-%d", round, caller)) })
				}
				asking.Wait()
			}
			c := u.counts(t)
			if c.Dials > callers {
				t.Errorf("got %d dials; want %d at most", c.Dials, callers)
			}
			if c.Requests != callers*rounds || c.Protocols[protocol] != callers*rounds || len(c.Executed) != callers*rounds {
				t.Errorf("got %d requests (%v), %d different ones; want %d, each once", c.Requests, c.Protocols, len(c.Executed), callers*rounds)
			}
			t.Logf("%d requests in %d bursts over %s: %d dials", c.Requests, rounds, protocol, c.Dials)
		})
	}
}

// askQuick sends one message and wants its answer whole.
func askQuick(t *testing.T, client *http.Client, base, id string) {
	resp, err := post(t, client, base+"/v1/messages", id, strings.NewReader(`{"model":"quick"}`))
	if err != nil {
		t.Error(err)
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), "one two three") {
		t.Errorf("%s: got status %d, %q, error %v; want the answer", id, resp.StatusCode, body, err)
	}
}

// TestDemo runs the command that the demo prints, as it stands.
func TestDemo(t *testing.T) {
	d := serve(t, "", anywhere, "--demo")
	var command string
	until(t, "the daemon prints a command to try", func() (whole bool) {
		_, command, _ = strings.Cut(d.stderr.String(), " - try: ")
		command, _, whole = strings.Cut(command, "\n")
		return whole
	})
	out, err := exec.CommandContext(t.Context(), "sh", "-c", command).Output()
	if err != nil || !strings.Contains(string(out), "event: message_stop\n") {
		t.Errorf("%s: got %q, error %v; want a whole stream", command, out, err)
	}
	var stats struct {
		Upstreams []struct {
			Name     string
			Requests int
		} `json:"upstreams"`
	}
	until(t, "the demo's own traffic reached every worker", func() bool {
		getJSON(t, d.URL+"/__millpond__/stats", &stats)
		for _, u := range stats.Upstreams {
			if strings.HasPrefix(u.Name, "worker-") && u.Requests == 0 {
				return false
			}
		}
		return len(stats.Upstreams) == 35
	})
}

func TestSIGTERMDrains(t *testing.T) {
	u := startUpstream(t, false)
	d := serve(t, "", anywhere+entry("test", "anthropic", u.URL), "--listen", closedPort(t))
	_, events := heldStream(t, d.URL, "drained")
	if err := d.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	until(t, "new requests are refused", func() bool {
		conn, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
		if err != nil {
			return true
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
		answer, err := io.ReadAll(conn)
		return err != nil || strings.HasPrefix(string(answer), "HTTP/1.1 503") || len(answer) == 0
	})
	if d.hasEnded() {
		t.Fatal("the daemon ended with a stream in flight; want it to wait")
	}
	u.release(t, "drained")
	var last string
	for events.Scan() {
		if events.Text() != "" {
			last = events.Text()
		}
	}
	if err := events.Err(); err != nil || last != `data: {"type":"message_stop"}` {
		t.Errorf("got last line %q, error %v; want the whole stream", last, err)
	}
	until(t, "the daemon ends", d.hasEnded)
	if d.code != 0 {
		t.Errorf("got exit code %d; want 0", d.code)
	}
}

// logKeys are what every line about a request says.
var logKeys = []string{"time", "level", "msg", "id", "method", "path", "upstream", "protocol", "status", "outcome", "reused",
	"attempts", "queue_ms", "connect_ms", "first_byte_ms", "total_ms", "bytes_in", "bytes_out"}

func TestLogSaysWhatHappenedAndNoSecret(t *testing.T) {
	const secret = "hunter2-do-not-log-me"
	u := startUpstream(t, false)
	d := serve(t, "", anywhere+entry("good", "anthropic", u.URL)+entry("gone", "http", "http://"+closedPort(t)))
	curl(t, "-H", "x-api-key: "+secret, "-H", "Authorization: Bearer "+secret, "-H", "Cookie: session="+secret,
		"-d", `{"model":"quick","system":"`+secret+`"}`, d.URL+"/v1/messages?key="+secret)
	curl(t, "-H", "x-api-key: "+secret, d.URL+"/u/gone/path?key="+secret)
	resp, err := post(t, http.DefaultClient, d.URL+"/v1/messages", "cut", strings.NewReader(`{"model":"cut","stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, resp.Body); err == nil {
		t.Error("got no error of a stream that was cut; want one")
	}
	_ = resp.Body.Close()
	until(t, "all requests are logged", func() bool { return len(d.logged()) == 3 })

	good, gone, cut := d.logged()[0], d.logged()[1], d.logged()[2]
	for _, key := range logKeys {
		if _, ok := good[key]; !ok {
			t.Errorf("got %v; want the key %s", good, key)
		}
	}
	for key, want := range map[string]string{"method": "POST", "path": "/v1/messages", "upstream": "good", "status": "200",
		"outcome": "ok", "reused": "false", "attempts": "1"} {
		if good[key] != want {
			t.Errorf("got %s=%s; want %s", key, good[key], want)
		}
	}
	for key, want := range map[string]string{"upstream": "gone", "status": "502", "outcome": "upstream_error", "code": "upstream_connect"} {
		if gone[key] != want {
			t.Errorf("got %s=%s; want %s", key, gone[key], want)
		}
	}
	if cut["status"] != "200" || cut["outcome"] != "stream_error" {
		t.Errorf("got status=%s outcome=%s of a stream that was cut; want 200 and stream_error", cut["status"], cut["outcome"])
	}
	if !strings.Contains(gone["err"], "refused") {
		t.Errorf("got err=%q; want the reason, to be found by grep", gone["err"])
	}
	for name, text := range d.written(t) {
		if strings.Contains(text, secret) {
			t.Errorf("%s has the secret in it", name)
		}
	}
}

// written is everything that the daemon wrote: to its streams and into its folders.
func (d *daemon) written(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"stdout": d.stdout.String(), "stderr": d.stderr.String()}
	err := filepath.WalkDir(d.home, func(name string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(name)
		all[name] = string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(slices.Collect(maps.Keys(all)), func(name string) bool {
		return strings.HasSuffix(name, ".log") && strings.Contains(all[name], "msg=request")
	}) {
		t.Error("got no log file with requests in it; want one beside stderr")
	}
	return all
}

// TestStatsAndCommands asks the running daemon in the ways that a person and a script would.
func TestStatsAndCommands(t *testing.T) {
	u := startUpstream(t, false)
	d := serve(t, "", anywhere+entry("test", "anthropic", u.URL))
	for i := range 3 {
		askQuick(t, http.DefaultClient, d.URL, fmt.Sprint("stats-", i))
	}
	var stats struct {
		Total   int            `json:"total_requests"`
		Rate    float64        `json:"success_rate"`
		Outcome map[string]int `json:"outcomes"`
		Pool    struct {
			Dials, Reused int
		} `json:"pool"`
		Upstreams []struct {
			Name     string
			Requests int
		} `json:"upstreams"`
	}
	until(t, "three requests are counted", func() bool {
		getJSON(t, d.URL+"/__millpond__/stats", &stats)
		return stats.Total == 3
	})
	if stats.Rate != 100 || stats.Outcome["ok"] != 3 || stats.Pool.Dials != 1 || stats.Pool.Reused != 2 ||
		len(stats.Upstreams) != 1 || stats.Upstreams[0].Name != "test" || stats.Upstreams[0].Requests != 3 {
		t.Errorf("got %+v; want 3 of 3 ok, over 1 connection, by upstream test", stats)
	}
	var health struct{ Status string }
	if getJSON(t, d.URL+"/__millpond__/health", &health); health.Status != "ok" {
		t.Errorf("got health %q; want ok", health.Status)
	}
	var seed map[string]any
	getJSON(t, d.URL+"/__qcc__/stats", &seed)
	for _, key := range []string{"start_time", "uptime", "total_endpoints", "healthy_endpoints", "avg_response_time", "endpoints", "success_rate"} {
		if _, ok := seed[key]; !ok {
			t.Errorf("got /__qcc__/stats without %s", key)
		}
	}
	environment := append(d.environment(""), "MILLPOND_LISTEN_ADDRESS="+strings.TrimPrefix(d.URL, "http://"))
	for _, args := range [][]string{{"version"}, {"config", "path"}, {"config", "show"}, {"config", "validate"}, {"stats"}, {"stats", "--json"}} {
		p := start(t, environment, programs.daemon, append(args, "--config", d.settings)...)
		until(t, "the command ends", p.hasEnded)
		if p.code != 0 || p.stdout.String() == "" && args[0] != "config" {
			t.Errorf("millpondd %v: got exit code %d, %q; want 0 and an answer", args, p.code, p.stderr.String())
		}
	}
}
