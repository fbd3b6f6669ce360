package main

import (
	"bytes"
	"debug/macho"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"image/png"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/jackmordaunt/icns/v3"
	"howett.net/plist"
)

// bundled makes what a macOS package is made of, and returns the product and the folder. Only the daemon
// can be built for macOS elsewhere, since the other two programs need Apple's frameworks; it stands in for
// them.
func bundled(t *testing.T) (*product, string) {
	t.Helper()
	p, _ := sample(t)
	programs, out := t.TempDir(), t.TempDir()
	both := universal(t, map[string]string{"arm64": forMac(t, p, "arm64"), "amd64": forMac(t, p, "amd64")})
	for _, r := range recipes {
		if err := os.WriteFile(filepath.Join(programs, r.name), both, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := makeApp(t.Context(), p, programs, out); err != nil {
		t.Fatal(err)
	}
	return p, out
}

// forMac builds the daemon for macOS and returns its path.
func forMac(t *testing.T, p *product, arch string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "millpondd")
	c := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X main.version="+p.Version, "-o", path, "./cmd/millpondd")
	c.Dir, c.Env = p.root, append(os.Environ(), "CGO_ENABLED=0", "GOOS=darwin", "GOARCH="+arch)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// universal joins programs for different processors as lipo does.
func universal(t *testing.T, programs map[string]string) []byte {
	t.Helper()
	const page = 14 // of 16 KiB, as a power of two
	var joined bytes.Buffer
	header := []uint32{macho.MagicFat, uint32(len(programs))}
	at, bodies := uint32(1<<page), [][]byte{}
	for _, arch := range []string{"amd64", "arm64"} {
		body, err := os.ReadFile(programs[arch])
		if err != nil {
			t.Fatal(err)
		}
		little := binary.LittleEndian // of both processors; the second and third word of a Mach-O file
		header = append(header, little.Uint32(body[4:]), little.Uint32(body[8:]), at, uint32(len(body)), page)
		bodies = append(bodies, body)
		at = (at + uint32(len(body)) + 1<<page - 1) &^ (1<<page - 1)
	}
	_ = binary.Write(&joined, binary.BigEndian, header) // a buffer takes everything
	for _, body := range bodies {
		joined.Write(make([]byte, -joined.Len()&(1<<page-1)))
		joined.Write(body)
	}
	return joined.Bytes()
}

func TestBundle(t *testing.T) {
	p, out := bundled(t)
	t.Run("files", func(t *testing.T) { testBundleFiles(t, p, out) })
	t.Run("Info.plist", func(t *testing.T) { testInfo(t, p, out) })
	t.Run("words", func(t *testing.T) { testWords(t, p, out) })
	t.Run("programs", func(t *testing.T) { testMacPrograms(t, out) })
	t.Run("icon", func(t *testing.T) { testMacIcon(t, p, out) })
	t.Run("package", func(t *testing.T) { testMacPackage(t, p, out) })
	t.Run("script", func(t *testing.T) { testMakePkg(t, p, out) })
}

func testBundleFiles(t *testing.T, p *product, out string) {
	var got []string
	err := filepath.WalkDir(out, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		name, _ := filepath.Rel(out, path)
		got = append(got, fmt.Sprintf("%s %s", info.Mode(), filepath.ToSlash(name)))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(got, func(a, b string) int { return strings.Compare(a[11:], b[11:]) })
	want := `-rw-r--r-- macos/component.plist
-rw-r--r-- macos/distribution.xml
-rwxr-xr-x macos/make-pkg.sh
-rw-r--r-- macos/root/Millpond.app/Contents/Info.plist
-rwxr-xr-x macos/root/Millpond.app/Contents/MacOS/millpond
-rwxr-xr-x macos/root/Millpond.app/Contents/MacOS/millpond-window
-rwxr-xr-x macos/root/Millpond.app/Contents/MacOS/millpondd
-rw-r--r-- macos/root/Millpond.app/Contents/Resources/LICENSE
-rw-r--r-- macos/root/Millpond.app/Contents/Resources/en.lproj/InfoPlist.strings
-rw-r--r-- macos/root/Millpond.app/Contents/Resources/icon.icns
-rw-r--r-- macos/root/Millpond.app/Contents/Resources/licences-of-libraries.txt
-rw-r--r-- macos/root/Millpond.app/Contents/Resources/zh-Hans.lproj/InfoPlist.strings
-rwxr-xr-x macos/scripts/postinstall
-rw-r--r-- millpond-` + p.Version + `-macos-universal.cdx.json`
	if got := strings.Join(got, "\n"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// contentsOf reads a file of the bundle.
func contentsOf(t *testing.T, out, name string) []byte {
	t.Helper()
	body, err := os.ReadFile(filepath.Join(out, "macos/root/Millpond.app/Contents", name))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// property reads a property list by two parsers: ours, and the system's where it is installed.
func property(t *testing.T, path string, into any) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plist.Unmarshal(text, into); err != nil {
		t.Errorf("%s: %v", path, err)
	}
	if tool, err := exec.LookPath("plistutil"); err == nil && strings.HasSuffix(path, ".plist") {
		if out, err := exec.CommandContext(t.Context(), tool, "-i", path, "-o", filepath.Join(t.TempDir(), "out")).CombinedOutput(); err != nil {
			t.Errorf("plistutil of %s: %v: %s", path, err, out)
		}
	}
}

func testInfo(t *testing.T, p *product, out string) {
	var got map[string]any
	property(t, filepath.Join(out, "macos/root/Millpond.app/Contents/Info.plist"), &got)
	for key, want := range map[string]any{
		"CFBundleIdentifier": p.ID, "CFBundleName": p.Title, "CFBundleShortVersionString": p.Version, "CFBundleVersion": p.Numbers(),
		"CFBundlePackageType": "APPL", "LSUIElement": true, "NSHighResolutionCapable": true, "NSHumanReadableCopyright": rights,
		"LSMinimumSystemVersion": minMacOS,
	} {
		if got[key] != want {
			t.Errorf("%s: got %v; want %v", key, got[key], want)
		}
	}
	info, err := os.Stat(filepath.Join(out, "macos/root/Millpond.app/Contents/MacOS", fmt.Sprint(got["CFBundleExecutable"])))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("got the program %v, %v; want one that can be run", info, err)
	}
	contentsOf(t, out, "Resources/"+fmt.Sprint(got["CFBundleIconFile"]))
	for _, language := range got["CFBundleLocalizations"].([]any) {
		contentsOf(t, out, fmt.Sprintf("Resources/%s.lproj/InfoPlist.strings", language))
	}
}

// Each language says the same things.
func testWords(t *testing.T, p *product, out string) {
	for _, language := range []string{"en", "zh-Hans"} {
		var got map[string]string
		property(t, filepath.Join(out, "macos/root/Millpond.app/Contents/Resources", language+".lproj/InfoPlist.strings"), &got)
		if len(got) != 2 || got["CFBundleDisplayName"] != p.Title || !strings.Contains(got["NSHumanReadableCopyright"], "2026") {
			t.Errorf("%s: got %v; want the name and the copyright", language, got)
		}
	}
}

// buildVersion is the load command that says what system a program is for (mach-o/loader.h).
const buildVersion = 0x32

// Each program is there for both kinds of processors, and runs on the oldest system that we promise.
func testMacPrograms(t *testing.T, out string) {
	for _, r := range recipes {
		both, err := macho.NewFatFile(bytes.NewReader(contentsOf(t, out, "MacOS/"+r.name)))
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		var kinds []macho.Cpu
		for _, one := range both.Arches {
			kinds = append(kinds, one.Cpu)
			if one.Type != macho.TypeExec {
				t.Errorf("%s: got a file of type %v; want a program", r.name, one.Type)
			}
			if got := minimumOf(one.File); got != minMacOS {
				t.Errorf("%s for %v: got that it needs macOS %q; want %s, as Info.plist says", r.name, one.Cpu, got, minMacOS)
			}
		}
		if !slices.Equal(kinds, []macho.Cpu{macho.CpuAmd64, macho.CpuArm64}) {
			t.Errorf("%s: got it for %v; want amd64 and arm64", r.name, kinds)
		}
	}
}

// minimumOf returns the oldest macOS that a program says it runs on, or "".
func minimumOf(f *macho.File) string {
	for _, l := range f.Loads {
		if raw := l.Raw(); f.ByteOrder.Uint32(raw) == buildVersion {
			v := f.ByteOrder.Uint32(raw[12:]) // after command, size and platform
			return fmt.Sprintf("%d.%d", v>>16, v>>8&0xff)
		}
	}
	return ""
}

// The icon holds the drawn pictures, pixel by pixel.
func testMacIcon(t *testing.T, p *product, out string) {
	pictures, err := icns.DecodeAll(bytes.NewReader(contentsOf(t, out, "Resources/icon.icns")))
	if err != nil {
		t.Fatal(err)
	}
	var got []int
	for _, picture := range pictures {
		size := picture.Bounds().Dx()
		got = append(got, size)
		body, err := p.picture(size)
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := png.Decode(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		for at := range size {
			if g, w := picture.At(at, size/2), drawn.At(at, size/2); g != w {
				t.Fatalf("%d pixels: got the colour %v at %d; want %v", size, g, at, w)
			}
		}
	}
	if want := []int{512, 512, 256, 256, 128, 64, 32}; !slices.Equal(got, want) {
		t.Errorf("got the sizes %v; want %v", got, want)
	}
	if tool, err := exec.LookPath("icns2png"); err == nil {
		list, err := exec.CommandContext(t.Context(), tool, "-l", filepath.Join(out, "macos/root/Millpond.app/Contents/Resources/icon.icns")).CombinedOutput()
		if err != nil {
			t.Errorf("icns2png: %v: %s", err, list)
		}
	}
}

// What describes the package speaks of files that are there, and of the product as it is called.
func testMacPackage(t *testing.T, p *product, out string) {
	var components []map[string]any
	property(t, filepath.Join(out, "macos/component.plist"), &components)
	if len(components) != 1 || components[0]["BundleIsRelocatable"] != false {
		t.Fatalf("got %v; want one bundle that stays where it belongs", components)
	}
	if _, err := os.Stat(filepath.Join(out, "macos/root", fmt.Sprint(components[0]["RootRelativeBundlePath"]))); err != nil {
		t.Error(err)
	}
	text, err := os.ReadFile(filepath.Join(out, "macos/distribution.xml"))
	if err != nil {
		t.Fatal(err)
	}
	var d struct {
		Oldest struct {
			Min string `xml:"min,attr"`
		} `xml:"volume-check>allowed-os-versions>os-version"`
		Choice struct {
			Ref struct {
				ID string `xml:"id,attr"`
			} `xml:"pkg-ref"`
		} `xml:"choice"`
		Ref struct {
			ID      string `xml:"id,attr"`
			Version string `xml:"version,attr"`
			File    string `xml:",chardata"`
		} `xml:"pkg-ref"`
	}
	if err := xml.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.Oldest.Min != minMacOS {
		t.Errorf("got that it installs on macOS %q; want %s", d.Oldest.Min, minMacOS)
	}
	if d.Ref.ID != p.ID || d.Choice.Ref.ID != p.ID || d.Ref.Version != p.Numbers() || d.Ref.File != p.Name+".pkg" {
		t.Errorf("got %+v; want %s %s in %s.pkg", d, p.ID, p.Numbers(), p.Name)
	}
	testLabel(t, p, filepath.Join(out, "macos/scripts/postinstall"))
}

// The script knows the daemon's service by the name that the service has.
func testLabel(t *testing.T, p *product, script string) {
	t.Helper()
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(p.root, "installer/service/launchd.go"))
	if err != nil {
		t.Fatal(err)
	}
	_, label, _ := strings.Cut(string(source), `launchdLabel = "`)
	label, _, _ = strings.Cut(label, `"`)
	if want := "/Users/*/Library/LaunchAgents/" + label + ".plist"; label == "" || !strings.Contains(string(text), want) {
		t.Errorf("got a script without %s; it would leave the older daemon running", want)
	}
}

// appleTool stands in for Apple's programs: it writes down what it is called for, and the last file that it names.
const appleTool = `#!/bin/sh
echo "${0##*/} $*" >>"$SAID"
case ${0##*/} in pkgbuild | productbuild) for last; do :; done; echo made >"$last" ;; esac
`

// The script calls what is on macOS alone in order, signs only when it is told who signs, and names the
// package by that.
func testMakePkg(t *testing.T, p *product, out string) {
	tools := t.TempDir()
	for _, name := range []string{"plutil", "lipo", "codesign", "pkgbuild", "productbuild", "pkgutil", "xcrun"} {
		if err := os.WriteFile(filepath.Join(tools, name), []byte(appleTool), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tests := []struct {
		name string
		env  []string
		made string
		want []string // the calls, in order, by how they begin
	}{
		{"unsigned", nil, "-unsigned", []string{
			"plutil -lint root/Millpond.app/Contents/Info.plist", "lipo root/Millpond.app/Contents/MacOS/millpond -verify", "lipo", "lipo",
			"codesign --force --sign - --identifier " + p.ID + ".millpondd root/Millpond.app/Contents/MacOS/millpondd", "codesign",
			"codesign --force --sign - root/Millpond.app", "codesign --verify",
			"pkgbuild --root root --component-plist component.plist --scripts scripts", "productbuild --distribution distribution.xml --package-path . ../millpond",
		}},
		{"signed", []string{"MILLPOND_SIGN_APP=us", "MILLPOND_SIGN_PKG=them", "MILLPOND_NOTARY_KEY=k", "MILLPOND_NOTARY_KEY_ID=i", "MILLPOND_NOTARY_ISSUER=n"}, "", []string{
			"plutil", "lipo", "lipo", "lipo", "codesign --force --options runtime --timestamp --sign us --identifier", "codesign",
			"codesign --force --options runtime --timestamp --sign us root/Millpond.app", "codesign --verify",
			"pkgbuild", "productbuild --distribution distribution.xml --package-path . --timestamp --sign them ../millpond", "pkgutil --check-signature ../",
			"xcrun notarytool submit ../", "xcrun stapler staple ../",
		}},
		{"half signed", []string{"MILLPOND_SIGN_APP=us"}, "-unsigned", []string{
			"plutil", "lipo", "lipo", "lipo", "codesign", "codesign", "codesign", "codesign", "pkgbuild", "productbuild --distribution distribution.xml --package-path . ../millpond",
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			said := filepath.Join(t.TempDir(), "said")
			c := exec.CommandContext(t.Context(), filepath.Join(out, "macos/make-pkg.sh"))
			c.Env = append(test.env, "PATH="+tools+":"+os.Getenv("PATH"), "SAID="+said)
			if out, err := c.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			text, err := os.ReadFile(said)
			if err != nil {
				t.Fatal(err)
			}
			calls := strings.Split(strings.TrimSpace(string(text)), "\n")
			if !slices.EqualFunc(calls, test.want, strings.HasPrefix) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(calls, "\n"), strings.Join(test.want, "\n"))
			}
			for _, made := range []string{"macos/" + p.Name + ".pkg", p.Name + "-" + p.Version + "-macos-universal" + test.made + ".pkg"} {
				if err := os.Remove(filepath.Join(out, made)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestAppNeedsPrograms(t *testing.T) {
	if err := run(t.Context(), []string{"-out", t.TempDir(), "app"}); err == nil || !strings.Contains(err.Error(), "-programs") {
		t.Errorf("got %v; want an error that says what is missing", err)
	}
}

func TestNumbers(t *testing.T) {
	for version, want := range map[string]string{"1.2.3": "1.2.3", "1.2.3-rc.1": "1.2.3", "1.2.3+abc": "1.2.3"} {
		if got := (&product{Version: version}).Numbers(); got != want {
			t.Errorf("%s: got %v; want %v", version, got, want)
		}
	}
}
