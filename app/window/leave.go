package window

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// Leave calls end, which closes the window: at once, or when a person has said what
// becomes of the changes that are not applied yet, or never.
func (w *Window) Leave(end func()) {
	half := w.halfFilled()
	if settled(w.edit.Bar()) && half < 0 {
		end()
		return
	}
	if half >= 0 {
		w.open(half) // so that it is seen what the question is about
	}
	w.leaving.ask(w.content, end)
	w.leaving.show(w.edit.Bar(), half >= 0)
}

// settled reports whether the window can be closed without a change being lost.
func settled(b model.Bar) bool { return !b.CanDiscard && !b.Busy }

// A formPage is a page with a form whose contents are no change yet.
type formPage interface {
	halfFilled() bool
	escape() // empties the form and closes it
}

// halfFilled returns the place of a page with a form in which a person has begun, or -1.
func (w *Window) halfFilled() int {
	return slices.IndexFunc(w.pages, func(p page) bool {
		f, ok := p.(formPage)
		return ok && f.halfFilled()
	})
}

// dropForm empties a form in which a person has begun.
func (w *Window) dropForm() {
	if i := w.halfFilled(); i >= 0 {
		w.pages[i].(formPage).escape()
	}
}

// A leaving is the question what becomes of the changes that are not applied when the
// window is to be closed. It stands over the whole window.
type leaving struct {
	say                  func(model.Text) string
	title                *text
	changes              *changeList
	problem              *sentence
	form                 *sentence // that something was begun to be filled in
	apply, discard, keep *button
	box                  fyne.CanvasObject
	pop                  *widget.PopUp
	end                  func() // closes the window; nil while nothing is asked
}

// leavingWidth is how wide the question is at least: Fyne's pixels.
const leavingWidth = 440

// newLeaving returns a question that is not asked. drop empties a form that was begun.
func newLeaving(say func(model.Text) string, e *editor, drop func()) *leaving {
	l := &leaving{say: say, title: strong(), changes: newChangeList(say), problem: newSentence(widget.WarningImportance), form: newSentence(widget.MediumImportance)}
	l.form.set("")
	l.apply = newButton(say(model.T("edit.apply")), theme.ConfirmIcon(), e.apply)
	l.apply.Importance = widget.HighImportance
	l.discard = newButton(say(model.T("edit.discard")), nil, func() {
		drop()
		e.discard()
	})
	l.discard.Importance = widget.DangerImportance
	l.keep = newButton(say(model.T("edit.keep")), nil, l.stay)
	buttons := row(gapMedium, []float32{1, 0, 0, 0}, column(0), l.keep, l.discard, l.apply)
	l.box = inset(gapMedium, column(gapMedium, l.title, l.changes.box, l.problem.box, l.form.box, atLeast(leavingWidth, 0), buttons))
	return l
}

// ask asks over the window that something belongs to. The keyboard is where it does no
// harm.
func (l *leaving) ask(in fyne.CanvasObject, end func()) {
	c := fyne.CurrentApp().Driver().CanvasForObject(in)
	if l.end != nil || c == nil {
		return
	}
	l.end = end
	l.pop = widget.NewModalPopUp(l.box, c)
	l.pop.Show()
	c.Focus(l.keep)
}

// stay takes the question away.
func (l *leaving) stay() {
	if l.end != nil {
		l.end = nil
		l.pop.Hide()
	}
}

// show draws what there is to apply, and whether a form was begun, and closes the window
// when there is nothing left.
func (l *leaving) show(b model.Bar, half bool) {
	if l.end == nil {
		return
	}
	if settled(b) && !half {
		end := l.end
		l.stay()
		if b.Problem.Empty() {
			end()
		}
		return
	}
	title, form := model.T("edit.leave"), model.Text{}
	if half {
		form = model.T("edit.form")
	}
	switch {
	case b.Busy:
		title = b.Title
	case settled(b):
		title = model.T("edit.leave_form")
	}
	l.title.set(l.say(title))
	l.form.set(l.say(form))
	reveal(l.apply, !settled(b))
	l.changes.show(b.Changes)
	l.problem.set(l.say(b.Problem))
	l.apply.enable(b.CanApply)
	l.discard.enable(b.CanDiscard || settled(b))
	l.pop.Resize(l.pop.MinSize())
}
