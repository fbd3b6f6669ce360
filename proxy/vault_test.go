package proxy

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
	"millpond/settings/secret"
	"millpond/settings/store"
)

// showing is an upstream that answers with the credential that it got.
func showing(t *testing.T, name string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s got %q %q", name, r.Header.Get("X-Api-Key"), r.Header.Get("Authorization"))
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// withKey is the entry of an upstream of Anthropic's kind with a credential.
func withKey(name, url, credential string, priority int) string {
	return fmt.Sprintf("[[upstreams]]\nname = %q\nkind = \"anthropic\"\nurl = %q\ncredential = %q\npriority = %d\n", name, url, credential, priority)
}

// ask sends a client's request with a credential of its own.
func (r *running) ask(t *testing.T, path string) (status int, h http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+r.Address()+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Api-Key", "the-client's-own")
	return do(t, r.client, req)
}

func TestMissingCredential(t *testing.T) {
	key := filepath.Join(t.TempDir(), "key")
	r := start(t, anywhere+withKey("relay", showing(t, "relay"), "file:"+key, 1)+withKey("own", showing(t, "own"), "", 2),
		func(c *Config) { c.SeekEvery = 5 * time.Millisecond })

	if status, _, body := r.ask(t, "/v1/models"); status != 200 || !strings.HasPrefix(body, `own got "the-client's-own"`) {
		t.Errorf("got %d %q; want the other upstream of its kind", status, body)
	}
	status, h, body := r.ask(t, "/u/relay/v1/models")
	if status != 502 || h.Get("X-Millpond-Error") != "credential_missing" || h.Get("X-Should-Retry") != "false" {
		t.Errorf("got %d %q %q; want 502 that says not to try again", status, h.Get("X-Millpond-Error"), h.Get("X-Should-Retry"))
	}
	if !strings.HasPrefix(body, `{"error":{"code":"credential_missing"`) || !strings.Contains(body, `"type":"error"`) {
		t.Errorf("got %q; want an error in Anthropic's shape", body)
	}
	s := r.Status()
	if s.State != control.Degraded || s.Reason != ReasonCredentialMissing || len(s.ReasonArgs) != 1 || s.ReasonArgs[0] != "relay" {
		t.Errorf("got %v %q %v; want degraded for relay", s.State, s.Reason, s.ReasonArgs)
	}
	if u := s.Stats.Upstreams[0]; u.Healthy || u.Withheld != "credential_missing" || !strings.Contains(u.LastError, key) || u.LastErrorAt == nil || u.Requests != 0 {
		t.Errorf("got %+v; want an upstream that is withheld and says why", u)
	}
	until(t, "the log names the reference that is missing", func() bool {
		got := r.log.String()
		return strings.Contains(got, "nothing is sent to this upstream") && strings.Contains(got, "file:"+key)
	})

	if err := os.WriteFile(key, []byte("the-relay's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	until(t, "the credential is found", func() bool {
		status, _, body := r.ask(t, "/u/relay/v1/models")
		return status == 200 && strings.HasPrefix(body, `relay got "the-relay's"`)
	})
	if s := r.Status(); s.State == control.Failing || s.Stats.Upstreams[0].Withheld != "" || s.Revision != 1 {
		t.Errorf("got %v %q at revision %d; want all well, and no change of the settings", s.State, s.Reason, s.Revision)
	}
}

func TestNothingButMissingCredentials(t *testing.T) {
	r := start(t, anywhere+withKey("relay", showing(t, "relay"), "env:MILLPOND_TEST_NO_SUCH_KEY", 1), nil)
	if status, _, body := r.ask(t, "/v1/messages"); status != 502 || !strings.Contains(body, "credential_missing") {
		t.Errorf("got %d %q; want 502 credential_missing", status, body)
	}
	if status, _, body := r.get(t, "/__millpond__/health"); status != 503 || !strings.Contains(body, ReasonCredentialMissing) {
		t.Errorf("got %d %q; want 503 for the credential", status, body)
	}
	if n := r.Stats().Outcomes["local"]; n != 1 {
		t.Errorf("got %d refusals; want 1", n)
	}
}

// A change of something else must not cost a credential that was found before and cannot
// be read just now.
func TestFetchKeepsWhatCannotBeReadNow(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(file, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := settings.Default()
	s.Upstreams = []settings.Upstream{{Name: "a", Enabled: true, Credential: "file:" + file}, {Name: "b", Credential: "env:OF_A_DISABLED_ONE"}}
	v := fetchSecrets(t.Context(), s, nil, time.Now)
	if got := v.found["file:"+file].Reveal(); got != "first" || len(v.missing) != 0 {
		t.Fatalf("got %q, %v missing; want the secret alone", got, v.missing)
	}
	if err := os.WriteFile(file, []byte("two\nlines"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := fetchSecrets(t.Context(), s, v, time.Now).found["file:"+file].Reveal(); got != "first" {
		t.Errorf("unreadable: got %q; want what was there", got)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	gone := fetchSecrets(t.Context(), s, v, time.Now)
	m := gone.missing["file:"+file]
	if m == nil || !errors.Is(m, secret.ErrNotFound) {
		t.Fatalf("removed: got %v; want that it is not found", m)
	}
	later := func() time.Time { return m.since.Add(time.Hour) }
	if got := fetchSecrets(t.Context(), s, gone, later).missing["file:"+file].since; !got.Equal(m.since) {
		t.Errorf("got missing since %v; want %v", got, m.since)
	}
}

// checking is an egress proxy that asks for a password and sends all to one upstream.
func checking(t *testing.T, password, to string) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("bob:"+password))
	var wg sync.WaitGroup
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { serveEgress(c, want, to) })
		}
	})
	return l.Addr().String()
}

// serveEgress answers one request of a connection.
func serveEgress(c net.Conn, want, to string) {
	defer c.Close()
	req, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	if req.Header.Get("Proxy-Authorization") != want {
		fmt.Fprint(c, "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(to), to)
}

func TestEgressPasswordIsAReference(t *testing.T) {
	t.Setenv("MILLPOND_TEST_PROXY_PASSWORD", "p@ss/w:rd")
	address := checking(t, "p@ss/w:rd", "through the proxy")
	text := anywhere + entry("a", "http://api.example") + fmt.Sprintf("egress = \"http://bob:env:MILLPOND_TEST_PROXY_PASSWORD@%s\"\n", address)
	r := start(t, text, nil)
	if status, _, body := r.get(t, "/"); status != 200 || body != "through the proxy" {
		t.Errorf("got %d %q; want what the proxy gives to those who know the password", status, body)
	}
	if got := r.Status().Settings.Upstreams[0].Egress; strings.Contains(got, "ss/w") {
		t.Errorf("got %q in the status; want the reference", got)
	}
	if got := r.log.String(); strings.Contains(got, "ss/w") || strings.Contains(got, "ss%2Fw") {
		t.Errorf("got log %q; want no password", got)
	}

	t.Setenv("MILLPOND_TEST_PROXY_PASSWORD", "")
	without, err := New(Config{Store: store.Open(r.file, nil)})
	if err != nil {
		t.Fatal(err)
	}
	defer without.pools.Close()
	if err := without.exchange.State().Withheld[0]; err == nil {
		t.Error("without the password: got an upstream in use; want it withheld")
	}
}
