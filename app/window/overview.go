package window

import (
	"strconv"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/chart"
	"millpond/app/model"
)

// An overview is the page that answers whether it works, and how well.
type overview struct {
	success   *success
	traffic   *traffic
	pool      *pool
	upstreams *upstreams
	failures  *failures
	box       fyne.CanvasObject
}

// newOverview returns the page without figures.
func newOverview(t tools) *overview {
	say := t.say
	o := &overview{
		traffic: newTraffic(t), pool: newPool(t),
		upstreams: newUpstreams(t), failures: newFailures(say),
	}
	o.success = newSuccess(say, func(p model.Period) { o.traffic.show(p) })
	figures := row(gapLarge, []float32{3, 2}, o.success.box, column(gapLarge, o.traffic.box, o.pool.box))
	o.box = column(gapLarge, figures, o.upstreams.box, o.failures.box)
	return o
}

// body implements page.
func (o *overview) body() fyne.CanvasObject { return o.box }

// show draws a view; without a daemon there is nothing to draw.
func (o *overview) show(v model.View) {
	if !v.Connected {
		o.box.Hide()
		return
	}
	o.box.Show()
	o.success.show(v)
	o.pool.show(v.Pool)
	o.upstreams.show(v.Upstreams)
	o.failures.show(v.Failures)
}

// success shows how many requests succeed, over a period that can be chosen.
type success struct {
	say     func(model.Text) string
	changed func(model.Period)
	view    model.View
	period  int // the chosen one
	rate    *text
	note    *text
	choices []*widget.Button
	spark   *chart.Sparkline
	hint    *text // under the chart: the point under the pointer, or what the chart shows
	box     fyne.CanvasObject
}

// newSuccess returns the panel, which calls changed with the period that it shows.
func newSuccess(say func(model.Text) string, changed func(model.Period)) *success {
	s := &success{
		say: say, changed: changed,
		rate: newText(sizeFigure, theme.ColorNameForeground), note: muted().with(cutOff),
		spark: chart.NewSparkline(), hint: caption().with(cutOff),
	}
	s.rate.style.Bold = true
	s.spark.Hover = s.hover
	var buttons []fyne.CanvasObject
	for i := range s.view.Periods {
		b := widget.NewButton("", func() { s.choose(i) })
		s.choices = append(s.choices, b)
		buttons = append(buttons, b)
	}
	choice := row(gapSmall, make([]float32, len(buttons)), buttons...)
	heading := strong().with(func(t *text) { t.color = ColorMuted })
	heading.set(say(model.T("overview.success")))
	top := row(gapMedium, []float32{1, 0}, middle(heading), middle(choice))
	s.box = newPanel(container.NewBorder(column(gapSmall, top, s.rate, s.note), s.hint, nil, nil, s.spark))
	return s
}

// choose shows another period.
func (s *success) choose(i int) {
	s.period = i
	s.show(s.view)
}

// show draws the chosen period of a view.
func (s *success) show(v model.View) {
	s.view = v
	p := v.Periods[s.period]
	for i, b := range s.choices {
		importance := widget.LowImportance
		if i == s.period {
			importance = widget.HighImportance
		}
		if label := s.say(v.Periods[i].Label); b.Text != label || b.Importance != importance {
			b.Importance = importance
			b.SetText(label)
		}
	}
	s.rate.set(p.Rate)
	s.rate.paint(inkOf(p.Judgment))
	s.note.set(s.say(p.Note))
	s.draw(p)
	s.changed(p)
}

// draw draws the chart. The axis begins below the worst level that matters.
func (s *success) draw(p model.Period) {
	points := make([]chart.Point, len(p.Points))
	low := p.Trouble
	for i, q := range p.Points {
		points[i] = chart.Point{Value: q.Rate, Weight: float64(q.Requests)}
		if q.Rate < low { // false for NaN
			low = q.Rate
		}
	}
	const above = 2 // percent, so that the thresholds are not at the edge
	s.spark.Set(points, max(0, low-above), 100,
		chart.Threshold{Value: p.Target, Color: theme.ColorNameWarning},
		chart.Threshold{Value: p.Trouble, Color: theme.ColorNameError})
	s.hover(s.spark.Marked())
}

// hover tells about the point under the pointer.
func (s *success) hover(i int) {
	p := s.view.Periods[s.period]
	hint := p.Legend
	if i >= 0 && i < len(p.Points) {
		hint = p.Points[i].Label
	}
	s.hint.set(s.say(hint))
}

// inkOf returns the colour of figures by a judgment of them.
func inkOf(s model.State) fyne.ThemeColorName {
	switch s {
	case model.On:
		return theme.ColorNameSuccess
	case model.Degraded:
		return theme.ColorNameWarning
	case model.Failing:
		return theme.ColorNameError
	}
	return ColorMuted
}

// traffic shows how many requests there were and how long they took.
type traffic struct {
	requests, failed, p50, p99 *text
	box                        fyne.CanvasObject
}

// newTraffic returns the panel without figures.
func newTraffic(tools tools) *traffic {
	say := tools.say
	t := &traffic{requests: number(), failed: number(), p50: number(), p99: number()}
	figure := func(key, help string, value *text) fyne.CanvasObject {
		name := caption().with(cutOff)
		name.set(say(model.T(key)))
		return tools.explain(say(model.T(help)), column(0, value, name))
	}
	halves := []float32{1, 1}
	t.box = newHeadedPanel(say(model.T("overview.traffic")), column(gapMedium,
		row(gapMedium, halves, figure("overview.requests", "help.requests", t.requests), figure("overview.failed", "help.failed", t.failed)),
		row(gapMedium, halves, figure("overview.p50", "help.p50", t.p50), figure("overview.p99", "help.p99", t.p99))))
	return t
}

// show draws the figures of a period.
func (t *traffic) show(p model.Period) {
	t.requests.set(p.Requests)
	t.failed.set(p.Failed)
	t.p50.set(p.P50)
	t.p99.set(p.P99)
}

// pool shows the connections that are busy, ready and waited for.
type pool struct {
	say                 func(model.Text) string
	gauge               *chart.Gauge
	busy, idle, waiting *text
	note, reuse         *text
	box                 fyne.CanvasObject
}

// newPool returns the panel with an empty gauge.
func newPool(t tools) *pool {
	say := t.say
	p := &pool{
		say: say, gauge: chart.NewGauge(),
		busy: number(), idle: number(), waiting: number(),
		note: caption().with(cutOff), reuse: caption().with(cutOff),
	}
	figure := func(key, help string, value *text, color fyne.ThemeColorName) fyne.CanvasObject {
		name := caption()
		name.set(say(model.T(key)))
		return t.explain(say(model.T(help)), column(0, value, row(gapSmall, []float32{0, 1}, middle(newMark(color)), name)))
	}
	figures := row(gapMedium, []float32{1, 1, 1},
		figure("pool.busy", "help.busy", p.busy, theme.ColorNamePrimary),
		figure("pool.idle", "help.idle", p.idle, colorIdle),
		figure("pool.waiting", "help.waiting", p.waiting, colorWaiting))
	p.box = newHeadedPanel(say(model.T("overview.pool")),
		column(gapMedium, figures, p.gauge, column(0, p.note, t.explain(say(model.T("help.reuse")), p.reuse))))
	return p
}

// show draws the gauge.
func (p *pool) show(v model.Pool) {
	p.gauge.Set(float64(v.Full),
		chart.Part{Value: float64(v.Busy), Color: theme.ColorNamePrimary},
		chart.Part{Value: float64(v.Idle), Color: colorIdle},
		chart.Part{Value: float64(v.Waiting), Color: colorWaiting})
	p.busy.set(strconv.Itoa(v.Busy))
	p.idle.set(strconv.Itoa(v.Idle))
	p.waiting.set(strconv.Itoa(v.Waiting))
	p.note.set(p.say(v.Note))
	p.reuse.set(p.say(v.Reuse))
}
