package settings

import (
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Validate reports everything in the settings that cannot be used, in the order of the file: an
// [errors.Join] of *[FieldError], or nil.
func (s *Settings) Validate() error {
	c := checker{s: s}
	c.table(reflect.ValueOf(s).Elem(), "", -1)
	return join(c.errs)
}

// A site is one value under examination.
type site struct {
	s        *Settings
	key      Key
	path     string
	upstream int    // the index of the upstream that it belongs to, or -1
	text     string // the value, when it is a text
	number   int64  // the value, when it is a number
}

// A rule returns what is wrong with a value beyond its type and bounds; nil when nothing is. The
// caller fills in path and value.
type rule func(at site) *FieldError

// rules lists what bounds alone cannot say, by key.
var rules = map[string]rule{
	"listen.address":         checkListen,
	"listen.allowed_hosts":   checkAllowedHost,
	"listen.allowed_origins": checkOrigin,
	"pool.max_idle":          checkMaxIdle,
	"pool.max_idle_per_host": checkMaxIdlePerHost,
	"pool.warm":              checkWarm,
	"upstreams[].name":       checkName,
	"upstreams[].url":        checkUpstreamURL,
	"upstreams[].egress":     checkEgress,
	"routes[].path":          checkRoutePath,
	"routes[].upstreams":     checkRouteUpstream,
	"forward.allow":          checkAllow,
	"verdict.switch_below":   checkSwitchBelow,
	"updates.url":            checkUpdatesURL,
}

// malformed says what the value should look like.
func malformed(want string) *FieldError { return &FieldError{Problem: Malformed, Want: want} }

// refused says why a well-formed value cannot be used.
func refused(why string) *FieldError { return &FieldError{Problem: Refused, Want: why} }

// checker collects what is wrong while it walks the settings.
type checker struct {
	s    *Settings
	errs []*FieldError
}

// table checks the fields of a struct. prefix is its path with a dot, or "".
func (c *checker) table(v reflect.Value, prefix string, upstream int) {
	for i, f := range reflect.VisibleFields(v.Type()) {
		field, path := v.Field(i), prefix+f.Tag.Get("key")
		switch {
		case field.Kind() == reflect.Struct:
			c.table(field, path+".", upstream)
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct:
			for j := range field.Len() {
				owner := upstream
				if path == "upstreams" {
					owner = j
				}
				c.table(field.Index(j), path+"["+strconv.Itoa(j)+"].", owner)
			}
		case field.Kind() == reflect.Pointer && field.IsNil():
		default:
			c.value(reflect.Indirect(field), path, upstream)
		}
	}
}

// value checks one value, or each element of a list of texts.
func (c *checker) value(field reflect.Value, path string, upstream int) {
	key, _ := Lookup(path)
	at := site{s: c.s, key: key, path: path, upstream: upstream}
	list, isList := field.Interface().([]string)
	if key.Required && field.IsZero() {
		c.errs = append(c.errs, &FieldError{Path: path, Problem: Missing, Want: missingWant[key.Path]})
		return
	}
	if !isList {
		c.one(field, at)
		return
	}
	for i, text := range list {
		at.path = path + "[" + strconv.Itoa(i) + "]"
		if slices.Contains(list[:i], text) {
			c.errs = append(c.errs, &FieldError{Path: at.path, Problem: Refused, Value: show(text), Want: "it stands in the list twice"})
			continue
		}
		c.one(reflect.ValueOf(text), at)
	}
}

// missingWant says what a required key needs.
var missingWant = map[string]string{
	"upstreams[].name":   nameForm,
	"upstreams[].url":    urlForm,
	"routes[].path":      "a path that begins with /",
	"routes[].upstreams": "the name of at least one upstream",
}

// one checks a single value: its bounds or allowed values first, and then the key's own rule.
func (c *checker) one(field reflect.Value, at site) {
	var e *FieldError
	switch {
	case field.Kind() == reflect.String:
		at.text = field.String()
		e = checkText(at)
	case field.Kind() == reflect.Int, field.Type() == reflect.TypeFor[time.Duration]():
		at.number = field.Int()
		if isAuto := field.Interface() == any(WarmAuto); !isAuto && (at.number < at.key.Min || at.number > at.key.Max) {
			e = &FieldError{Problem: Outside, Want: at.key.Range()}
		}
	case field.Kind() == reflect.Float64:
		// The comparison is written so that a NaN fails it.
		if f := field.Float(); !(f >= float64(at.key.Min) && f <= float64(at.key.Max)) {
			e = &FieldError{Problem: Outside, Want: at.key.Range()}
		}
	}
	if check := rules[at.key.Path]; e == nil && check != nil {
		e = check(at)
	}
	if e == nil {
		return
	}
	e.Path = at.path
	if e.Value == "" {
		e.Value = show(plain(field))
	}
	c.errs = append(c.errs, e)
}

// Range returns the bounds of a number in words, "0 to 100000 connections"; "" for other keys.
func (k Key) Range() string {
	if k.Min == 0 && k.Max == 0 {
		return ""
	}
	low, high := strconv.FormatInt(k.Min, 10), strconv.FormatInt(k.Max, 10)
	if _, ok := k.Default.(time.Duration); ok {
		low, high = FormatDuration(time.Duration(k.Min)), FormatDuration(time.Duration(k.Max))
	}
	return strings.TrimSuffix(low+" to "+high+" "+k.Unit, " ")
}

// checkText checks what holds for every text: printable, among the allowed values, and for a secret
// that it is a reference.
func checkText(at site) *FieldError {
	if at.key.Secret {
		if at.text != "" && !IsReference(at.text) {
			return &FieldError{Problem: Malformed, Value: hidden, Want: "a secret reference (keyring:NAME, env:NAME or file:/PATH)"}
		}
	}
	if !isPrintable(at.text) {
		return &FieldError{Problem: Malformed, Value: hideIf(at.key.Secret, at.text), Want: "printable text"}
	}
	if at.key.Allowed != nil && !slices.Contains(at.key.Allowed, at.text) {
		return &FieldError{Problem: NotOneOf, Want: strings.Join(at.key.Allowed, ", ")}
	}
	return nil
}

// hideIf returns what to show of a text that may be secret.
func hideIf(secret bool, text string) string {
	if secret {
		return hidden
	}
	return show(text)
}

// isPrintable reports whether the text is UTF-8 without control characters, so that it stands on one
// line of a file, a log or a window.
func isPrintable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// IsReference reports whether the text refers to a secret rather than being one: keyring:NAME,
// env:NAME, or file:PATH with a whole path. Package settings/secret resolves it.
func IsReference(text string) bool {
	scheme, name, _ := strings.Cut(text, ":")
	switch scheme {
	case "keyring":
		return name != ""
	case "env":
		return name != "" && !strings.Contains(name, "=")
	case "file":
		return filepath.IsAbs(name)
	}
	return false
}

// poolAt returns the pool that the value is part of, and the pool of the preset alone.
func poolAt(at site) (written, preset Pool) {
	written = at.s.Pool
	if at.upstream >= 0 {
		written = at.s.PoolFor(at.s.Upstreams[at.upstream])
	}
	return written, PresetPool(written.Preset)
}

// atMost refuses a number over a limit that another key sets. A limit of 0 is none.
func atMost(at site, limit int, by string) *FieldError {
	if limit == 0 || at.number <= int64(limit) {
		return nil
	}
	return &FieldError{Problem: Outside, Want: "0 to " + strconv.Itoa(limit) + " connections (" + by + ")"}
}

// checkMaxIdle refuses idle connections beyond the connections there may be. Only a number that the
// user wrote is blamed: one that comes from the preset does no harm under a smaller limit.
func checkMaxIdle(at site) *FieldError {
	written, preset := poolAt(at)
	if at.number == int64(preset.MaxIdle) {
		return nil
	}
	return atMost(at, written.MaxConnections, "max_connections")
}

// checkMaxIdlePerHost is checkMaxIdle for one host.
func checkMaxIdlePerHost(at site) *FieldError {
	written, preset := poolAt(at)
	if at.number == int64(preset.MaxIdlePerHost) {
		return nil
	}
	return atMost(at, written.MaxConnectionsPerHost, "max_connections_per_host")
}

// checkWarm refuses to keep more connections ready than may be idle.
func checkWarm(at site) *FieldError {
	written, _ := poolAt(at)
	if at.number > 0 && written.MaxIdlePerHost == 0 {
		return refused("max_idle_per_host is 0, so none can be kept ready")
	}
	return atMost(at, written.MaxIdlePerHost, "max_idle_per_host")
}

// checkSwitchBelow keeps the verdict from proposing a change while the target is met.
func checkSwitchBelow(at site) *FieldError {
	if at.s.Verdict.SwitchBelow <= at.s.Verdict.SuccessTarget {
		return nil
	}
	return &FieldError{Problem: Outside, Want: "0 to " + formatFloat(at.s.Verdict.SuccessTarget) + " (verdict.success_target)"}
}
