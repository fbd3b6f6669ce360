package window

import (
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A helper shows a few words over the window, beside what the pointer rests on.
// Fyne has nothing of the kind.
type helper struct {
	words *sentence
	field *canvas.Rectangle
	box   *fyne.Container
	layer *fyne.Container // as large as the window, over everything, catching nothing
	delay *fyne.Animation // until the words are shown
}

// The measures of help: Fyne's pixels.
const (
	helpWidth = 300 // at most
	helpRoom  = 8   // around the words
)

// helpDelay is how long the pointer rests before help appears.
const helpDelay = 450 * time.Millisecond

// newHelper returns a helper that shows nothing yet.
func newHelper() *helper {
	h := &helper{words: newSentence(widget.MediumImportance), field: canvas.NewRectangle(nil)}
	h.field.CornerRadius, h.field.StrokeWidth = 6, 1
	h.words.label.Selectable = false // or it would take the pointer
	h.box = container.NewStack(h.field, inset(helpRoom, h.words.box))
	h.box.Hide()
	h.layer = container.NewWithoutLayout(h.box)
	return h
}

// show shows words after a moment at a place within object.
func (h *helper) show(object fyne.CanvasObject, words string, at fyne.Position) {
	h.hide()
	if words == "" {
		return
	}
	// An animation is Fyne's own clock: its end comes on Fyne's goroutine.
	h.delay = fyne.NewAnimation(helpDelay, func(done float32) {
		if done == 1 {
			h.put(object, words, at)
		}
	})
	h.delay.Start()
}

// hide takes the words away.
func (h *helper) hide() {
	if h.delay != nil {
		h.delay.Stop()
		h.delay = nil
	}
	h.box.Hide()
}

// put shows words now, within the window.
func (h *helper) put(object fyne.CanvasObject, words string, at fyne.Position) {
	h.field.FillColor = theme.ColorForWidget(theme.ColorNameOverlayBackground, h.words.label)
	h.field.StrokeColor = theme.ColorForWidget(theme.ColorNameSeparator, h.words.label)
	h.words.set(words)
	wide := fyne.MeasureText(words, theme.SizeForWidget(theme.SizeNameText, h.words.label), fyne.TextStyle{}).Width + 1
	size := fyne.NewSize(min(wide, helpWidth)+2*helpRoom, 0)
	h.box.Resize(size) // the words wrap to their width
	size.Height = h.box.MinSize().Height
	driver, room := fyne.CurrentApp().Driver(), h.layer.Size()
	place := driver.AbsolutePositionForObject(object).Add(at).Subtract(driver.AbsolutePositionForObject(h.layer))
	if place.Y+size.Height > room.Height {
		place.Y -= size.Height + at.Y + helpRoom // above it instead
	}
	place.X = max(0, min(place.X, room.Width-size.Width))
	h.box.Resize(size)
	h.box.Move(fyne.NewPos(place.X, max(0, place.Y)))
	h.box.Show()
}

// A helped thing shows help while the pointer rests on it.
type helped struct {
	widget.BaseWidget
	content fyne.CanvasObject
	words   string
	help    *helper
}

// explain returns an object that says words while the pointer rests on it.
func (t tools) explain(words string, content fyne.CanvasObject) *helped {
	h := &helped{content: content, words: words, help: t.help}
	h.ExtendBaseWidget(h)
	return h
}

// MouseIn shows the help below.
func (h *helped) MouseIn(*desktop.MouseEvent) {
	h.help.show(h, h.words, fyne.NewPos(0, h.Size().Height+2))
}

// MouseMoved implements desktop.Hoverable.
func (h *helped) MouseMoved(*desktop.MouseEvent) {}

// MouseOut takes the help away.
func (h *helped) MouseOut() { h.help.hide() }

// CreateRenderer implements fyne.Widget.
func (h *helped) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(h.content) }
