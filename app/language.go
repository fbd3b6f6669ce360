package app

import (
	"fmt"
	"strings"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/lang"

	"millpond/app/model"
	"millpond/assets"
)

// fynesOwn are the languages that Fyne has words in and we have not. It would
// take a language by its own words and then miss ours.
var fynesOwn = []fyne.Locale{"cs", "de", "el", "es", "fr", "ja", "pl", "pt", "pt-BR", "ru", "sv", "ta", "uk"}

// Speak reads the locale files and returns what words a text in the person's
// language, that of the system, or else in English. Fyne's package of words
// needs no Fyne application, so the tray uses it too.
func Speak() (func(model.Text) string, error) {
	if err := lang.AddTranslationsFS(assets.Locales, assets.LocaleDir); err != nil {
		return nil, fmt.Errorf("read the words: %w", err)
	}
	english, err := assets.Locales.ReadFile(assets.LocaleDir + "/en.json")
	if err != nil {
		return nil, fmt.Errorf("read the English words: %w", err)
	}
	system := lang.SystemLocale().String()
	for _, l := range fynesOwn {
		if !strings.HasPrefix(system, l.String()[:2]) {
			continue
		}
		if err := lang.AddTranslationsForLocale(english, l); err != nil {
			return nil, fmt.Errorf("offer English words in place of %s: %w", l, err)
		}
	}
	return say, nil
}

// say words a text. A key that no language has stands for itself.
func say(t model.Text) string {
	if t.Empty() {
		return ""
	}
	args := map[string]any{}
	for name, value := range t.Args {
		if inner, ok := value.(model.Text); ok {
			value = say(inner)
		}
		args[name] = value
	}
	if t.Count != nil {
		return lang.XN(t.Key, t.Key, int(*t.Count), args)
	}
	return lang.X(t.Key, t.Key, args)
}
