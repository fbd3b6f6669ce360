package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// A mark is a small square of a colour: the key to a chart, or a state beside
// its word.
type mark struct {
	widget.BaseWidget
	color fyne.ThemeColorName
}

// newMark returns a mark of a colour of the theme.
func newMark(color fyne.ThemeColorName) *mark {
	m := &mark{color: color}
	m.ExtendBaseWidget(m)
	return m
}

// paint changes the colour.
func (m *mark) paint(color fyne.ThemeColorName) {
	if color != m.color {
		m.color = color
		m.Refresh()
	}
}

// markSize is the edge of a mark: Fyne's pixels.
const markSize = 10

// CreateRenderer implements fyne.Widget.
func (m *mark) CreateRenderer() fyne.WidgetRenderer {
	square := canvas.NewRectangle(theme.ColorForWidget(m.color, m))
	square.CornerRadius = 3
	square.SetMinSize(fyne.NewSquareSize(markSize))
	return &markRenderer{widget.NewSimpleRenderer(square), m, square}
}

// markRenderer draws a mark in the colour of the theme in force.
type markRenderer struct {
	fyne.WidgetRenderer
	mark   *mark
	square *canvas.Rectangle
}

// Refresh implements fyne.WidgetRenderer.
func (r *markRenderer) Refresh() {
	r.square.FillColor = theme.ColorForWidget(r.mark.color, r.mark)
	r.square.Refresh()
}

// A list keeps a row of widgets for each thing that is shown, and a sentence for
// when there is none.
type list[R any] struct {
	rows  []R
	make  func() (R, fyne.CanvasObject)
	body  *fyne.Container
	empty *sentence
}

// newList returns an empty list.
func newList[R any](gap float32, empty string, make func() (R, fyne.CanvasObject)) *list[R] {
	l := &list[R]{make: make, body: column(gap), empty: newSentence(widget.LowImportance)}
	l.empty.set(empty)
	return l
}

// resize makes as many rows as there are things.
func (l *list[R]) resize(n int) {
	for len(l.rows) < n {
		r, object := l.make()
		l.rows = append(l.rows, r)
		l.body.Add(object)
	}
	for i, object := range l.body.Objects {
		reveal(object, i < n)
	}
	reveal(l.body, n > 0)
	reveal(l.empty.box, n == 0)
}

// upstreams lists where requests go.
type upstreams struct {
	sorting
	say  func(model.Text) string
	head fyne.CanvasObject
	list *list[*upstreamRow]
	box  fyne.CanvasObject
}

// upstreamShares are the widths of the columns.
var upstreamShares = []float32{3.3, 3.7, 1.4, 1.4, 1.4, 1.6}

// upstreamRow is one line of the list.
type upstreamRow struct {
	name, url, state, rate, requests, p50, connections, trouble *text
	mark                                                        *mark
}

// newUpstreams returns the panel without lines.
func newUpstreams(t tools) *upstreams {
	say := t.say
	u := &upstreams{say: say}
	u.draw = func() { t.edit.changed() } // which is not there yet
	u.head = row(gapMedium, upstreamShares, u.columns(t, 2,
		columnName{model.ByName, "upstream.column.name", "help.upstream"}, columnName{model.ByState, "upstream.column.state", "help.state"},
		columnName{model.ByRate, "upstream.column.rate", "help.rate"}, columnName{model.ByRequests, "upstream.column.requests", "help.upstream_requests"},
		columnName{model.ByLatency, "upstream.column.p50", "help.p50"},
		columnName{model.ByConnections, "upstream.column.connections", "help.connections"})...)
	u.list = newList(gapMedium, say(model.T("overview.no_upstreams")), newUpstreamRow)
	u.box = newHeadedPanel(say(model.T("overview.upstreams")), column(gapMedium, u.head, u.list.body, u.list.empty.box))
	return u
}

// newUpstreamRow returns an empty line of the list.
func newUpstreamRow() (*upstreamRow, fyne.CanvasObject) {
	r := &upstreamRow{
		name: strong().with(cutOff), url: caption().with(cutOff), state: plain().with(cutOff),
		rate: plain().with(toRight), requests: plain().with(toRight), p50: plain().with(toRight),
		connections: plain().with(toRight), trouble: caption().with(cutOff), mark: newMark(ColorMuted),
	}
	r.trouble.color = theme.ColorNameError
	state := row(gapSmall, []float32{0, 1}, middle(r.mark), r.state)
	line := row(gapMedium, upstreamShares, column(0, r.name, r.url), middle(state),
		middle(r.rate), middle(r.requests), middle(r.p50), middle(r.connections))
	return r, column(0, line, r.trouble)
}

// show draws the lines.
func (u *upstreams) show(all []model.Upstream) {
	all = model.SortUpstreams(all, u.by, u.down)
	u.mark(len(all) > 0)
	u.list.resize(len(all))
	reveal(u.head, len(all) > 0)
	for i, v := range all {
		r := u.list.rows[i]
		r.name.set(v.Name)
		r.url.set(v.URL)
		r.state.set(u.say(v.Health))
		r.mark.paint(inkOf(v.State))
		r.rate.set(v.Rate)
		r.requests.set(v.Requests)
		r.p50.set(v.P50)
		r.connections.set(v.Connections)
		r.trouble.set(u.say(v.LastError))
		reveal(r.trouble, !v.LastError.Empty())
	}
}

// failures lists the requests that failed last.
type failures struct {
	say  func(model.Text) string
	list *list[*failureRow]
	box  fyne.CanvasObject
}

// failureShares are the widths of the columns.
var failureShares = []float32{1.5, 2, 8}

// failureRow is one line of the list.
type failureRow struct{ when, upstream, what, advice *text }

// newFailures returns the panel without lines.
func newFailures(say func(model.Text) string) *failures {
	f := &failures{say: say}
	f.list = newList(gapMedium, say(model.T("overview.no_failures")), newFailureRow)
	f.box = newHeadedPanel(say(model.T("overview.failures")), column(gapMedium, f.list.body, f.list.empty.box))
	return f
}

// newFailureRow returns an empty line of the list.
func newFailureRow() (*failureRow, fyne.CanvasObject) {
	r := &failureRow{
		when: muted().with(cutOff), upstream: plain().with(cutOff),
		what: strong().with(cutOff), advice: caption().with(cutOff),
	}
	return r, row(gapMedium, failureShares, r.when, r.upstream, column(0, r.what, r.advice))
}

// show draws the lines.
func (f *failures) show(all []model.Failure) {
	f.list.resize(len(all))
	for i, v := range all {
		r := f.list.rows[i]
		r.when.set(f.say(v.When))
		r.upstream.set(v.Upstream)
		r.what.set(f.say(v.What))
		r.advice.set(f.say(v.Advice))
		reveal(r.advice, !v.Advice.Empty())
	}
}
