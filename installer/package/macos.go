package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path"
	"path/filepath"

	"github.com/jackmordaunt/icns/v3"
)

// minMacOS is the oldest macOS that programs by our version of Go run on. A test compares it with what
// the linker has written into them.
const minMacOS = "12.0"

// MinMacOS is minMacOS, for the texts that need it.
func (*product) MinMacOS() string { return minMacOS }

// makeApp makes, in the folder macos of out, all that a package for macOS is made of: the application as
// a bundle, the script that the installer runs, the descriptions for pkgbuild and productbuild, and
// make-pkg.sh, which calls those where they are. The programs are finished ones for both kinds of processors.
func makeApp(ctx context.Context, p *product, programs, out string) error {
	if programs == "" {
		return errors.New("app needs finished programs for macOS: name their folder by -programs")
	}
	if err := p.find(programs); err != nil {
		return err
	}
	files, err := p.macFiles(ctx)
	if err != nil {
		return err
	}
	to := filepath.Join(out, "macos")
	fmt.Println("making", to)
	if err := writeTree(p, files, to); err != nil {
		return err
	}
	return writeBill(p, filepath.Join(out, p.Name+"-"+p.Version+"-macos-universal.cdx.json"))
}

// macFiles lists what makeApp makes, by paths below its folder.
func (p *product) macFiles(ctx context.Context) ([]file, error) {
	bundle := "root/" + p.Title + ".app/Contents/"
	var files []file
	for _, r := range recipes {
		body, err := os.ReadFile(p.programs[r.name])
		if err != nil {
			return nil, err
		}
		files = append(files, file{to: bundle + "MacOS/" + r.name, body: body, mode: 0o755})
	}
	for name, to := range map[string]string{
		"Info.plist":       bundle + "Info.plist",
		"en.strings":       bundle + "Resources/en.lproj/InfoPlist.strings",
		"zh-Hans.strings":  bundle + "Resources/zh-Hans.lproj/InfoPlist.strings",
		"component.plist":  "component.plist",
		"distribution.xml": "distribution.xml",
		"postinstall":      "scripts/postinstall",
		"make-pkg.sh":      "make-pkg.sh",
	} {
		f := file{to: to, mode: 0o644}
		if path.Ext(to) == ".sh" || path.Dir(to) == "scripts" {
			f.mode = 0o755
		}
		var err error
		if f.body, err = p.fillFrom("macos/" + name); err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	icon, err := p.macIcon()
	if err != nil {
		return nil, fmt.Errorf("make the icon: %w", err)
	}
	own, err := os.ReadFile(filepath.Join(p.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	others, err := p.licences(ctx)
	return append(files,
		file{to: bundle + "Resources/icon.icns", body: icon, mode: 0o644},
		file{to: bundle + "Resources/LICENSE", body: own, mode: 0o644},
		file{to: bundle + "Resources/licences-of-libraries.txt", body: others, mode: 0o644}), err
}

// macPictures are the kinds of pictures in an icon and their sizes in pixels. Some sizes are there twice:
// for a screen, and for one of twice the resolution.
var macPictures = []icns.OsType{
	{ID: "ic09", Size: 512}, {ID: "ic14", Size: 512}, {ID: "ic08", Size: 256}, {ID: "ic13", Size: 256},
	{ID: "ic07", Size: 128}, {ID: "ic12", Size: 64}, {ID: "ic11", Size: 32},
}

// macIcon packs the drawn sizes of the icon, none of which is scaled from another.
func (p *product) macIcon() ([]byte, error) {
	var set icns.IconSet
	for _, kind := range macPictures {
		body, err := p.picture(int(kind.Size))
		if err != nil {
			return nil, err
		}
		picture, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		set.Icons = append(set.Icons, &icns.Icon{Type: kind, Image: picture})
	}
	var out bytes.Buffer
	_, err := set.WriteTo(&out)
	return out.Bytes(), err
}

// writeTree writes files by their paths below a folder, in place of what was there.
func writeTree(p *product, files []file, to string) error {
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	for _, f := range files {
		name := filepath.Join(to, filepath.FromSlash(f.to))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, f.body, f.mode); err != nil {
			return err
		}
		if err := errors.Join(os.Chmod(name, f.mode), os.Chtimes(name, p.modified, p.modified)); err != nil {
			return err
		}
	}
	return nil
}
