// Package window shows a view in a window, by Fyne. It decides nothing and does
// no I/O: what a person asks for goes out by Actions, which must return at once.
// All of it runs on Fyne's own goroutine.
package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// Actions are what a person can ask for.
type Actions struct {
	Switch func(on bool)     // let requests pass, or not
	Copy   func(text string) // to the clipboard
}

// A Window is the content of the application's window. Use New.
type Window struct {
	head     *head
	banner   *banner
	overview *overview
	content  fyne.CanvasObject
}

// Size is what the window measures at first, in Fyne's pixels.
var Size = fyne.NewSize(920, 700)

// New returns a window that words its texts with say. The notice, if not empty,
// is shown until it is put away.
func New(say func(model.Text) string, do Actions, notice model.Text) *Window {
	w := &Window{head: newHead(say, do), banner: newBanner(say), overview: newOverview(say)}
	w.banner.lasting = notice
	page := column(gapLarge, w.banner.box, w.head.box, w.overview.box)
	w.content = container.NewVScroll(inset(gapLarge, page))
	w.Show(model.Start())
	return w
}

// Content returns what the window holds.
func (w *Window) Content() fyne.CanvasObject { return w.content }

// Show draws a view.
func (w *Window) Show(v model.View) {
	w.banner.show(v)
	w.head.show(v)
	w.overview.show(v)
	w.content.Refresh()
}

// A banner tells what went wrong with something that a person asked for, or
// something to know that can be put away.
type banner struct {
	say     func(model.Text) string
	lasting model.Text // until it is put away
	icon    *widget.Icon
	words   *sentence
	close   *widget.Button
	box     *panel
}

// newBanner returns a banner that is not shown.
func newBanner(say func(model.Text) string) *banner {
	b := &banner{say: say, icon: widget.NewIcon(nil), words: newSentence(widget.MediumImportance)}
	b.close = widget.NewButton(say(model.T("banner.close")), func() {
		b.lasting = model.Text{}
		b.box.Hide()
	})
	b.box = newPanel(row(gapMedium, []float32{0, 1, 0}, middle(b.icon), middle(b.words.box), middle(b.close)))
	return b
}

// show shows the notice of a view, or else the lasting one.
func (b *banner) show(v model.View) {
	notice := v.Notice
	var icon fyne.Resource = theme.NewWarningThemedResource(theme.WarningIcon())
	reveal(b.close, notice.Empty())
	if notice.Empty() {
		notice, icon = b.lasting, theme.NewPrimaryThemedResource(theme.InfoIcon())
	}
	b.icon.SetResource(icon)
	b.words.set(b.say(notice))
	reveal(b.box, !notice.Empty())
}
