package model

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"millpond/settings"
)

// A Kind is how a setting is filled in.
type Kind int

// The kinds.
const (
	KindText     Kind = iota // a line of text
	KindNumber               // a whole number or a fraction
	KindDuration             // 30s, 5m, 28d
	KindChoice               // one of Options
	KindSwitch               // yes or no
	KindSecret               // a reference to a secret
	KindList                 // texts with commas between
)

// The texts of a switch.
const (
	Yes = "true"
	No  = "false"
)

// A Field is one line of a form: a setting as a draft has it.
type Field struct {
	Path    string
	Kind    Kind
	Label   Text
	Help    Text   // what it means
	Range   Text   // what may be filled in; may be empty
	Text    string // what stands in it
	Options []Option
	Changed bool   // the draft makes it otherwise
	Own     bool   // it is otherwise than Plain, so it can be put back
	Plain   Text   // what it would be otherwise: the preset's, or that of all upstreams
	Reset   string // the text that puts it back
	Hint    Text   // to stand in an empty line; may be empty
	Problem Text   // what is wrong; empty when nothing is
}

// LabelOf names a setting.
func LabelOf(k settings.Key) Text { return T(k.Locale() + ".label") }

// HelpOf says what a setting means.
func HelpOf(k settings.Key) Text { return T(k.Locale()) }

// kindOf returns how a setting is filled in.
func kindOf(k settings.Key) Kind {
	switch k.Default.(type) {
	case bool:
		return KindSwitch
	case time.Duration:
		return KindDuration
	case int, float64, settings.Warm:
		return KindNumber
	case []string:
		return KindList
	}
	switch {
	case k.Allowed != nil:
		return KindChoice
	case k.Secret:
		return KindSecret
	}
	return KindText
}

// Field returns the line of a form for a path.
func (d *Draft) Field(path string) Field {
	k, _ := settings.Lookup(path)
	f := Field{
		Path: path, Kind: kindOf(k), Label: LabelOf(k), Help: HelpOf(k), Range: rangeOf(k),
		Text: d.Text(path), Options: optionsOf(k),
	}
	f.Changed = slices.ContainsFunc(d.Changes(), func(c Change) bool { return c.Path == path })
	if e := d.errs[path]; e != nil {
		f.Problem = problemOf(e, k)
	}
	if f.Kind == KindSecret {
		f.Hint = T("field.hint.secret")
	}
	d.inherit(&f)
	return f
}

// inherit tells what the setting of a pool would be otherwise.
func (d *Draft) inherit(f *Field) {
	plain, ok := d.plain(f.Path)
	if !ok {
		return
	}
	f.Plain = valueOf(f.Path, plain)
	if name, _ := splitPath(f.Path); name == "" {
		f.Own, f.Reset = f.Text != plain, plain
		return
	}
	f.Own = f.Text != ""
	f.Hint = T("value.as_all", "Value", f.Plain)
	if len(f.Options) > 0 {
		f.Options = append([]Option{{"", f.Hint}}, f.Options...)
	}
}

// plain returns the text that a setting of a pool has by itself: that of the preset,
// or for an upstream's own pool that of all. Other settings have none.
func (d *Draft) plain(path string) (string, bool) {
	name, key := splitPath(path)
	if !strings.HasPrefix(key, "pool.") {
		return "", false
	}
	s := d.next.Clone()
	if name == "" {
		if key == "pool.preset" || key == "pool.scope" || key == "pool.protocol" {
			return "", false
		}
		s.Pool = settings.PresetPool(s.Pool.Preset)
		return textAt(s, path), true
	}
	i := slices.Index(d.names, name)
	if i < 0 {
		return "", false
	}
	u := s.Upstreams[i]
	preset := u.Pool.Preset
	u.Pool = settings.PoolOverride{}
	if key != "pool.preset" {
		u.Pool.Preset = preset
	}
	s.Pool = s.PoolFor(u)
	return textAt(s, key), true
}

// rangeOf says what may be filled in for a number or a duration.
func rangeOf(k settings.Key) Text {
	if k.Range() == "" {
		return Text{}
	}
	if _, ok := k.Default.(time.Duration); ok {
		low, high := settings.FormatDuration(time.Duration(k.Min)), settings.FormatDuration(time.Duration(k.Max))
		return T("field.between", "Low", low, "High", high)
	}
	low, high := Count(k.Min), Count(k.Max)
	if unit, ok := units[k.Unit]; ok {
		return T("field.between_unit", "Low", low, "High", high, "Unit", T(unit))
	}
	return T("field.between", "Low", low, "High", high)
}

// units are the words for what numbers count.
var units = map[string]string{
	"connections": "unit.connections",
	"requests":    "unit.requests",
	"upstreams":   "unit.upstreams",
	"failures":    "unit.failures",
}

// optionsOf returns the values that a choice has.
func optionsOf(k settings.Key) []Option {
	var list []Option
	for _, value := range k.Allowed {
		list = append(list, Option{value, optionOf(k, value)})
	}
	return list
}

// optionOf names a value of a choice.
func optionOf(k settings.Key, value string) Text {
	if k.Path == "pool.preset" {
		return T(presetLabels[settings.Preset(value)])
	}
	return T(k.Locale() + "." + value)
}

// valueOf words what stands at a path. The reference to a secret is shown, never the
// secret itself.
func valueOf(path, text string) Text {
	k, _ := settings.Lookup(path)
	name, key := splitPath(path)
	switch {
	case text == "" && name != "" && strings.HasPrefix(key, "pool."):
		return T("value.inherited")
	case text == "":
		return T("value.none")
	case slices.Contains(k.Allowed, text):
		return optionOf(k, text)
	case text == Yes:
		return T("value.yes")
	case text == No:
		return T("value.no")
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		text = Count(n)
	}
	return T("value.plain", "Value", text)
}

// problemOf words what is wrong with a setting.
func problemOf(e *settings.FieldError, k settings.Key) Text {
	switch e.Problem {
	case settings.Outside:
		if limit, by, ok := strings.Cut(e.Want, " connections ("); ok { // a limit that another setting sets
			return T("field.over", "Limit", strings.TrimPrefix(limit, "0 to "), "By", byOf(by, k))
		}
		if r := rangeOf(k); e.Want == k.Range() {
			return T("field.outside", "Range", r)
		}
		return T("field.outside", "Range", T("value.plain", "Value", e.Want))
	case settings.Missing:
		return T("field.missing")
	case settings.NotOneOf:
		return T("field.not_one_of", "Values", e.Want)
	case settings.Refused:
		if key, ok := refusals[e.Want]; ok {
			return T(key)
		}
		if strings.HasSuffix(e.Want, "has that name already") {
			return T("field.name_taken")
		}
		return T("field.refused", "Why", e.Want)
	}
	if key, ok := forms[k.Path]; ok {
		return T(key)
	}
	return T(formOf[kindOf(k)])
}

// byOf names the setting that sets a limit: "max_idle)" beside the one it limits.
func byOf(by string, k settings.Key) Text {
	other, ok := settings.Lookup(k.Section() + "." + strings.TrimSuffix(by, ")"))
	if !ok {
		return T("value.plain", "Value", strings.TrimSuffix(by, ")"))
	}
	return LabelOf(other)
}

// forms say what a text must look like, by the setting's path.
var forms = map[string]string{
	"listen.address":         "field.form.listen",
	"listen.allowed_hosts":   "field.form.host",
	"listen.allowed_origins": "field.form.origin",
	"upstreams[].name":       "field.form.name",
	"upstreams[].url":        "field.form.url",
	"upstreams[].egress":     "field.form.egress",
	"forward.allow":          "field.form.allow",
	"pool.warm":              "field.form.warm",
	"updates.url":            "field.form.updates",
}

// formOf says what must be filled in, by how it is filled in.
var formOf = map[Kind]string{
	KindText:     "field.form.text",
	KindNumber:   "field.form.number",
	KindDuration: "field.form.duration",
	KindChoice:   "field.form.text",
	KindSwitch:   "field.form.text",
	KindSecret:   "field.form.secret",
	KindList:     "field.form.text",
}

// refusals are the reasons of the settings for refusing a value, in English there
// and by their keys here.
var refusals = map[string]string{
	"others can reach this address, so listen.token must be set":                               "field.refused.token",
	"no user or password may stand in it; use credential":                                      "field.refused.login",
	"no user or password may stand in it":                                                      "field.refused.no_login",
	"without https anyone on the way could hold releases back":                                 "field.refused.https",
	"it may have a base path, but no query and no fragment":                                    "field.refused.query",
	"Millpond itself listens there":                                                            "field.refused.own",
	"link-local and metadata addresses are never called":                                       "field.refused.link_local",
	"the password must be a secret reference, as in http://user:env:PROXY_PASSWORD@proxy:3128": "field.refused.password",
	"max_idle_per_host is 0, so none can be kept ready":                                        "field.refused.warm",
	"it stands in the list twice":                                                              "field.refused.twice",
}
