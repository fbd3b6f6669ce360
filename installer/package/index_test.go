package main

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// changed is a CHANGELOG.md with a release.
const changed = `# Changelog

## 7.8.9 (2026-01-01)

Requests pass
faster than before.

- And more.

## 7.0.0

Older.
`

// keyFile writes a private key as openssl does.
func keyFile(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "release.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// released returns version 7.8.9 of the product, the folder with its packages, and how to make an index of
// them. The packages are made today, so that the index is still valid.
func released(t *testing.T) (p *product, folder string, x indexer) {
	t.Helper()
	p, root := otherwise(t)
	p.modified = time.Now().UTC().Truncate(time.Second)
	if err := os.WriteFile(filepath.Join(root, "CHANGELOG.md"), []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	p.updateKey = base64.StdEncoding.EncodeToString(public)
	folder = t.TempDir()
	for _, names := range p.published() {
		if err := os.WriteFile(filepath.Join(folder, names[0]), []byte("the package "+names[0]), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return p, folder, indexer{keyFile(t, private), "https://releases.example/v7.8.9", "https://releases.example/notes"}
}

// An older daemon, built with the key, believes the index and says what is new; one whose index was changed
// believes nothing.
func TestIndex(t *testing.T) {
	p, folder, x := released(t)
	if err := x.write(p, folder); err != nil {
		t.Fatal(err)
	}
	older := *p
	older.root, older.Version = "../..", "7.0.0"
	daemon := filepath.Join(t.TempDir(), "millpondd")
	if err := older.compile(t.Context(), recipes[0], "exe", daemon); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.FileServer(http.Dir(folder)))
	defer server.Close()
	ask := func() ([]byte, error) {
		c := exec.CommandContext(t.Context(), daemon, "update", "check", "--json", "--url", server.URL+"/index.json")
		c.Env = []string{"HOME=" + t.TempDir()}
		return c.Output()
	}
	out, err := ask()
	var got struct {
		Newest   string
		Newer    bool
		Releases []release
	}
	if err != nil || json.Unmarshal(out, &got) != nil || got.Newest != "7.8.9" || !got.Newer || len(got.Releases) != 1 {
		t.Fatalf("got %s, %v; want version 7.8.9", out, err)
	}
	if r := got.Releases[0]; r.Summary != "Requests pass faster than before." || r.Notes != x.notes || r.Date != p.Date() {
		t.Errorf("got %+v; want what CHANGELOG.md says", r)
	}
	testEntries(t, got.Releases[0].Files, folder)
	if notes, err := p.changes(); err != nil || notes != "Requests pass\nfaster than before.\n\n- And more." {
		t.Errorf("got the notes %q, %v; want what is new in this release alone", notes, err)
	}

	body, err := os.ReadFile(filepath.Join(folder, "index.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "index.json"), []byte(strings.Replace(string(body), "7.8.9", "7.8.8", 1)), 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := ask(); err == nil {
		t.Errorf("got %s of an index that was changed; want it refused", out)
	}
}

// The packages for this machine are there, each with its place, its size and its hash.
func testEntries(t *testing.T, list []entry, folder string) {
	var kinds []string
	for _, e := range list {
		kinds = append(kinds, e.Kind)
		name := strings.TrimPrefix(e.URL, "https://releases.example/v7.8.9/")
		body, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(body); e.SHA256 != hex.EncodeToString(sum[:]) || e.Size != int64(len(body)) || e.Arch != runtime.GOARCH {
			t.Errorf("got %+v; want the hash and the size of %s", e, name)
		}
	}
	if want := []string{"AppImage", "deb", "rpm", "tar.gz"}; !slices.Equal(kinds, want) {
		t.Errorf("got %v for this machine; want %v", kinds, want)
	}
}

// The index speaks of every system, and of packages that are there.
func TestIndexRefused(t *testing.T) {
	_, other, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	large, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func(p *product, folder string, x *indexer) error
		want   string
	}{
		{"no key", func(_ *product, _ string, x *indexer) error { x.key = ""; return nil }, "-key"},
		{"another key", func(_ *product, _ string, x *indexer) error { x.key = keyFile(t, other); return nil }, "-update-key"},
		{"another kind of key", func(_ *product, _ string, x *indexer) error { x.key = keyFile(t, large); return nil }, "Ed25519"},
		{"no PEM", func(_ *product, folder string, x *indexer) error {
			x.key = filepath.Join(folder, "millpond-7.8.9-setup.exe")
			return nil
		}, "no PEM"},
		{"a package missing", func(_ *product, folder string, _ *indexer) error {
			return os.Remove(filepath.Join(folder, "millpond-7.8.9-1.aarch64.rpm"))
		}, "lacks millpond-7.8.9-1.aarch64.rpm"},
		{"nothing said of it", func(p *product, _ string, _ *indexer) error { p.Version = "7.8"; return nil }, `no heading "## 7.8"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p, folder, x := released(t)
			if err := test.change(p, folder, &x); err != nil {
				t.Fatal(err)
			}
			if err := x.write(p, folder); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want an error with %q", err, test.want)
			}
			if _, err := os.Stat(filepath.Join(folder, "index.json")); err == nil {
				t.Error("got an index all the same")
			}
		})
	}
}

// A package for macOS that nobody signed is one, too.
func TestIndexOfUnsigned(t *testing.T) {
	p, folder, x := released(t)
	signed := filepath.Join(folder, "millpond-7.8.9-macos-universal.pkg")
	if err := os.Rename(signed, strings.Replace(signed, ".pkg", "-unsigned.pkg", 1)); err != nil {
		t.Fatal(err)
	}
	list, err := x.entries(p, folder)
	if err != nil {
		t.Fatal(err)
	}
	got := 0
	for _, e := range list {
		if e.OS == "darwin" && strings.HasSuffix(e.URL, "/millpond-7.8.9-macos-universal-unsigned.pkg") {
			got++
		}
	}
	if got != 2 || len(list) != 12 {
		t.Errorf("got %+v; want it for both kinds of processors, and twelve in all", list)
	}
}
