// Package makes the installers of Millpond for Linux: a .deb, an .rpm and a tarball, with their
// checksums and a bill of materials.
//
//	go run . [-out FOLDER] [-version VERSION] [-update-key KEY] [-runtime FILE] [FORMAT ...]
//	go run . [-out FOLDER] -programs FOLDER app
//	go run . [-out FOLDER] -update-key KEY -key FILE -url ADDRESS index
//	go run . notes
//
// The formats are deb, rpm and tar, which are made when none is named, and appdir and appimage, which
// needs the runtime that AppImages begin with. "app" makes what a macOS package is made of, from finished programs. "index" makes the release index that
// "millpondd update check" asks, of all packages of a release in the folder, and signs it. "notes" prints what CHANGELOG.md says of the version.
//
// The same source gives the same bytes: programs are built without paths and stamps, and every file
// in a package has the time of SOURCE_DATE_EPOCH, or else of the last commit.
//
// What a package is called and which version it has comes from FyneApp.toml alone. What it holds is
// listed in contents.go, once for all formats.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "package:", err)
		os.Exit(1)
	}
}

// formats are what is made when nothing is named, in this order; more can be made as well.
var (
	formats = []string{"deb", "rpm", "tar"}
	more    = []string{"appdir", "appimage"}
)

// run carries out one command line.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	out := flags.String("out", "../../dist", "the `folder` that the packages go to")
	version := flags.String("version", "", "a `version` in place of that of FyneApp.toml, to try an upgrade")
	updateKey := flags.String("update-key", "", "the public `key` of the release index, in base64, which a release is built with")
	programs := flags.String("programs", "", "the `folder` of the finished programs that app bundles")
	var x indexer
	flags.StringVar(&x.key, "key", "", "the `file` with the private key of the release index, in PEM")
	flags.StringVar(&x.url, "url", "", "the `address` of the folder that the packages will be in")
	flags.StringVar(&x.notes, "notes", "", "the `address` of the page about the release")
	runtime := flags.String("runtime", "", "the `file` that an AppImage begins with")
	if err := flags.Parse(args); err != nil {
		return err
	}
	wanted := flags.Args()
	if len(wanted) == 0 {
		wanted = formats
	}
	alone := len(wanted) == 1 && slices.Contains([]string{"app", "index", "notes"}, wanted[0])
	for _, f := range wanted {
		if known := slices.Concat(formats, more); !alone && !slices.Contains(known, f) {
			return fmt.Errorf("the format %q is not one of %v, or app, index or notes alone", f, known)
		}
	}
	p, err := newProduct(ctx, "../..", *version)
	if err != nil {
		return err
	}
	p.updateKey, p.runtime = *updateKey, *runtime
	switch wanted[0] {
	case "app":
		return makeApp(ctx, p, *programs, *out)
	case "index":
		return x.write(p, *out)
	case "notes":
		notes, err := p.changes()
		fmt.Println(notes)
		return err
	}
	return makeAll(ctx, p, *out, wanted)
}

// makeAll builds the programs and makes each format of them.
func makeAll(ctx context.Context, p *product, out string, wanted []string) (err error) {
	work, err := os.MkdirTemp("", "millpond-package-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	if err := p.build(ctx, work); err != nil {
		return err
	}
	files, err := contents(ctx, p, work)
	if err != nil {
		return err
	}
	var made []string
	for _, format := range wanted {
		path := filepath.Join(out, p.fileName(format))
		fmt.Println("making", path)
		if err := writeFormat(p, files, format, path); err != nil {
			return fmt.Errorf("make the %s: %w", format, err)
		}
		if format != "appdir" { // which is a folder
			made = append(made, path)
		}
	}
	bill := filepath.Join(out, fmt.Sprintf("%s-%s-linux-%s.cdx.json", p.Name, p.Version, p.arch))
	if err := writeBill(p, bill); err != nil {
		return fmt.Errorf("write the bill of materials: %w", err)
	}
	return writeSums(append(made, bill), filepath.Join(out, "SHA256SUMS"))
}

// writeFormat makes one package.
func writeFormat(p *product, files []file, format, path string) error {
	switch format {
	case "tar":
		return writeTarball(p, files, path)
	case "appdir":
		return writeAppDir(p, files, path)
	case "appimage":
		return writeAppImage(p, files, path)
	}
	return writeLinux(p, files, format, path)
}
