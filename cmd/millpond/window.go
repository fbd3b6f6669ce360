//go:build !lean

package main

import (
	"context"
	"os"

	"fyne.io/fyne/v2"
	fyneapp "fyne.io/fyne/v2/app"

	"millpond/app"
	"millpond/app/model"
	"millpond/app/window"
	"millpond/assets"
)

// A frame is the window on the screen, by Fyne.
type frame struct {
	app     fyne.App
	window  fyne.Window
	content *window.Window
	closed  bool // belongs to Fyne's goroutine
}

// newWindow makes the window, which Run shows.
func newWindow(o app.Opening) app.Window {
	if dir, err := os.UserCacheDir(); err == nil {
		_ = os.MkdirAll(dir, 0o700) // Fyne complains where a new user has none
	}
	fyneapp.SetMetadata(fyne.AppMetadata{
		ID: app.ID, Name: "Millpond", Version: version,
		Migrations: map[string]bool{"fyneDo": true},
	})
	return newFrame(fyneapp.New(), o)
}

// newFrame makes the window of a Fyne application.
func newFrame(a fyne.App, o app.Opening) *frame {
	f := &frame{app: a}
	f.app.Settings().SetTheme(window.Theme(window.Appearance(o.Theme)))
	f.app.SetIcon(fyne.NewStaticResource("millpond.png", assets.AppIcon))
	o.Do.Copy = f.app.Clipboard().SetContent
	f.content = window.New(o.Say, o.Do, o.Notice)
	f.window = f.app.NewWindow("Millpond")
	f.window.SetPadded(false) // the navigation reaches to the edge
	f.window.SetContent(f.content.Content())
	f.content.Open(o.Page)
	f.content.Bind(f.window.Canvas())
	f.window.Resize(window.Size)
	f.window.CenterOnScreen()
	f.window.SetCloseIntercept(func() { f.content.Leave(f.window.Close) }) // not asked when ctx ends
	f.window.SetOnClosed(func() { f.closed = true })
	return f
}

// Run implements app.Window.
func (f *frame) Run(ctx context.Context, opened func()) {
	stop := context.AfterFunc(ctx, func() { onUI(f.app.Quit) })
	defer stop()
	f.app.Lifecycle().SetOnStarted(opened)
	f.window.ShowAndRun()
}

// Show implements app.Window.
func (f *frame) Show(v model.View) { onUI(func() { f.content.Show(v) }) }

// Adopt implements app.Window. Texts are worded when a page is made, so a language
// makes all of them anew.
func (f *frame) Adopt(say func(model.Text) string, theme string) {
	onUI(func() {
		f.app.Settings().SetTheme(window.Theme(window.Appearance(theme)))
		f.content = f.content.Reword(say)
		f.window.SetContent(f.content.Content())
		f.content.Bind(f.window.Canvas())
	})
}

// Raise implements app.Window.
func (f *frame) Raise(ctx context.Context, page model.Page) bool {
	raised := make(chan bool, 1)
	onUI(func() {
		if !f.closed {
			f.content.Open(page)
			f.window.Show()
			f.window.RequestFocus()
		}
		raised <- !f.closed
	})
	select {
	case ok := <-raised:
		return ok
	case <-ctx.Done(): // Fyne has ended and will not do it
		return false
	}
}

// onUI is the one crossing into Fyne's goroutine. It does not wait.
func onUI(f func()) { fyne.Do(f) }
