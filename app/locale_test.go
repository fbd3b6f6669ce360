package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"millpond/app/model"
	"millpond/assets"
	"millpond/settings"
)

// english and chinese are the languages.
const (
	english = "en"
	chinese = "zh_Hans"
)

// sources are the folders whose literals are keys.
var sources = []string{".", "model", "tray", "window", "chart"}

// aKey is what a key looks like.
var aKey = regexp.MustCompile(`^[a-z]+(\.[a-z0-9_]+)+$`)

// notWords are the literals of app/tray and app/window that nobody reads, or that
// are the same in every language.
var notWords = []string{
	"Millpond", // the name on the bus and of the window
	".png",     // the name of a resource
	"linux",    // an operating system
	"light",    // the names of appearances
	"dark",
}

func TestEveryLanguageHasEveryKey(t *testing.T) {
	want := keysOf(t, english)
	for name, words := range map[string]map[string]assets.Sentence{english: want, chinese: keysOf(t, chinese)} {
		for key := range want {
			if _, ok := words[key]; !ok {
				t.Errorf("%s lacks %s", name, key)
			}
		}
		for key, value := range words {
			if strings.Contains(value.One+value.Other, "→") {
				t.Errorf("%s: %s has an arrow, behind which Fyne's fonts draw a box", name, key)
			}
			if _, ok := want[key]; !ok {
				t.Errorf("%s has %s, which English lacks", name, key)
			}
			if !slices.Equal(placesOf(value), placesOf(want[key])) {
				t.Errorf("%s: %s mentions %v; want %v as in English", name, key, placesOf(value), placesOf(want[key]))
			}
		}
	}
}

func TestEveryKeyIsUsedAndWorded(t *testing.T) {
	words := keysOf(t, english)
	used := map[string]string{} // the key and where it stands
	for _, dir := range sources {
		for where, literal := range literalsOf(t, dir) {
			family, _, _ := strings.Cut(literal, ".")
			if _, ok := settings.Lookup(literal); ok && words[literal] == (assets.Sentence{}) {
				continue // the path of a setting
			}
			if aKey.MatchString(literal) && hasFamily(words, family) {
				used[literal] = where
			}
		}
	}
	for _, key := range keysOfSettings() {
		used[key] = "settings.Keys"
	}
	for key, where := range used {
		if _, ok := words[key]; !ok {
			t.Errorf("%s: %s has no words", where, key)
		}
	}
	for key := range words {
		if _, ok := used[key]; !ok {
			t.Errorf("%s: nothing says %s", english, key)
		}
	}
}

// keysOfSettings returns the keys under which a form finds its words: the name of
// each setting, what it means, and its choices. Forms have neither the version of the
// file nor routes.
func keysOfSettings() []string {
	var keys []string
	for _, k := range settings.Keys() {
		if k.Path == "version" || k.Section() == "routes[]" {
			continue
		}
		keys = append(keys, k.Locale(), k.Locale()+".label")
		for _, value := range k.Allowed {
			if k.Path != "pool.preset" { // presets have names of their own
				keys = append(keys, k.Locale()+"."+value)
			}
		}
	}
	return keys
}

// What a person reads comes from the locale files alone.
func TestNoWordsInTheCode(t *testing.T) {
	for _, dir := range []string{"tray", "window", "chart"} {
		for where, literal := range literalsOf(t, dir) {
			letters := strings.ContainsFunc(literal, unicode.IsLetter)
			if letters && !aKey.MatchString(literal) && !slices.Contains(notWords, literal) {
				t.Errorf("%s: %q is not from the locale files", where, literal)
			}
		}
	}
}

func TestSay(t *testing.T) {
	tests := []struct {
		language string
		text     model.Text
		want     string
	}{
		{"en", model.Text{}, ""},
		{"en", model.T("state.on"), "Running"},
		{"zh_Hans", model.T("state.on"), "运行中"},
		{"en", model.N("pool.open", 1), "1 connection open, no limit"},
		{"en", model.N("pool.open", 1200), "1,200 connections open, no limit"},
		{"zh_Hans", model.N("pool.open", 1), "已打开 1 个连接，无上限"},
		{"en", model.T("upstream.last_error", "When", model.T("ago.now"), "Detail", "{{.When}} in braces"), "Last error just now: {{.When}} in braces"},
		{"en", model.T("no.such_key"), "no.such_key"},
	}
	for _, test := range tests {
		say, err := Speak(test.language)
		if err != nil {
			t.Fatal(err)
		}
		if got := say(test.text); got != test.want {
			t.Errorf("%s: got %q; want %q", test.language, got, test.want)
		}
	}
	if _, err := Speak("xx"); err == nil {
		t.Error("a language that there is not: got no error")
	}
}

func TestSystemLanguage(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("the language comes from the environment on Linux alone")
	}
	t.Setenv("LANGUAGE", "")
	for locale, want := range map[string]string{"zh_CN.UTF-8": "已关闭", "fr_FR.UTF-8": "Off", "C": "Off", "": "Off"} {
		t.Setenv("LC_ALL", locale)
		t.Setenv("LANG", locale)
		say, err := Speak("")
		if err != nil {
			t.Fatal(err)
		}
		if got := say(model.T("state.off")); got != want {
			t.Errorf("%q: got %q; want %q", locale, got, want)
		}
	}
}

// keysOf returns the sentences of a language by their keys.
func keysOf(t *testing.T, language string) map[string]assets.Sentence {
	t.Helper()
	words, err := assets.Sentences(language)
	if err != nil {
		t.Fatal(err)
	}
	return words
}

// placesOf returns the names that a sentence mentions.
func placesOf(s assets.Sentence) []string {
	found := regexp.MustCompile(`{{\.[A-Za-z]+}}`).FindAllString(s.Other, -1)
	slices.Sort(found)
	return slices.Compact(found)
}

// hasFamily reports whether there are keys that begin with family and a dot.
func hasFamily(words map[string]assets.Sentence, family string) bool {
	for key := range maps.Keys(words) {
		if strings.HasPrefix(key, family+".") {
			return true
		}
	}
	return false
}

// literalsOf returns the string literals of the Go files in dir that are no
// tests, by where they stand, imports and literals of errors and logs aside.
func literalsOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no Go files in %s: %v", dir, err)
	}
	found := map[string]string{}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if _, ok := n.(*ast.ImportSpec); ok {
				return false
			}
			if call, ok := n.(*ast.CallExpr); ok && makesText(call) {
				call.Args = withoutNames(call.Args)
			}
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				if value, err := strconv.Unquote(l.Value); err == nil {
					found[files.Position(l.Pos()).String()] = value
				}
			}
			return true
		})
	}
	return found
}

// makesText reports whether a call is that of model.T or model.N.
func makesText(call *ast.CallExpr) bool {
	name, ok := call.Fun.(*ast.Ident)
	if selector, yes := call.Fun.(*ast.SelectorExpr); yes {
		name, ok = selector.Sel, true
	}
	return ok && (name.Name == "T" || name.Name == "N")
}

// withoutNames leaves out the names of arguments, which nobody reads.
func withoutNames(args []ast.Expr) []ast.Expr {
	kept := args[:1:1]
	for _, arg := range args[1:] {
		if l, ok := arg.(*ast.BasicLit); !ok || l.Kind != token.STRING {
			kept = append(kept, arg)
		}
	}
	return kept
}
