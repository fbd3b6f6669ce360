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
	best, least := "", len(name)/3+1
	for _, k := range known {
		if n := distance(name, k); n < least {
			best, least = k, n
		}
	}
	return best
}

// distance counts the single-character edits between two keys (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
