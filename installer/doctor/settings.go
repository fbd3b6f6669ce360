package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"millpond/settings"
	"millpond/settings/store"
)

// checkSettings looks whether the settings file can be used.
func checkSettings(_ context.Context, v *visit) []Finding {
	if list := settings.FieldErrors(v.fileErr); len(list) > 0 {
		var findings []Finding
		for _, e := range list {
			findings = append(findings, problem("Correct it in "+v.Settings+`; "millpondd config validate" checks it.`, "%v", e)...)
		}
		return findings
	}
	if v.fileErr != nil {
		return problem("Look at "+v.Settings+".", "the settings cannot be read: %v", v.fileErr)
	}
	var findings []Finding
	for _, w := range v.warnings {
		findings = append(findings, warn("Take it away if it is not needed.", "%s", w)...)
	}
	findings = append(findings, v.overridden()...)
	if _, err := os.Stat(v.Settings); errors.Is(err, fs.ErrNotExist) {
		return append(findings, ok("there is no settings file at %s yet; the defaults are in force", v.Settings)...)
	}
	return append(findings, ok("%s is valid", v.Settings)...)
}

// overridden warns of variables that hide what the file says: an edit of such a key has no
// effect.
func (v *visit) overridden() (findings []Finding) {
	for _, k := range settings.Keys() {
		name := store.Variable(k)
		if name == "" || v.getenv(name) == "" {
			continue
		}
		findings = append(findings, warn("Unset the variable where you set it, or leave the key alone.",
			"the variable %s overrides %s here, so editing that key has no effect", name, k.Path)...)
	}
	return findings
}

// checkStale looks whether the daemon runs under what the file says.
func checkStale(_ context.Context, v *visit) []Finding {
	s := v.status
	switch {
	case s == nil || s.Settings == nil:
		return nil
	case !sameFile(s.ConfigPath, v.Settings):
		return warn("Name that one with --config to examine it.", "the daemon runs under %s, and not under %s", s.ConfigPath, v.Settings)
	case s.Unapplied != "":
		return problem("Correct it; what ran before goes on until then.", "the settings file was edited and is not in force: %s", s.Unapplied)
	case len(s.UnknownSettings) > 0:
		return warn("Update this program.", "the daemon has settings that this program does not know: %s", strings.Join(s.UnknownSettings, ", "))
	case v.file == nil:
		return nil // told already
	}
	var differ []string
	for _, path := range differences(v.file.Tree(), s.Settings.Tree(), "") {
		if k, known := settings.Lookup(path); known && v.getenv(store.Variable(k)) != "" {
			continue // told already
		}
		differ = append(differ, path)
	}
	if len(differ) > 0 {
		return warn("A variable in the service's environment may override it; if not, save the file again, or restart the daemon.",
			"the daemon runs with another value than the file has for %s", strings.Join(differ, ", "))
	}
	return ok("the daemon runs under what the file says")
}

// sameFile reports whether two paths lead to the same file, which need not exist.
func sameFile(one, two string) bool {
	if a, err := os.Stat(one); err == nil {
		if b, err := os.Stat(two); err == nil {
			return os.SameFile(a, b)
		}
	}
	return filepath.Clean(one) == filepath.Clean(two)
}

// differences returns the paths in which two trees of settings differ.
func differences(a, b any, path string) (paths []string) {
	one, isOne := a.(map[string]any)
	two, isTwo := b.(map[string]any)
	if !isOne || !isTwo {
		if list, other := asList(a), asList(b); list != nil && other != nil && len(list) == len(other) {
			for i := range list {
				paths = append(paths, differences(list[i], other[i], fmt.Sprintf("%s[%d]", path, i))...)
			}
			return paths
		}
		if !reflect.DeepEqual(a, b) {
			return []string{path}
		}
		return nil
	}
	names := map[string]bool{}
	for _, tree := range []map[string]any{one, two} {
		for name := range tree {
			names[name] = true
		}
	}
	for name := range names {
		paths = append(paths, differences(one[name], two[name], strings.TrimPrefix(path+"."+name, "."))...)
	}
	slices.Sort(paths)
	return paths
}

func asList(v any) []any {
	list, _ := v.([]any)
	return list
}
