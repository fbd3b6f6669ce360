package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // makes .deb
	nfiles "github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // makes .rpm
)

// writeLinux makes a .deb or an .rpm at path.
func writeLinux(p *product, list []file, format, path string) (err error) {
	stage, err := os.MkdirTemp("", "millpond-stage-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	info, err := p.info(list, format, stage)
	if err != nil {
		return err
	}
	packager, err := nfpm.Get(format)
	if err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	return errors.Join(packager.Package(info, out), out.Close())
}

// info describes a package to nfpm, with its files in the folder stage.
func (p *product) info(list []file, format, stage string) (*nfpm.Info, error) {
	contents, err := p.stage(list, format, stage)
	if err != nil {
		return nil, err
	}
	scripts := map[string]string{}
	for _, name := range []string{"postinstall.sh", "preremove.sh"} {
		body, err := p.fill(name)
		if err != nil {
			return nil, err
		}
		scripts[name] = filepath.Join(stage, name)
		if err := os.WriteFile(scripts[name], body, 0o755); err != nil {
			return nil, err
		}
	}
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: p.Name, Arch: p.arch, Platform: "linux", Version: p.Version, Release: "1",
		Section: "net", Priority: "optional", License: "Apache-2.0", Vendor: "Millpond",
		Maintainer:  "The Millpond authors <maintainers@millpond.example>",
		Description: p.Comment + "\n" + description,
		MTime:       p.modified, DisableGlobbing: true,
		Overridables: nfpm.Overridables{
			Depends: depends(format), Recommends: recommends[format], Contents: contents,
			Scripts: nfpm.Scripts{PostInstall: scripts["postinstall.sh"], PreRemove: scripts["preremove.sh"]},
			RPM:     nfpm.RPM{Summary: p.Comment, BuildHost: "reproducible", Group: "Applications/Internet"},
			Deb:     nfpm.Deb{Compression: "xz"},
		},
	})
	return info, nfpm.PrepareForPackager(info, format)
}

// description is the paragraph that package managers show.
const description = `Millpond is a proxy on your own machine that keeps warm, healthy connections
to the services that coding agents and multi-agent coordinators call, with a
tray icon and a window that show whether it works, and how well.`

// recommends are packages without which something is missing, but not all: the bus that a service of the
// user is spoken to by, Chinese letters, and the frame of the window under GNOME on Wayland.
var recommends = map[string][]string{
	"deb": {"dbus-user-session", "fonts-noto-cjk | fonts-wqy-microhei", "libdecor-0-0"},
	"rpm": {"google-noto-sans-cjk-fonts", "libdecor-0.so.0()(64bit)"},
}

// folders are those that an .rpm has to list, or else it leaves them behind: its own, and those of shells that
// may not be installed. A .deb takes its folders away with its files.
func (p *product) folders(format string) []string {
	if format != "rpm" {
		return nil
	}
	return []string{
		"/usr/share/doc/" + p.Name,
		"/usr/share/zsh", "/usr/share/zsh/site-functions",
		"/usr/share/fish", "/usr/share/fish/vendor_completions.d",
	}
}

// stage writes the files of a format to a folder and lists them as nfpm wants it.
func (p *product) stage(list []file, format, dir string) (nfiles.Contents, error) {
	var contents nfiles.Contents
	for _, folder := range p.folders(format) {
		contents = append(contents, &nfiles.Content{
			Destination: folder, Type: nfiles.TypeDir,
			FileInfo: &nfiles.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o755, MTime: p.modified},
		})
	}
	for i, f := range list {
		if !f.in(format) {
			continue
		}
		source := filepath.Join(dir, fmt.Sprintf("%04d", i))
		if err := os.WriteFile(source, f.body, 0o644); err != nil {
			return nil, err
		}
		kind := nfiles.TypeFile
		if f.config {
			kind = nfiles.TypeConfigNoReplace // a .deb knows no other
		}
		contents = append(contents, &nfiles.Content{
			Source: source, Destination: f.to, Type: kind,
			FileInfo: &nfiles.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode, MTime: p.modified},
		})
	}
	return contents, nil
}
