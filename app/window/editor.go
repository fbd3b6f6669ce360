package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// An editor is the settings as a person is changing them, on all pages together.
type editor struct {
	model.Editing
	save    func(model.Edit)
	changed func() // draws the window anew
}

// set changes a setting of the draft.
func (e *editor) set(path, text string) {
	if d := e.Draft(); d != nil && d.Text(path) != text {
		d.Set(path, text)
		e.changed()
	}
}

// apply sends the draft to the daemon.
func (e *editor) apply() {
	if edit, ok := e.Apply(); ok {
		e.save(edit)
	}
	e.changed()
}

// undo takes back what was applied last.
func (e *editor) undo() {
	if edit, ok := e.Undo(); ok {
		e.save(edit)
	}
	e.changed()
}

// discard takes back what was not applied.
func (e *editor) discard() {
	e.Discard()
	e.changed()
}

// A bar stands below the pages while there is something to apply or to undo.
type bar struct {
	say                         func(model.Text) string
	mark                        *mark
	title                       *text
	changes                     *changeList
	problem                     *sentence
	apply, discard, undo, close *button
	box                         fyne.CanvasObject
}

// shownChanges is how many changes are listed; how many more there are is told.
const shownChanges = 4

// newBar returns a bar that is not shown.
func newBar(say func(model.Text) string, e *editor) *bar {
	b := &bar{say: say, mark: newMark(theme.ColorNameWarning), title: strong().with(cutOff), changes: newChangeList(say), problem: newSentence(widget.WarningImportance)}
	b.apply = newButton(say(model.T("edit.apply")), theme.ConfirmIcon(), e.apply)
	b.apply.Importance = widget.HighImportance
	b.discard = newButton(say(model.T("edit.discard")), nil, e.discard)
	b.undo = newButton(say(model.T("edit.undo")), theme.ContentUndoIcon(), e.undo)
	b.close = newButton(say(model.T("banner.close")), nil, e.discard)
	words := column(gapSmall, row(gapMedium/2, []float32{0, 1}, middle(b.mark), b.title), b.changes.box, b.problem.box)
	buttons := row(gapMedium, []float32{0, 0, 0, 0}, b.discard, b.close, b.apply, b.undo)
	b.box = newFoot(row(gapLarge, []float32{1, 0}, middle(words), middle(buttons)))
	return b
}

// show draws what there is to say.
func (b *bar) show(v model.Bar) {
	reveal(b.box, v.Shown)
	b.title.set(b.say(v.Title))
	ink := theme.ColorNameSuccess
	if v.CanDiscard || v.Busy || !v.Problem.Empty() {
		ink = theme.ColorNameWarning
	}
	b.mark.paint(ink)
	b.changes.show(v.Changes)
	b.problem.set(b.say(v.Problem))
	reveal(b.apply, v.CanDiscard || v.Busy)
	reveal(b.discard, v.CanDiscard)
	reveal(b.undo, v.CanUndo)
	reveal(b.close, v.CanClose)
	b.apply.enable(v.CanApply)
}

// A changeList lists changes, as many as there is room for.
type changeList struct {
	say   func(model.Text) string
	lines *list[*text]
	more  *text // how many more there are
	box   fyne.CanvasObject
}

// newChangeList returns a list without lines.
func newChangeList(say func(model.Text) string) *changeList {
	l := &changeList{say: say, more: caption()}
	l.lines = newList(2, "", func() (*text, fyne.CanvasObject) {
		line := caption().with(cutOff)
		return line, line
	})
	l.box = column(gapSmall, l.lines.body, l.more)
	return l
}

// show draws the changes.
func (l *changeList) show(all []model.Change) {
	n := min(len(all), shownChanges)
	l.lines.resize(n)
	for i, line := range l.lines.rows[:n] {
		words := l.say(all[i].Text)
		if all[i].Taken {
			words += " – " + l.say(model.T("edit.elsewhere"))
		}
		line.set(words)
	}
	l.more.set(l.say(model.N("edit.more", int64(len(all)-n))))
	reveal(l.more, len(all) > n)
	reveal(l.box, n > 0)
}
