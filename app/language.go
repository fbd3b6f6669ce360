package app

import (
	"fmt"

	"fyne.io/fyne/v2/lang"

	"millpond/app/model"
	"millpond/assets"
)

// speak reads the locale files and returns what words a text in the person's
// language, that of the system. Fyne's package of words needs no Fyne
// application, so the tray uses it too.
func speak() (func(model.Text) string, error) {
	if err := lang.AddTranslationsFS(assets.Locales, assets.LocaleDir); err != nil {
		return nil, fmt.Errorf("read the words: %w", err)
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
