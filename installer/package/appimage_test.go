package main

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// An owner is who starts AppDirs, with a home of their own.
type owner struct{ home string }

// where is the folder that the programs are copied to.
func (o owner) where() string { return filepath.Join(o.home, ".local/share/millpond/bin") }

// start runs AppRun of a folder and returns what it prints.
func (o owner) start(t *testing.T, dir string, args ...string) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), filepath.Join(dir, "AppRun"), args...)
	c.Env = []string{"HOME=" + o.home, "PATH=" + os.Getenv("PATH"), "DISPLAY=:0", "APPIMAGE=/somewhere/millpond.AppImage", "APPDIR=" + dir}
	out, err := c.CombinedOutput()
	if err != nil {
		t.Fatalf("AppRun %v: %v: %s", args, err, out)
	}
	return string(out)
}

// windowThatSays stands in for the window, whose C takes minutes to compile: it says where it is.
const windowThatSays = "#!/bin/sh\necho \"$0\" \"$@\" >&2\n"

// appFiles are the files of the packages, with the real daemon and the real tray.
func appFiles(t *testing.T) (*product, []file) {
	t.Helper()
	p, _ := sample(t)
	programs := t.TempDir()
	p.programs = map[string]string{}
	for _, r := range recipes {
		p.programs[r.name] = filepath.Join(programs, r.name)
		if r.cgo {
			if err := os.WriteFile(p.programs[r.name], []byte(windowThatSays), 0o755); err != nil {
				t.Fatal(err)
			}
		} else if err := p.compile(t.Context(), r, "exe", p.programs[r.name]+static); err != nil {
			t.Fatal(err)
		} else if err := os.WriteFile(p.programs[r.name], nil, 0o755); err != nil { // for others
			t.Fatal(err)
		}
	}
	var files []file
	for _, part := range []func(context.Context, *product, string) ([]file, error){programFiles, desktopFiles} {
		some, err := part(t.Context(), p, "")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, some...)
	}
	return p, files
}

// The tray that an AppImage starts is a copy that stays where it is, and so is the daemon that it registers:
// both look for one another in their own folder.
func TestAppRun(t *testing.T) {
	p, files := appFiles(t)
	dir := filepath.Join(t.TempDir(), "a mount")
	if err := writeAppDir(p, files, dir); err != nil {
		t.Fatal(err)
	}
	o := owner{t.TempDir()}
	if got, want := o.start(t, dir, "version"), "millpond "+p.Version+"\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	if got, want := o.start(t, dir, "window"), o.where()+"/millpond-window window\n"; got != want {
		t.Errorf("got the window %q; want %q, by a tray that runs in the same folder", got, want)
	}
	for _, r := range recipes {
		same(t, filepath.Join(dir, "usr/bin", r.name), filepath.Join(o.where(), r.name))
	}
	if entries, err := os.ReadDir(o.where()); err != nil || len(entries) != len(recipes) {
		t.Errorf("got %v, %v; want the programs and nothing else", entries, err)
	}
	testNewerAppRun(t, o, dir)
}

// same compares two files.
func same(t *testing.T, from, to string) {
	t.Helper()
	want, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(to)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%s is not as in the AppImage: %v", to, err)
	}
	info, err := os.Stat(to)
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%s: got %v, %v; want a program", to, info.Mode(), err)
	}
}

// daemonThatTells stands in for a newer daemon: it says what the real one says of a service that runs (or, where
// the file "stopped" is, that does not), and writes down what else it is asked to do.
const daemonThatTells = `#!/bin/sh
if [ "$*" = "service status" ]; then
	echo "program  $PROGRAM"
	[ ! -e "$HOME/stopped" ] || exit 3
	exit 0
fi
echo "$@" >"$HOME/asked"
`

// trayThatTells stands in for a newer tray, and writes down what it is asked to do.
const trayThatTells = `#!/bin/sh
echo "$@" >>"$HOME/tray"
`

// A newer AppImage replaces what changed, and restarts the service of these programs while it runs.
func testNewerAppRun(t *testing.T, o owner, dir string) {
	window, err := os.Stat(filepath.Join(o.where(), "millpond-window"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "usr/bin/millpond"), []byte(trayThatTells), 0o755); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, program string // of the service
		stopped       bool
		want          string
	}{
		{"runs", filepath.Join(o.where(), "millpondd"), false, "service restart\n"},
		{"is stopped", filepath.Join(o.where(), "millpondd"), true, ""},
		{"of a package", "/usr/bin/millpondd", false, ""},
	}
	asked := filepath.Join(o.home, "asked")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _ = os.Remove(asked), os.Remove(filepath.Join(o.home, "tray")) // they may not be there
			if err := os.WriteFile(filepath.Join(o.home, "stopped"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			if !test.stopped {
				_ = os.Remove(filepath.Join(o.home, "stopped"))
			}
			newer := strings.Replace(daemonThatTells, "$PROGRAM", test.program, 1) + "# " + test.name
			if err := os.WriteFile(filepath.Join(dir, "usr/bin/millpondd"), []byte(newer), 0o755); err != nil {
				t.Fatal(err)
			}
			o.start(t, dir, "version") // ends when all that it has started has closed its output
			same(t, filepath.Join(dir, "usr/bin/millpondd"), filepath.Join(o.where(), "millpondd"))
			if got, err := os.ReadFile(asked); string(got) != test.want {
				t.Errorf("got the daemon asked for %q, %v; want %q", got, err, test.want)
			}
			if got, err := os.ReadFile(filepath.Join(o.home, "tray")); string(got) != "quit\nversion\n" {
				t.Errorf("got the tray asked for %q, %v; want the older one ended and the newer one started", got, err)
			}
		})
	}
	if now, err := os.Stat(filepath.Join(o.where(), "millpond-window")); err != nil || !os.SameFile(window, now) {
		t.Errorf("got the window replaced, %v; want it left alone, as it is the same", err)
	}
}

// What stands behind the runtime is the AppDir, and the same input makes the same bytes.
func TestAppImage(t *testing.T) {
	if _, err := exec.LookPath("mksquashfs"); err != nil {
		t.Skip("mksquashfs, which .ci/install brings, is not installed")
	}
	p, files := sample(t)
	p.runtime = filepath.Join(t.TempDir(), "runtime")
	runtime := bytes.Repeat([]byte("a program"), 1000)
	if err := os.WriteFile(p.runtime, runtime, 0o644); err != nil {
		t.Fatal(err)
	}
	var made [2][]byte
	var path string
	for i := range made {
		path = filepath.Join(t.TempDir(), p.fileName("appimage"))
		if err := writeFormat(p, files, "appimage", path); err != nil {
			t.Fatal(err)
		}
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		made[i] = body
	}
	if !bytes.Equal(made[0], made[1]) || !bytes.HasPrefix(made[0], runtime) {
		t.Error("got other bytes of the same input, or no runtime before them")
	}
	dir := filepath.Join(t.TempDir(), "AppDir")
	if out, err := exec.CommandContext(t.Context(), "unsquashfs", "-offset", "9000", "-no-xattrs", "-dest", dir, path).CombinedOutput(); err != nil {
		t.Fatalf("unsquashfs: %v: %s", err, out)
	}
	want := filepath.Join(t.TempDir(), "AppDir")
	if err := writeAppDir(p, files, want); err != nil {
		t.Fatal(err)
	}
	if got, want := listed(t, dir), listed(t, want); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// listed lists the files of a folder with what is in them.
func listed(t *testing.T, dir string) string {
	t.Helper()
	var list strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		body, err := os.ReadFile(path)
		list.WriteString(info.Mode().String() + " " + info.ModTime().UTC().String() + " " + path[len(dir):] + "\n" + string(body) + "\n")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list.String()
}

func TestAppImageNeedsRuntime(t *testing.T) {
	p, files := sample(t)
	if err := writeFormat(p, files, "appimage", filepath.Join(t.TempDir(), "it")); err == nil || !strings.Contains(err.Error(), "-runtime") {
		t.Errorf("got %v; want an error that says what is missing", err)
	}
}
