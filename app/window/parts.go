package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// named puts a small name over an object.
func (t tools) named(key string, object fyne.CanvasObject) fyne.CanvasObject {
	name := caption().with(cutOff)
	name.set(t.say(model.T(key)))
	return column(gapSmall, name, object)
}

// A question is asked before something that cannot be taken back at once.
type question struct {
	tools
	words    *sentence
	yes, no  *button
	answered func()
	box      *fyne.Container
}

// newQuestion returns a question that is not asked.
func newQuestion(t tools) *question {
	q := &question{tools: t, words: newSentence(widget.MediumImportance)}
	q.yes = newButton("", nil, func() { q.close(); q.answered() })
	q.yes.Importance = widget.DangerImportance
	q.no = newButton(t.say(model.T("question.no")), nil, q.close)
	q.box = column(gapMedium, newRule(), q.words.box, side(q.yes, q.no))
	q.box.Hide()
	return q
}

// ask shows the question; yes is called when a person says so.
func (q *question) ask(words, label model.Text, yes func()) {
	q.answered = yes
	q.words.set(q.say(words))
	q.yes.label(q.say(label))
	q.box.Show()
	if c := fyne.CurrentApp().Driver().CanvasForObject(q.no); c != nil {
		c.Focus(q.no) // the return key does no harm
	}
}

// close takes the question away.
func (q *question) close() { q.box.Hide() }

// steps shows how far something has come that takes several steps.
type steps struct {
	tools
	list    *list[*stepRow]
	failure *sentence
	box     *fyne.Container
}

// stepRow is one step.
type stepRow struct {
	icon  *widget.Icon
	label *text
}

// newSteps returns no steps.
func newSteps(t tools) *steps {
	s := &steps{tools: t, failure: newSentence(widget.DangerImportance)}
	s.list = newList(gapSmall, "", func() (*stepRow, fyne.CanvasObject) {
		r := &stepRow{widget.NewIcon(nil), plain().with(cutOff)}
		return r, row(gapMedium, []float32{0, 1}, middle(r.icon), middle(r.label))
	})
	s.box = column(gapSmall, s.list.body, s.failure.box)
	return s
}

// show draws the steps.
func (s *steps) show(all []model.StepView, failure string) {
	s.list.resize(len(all))
	for i, v := range all {
		r := s.list.rows[i]
		r.label.set(s.say(v.Label))
		r.label.paint(stepInk(v.State))
		r.icon.SetResource(stepIcon(v.State))
	}
	s.failure.set(failure)
	reveal(s.box, len(all) > 0)
}

// stepIcon is the picture of a step's state.
func stepIcon(s model.State) fyne.Resource {
	switch s {
	case model.On:
		return theme.NewSuccessThemedResource(theme.ConfirmIcon())
	case model.Failing:
		return theme.NewErrorThemedResource(theme.CancelIcon())
	case model.Degraded:
		return theme.NewWarningThemedResource(theme.WarningIcon())
	case model.Loading:
		return theme.NewPrimaryThemedResource(theme.MediaPlayIcon())
	}
	return theme.NewColoredResource(theme.RadioButtonIcon(), ColorMuted)
}

// stepInk is the colour of a step's words.
func stepInk(s model.State) fyne.ThemeColorName {
	if s == model.Off {
		return ColorMuted
	}
	return theme.ColorNameForeground
}

// side puts objects side by side, each at its least size.
func side(objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(lineLayout{gapMedium}, objects...)
}

// settle shows a container while something in it is shown, so that an empty one takes
// no room.
func settle(c *fyne.Container) { reveal(c, len(visible(c.Objects)) > 0) }

// lineLayout puts what is shown side by side, each at its least size.
type lineLayout struct{ gap float32 }

// MinSize implements fyne.Layout.
func (l lineLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for i, o := range visible(objects) {
		least := o.MinSize()
		size = fyne.NewSize(size.Width+least.Width, max(size.Height, least.Height))
		if i > 0 {
			size.Width += l.gap
		}
	}
	return size
}

// Layout implements fyne.Layout.
func (l lineLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	x := float32(0)
	for _, o := range visible(objects) {
		least := o.MinSize()
		o.Move(fyne.NewPos(x, (size.Height-least.Height)/2))
		o.Resize(least)
		x += least.Width + l.gap
	}
}
