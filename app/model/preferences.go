package model

import "fmt"

// Preferences are how the application itself looks and speaks. The zero value follows
// the system in everything.
type Preferences struct {
	Language string `json:"language"` // "en" or "zh_Hans"; "" as the system
	Theme    string `json:"theme"`    // "light" or "dark"; "" as the system
}

// An Option is one choice of several.
type Option struct {
	Value string
	Label Text
}

// Languages are the choices of language. Each stands in its own tongue, so that a
// person finds theirs in whatever language the window is.
func Languages() []Option {
	return []Option{{"", T("general.as_system")}, {"en", T("language.en")}, {"zh_Hans", T("language.zh_hans")}}
}

// Themes are the choices of appearance.
func Themes() []Option {
	return []Option{{"", T("general.as_system")}, {"light", T("theme.light")}, {"dark", T("theme.dark")}}
}

// Validate returns an error when a preference is none of the choices.
func (p Preferences) Validate() error {
	if !offered(Languages(), p.Language) {
		return fmt.Errorf("language: %q is none of \"\", en, zh_Hans", p.Language)
	}
	if !offered(Themes(), p.Theme) {
		return fmt.Errorf("theme: %q is none of \"\", light, dark", p.Theme)
	}
	return nil
}

// offered reports whether value is among the choices.
func offered(all []Option, value string) bool {
	for _, o := range all {
		if o.Value == value {
			return true
		}
	}
	return false
}
