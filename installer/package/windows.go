package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/tc-hib/winres"
	"github.com/tc-hib/winres/version"
)

// windowsRecipes are the three programs for Windows. The two that people see have no console.
var windowsRecipes = []recipe{
	{name: "millpondd.exe", from: "./cmd/millpondd", system: "windows", because: "proxy"},
	{name: "millpond.exe", from: "./cmd/millpond", system: "windows", gui: true, tags: "lean", because: "tray"},
	{name: "millpond-window.exe", from: "./cmd/millpond", system: "windows", gui: true, cgo: true, because: "window"},
}

// makeSetup makes the setup program for Windows and its bill of materials, signed when s has a certificate,
// and returns their paths.
func makeSetup(ctx context.Context, p *product, s signer, out string) (made []string, err error) {
	work, err := os.MkdirTemp("", "millpond-setup-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	w := *p
	w.arch = "amd64"
	stage := filepath.Join(work, "stage")
	if err := w.buildWindows(ctx, s, stage); err != nil {
		return nil, err
	}
	if err := w.writeTexts(ctx, stage); err != nil {
		return nil, err
	}
	setup := filepath.Join(out, w.fileName("setup"))
	fmt.Println("making", setup)
	if err := w.compileSetup(ctx, s, stage, setup); err != nil {
		return nil, fmt.Errorf("make the setup: %w", err)
	}
	if err := s.sign(ctx, setup); err != nil {
		return nil, err
	}
	bill := filepath.Join(out, fmt.Sprintf("%s-%s-windows-%s.cdx.json", w.Name, w.Version, w.arch))
	return []string{setup, bill}, writeBill(&w, bill)
}

// buildWindows makes the programs in the folder dir, with their icon, version and manifest.
func (p *product) buildWindows(ctx context.Context, s signer, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	p.programs, p.linked = map[string]string{}, map[string]*debug.BuildInfo{}
	for _, r := range windowsRecipes {
		fmt.Printf("building %s, the %s\n", r.name, r.because)
		path := filepath.Join(dir, r.name)
		if err := p.compile(ctx, r, "pie", path); err != nil {
			return fmt.Errorf("build %s: %w", r.name, err)
		}
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read what %s is made of: %w", r.name, err)
		}
		if err := p.brand(r, path); err != nil {
			return fmt.Errorf("write the resources of %s: %w", r.name, err)
		}
		if err := s.sign(ctx, path); err != nil {
			return err
		}
		p.programs[strings.TrimSuffix(r.name, ".exe")], p.linked[strings.TrimSuffix(r.name, ".exe")] = path, info
	}
	return nil
}

// brand writes into a finished program what Windows shows of it, and how it is to be run. The other way is an object
// file that the linker takes, which go build accepts only in the folder of the sources.
func (p *product) brand(r recipe, path string) error {
	set, err := p.resources(r)
	if err != nil {
		return err
	}
	plain, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var branded bytes.Buffer
	if err := set.WriteToEXE(&branded, bytes.NewReader(plain), winres.ForceCheckSum()); err != nil {
		return err
	}
	return os.WriteFile(path, branded.Bytes(), 0o755)
}

// english is the language of the texts in a version resource, as Windows numbers it: en-US.
const english = 0x409

// resources are the icon, the version and the manifest of a program.
func (p *product) resources(r recipe) (*winres.ResourceSet, error) {
	numbers, err := p.quad()
	if err != nil {
		return nil, err
	}
	var set winres.ResourceSet
	file, err := os.Open(p.ico())
	if err != nil {
		return nil, err
	}
	defer file.Close()
	icon, err := winres.LoadICO(file)
	if err != nil {
		return nil, err
	}
	if err := set.SetIcon(winres.ID(1), icon); err != nil { // Windows shows the first one
		return nil, err
	}
	info := version.Info{FileVersion: numbers, ProductVersion: numbers, Timestamp: p.modified}
	for key, text := range map[string]string{
		version.ProductName: p.Title, version.ProductVersion: p.Version, version.FileVersion: p.Version,
		version.FileDescription: p.Title + " " + r.because, version.CompanyName: "The " + p.Title + " authors",
		version.LegalCopyright: rights, version.OriginalFilename: r.name, version.InternalName: strings.TrimSuffix(r.name, ".exe"),
	} {
		if err := info.Set(english, key, text); err != nil {
			return nil, err
		}
	}
	set.SetVersionInfo(info)
	set.SetManifest(winres.AppManifest{
		Description: p.Title + " " + r.because, Compatibility: winres.Win10AndAbove, ExecutionLevel: winres.AsInvoker,
		DPIAwareness: winres.DPIPerMonitorV2, LongPathAware: true,
	})
	return &set, nil
}

// ico is the path of the icon in the format of Windows, which lies beside the pictures of it.
func (p *product) ico() string { return filepath.Join(p.root, filepath.Dir(p.icon), "app.ico") }

// quad is the version in four numbers, as Windows compares it. What stands behind the numbers is left out.
func (p *product) quad() (numbers [4]uint16, err error) {
	parts := strings.Split(p.Numbers(), ".")
	if len(parts) > len(numbers) {
		return numbers, fmt.Errorf("the version %q has more than four numbers", p.Version)
	}
	for i, part := range parts {
		n, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return numbers, fmt.Errorf("the version %q: %w", p.Version, err)
		}
		numbers[i] = uint16(n)
	}
	return numbers, nil
}

// writeTexts writes the licences and the changes beside the programs.
func (p *product) writeTexts(ctx context.Context, dir string) error {
	for from, to := range map[string]string{"LICENSE": "LICENSE.txt", "CHANGELOG.md": "CHANGELOG.txt"} {
		body, err := os.ReadFile(filepath.Join(p.root, from))
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, to), body, 0o644); err != nil {
			return err
		}
	}
	others, err := p.licences(ctx)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "licences-of-libraries.txt"), others, 0o644)
}

// compileSetup makes the setup program of the files in the folder stage by makensis. The uninstaller is a part of it
// and is signed on the way.
func (p *product) compileSetup(ctx context.Context, s signer, stage, to string) error {
	numbers, err := p.quad()
	if err != nil {
		return err
	}
	list, size, err := p.listFiles(stage)
	if err != nil {
		return err
	}
	icon, err := filepath.Abs(p.ico()) // makensis works in the folder of its script
	if err != nil {
		return err
	}
	if to, err = filepath.Abs(to); err != nil {
		return err
	}
	files := stage + ".nsh"
	if err := os.WriteFile(files, list, 0o644); err != nil {
		return err
	}
	signs, err := s.script(filepath.Dir(stage))
	if err != nil {
		return err
	}
	args := []string{"-V2", "-WX"}
	for name, value := range map[string]string{
		"TITLE": p.Title, "NAME": p.Name, "VERSION": p.Version, "RIGHTS": rights, "SIZE": strconv.FormatInt(size>>10, 10),
		"QUAD":  fmt.Sprintf("%d.%d.%d.%d", numbers[0], numbers[1], numbers[2], numbers[3]),
		"STAGE": stage, "FILES": files, "ICON": icon, "OUT": to, "SIGN": signs,
	} {
		if name == "SIGN" && value == "" {
			continue
		}
		args = append(args, "-D"+name+"="+value)
	}
	c := exec.CommandContext(ctx, "makensis", append(args, filepath.Join(p.root, "installer", "package", "windows", "setup.nsi"))...)
	c.Env = append(os.Environ(), "SOURCE_DATE_EPOCH="+strconv.FormatInt(p.modified.Unix(), 10))
	if said, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("makensis: %w\n%s", err, said)
	}
	return nil
}

// listFiles gives every file of the folder stage its time, and lists them, with the uninstaller that is made later, as
// setup.nsi goes through them. The size is in bytes.
func (p *product) listFiles(stage string) (list []byte, size int64, err error) {
	entries, err := os.ReadDir(stage)
	if err != nil {
		return nil, 0, err
	}
	var text bytes.Buffer
	text.WriteString("!macro EachFile DO\n")
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, 0, err
		}
		size += info.Size()
		if err := os.Chtimes(filepath.Join(stage, e.Name()), p.modified, p.modified); err != nil {
			return nil, 0, err
		}
		fmt.Fprintf(&text, "  !insertmacro ${DO} %q\n", e.Name())
	}
	text.WriteString("  !insertmacro ${DO} \"uninstall.exe\"\n!macroend\n")
	return text.Bytes(), size, nil
}
