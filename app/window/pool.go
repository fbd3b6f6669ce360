package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"

	"millpond/app/model"
)

// A poolPage is the page where connections are seen and limited.
type poolPage struct {
	t       tools
	gauge   *pool
	advice  *advicePanel
	form    *poolForm
	learned *learned
	empty   *emptyPanel // before there are settings to show
	box     fyne.CanvasObject
}

// newPoolPage returns the page without figures.
func newPoolPage(t tools) *poolPage {
	p := &poolPage{t: t, gauge: newPool(t), advice: newAdvicePanel(t), form: newPoolForm(t), learned: newLearned(t), empty: newEmptyPanel(theme.GridIcon())}
	p.box = column(gapLarge, p.empty.box, p.gauge.box, p.advice.box, p.form.box, p.learned.box)
	return p
}

// body implements page.
func (p *poolPage) body() fyne.CanvasObject { return p.box }

// show implements page. Without a daemon the form stays, with the draft in it.
func (p *poolPage) show(v model.View) {
	d := p.t.edit.Draft()
	p.empty.show(p.t.say(emptyText(v)), d == nil)
	reveal(p.form.box, d != nil)
	reveal(p.gauge.box, v.Connected)
	reveal(p.advice.box, v.Connected)
	reveal(p.learned.box, v.Connected)
	p.gauge.show(v.Pool)
	p.advice.show(v)
	p.learned.show(v.Upstreams)
	if d != nil {
		p.form.show(d)
	}
}

// emptyText says why a page has nothing to show.
func emptyText(v model.View) model.Text {
	switch {
	case v.State == model.Loading:
		return model.T("page.loading")
	case v.Machine:
		return model.T("page.machine")
	}
	return model.T("page.absent")
}

// A poolForm is where the settings of a pool are filled in, for all upstreams or
// for one.
type poolForm struct {
	t        tools
	upstream string // whose pool; "" for all
	owner    *choice
	note     *sentence
	lines    []*line
	box      fyne.CanvasObject
}

// newPoolForm returns the form of all upstreams' pool.
func newPoolForm(t tools) *poolForm {
	f := &poolForm{t: t, note: newNote()}
	f.owner = newChoice(t.say, func(name string) {
		f.upstream = name
		t.edit.changed()
	})
	parts := []fyne.CanvasObject{sized(fillWidth, column(2, title(t.say(model.T("pool.settings"))), f.note.box), f.owner)}
	for _, g := range model.PoolGroups() {
		label := caption().with(func(c *text) { c.style.Bold = true })
		label.set(t.say(g.Label))
		parts = append(parts, column(0), newRule(), label)
		for _, k := range g.Keys {
			l := newLine(t, model.KindOf(k), func() string { return model.PoolPath(f.upstream, k) }, t.edit.set)
			f.lines = append(f.lines, l)
			parts = append(parts, l.box)
		}
	}
	f.box = newPanel(column(gapMedium, parts...))
	return f
}

// show draws the draft.
func (f *poolForm) show(d *model.Draft) {
	owners := d.PoolOwners()
	if !offers(owners, f.upstream) {
		f.upstream = "" // its upstream is gone
	}
	f.owner.set(owners, f.upstream)
	f.note.set(f.t.say(model.PoolNote(f.upstream)))
	for _, l := range f.lines {
		l.show(d.Field(l.path()))
	}
}

// offers reports whether a value is among the options.
func offers(all []model.Option, value string) bool {
	for _, o := range all {
		if o.Value == value {
			return true
		}
	}
	return false
}

// learned lists how long each upstream keeps idle connections open, as was learned.
type learned struct {
	t tools
	sorting
	head fyne.CanvasObject
	list *list[*learnedRow]
	box  fyne.CanvasObject
}

// learnedShares are the widths of the columns.
var learnedShares = []float32{3, 3, 2, 1.4, 1.4, 1.8}

// learnedRow is one line of the list.
type learnedRow struct{ name, age, protocol, reuse, dials, connections *text }

// newLearned returns the panel without lines.
func newLearned(t tools) *learned {
	l := &learned{t: t}
	l.draw = func() { t.edit.changed() } // which is not there yet
	l.head = row(gapMedium, learnedShares, l.columns(t, 3,
		columnName{model.ByName, "upstream.column.name", "help.upstream"}, columnName{model.ByLearned, "learned.column.age", "help.learned"},
		columnName{model.ByProtocol, "learned.column.protocol", "help.protocol"}, columnName{model.ByReuse, "learned.column.reuse", "help.reuse"},
		columnName{model.ByDials, "learned.column.dials", "help.dials"},
		columnName{model.ByConnections, "upstream.column.connections", "help.connections"})...)
	l.list = newList(gapMedium, t.say(model.T("overview.no_upstreams")), func() (*learnedRow, fyne.CanvasObject) {
		r := &learnedRow{
			name: strong().with(cutOff), age: plain().with(cutOff), protocol: plain().with(cutOff),
			reuse: plain().with(toRight), dials: plain().with(toRight), connections: plain().with(toRight),
		}
		age := t.explain(t.say(model.T("help.learned")), r.age)
		return r, row(gapMedium, learnedShares, r.name, age, r.protocol, r.reuse, r.dials, r.connections)
	})
	l.box = newHeadedPanel(t.say(model.T("learned.title")), column(gapMedium, l.head, l.list.body, l.list.empty.box))
	return l
}

// show draws the lines.
func (l *learned) show(all []model.Upstream) {
	all = model.SortUpstreams(all, l.by, l.down)
	l.mark(len(all) > 0)
	l.list.resize(len(all))
	reveal(l.head, len(all) > 0)
	for i, v := range all {
		r := l.list.rows[i]
		r.name.set(v.Name)
		r.age.set(l.t.say(v.Learned))
		r.protocol.set(v.Protocol)
		r.reuse.set(v.Reuse)
		r.dials.set(v.Dials)
		r.connections.set(v.Connections)
	}
}
