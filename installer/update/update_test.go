package update

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var today = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// sum stands for the hash of a file.
var sum = strings.Repeat("0a", 32)

// indexOf returns an index with these releases, each with a file for two systems.
func indexOf(versions ...string) string {
	var list []string
	for _, v := range versions {
		list = append(list, fmt.Sprintf(`{"version": %q, "date": "2026-11-01", "summary": "New in %s.", "later": "unknown to us", "files": [
			{"os": "linux", "arch": "amd64", "kind": "deb", "url": "https://releases.example/millpond_%s_amd64.deb", "sha256": %q, "size": 1},
			{"os": "windows", "arch": "amd64", "kind": "exe", "url": "https://releases.example/millpond-%s.exe", "sha256": %q, "size": 2}]}`, v, v, v, sum, v, sum))
	}
	return fmt.Sprintf(`{"form": 1, "expires": "2026-12-01T00:00:00Z", "releases": [%s]}`, strings.Join(list, ","))
}

// keys returns a pair, the same one each time.
func keys() (public string, private ed25519.PrivateKey) {
	private = ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	return base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey)), private
}

// serve serves a text and its signature.
func serve(t *testing.T, text, signature string) Config {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/index.json", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) })
	mux.HandleFunc("/index.json.sig", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, signature) })
	mux.Handle("/moved/", http.RedirectHandler("/index.json", http.StatusFound))
	mux.Handle("/away.json", http.RedirectHandler("http://releases.example/index.json", http.StatusFound))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	public, _ := keys()
	return Config{URL: server.URL + "/index.json", Key: public, Version: "0.2.0", OS: "linux", Arch: "amd64", Now: func() time.Time { return today }}
}

func sign(text string) string {
	_, private := keys()
	return base64.StdEncoding.EncodeToString(ed25519.Sign(private, []byte(text)))
}

func TestCheck(t *testing.T) {
	tests := []struct {
		name, version string
		index         string
		newest        string
		newer         []string
	}{
		{"nothing released", "0.2.0", indexOf(), "", nil},
		{"the newest", "0.2.0", indexOf("0.1.0", "0.2.0"), "0.2.0", nil},
		{"two newer, out of order", "0.2.0", indexOf("0.3.0", "0.10.0", "0.1.0"), "0.10.0", []string{"0.10.0", "0.3.0"}},
		{"one before a release", "0.2.0", indexOf("0.3.0-rc.1"), "", nil},
		{"one before a release, to one", "0.3.0-rc.1", indexOf("0.3.0-rc.2", "0.2.0"), "0.3.0-rc.2", []string{"0.3.0-rc.2"}},
		{"a release, to one before it", "0.3.0-rc.1", indexOf("0.3.0"), "0.3.0", []string{"0.3.0"}},
		{"with a commit", "0.2.0+abc", indexOf("0.2.0"), "0.2.0", nil},
		{"no release", "dev", indexOf("0.2.0"), "0.2.0", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, tt.index, sign(tt.index))
			c.Version = tt.version
			r, err := Check(t.Context(), c)
			if err != nil {
				t.Fatal(err)
			}
			var newer []string
			for _, release := range r.Releases {
				newer = append(newer, release.Version)
				if len(release.Files) != 1 || release.Files[0].Name() != "millpond_"+release.Version+"_amd64.deb" {
					t.Errorf("got files %+v; want the one for this machine", release.Files)
				}
			}
			if r.Newest != tt.newest || !slices.Equal(newer, tt.newer) || r.Newer != (tt.newer != nil) || r.Known != (tt.version != "dev") {
				t.Errorf("got %+v; want newest %s, newer %q", r, tt.newest, tt.newer)
			}
		})
	}
}

// A refusal is an index that is not believed.
type refusal struct {
	name, text, signature string
	change                func(*Config) // nil changes nothing
	want                  error         // nil for one that callers do not tell apart
	says                  string
}

// Nothing is believed that is not signed by the key, whole, and valid today.
func TestRefused(t *testing.T) {
	good := indexOf("0.3.0")
	other := ed25519.NewKeyFromSeed([]byte(strings.Repeat("o", ed25519.SeedSize)))
	expired := strings.Replace(good, "2026-12-01", "2026-11-22", 1)
	expired = strings.Replace(expired, "T00:00:00Z", "T12:00:00Z", 1)
	public := base64.StdEncoding.EncodeToString(other.Public().(ed25519.PublicKey))
	tests := []refusal{
		{"another key", good, sign(good), func(c *Config) { c.Key = public }, ErrSignature, ""},
		{"signed by another", good, base64.StdEncoding.EncodeToString(ed25519.Sign(other, []byte(good))), nil, ErrSignature, ""},
		{"changed since", strings.Replace(good, "0.3.0", "9.9.9", 1), sign(good), nil, ErrSignature, ""},
		{"cut off", good[:len(good)-1], sign(good), nil, ErrSignature, ""},
		{"no base64", good, "!", nil, ErrSignature, ""},
		{"nothing", "", "", nil, ErrSignature, ""},
		{"out of date", expired, sign(expired), nil, ErrExpired, "until 2026-11-22"},
		{"no date at all", `{"form": 1}`, sign(`{"form": 1}`), nil, ErrExpired, ""},
		{"another form", `{"form": 2}`, sign(`{"form": 2}`), nil, nil, "form 2"},
		{"no index", `[]`, sign(`[]`), nil, nil, "read the release index"},
		{"too large", strings.Repeat(" ", largest+1), "", nil, nil, "larger than 1 MiB"},
		{"no key", good, sign(good), func(c *Config) { c.Key = "" }, ErrNoKey, ""},
		{"half a key", good, sign(good), func(c *Config) { c.Key = c.Key[:20] }, ErrNoKey, ""},
		{"not there", good, sign(good), func(c *Config) { c.URL += "x" }, nil, "404"},
		{"signature not there", good, sign(good), func(c *Config) { c.URL = strings.Replace(c.URL, "/index", "/moved/index", 1) }, ErrSignature, ""},
		{"led away", good, sign(good), func(c *Config) { c.URL = strings.Replace(c.URL, "/index", "/away", 1) }, nil, "must begin with https://"},
		{"without TLS", good, sign(good), func(c *Config) { c.URL = "http://releases.example/index.json" }, nil, "must begin with https://"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, tt.text, tt.signature)
			if tt.change != nil {
				tt.change(&c)
			}
			r, err := Check(t.Context(), c)
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %+v, %v; want %v, %q", r, err, tt.want, tt.says)
			}
			if r.Newer || len(r.Releases) > 0 {
				t.Errorf("got %+v from what is not believed", r)
			}
		})
	}
}

// What is signed must also be plain: it is printed, and stands in command lines to copy.
func TestOddIndex(t *testing.T) {
	good := indexOf("0.3.0")
	tests := map[string]string{}
	for file, says := range map[string]string{
		"http://releases.example/a.deb": "must begin with https://", "https://releases.example/a.deb;reboot": "do not belong",
		"https://releases.example/$(reboot)": "do not belong", "https://releases.example/-rf": "do not belong", "https://releases.example/": "do not belong",
	} {
		tests[strings.Replace(good, "https://releases.example/millpond_0.3.0_amd64.deb", file, 1)] = says
	}
	for from, to := range map[string]string{`"0.3.0"`: `"newest"`, "New in": "\\u001b[2J", sum: "0a"} {
		tests[strings.Replace(good, from, to, 1)] = "read the release index"
	}
	for text, says := range tests {
		r, err := Check(t.Context(), serve(t, text, sign(text)))
		if err == nil || !strings.Contains(err.Error(), says) || r.Newer {
			t.Errorf("%s: got %+v, %v; want %q", text, r, err, says)
		}
	}
}

// The command line of the package's comment makes a signature that is believed.
func TestOpenSSL(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Skip("there is no openssl on this machine")
	}
	dir := t.TempDir()
	key, file := filepath.Join(dir, "release.pem"), filepath.Join(dir, "index.json")
	if out, err := exec.CommandContext(t.Context(), openssl, "genpkey", "-algorithm", "ed25519", "-out", key).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	text := indexOf("0.3.0")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	signature, err := exec.CommandContext(t.Context(), openssl, "pkeyutl", "-sign", "-rawin", "-inkey", key, "-in", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(encoded)
	private, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	c := serve(t, text, base64.StdEncoding.EncodeToString(signature))
	c.Key = base64.StdEncoding.EncodeToString(private.(ed25519.PrivateKey).Public().(ed25519.PublicKey))
	if r, err := Check(t.Context(), c); err != nil || !r.Newer {
		t.Errorf("got %+v, %v; want a newer release", r, err)
	}
}
