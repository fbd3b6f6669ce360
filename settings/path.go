package settings

import (
	"reflect"
	"strconv"
	"strings"
)

// Get returns the plain value at a path: "pool.max_idle", "upstreams[1].url", "upstreams[NAME].url".
// An override that the upstream does not have is "".
func (s *Settings) Get(path string) (any, error) {
	field, _, err := s.find(path)
	if err != nil {
		return nil, err
	}
	if field.Kind() != reflect.Pointer {
		return plain(field), nil
	}
	if field.IsNil() {
		return "", nil
	}
	return plain(field.Elem()), nil
}

// Set stores a text at a path of [Settings.Get]. The elements of a list are separated by commas. The
// preset of [pool] brings its numbers along; "" takes an upstream's override away. The type is
// checked, not the range: see [Settings.Validate].
func (s *Settings) Set(path, text string) error {
	field, key, err := s.find(path)
	if err != nil {
		return err
	}
	if path == "pool.preset" {
		s.Pool = s.Pool.WithPreset(Preset(text))
		return nil
	}
	if field.Kind() == reflect.Pointer {
		if text == "" {
			field.SetZero()
			return nil
		}
		fresh := reflect.New(field.Type().Elem())
		if raw := parse(fresh.Elem().Type(), text); !assign(fresh.Elem(), raw) {
			return key.malformed(path, raw, fresh.Elem().Type())
		}
		field.Set(fresh)
		return nil
	}
	if raw := parse(field.Type(), text); !assign(field, raw) {
		return key.malformed(path, raw, field.Type())
	}
	return nil
}

// find returns the field at a path and its key.
func (s *Settings) find(path string) (reflect.Value, Key, error) {
	v := reflect.ValueOf(s).Elem()
	prefix := ""
	for part := range pathParts(path) {
		name, index, indexed := strings.Cut(strings.TrimSuffix(part, "]"), "[")
		field, want := fieldByKey(v, name)
		if !field.IsValid() {
			return field, Key{}, &FieldError{Path: prefix + name, Problem: UnknownKey, Want: want}
		}
		if indexed != (field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct) {
			return field, Key{}, &FieldError{Path: path, Problem: UnknownKey, Want: prefix + name + "[NAME].KEY"}
		}
		if indexed {
			if field = element(field, index); !field.IsValid() {
				return field, Key{}, &FieldError{Path: prefix + part, Problem: Missing, Want: "to be added first"}
			}
		}
		v, prefix = field, prefix+part+"."
	}
	key, ok := Lookup(path)
	if !ok {
		return v, key, &FieldError{Path: path, Problem: UnknownKey, Want: path + ".KEY"}
	}
	return v, key, nil
}

// pathParts yields the parts of a path between dots; a dot within brackets belongs to a name.
func pathParts(path string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		from, depth := 0, 0
		for i := range len(path) {
			switch path[i] {
			case '[':
				depth++
			case ']':
				depth--
			case '.':
				if depth == 0 {
					if !yield(path[from:i]) {
						return
					}
					from = i + 1
				}
			}
		}
		yield(path[from:])
	}
}

// fieldByKey returns the field of a struct with the key, or the key that was probably meant.
func fieldByKey(v reflect.Value, key string) (field reflect.Value, suggestion string) {
	if v.Kind() != reflect.Struct {
		return reflect.Value{}, ""
	}
	var known []string
	for i, f := range reflect.VisibleFields(v.Type()) {
		name := f.Tag.Get("key")
		if name == key {
			return v.Field(i), ""
		}
		known = append(known, name)
	}
	return reflect.Value{}, suggest(key, known)
}

// element returns the element of a list by its position or, for upstreams, by its name.
func element(list reflect.Value, index string) reflect.Value {
	if n, err := strconv.Atoi(index); err == nil && n >= 0 && n < list.Len() {
		return list.Index(n)
	}
	for i := range list.Len() {
		if u, ok := list.Index(i).Interface().(Upstream); ok && u.Name == index {
			return list.Index(i)
		}
	}
	return reflect.Value{}
}
