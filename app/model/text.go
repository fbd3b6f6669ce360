// Package model turns what the daemon tells into what a person sees: numbers as
// strings, sentences as keys of the locale files, and flags. The tray and the
// window draw its views and decide nothing.
//
// It is pure: no widget, no file, no socket, no clock. The keys of sentences
// stand as literals in this package, so that a test can compare them with the
// locale files.
package model

import "strings"

// A Text is a sentence in no language yet: a key of the locale files and what
// stands in place of its {{.Names}}. The zero Text is empty.
type Text struct {
	Key  string
	Args Args
	// Count chooses the plural of a sentence that has plurals, and fills in its
	// {{.Count}}. Nil means that the sentence has none.
	Count *int64
}

// Args are what a sentence mentions, by name: strings, and Texts to be worded
// in their turn.
type Args map[string]any

// Empty reports whether there is nothing to say.
func (t Text) Empty() bool { return t.Key == "" }

// T returns the sentence under key. The pairs are names and values in turn.
func T(key string, pairs ...any) Text {
	t := Text{Key: key}
	for i := 0; i+1 < len(pairs); i += 2 {
		if t.Args == nil {
			t.Args = Args{}
		}
		t.Args[pairs[i].(string)] = pairs[i+1]
	}
	return t
}

// N returns the sentence under key about n things.
func N(key string, n int64, pairs ...any) Text {
	t := T(key, append([]any{"Count", Count(n)}, pairs...)...)
	t.Count = &n
	return t
}

// Sentences words texts one after another.
func Sentences(all []Text, say func(Text) string) string { return join(all, say, " ") }

// Lines words texts one below another.
func Lines(all []Text, say func(Text) string) string { return join(all, say, "\n") }

// join words texts with something between.
func join(all []Text, say func(Text) string, between string) string {
	words := make([]string, len(all))
	for i, t := range all {
		words[i] = say(t)
	}
	return strings.Join(words, between)
}
