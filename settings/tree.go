package settings

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// Tree returns every setting as a tree of plain values, which [Decode] reads back. Overrides that an
// upstream does not have are left out.
func (s *Settings) Tree() map[string]any { return treeOf(reflect.ValueOf(s).Elem()) }

// treeOf returns the fields of a struct by their keys.
func treeOf(v reflect.Value) map[string]any {
	tree := map[string]any{}
	for i, f := range reflect.VisibleFields(v.Type()) {
		name, field := f.Tag.Get("key"), v.Field(i)
		switch {
		case field.Kind() == reflect.Struct:
			if sub := treeOf(field); len(sub) > 0 {
				tree[name] = sub
			}
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			list := make([]any, field.Len())
			for j := range list {
				list[j] = treeOf(field.Index(j))
			}
			tree[name] = list
		case field.Kind() == reflect.Pointer:
			if !field.IsNil() {
				tree[name] = plain(field.Elem())
			}
		default:
			tree[name] = plain(field)
		}
	}
	return tree
}

// MarshalJSON writes the settings with the keys and values of the file.
func (s Settings) MarshalJSON() ([]byte, error) { return json.Marshal(s.Tree()) }

// UnmarshalJSON reads what MarshalJSON wrote, as strictly as [Decode].
func (s *Settings) UnmarshalJSON(b []byte) error {
	tree, err := readTree(b)
	if err != nil {
		return err
	}
	next, err := Decode(tree)
	if err != nil {
		return err
	}
	*s = *next
	return nil
}

// ReadKnown reads what MarshalJSON wrote, perhaps in a newer version: the keys that this
// one does not know are left out, and their paths returned.
func ReadKnown(b []byte) (s *Settings, unknown []string, err error) {
	tree, err := readTree(b)
	if err != nil {
		return nil, nil, err
	}
	s, err = Decode(tree)
	var others []error
	for _, e := range FieldErrors(err) {
		if e.Problem == UnknownKey {
			unknown = append(unknown, e.Path)
		} else {
			others = append(others, e)
		}
	}
	return s, unknown, errors.Join(others...)
}

// Lacking returns the keys that a tree lacks of those that [Settings.Tree] always has. Who
// wrote it did not know them, and must not replace settings that have them.
func Lacking(b []byte) ([]string, error) {
	tree, err := readTree(b)
	if err != nil {
		return nil, err
	}
	s, err := Decode(tree)
	if err != nil {
		return nil, err
	}
	return lacking(tree, s.Tree(), ""), nil
}

// lacking compares what is given with the whole.
func lacking(given, whole any, path string) (paths []string) {
	switch whole := whole.(type) {
	case map[string]any:
		tree, _ := given.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(whole)) {
			at := strings.TrimPrefix(path+"."+name, ".")
			if value, ok := tree[name]; ok {
				paths = append(paths, lacking(value, whole[name], at)...)
			} else {
				paths = append(paths, at)
			}
		}
	case []any:
		list, _ := given.([]any)
		for i := range min(len(list), len(whole)) {
			paths = append(paths, lacking(list[i], whole[i], path+"["+strconv.Itoa(i)+"]")...)
		}
	}
	return paths
}

// MarshalJSON writes one upstream with the keys and values of the file.
func (u Upstream) MarshalJSON() ([]byte, error) { return json.Marshal(treeOf(reflect.ValueOf(u))) }

// UnmarshalJSON reads one upstream as strictly as [Decode]. What it lacks has its default.
func (u *Upstream) UnmarshalJSON(b []byte) error {
	tree, err := readTree(b)
	if err != nil {
		return err
	}
	alone, err := Decode(map[string]any{"upstreams": []any{tree}})
	if err != nil {
		return err
	}
	*u = alone.Upstreams[0]
	return nil
}

// readTree reads JSON that is one object.
func readTree(b []byte) (map[string]any, error) {
	var tree map[string]any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("read settings: more than one JSON value")
	}
	if tree == nil {
		return nil, errors.New("read settings: null is no object")
	}
	return plainNumbers(tree).(map[string]any), nil
}

// plainNumbers replaces the numbers of a JSON tree with int64, or float64 for those with a fraction.
func plainNumbers(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, element := range v {
			v[name] = plainNumbers(element)
		}
	case []any:
		for i, element := range v {
			v[i] = plainNumbers(element)
		}
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return f
	}
	return value
}
