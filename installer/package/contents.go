package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// A file is one file of a package.
type file struct {
	to     string // its absolute path on the machine
	body   []byte
	mode   fs.FileMode
	config bool   // a person may change it, and keeps the change over an upgrade
	only   string // the one format that has it; "" is all
	not    string // the one format that does not; "" is none
}

// in reports whether a package of the format holds the file.
func (f file) in(format string) bool { return (f.only == "" || f.only == format) && f.not != format }

// templates are the texts that name the product.
//
//go:embed linux macos
var templates embed.FS

// sizes are those of the icon, in pixels.
var sizes = []int{16, 22, 24, 32, 48, 64, 128, 256, 512}

// contents lists what every package holds, sorted by path. Work is a folder for what is made on
// the way.
func contents(ctx context.Context, p *product, work string) ([]file, error) {
	var files []file
	for _, part := range []func(context.Context, *product, string) ([]file, error){
		programFiles, desktopFiles, commandFiles, legalFiles, guideFiles,
	} {
		some, err := part(ctx, p, work)
		if err != nil {
			return nil, err
		}
		files = append(files, some...)
	}
	slices.SortFunc(files, func(a, b file) int { return strings.Compare(a.to, b.to) })
	return files, nil
}

// programFiles are the three programs. The tarball is for systems of which we know nothing, so that it has
// those that need nothing.
func programFiles(_ context.Context, p *product, _ string) ([]file, error) {
	var files []file
	for _, r := range recipes {
		f := file{to: "/usr/bin/" + r.name, mode: 0o755}
		var err error
		if f.body, err = os.ReadFile(p.programs[r.name]); err != nil {
			return nil, err
		}
		if !r.cgo {
			alone := file{to: f.to, mode: f.mode, only: "tar"}
			if alone.body, err = os.ReadFile(p.programs[r.name] + static); err != nil {
				return nil, err
			}
			f.not, files = "tar", append(files, alone)
		}
		files = append(files, f)
	}
	return files, nil
}

// notIn are the formats that lack a text: where files are unpacked by hand, the application makes the entry
// that starts it at login itself.
var notIn = map[string]string{"autostart.desktop": "tar"}

// desktopFiles put the application into the menu, and start the tray at login.
func desktopFiles(_ context.Context, p *product, _ string) ([]file, error) {
	var files []file
	for name, to := range map[string]string{
		"menu.desktop":      "/usr/share/applications/" + p.ID + ".desktop",
		"autostart.desktop": "/etc/xdg/autostart/" + p.ID + ".desktop",
		"metainfo.xml":      "/usr/share/metainfo/" + p.ID + ".metainfo.xml",
	} {
		body, err := p.fill(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{to: to, body: body, mode: 0o644, config: strings.HasPrefix(to, "/etc/"), not: notIn[name]})
	}
	for _, size := range sizes {
		body, err := p.picture(size)
		if err != nil {
			return nil, err
		}
		files = append(files, file{to: fmt.Sprintf("/usr/share/icons/hicolor/%dx%d/apps/%s.png", size, size, p.ID), body: body, mode: 0o644})
	}
	drawing, err := os.ReadFile(filepath.Join(p.root, strings.Replace(p.icon, "-512.png", ".svg", 1)))
	return append(files, file{to: "/usr/share/icons/hicolor/scalable/apps/" + p.ID + ".svg", body: drawing, mode: 0o644}), err
}

// guideFiles say how to use a package that no package manager knows.
func guideFiles(_ context.Context, p *product, _ string) ([]file, error) {
	body, err := p.fill("README.tarball")
	return []file{{to: "/usr/README", body: body, mode: 0o644, only: "tar"}}, err
}

// commandFiles are the man pages and the completions, which the daemon writes itself.
func commandFiles(ctx context.Context, p *product, work string) ([]file, error) {
	pages := filepath.Join(work, "man")
	if out, err := p.daemon(ctx, "man", pages); err != nil {
		return nil, fmt.Errorf("write the man pages: %w: %s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(pages, "*.1"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("there are no man pages in %s", pages)
	}
	var files []file
	for _, name := range names {
		body, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{to: "/usr/share/man/man1/" + filepath.Base(name) + ".gz", body: compress(body), mode: 0o644})
	}
	for _, name := range []string{"millpond", "millpond-window"} {
		body, err := p.fill(name + ".1")
		if err != nil {
			return nil, err
		}
		files = append(files, file{to: "/usr/share/man/man1/" + name + ".1.gz", body: compress(body), mode: 0o644})
	}
	for _, c := range []struct {
		shell string
		file
	}{
		{"bash", file{to: "/usr/share/bash-completion/completions/millpondd"}},
		{"zsh", file{to: "/usr/share/zsh/vendor-completions/_millpondd", only: "deb"}},
		{"zsh", file{to: "/usr/share/zsh/site-functions/_millpondd", not: "deb"}},
		{"fish", file{to: "/usr/share/fish/vendor_completions.d/millpondd.fish"}},
	} {
		var err error
		if c.body, err = p.daemon(ctx, "completion", c.shell); err != nil {
			return nil, fmt.Errorf("write the completions for %s: %w", c.shell, err)
		}
		c.mode = 0o644
		files = append(files, c.file)
	}
	return files, nil
}

// daemon runs the built daemon and returns what it prints.
func (p *product) daemon(ctx context.Context, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, p.programs["millpondd"], args...)
	c.Stderr = os.Stderr
	c.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(p.modified.Unix(), 10))
	return c.Output()
}

// fill returns a text of the folder linux with the product's names in it.
func (p *product) fill(name string) ([]byte, error) {
	return p.fillFrom("linux/" + name)
}

// fillFrom is fill for a text of any folder.
func (p *product) fillFrom(name string) ([]byte, error) {
	t, err := template.New(path.Base(name)).Funcs(template.FuncMap{"join": strings.Join}).ParseFS(templates, name)
	if err != nil {
		return nil, err
	}
	var body bytes.Buffer
	if err := t.Execute(&body, p); err != nil {
		return nil, err
	}
	return body.Bytes(), nil
}

// Date is the day of the source, for the texts that need one.
func (p *product) Date() string { return p.modified.Format("2006-01-02") }

// compress packs a man page or a list of changes as Debian's policy asks (12.1 and 12.7).
func compress(body []byte) []byte {
	var packed bytes.Buffer
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // the level is valid
	_, _ = w.Write(body)                                       // a buffer takes everything
	_ = w.Close()
	return packed.Bytes()
}
