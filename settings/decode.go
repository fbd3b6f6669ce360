package settings

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// Decode reads settings from a tree of plain values, as a TOML or JSON file gives it. Keys that the
// tree lacks have their defaults; those of [pool] that it lacks come from its preset. An unknown key
// or a value of the wrong type is a [FieldError]; all are reported at once, and what could be read
// is returned beside them. Ranges are not checked here: see [Settings.Validate].
//
// The tree is the caller's gift: an older version is brought up to date in place.
func Decode(tree map[string]any) (*Settings, error) {
	s := Default()
	if e := migrate(tree, migrations, Version); e != nil {
		return s, join([]*FieldError{e})
	}
	if pool, ok := tree["pool"].(map[string]any); ok {
		if name, ok := pool["preset"].(string); ok {
			s.Pool = PresetPool(Preset(name))
		}
	}
	var d decoder
	d.table(reflect.ValueOf(s).Elem(), tree, "")
	return s, join(d.errs)
}

// Read is [Decode] and [Settings.Validate] in one, with everything wrong reported at once.
func Read(tree map[string]any) (*Settings, error) {
	s, err := Decode(tree)
	if err = JoinErrors(err, s.Validate()); err != nil {
		return nil, err
	}
	return s, nil
}

// decoder collects what is wrong while it walks the tree and the struct together.
type decoder struct{ errs []*FieldError }

// table reads the keys of one table into a struct. prefix is its path with a dot, or "".
func (d *decoder) table(v reflect.Value, tree map[string]any, prefix string) {
	known := map[string]bool{}
	for i, f := range reflect.VisibleFields(v.Type()) {
		name := f.Tag.Get("key")
		known[name] = true
		if raw, ok := tree[name]; ok {
			d.field(v.Field(i), raw, prefix+name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if !known[name] {
			want := suggest(name, slices.Sorted(maps.Keys(known)))
			d.errs = append(d.errs, &FieldError{Path: prefix + quoteKey(name), Problem: UnknownKey, Want: want})
		}
	}
}

// field reads one value, which may be a table or a list of tables.
func (d *decoder) field(v reflect.Value, raw any, path string) {
	switch {
	case v.Kind() == reflect.Struct:
		if tree, ok := raw.(map[string]any); ok {
			d.table(v, tree, path+".")
			return
		}
		d.errs = append(d.errs, &FieldError{Path: path, Problem: Malformed, Value: show(raw), Want: "a table"})
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		d.tables(v, raw, path)
	default:
		if v.Kind() == reflect.Pointer {
			v.Set(reflect.New(v.Type().Elem()))
			v = v.Elem()
		}
		if !assign(v, raw) {
			k, _ := Lookup(path)
			d.errs = append(d.errs, k.malformed(path, raw, v.Type()))
		}
	}
}

// tables reads a list of tables, each from the defaults of its keys.
func (d *decoder) tables(v reflect.Value, raw any, path string) {
	list, ok := raw.([]any)
	if !ok {
		d.errs = append(d.errs, &FieldError{Path: path, Problem: Malformed, Value: show(raw), Want: "a list of tables"})
		return
	}
	for i, element := range list {
		next := reflect.New(v.Type().Elem()).Elem()
		setDefaults(next, path+"[].")
		d.field(next, element, path+"["+strconv.Itoa(i)+"]")
		v.Set(reflect.Append(v, next))
	}
}

// quoteKey quotes a key that could not stand bare in a file, so that it stays on one line.
func quoteKey(name string) string {
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return show(name)
		}
	}
	if name == "" {
		return `""`
	}
	return name
}

// suggest returns the key that was probably meant: the nearest of the same table, or the same name
// in another; "" when nothing is near.
func suggest(name string, known []string) string {
	if best := Nearest(name, known); best != "" {
		return best
	}
	for _, k := range keys {
		if k.Name() == name {
			return k.Path
		}
	}
	return ""
}

// Nearest returns the known name that a misspelt one is nearest to, or "" when none is near: a third
// of its letters may differ.
func Nearest(name string, known []string) string {
	const longest = 64 // letters: no key of ours is near, and the search grows with the square
	if len(name) > longest {
		return ""
	}
	best, least := "", len(name)/3+1
	for _, k := range known {
		if n := distance(name, k); n < least {
			best, least = k, n
		}
	}
	return best
}

// distance counts the edits between two keys: a letter more, less or another, or two swapped
// (optimal string alignment).
func distance(a, b string) int {
	d := make([][]int, len(a)+1)
	for i := range d {
		d[i] = make([]int, len(b)+1)
		d[i][0] = i
	}
	for j := range d[0] {
		d[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d[i][j] = min(d[i-1][j]+1, d[i][j-1]+1, d[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d[i][j] = min(d[i][j], d[i-2][j-2]+1)
			}
		}
	}
	return d[len(a)][len(b)]
}
