package model

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// aCode is what a code that the daemon tells looks like.
var aCode = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)

// Every reason and every error code of the daemon has a sentence here. The
// sources are read, since this package may not import the daemon.
func TestEveryCodeHasASentence(t *testing.T) {
	for name, value := range constants(t, "../../proxy", "Reason") {
		if _, ok := reasons[value]; !ok {
			t.Errorf("%s = %q has no sentence in reasons", name, value)
		}
	}
	found := 0
	for _, dir := range []string{"listener", "router", "exchange", "upstream", "pool", "general"} {
		for name, value := range constants(t, filepath.Join("../../proxy", dir), "Code") {
			found++
			if _, ok := failures[value]; !ok && value != answeredCode {
				t.Errorf("%s: %s = %q has no sentence in failures", dir, name, value)
			}
		}
	}
	if found < 10 {
		t.Errorf("got %d codes in the daemon's sources; want them all: have they moved?", found)
	}
}

// constants returns the text constants of the package in dir whose names begin
// with prefix and whose values are codes.
func constants(t *testing.T, dir, prefix string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
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
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			for i, id := range spec.Names {
				if i >= len(spec.Values) || !strings.HasPrefix(strings.ToLower(id.Name), strings.ToLower(prefix)) {
					continue
				}
				if l, ok := spec.Values[i].(*ast.BasicLit); ok && l.Kind == token.STRING {
					if value, err := strconv.Unquote(l.Value); err == nil && aCode.MatchString(value) {
						found[id.Name] = value
					}
				}
			}
			return true
		})
	}
	return found
}

// sentencesOf returns the literals that a function of the package in dir is called
// with, the parts of a joined one as far as they are literals.
func sentencesOf(t *testing.T, dir, function string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, text, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 1 {
				return true
			}
			if id, ok := call.Fun.(*ast.Ident); ok && id.Name == function {
				found = append(found, literalIn(call.Args[0]))
			}
			return true
		})
	}
	return found
}

// literalIn returns the literals of an expression, one after another.
func literalIn(e ast.Expr) string {
	var all strings.Builder
	ast.Inspect(e, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			if value, err := strconv.Unquote(l.Value); err == nil {
				all.WriteString(value)
			}
		}
		return true
	})
	return all.String()
}
