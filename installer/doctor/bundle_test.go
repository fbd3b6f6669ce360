package doctor

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"millpond/proxy"
	"millpond/proxy/control"
	"millpond/settings"
)

// secrets are planted wherever one could come from. Each is another, so that a leak tells
// its way.
var secrets = map[string]string{
	"environment": "env-PLANTED-a1b2c3", "environment by name": "pw1-PLANTED", "proxy login": "pxy-PLANTED-77", "credential": "cred-PLANTED-sk9",
	"comment": "note-PLANTED-4d5e", "token": "tok-PLANTED-88aa", "header": "sk-ant-PLANTED-a8s7d6f5g4", "bearer": "PLANTEDeyJhbGciOiJIUzI1NiJ9x",
	"caller": "PLANTED-caller-3f4g5h6j7k8l9", "cookie": "PLANTEDsession12345678901234", "query": "PLANTED-q-AIzaSyA1234567890abcdefghij",
	"path": "PLANTED-path-secret", "body": "PLANTED-body-secret", "answer": "PLANTED-answer-secret", "status line": "PLANTED-reason-secret",
	"log header": "PLANTED-log-header", "log quoted": "PLANTED-log-quoted", "log key": "PLANTEDlogkey0123456789abcdef", "egress": "egr-PLANTED-55",
}

// planted returns a daemon's machine that is full of secrets, with traffic that carried
// more.
func planted(t *testing.T) (Config, *control.Client) {
	t.Helper()
	upstream500 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Secret", secrets["answer"])
		w.WriteHeader(http.StatusInternalServerError)
		fmt.Fprintf(w, `{"error":{"message":"your key %s is wrong, and so is %s"}}`, r.Header.Get("Authorization"), secrets["answer"])
	}))
	t.Cleanup(upstream500.Close)
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprintf(conn, "HTTP/9.9 %s \"%s\"\r\n\r\n", secrets["status line"], secrets["status line"])
		_ = conn.Close()
	}))
	t.Cleanup(broken.Close)
	credential := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(credential, []byte(secrets["credential"]), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PLANTED_TOKEN", secrets["token"])
	t.Setenv("PLANTED_EGRESS", secrets["egress"])
	text := "# my key is " + secrets["comment"] + "\n" + anywhere + "token = \"env:PLANTED_TOKEN\"\n" +
		upstream("wrong", upstream500.URL, `credential = "file:`+credential+`"`) + upstream("broken", broken.URL, "") +
		upstream("around", "http://127.0.0.1:9", `egress = "http://bob:env:PLANTED_EGRESS@127.0.0.1:9"`)
	c := machine(t, text, "PLANTED_TOKEN="+secrets["token"], "PLANTED_EGRESS="+secrets["egress"], "SOME_API_KEY="+secrets["environment"],
		"PGPASSWORD="+secrets["environment by name"], "HTTPS_PROXY=http://al:"+secrets["proxy login"]+"@127.0.0.1:9")
	client := run(t, c, nil)
	s, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/u/wrong/v1/" + secrets["path"], "/u/broken/v1/" + secrets["path"], "/u/around/x", "/u/" + secrets["path"] + "/x"} {
		send(t, s.Address, path)
	}
	until(t, "the log is written", func() bool {
		text, err := os.ReadFile(filepath.Join(c.StateDir, proxy.LogName))
		return err == nil && strings.Count(string(text), "msg=request") >= 4
	})
	log, err := os.OpenFile(filepath.Join(c.StateDir, proxy.LogName), os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, line := range []string{
		`msg=odd err="Authorization: Bearer ` + secrets["log header"] + `"`,
		`msg=odd err="the peer sent \"` + secrets["log quoted"] + `\" instead"`,
		`msg="the key ` + secrets["log key"] + ` was seen" also=` + secrets["environment"] + " with=" + secrets["credential"] + "/" + secrets["environment by name"],
		secrets["log key"] + "=1 and no more",
	} {
		if _, err := fmt.Fprintln(log, "time=2026-01-02T03:04:05.678Z level=WARN "+line); err != nil {
			t.Fatal(err)
		}
	}
	return c, client
}

// send sends one request with secrets in every place.
func send(t *testing.T, address, path string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+path+"?key="+secrets["query"], strings.NewReader(secrets["body"]))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secrets["token"])
	r.Header.Set("X-Api-Key", secrets["header"])
	r.Header.Set("Proxy-Authorization", "Bearer "+secrets["bearer"])
	r.Header.Set("X-Millpond-Caller", secrets["caller"])
	r.Header.Set("Cookie", "session="+secrets["cookie"])
	transport := &http.Transport{DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, answer.Body)
}

// unzip returns the files of a bundle.
func unzip(t *testing.T, bundle []byte) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(bundle), int64(len(bundle)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files[f.Name] = string(text)
	}
	return files
}

// TestBundleHoldsNoSecret: not with a daemon and not without, and still what helps.
func TestBundleHoldsNoSecret(t *testing.T) {
	c, client := planted(t)
	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", status.Stats.Callers); !strings.Contains(text, secrets["caller"]) {
		t.Fatalf("the caller's secret was not planted: %s", text)
	}
	alone := c
	alone.Socket = filepath.Join(t.TempDir(), "none.sock")
	for name, config := range map[string]Config{"with the daemon": c, "without": alone} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Bundle(t.Context(), &out, config); err != nil {
				t.Fatal(err)
			}
			files := unzip(t, out.Bytes())
			for _, p := range parts {
				if files[p.name] == "" {
					t.Errorf("%s is missing or empty", p.name)
				}
			}
			for file, text := range files {
				for place, secret := range secrets {
					if strings.Contains(text, secret) || strings.Contains(file, secret) {
						t.Errorf("%s holds the secret planted in: %s", file, place)
					}
				}
				if strings.Contains(text, "PLANTED") && file != "environment.txt" {
					at := strings.Index(text, "PLANTED")
					t.Errorf("%s holds a part of a secret: ...%s", file, text[max(0, at-60):min(len(text), at+60)])
				}
				if strings.HasSuffix(file, ".json") && strings.HasPrefix(text, "{") && !json.Valid([]byte(text)) {
					t.Errorf("%s is no JSON: %s", file, text)
				}
			}
			for file, part := range map[string]string{
				"findings.txt": "wrong fails at answer", "version.json": `"go": "go1`, "service.json": `"manager": "systemd"`,
				"settings.toml": `name = "around"`, "log.txt": "upstream=wrong protocol=HTTP/1.1 status=500 outcome=upstream_error", "environment.txt": "HTTPS_PROXY\n",
			} {
				if !strings.Contains(files[file], part) {
					t.Errorf("%s lacks %q: %s", file, part, files[file])
				}
			}
			if name == "without" {
				return
			}
			if !strings.Contains(files["status.json"], `"caller 1"`) || !strings.Contains(files["status.json"], `"upstream_error": 3`) {
				t.Errorf("status.json lacks the callers or the outcomes: %s", files["status.json"])
			}
		})
	}
}

// The scrubber takes out too much rather than too little, but not what helps.
func TestScrub(t *testing.T) {
	s := &scrubber{known: []string{"hunter2"}, keep: []string{"v0.1.2-0.20261122115959-4247d05abcde"}}
	s.live("/home/ann")
	s.live(`C:\Users\ann`)
	s.live("/") // of a service without a home
	for text, want := range map[string]string{
		"nothing": "nothing",
		"in /home/ann/.local/state/millpond/millpond.log":        "in ~/.local/state/millpond/millpond.log",
		`in C:\Users\ann\AppData\Local\Millpond`:                 `in ~\AppData\Local\Millpond`,
		`"state": "C:\\Users\\ann\\AppData\\Local"`:              `"state": "~\\AppData\\Local"`,
		"the word hunter2!":                                      "the word [hidden]!",
		"http://u:p@127.0.0.1:9/x?y=z":                           "http://127.0.0.1:9/x?[hidden]",
		"version v0.1.2-0.20261122115959-4247d05abcde":           "version v0.1.2-0.20261122115959-4247d05abcde",
		"abcdefghijklmnopqrstuvwxyz":                             "abcdefghijklmnopqrstuvwxyz",
		"abcdefghijklmn0pqrstuvwxyz":                             "[hidden]",
		"time 2026-11-22T10:11:41.846Z, 127.0.0.1:7860, 1.25 ms": "time 2026-11-22T10:11:41.846Z, 127.0.0.1:7860, 1.25 ms",
	} {
		if got := s.text(text); got != want {
			t.Errorf("%q: got %q; want %q", text, got, want)
		}
	}
	set := settings.Default()
	set.Listen.Token = "keyring:millpond"
	set.Upstreams = []settings.Upstream{{Name: "a", URL: "https://u:p@a.example/x", Credential: "written in plain", Egress: "http://u:env:X@b.example:1"}}
	got := s.settingsWithout(set)
	if u := got.Upstreams[0]; got.Listen.Token != "keyring:[hidden]" || u.Credential != "[hidden]" || u.URL != "https://a.example/x" || u.Egress != "http://b.example:1" {
		t.Errorf("got %+v, %+v; want secrets hidden", got.Listen, u)
	}
}
