// Package makes the installers of Millpond, with their checksums and a bill of materials.
//
//	go run . [-out FOLDER] [-version VERSION] [-update-key KEY] [-runtime FILE] [-sign-cert FILE -sign-key FILE] [FORMAT ...]
//	go run . [-out FOLDER] -programs FOLDER app
//	go run . [-out FOLDER] -update-key KEY -key FILE -url ADDRESS index
//	go run . notes
//
// The formats are deb, rpm and tar, which are made when none is named, and appdir and appimage, which
// needs the runtime that AppImages begin with, and setup, the installer for Windows, which needs MinGW-w64,
// makensis and, to sign, osslsigncode. "app" makes what a macOS package is made of, from finished programs.
// "index" makes the release index that "millpondd update check" asks, of all packages of a release in the
// folder, and signs it. "notes" prints what CHANGELOG.md says of the version.
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
	more    = []string{"appdir", "appimage", setup}
)

// setup is the format for Windows.
const setup = "setup"

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
	var s signer
	flags.StringVar(&s.certificate, "sign-cert", "", "sign what is for Windows with the certificate in this `file`, in PEM")
	flags.StringVar(&s.key, "sign-key", "", "the `file` with the private key of that certificate, in PEM")
	flags.StringVar(&s.stamp, "sign-stamp", "", "the `address` of the server that states when it was signed (RFC 3161)")
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
	if err := s.check(); err != nil {
		return err
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
		if err == nil {
			fmt.Println(notes)
		}
		return err
	}
	s.title = p.Title
	return makeAll(ctx, p, s, *out, wanted)
}

// makeAll makes each format, and the checksums of all.
func makeAll(ctx context.Context, p *product, s signer, out string, wanted []string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var made []string
	linux := slices.DeleteFunc(slices.Clone(wanted), func(f string) bool { return f == setup })
	if len(linux) > 0 {
		some, err := makeLinux(ctx, p, out, linux)
		if err != nil {
			return err
		}
		made = append(made, some...)
	}
	if slices.Contains(wanted, setup) {
		some, err := makeSetup(ctx, p, s, out)
		if err != nil {
			return err
		}
		made = append(made, some...)
	}
	return writeSums(made, filepath.Join(out, "SHA256SUMS"))
}

// makeLinux builds the programs for Linux, and makes each format of them and the bill of materials. It
// returns their paths.
func makeLinux(ctx context.Context, p *product, out string, wanted []string) (made []string, err error) {
	work, err := os.MkdirTemp("", "millpond-package-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := p.build(ctx, work); err != nil {
		return nil, err
	}
	files, err := contents(ctx, p, work)
	if err != nil {
		return nil, err
	}
	for _, format := range wanted {
		path := filepath.Join(out, p.fileName(format))
		fmt.Println("making", path)
		if err := writeFormat(p, files, format, path); err != nil {
			return nil, fmt.Errorf("make the %s: %w", format, err)
		}
		if format != "appdir" { // which is a folder
			made = append(made, path)
		}
	}
	bill := filepath.Join(out, fmt.Sprintf("%s-%s-linux-%s.cdx.json", p.Name, p.Version, p.arch))
	if err := writeBill(p, bill); err != nil {
		return nil, fmt.Errorf("write the bill of materials: %w", err)
	}
	return append(made, bill), nil
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
