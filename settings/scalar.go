package settings

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// A plain value is what a file can hold: bool, int64, float64, string, []any of strings.

// ParseDuration reads a duration as Go writes it, such as "1h30m", or with days in front: "28d", "1d12h".
func ParseDuration(text string) (time.Duration, error) {
	days, rest, found := strings.Cut(text, "d")
	if !found {
		return time.ParseDuration(text)
	}
	n, err := strconv.ParseUint(days, 10, 16) // 65535 days fit a Duration with room to spare
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of days", days)
	}
	if rest == "" {
		return time.Duration(n) * day, nil
	}
	d, err := time.ParseDuration(rest)
	if err != nil || d < 0 || d >= day {
		return 0, fmt.Errorf("%q is not the rest of a day", rest)
	}
	return time.Duration(n)*day + d, nil
}

// FormatDuration writes a duration as [ParseDuration] reads it, without zero units: "5m", "28d".
func FormatDuration(d time.Duration) string {
	if d >= day && d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// formatFloat writes a fraction without an exponent.
func formatFloat(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// plain returns the value of a field in its plain form.
func plain(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Duration:
		return FormatDuration(x)
	case Warm:
		if x == WarmAuto {
			return "auto"
		}
		return int64(x)
	case []string:
		list := make([]any, len(x))
		for i, text := range x {
			list[i] = text
		}
		return list
	}
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool()
	case reflect.Int:
		return v.Int()
	case reflect.Float64:
		return v.Float()
	default:
		return v.String()
	}
}

// wantOf says in words what a field of the type takes.
func wantOf(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return `a duration such as "30s", "5m" or "28d"`
	case reflect.TypeFor[Warm]():
		return `a whole number or "auto"`
	case reflect.TypeFor[[]string]():
		return "a list of texts"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	default:
		return "a text"
	}
}

// assign stores a plain value in a field and reports whether its type fits.
func assign(field reflect.Value, raw any) bool {
	switch field.Interface().(type) {
	case time.Duration:
		text, ok := raw.(string)
		d, err := ParseDuration(text)
		if !ok || err != nil {
			return false
		}
		field.SetInt(int64(d))
		return true
	case Warm:
		if raw == "auto" {
			raw = int64(WarmAuto)
		} else if raw == int64(WarmAuto) {
			return false // -1 is our notation for auto, not the user's
		}
	case []string:
		return assignList(field, raw)
	}
	return assignScalar(field, raw)
}

// assignList stores a list of texts; one without elements becomes nil.
func assignList(field reflect.Value, raw any) bool {
	list, ok := raw.([]any)
	if !ok {
		return false
	}
	var texts []string
	for _, element := range list {
		text, ok := element.(string)
		if !ok {
			return false
		}
		texts = append(texts, text)
	}
	field.Set(reflect.ValueOf(texts))
	return true
}

// assignScalar stores a bool, number or text by the kind of the field.
func assignScalar(field reflect.Value, raw any) bool {
	switch x := raw.(type) {
	case bool:
		if field.Kind() == reflect.Bool {
			field.SetBool(x)
			return true
		}
	case string:
		if field.Kind() == reflect.String {
			field.SetString(x)
			return true
		}
	case float64:
		if field.Kind() == reflect.Float64 {
			field.SetFloat(x)
			return true
		}
	case int64:
		if field.Kind() == reflect.Float64 {
			field.SetFloat(float64(x))
			return true
		}
		if field.Kind() == reflect.Int && !field.OverflowInt(x) {
			field.SetInt(x)
			return true
		}
	}
	return false
}

// parse turns the text of an environment variable or an argument into the plain value that a field of
// the type takes. Text that does not fit stays text, which assign then refuses.
func parse(t reflect.Type, text string) any {
	if t == reflect.TypeFor[time.Duration]() {
		return text
	}
	switch t.Kind() {
	case reflect.Bool:
		if text == "true" || text == "false" {
			return text == "true"
		}
	case reflect.Int:
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	case reflect.Float64:
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f
		}
	case reflect.Slice:
		list := []any{}
		for part := range strings.SplitSeq(text, ",") {
			if part = strings.TrimSpace(part); part != "" {
				list = append(list, part)
			}
		}
		return list
	}
	return text
}

// Parse turns the text of an environment variable or an argument into the plain value of the key:
// bool, int64, float64, string, or []any for a list, whose elements commas separate. It checks the
// type, not the range.
func (k Key) Parse(text string) (any, error) {
	t := reflect.TypeOf(k.Default)
	raw := parse(t, text)
	if !assign(reflect.New(t).Elem(), raw) {
		return nil, k.malformed(k.Path, raw, t)
	}
	return raw, nil
}

// malformed returns the error for a value of the wrong type.
func (k Key) malformed(path string, raw any, t reflect.Type) *FieldError {
	e := &FieldError{Path: path, Problem: Malformed, Value: show(raw), Want: wantOf(t)}
	if k.Secret {
		e.Value = hidden
	}
	return e
}
