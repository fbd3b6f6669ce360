// Package update asks a release index whether there is a newer release. It says what is new and which
// file is for this machine; it downloads no program and installs nothing.
//
// The index is a JSON file; beside it, with ".sig" at the end of its address, stands its Ed25519
// signature (RFC 8032) in base64, by the key that the program was built with. Without that signature
// nothing of the index is believed, so whoever serves it can neither invent a release nor hide one for
// longer than the index is valid. To sign one:
//
//	openssl pkeyutl -sign -rawin -inkey release.pem -in index.json | base64 -w0 >index.json.sig
package update

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/mod/semver"
)

// Errors that callers branch on.
var (
	// ErrNoKey is returned by a program that was built without a key: it can believe no index.
	ErrNoKey = errors.New("this program was built without a key for releases")
	// ErrSignature is wrapped when the index is not signed by the program's key.
	ErrSignature = errors.New("the release index is not signed by the key of this program")
	// ErrExpired is wrapped when the index is signed, but no longer valid: it may be one that someone
	// repeats in order to hide newer ones.
	ErrExpired = errors.New("the release index is out of date")
)

// largest bounds what is read of an index; a release is a kilobyte.
const largest = 1 << 20 // bytes

// form is the version of the index that we read. A later one may have more fields, not other ones.
const form = 1

// A Config says what to ask. Every field is required, but Client.
type Config struct {
	URL      string // of the index; https, or http to this machine
	Key      string // the public key: 32 bytes in base64
	Version  string // of this program, without the v
	OS, Arch string // as GOOS and GOARCH
	Now      func() time.Time
	Client   *http.Client // nil means one that goes out by the environment's proxy
}

// A Release is one version that can be installed.
type Release struct {
	Version string `json:"version"` // as in 1.2.3
	Date    string `json:"date"`    // as in 2006-01-02
	Summary string `json:"summary"` // what is new, in a line or two
	Notes   string `json:"notes"`   // address of the whole list; "" for none
	Files   []File `json:"files"`
}

// A File is a release for one kind of machine.
type File struct {
	OS     string `json:"os"`
	Arch   string `json:"arch"`
	Kind   string `json:"kind"` // deb, rpm, AppImage, tar.gz, exe or pkg
	URL    string `json:"url"`
	SHA256 string `json:"sha256"` // in hexadecimal
	Size   int64  `json:"size"`   // bytes
}

// Name returns the name of the file when it is downloaded.
func (f File) Name() string { return f.URL[strings.LastIndexByte(f.URL, '/')+1:] }

// A Report is what the index says to this program.
type Report struct {
	Current  string    `json:"current"`
	Newest   string    `json:"newest"`   // "" when there is no release
	Newer    bool      `json:"newer"`    // than the current one
	Known    bool      `json:"known"`    // the current version is one that can be compared
	Releases []Release `json:"releases"` // the newer ones, newest first, with the files for this machine
	Expires  time.Time `json:"expires"`  // of the index
}

// index is the file that is signed.
type index struct {
	Form     int       `json:"form"`
	Expires  time.Time `json:"expires"`
	Releases []Release `json:"releases"`
}

// Check asks the index. It believes nothing that is not signed and still valid.
func Check(ctx context.Context, c Config) (Report, error) {
	key, err := base64.StdEncoding.DecodeString(c.Key)
	if c.Key == "" || err != nil || len(key) != ed25519.PublicKeySize {
		return Report{}, ErrNoKey
	}
	if err := CheckURL(c.URL); err != nil {
		return Report{}, fmt.Errorf("ask the release index: %w", err)
	}
	text, err := c.fetch(ctx, c.URL)
	if err != nil {
		return Report{}, fmt.Errorf("ask the release index: %w", err)
	}
	signature, err := c.fetch(ctx, c.URL+".sig")
	if err != nil {
		return Report{}, fmt.Errorf("ask for the signature of the release index: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(signature)))
	if err != nil || !ed25519.Verify(key, text, raw) {
		return Report{}, fmt.Errorf("%s: %w", c.URL, ErrSignature)
	}
	return c.read(text)
}

// read makes a report of an index whose signature is right.
func (c Config) read(text []byte) (Report, error) {
	var all index
	if err := json.Unmarshal(text, &all); err != nil {
		return Report{}, fmt.Errorf("read the release index: %w", err)
	}
	if all.Form != form {
		return Report{}, fmt.Errorf("read the release index: it is of form %d, and this program reads form %d", all.Form, form)
	}
	if !c.Now().Before(all.Expires) {
		return Report{}, fmt.Errorf("%w: it was valid until %s", ErrExpired, all.Expires.Format(time.DateOnly))
	}
	current := "v" + strings.TrimPrefix(c.Version, "v")
	r := Report{Current: c.Version, Known: semver.IsValid(current), Releases: []Release{}, Expires: all.Expires}
	for _, release := range all.Releases {
		if err := release.check(); err != nil {
			return Report{}, fmt.Errorf("read the release index: %w", err)
		}
		version := "v" + release.Version
		if semver.Prerelease(version) != "" && semver.Prerelease(current) == "" {
			continue // for those who have one already
		}
		if r.Newest == "" || semver.Compare(version, "v"+r.Newest) > 0 {
			r.Newest = release.Version
		}
		if r.Known && semver.Compare(version, current) > 0 {
			release.Files = slices.DeleteFunc(release.Files, func(f File) bool { return f.OS != c.OS || f.Arch != c.Arch })
			r.Releases = append(r.Releases, release)
		}
	}
	slices.SortFunc(r.Releases, func(a, b Release) int { return semver.Compare("v"+b.Version, "v"+a.Version) })
	r.Newer = len(r.Releases) > 0
	return r, nil
}

// fetch reads an address.
func (c Config) fetch(ctx context.Context, address string) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("User-Agent", "millpondd/"+c.Version)
	client := http.Client{CheckRedirect: follow}
	if c.Client != nil {
		client.Transport = c.Client.Transport
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s", address, answer.Status)
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, largest+1))
	if err == nil && len(text) > largest {
		err = fmt.Errorf("%s is larger than %d MiB", address, largest>>20)
	}
	return text, err
}

// follow lets a few redirections pass that stay as safe as the address was.
func follow(next *http.Request, via []*http.Request) error {
	if len(via) > 3 {
		return errors.New("it redirects more than three times")
	}
	return CheckURL(next.URL.String())
}

// CheckURL returns what is wrong with an address of the index or of a file.
func CheckURL(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return errors.New("its address is not a URL")
	}
	ip := net.ParseIP(u.Hostname())
	here := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && (u.Scheme != "http" || !here) {
		return errors.New("its address must begin with https://")
	}
	if u.User != nil {
		return errors.New("no user or password may stand in its address")
	}
	return nil
}

// check returns what is wrong with a release. What it holds is printed on terminals and in command
// lines to copy, so it must be plain.
func (r Release) check() error {
	if !semver.IsValid("v" + r.Version) {
		return fmt.Errorf("version %q is not one", r.Version)
	}
	if strings.ContainsFunc(r.Summary+r.Date+r.Notes, unicode.IsControl) {
		return fmt.Errorf("version %s has control characters in its texts", r.Version)
	}
	for _, f := range r.Files {
		if err := CheckURL(f.URL); err != nil {
			return fmt.Errorf("version %s, %s: %w", r.Version, f.URL, err)
		}
		if strings.ContainsFunc(f.URL, isOdd) || f.Name() == "" || f.Name()[0] == '-' {
			return fmt.Errorf("version %s, %q: it holds characters that do not belong in a file's address", r.Version, f.URL)
		}
		if _, err := hex.DecodeString(f.SHA256); err != nil || len(f.SHA256) != 2*sha256.Size {
			return fmt.Errorf("version %s, %s: %q is no SHA-256", r.Version, f.Name(), f.SHA256)
		}
	}
	return nil
}

// isOdd reports whether a character does not belong in the address of a file.
func isOdd(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~:/%+[]", r))
}
