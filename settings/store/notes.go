package store

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pelletier/go-toml/v2/unstable"

	"millpond/settings"
)

// A note is the comments that a user wrote at one place of the file, kept when the file is rewritten.
type note struct {
	place  string   // "pool", "pool.max_idle", "upstreams[NAME].url"; "" after everything
	above  []string // whole lines, each with its #
	beside string   // on the same line, with its #; "" when there is none
}

// notes are those of a file, in its order.
type notes []note

// take removes and returns the note of a place; an empty one when there is none.
func (n *notes) take(place string) note {
	i := slices.IndexFunc(*n, func(n note) bool { return n.place == place })
	if i < 0 {
		return note{}
	}
	found := (*n)[i]
	*n = slices.Delete(*n, i, i+1)
	return found
}

// has reports whether there is a note at a place.
func (n notes) has(place string) bool {
	return slices.ContainsFunc(n, func(n note) bool { return n.place == place })
}

// readNotes collects the comments of a file that are not our own. A file that does not parse has none.
func readNotes(text []byte) notes {
	tree, err := parse("", text)
	if err != nil {
		return nil
	}
	r := noteReader{tree: tree, count: map[string]int{}}
	r.parser.KeepComments = true
	r.parser.Reset(text)
	for r.parser.NextExpression() {
		r.expression(r.parser.Expression())
	}
	r.add("", "")
	return r.notes
}

// noteReader walks through a file.
type noteReader struct {
	parser  unstable.Parser
	tree    map[string]any
	count   map[string]int // tables of each list so far
	section string         // the place of the present table
	pending []string       // comment lines that belong to what comes next
	notes   notes
}

// expression reads one line of the file: a comment, the head of a table, or a key.
func (r *noteReader) expression(e *unstable.Node) {
	switch e.Kind {
	case unstable.Comment:
		r.keep(string(e.Data))
		return
	case unstable.KeyValue:
		place := r.placeOf(e)
		if r.section != "" {
			place = r.section + "." + place
		}
		r.inside(e.Value())
		r.add(place, besideOf(e))
	case unstable.ArrayTable:
		list := r.placeOf(e)
		r.section = list + "[" + r.nameOf(list, r.count[list]) + "]"
		r.count[list]++
		r.add(r.section, besideOf(e))
	case unstable.Table:
		r.section = r.placeOf(e)
		if list, rest, ok := strings.Cut(r.section, "."); ok && r.count[list] > 0 { // [upstreams.pool]
			r.section = list + "[" + r.nameOf(list, r.count[list]-1) + "]." + rest
		}
		r.add(r.section, besideOf(e))
	}
}

// keep remembers a comment line unless it is one that we write ourselves.
func (r *noteReader) keep(comment string) {
	if comment+"\n" == header {
		return
	}
	if name, rest, ok := strings.Cut(strings.TrimPrefix(comment, "# "), " = "); ok {
		if k, ok := settings.Lookup("pool." + name); ok && strings.HasSuffix(rest, "# "+explain(k)) {
			r.add(k.Path, "") // a number of the preset, which may stand under a comment of the user's
			return
		}
	}
	r.pending = append(r.pending, comment)
}

// inside remembers the comments within a value that goes over several lines. The parser hangs those
// that follow one another below the first.
func (r *noteReader) inside(value *unstable.Node) {
	for children := value.Children(); children.Next(); {
		child := children.Node()
		if child.Kind == unstable.Comment {
			r.pending = append(r.pending, string(child.Data))
		}
		r.inside(child)
	}
}

// add makes a note of what is pending and of what stands beside the place.
func (r *noteReader) add(place, beside string) {
	if k, ok := settings.Lookup(place); ok && beside == "# "+explain(k) {
		beside = ""
	}
	if r.pending != nil || beside != "" {
		r.notes = append(r.notes, note{place, r.pending, beside})
	}
	r.pending = nil
}

// placeOf returns the key of an expression, its parts joined by dots.
func (r *noteReader) placeOf(e *unstable.Node) string {
	var parts []string
	for key := e.Key(); key.Next(); {
		parts = append(parts, string(key.Node().Data))
	}
	return strings.Join(parts, ".")
}

// nameOf tells one element of a list from the others, even when their order changes.
func (r *noteReader) nameOf(list string, i int) string {
	elements, _ := r.tree[list].([]any)
	if i < len(elements) {
		if element, ok := elements[i].(map[string]any); ok {
			return elementName(list, element, i)
		}
	}
	return strconv.Itoa(i)
}

// elementName returns what names an upstream or a route.
func elementName(list string, element map[string]any, i int) string {
	if text, ok := element[map[string]string{"upstreams": "name", "routes": "path"}[list]].(string); ok {
		return text
	}
	return strconv.Itoa(i)
}

// besideOf returns the comment that ends the line of an expression.
func besideOf(e *unstable.Node) string {
	if next := e.Next(); next != nil && next.Valid() && next.Kind == unstable.Comment {
		return string(next.Data)
	}
	return ""
}
