package model

import (
	"slices"
	"strings"

	"millpond/settings"
)

// A Draft is the settings as a person is changing them: those in force, and what
// is to be otherwise. Nothing of it takes effect by itself. Use NewDraft. It
// belongs to one goroutine.
type Draft struct {
	base     *settings.Settings // in force when last told; never modified
	revision uint64             // of base
	edits    edits
	taken    map[string]bool // paths that were changed here and by someone else meanwhile

	next  *settings.Settings // base with the edits, as far as they can be read
	names []string           // of the upstreams of next, before they are renamed
	errs  map[string]*settings.FieldError

	changes []Change // from base to next
}

// NewDraft returns a draft that changes nothing yet.
func NewDraft(base *settings.Settings, revision uint64) *Draft {
	d := &Draft{base: base, revision: revision, taken: map[string]bool{}}
	d.build()
	return d
}

// build brings next up to date with base and edits.
func (d *Draft) build() {
	d.next, d.names, d.errs = d.edits.apply(d.base)
	for _, e := range settings.FieldErrors(d.next.Validate()) {
		if path := named(e.Path, d.names); d.errs[path] == nil {
			d.errs[path] = e
		}
	}
	d.changes = changesBetween(d.base, d.next, d.names)
	for i := range d.changes {
		d.changes[i].Taken = d.taken[d.changes[i].Path]
	}
}

// Next returns the settings that the draft makes, which may be wrong while
// Errors says so. The caller does not modify them.
func (d *Draft) Next() *settings.Settings { return d.next }

// Revision returns the revision that the draft was made from.
func (d *Draft) Revision() uint64 { return d.revision }

// Empty reports whether the draft changes nothing.
func (d *Draft) Empty() bool { return d.edits.empty() }

// Valid reports whether the daemon would take the draft.
func (d *Draft) Valid() bool { return len(d.errs) == 0 }

// Text returns what stands at a path: what was typed, or else what is in force.
func (d *Draft) Text(path string) string {
	if text, ok := d.edits.texts[path]; ok {
		return text
	}
	return textAt(d.next, d.renamed(path))
}

// renamed returns the path by the name that its upstream will have.
func (d *Draft) renamed(path string) string {
	name, key := splitPath(path)
	if i := slices.Index(d.names, name); i >= 0 && key != path {
		return upstreamPath(d.next.Upstreams[i].Name, key)
	}
	return path
}

// Set changes what stands at a path: "pool.max_idle", "upstreams[NAME].url". "" takes
// an upstream's override away. What cannot be read or used is kept, and told by
// Field and Valid.
func (d *Draft) Set(path, text string) {
	if d.edits.texts == nil {
		d.edits.texts = map[string]string{}
	}
	if path == "pool.preset" { // it brings its numbers along
		for p := range d.edits.texts {
			if strings.HasPrefix(p, "pool.") && p != "pool.scope" && p != "pool.protocol" {
				delete(d.edits.texts, p)
			}
		}
	}
	delete(d.edits.texts, path)
	delete(d.taken, path)
	before, _, _ := d.edits.apply(d.base)
	if text != textAt(before, path) {
		d.edits.texts[path] = text
	}
	d.build()
}

// Add puts an upstream at the end.
func (d *Draft) Add(u settings.Upstream) {
	d.edits.added = append(d.edits.added, addition{u, len(d.next.Upstreams)})
	d.build()
}

// Remove takes an upstream away, and out of the routes that name it.
func (d *Draft) Remove(name string) {
	for path := range d.edits.texts {
		if of, key := splitPath(path); of == name && key != path {
			delete(d.edits.texts, path)
		}
	}
	i := slices.IndexFunc(d.edits.added, func(a addition) bool { return a.upstream.Name == name })
	if i >= 0 {
		d.edits.added = slices.Delete(d.edits.added, i, i+1)
	} else if slices.Contains(namesOf(d.base), name) && !slices.Contains(d.edits.removed, name) {
		d.edits.removed = append(d.edits.removed, name)
	}
	d.build()
}

// Keep takes back that an upstream is removed.
func (d *Draft) Keep(name string) {
	d.edits.removed = slices.DeleteFunc(d.edits.removed, func(n string) bool { return n == name })
	d.build()
}

// Discard takes every change back.
func (d *Draft) Discard() {
	d.edits, d.taken = edits{}, map[string]bool{}
	d.build()
}

// Rebase makes the draft one of newer settings. What was changed here stays
// changed; where someone else has changed the same meanwhile, Changes says so.
// Changes that are in force now fall away, and so do those of upstreams that are
// gone.
func (d *Draft) Rebase(base *settings.Settings, revision uint64) {
	before := d.base
	d.base, d.revision = base, revision
	names := namesOf(base)
	for path, text := range d.edits.texts {
		name, key := splitPath(path)
		gone := key != path && !slices.Contains(names, name) && !d.adds(name)
		was, is := textAt(before, path), textAt(base, path)
		switch {
		case gone, is == text:
			delete(d.edits.texts, path)
			delete(d.taken, path)
		case was != is:
			d.taken[path] = true
		}
	}
	d.edits.removed = slices.DeleteFunc(d.edits.removed, func(n string) bool { return !slices.Contains(names, n) })
	d.edits.added = slices.DeleteFunc(d.edits.added, func(a addition) bool {
		i := slices.Index(names, a.upstream.Name)
		return i >= 0 && sameUpstream(base.Upstreams[i], a.upstream)
	})
	d.build()
}

// adds reports whether the draft adds the named upstream.
func (d *Draft) adds(name string) bool {
	return slices.ContainsFunc(d.edits.added, func(a addition) bool { return a.upstream.Name == name })
}

// sameUpstream reports whether two upstreams are alike in every setting.
func sameUpstream(a, b settings.Upstream) bool {
	one, other := &settings.Settings{Upstreams: []settings.Upstream{a}}, &settings.Settings{Upstreams: []settings.Upstream{b}}
	return editsFrom(one, other).empty()
}

// A Change is one thing that a draft makes otherwise.
type Change struct {
	Path string // as in "config set"; "upstreams[NAME]" for a whole upstream
	Text Text   // what, from what and to what
	// Taken says that someone else has changed it meanwhile, to what the change
	// begins from now.
	Taken bool
}

// Changes returns what the draft makes otherwise, in the order of the file. The
// caller does not modify it.
func (d *Draft) Changes() []Change { return d.changes }

// changesBetween returns what is otherwise in next. The names are those that the
// upstreams of next have in base.
func changesBetween(base, next *settings.Settings, names []string) []Change {
	var list []Change
	aliased := next.Clone()
	for i := range aliased.Upstreams {
		aliased.Upstreams[i].Name = names[i]
	}
	for _, path := range pathsOf(base, aliased) {
		from, to := textAt(base, path), textAt(aliased, path)
		if name, key := splitPath(path); key == "name" {
			to = next.Upstreams[slices.Index(names, name)].Name
		}
		if from != to {
			list = append(list, Change{Path: path, Text: describe(path, from, to)})
		}
	}
	for i, name := range names {
		if !slices.Contains(namesOf(base), name) {
			u := next.Upstreams[i]
			list = append(list, Change{Path: "upstreams[" + name + "]", Text: T("change.add", "Name", u.Name, "URL", u.URL)})
		}
	}
	for _, name := range namesOf(base) {
		if !slices.Contains(names, name) {
			list = append(list, Change{Path: "upstreams[" + name + "]", Text: T("change.remove", "Name", name)})
		}
	}
	return list
}

// describe words a change of one setting.
func describe(path, from, to string) Text {
	k, _ := settings.Lookup(path)
	pairs := []any{"What", LabelOf(k), "From", valueOf(path, from), "To", valueOf(path, to)}
	if name, key := splitPath(path); key != path {
		return T("change.upstream", append(pairs, "Name", name)...)
	}
	return T("change.setting", pairs...)
}
