package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// An agentsPage points the programs of this machine at the proxy, and takes it back.
type agentsPage struct {
	tools
	list *list[*agentRow]
	box  fyne.CanvasObject
}

// newAgentsPage returns the page without lines.
func newAgentsPage(t tools) *agentsPage {
	p := &agentsPage{tools: t}
	intro := newSentence(widget.LowImportance)
	intro.set(t.say(model.T("agent.intro")))
	p.list = newList(gapLarge, t.say(model.T("agent.looking")), func() (*agentRow, fyne.CanvasObject) {
		r := newAgentRow(t)
		return r, r.box
	})
	p.box = column(gapLarge, intro.box, p.list.body, p.list.empty.box)
	return p
}

func (p *agentsPage) body() fyne.CanvasObject { return p.box }

// escape closes what was asked.
func (p *agentsPage) escape() {
	for _, r := range p.list.rows {
		r.open(false)
	}
}

// show draws a view.
func (p *agentsPage) show(v model.View) {
	p.list.resize(len(v.Agents))
	for i, a := range v.Agents {
		p.list.rows[i].show(a)
	}
}

// An agentRow is one program: where it leads, what to copy, and a button that does it.
type agentRow struct {
	tools
	agent    model.Agent
	mark     *mark
	title    *text
	status   *text
	file     *text
	act      *button
	copies   *list[*copyLine]
	note     *sentence
	warnings *list[*sentence]
	detail   *sentence

	plan    *list[*sentence]
	planned *fyne.Container
	do      *button
	box     fyne.CanvasObject
}

// newAgentRow returns an empty line.
func newAgentRow(t tools) *agentRow {
	r := &agentRow{
		tools: t, mark: newMark(ColorMuted), title: strong(), status: muted().with(cutOff), file: caption().with(cutOff),
		note: newSentence(widget.LowImportance), detail: newSentence(widget.DangerImportance),
	}
	r.file.style.Monospace = true
	r.act = newButton("", nil, func() { r.open(!r.planned.Visible()) })
	sentences := func(i widget.Importance) *list[*sentence] {
		return newList(gapSmall, "", func() (*sentence, fyne.CanvasObject) { s := newSentence(i); return s, s.box })
	}
	r.copies = newList(gapSmall, "", func() (*copyLine, fyne.CanvasObject) {
		c := newCopyLine(t.say, t.do, model.Text{})
		return c, c.box
	})
	r.warnings, r.plan = sentences(widget.WarningImportance), sentences(widget.MediumImportance)
	r.do = newButton("", nil, r.confirm)
	r.do.Importance = widget.HighImportance
	cancel := newButton(t.say(model.T("question.no")), nil, func() { r.open(false) })
	heading := caption()
	heading.set(t.say(model.T("agent.changes")))
	r.planned = column(gapMedium, newRule(), heading, r.plan.body, side(r.do, cancel))
	r.planned.Hide()
	head := row(gapMedium, []float32{0, 0, 1, 0}, middle(r.mark), middle(r.title), middle(r.status), middle(r.act))
	r.box = newPanel(column(gapMedium, head, column(gapSmall, r.copies.body, r.note.box), r.file, r.warnings.body, r.detail.box, r.planned))
	return r
}

// show draws a program.
func (r *agentRow) show(a model.Agent) {
	if a.Connect != r.agent.Connect {
		r.open(false) // what was asked has been done
	}
	r.agent = a
	r.mark.paint(inkOf(a.State))
	r.title.set(r.say(a.Name))
	r.status.set(r.say(a.Status))
	r.file.set(a.File)
	reveal(r.file, a.File != "")
	r.copies.resize(len(a.Copies))
	for i, words := range a.Copies {
		r.copies.rows[i].show(words)
	}
	r.note.set(r.say(a.Note))
	r.showSentences(r.warnings, a.Warnings)
	r.detail.set(a.Detail)
	changes := a.Changes
	if !a.FileNote.Empty() {
		changes = append(changes[:len(changes):len(changes)], a.FileNote)
	}
	r.showSentences(r.plan, changes)
	label := "agent.connect"
	if a.Disconnect {
		label = "agent.disconnect"
	}
	r.act.label(r.say(model.T(label)))
	r.do.label(r.say(model.T(label)))
	reveal(r.act, a.Connect || a.Disconnect)
}

// showSentences shows texts one below the other.
func (r *agentRow) showSentences(l *list[*sentence], texts []model.Text) {
	l.resize(len(texts))
	for i, text := range texts {
		l.rows[i].set(r.say(text))
	}
}

// open shows what a click would change, or takes it away.
func (r *agentRow) open(on bool) {
	reveal(r.planned, on)
	r.box.Refresh()
}

// confirm does what was shown.
func (r *agentRow) confirm() {
	r.open(false)
	r.tools.do.Connect(r.agent.ID, r.agent.Connect)
}
