package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
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
