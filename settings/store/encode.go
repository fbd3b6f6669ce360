package store

import (
	"fmt"
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
func Encode(s *settings.Settings) []byte {
	w := writer{tree: s.Tree(), preset: presetTree(s)}
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
}

// section writes the keys of one table, or one table for each element of a list.
func (w *writer) section(name string, keys []settings.Key) {
	list, isList := strings.CutSuffix(name, "[]")
	if !isList {
		if name != "" {
			fmt.Fprintf(&w.out, "\n[%s]\n", name)
		}
		var lines []line
		for _, k := range keys {
			lines = append(lines, w.line(k))
		}
		w.lines(lines)
		return
	}
	elements, _ := w.tree[list].([]any)
	for i, element := range elements {
		fmt.Fprintf(&w.out, "\n[[%s]]\n", list)
		w.element(list, element.(map[string]any), keys, i == 0)
	}
}

// line is one key of the file and its comment.
type line struct{ text, comment string }

// line returns the line of a key that stands once in the file.
func (w *writer) line(k settings.Key) line {
	holder := w.tree
	if section := k.Section(); section != "" {
		holder = table(w.tree, section)
	}
	text := k.Name() + " = " + toml(holder[k.Name()])
	alwaysWritten := k.Name() == "preset" || k.Name() == "scope"
	if k.Section() == "pool" && !alwaysWritten && toml(w.preset[k.Name()]) == toml(holder[k.Name()]) {
		text = "# " + text
	}
	return line{text, comment(k)}
}

// element writes one upstream or route. Only the first one explains its keys.
func (w *writer) element(list string, element map[string]any, keys []settings.Key, explain bool) {
	var lines []line
	for _, k := range keys {
		value := element[k.Name()]
		always := k.Required || k.Name() == "kind" || k.Name() == "enabled"
		if !always && toml(value) == toml(defaultOf(k)) {
			continue
		}
		l := line{text: k.Name() + " = " + toml(value)}
		if explain {
			l.comment = comment(k)
		}
		lines = append(lines, l)
	}
	w.lines(lines)
	own := table(element, "pool")
	if len(own) == 0 {
		return
	}
	fmt.Fprintf(&w.out, "[%s.pool]\n", list)
	for _, k := range settings.Keys() {
		if value, ok := own[k.Name()]; ok && k.Section() == "pool" {
			fmt.Fprintf(&w.out, "%s = %s\n", k.Name(), toml(value))
		}
	}
}

// lines writes lines with their comments in one column.
func (w *writer) lines(lines []line) {
	const widest = 36 // a longer line pushes only its own comment
	column := 0
	for _, l := range lines {
		if n := utf8.RuneCountInString(l.text); n <= widest {
			column = max(column, n)
		}
	}
	for _, l := range lines {
		w.out.WriteString(l.text)
		if l.comment != "" {
			pad := max(0, column-utf8.RuneCountInString(l.text))
			w.out.WriteString(strings.Repeat(" ", pad) + "  # " + l.comment)
		}
		w.out.WriteByte('\n')
	}
}

// comment says in a few words what a key does and what it may be.
func comment(k settings.Key) string {
	if k.Allowed != nil {
		return k.Help + " (" + strings.Join(k.Allowed, ", ") + ")"
	}
	if bounds := k.Range(); bounds != "" {
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
