// Package cmd_test keeps the layout of the whole module: which packages there are, and which
// of ours each may import. The table below is the only place where that is written down.
//
// The files are parsed here rather than listed by the go command, for two reasons: a test that
// runs "go list" is cached and passes falsely after a change elsewhere, and the go command sees
// only the files of one operating system and one set of build tags.
package cmd_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// module is the import path of everything of ours.
const module = "millpond"

// fyneApp is the one import that needs cgo and a graphics library on Linux.
const fyneApp = "fyne.io/fyne/v2/app"

// A row is one package and what its files may import.
type row struct {
	// dir is the folder below the root of the module, with slashes.
	dir string
	// may lists the packages of ours that the files outside of tests may import.
	// "proxy/*" stands for every package below proxy, at any depth.
	may []string
	// fyne reports whether the package draws with Fyne.
	fyne bool
	// stdOnly forbids every import that is neither ours nor the standard library's.
	stdOnly bool
	// planned rows have no folder yet. Who makes the folder removes the mark.
	planned bool
}

// below is what one request passes through, and what the fronts may therefore know.
var below = []string{
	"settings", "proxy/hangup", "proxy/listener", "proxy/meter", "proxy/socket", "proxy/pool", "proxy/replay",
	"proxy/router", "proxy/upstream", "proxy/wire",
}

// layout is the module. A new package needs a row, and a reason in the commit that adds it.
var layout = []row{
	// The vocabulary: plain data that everyone may import.
	{dir: "settings", stdOnly: true},
	{dir: "settings/store", may: []string{"settings"}},
	{dir: "settings/secret"},

	// The daemon, from the socket to the origin.
	{dir: "proxy", may: []string{"settings", "settings/*", "proxy/*"}},
	{dir: "proxy/listener", may: []string{"proxy/wire"}},
	{dir: "proxy/router", may: []string{"settings"}},
	{dir: "proxy/upstream", may: []string{"settings", "settings/secret"}},
	{dir: "proxy/wire"},
	{dir: "proxy/hangup"},
	{dir: "proxy/socket"},
	{dir: "proxy/pool", may: []string{"settings", "proxy/hangup", "proxy/socket", "proxy/wire"}},
	{dir: "proxy/replay"},
	{dir: "proxy/exchange", may: slices.Concat([]string{"settings/secret"}, below)},
	{dir: "proxy/general", may: slices.Concat([]string{"proxy/exchange"}, below)},
	{dir: "proxy/fast", may: slices.Concat([]string{"proxy/exchange"}, below)},

	// What it remembers, says and measures.
	{dir: "proxy/meter"},
	{dir: "proxy/history", may: []string{"proxy/meter"}},
	{dir: "proxy/advisor", may: []string{"settings", "proxy/meter"}},
	{dir: "proxy/control", may: []string{"settings"}},
	{dir: "proxy/control/server", may: []string{"settings", "proxy/control"}},
	{dir: "proxy/bench", may: []string{"settings", "proxy/porttest"}},
	{dir: "proxy/probe", may: []string{"settings", "settings/*", "proxy/upstream", "proxy/control"}},
	{dir: "proxy/leaktest", stdOnly: true}, // for tests
	{dir: "proxy/mutate", stdOnly: true},   // for tests
	{dir: "proxy/porttest", stdOnly: true}, // for tests and benchmarks

	// Getting on to a machine, and off again.
	{dir: "installer/service"},
	{dir: "installer/service/notify"},
	{dir: "installer/hookup"},
	{dir: "installer/doctor", may: []string{"settings", "settings/*", "proxy", "proxy/*", "installer/service", "installer/hookup"}},
	{dir: "installer/update"},
	{dir: "installer/package"},
	{dir: "assets"},

	// The desktop application.
	{dir: "app", may: []string{"settings", "assets", "app/*", "proxy/control", "installer/*"}, fyne: true},
	{dir: "app/model", may: []string{"settings", "proxy/control"}},
	{dir: "app/chart", fyne: true},
	{dir: "app/tray", may: []string{"app/model", "assets"}},
	{dir: "app/window", may: []string{"app/model", "app/chart", "settings", "assets"}, fyne: true},

	// The programs, and the tests that drive them as processes: a module of its own.
	{dir: "cmd"},
	{dir: "cmd/millpond", may: []string{
		"settings", "settings/*", "assets", "app", "app/*", "proxy/control", "installer/*",
	}, fyne: true},
	{dir: "cmd/millpondd", may: []string{
		"settings", "settings/*", "assets", "proxy", "proxy/*", "installer/*",
	}},
	{dir: "cmd/e2e"},
	{dir: "cmd/e2e/system"},
	{dir: "cmd/e2e/upstream"},
	{dir: "cmd/e2e/windows"},
	{dir: "cmd/e2e/windows/hold"},
	{dir: "cmd/e2e/workers"},
}

// top lists the folders that may stand in the root. Folders that begin with a dot belong to
// tools; build and dist are made by the Makefile and are not in the repository.
var top = []string{"app", "proxy", "settings", "assets", "installer", "cmd"}

// Tests may import, beside what their package may: itself, everything in the same top-level
// folder, the settings, the demo upstream as something real to talk to, and ports of their own. They may therefore
// look up the stack (a test of proxy/exchange may drive proxy/general), which costs nothing:
// no program links them. Fyne's app stays out of bounds for them too.
func testMay(r row) []string {
	root, _, _ := strings.Cut(r.dir, "/")
	return append([]string{r.dir, root, root + "/*", "settings", "settings/*", "proxy/bench", "proxy/porttest"}, r.may...)
}

// matches reports whether the folder dir is one of the listed ones.
func matches(list []string, dir string) bool {
	return slices.ContainsFunc(list, func(p string) bool {
		if base, all := strings.CutSuffix(p, "/*"); all {
			return strings.HasPrefix(dir, base+"/")
		}
		return p == dir
	})
}

// A goFile is one file of the tree and what it imports.
type goFile struct {
	dir, name string
	imports   []string
}

func (f goFile) path() string { return path.Join(f.dir, f.name) }

// skipped reports whether the go command too passes the folder by, or the Makefile made it.
func skipped(dir string) bool {
	base := path.Base(dir)
	return dir != "." && (base[0] == '.' || base[0] == '_') ||
		slices.Contains([]string{"testdata", "node_modules"}, base) || dir == "build" || dir == "dist"
}

// readTree parses the imports of every Go file below root, whatever its build tags say.
func readTree(root string) ([]goFile, error) {
	var files []goFile
	err := fs.WalkDir(os.DirFS(root), ".", func(name string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case e.IsDir() && skipped(name):
			return fs.SkipDir
		case e.IsDir() || !strings.HasSuffix(name, ".go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, filepath.FromSlash(name)), nil, parser.ImportsOnly)
		if err != nil {
			return fmt.Errorf("read imports: %w", err)
		}
		f := goFile{dir: path.Dir(name), name: path.Base(name)}
		for _, spec := range parsed.Imports {
			p, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
			}
			f.imports = append(f.imports, p)
		}
		files = append(files, f)
		return nil
	})
	return files, err
}

// check returns one sentence for each fault of the tree at root, measured by the table.
func check(root string, table []row) ([]string, error) {
	files, err := readTree(root)
	if err != nil {
		return nil, err
	}
	faults, err := checkTop(root)
	if err != nil {
		return nil, err
	}
	rows := map[string]row{}
	for _, r := range table {
		if _, twice := rows[r.dir]; twice {
			faults = append(faults, fmt.Sprintf("%s: has two rows in the table", r.dir))
		}
		rows[r.dir] = r
	}
	found := map[string]bool{}
	for _, f := range files {
		r, known := rows[f.dir]
		if !known && !found[f.dir] {
			faults = append(faults, fmt.Sprintf("%s: not in the table of cmd/layout_test.go", f.dir))
		}
		found[f.dir] = true
		if known {
			faults = append(faults, checkFile(f, r)...)
		}
	}
	faults = append(faults, checkRows(table, found)...)
	return append(faults, checkCycles(table)...), nil
}

// checkTop finds folders in the root that do not belong there.
func checkTop(root string) (faults []string, err error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() && !skipped(e.Name()) && !slices.Contains(top, e.Name()) {
			faults = append(faults, fmt.Sprintf("%s: not one of the top-level folders %v", e.Name(), top))
		}
	}
	return faults, nil
}

// checkFile compares the imports of one file with its package's row.
func checkFile(f goFile, r row) (faults []string) {
	may := r.may
	if strings.HasSuffix(f.name, "_test.go") {
		may = testMay(r)
	}
	for _, p := range f.imports {
		first, _, _ := strings.Cut(p, "/")
		ours, isOurs := strings.CutPrefix(p, module+"/")
		switch {
		case p == fyneApp && f.dir != "cmd/millpond":
			faults = append(faults, fmt.Sprintf("%s: only cmd/millpond may import %s", f.path(), p))
		case (p == "fyne.io/fyne/v2" || strings.HasPrefix(p, "fyne.io/fyne/v2/")) && !r.fyne:
			faults = append(faults, fmt.Sprintf("%s: may not import %s: the package does not draw", f.path(), p))
		case isOurs && !matches(may, ours), p == module:
			faults = append(faults, fmt.Sprintf("%s: may not import %s", f.path(), p))
		case r.stdOnly && !isOurs && strings.Contains(first, "."):
			faults = append(faults, fmt.Sprintf("%s: may not import %s: standard library only", f.path(), p))
		}
	}
	return faults
}

// checkRows finds rows that say something other than the tree.
func checkRows(table []row, found map[string]bool) (faults []string) {
	for _, r := range table {
		switch {
		case !r.planned && !found[r.dir]:
			faults = append(faults, fmt.Sprintf("%s: in the table, but the folder has no Go file", r.dir))
		case r.planned && found[r.dir]:
			faults = append(faults, fmt.Sprintf("%s: exists now; remove its planned mark", r.dir))
		}
	}
	return faults
}

// checkCycles finds a circle among the rows. When the rows have none, neither have the imports,
// since every import is one that a row permits.
func checkCycles(table []row) (faults []string) {
	const (
		open = 1
		done = 2
	)
	state := map[string]int{}
	var visit func(r row, trail []string)
	visit = func(r row, trail []string) {
		trail = append(trail, r.dir)
		if state[r.dir] == open {
			faults = append(faults, "the table goes in a circle: "+strings.Join(trail[slices.Index(trail, r.dir):], " -> "))
		}
		if state[r.dir] != 0 {
			return
		}
		state[r.dir] = open
		for _, next := range table {
			if matches(r.may, next.dir) {
				visit(next, trail)
			}
		}
		state[r.dir] = done
	}
	for _, r := range table {
		visit(r, nil)
	}
	return faults
}

func TestLayout(t *testing.T) {
	faults, err := check("..", layout)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Error(f)
	}
}

// TestLayoutCatchesFaults runs the checker on small trees, each with one planted fault.
func TestLayoutCatchesFaults(t *testing.T) {
	sound := map[string]string{
		"settings/settings.go":     `package settings; import "time"; var _ time.Duration`,
		"proxy/pool/pool.go":       `package pool; import "millpond/settings"`,
		"proxy/pool/pool_test.go":  `package pool_test; import ("millpond/proxy/pool"; "millpond/proxy")`,
		"proxy/proxy.go":           `package proxy; import ("millpond/proxy/pool"; "millpond/settings")`,
		"cmd/millpond/main.go":     `package main; import "fyne.io/fyne/v2/app"`,
		"build/anything/x.go":      `package nobody; import "millpond/unknown"`,
		"proxy/pool/testdata/x.go": `package nobody; import "millpond/unknown"`,
	}
	table := []row{
		{dir: "settings", stdOnly: true},
		{dir: "proxy/pool", may: []string{"settings"}},
		{dir: "proxy", may: []string{"settings", "proxy/*"}},
		{dir: "cmd/millpond", fyne: true},
		{dir: "app", planned: true},
	}
	tests := []struct {
		name  string
		plant map[string]string // files laid over the sound tree; an empty one is taken away
		rows  []row             // rows laid over the table
		want  string            // the one fault; "" when there is none
	}{
		{name: "a sound tree"},
		{
			name:  "a package without a row",
			plant: map[string]string{"proxy/extra/extra.go": "package extra"},
			want:  "proxy/extra: not in the table of cmd/layout_test.go",
		}, {
			name:  "a package in the root",
			plant: map[string]string{"main.go": "package main"},
			want:  ".: not in the table of cmd/layout_test.go",
		}, {
			name:  "an import upwards",
			plant: map[string]string{"settings/more.go": `package settings; import "millpond/proxy/pool"`},
			want:  "settings/more.go: may not import millpond/proxy/pool",
		}, {
			name:  "behind a build tag",
			plant: map[string]string{"settings/more.go": "//go:build never\n\npackage settings\n\nimport \"millpond/proxy\""},
			want:  "settings/more.go: may not import millpond/proxy",
		}, {
			name:  "in a file for another system",
			plant: map[string]string{"settings/more_plan9.go": `package settings; import "millpond/proxy"`},
			want:  "settings/more_plan9.go: may not import millpond/proxy",
		}, {
			name:  "a test that reaches into another folder",
			plant: map[string]string{"settings/more_test.go": `package settings; import "millpond/cmd/millpond"`},
			want:  "settings/more_test.go: may not import millpond/cmd/millpond",
		}, {
			name:  "Fyne's app outside of its program",
			plant: map[string]string{"proxy/gui.go": `package proxy; import _ "fyne.io/fyne/v2/app"`},
			want:  "proxy/gui.go: only cmd/millpond may import fyne.io/fyne/v2/app",
		}, {
			name:  "Fyne's app in a test",
			plant: map[string]string{"proxy/gui_test.go": `package proxy; import "fyne.io/fyne/v2/app"`},
			want:  "proxy/gui_test.go: only cmd/millpond may import fyne.io/fyne/v2/app",
		}, {
			name:  "Fyne in a package that does not draw",
			plant: map[string]string{"proxy/gui.go": `package proxy; import "fyne.io/fyne/v2/widget"`},
			want:  "proxy/gui.go: may not import fyne.io/fyne/v2/widget: the package does not draw",
		}, {
			name:  "a dependency in the vocabulary",
			plant: map[string]string{"settings/more.go": `package settings; import "github.com/spf13/viper"`},
			want:  "settings/more.go: may not import github.com/spf13/viper: standard library only",
		}, {
			name:  "a folder that does not belong in the root",
			plant: map[string]string{"util/README": "helpers"},
			want:  fmt.Sprintf("util: not one of the top-level folders %v", top),
		}, {
			name:  "a row whose folder is gone",
			plant: map[string]string{"cmd/millpond/main.go": ""},
			want:  "cmd/millpond: in the table, but the folder has no Go file",
		}, {
			name:  "a planned package that has come",
			plant: map[string]string{"app/app.go": "package app"},
			want:  "app: exists now; remove its planned mark",
		}, {
			name: "two rows for a package",
			rows: []row{{dir: "settings"}},
			want: "settings: has two rows in the table",
		}, {
			name: "a table that goes in a circle",
			rows: []row{
				{dir: "proxy/a", may: []string{"proxy/b"}, planned: true},
				{dir: "proxy/b", may: []string{"proxy/a"}, planned: true},
			},
			want: "the table goes in a circle: proxy/a -> proxy/b -> proxy/a",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			root := t.TempDir()
			plant(t, root, sound)
			plant(t, root, tt.plant)
			got, err := check(root, append(slices.Clone(table), tt.rows...))
			if err != nil {
				t.Fatal(err)
			}
			var want []string
			if tt.want != "" {
				want = []string{tt.want}
			}
			if !slices.Equal(got, want) {
				t.Errorf("got faults %q; want %q", got, want)
			}
		})
	}
}

// plant writes the files below root; one with no content is removed.
func plant(t *testing.T, root string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		file := filepath.Join(root, filepath.FromSlash(name))
		if content == "" {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFilesThatDoNotParse shows that a tree which cannot be read is an error and not a pass.
func TestFilesThatDoNotParse(t *testing.T) {
	root := t.TempDir()
	plant(t, root, map[string]string{"settings/x.go": "package settings; import 5"})
	if _, err := check(root, nil); err == nil {
		t.Error("got no error; want one that names the file")
	}
}
