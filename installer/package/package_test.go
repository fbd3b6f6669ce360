package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sample returns the product as it is described, and two files of it.
func sample(t *testing.T) (*product, []file) {
	t.Helper()
	t.Setenv("SOURCE_DATE_EPOCH", "1767225600")
	p, err := newProduct(t.Context(), "../..", "")
	if err != nil {
		t.Fatal(err)
	}
	return p, []file{
		{to: "/usr/bin/millpondd", body: []byte("a program"), mode: 0o755},
		{to: "/usr/share/doc/millpond/LICENSE", body: []byte("a licence"), mode: 0o644, not: "deb"},
	}
}

func TestSameInputSameBytes(t *testing.T) {
	p, files := sample(t)
	for _, format := range formats {
		var made [2][]byte
		for i := range made {
			path := filepath.Join(t.TempDir(), p.fileName(format))
			if err := writeFormat(p, files, format, path); err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			body, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			made[i] = body
		}
		if len(made[0]) == 0 || !bytes.Equal(made[0], made[1]) {
			t.Errorf("%s: got other bytes of the same input (%d and %d)", format, len(made[0]), len(made[1]))
		}
	}
}

func TestFileNames(t *testing.T) {
	p := &product{Name: "millpond", Version: "1.2.3", arch: "amd64"}
	for format, want := range map[string]string{
		"deb": "millpond_1.2.3-1_amd64.deb", "rpm": "millpond-1.2.3-1.x86_64.rpm", "tar": "millpond-1.2.3-linux-amd64.tar.gz",
	} {
		if got := p.fileName(format); got != want {
			t.Errorf("%s: got %v; want %v", format, got, want)
		}
	}
}

// Every text of the folder linux names the product, and nothing in it is left to fill in.
func TestTexts(t *testing.T) {
	p, _ := sample(t)
	entries, err := templates.ReadDir("linux")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		text, err := p.fill(e.Name())
		if err != nil {
			t.Errorf("%s: %v", e.Name(), err)
		}
		if got := string(text); strings.Contains(got, "{{") || !strings.Contains(strings.ToLower(got), p.Name) {
			t.Errorf("%s: got %s; want the product's name and no gap", e.Name(), got)
		}
	}
}

func TestOnlyAndNot(t *testing.T) {
	tests := []struct {
		file   file
		format string
		want   bool
	}{
		{file{}, "deb", true},
		{file{only: "deb"}, "deb", true},
		{file{only: "deb"}, "rpm", false},
		{file{not: "deb"}, "deb", false},
		{file{not: "deb"}, "tar", true},
	}
	for _, test := range tests {
		if got := test.file.in(test.format); got != test.want {
			t.Errorf("%+v in %s: got %v; want %v", test.file, test.format, got, test.want)
		}
	}
}

func TestUnknownFormat(t *testing.T) {
	err := run(t.Context(), []string{"exe"})
	if err == nil || !strings.Contains(err.Error(), "deb rpm tar") {
		t.Errorf("got %v; want an error that lists the formats", err)
	}
}

// A window that needs a library which no package asks for cannot be packaged.
func TestUnknownLibrary(t *testing.T) {
	tests := []struct {
		name   string
		linked []string
		text   string
		want   string // in the error; "" is none
	}{
		{"all known", []string{"libc.so.6"}, "\x00libEGL.so.1\x00libGLESv2.so.2\x00", ""},
		{"linked", []string{"libc.so.6", "libnew.so.3"}, "", "libnew.so.3"},
		{"loaded", nil, "\x00libEGL.so.1\x00libnew.so.3\x00", "libnew.so.3"},
		{"without a version", nil, "\x00libnew.so\x00", "libnew.so"},
		{"opens without", nil, "\x00libvulkan.so.1\x00", ""},
		{"in a sentence", nil, "\x00cannot load libnew.so.3\x00", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := unknownLibrary(test.linked, []byte(test.text))
			if (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want an error with %q", err, test.want)
			}
		})
	}
}

func TestNewer(t *testing.T) {
	for version, want := range map[string]bool{
		"GLIBC_2.34": false, "GLIBC_2.2.5": false, "GLIBC_2.35": true, "GLIBC_2.100": true, "GLIBC_3.0": true, "": false, "WAYLAND_1": false,
	} {
		if got := newer(version, glibc); got != want {
			t.Errorf("%s: got %v; want %v", version, got, want)
		}
	}
}
