package model

import (
	"cmp"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"millpond/settings"
)

// edits are what a person changes in settings, apart from the settings that they
// are made to: so that they can be made to newer ones. The zero value changes
// nothing.
type edits struct {
	// texts are what was typed, by the path of the setting. An upstream stands in
	// a path by the name that it has before it is renamed: upstreams[relay].url.
	texts   map[string]string
	added   []addition
	removed []string // names
	// routes replace those that there are; nil leaves them. Removing an upstream
	// takes it out of the routes without this.
	routes []settings.Route
}

// An addition is an upstream that is put in at a place of the list.
type addition struct {
	upstream settings.Upstream
	at       int // at the end where the list is shorter
}

// empty reports whether nothing is changed.
func (e edits) empty() bool {
	return len(e.texts) == 0 && len(e.added) == 0 && len(e.removed) == 0 && e.routes == nil
}

// apply returns base with the edits, and what is wrong with texts that cannot be
// read, by path. The names are those of the upstreams before they are renamed.
func (e edits) apply(base *settings.Settings) (next *settings.Settings, names []string, errs map[string]*settings.FieldError) {
	next = base.Clone()
	for _, name := range e.removed {
		removeUpstream(next, name)
	}
	for _, a := range e.added {
		next.Upstreams = slices.Insert(next.Upstreams, min(a.at, len(next.Upstreams)), a.upstream)
	}
	if e.routes != nil {
		next.Routes = append([]settings.Route(nil), e.routes...)
	}
	next = next.Clone() // what was put in is the edits' own
	names = namesOf(next)
	errs = map[string]*settings.FieldError{}
	for _, path := range slices.SortedFunc(maps.Keys(e.texts), presetFirst) {
		at, ok := placed(path, names)
		if !ok {
			continue // its upstream is gone
		}
		if err := next.Set(at, e.texts[path]); err != nil {
			for _, f := range settings.FieldErrors(err) {
				errs[path] = f
			}
		}
	}
	renameInRoutes(next, names)
	return next, names, errs
}

// presetFirst orders paths so that a preset does not undo the numbers beside it.
func presetFirst(a, b string) int {
	rank := func(path string) int {
		if path == "pool.preset" {
			return 0
		}
		return 1
	}
	return cmp.Or(rank(a)-rank(b), strings.Compare(a, b))
}

// namesOf returns the names of the upstreams in their order.
func namesOf(s *settings.Settings) []string {
	names := make([]string, len(s.Upstreams))
	for i, u := range s.Upstreams {
		names[i] = u.Name
	}
	return names
}

// upstreamPath returns the path of an upstream's setting by the upstream's name.
func upstreamPath(name, key string) string { return "upstreams[" + name + "]." + key }

// splitPath returns the upstream that a path is about, and the rest; "" and the
// whole path when it is about none.
func splitPath(path string) (upstream, key string) {
	rest, ok := strings.CutPrefix(path, "upstreams[")
	if !ok {
		return "", path
	}
	upstream, key, _ = strings.Cut(rest, "].")
	return upstream, key
}

// placed returns the path with the place of its upstream instead of the name, which
// might look like a place. It reports false when there is no such upstream.
func placed(path string, names []string) (string, bool) {
	name, key := splitPath(path)
	if key == path {
		return path, true
	}
	i := slices.Index(names, name)
	return fmt.Sprintf("upstreams[%d].%s", i, key), i >= 0
}

// named is the contrary of placed. It leaves out the place in a list of texts.
func named(path string, names []string) string {
	place, key := splitPath(path)
	if key == path {
		return withoutPlace(path)
	}
	i, err := strconv.Atoi(place)
	if err != nil || i >= len(names) {
		return path
	}
	return upstreamPath(names[i], withoutPlace(key))
}

// withoutPlace returns the path of a list for the path of one of its texts.
func withoutPlace(path string) string {
	if i := strings.LastIndexByte(path, '['); i >= 0 && strings.HasSuffix(path, "]") {
		return path[:i]
	}
	return path
}

// removeUpstream takes an upstream out of the list and out of the routes that name
// it. A route that names nobody else goes with it.
func removeUpstream(s *settings.Settings, name string) {
	s.Upstreams = slices.DeleteFunc(s.Upstreams, func(u settings.Upstream) bool { return u.Name == name })
	var routes []settings.Route
	for _, r := range s.Routes {
		r.Upstreams = slices.DeleteFunc(slices.Clone(r.Upstreams), func(u string) bool { return u == name })
		if len(r.Upstreams) > 0 {
			routes = append(routes, r)
		}
	}
	s.Routes = routes
}

// renameInRoutes lets the routes follow the upstreams whose names have changed.
func renameInRoutes(s *settings.Settings, before []string) {
	for i := range s.Routes {
		for j, name := range s.Routes[i].Upstreams {
			if k := slices.Index(before, name); k >= 0 {
				s.Routes[i].Upstreams[j] = s.Upstreams[k].Name
			}
		}
	}
}

// editsFrom returns the edits that turn one into the other.
func editsFrom(from, to *settings.Settings) edits {
	e := edits{texts: map[string]string{}}
	for _, path := range pathsOf(from, to) {
		before, after := textAt(from, path), textAt(to, path)
		name, _ := splitPath(path)
		newPreset := name == "" && strings.HasPrefix(path, "pool.") && from.Pool.Preset != to.Pool.Preset
		if before != after || newPreset {
			e.texts[path] = after
		}
	}
	names, were := namesOf(to), namesOf(from)
	for i, u := range to.Upstreams {
		if !slices.Contains(were, u.Name) {
			e.added = append(e.added, addition{u, i})
		}
	}
	for _, name := range were {
		if !slices.Contains(names, name) {
			e.removed = append(e.removed, name)
		}
	}
	if !reflect.DeepEqual(from.Clone().Routes, to.Clone().Routes) {
		e.routes = append([]settings.Route{}, to.Clone().Routes...)
	}
	return e
}

// pathsOf returns the paths of all settings that both have, upstreams by name, in
// the order of the file.
func pathsOf(a, b *settings.Settings) []string {
	var paths []string
	names := namesOf(b)
	for _, k := range settings.Keys() {
		if !strings.Contains(k.Path, "[]") && k.Path != "version" {
			paths = append(paths, k.Path)
		}
	}
	for _, name := range namesOf(a) {
		if !slices.Contains(names, name) {
			continue
		}
		for _, key := range upstreamKeys() {
			paths = append(paths, upstreamPath(name, key))
		}
	}
	return paths
}

// upstreamKeys returns the keys of an upstream, those of its own pool behind.
func upstreamKeys() []string {
	var own, pool []string
	for _, k := range settings.Keys() {
		switch k.Section() {
		case "upstreams[]":
			own = append(own, k.Name())
		case "pool":
			pool = append(pool, k.Path)
		}
	}
	return append(own, pool...)
}

// textAt returns the value at a path as "config set" takes it; "" where there is
// none.
func textAt(s *settings.Settings, path string) string {
	at, ok := placed(path, namesOf(s))
	if !ok {
		return ""
	}
	value, err := s.Get(at)
	if err != nil {
		return ""
	}
	if list, ok := value.([]any); ok {
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = fmt.Sprint(v)
		}
		return strings.Join(texts, ", ")
	}
	if f, ok := value.(float64); ok {
		return strconv.FormatFloat(f, 'f', -1, 64)
	}
	return fmt.Sprint(value)
}
