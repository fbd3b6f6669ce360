package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// kindHere returns what this very program was installed from, as update.File names it; "" where there
// is but one kind.
func (a *app) kindHere(ctx context.Context) string {
	if runtime.GOOS != "linux" {
		return ""
	}
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return ""
	}
	return kindOfProgram(self, a.getenv, func(words ...string) bool {
		return exec.CommandContext(ctx, words[0], words[1:]...).Run() == nil
	})
}

// kindOfProgram is kindHere for a program on Linux. answers runs a command and reports whether it
// ended well, as a package manager does that knows the file.
func kindOfProgram(program string, getenv func(string) string, answers func(words ...string) bool) string {
	data := getenv("XDG_DATA_HOME")
	if data == "" {
		data = filepath.Join(getenv("HOME"), ".local", "share")
	}
	switch {
	case answers("dpkg", "-S", program):
		return "deb"
	case answers("rpm", "-qf", program):
		return "rpm"
	case filepath.Dir(program) == filepath.Join(data, "millpond", "bin"): // where AppRun copies it to
		return "AppImage"
	case getenv("APPDIR") != "" && strings.HasPrefix(program, getenv("APPDIR")+"/"): // that it is mounted at
		return "AppImage"
	}
	return "tar.gz"
}
