package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
)

// A recipe builds one program.
type recipe struct {
	name    string
	from    string // the folder of its main package
	cgo     bool
	tags    string
	system  string // whose program it is, in Go's words; "" is Linux
	gui     bool   // on Windows: has no console
	because string
}

// recipes are the three programs. They are position-independent executables, which distributions ask for;
// those without cgo are also built as "make build" does, to run where there is no C library at all.
var recipes = []recipe{
	{name: "millpondd", from: "./cmd/millpondd", because: "the daemon and the command line"},
	{name: "millpond", from: "./cmd/millpond", tags: "lean", because: "the tray"},
	{name: "millpond-window", from: "./cmd/millpond", cgo: true, tags: "gles", because: "the window"},
}

// build makes the programs in the folder dir.
func (p *product) build(ctx context.Context, dir string) error {
	for _, r := range recipes {
		fmt.Printf("building %s, %s\n", r.name, r.because)
		path := filepath.Join(dir, r.name)
		err := p.compile(ctx, r, "pie", path)
		if err == nil && !r.cgo {
			err = p.compile(ctx, r, "exe", path+static)
		}
		if err != nil {
			return fmt.Errorf("build %s: %w", r.name, err)
		}
		if r.cgo {
			if err := checkLibraries(path); err != nil {
				return err
			}
		}
	}
	return p.find(dir)
}

// find takes the finished programs from the folder dir.
func (p *product) find(dir string) error {
	p.programs, p.linked = map[string]string{}, map[string]*debug.BuildInfo{}
	for _, r := range recipes {
		path := filepath.Join(dir, r.name)
		info, err := buildinfo.ReadFile(path)
		if err != nil {
			return fmt.Errorf("read what %s is made of: %w", r.name, err)
		}
		p.programs[r.name], p.linked[r.name] = path, info
	}
	return nil
}

// static is what the name of a program that needs no other file has at its end.
const static = "-static"

// compile builds one program at path, in one of Go's build modes.
func (p *product) compile(ctx context.Context, r recipe, mode, path string) error {
	stamp := "-s -w -buildid= -X main.version=" + p.Version
	if p.updateKey != "" {
		stamp += " -X main.updateKey=" + p.updateKey
	}
	system, compiler := "linux", ""
	if r.system == "windows" {
		system, compiler = r.system, "CC=x86_64-w64-mingw32-gcc"
	}
	if r.gui {
		stamp += " -H windowsgui"
	}
	args := []string{"build", "-trimpath", "-buildvcs=false", "-buildmode=" + mode, "-o", path, "-ldflags", stamp}
	if r.tags != "" {
		args = append(args, "-tags", r.tags)
	}
	cgo := "CGO_ENABLED=0"
	if r.cgo {
		cgo = "CGO_ENABLED=1"
	}
	c := exec.CommandContext(ctx, "go", append(args, r.from)...)
	c.Dir, c.Stdout, c.Stderr = p.root, os.Stdout, os.Stderr
	c.Env = append(os.Environ(), "GOOS="+system, "GOARCH="+p.arch, cgo)
	if compiler != "" {
		c.Env = append(c.Env, compiler)
	}
	return c.Run()
}
