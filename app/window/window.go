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

// A Window is the content of the application's window. Use New.
type Window struct {
	do      model.Actions
	banner  *banner
	head    *head
	nav     *nav
	edit    *editor
	bar     *bar
	leaving *leaving
	pages   []page
	scrolls []*container.Scroll // of the pages
	sheets  *fyne.Container     // holds the scroll of the page that is open alone: Fyne refreshes hidden things too
	at      int                 // the page that is open
	view    model.View          // the newest
	greeted bool                // what is seen first is settled: a page is no longer opened by itself
	content fyne.CanvasObject
}

// Size is what the window measures at first, in Fyne's pixels.
var Size = fyne.NewSize(920, 700)

// New returns a window that words its texts with say. The notice, if not empty,
// is shown until it is put away.
func New(say func(model.Text) string, do model.Actions, notice model.Text) *Window {
	w := &Window{do: do, banner: newBanner(say)}
	w.head = newHead(say, do, func() { w.Open(model.PageWelcome) })
	t := tools{say: say, do: do, open: w.Open, help: newHelper(), edit: &editor{save: do.Save}}
	w.edit, w.bar, w.leaving = t.edit, newBar(say, t.edit), newLeaving(say, t.edit, w.dropForm)
	t.edit.changed = w.draw
	w.banner.lasting = notice
	var places []place
	for i, p := range pages {
		places = append(places, place{say(model.T(p.label)), p.icon()})
		w.pages = append(w.pages, p.make(t))
		scroll := container.NewVScroll(container.New(sheetLayout{}, w.pages[i].body()))
		w.scrolls = append(w.scrolls, scroll)
	}
	w.sheets = container.NewStack(w.scrolls[w.at])
	w.nav = newNav(places, t.help, w.open)
	top := container.New(topLayout{}, column(gapMedium, w.banner.box, w.head.box))
	w.content = container.NewStack(
		container.New(shellLayout{}, w.nav, newRule(), container.New(coreLayout{}, top, w.sheets, w.bar.box)),
		t.help.layer)
	w.Show(model.Start())
	return w
}

// Content returns what the window holds.
func (w *Window) Content() fyne.CanvasObject { return w.content }

// Show draws a view.
func (w *Window) Show(v model.View) {
	w.view = v
	w.edit.Take(v)
	w.greet(v)
	w.draw()
}

// draw draws the newest view, and the draft.
func (w *Window) draw() {
	w.banner.show(w.view)
	w.head.show(w.view)
	w.shown().show(w.view)
	w.bar.show(w.edit.Bar())
	w.content.Refresh()
	w.leaving.show(w.edit.Bar(), w.halfFilled() >= 0)
}

// Open shows a page. A name that there is no page for changes nothing.
func (w *Window) Open(name model.Page) {
	for i, p := range pages {
		if p.name == name {
			w.open(i)
		}
	}
}

// greet opens the first run by itself when it is needed as soon as anything is known.
func (w *Window) greet(v model.View) {
	if w.greeted || v.State == model.Loading {
		return
	}
	w.greeted = true
	if v.Welcome.Needed {
		w.Open(model.PageWelcome)
	}
}

// Reword returns the same window worded with say: with the page that is open, what it
// shows, and what a person has changed and not applied.
func (w *Window) Reword(say func(model.Text) string) *Window {
	w.leaving.stay()
	next := New(say, w.do, w.banner.lasting)
	next.edit.Editing = w.edit.Editing
	next.open(w.at)
	next.Show(w.view)
	return next
}

// Page returns the page that is open.
func (w *Window) Page() model.Page { return pages[w.at].name }

// open shows a page by its place. Who asks for a page is not led to another.
func (w *Window) open(i int) {
	w.greeted = true
	if i != w.at {
		w.at = i
		w.nav.mark(i)
		_, full := w.shown().(fullPage)
		reveal(w.head.box, !full)
		w.shown().show(w.view)
		w.sheets.Objects = []fyne.CanvasObject{w.scrolls[i]}
		w.sheets.Refresh()
	}
	if w.do.Open != nil {
		w.do.Open(pages[i].name)
	}
}

// shown returns the page that is open.
func (w *Window) shown() page { return w.pages[w.at] }

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
