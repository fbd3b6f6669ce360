package main

import (
	"bytes"
	"cmp"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// An entry is one package in the release index, as installer/update reads it.
type entry struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kind   string `json:"kind"`
	URL    string `json:"url"`
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// An index is what installer/update reads; the form is its version.
type index struct {
	Form     int       `json:"form"`
	Expires  time.Time `json:"expires"`
	Releases []release `json:"releases"`
}

// A release is one version in the index.
type release struct {
	Version string  `json:"version"`
	Date    string  `json:"date"`
	Summary string  `json:"summary"`
	Notes   string  `json:"notes"`
	Files   []entry `json:"files"`
}

// indexYears is how long an index is believed. A release that is the newest for longer needs its index made
// again.
const indexYears = 1

// published lists the packages of a release by the names that their files may have. Setups are for amd64,
// which Windows runs on arm64 as well; the one for macOS is for both.
func (p *product) published() map[entry][]string {
	list := map[entry][]string{}
	for _, arch := range []string{"amd64", "arm64"} {
		q := *p
		q.arch = arch
		for format, kind := range map[string]string{"deb": "deb", "rpm": "rpm", "tar": "tar.gz", "appimage": "AppImage"} {
			list[entry{OS: "linux", Arch: arch, Kind: kind}] = []string{q.fileName(format)}
		}
		list[entry{OS: "windows", Arch: arch, Kind: "exe"}] = []string{p.fileName(setup)}
		mac := p.Name + "-" + p.Version + "-macos-universal"
		list[entry{OS: "darwin", Arch: arch, Kind: "pkg"}] = []string{mac + ".pkg", mac + "-unsigned.pkg"}
	}
	return list
}

// An indexer makes the release index of the packages in a folder.
type indexer struct {
	key   string // the file with the private key, an Ed25519 one in PEM (PKCS #8), as openssl makes it
	url   string // where the packages will be, without the last slash
	notes string // the address of the release's page
}

// write makes index.json and its signature beside it. Every package of the release must be in the folder.
func (x indexer) write(p *product, folder string) error {
	private, err := x.private(p.updateKey)
	if err != nil {
		return err
	}
	changes, err := p.changes()
	if err != nil {
		return err
	}
	summary, _, _ := strings.Cut(changes, "\n\n")
	r := release{Version: p.Version, Date: p.Date(), Summary: strings.Join(strings.Fields(summary), " "), Notes: x.notes}
	if r.Files, err = x.entries(p, folder); err != nil {
		return err
	}
	text, err := json.MarshalIndent(index{Form: 1, Expires: p.modified.AddDate(indexYears, 0, 0), Releases: []release{r}}, "", "  ")
	if err != nil {
		return err
	}
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(private, text))
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "index.json"), text, 0o644),
		os.WriteFile(filepath.Join(folder, "index.json.sig"), []byte(signature+"\n"), 0o644))
}

// private reads the private key. The public one must be its other half, or the programs of this very
// release would not believe the index.
func (x indexer) private(public string) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(x.key)
	if err != nil {
		return nil, fmt.Errorf("read the key of the release index (-key): %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM", x.key)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", x.key, err)
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T; the release index needs an Ed25519 key", x.key, parsed)
	}
	if ours := base64.StdEncoding.EncodeToString(key.Public().(ed25519.PublicKey)); ours != public {
		return nil, fmt.Errorf("the key in %s belongs to the public key %s, and the programs are built with %q (-update-key)", x.key, ours, public)
	}
	return key, nil
}

// entries describes the packages in the folder.
func (x indexer) entries(p *product, folder string) ([]entry, error) {
	var list []entry
	var missing []error
	for e, names := range p.published() {
		body, name, err := first(folder, names)
		if err != nil {
			missing = append(missing, err)
			continue
		}
		sum := sha256.Sum256(body)
		e.URL, e.SHA256, e.Size = x.url+"/"+name, hex.EncodeToString(sum[:]), int64(len(body))
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b entry) int {
		return cmp.Or(strings.Compare(a.OS, b.OS), strings.Compare(a.Arch, b.Arch), strings.Compare(a.Kind, b.Kind))
	})
	return list, errors.Join(missing...)
}

// first reads the first of several files that is there.
func first(folder string, names []string) ([]byte, string, error) {
	for _, name := range names {
		body, err := os.ReadFile(filepath.Join(folder, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return body, name, err
		}
	}
	return nil, "", fmt.Errorf("the release lacks %s", strings.Join(names, " or "))
}

// changes returns what CHANGELOG.md says of the version, without its heading.
func (p *product) changes() (string, error) {
	text, err := os.ReadFile(filepath.Join(p.root, "CHANGELOG.md"))
	if err != nil {
		return "", err
	}
	heading := regexp.MustCompile(`(?m)^## ` + regexp.QuoteMeta(p.Version) + `( .*)?\n`).FindIndex(text)
	if heading == nil {
		return "", fmt.Errorf("CHANGELOG.md has no heading \"## %s\": put it above what is new in this release", p.Version)
	}
	body, _, _ := bytes.Cut(text[heading[1]:], []byte("\n## "))
	return string(bytes.TrimSpace(body)), nil
}
