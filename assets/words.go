package assets

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"strings"
)

// locales holds a file of sentences for each language. They have the form that
// go-i18n and Fyne read: a key and a sentence in which {{.Name}} stands for an
// argument, or a key and the sentence for each plural.
//
//go:embed locale/*.json
var locales embed.FS

// Languages returns the languages that there are words in, English first.
func Languages() []string { return []string{"en", "zh_Hans"} }

// A Sentence is what is said under one key.
type Sentence struct {
	One   string // about one thing; "" when it is as about several
	Other string
}

// UnmarshalJSON reads a sentence, or an object with one for each plural.
func (s *Sentence) UnmarshalJSON(text []byte) error {
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, &s.Other)
	}
	var plurals struct{ One, Other string }
	if err := json.Unmarshal(text, &plurals); err != nil {
		return err
	}
	*s = Sentence(plurals)
	return nil
}

// Sentences returns the sentences of a language by their keys.
func Sentences(language string) (map[string]Sentence, error) {
	text, err := locales.ReadFile(path.Join("locale", language+".json"))
	if err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", language, err)
	}
	sentences := map[string]Sentence{}
	if err := json.Unmarshal(text, &sentences); err != nil {
		return nil, fmt.Errorf("read the words of %s: %w", language, err)
	}
	return sentences, nil
}

// Language returns the language for a person whose locales these are, the
// favourite first: zh_CN.UTF-8 and zh-Hans-CN are served by zh_Hans. It is
// English when none is.
func Language(locales []string) string {
	for _, locale := range locales {
		wanted, _, _ := strings.Cut(strings.ReplaceAll(locale, "-", "_"), "_")
		for _, language := range Languages() {
			if offered, _, _ := strings.Cut(language, "_"); strings.EqualFold(wanted, offered) {
				return language
			}
		}
	}
	return Languages()[0]
}
