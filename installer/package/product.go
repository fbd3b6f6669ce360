package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// A product is what is packaged, as FyneApp.toml describes it.
type product struct {
	Title      string // for people: Millpond
	Name       string // for programs: millpond
	ID         string // in reverse order of a domain, as in org.example.app
	Version    string
	Generic    string
	Comment    string
	Categories []string
	Keywords   []string

	root      string    // of the source
	icon      string    // the icon of 512 pixels, below root
	arch      string    // of the programs, in Go's words
	modified  time.Time // of every file in a package
	updateKey string    // the public key of the release index, in base64; "" builds programs that believe none
	runtime   string    // the file that an AppImage begins with

	// programs are the built ones, by name, after build.
	programs map[string]string
	// linked says what each of them is made of, after build.
	linked map[string]*debug.BuildInfo
}

// newProduct reads the description of the product in the folder root. The version is that of
// FyneApp.toml, unless one is given.
func newProduct(ctx context.Context, root, version string) (*product, error) {
	text, err := os.ReadFile(filepath.Join(root, "FyneApp.toml"))
	if err != nil {
		return nil, err
	}
	var app struct {
		Details     struct{ Name, ID, Version, Icon string }
		LinuxAndBSD struct {
			GenericName, Comment string
			Categories, Keywords []string
		}
	}
	if err := toml.Unmarshal(text, &app); err != nil {
		return nil, fmt.Errorf("FyneApp.toml: %w", err)
	}
	if version == "" {
		version = app.Details.Version
	}
	modified, err := modifiedAt(ctx, root)
	if err != nil {
		return nil, err
	}
	return &product{
		Title: app.Details.Name, Name: strings.ToLower(app.Details.Name), ID: app.Details.ID, Version: version,
		Generic: app.LinuxAndBSD.GenericName, Comment: app.LinuxAndBSD.Comment,
		Categories: app.LinuxAndBSD.Categories, Keywords: app.LinuxAndBSD.Keywords,
		root: root, icon: app.Details.Icon, arch: runtime.GOARCH, modified: modified,
	}, nil
}

// modifiedAt is the time that files in packages bear: that of SOURCE_DATE_EPOCH (the convention of
// reproducible-builds.org), or of the last commit.
func modifiedAt(ctx context.Context, root string) (time.Time, error) {
	text := os.Getenv("SOURCE_DATE_EPOCH")
	if text == "" {
		out, err := exec.CommandContext(ctx, "git", "-C", root, "log", "-1", "--format=%ct").Output()
		if err != nil {
			return time.Time{}, fmt.Errorf("ask git for the time of the last commit (or set SOURCE_DATE_EPOCH): %w", err)
		}
		text = strings.TrimSpace(string(out))
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH must be a number of seconds: %w", err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// Numbers is the version without what stands behind its numbers, which are all that macOS and Windows compare.
func (p *product) Numbers() string {
	numbers, _, _ := strings.Cut(p.Version, "-")
	numbers, _, _ = strings.Cut(numbers, "+")
	return numbers
}

// picture reads the icon at one of the sizes.
func (p *product) picture(size int) ([]byte, error) {
	return os.ReadFile(filepath.Join(p.root, strings.Replace(p.icon, "512", strconv.Itoa(size), 1)))
}

// fileName names the package of a format by the conventions of its system.
func (p *product) fileName(format string) string {
	switch format {
	case "deb":
		return fmt.Sprintf("%s_%s-1_%s.deb", p.Name, p.Version, p.arch)
	case "rpm":
		return fmt.Sprintf("%s-%s-1.%s.rpm", p.Name, p.Version, p.machine())
	case setup:
		return fmt.Sprintf("%s-%s-setup.exe", p.Name, p.Version)
	case "appdir":
		return p.Title + ".AppDir"
	case "appimage":
		return fmt.Sprintf("%s-%s-%s.AppImage", p.Name, p.Version, p.machine())
	default:
		return fmt.Sprintf("%s-%s-linux-%s.tar.gz", p.Name, p.Version, p.arch)
	}
}

// machine is the name of the architecture outside of Go and Debian.
func (p *product) machine() string {
	switch p.arch {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return p.arch
}

// Stamp is the time of the source as Debian's changelogs write it (policy 4.4).
func (p *product) Stamp() string { return p.modified.Format(time.RFC1123Z) }
