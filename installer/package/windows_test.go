package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"debug/pe"
	"encoding/pem"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/tc-hib/winres"
)

// lean is the recipe of the tray, a program with resources that is built in seconds.
var lean = windowsRecipes[1]

// What Windows shows of a program, and how it runs it, is in the program and comes from FyneApp.toml.
func TestResources(t *testing.T) {
	changed, _ := otherwise(t)
	p := *changed
	p.root, p.arch, p.icon = "../..", "amd64", "assets/icon/app-512.png"
	path := filepath.Join(t.TempDir(), lean.name)
	if err := p.compile(t.Context(), lean, "pie", path); err != nil {
		t.Fatal(err)
	}
	if err := p.brand(lean, path); err != nil {
		t.Fatal(err)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	set, err := winres.LoadFromEXE(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	info := string(set.Get(winres.RT_VERSION, winres.ID(1), english))
	if fixed := "\x00\x00\x01\x00\x08\x00\x07\x00\x00\x00\x09\x00"; strings.Count(info, fixed[2:]) != 1 {
		t.Errorf("the fixed numbers are not those of 7.8.9: %q", info)
	}
	for _, want := range []string{"Millpond", "7.8.9", "Millpond tray", "millpond.exe", rights} {
		if !strings.Contains(info, wide(want)) {
			t.Errorf("the version resource has no %q", want)
		}
	}
	manifest := string(set.Get(winres.RT_MANIFEST, winres.ID(1), english))
	for _, want := range []string{">permonitorv2,system<", ">true</longPathAware>", `level="asInvoker"`} {
		if !strings.Contains(manifest, want) {
			t.Errorf("the manifest has no %s: %s", want, manifest)
		}
	}
	testIcon(t, set)
	testHeader(t, body)
}

// The icon has the sizes that Windows shows: 256 in folders, down to 16 in lists.
func testIcon(t *testing.T, set *winres.ResourceSet) {
	t.Helper()
	icon, err := set.GetIcon(winres.ID(1))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := icon.SaveICO(&got); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("../../assets/icon/app.ico")
	if err != nil {
		t.Fatal(err)
	}
	if n := got.Bytes()[4]; n != want[4] || n < 5 {
		t.Errorf("got an icon of %d pictures; want those %d of app.ico", n, want[4])
	}
}

// The program has no console, and is still one that Windows loads: sections in order, none over another.
func testHeader(t *testing.T, body []byte) {
	t.Helper()
	f, err := pe.NewFile(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if got := f.OptionalHeader.(*pe.OptionalHeader64).Subsystem; got != pe.IMAGE_SUBSYSTEM_WINDOWS_GUI {
		t.Errorf("got the subsystem %d; want %d, without a console", got, pe.IMAGE_SUBSYSTEM_WINDOWS_GUI)
	}
	next := uint32(0)
	for _, s := range f.Sections {
		if s.VirtualAddress < next {
			t.Errorf("section %s begins at %#x, within the one before, which ends at %#x", s.Name, s.VirtualAddress, next)
		}
		next = s.VirtualAddress + s.VirtualSize
	}
}

// wide is text as Windows stores it.
func wide(text string) string {
	var b strings.Builder
	for _, c := range utf16.Encode([]rune(text)) {
		b.WriteByte(byte(c))
		b.WriteByte(byte(c >> 8))
	}
	return b.String()
}

func TestQuad(t *testing.T) {
	tests := []struct {
		version string
		want    [4]uint16
		bad     bool
	}{
		{version: "1.2.3", want: [4]uint16{1, 2, 3, 0}},
		{version: "1.2.3-rc.1+abc", want: [4]uint16{1, 2, 3, 0}},
		{version: "1.2", want: [4]uint16{1, 2, 0, 0}},
		{version: "1.2.3.4.5", bad: true},
		{version: "1.70000.3", bad: true},
		{version: "devel", bad: true},
	}
	for _, test := range tests {
		got, err := (&product{Version: test.version}).quad()
		if got != test.want && !test.bad || (err != nil) != test.bad {
			t.Errorf("%s: got %v, %v; want %v", test.version, got, err, test.want)
		}
	}
}

// needs skips a test of the setup where what makes it is not installed.
func needs(t *testing.T, programs ...string) {
	t.Helper()
	for _, name := range programs {
		if _, err := exec.LookPath(name); err != nil {
			t.Skipf("%s is not installed here; .ci/install windows brings it", name)
		}
	}
}

// sampleSetup makes a setup of small files, which were written at the time given.
func sampleSetup(t *testing.T, p *product, s signer, written time.Time) string {
	t.Helper()
	stage := filepath.Join(t.TempDir(), "stage")
	if err := os.Mkdir(stage, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, r := range windowsRecipes {
		path := filepath.Join(stage, r.name)
		if err := os.WriteFile(path, []byte("a program, "+r.because), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, written, written); err != nil {
			t.Fatal(err)
		}
	}
	to := filepath.Join(t.TempDir(), p.fileName(setup))
	if err := p.compileSetup(t.Context(), s, stage, to); err != nil {
		t.Fatal(err)
	}
	return to
}

// The setup has the same bytes whenever it is made, and says its version.
func TestSetup(t *testing.T) {
	needs(t, "makensis")
	changed, _ := otherwise(t)
	p := *changed
	p.root, p.icon = "../..", "assets/icon/app-512.png"
	var made [2][]byte
	for i := range made {
		body, err := os.ReadFile(sampleSetup(t, &p, signer{}, time.Unix(1e9*int64(i+1), 0)))
		if err != nil {
			t.Fatal(err)
		}
		made[i] = body
	}
	if !bytes.Equal(made[0], made[1]) {
		t.Error("got other bytes of the same input")
	}
	set, err := winres.LoadFromEXE(bytes.NewReader(made[0]))
	if err != nil {
		t.Fatal(err)
	}
	if info := string(set.Get(winres.RT_VERSION, winres.ID(1), english)); !strings.Contains(info, wide("7.8.9")) {
		t.Errorf("the setup's version resource has no 7.8.9: %q", info)
	}
	manifest := string(set.Get(winres.RT_MANIFEST, winres.ID(1), english))
	for _, want := range []string{">true</dpiAware>", ">true</longPathAware>", `level="asInvoker"`} {
		if !strings.Contains(manifest, want) {
			t.Errorf("the setup's manifest has no %s: %s", want, manifest)
		}
	}
}

// What is signed is believed, and no longer so once a byte of it is another.
func TestSigned(t *testing.T) {
	needs(t, "makensis", "osslsigncode")
	s := selfSigned(t)
	changed, _ := otherwise(t)
	p := *changed
	p.root, p.icon = "../..", "assets/icon/app-512.png"
	path := sampleSetup(t, &p, s, time.Unix(1e9, 0)) // its uninstaller is signed on the way
	if err := s.sign(t.Context(), path); err != nil {
		t.Fatal(err)
	}
	if said, ok := verified(t.Context(), s, path); !ok {
		t.Fatalf("the signature is not believed: %s", said)
	}
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	body[len(body)/2]++
	if err := os.WriteFile(path, body, 0o755); err != nil {
		t.Fatal(err)
	}
	if said, ok := verified(t.Context(), s, path); ok {
		t.Errorf("what was changed after it was signed is believed: %s", said)
	}
}

func TestSignNeedsBoth(t *testing.T) {
	if err := (&signer{certificate: "windows_test.go"}).check(); err == nil || !strings.Contains(err.Error(), "-sign-key") {
		t.Errorf("without a key: got %v; want an error that names -sign-key", err)
	}
	if err := (&signer{certificate: "windows_test.go", key: "missing.pem"}).check(); err == nil {
		t.Error("with a key that is not there: got no error")
	}
}

// verified reports whether the signature of a program is by our certificate and for its present bytes.
func verified(ctx context.Context, s signer, path string) (said string, ok bool) {
	out, err := exec.CommandContext(ctx, "osslsigncode", "verify", "-CAfile", s.certificate, "-in", path).CombinedOutput()
	return string(out), err == nil
}

// selfSigned returns a signer with a certificate of its own making.
func selfSigned(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Millpond's test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := signer{certificate: filepath.Join(dir, "it's a certificate.pem"), key: filepath.Join(dir, "key.pem"), title: "Millpond"}
	for path, block := range map[string]*pem.Block{
		s.certificate: {Type: "CERTIFICATE", Bytes: certificate}, s.key: {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Every text of the setup is there in both languages, and none is asked for that is not.
func TestSetupTexts(t *testing.T) {
	script, err := os.ReadFile("windows/setup.nsi")
	if err != nil {
		t.Fatal(err)
	}
	texts, err := os.ReadFile("windows/strings.nsh")
	if err != nil {
		t.Fatal(err)
	}
	var known []string
	for _, m := range regexp.MustCompile(`(?m)^\$\{String\} (\w+) "(.+)" "(.+)"$`).FindAllStringSubmatch(string(texts), -1) {
		known = append(known, m[1])
		if m[2] == m[3] || !regexp.MustCompile(`\p{Han}`).MatchString(m[3]) {
			t.Errorf("%s is not in Chinese: %s", m[1], m[3])
		}
		if !strings.Contains(string(script), "$("+m[1]+")") {
			t.Errorf("nothing asks for %s", m[1])
		}
	}
	if len(known) != strings.Count(string(texts), "${String} ") {
		t.Errorf("read %d of the texts; there are others", len(known))
	}
	for _, m := range regexp.MustCompile(`\$\((\w+)\)`).FindAllStringSubmatch(string(script), -1) {
		if !slices.Contains(known, m[1]) {
			t.Errorf("%s is in no language", m[1])
		}
	}
}

// The setup makes the tray start at log-on as the application itself does.
func TestSetupStartsTrayAsTheApplication(t *testing.T) {
	script, err := os.ReadFile("windows/setup.nsi")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("../../app/autostart.go")
	if err != nil {
		t.Fatal(err)
	}
	name := regexp.MustCompile(`autostartValue += "(\w+)"`).FindSubmatch(source)
	if name == nil || !bytes.Contains(script, []byte("!define TRAY \""+string(name[1])+"\"")) {
		t.Errorf("the setup does not write the value %s", name)
	}
}
