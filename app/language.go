package app

import (
	"strings"

	"github.com/jeandeaual/go-locale"

	"millpond/app/model"
	"millpond/assets"
)

// Speak returns what words a text in a language of assets.Languages, or in the
// system's when that is "".
//
// The words do not come through fyne.io/fyne/v2/lang, since the tray links no
// Fyne; the files have its form.
func Speak(language string) (func(model.Text) string, error) {
	if language == "" {
		locales, err := locale.GetLocales()
		if err != nil {
			locales = nil // then it is English
		}
		language = assets.Language(locales)
	}
	sentences, err := assets.Sentences(language)
	if err != nil {
		return nil, err
	}
	return func(t model.Text) string { return say(sentences, t) }, nil
}

// say words a text. A key without a sentence stands for itself.
func say(sentences map[string]assets.Sentence, t model.Text) string {
	if t.Empty() {
		return ""
	}
	s, ok := sentences[t.Key]
	if !ok {
		return t.Key
	}
	words := s.Other
	if t.Count != nil && *t.Count == 1 && s.One != "" {
		words = s.One
	}
	if len(t.Args) == 0 {
		return words
	}
	var pairs []string
	for name, value := range t.Args {
		text, _ := value.(string)
		if inner, nested := value.(model.Text); nested {
			text = say(sentences, inner)
		}
		pairs = append(pairs, "{{."+name+"}}", text)
	}
	return strings.NewReplacer(pairs...).Replace(words) // replaces once, so what an argument holds stays as it is
}
