package window

import (
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// An upstreamsPage is the page where upstreams are looked at, tested and changed. Over
// its list it shows a form for one of them, or for a new one.
type upstreamsPage struct {
	t      tools
	view   model.View
	list   *upstreamList
	probe  *probePanel
	order  *sectionForm // when another one is tried
	sheet  *upstreamSheet
	adding *addSheet
	empty  *emptyPanel // before there are settings to show
	box    fyne.CanvasObject
}

// newUpstreamsPage returns the page without lines.
func newUpstreamsPage(t tools) *upstreamsPage {
	p := &upstreamsPage{t: t, empty: newEmptyPanel(theme.StorageIcon())}
	p.list = newUpstreamList(p)
	p.probe = newProbePanel(t)
	p.order = newSectionForm(t, "upstream.trouble", model.FailoverKeys(), model.TimeoutKeys())
	p.sheet = newUpstreamSheet(p)
	p.adding = newAddSheet(p)
	p.box = column(gapLarge, p.empty.box, p.probe.box, p.list.box, p.sheet.box, p.adding.box, p.order.box)
	return p
}

// body implements page.
func (p *upstreamsPage) body() fyne.CanvasObject { return p.box }

// show implements page. Without a daemon the list stays, with the draft in it.
func (p *upstreamsPage) show(v model.View) {
	p.view = v
	d := p.t.edit.Draft()
	p.empty.show(p.t.say(emptyText(v)), d == nil)
	p.probe.show(v.Probe)
	editing := d != nil && p.sheet.show(d)
	adding := d != nil && !editing && p.adding.show(d)
	reveal(p.sheet.box, editing)
	reveal(p.adding.box, adding)
	reveal(p.list.box, d != nil && !editing && !adding)
	reveal(p.order.box, d != nil && !editing && !adding)
	if d != nil {
		p.list.show(d.Lines(v.Upstreams), v.Connected)
		p.order.show(d)
	}
}

// escape closes a form.
func (p *upstreamsPage) escape() {
	if p.sheet.key == nil && p.adding.fresh == nil {
		return
	}
	p.sheet.key, p.adding.fresh = nil, nil
	p.turn()
}

// halfFilled reports whether a person has begun to fill in a new upstream.
func (p *upstreamsPage) halfFilled() bool { return p.adding.fresh != nil && p.adding.begun }

// turn draws the page after a form was opened or closed, from its beginning.
func (p *upstreamsPage) turn() {
	p.t.edit.changed()
	if c := fyne.CurrentApp().Driver().CanvasForObject(p.box); c != nil {
		if s := scrollIn(c.Content()); s != nil {
			s.ScrollToTop()
		}
	}
}

// edit opens the form of an upstream.
func (p *upstreamsPage) edit(key string) {
	p.sheet.key = &key
	p.turn()
}

// add opens the form of a new upstream.
func (p *upstreamsPage) add() {
	p.adding.open()
	p.turn()
	if c := fyne.CurrentApp().Driver().CanvasForObject(p.adding.search); c != nil {
		c.Focus(p.adding.search)
	}
}

// change changes the draft and draws it.
func (p *upstreamsPage) change(change func(*model.Draft)) {
	if d := p.t.edit.Draft(); d != nil {
		change(d)
	}
	p.t.edit.changed()
}

// test asks for a test of an upstream as the draft has it.
func (p *upstreamsPage) test(key string) {
	if d := p.t.edit.Draft(); d != nil {
		if u, ok := d.Upstream(key); ok {
			p.t.do.Probe(u)
		}
	}
}

// An upstreamList is the list of upstreams, which can be sorted by every column and
// brought into another order.
type upstreamList struct {
	page *upstreamsPage
	sorting
	head  fyne.CanvasObject
	list  *list[*upstreamLine]
	lines []model.UpstreamLine // as they are shown
	hint  *sentence
	box   fyne.CanvasObject
}

// lineGap is between the columns: Fyne's pixels.
const lineGap = 8

// lineShares are the widths of the columns, between the grip and the buttons.
var lineShares = []float32{4, 3.2, 1.45, 1.8, 1.5}

// The fixed widths at both ends of a line: Fyne's pixels.
const (
	gripWidth   = 76
	actionWidth = gapMedium + 54 + 3*36
)

// listWidth is how wide the list is at least, so that its figures do not run into one
// another: Fyne's pixels.
const listWidth = 590

// newUpstreamList returns the panel without lines.
func newUpstreamList(p *upstreamsPage) *upstreamList {
	t := p.t
	l := &upstreamList{page: p}
	l.draw = func() { t.edit.changed() }
	order := l.columns(t, 1, columnName{model.ByOrder, "upstream.column.order", "help.order"})[0]
	l.head = ends(gripWidth, actionWidth, order, row(lineGap, lineShares, l.columns(t, 2,
		columnName{model.ByName, "upstream.column.name", "help.upstream"}, columnName{model.ByState, "upstream.column.state", "help.state"},
		columnName{model.ByRate, "upstream.column.rate", "help.rate"}, columnName{model.ByRequests, "upstream.column.requests", "help.upstream_requests"},
		columnName{model.ByLatency, "upstream.column.p50", "help.p50"})...), column(0))
	l.list = newList(0, t.say(model.T("upstream.none")), l.newLine)
	add := newButton(t.say(model.T("upstream.add")), theme.ContentAddIcon(), p.add)
	add.Importance = widget.HighImportance
	top := row(gapMedium, []float32{1, 0}, middle(title(t.say(model.T("overview.upstreams")))), add)
	l.hint = newNote()
	l.hint.set(t.say(model.T("upstream.hint")))
	l.box = newPanel(column(gapMedium, top, l.head, l.list.body, l.list.empty.box, l.hint.box, atLeast(listWidth, 0)))
	return l
}

// show draws the lines.
func (l *upstreamList) show(lines []model.UpstreamLine, connected bool) {
	model.SortLines(lines, l.by, l.down)
	l.lines = lines
	l.list.resize(len(lines))
	reveal(l.head, len(lines) > 0)
	reveal(l.hint.box, len(lines) > 1)
	l.mark(len(lines) > 0)
	for i, v := range lines {
		l.list.rows[i].show(v, l.by == model.ByOrder && !l.down, connected)
	}
}

// move brings a line into another place, and shows the order in which upstreams are
// asked. It was asked for by an arrow, or else, with nil, by Alt or the grip.
func (l *upstreamList) move(key string, by int, arrow *button) {
	l.by, l.down = model.ByOrder, false
	l.page.change(func(d *model.Draft) { d.Move(key, by) })
	for _, r := range l.list.rows {
		if r.key == key {
			r.hold(arrow)
			return
		}
	}
}

// An upstreamLine is one line of the list.
type upstreamLine struct {
	list                                                           *upstreamList
	key                                                            string
	removed                                                        bool
	grip                                                           *grip
	name, url, state, rate, requests, p50, trouble, note, priority *text
	mark                                                           *mark
	toggle                                                         *toggle
	up, down, test, edit, remove                                   *button
	box                                                            *movable
}

// newLine returns an empty line of the list.
func (l *upstreamList) newLine() (*upstreamLine, fyne.CanvasObject) {
	t := l.page.t
	say := func(key string) string { return t.say(model.T(key)) }
	r := &upstreamLine{
		list: l, grip: newGrip(t, say("upstream.drag")), mark: newMark(ColorMuted),
		name: strong().with(cutOff), url: caption().with(cutOff), state: plain().with(cutOff),
		rate: plain().with(toRight), requests: plain().with(toRight), p50: plain().with(toRight),
		trouble: caption().with(cutOff), note: caption().with(cutOff), priority: muted(),
	}
	r.trouble.color, r.note.color = theme.ColorNameError, theme.ColorNameWarning
	r.toggle = newToggle(func(on bool) {
		text := model.No
		if on {
			text = model.Yes
		}
		t.edit.set(model.UpstreamSwitch(r.key), text)
	})
	r.up = newIconButton(t, theme.MoveUpIcon(), say("upstream.up"), func() { l.move(r.key, -1, r.up) })
	r.down = newIconButton(t, theme.MoveDownIcon(), say("upstream.down"), func() { l.move(r.key, 1, r.down) })
	r.test = newIconButton(t, theme.MediaPlayIcon(), say("upstream.test"), func() { l.page.test(r.key) })
	r.edit = newIconButton(t, theme.DocumentCreateIcon(), say("upstream.edit"), func() { l.page.edit(r.key) })
	r.remove = newIconButton(t, theme.DeleteIcon(), say("upstream.remove"), r.drop)
	cells := row(lineGap, lineShares, column(0, r.name, r.url),
		middle(row(gapSmall, []float32{0, 1}, middle(r.mark), r.state)), middle(r.rate), middle(r.requests), middle(r.p50))
	actions := row(0, []float32{1, 0, 0, 0, 0}, column(0), middle(r.toggle), middle(r.test), middle(r.edit), middle(r.remove))
	r.box = newMovable(column(0,
		ends(gripWidth, actionWidth, row(gapSmall, []float32{0, 0, 0}, middle(r.grip), middle(arrows(r.up, r.down)), middle(r.priority)), cells, actions),
		ends(gripWidth, 0, column(0), column(0, r.trouble, r.note), column(0))))
	r.box.moved = func(by int) { l.move(r.key, by, nil) }
	r.box.keyed = r.typed
	r.grip.drag, r.grip.drop = r.dragged, r.dropped
	return r, r.box
}

// hold keeps the keyboard with the line, which was moved to this place by an arrow or,
// with nil, otherwise.
func (r *upstreamLine) hold(arrow *button) {
	c := fyne.CurrentApp().Driver().CanvasForObject(r.box)
	switch {
	case c == nil, arrow == nil && c.Focused() == nil, arrow != nil && !arrow.keyed:
	case arrow != nil && arrow.meaning == r.up.meaning && !r.up.Disabled():
		c.Focus(r.up)
	case arrow != nil && arrow.meaning == r.down.meaning && !r.down.Disabled():
		c.Focus(r.down)
	default:
		c.Focus(r.box)
	}
}

// typed takes a key while the line has the keyboard.
func (r *upstreamLine) typed(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter:
		r.list.page.edit(r.key)
	case fyne.KeyDelete:
		r.drop()
	default:
		passKey(r.box, e)
	}
}

// drop removes the upstream, or takes that back.
func (r *upstreamLine) drop() {
	r.list.page.change(func(d *model.Draft) {
		if r.removed {
			d.Keep(r.key)
		} else {
			d.Remove(r.key)
		}
	})
}

// lines returns by how many lines the line was dragged.
func (r *upstreamLine) lines(far float32) int {
	return int(math.Round(float64(far / max(1, r.box.Size().Height))))
}

// dragged shows where the line would be put.
func (r *upstreamLine) dragged(far float32) {
	at, by := r.place(), r.lines(far)
	for i, other := range r.list.list.rows {
		drop := 0
		if by < 0 && i == at+by {
			drop = -1
		} else if by > 0 && i == at+by {
			drop = 1
		}
		other.box.point(drop)
	}
}

// dropped puts the line where it was dragged to.
func (r *upstreamLine) dropped(far float32) {
	for _, other := range r.list.list.rows {
		other.box.point(0)
	}
	if by := r.lines(far); by != 0 {
		r.list.move(r.key, by, nil)
	}
}

// place returns the place of the line in the list.
func (r *upstreamLine) place() int {
	for i, other := range r.list.list.rows {
		if other == r {
			return i
		}
	}
	return -1
}

// show draws an upstream. It can be moved while the list is in the order in which
// upstreams are asked.
func (r *upstreamLine) show(v model.UpstreamLine, ordered, connected bool) {
	say := r.list.page.t.say
	r.key, r.removed, r.box.name = v.Key, v.Removed, v.Key
	r.priority.set(v.Priority)
	r.name.set(v.Name)
	r.name.style.Strikethrough = v.Removed
	r.name.Refresh()
	r.url.set(v.Place)
	r.state.set(say(v.Health))
	r.mark.paint(inkOf(v.State))
	r.rate.set(v.Rate)
	r.requests.set(v.Requests)
	r.p50.set(v.P50)
	r.trouble.set(say(v.LastError))
	r.note.set(say(v.Note))
	reveal(r.trouble, !v.LastError.Empty())
	reveal(r.note, !v.Note.Empty())
	r.grip.enable(ordered && (v.Up || v.Down))
	r.up.enable(ordered && v.Up)
	r.down.enable(ordered && v.Down)
	r.toggle.set(v.Enabled)
	r.test.enable(connected && !v.Removed)
	r.edit.enable(!v.Removed)
	icon, words := theme.DeleteIcon(), "upstream.remove"
	if v.Removed {
		icon, words = theme.ContentUndoIcon(), "upstream.keep"
	}
	r.remove.SetIcon(icon)
	r.remove.meaning = say(model.T(words))
}
