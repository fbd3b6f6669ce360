//go:build packages

package windows

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/color"
	_ "image/png" // pictures of the screen
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// patience bounds every wait; nothing that works comes near.
const patience = 3 * time.Minute

// A machine is wine with a prefix, a screen and a home of its own.
type machine struct {
	env    []string
	prefix string
	home   string // of the Windows user, on this system
}

// newMachine boots one.
func newMachine(t *testing.T) *machine {
	t.Helper()
	for _, program := range []string{"wine", "wineboot", "wineserver", "x86_64-w64-mingw32-gcc", "Xvfb", "import"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed here; .ci/install build test windows wine brings it", program)
		}
	}
	dir := t.TempDir()
	m := &machine{prefix: filepath.Join(dir, "prefix")}
	m.env = append(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "DISPLAY=") }),
		"HOME="+dir, "XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir, // wine puts what is in its Start menu into ours
		"USER=alice", "LOGNAME=alice", "WINEPREFIX="+m.prefix, "WINEARCH=win64", "WINEDEBUG=-all", "LANG=en_US.UTF-8",
		"WINEDLLOVERRIDES=mscoree,mshtml=;bcryptprimitives=n,b", "DISPLAY="+screen(t))
	t.Cleanup(func() { // ends every process of this prefix, and no other
		_ = m.command("wineserver", "-k").Run()
		_ = m.command("wineserver", "-w").Run()
	})
	m.must(t, "wineboot", "-i")
	shim := filepath.Join(m.prefix, "drive_c", "windows", "system32", "bcryptprimitives.dll")
	m.must(t, "x86_64-w64-mingw32-gcc", "-O2", "-shared", "-o", shim, "testdata/bcryptprimitives.c", "-ladvapi32")
	homes, err := filepath.Glob(filepath.Join(m.prefix, "drive_c", "users", "*", "AppData", "Roaming"))
	if err != nil || len(homes) != 1 {
		t.Fatalf("got the homes %v, %v; want one", homes, err)
	}
	m.home = filepath.Dir(filepath.Dir(homes[0]))
	return m
}

// screen starts a screen in memory and returns its name.
func screen(t *testing.T) string {
	t.Helper()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	c := exec.Command("Xvfb", "-displayfd", "3", "-screen", "0", "1000x700x24", "-nolisten", "tcp", "-noreset")
	c.ExtraFiles = []*os.File{write}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.Process.Kill()
		_ = c.Wait()
	})
	write.Close()
	var name string
	if _, err := fmt.Fscan(read, &name); err != nil {
		t.Fatalf("Xvfb: %v", err)
	}
	return ":" + name
}

// command is a program of this system with the machine's environment.
func (m *machine) command(name string, args ...string) *exec.Cmd {
	c := exec.Command(name, args...)
	c.Env = m.env
	return c
}

// run runs a command and returns its exit code and what it said. The output is a file, since a program that goes on
// in the background would keep a pipe open.
func (m *machine) run(t *testing.T, name string, args ...string) (code int, said string) {
	t.Helper()
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	c := m.command(name, args...)
	c.Stdout, c.Stderr = out, out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	tooLong := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
	defer tooLong.Stop()
	err = c.Wait()
	text, _ := os.ReadFile(out.Name())
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatalf("%s %v: %v\n%s", name, args, err, text)
	}
	return c.ProcessState.ExitCode(), string(text)
}

// must is run for what has to succeed.
func (m *machine) must(t *testing.T, name string, args ...string) string {
	t.Helper()
	code, said := m.run(t, name, args...)
	if code != 0 {
		t.Fatalf("%s %v: exit code %d\n%s", name, args, code, said)
	}
	return said
}

// wine runs a program for Windows and wants it to succeed.
func (m *machine) wine(t *testing.T, args ...string) string {
	t.Helper()
	return m.must(t, "wine", args...)
}

// windowsPath is how programs for Windows call a path of this system.
func (m *machine) windowsPath(path string) string {
	path = strings.TrimPrefix(path, filepath.Join(m.prefix, "drive_c"))
	return `C:` + strings.ReplaceAll(path, "/", `\`)
}

// key lists what is in a key of the registry; "" when there is no such key.
func (m *machine) key(t *testing.T, name string) string {
	t.Helper()
	code, said := m.run(t, "wine", "reg", "query", name)
	if code != 0 {
		return ""
	}
	return said
}

// ours lists the files and folders whose names are ours, below the machine's disk.
func (m *machine) ours(t *testing.T) []string {
	t.Helper()
	var found []string
	disk := filepath.Join(m.prefix, "drive_c")
	err := filepath.WalkDir(disk, func(path string, _ fs.DirEntry, err error) error {
		if err == nil && strings.Contains(strings.ToLower(filepath.Base(path)), "millpond") {
			found = append(found, strings.TrimPrefix(path, disk+"/"))
		}
		return nil // wine removes what is temporary meanwhile
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// processes lists the command lines of our programs that run on the machine.
func (m *machine) processes() []string {
	var found []string
	paths, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range paths {
		line, _ := os.ReadFile(path)
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		text := string(bytes.ReplaceAll(line, []byte{0}, []byte(" ")))
		if bytes.Contains(environ, []byte("WINEPREFIX="+m.prefix+"\x00")) && strings.Contains(text, `\millpond`) {
			found = append(found, text)
		}
	}
	return found
}

// The colours of the tray's icon: requests pass, and they fail. They fill most of it.
var (
	passing = color.NRGBA{0x12, 0xa0, 0x86, 0xff}
	failing = color.NRGBA{0xdc, 0x3b, 0x34, 0xff}
)

// shows reports whether there is something as large as an icon's body in a colour on the screen. The picture is kept in the
// folder MILLPOND_SCREENSHOTS, if set.
func (m *machine) shows(t *testing.T, want color.NRGBA) bool {
	t.Helper()
	body, err := m.command("import", "-window", "root", "png:-").Output()
	if err != nil {
		t.Fatalf("take a picture: %v", err)
	}
	if dir := os.Getenv("MILLPOND_SCREENSHOTS"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, "wine.png"), body, 0o644) // to look at
	}
	picture, _, err := image.Decode(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	const enough = 30 // of 256 pixels
	n := 0
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if color.NRGBAModel.Convert(picture.At(x, y)) == want {
				n++
			}
		}
	}
	return n >= enough
}

// until waits for a condition that another process brings about.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	timeout := time.After(patience)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-timeout:
			t.Fatalf("waited in vain for %s", what)
		case <-tick.C:
		}
	}
}
