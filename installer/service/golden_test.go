package service

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// hers is a user's service with harmless paths.
func hers() Config {
	return Config{Kind: User, Program: "/home/alice/bin/millpondd", Args: []string{"serve"}, Paths: Paths{
		Settings: "/home/alice/.config/millpond/settings.toml",
		State:    "/home/alice/.local/state/millpond",
		Control:  "/run/user/1000/millpond/control.sock",
	}}
}

// odd is one with every character in its paths that some manager gives a meaning.
func odd() Config {
	folder := `/home/a b/50%/$HOME/it's "x" \ <&>`
	return Config{Kind: User, Program: folder + "/millpondd", Args: []string{"serve", "--listen", "[::1]:0", `$a %b "c"`}, Paths: Paths{
		Settings: folder + "/millpond/settings.toml", State: folder + "/state/millpond", Control: folder + "/run/millpond/control.sock",
	}}
}

// machines is a system's service.
func machines() Config {
	return Config{Kind: System, Program: "/usr/local/bin/millpondd", Args: []string{"serve"}, Paths: Paths{
		Settings: "/var/lib/millpond/settings.toml", State: "/var/lib/millpond/state", Control: "/run/millpond/control.sock",
	}}
}

// theirs is a system's service on Windows.
func theirs() Config {
	return Config{Kind: System, Program: `C:\Program Files\Millpond\millpondd.exe`, Args: []string{"serve"}, Paths: Paths{
		Settings: `C:\ProgramData\Millpond\settings.toml`, State: `C:\ProgramData\Millpond\State`, Control: `\\.\pipe\millpond-service`,
	}}
}

// TestGolden compares everything that is written for a service manager with what was looked at once.
func TestGolden(t *testing.T) {
	mac := hers()
	mac.Program, mac.Paths = "/Applications/Millpond.app/Contents/MacOS/millpondd", Paths{
		Settings: "/Users/alice/Library/Application Support/Millpond/settings.toml",
		State:    "/Users/alice/Library/Application Support/Millpond/State",
		Control:  "/Users/alice/Library/Application Support/Millpond/control.sock",
	}
	macs := mac
	macs.Kind = System
	tests := map[string]string{
		"systemd-user.service":       systemdUnit{Config: hers(), steps: true, confined: true}.text(),
		"systemd-user-open.service":  systemdUnit{Config: hers()}.text(),
		"systemd-user-odd.service":   systemdUnit{Config: odd(), confined: true, writable: []string{"/home/a b/dot files"}}.text(),
		"systemd-system.service":     systemdUnit{Config: machines(), steps: true}.text(),
		"systemd-system-old.service": systemdUnit{Config: machines()}.text(),
		"openrc.sh":                  openrcScript(machines()),
		"openrc-odd.sh":              openrcScript(odd()),
		"sysv.sh":                    sysvScript(machines()),
		"sysv-odd.sh":                sysvScript(odd()),
		"launchd-agent.plist":        launchdPlist(mac),
		"launchd-daemon.plist":       launchdPlist(macs),
		"launchd-odd.plist":          launchdPlist(odd()),
		"windows-service.txt":        windowsText(theirs()),
		"windows-logon.txt":          windowsCommand(theirs()) + "\n",
	}
	for name, got := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name)
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if text := strings.ReplaceAll(string(want), "\r\n", "\n"); got != text {
				t.Errorf("got\n%s\nwant\n%s", got, text)
			}
		})
	}
	files, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, ok := tests[f.Name()]; !ok {
			t.Errorf("testdata/%s: no test writes it", f.Name())
		}
	}
}

// windowsText shows what Windows is told as a text.
func windowsText(c Config) string {
	k := windowsConfig(c)
	var vars []string
	for name, value := range k.EnvVars {
		vars = append(vars, name+"="+value)
	}
	sort.Strings(vars)
	return fmt.Sprintf("name %s\ndisplay name %s\ndescription %s\naccount %s\nprogram %s\narguments %q\nstart %v, delayed %v\nrestart after %v, forgiven after %v\n%s\n",
		k.Name, k.DisplayName, k.Description, k.UserName, k.Executable, k.Arguments, k.Option["StartType"], k.Option["DelayedAutoStart"],
		windowsDelays, windowsForgiven, strings.Join(vars, "\n"))
}

// TestFirstWord reads back what command writes, and what others write.
func TestFirstWord(t *testing.T) {
	for _, program := range []string{hers().Program, odd().Program, machines().Program} {
		if got := firstWord(command(program, "serve")); got != program {
			t.Errorf("got %q; want %q", got, program)
		}
	}
	for line, want := range map[string]string{
		"/usr/bin/millpondd serve": "/usr/bin/millpondd",
		"/usr/bin/millpondd":       "/usr/bin/millpondd",
		`/opt/a\x`:                 `/opt/ax`,
		"":                         "",
	} {
		if got := firstWord(line); got != want {
			t.Errorf("%q: got %q; want %q", line, got, want)
		}
	}
}

// TestControlCharacters shows that no path or argument can begin a line of its own in a manager's file.
func TestControlCharacters(t *testing.T) {
	for name, c := range map[string]Config{
		"a program":   {Program: "/bin/x\nExecStart=/bin/evil"},
		"a path":      {Program: "/bin/x", Paths: Paths{State: "/tmp/\rx"}},
		"an argument": {Program: "/bin/x", Args: []string{"serve\x00"}},
	} {
		if _, err := c.complete(); err == nil {
			t.Errorf("%s with a control character: got no error; want one", name)
		}
	}
	if _, err := (Config{Kind: "both"}).complete(); err == nil {
		t.Error("an unknown kind: got no error; want one")
	}
}
