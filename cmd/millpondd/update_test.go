package main

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"millpond/installer/update"
)

// update asks an index that says there is version 99, signed by the key.
func askUpdate(t *testing.T, key string, args ...string) (code int, out, errs string) {
	t.Helper()
	private := ed25519.NewKeyFromSeed([]byte(strings.Repeat("k", ed25519.SeedSize)))
	text, err := json.Marshal(map[string]any{"form": 1, "expires": time.Now().Add(time.Hour), "releases": []update.Release{{
		Version: "99.0.0", Date: "2026-11-22", Summary: "All is new.", Files: []update.File{
			{OS: runtime.GOOS, Arch: runtime.GOARCH, Kind: "tar.gz", URL: "https://releases.example/m.tar.gz", SHA256: strings.Repeat("0a", 32)},
		},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".sig") {
			fmt.Fprint(w, base64.StdEncoding.EncodeToString(ed25519.Sign(private, text)))
			return
		}
		_, _ = w.Write(text) // a client that left is the test's to see
	}))
	defer server.Close()
	if key == "ours" {
		key = base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))
	}
	var stdout, stderr bytes.Buffer
	a := &app{std: streams{strings.NewReader(""), &stdout, &stderr}, environ: append(person(t), "MILLPOND_UPDATES_URL="+server.URL+"/index.json"), updateKey: key}
	root := a.command()
	root.SetArgs(append([]string{"update", "check"}, args...))
	if err := root.ExecuteContext(t.Context()); err != nil {
		code = a.tell(err)
	}
	return code, stdout.String(), stderr.String()
}

func TestUpdateCheck(t *testing.T) {
	code, out, errs := askUpdate(t, "ours", "--json")
	var r update.Report
	if err := json.Unmarshal([]byte(out), &r); code != exitDone || err != nil || r.Newest != "99.0.0" {
		t.Errorf("got exit code %d, %q, %q; want the newest release", code, out, errs)
	}
	other := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{1}, ed25519.PublicKeySize))
	for key, says := range map[string]string{"": "without a key", other: "is not signed by the key of this program"} {
		code, out, errs = askUpdate(t, key)
		if code != exitRefused || out != "" || !strings.Contains(errs, says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("got exit code %d, %q, %q; want that it is refused: %s", code, out, errs, says)
		}
	}
	if code, _, errs = askUpdate(t, "ours", "--url", "http://releases.example/index.json"); code != exitUsage {
		t.Errorf("got exit code %d, %s; want %d", code, errs, exitUsage)
	}
	code, _, errs = askUpdate(t, "ours", "--url", "http://127.0.0.1:1/index.json")
	if code != exitFailed || !strings.HasSuffix(errs, "Try again later.\n") {
		t.Errorf("got exit code %d, %s; want %d", code, errs, exitFailed)
	}
}

// By default nobody is asked.
func TestUpdateIsOff(t *testing.T) {
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"update", "check"}, streams{strings.NewReader(""), &out, &errs}, person(t)); code != exitUsage ||
		!strings.Contains(errs.String(), "updates.url") {
		t.Errorf("got exit code %d, %s; want that no index is set", code, errs.String())
	}
}

func TestPrintUpdate(t *testing.T) {
	file := update.File{Kind: "deb", URL: "https://releases.example/m.deb", SHA256: "0A"}
	tests := map[string]struct {
		report update.Report
		want   string
	}{
		"none newer": {update.Report{Current: "1.0.0", Newest: "1.0.0", Known: true}, "This is 1.0.0, and nothing newer is out."},
		"no release": {update.Report{Current: "dev", Newest: "1.0.0"}, "This is dev, which is no release; the newest is 1.0.0."},
		"newer": {update.Report{Current: "1.0.0", Newest: "1.1.0", Known: true, Newer: true, Releases: []update.Release{{Version: "1.1.0", Date: "2026-11-22", Summary: "More.", Files: []update.File{file}}}},
			"Millpond 1.1.0 is out; this is 1.0.0.\n\n1.1.0 (2026-11-22)\n  More.\n\nTo install it:\n  "},
		"not for here": {update.Report{Current: "1.0.0", Newest: "1.1.0", Known: true, Newer: true, Releases: []update.Release{{Version: "1.1.0", Date: "2026-11-22"}}}, "It has no file for "},
	}
	for name, tt := range tests {
		var out bytes.Buffer
		printUpdate(&out, tt.report, "deb")
		if !strings.Contains(out.String(), tt.want) {
			t.Errorf("%s: got %q; want %q", name, out.String(), tt.want)
		}
	}
	for goos, want := range map[string]string{
		"linux":   "curl -fLO https://releases.example/m.deb\necho '0A  m.deb' | sha256sum -c\nsudo apt install ./m.deb",
		"darwin":  "curl -fLO https://releases.example/m.deb\necho '0A  m.deb' | shasum -a 256 -c\nsudo apt install ./m.deb",
		"windows": "Invoke-WebRequest https://releases.example/m.deb -OutFile m.deb\n(Get-FileHash m.deb).Hash -eq '0A'    # must say True\nsudo apt install ./m.deb",
	} {
		if got := strings.Join(installSteps(goos, file), "\n"); got != want {
			t.Errorf("%s: got %q; want %q", goos, got, want)
		}
	}
}

// What is offered is what this very program was installed from, whatever else the machine could install.
func TestUpdateOffersWhatIsInstalled(t *testing.T) {
	var files []update.File
	for _, kind := range []string{"AppImage", "deb", "rpm", "tar.gz"} {
		files = append(files, update.File{Kind: kind, URL: "https://releases.example/m." + kind})
	}
	tests := []struct {
		name, program string
		environ       map[string]string
		owner         string // the package manager that knows the program
		want          string
	}{
		{"a .deb", "/usr/bin/millpondd", nil, "dpkg", "deb"},
		{"an .rpm", "/usr/bin/millpondd", nil, "rpm", "rpm"},
		{"an AppImage, copied", "/home/a/.local/share/millpond/bin/millpondd", nil, "", "AppImage"},
		{"an AppImage, copied elsewhere", "/data/millpond/bin/millpondd", map[string]string{"XDG_DATA_HOME": "/data"}, "", "AppImage"},
		{"an AppImage, mounted", "/tmp/.mount_x/usr/bin/millpondd", map[string]string{"APPDIR": "/tmp/.mount_x"}, "", "AppImage"},
		{"the tarball", "/home/a/millpond/millpondd", nil, "", "tar.gz"},
		{"the tarball, below another program's AppImage", "/home/a/millpond/millpondd", map[string]string{"APPDIR": "/tmp/.mount_y"}, "", "tar.gz"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			getenv := func(name string) string { return map[string]string{"HOME": "/home/a"}[name] + tt.environ[name] }
			kind := kindOfProgram(tt.program, getenv, func(words ...string) bool {
				return words[0] == tt.owner && words[len(words)-1] == tt.program
			})
			if file, ok := fileOfKind(files, kind); !ok || file.Kind != tt.want {
				t.Errorf("got %q, and the file %+v; want %s", kind, file, tt.want)
			}
		})
	}
	if file, ok := fileOfKind(files[1:2], "tar.gz"); !ok || file.Kind != "deb" {
		t.Errorf("got %+v; want the only one there is", file)
	}
}
