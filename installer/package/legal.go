package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// modules lists what the programs are made of beside our own source, each once.
func (p *product) modules() []*debug.Module {
	var list []*debug.Module
	for _, info := range p.linked {
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			if !slices.ContainsFunc(list, func(k *debug.Module) bool { return k.Path == m.Path }) {
				list = append(list, m)
			}
		}
	}
	slices.SortFunc(list, func(a, b *debug.Module) int { return cmp.Compare(a.Path, b.Path) })
	return list
}

// licenceName matches the files in which a module states its licence.
var licenceName = regexp.MustCompile(`(?i)^(licen[cs]e|copying|copyright|notice|patents)([.-].*)?$`)

// legalFiles are the licence of Millpond, those of everything that is linked into its programs, and
// the list of changes.
func legalFiles(ctx context.Context, p *product, _ string) ([]file, error) {
	own, err := os.ReadFile(filepath.Join(p.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	changes, err := os.ReadFile(filepath.Join(p.root, "CHANGELOG.md"))
	if err != nil {
		return nil, err
	}
	others, err := p.licences(ctx)
	if err != nil {
		return nil, err
	}
	docs := "/usr/share/doc/" + p.Name
	debian, err := p.fill("changelog.Debian")
	if err != nil {
		return nil, err
	}
	overrides, err := p.fill("lintian-overrides")
	if err != nil {
		return nil, err
	}
	return []file{
		{to: docs + "/copyright", body: []byte(copyright), mode: 0o644},
		{to: docs + "/LICENSE", body: own, mode: 0o644, not: "deb"},
		{to: docs + "/licences-of-libraries.txt.gz", body: compress(others), mode: 0o644},
		{to: docs + "/changelog.gz", body: compress(changes), mode: 0o644},
		{to: docs + "/changelog.Debian.gz", body: compress(debian), mode: 0o644, only: "deb"},
		{to: "/usr/share/lintian/overrides/" + p.Name, body: overrides, mode: 0o644, only: "deb"},
	}, nil
}

// Rights is the line that says whose it is.
func (*product) Rights() string { return rights }

const rights = "Copyright 2026 The Millpond authors"

// copyright says who wrote it and under what licence, as Debian's policy asks (12.5). The text of
// the licence is on every Debian system; LICENSE holds it for the others.
const copyright = rights + `

Millpond is under the Apache License 2.0, whose text is on Debian systems in
/usr/share/common-licenses/Apache-2.0 and on others in LICENSE beside this file.

The programs contain libraries of others. Their licences are in
licences-of-libraries.txt.gz beside this file.
`

// licences joins the licences of everything that is linked into the programs: those of the modules
// and that of Go's own library. A module without any is an error, since we could not ship it.
func (p *product) licences(ctx context.Context) ([]byte, error) {
	var all bytes.Buffer
	goroot, err := output(ctx, p.root, "go", "env", "GOROOT")
	if err != nil {
		return nil, err
	}
	if err := addLicences(&all, "Go's standard library", goroot); err != nil {
		return nil, err
	}
	for _, m := range p.modules() {
		dir, err := output(ctx, p.root, "go", "list", "-m", "-f", "{{.Dir}}", m.Path)
		if err != nil {
			return nil, err
		}
		if err := addLicences(&all, m.Path+" "+m.Version, dir); err != nil {
			return nil, err
		}
	}
	return all.Bytes(), nil
}

// addLicences adds the licences that lie in a folder and those of sources that it took over from
// others into folders of its own.
func addLicences(all *bytes.Buffer, title, dir string) error {
	found := 0
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && path != dir && (e.Name() == "testdata" || strings.HasPrefix(e.Name(), ".") || title == "Go's standard library"):
			return fs.SkipDir
		case e.IsDir() || !licenceName.MatchString(e.Name()) || strings.HasSuffix(e.Name(), ".go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		found++
		fmt.Fprintf(all, "==== %s: %s ====\n\n%s\n\n", title, filepath.ToSlash(name), bytes.TrimSpace(text))
		return err
	})
	if err == nil && found == 0 {
		err = fmt.Errorf("%s states no licence", title)
	}
	return err
}

// output runs a command in a folder and returns its first line.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Dir, c.Stderr = dir, os.Stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	if line == "" {
		return "", errors.New(name + " " + strings.Join(args, " ") + " said nothing")
	}
	return line, nil
}

// writeBill writes the bill of materials: each module that is linked into a program, with the
// checksum that Go's checksum database knows it by. CycloneDX 1.6, as JSON.
func writeBill(p *product, path string) error {
	bill := cdx.NewBOM()
	bill.SerialNumber = "" // random by the format's custom, and the same bytes are worth more
	bill.Metadata = &cdx.Metadata{
		Timestamp: p.modified.Format("2006-01-02T15:04:05Z"),
		Component: &cdx.Component{Type: cdx.ComponentTypeApplication, Name: p.Name, Version: p.Version},
	}
	parts := []cdx.Component{{
		Type: cdx.ComponentTypeLibrary, Name: "std", Version: p.linked["millpondd"].GoVersion,
		PackageURL: "pkg:golang/std@" + strings.TrimPrefix(p.linked["millpondd"].GoVersion, "go"),
	}}
	for _, m := range p.modules() {
		parts = append(parts, cdx.Component{
			Type: cdx.ComponentTypeLibrary, Name: m.Path, Version: m.Version,
			PackageURL: "pkg:golang/" + m.Path + "@" + m.Version,
			Properties: &[]cdx.Property{{Name: "go:sum", Value: m.Sum}},
		})
	}
	bill.Components = &parts
	text, err := json.MarshalIndent(bill, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
