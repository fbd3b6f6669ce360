package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fails runs the daemon with these settings and returns how it ended.
func fails(t *testing.T, settings string, args ...string) (code int, stderr []string) {
	t.Helper()
	d := place(t, settings)
	d.process = start(t, d.environment(""), programs.daemon, append([]string{"serve", "--config", d.settings}, args...)...)
	until(t, "the daemon refuses to start", d.hasEnded)
	return d.code, d.stderr.lines()
}

func TestFiveMistakesAreFiveLines(t *testing.T) {
	code, lines := fails(t, `version = 1
[listen]
address = "127.0.0.1:99999"
colour = "green"
[pool]
max_idle = -1
scope = "galaxy"
[[upstreams]]
name = "relay"
kind = "anthropic"
url = "ftp://relay.example"
`)
	if code != 2 || len(lines) != 5 {
		t.Errorf("got exit code %d and %d lines; want 2 and 5", code, len(lines))
	}
	text := strings.Join(lines, "\n")
	for _, part := range []string{"listen.address", "listen.colour", "pool.max_idle", "-1", "pool.scope", "galaxy", "upstreams[0].url"} {
		if !strings.Contains(text, part) {
			t.Errorf("got %q; want %s in it", text, part)
		}
	}
}

func TestPortInUseNamesTheProgram(t *testing.T) {
	u := startUpstream(t, false)
	d := serve(t, "", anywhere+entry("test", "http", u.URL))
	code, lines := fails(t, anywhere+entry("test", "http", u.URL), "--listen", strings.TrimPrefix(d.URL, "http://"))
	text := strings.Join(lines, "\n")
	if want := fmt.Sprintf("%s (pid %d)", filepath.Base(programs.daemon), d.Process.Pid); code != 1 || !strings.Contains(text, want) {
		t.Errorf("got exit code %d and %q; want 1 and %q in it", code, text, want)
	}
}

func TestOwnAddressIsNoUpstream(t *testing.T) {
	own := closedPort(t)
	code, lines := fails(t, "version = 1\n[listen]\naddress = \""+own+"\"\n"+entry("me", "anthropic", "http://"+own))
	if text := strings.Join(lines, "\n"); code != 2 || !strings.Contains(text, "upstreams[0].url") || len(lines) != 1 {
		t.Errorf("got exit code %d and %q; want 2 and a line that names upstreams[0].url", code, text)
	}
}

// TestOwnAddressAddedLater does the same where the port is known only once the daemon runs: the
// settings file names it afterwards. No request may go round in a circle.
func TestOwnAddressAddedLater(t *testing.T) {
	u := startUpstream(t, false)
	good := anywhere + entry("test", "anthropic", u.URL)
	d := serve(t, "", good)
	d.write(t, good+entry("me", "anthropic", d.URL))
	before := len(d.stderr.lines())
	until(t, "the daemon has read its settings again", func() bool { return len(d.stderr.lines()) > before })
	resp, err := post(t, http.DefaultClient, d.URL+"/u/me/v1/messages", "circle", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if code := resp.Header.Get("X-Millpond-Error"); code != "loop" && code != "unknown_upstream" {
		t.Errorf("got status %d, X-Millpond-Error %q; want a refusal", resp.StatusCode, code)
	}
	if n := u.counts(t).Executed["circle"]; n != 0 {
		t.Errorf("the request came out at the upstream %d times; want never", n)
	}
}

func TestUnreachableUpstreamIsExplained(t *testing.T) {
	tests := []struct {
		kind, path string
		message    func(body map[string]any) any // the sentence, where the provider puts it
	}{
		{"anthropic", "/v1/messages", func(b map[string]any) any {
			if b["type"] != "error" {
				return nil
			}
			return inner(b)["message"]
		}},
		{"openai", "/v1/chat/completions", func(b map[string]any) any { return inner(b)["message"] }},
		{"gemini", "/v1beta/models/m:generateContent", func(b map[string]any) any {
			if inner(b)["code"] != 502.0 {
				return nil
			}
			return inner(b)["message"]
		}},
		{"a2a", "/u/a2a/", func(b map[string]any) any { return inner(b)["message"] }},
	}
	settings := anywhere
	for _, tt := range tests {
		settings += entry(tt.kind, tt.kind, "http://"+closedPort(t))
	}
	d := serve(t, "", settings)
	for _, tt := range tests {
		t.Run(tt.kind, func(t *testing.T) {
			resp, err := post(t, http.DefaultClient, d.URL+tt.path, "unreachable", strings.NewReader(`{"jsonrpc":"2.0","id":1}`))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			text, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if code := resp.Header.Get("X-Millpond-Error"); resp.StatusCode != http.StatusBadGateway || code != "upstream_connect" {
				t.Errorf("got status %d, X-Millpond-Error %q; want 502, upstream_connect", resp.StatusCode, code)
			}
			body := map[string]any{}
			if err := json.Unmarshal(text, &body); err != nil {
				t.Fatalf("got %q; want JSON: %v", text, err)
			}
			if sentence, _ := tt.message(body).(string); len(strings.Fields(sentence)) < 3 {
				t.Errorf("got %s; want a sentence in the error of kind %s", text, tt.kind)
			}
		})
	}
}

func inner(body map[string]any) map[string]any {
	e, _ := body["error"].(map[string]any)
	return e
}

// TestGate sends what a browser or a confused client would.
func TestGate(t *testing.T) {
	u := startUpstream(t, false)
	d := serve(t, "", anywhere+entry("test", "http", u.URL))
	tests := []struct {
		name, head string
		status     int
	}{
		{"as it should be", "GET /echo HTTP/1.1\r\nHost: HOST\r\n", 200},
		{"by name", "GET /echo HTTP/1.1\r\nHost: localhost\r\n", 200},
		{"a name that was bound to us", "GET /echo HTTP/1.1\r\nHost: evil.example\r\n", 421},
		{"no host", "GET /echo HTTP/1.1\r\n", 400},
		{"a page elsewhere", "GET /echo HTTP/1.1\r\nHost: HOST\r\nOrigin: https://evil.example\r\n", 403},
		{"a page without an origin", "GET /echo HTTP/1.1\r\nHost: HOST\r\nOrigin: null\r\n", 403},
		{"a picture in a page", "GET /echo HTTP/1.1\r\nHost: HOST\r\nSec-Fetch-Site: cross-site\r\n", 403},
		{"asking for permission", "OPTIONS /echo HTTP/1.1\r\nHost: HOST\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n", 403},
		{"a tunnel", "CONNECT example.com:443 HTTP/1.1\r\nHost: HOST\r\n", 405},
		{"a forward proxy", "GET http://example.com/ HTTP/1.1\r\nHost: HOST\r\n", 403},
		{"two lengths", "POST /echo HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\nContent-Length: 2\r\n", 400},
		{"length and chunks", "POST /echo HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400},
		{"a bare line feed", "GET /echo HTTP/1.1\nHost: HOST\r\n", 400},
		{"a folded line", "GET /echo HTTP/1.1\r\nHost: HOST\r\nX: a\r\n b\r\n", 400},
		{"a letter outside of ASCII", "GET /echo/ü HTTP/1.1\r\nHost: HOST\r\n", 400},
		{"a space before the colon", "GET /echo HTTP/1.1\r\nHost: HOST\r\nX : a\r\n", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, answer := raw(t, d.URL, tt.head+"\r\n")
			if got := status(t, answer); got != tt.status {
				t.Errorf("got status %d; want %d", got, tt.status)
			}
		})
	}
	if n := u.counts(t).Requests; n != 2 {
		t.Errorf("the upstream got %d requests; want the 2 that are in order", n)
	}
}

func status(t *testing.T, answer *bufio.Reader) int {
	t.Helper()
	resp, err := http.ReadResponse(answer, nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("got Access-Control-Allow-Origin; want none, ever")
	}
	return resp.StatusCode
}

// TestBadEditChangesNothing edits the file of a running daemon, badly and then well.
func TestBadEditChangesNothing(t *testing.T) {
	u, other := startUpstream(t, false), startUpstream(t, false)
	d := serve(t, "", anywhere+entry("test", "http", u.URL))
	ask := func(id string) {
		t.Helper()
		resp, err := post(t, http.DefaultClient, d.URL+"/echo", id, nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	d.write(t, anywhere+"[pool]\nmax_idle = -1\n"+entry("test", "http", other.URL))
	until(t, "the daemon complains", func() bool { return strings.Contains(d.stderr.String(), "pool.max_idle") })
	ask("after the bad edit")
	if n := u.counts(t).Executed["after the bad edit"]; n != 1 {
		t.Errorf("got %d requests at the first upstream; want 1: what ran stays", n)
	}
	d.write(t, anywhere+entry("test", "http", other.URL))
	until(t, "the daemon sends requests to the other upstream", func() bool {
		ask("after the good edit")
		return other.counts(t).Executed["after the good edit"] > 0
	})
	if _, err := os.Stat(d.settings); err != nil {
		t.Error(err)
	}
}
