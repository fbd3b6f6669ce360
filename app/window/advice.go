package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// An advicePanel shows what the daemon advises, with the figures that it rests on, and
// what came of what was taken.
type advicePanel struct {
	t       tools
	view    model.View
	items   *list[*adviceLine]
	note    *sentence
	missing *sentence
	box     fyne.CanvasObject
}

// newAdvicePanel returns the panel without advice.
func newAdvicePanel(t tools) *advicePanel {
	p := &advicePanel{t: t, note: newSentence(widget.LowImportance), missing: newNote()}
	p.items = newList(gapLarge, "", p.newLine)
	p.box = newHeadedPanel(t.say(model.T("advice.heading")), column(gapMedium, p.items.body, p.note.box, p.missing.box))
	return p
}

// show draws the advice of a view.
func (p *advicePanel) show(v model.View) {
	p.view = v
	list := v.Advised.List
	p.items.resize(len(list.Items))
	for i, item := range list.Items {
		p.items.rows[i].show(item)
	}
	note := v.Advised.Note
	if note.Empty() && !v.Advised.Known {
		note = model.T("page.loading")
	}
	p.note.set(p.t.say(note))
	p.missing.set(model.Lines(list.Missing, p.t.say))
}

// An adviceLine is one piece of advice.
type adviceLine struct {
	panel        *advicePanel
	id           string
	title, about *text
	applied      *text
	found, do    *sentence
	changes      *sentence
	effect, note *sentence
	apply, undo  *button

	aboutBox, appliedBox fyne.CanvasObject
}

// newLine returns an empty piece of advice.
func (p *advicePanel) newLine() (*adviceLine, fyne.CanvasObject) {
	l := &adviceLine{
		panel: p, title: strong(), about: caption(), applied: caption().with(func(t *text) { t.color = theme.ColorNameSuccess }),
		found: newSentence(widget.MediumImportance), do: newSentence(widget.MediumImportance),
		changes: newNote(), effect: newSentence(widget.SuccessImportance), note: newNote(),
	}
	for _, s := range []*sentence{l.found, l.do, l.effect} {
		s.label.Selectable = false // or the keyboard would stop at it
	}
	l.apply = newButton(p.t.say(model.T("edit.apply")), theme.ConfirmIcon(), func() { l.take(true) })
	l.apply.Importance = widget.HighImportance
	l.undo = newButton(p.t.say(model.T("edit.undo")), theme.ContentUndoIcon(), func() { l.take(false) })
	l.aboutBox, l.appliedBox = middle(l.about), middle(l.applied)
	head := row(gapMedium, []float32{0, 0, 0}, l.title, l.aboutBox, l.appliedBox)
	words := column(gapSmall, head, l.found.box, l.do.box, l.changes.box, l.effect.box, l.note.box)
	return l, row(gapLarge, []float32{1, 0}, words, column(0, l.apply, l.undo))
}

// take applies the advice, or takes it back.
func (l *adviceLine) take(on bool) { l.panel.t.do.Advice(l.id, l.panel.view.Revision, on) }

// show draws a piece of advice.
func (l *adviceLine) show(v model.AdviceItem) {
	say := l.panel.t.say
	l.id = v.ID
	l.title.set(say(v.Title))
	l.about.set(v.Upstream)
	reveal(l.aboutBox, v.Upstream != "")
	l.applied.set(say(v.Applied))
	reveal(l.appliedBox, !v.Applied.Empty())
	l.found.set(say(v.Found))
	l.do.set(say(v.Do))
	var changes []model.Text
	for _, c := range v.Changes {
		changes = append(changes, c.Text())
	}
	l.changes.set(model.Lines(changes, say))
	l.effect.set(say(v.Effect))
	l.note.set(say(v.Note))
	reveal(l.apply, v.CanApply)
	reveal(l.undo, v.CanUndo)
}
