package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/widget"
)

// passKey gives a key that a widget has no use for to the window, which Fyne
// asks only when no widget has the keyboard.
func passKey(from fyne.CanvasObject, e *fyne.KeyEvent) {
	if c := fyne.CurrentApp().Driver().CanvasForObject(from); c != nil && c.OnTypedKey() != nil {
		c.OnTypedKey()(e)
	}
}

// passShortcut gives a shortcut that a widget has no use for to the window, as
// passKey does.
func passShortcut(from fyne.CanvasObject, s fyne.Shortcut) {
	if c, ok := fyne.CurrentApp().Driver().CanvasForObject(from).(fyne.Shortcutable); ok {
		c.TypedShortcut(s)
	}
}

// seek scrolls the open page so far that an object on it, which has got the
// keyboard, is in sight.
func seek(o fyne.CanvasObject) {
	driver := fyne.CurrentApp().Driver()
	c := driver.CanvasForObject(o)
	if c == nil {
		return
	}
	s := scrollIn(c.Content())
	if s == nil {
		return
	}
	const room = 48 // so that what belongs to it is seen too
	top := driver.AbsolutePositionForObject(o).Y - driver.AbsolutePositionForObject(s).Y
	bottom := top + o.Size().Height
	switch {
	case top < 0:
		s.ScrollToOffset(s.Offset.AddXY(0, top-room))
	case bottom > s.Size().Height:
		s.ScrollToOffset(s.Offset.AddXY(0, bottom-s.Size().Height+room))
	}
}

// scrollIn returns what scrolls the open page.
func scrollIn(o fyne.CanvasObject) *container.Scroll {
	switch o := o.(type) {
	case *container.Scroll:
		return o
	case *fyne.Container:
		for _, inner := range o.Objects {
			if s := scrollIn(inner); s != nil {
				return s
			}
		}
	}
	return nil
}

// A named thing can have the keyboard and tells which one it is: by the path of its
// setting, or by its words.
type named interface{ called() string }

// nameOr returns the path of a setting, or words where there is none.
func nameOr(path func() string, words string) string {
	if path == nil {
		return words
	}
	return path()
}

// FocusedForTest names what has the keyboard on a canvas: a setting by its path, a
// button by its words; "" when it has no name.
func FocusedForTest(c fyne.Canvas) string {
	if n, ok := c.Focused().(named); ok {
		return n.called()
	}
	return ""
}

// A button is Fyne's, which also takes the return key and leaves the window what
// it has no use for, such as Escape. One without words says what it does while the
// pointer rests on it.
type button struct {
	widget.Button
	meaning string
	help    *helper
	keyed   bool // it is being pressed by the keyboard, which Fyne takes away from it then
}

// newIconButton returns a button without words.
func newIconButton(t tools, icon fyne.Resource, meaning string, tapped func()) *button {
	b := newButton("", icon, tapped)
	b.Importance = widget.LowImportance
	b.meaning, b.help = meaning, t.help
	return b
}

// MouseIn says what the button does.
func (b *button) MouseIn(e *desktop.MouseEvent) {
	b.Button.MouseIn(e)
	if b.help != nil {
		b.help.show(b, b.meaning, fyne.NewPos(0, b.Size().Height+2))
	}
}

// MouseOut takes the help away.
func (b *button) MouseOut() {
	b.Button.MouseOut()
	if b.help != nil {
		b.help.hide()
	}
}

// newButton returns a button; icon may be nil.
func newButton(label string, icon fyne.Resource, tapped func()) *button {
	b := &button{}
	b.Text, b.Icon, b.OnTapped = label, icon, tapped
	b.ExtendBaseWidget(b)
	return b
}

// TypedKey implements fyne.Focusable.
func (b *button) TypedKey(e *fyne.KeyEvent) {
	switch {
	case b.Disabled():
	case e.Name == fyne.KeySpace, e.Name == fyne.KeyReturn, e.Name == fyne.KeyEnter:
		b.keyed = true
		b.Tapped(nil)
		b.keyed = false
	default:
		passKey(b, e)
	}
}

// called implements named.
func (b *button) called() string {
	if b.Text == "" {
		return b.meaning
	}
	return b.Text
}

// label changes the words.
func (b *button) label(words string) {
	if b.Text != words {
		b.SetText(words)
	}
}

// weigh marks the button as what a person is most likely to want, or not.
func (b *button) weigh(most bool) {
	importance := widget.MediumImportance
	if most {
		importance = widget.HighImportance
	}
	if b.Importance != importance {
		b.Importance = importance
		b.Refresh()
	}
}

// enable makes the button usable, or not.
func (b *button) enable(on bool) {
	switch {
	case on && b.Disabled():
		b.Enable()
	case !on && !b.Disabled():
		b.Disable()
	}
}

// hold is the key that shortcuts are made with: Command on macOS, else Control.
const hold = fyne.KeyModifierShortcutDefault

// A keyboard is what takes the window's keys: Fyne's canvas.
type keyboard interface {
	AddShortcut(fyne.Shortcut, func(fyne.Shortcut))
	SetOnTypedKey(func(*fyne.KeyEvent))
}

// Bind makes the keys of the window work on its canvas: Control and a figure
// opens a page, with S applies changes and with Z takes the last ones back; the
// arrows go up and down the pages, and Escape leaves a field and closes what a page
// has opened.
func (w *Window) Bind(c keyboard) {
	figures := []fyne.KeyName{fyne.Key1, fyne.Key2, fyne.Key3, fyne.Key4, fyne.Key5, fyne.Key6, fyne.Key7, fyne.Key8, fyne.Key9}
	for i := range pages {
		c.AddShortcut(&desktop.CustomShortcut{KeyName: figures[i], Modifier: hold}, func(fyne.Shortcut) { w.open(i) })
	}
	c.AddShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyS, Modifier: hold}, func(fyne.Shortcut) { w.edit.apply() })
	c.AddShortcut(&fyne.ShortcutUndo{}, func(fyne.Shortcut) { w.edit.undo() })
	c.SetOnTypedKey(w.typed)
}

// typed takes a key that no widget has taken.
func (w *Window) typed(e *fyne.KeyEvent) {
	if w.leaving.end != nil { // the pages are behind the question
		if e.Name == fyne.KeyEscape {
			w.leaving.stay()
		}
		return
	}
	switch e.Name {
	case fyne.KeyUp, fyne.KeyDown:
		w.nav.TypedKey(e)
	case fyne.KeyPageUp:
		w.turn(-1)
	case fyne.KeyPageDown:
		w.turn(1)
	case fyne.KeyEscape:
		if c := fyne.CurrentApp().Driver().CanvasForObject(w.content); c != nil {
			c.Unfocus()
		}
		if p, ok := w.shown().(escaper); ok {
			p.escape()
		}
	}
}

// turn scrolls the open page by most of its height.
func (w *Window) turn(by float32) {
	s := w.scrolls[w.at]
	s.ScrollToOffset(s.Offset.AddXY(0, by*s.Size().Height*0.9))
}
