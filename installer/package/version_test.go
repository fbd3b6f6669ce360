package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/blakesmith/ar"
	"github.com/ulikunitz/xz"
	"howett.net/plist"
)

// otherwise returns the product as it is after a change of FyneApp.toml alone, and the folder that this
// file is in.
func otherwise(t *testing.T) (*product, string) {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "1767225600")
	text, err := os.ReadFile("../../FyneApp.toml")
	if err != nil {
		t.Fatal(err)
	}
	for key, value := range map[string]string{"Version": "7.8.9", "ID": "org.example.pond", "Icon": "elsewhere/drop-512.png"} {
		line := regexp.MustCompile(`(?m)^( *` + key + ` = ).*$`)
		if len(line.FindAll(text, -1)) != 1 {
			t.Fatalf("FyneApp.toml has no line for %s, or several", key)
		}
		text = line.ReplaceAll(text, []byte(`${1}"`+value+`"`))
	}
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "FyneApp.toml"), text, 0o644); err != nil {
		t.Fatal(err)
	}
	p, err := newProduct(t.Context(), root, "")
	if err != nil {
		t.Fatal(err)
	}
	return p, root
}

// FyneApp.toml is the one place for the version and the id: a change of it alone is in every package and
// in what the daemon prints.
func TestOnePlace(t *testing.T) {
	p, root := otherwise(t)
	files := []file{{to: "/usr/bin/millpondd", body: []byte("a program"), mode: 0o755}}
	made := map[string]string{}
	for _, format := range []string{"deb", "rpm"} {
		made[format] = filepath.Join(t.TempDir(), p.fileName(format))
		if err := writeFormat(p, files, format, made[format]); err != nil {
			t.Fatalf("%s: %v", format, err)
		}
	}
	if got, want := control(t, made["deb"]), "Package: millpond\nVersion: 7.8.9-1\n"; !strings.Contains(got, want) {
		t.Errorf("control of the .deb: got %s; want %s", got, want)
	}
	if got, want := header(t, made["rpm"]), (map[uint32]string{1000: "millpond", 1001: "7.8.9", 1002: "1"}); !slices.Equal(sorted(got), sorted(want)) {
		t.Errorf("header of the .rpm: got %v; want %v", got, want)
	}
	var info map[string]any
	if _, err := plist.Unmarshal(filled(t, p, "macos/Info.plist"), &info); err != nil {
		t.Fatal(err)
	}
	if info["CFBundleVersion"] != "7.8.9" || info["CFBundleShortVersionString"] != "7.8.9" || info["CFBundleIdentifier"] != "org.example.pond" {
		t.Errorf("Info.plist: got %v; want 7.8.9 of org.example.pond", info)
	}
	for text, want := range map[string]string{
		"linux/metainfo.xml": `<release version="7.8.9"`, "linux/changelog.Debian": "(7.8.9-1)", "linux/millpond.1": "Millpond 7.8.9",
		"linux/menu.desktop": "Icon=org.example.pond\n", "macos/distribution.xml": `id="org.example.pond" version="7.8.9"`,
	} {
		if got := string(filled(t, p, text)); !strings.Contains(got, want) {
			t.Errorf("%s: got %s; want %s in it", text, got, want)
		}
	}
	if p.icon != "elsewhere/drop-512.png" {
		t.Errorf("got the icon %s", p.icon)
	}
	t.Run("daemon", func(t *testing.T) { testPrinted(t, p) })
	t.Run("make", func(t *testing.T) { testMake(t, root) })
}

// filled returns a text with the product's names in it.
func filled(t *testing.T, p *product, name string) []byte {
	t.Helper()
	text, err := p.fillFrom(name)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// The daemon that is packaged prints the version.
func testPrinted(t *testing.T, p *product) {
	described := *p
	described.root = "../.." // of the source
	path := filepath.Join(t.TempDir(), "millpondd")
	if err := described.compile(t.Context(), recipes[0], "exe", path); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, "version", "--json").Output()
	var got struct{ Version string }
	if err := errors.Join(err, json.Unmarshal(out, &got)); err != nil || got.Version != p.Version {
		t.Errorf("got %s, %v; want %s", out, err, p.Version)
	}
}

// "make build" takes the version from the same place.
func testMake(t *testing.T, root string) {
	makefile, err := filepath.Abs("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), "make", "--dry-run", "--file", makefile, "--directory", root, "build").Output()
	if got := strings.Count(string(out), "-X main.version=7.8.9"); err != nil || got != len(recipes) {
		t.Errorf("got %s, %v; want %d programs of 7.8.9", out, err, len(recipes))
	}
}

// control returns the file control of a .deb.
func control(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	members := ar.NewReader(f)
	for {
		h, err := members.Next()
		if err != nil {
			t.Fatalf("%s has no control: %v", path, err)
		}
		var archive io.Reader
		switch strings.TrimSuffix(h.Name, "/") {
		case "control.tar.xz":
			archive, err = xz.NewReader(members)
		case "control.tar.gz":
			archive, err = gzip.NewReader(members)
		default:
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return fileIn(t, archive, "control")
	}
}

// fileIn returns a file of a tarball.
func fileIn(t *testing.T, archive io.Reader, name string) string {
	t.Helper()
	files := tar.NewReader(archive)
	for {
		h, err := files.Next()
		if err != nil {
			t.Fatalf("there is no %s: %v", name, err)
		}
		if strings.TrimPrefix(h.Name, "./") == name {
			body, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
	}
}

// header returns the name, the version and the release of an .rpm by their tags. A file begins with 96
// bytes that nobody reads any more; then come two headers of one form, of which the second is that of the
// package: 16 bytes, entries of four words each (tag, type, offset, count), and the values.
func header(t *testing.T, path string) map[uint32]string {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	word := func(at int) int { return int(binary.BigEndian.Uint32(body[at:])) }
	at := 96
	at += 16 + 16*word(at+8) + word(at+12) // the signatures
	at = (at + 7) &^ 7
	if !bytes.Equal(body[at:at+3], []byte{0x8e, 0xad, 0xe8}) {
		t.Fatalf("%s has no header at %d", path, at)
	}
	values, found := at+16+16*word(at+8), map[uint32]string{}
	for i := range word(at + 8) {
		entry := at + 16 + 16*i
		if tag := word(entry); tag >= 1000 && tag <= 1002 {
			text, _, _ := bytes.Cut(body[values+word(entry+8):], []byte{0})
			found[uint32(tag)] = string(text)
		}
	}
	return found
}

// sorted returns the values of a header in the order of their tags.
func sorted(h map[uint32]string) []string {
	return []string{h[1000], h[1001], h[1002]}
}

// The names by which packages call the programs are those that the programs have, and the window calls
// itself as the packages do.
func TestNamesAgree(t *testing.T) {
	p, _ := sample(t)
	for i, want := range []string{p.Name + "d", p.Name, p.Name + "-window"} {
		if recipes[i].name != want {
			t.Errorf("got the program %s; want %s", recipes[i].name, want)
		}
	}
	for name, want := range map[string]string{
		"app/app.go":             `const ID = "` + p.ID + `"`,
		"cmd/millpond/window.go": `ID: app.ID, Name: "` + p.Title + `", Version: version`,
	} {
		source, err := os.ReadFile("../../" + name)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(source), want) {
			t.Errorf("%s does not say %s, as FyneApp.toml does", name, want)
		}
	}
}

// Nothing else in the source repeats the id or the version.
func TestNothingRepeated(t *testing.T) {
	p, _ := sample(t)
	list, err := exec.CommandContext(t.Context(), "git", "-C", p.root, "ls-files", "-z").Output()
	if err != nil {
		t.Skip("this is no clone, so nobody knows which files are the source's: ", err)
	}
	repeated := regexp.MustCompile(regexp.QuoteMeta(p.ID) + `|"v?` + regexp.QuoteMeta(p.Version) + `"`)
	for name := range strings.SplitSeq(strings.TrimRight(string(list), "\x00"), "\x00") {
		switch {
		case name == "FyneApp.toml", name == "app/app.go": // see TestNamesAgree
			continue
		case strings.HasSuffix(name, "_test.go"), strings.Contains(name, "/testdata/"), slices.Contains([]string{"go.sum", "go.mod", "package-lock.json"}, filepath.Base(name)):
			continue // examples, and versions of others
		}
		text, err := os.ReadFile(filepath.Join(p.root, name))
		if errors.Is(err, os.ErrNotExist) {
			continue // deleted, and not yet committed
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := repeated.Find(text); got != nil {
			t.Errorf("%s repeats %s of FyneApp.toml", name, got)
		}
	}
}
