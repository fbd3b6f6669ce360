package store

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"millpond/settings"
)

// header opens every file that we write.
const header = "# Millpond settings. A saved change applies at once; \"millpondd config validate\" checks the file.\n"

// Encode writes settings as a file: every key in the order of the settings table with a short comment.
// The numbers of [pool] that come from its preset stand there as comments, so that a newer preset
// reaches an older file. Of an upstream and a route, keys that have their default are left out.
func Encode(s *settings.Settings) []byte { return encode(s, nil) }

// encode is Encode with the comments that the user wrote, each at its place. Those whose place is gone
// come last.
func encode(s *settings.Settings, kept notes) []byte {
	w := writer{tree: s.Tree(), preset: presetTree(s), notes: slices.Clone(kept)}
	w.out.WriteString(header)
	keys := settings.Keys()
	for from := 0; from < len(keys); {
		to := from + 1
		for to < len(keys) && keys[to].Section() == keys[from].Section() {
			to++
		}
		w.section(keys[from].Section(), keys[from:to])
		from = to
	}
	if len(w.notes) > 0 {
		w.out.WriteByte('\n')
	}
	for _, n := range w.notes {
		w.above(n)
		if n.beside != "" {
			w.out.WriteString(n.beside + "\n")
		}
	}
	return []byte(w.out.String())
}

// presetTree returns [pool] as it is with the preset of s alone; nil for the preset without numbers.
func presetTree(s *settings.Settings) map[string]any {
	if s.Pool.Preset == settings.PresetCustom {
		return nil
	}
	alone := settings.Default()
	alone.Pool = settings.PresetPool(s.Pool.Preset)
	return table(alone.Tree(), "pool")
}

// writer builds the file.
type writer struct {
	out          strings.Builder
	tree, preset map[string]any
	notes        notes // not written yet
}

// line is one key of the file, with its comment and the user's.
type line struct {
	text, comment string
	note          note
}

// section writes the keys of one table, or one table for each element of a list.
func (w *writer) section(name string, keys []settings.Key) {
	if list, ok := strings.CutSuffix(name, "[]"); ok {
		elements, _ := w.tree[list].([]any)
		for i, element := range elements {
			w.element(list, i, element.(map[string]any), keys)
		}
		return
	}
	holder := w.tree
	if name != "" {
		holder = table(w.tree, name)
		w.head("["+name+"]", name, "\n")
	}
	var lines []line
	for _, k := range keys {
		l := line{k.Name() + " = " + toml(holder[k.Name()]), explain(k), w.notes.take(k.Path)}
		alwaysWritten := k.Name() == "preset" || k.Name() == "scope"
		if name == "pool" && !alwaysWritten && toml(w.preset[k.Name()]) == toml(holder[k.Name()]) {
			l.text = "# " + l.text
			if l.note.beside != "" { // beside a comment it would not be seen as the user's again
				l.note = note{above: append(l.note.above, l.note.beside)}
			}
		}
		lines = append(lines, l)
	}
	w.lines(lines)
}

// element writes one upstream or route. Only the first one explains its keys.
func (w *writer) element(list string, i int, element map[string]any, keys []settings.Key) {
	place := list + "[" + elementName(list, element, i) + "]"
	w.head("[["+list+"]]", place, "\n")
	var lines []line
	for _, k := range keys {
		value, keyPlace := element[k.Name()], place+"."+k.Name()
		always := k.Required || k.Name() == "kind" || k.Name() == "enabled" || w.notes.has(keyPlace)
		if !always && toml(value) == toml(defaultOf(k)) {
			continue
		}
		l := line{text: k.Name() + " = " + toml(value), note: w.notes.take(keyPlace)}
		if i == 0 {
			l.comment = explain(k)
		}
		lines = append(lines, l)
	}
	w.lines(lines)
	own := table(element, "pool")
	if len(own) == 0 {
		return
	}
	place += ".pool"
	w.head("["+list+".pool]", place, "")
	lines = nil
	for _, k := range settings.Keys() {
		if value, ok := own[k.Name()]; ok && k.Section() == "pool" {
			lines = append(lines, line{text: k.Name() + " = " + toml(value), note: w.notes.take(place + "." + k.Name())})
		}
	}
	w.lines(lines)
}

// head writes the head of a table after what is to precede it.
func (w *writer) head(text, place, before string) {
	n := w.notes.take(place)
	w.out.WriteString(before)
	w.above(n)
	w.out.WriteString(text)
	if n.beside != "" {
		w.out.WriteString("  " + n.beside)
	}
	w.out.WriteByte('\n')
}

// above writes the comment lines of a note.
func (w *writer) above(n note) {
	for _, text := range n.above {
		w.out.WriteString(text + "\n")
	}
}

// lines writes lines with their comments in one column. The user's comment takes the place of ours.
func (w *writer) lines(lines []line) {
	const widest = 36 // a longer line pushes only its own comment
	column := 0
	for _, l := range lines {
		if n := utf8.RuneCountInString(l.text); n <= widest {
			column = max(column, n)
		}
	}
	for _, l := range lines {
		w.above(l.note)
		comment := l.note.beside
		if comment == "" && l.comment != "" {
			comment = "# " + l.comment
		}
		w.out.WriteString(l.text)
		if comment != "" {
			pad := max(0, column-utf8.RuneCountInString(l.text))
			w.out.WriteString(strings.Repeat(" ", pad) + "  " + comment)
		}
		w.out.WriteByte('\n')
	}
}

// explain says in a few words what a key does and what it may be.
func explain(k settings.Key) string {
	if k.Allowed != nil {
		return k.Help + " (" + strings.Join(k.Allowed, ", ") + ")"
	}
	if bounds := k.Range(); bounds != "" && k.Min != k.Max {
		return k.Help + " (" + bounds + ")"
	}
	return k.Help
}

// defaultOf returns the default of a key of an upstream or route in plain form.
func defaultOf(k settings.Key) any {
	switch d := k.Default.(type) {
	case int:
		return int64(d)
	case []string:
		return []any{}
	default:
		return d
	}
}

// table returns the table of the name in a tree; nil when there is none.
func table(tree map[string]any, name string) map[string]any {
	sub, _ := tree[name].(map[string]any)
	return sub
}

// toml writes a plain value as TOML 1.0.
func toml(value any) string {
	switch v := value.(type) {
	case string:
		return quote(v)
	case float64:
		text := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(text, ".") {
			text += ".0"
		}
		return text
	case []any:
		parts := make([]string, len(v))
		for i, element := range v {
			parts[i] = toml(element)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	default:
		return fmt.Sprint(v)
	}
}

// quote writes a basic string (TOML 1.0, "String"). The literal form would be nicer for Windows
// paths but cannot hold an apostrophe.
func quote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
