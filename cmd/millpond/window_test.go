//go:build !lean

package main

import (
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"millpond/app"
	"millpond/app/model"
	"millpond/app/window"
)

// TestLanguageAtOnce chooses another language on the page for that, and wants every word
// of the window in it, with the page as it was and its keys at work.
func TestLanguageAtOnce(t *testing.T) {
	say := func(language string) func(model.Text) string {
		words, err := app.Speak(language)
		if err != nil {
			t.Fatal(err)
		}
		return words
	}
	var f *frame
	show := func(p model.Preferences) { f.Show(model.Start().With(model.Desk{Preferences: p})) }
	do := model.Actions{Prefer: func(p model.Preferences) {
		f.Adopt(say(p.Language), p.Theme)
		show(p)
	}}
	f = newFrame(test.NewTempApp(t), app.Opening{Say: say("en"), Do: do, Page: model.PageGeneral, Theme: "light"})
	defer f.window.Close()
	f.window.Resize(window.Size)
	show(model.Preferences{Language: "en", Theme: "light"})

	wants := func(spoken string) {
		t.Helper()
		shown := test.RenderToMarkup(f.window.Canvas())
		for _, key := range []string{"page.overview", "page.log", "general.application", "general.theme", "state.loading"} {
			for _, language := range []string{"en", "zh_Hans"} {
				words := say(language)(model.T(key))
				if got, want := strings.Contains(shown, ">"+words+"</text>"), language == spoken; got != want {
					t.Errorf("in %s: %q is shown: got %v; want %v", spoken, words, got, want)
				}
			}
		}
		if got := f.content.Page(); got != model.PageGeneral {
			t.Errorf("in %s: got %v; want the page that was open", spoken, got)
		}
	}
	press := func(key fyne.KeyName) {
		c := f.window.Canvas()
		for range 60 {
			if c.FocusNext(); window.FocusedForTest(c) == "general.language" {
				c.Focused().TypedKey(&fyne.KeyEvent{Name: key})
				return
			}
		}
		t.Fatal("the keyboard does not reach the languages")
	}
	wants("en")
	press(fyne.KeyRight)
	wants("zh_Hans")
	press(fyne.KeyLeft)
	wants("en")
}
