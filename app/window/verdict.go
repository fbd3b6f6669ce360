package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// A verdictPage shows how each way to an upstream has done over four weeks, what that
// means, and the trials of another way.
type verdictPage struct {
	tools
	span   *text
	empty  *sentence
	rows   *list[*verdictRow]
	trials *list[*trialRow]
	rules  *list[*ruleRow]
	parts  fyne.CanvasObject // all but the sentence for when there is nothing
	box    fyne.CanvasObject
}

// newVerdictPage returns the page without rows.
func newVerdictPage(t tools) *verdictPage {
	p := &verdictPage{tools: t, span: caption().with(cutOff), empty: newSentence(widget.LowImportance)}
	p.rows = newList(gapLarge, t.say(model.T("verdict.no_rows")), func() (*verdictRow, fyne.CanvasObject) {
		r := newVerdictRow(t)
		return r, r.box
	})
	p.trials = newList(gapLarge, t.say(model.T("verdict.no_trials")), func() (*trialRow, fyne.CanvasObject) {
		r := newTrialRow(t)
		return r, r.box
	})
	p.rules = newList(gapSmall, "", func() (*ruleRow, fyne.CanvasObject) {
		r := &ruleRow{newMark(ColorMuted), strong().with(cutOff), newSentence(widget.LowImportance)}
		return r, row(gapMedium, []float32{0, 1, 5}, middle(r.mark), middle(r.decision), middle(r.when.box))
	})
	p.parts = column(gapLarge,
		newHeadedPanel(t.say(model.T("verdict.rows")), column(gapMedium, p.span, p.rows.body, p.rows.empty.box)),
		newHeadedPanel(t.say(model.T("verdict.trials")), column(gapMedium, p.trials.body, p.trials.empty.box)),
		newHeadedPanel(t.say(model.T("verdict.rules")), p.rules.body))
	p.box = column(gapLarge, p.empty.box, p.parts)
	return p
}

func (p *verdictPage) body() fyne.CanvasObject { return p.box }

// escape closes what was asked.
func (p *verdictPage) escape() {
	for _, r := range p.rows.rows {
		reveal(r.plan, false)
	}
}

// show draws a view.
func (p *verdictPage) show(v model.View) {
	empty := model.Text{}
	switch {
	case v.Machine:
		empty = model.T("page.machine")
	case v.State == model.Loading:
		empty = model.T("verdict.asking")
	case !v.Connected:
		empty = model.T("verdict.not_running")
	case v.Verdict.Bad != "":
		empty = model.T("verdict.bad", "Cause", v.Verdict.Bad)
	case !v.Verdict.Known:
		empty = model.T("verdict.asking")
	}
	p.empty.set(p.say(empty))
	reveal(p.parts, empty.Empty())
	p.span.set(p.say(v.Verdict.Span))
	p.rows.resize(len(v.Verdict.Rows))
	for i, r := range v.Verdict.Rows {
		p.rows.rows[i].show(r)
		reveal(p.rows.rows[i].above, i > 0)
	}
	p.trials.resize(len(v.Verdict.Trials))
	for i, t := range v.Verdict.Trials {
		p.trials.rows[i].show(t)
		reveal(p.trials.rows[i].above, i > 0)
	}
	p.rules.resize(len(v.Verdict.Rules))
	for i, r := range v.Verdict.Rules {
		line := p.rules.rows[i]
		line.mark.paint(inkOf(r.State))
		line.decision.set(p.say(r.Decision))
		line.when.set(p.say(r.When))
	}
}

// ruleRow is one line of the decision table.
type ruleRow struct {
	mark     *mark
	decision *text
	when     *sentence
}

// figure puts a small name under a number, and says what it means.
func (t tools) figure(key, help string, value *text) fyne.CanvasObject {
	name := caption().with(cutOff)
	name.set(t.say(model.T(key)))
	return t.explain(t.say(model.T(help)), column(0, value, name))
}

// A verdictRow judges one way to one upstream.
type verdictRow struct {
	tools
	row                                 model.VerdictRow
	mark                                *mark
	name, way, decision                 *text
	requests, success, errors, p50, p99 *text
	reason                              *sentence
	try                                 *button
	plan                                *fyne.Container
	share                               *choice
	part                                string
	above                               *rule // between this row and the one before
	box                                 fyne.CanvasObject
}

// newVerdictRow returns an empty row.
func newVerdictRow(t tools) *verdictRow {
	r := &verdictRow{
		tools: t, mark: newMark(ColorMuted), name: strong(), way: muted().with(cutOff), decision: strong().with(toRight),
		requests: number(), success: number(), errors: number(), p50: number(), p99: number(), reason: newSentence(widget.MediumImportance),
	}
	r.part = model.Shares()[0].Value
	r.share = newChoice(t.say, func(value string) { r.part = value })
	r.share.set(model.Shares(), r.part)
	r.try = newButton("", nil, func() { reveal(r.plan, !r.plan.Visible()) })
	start := newButton(t.say(model.T("verdict.start")), theme.MediaPlayIcon(), r.begin)
	start.Importance = widget.HighImportance
	cancel := newButton(t.say(model.T("question.no")), nil, func() { reveal(r.plan, false) })
	why := newSentence(widget.LowImportance)
	why.set(t.say(model.T("verdict.trial_note")))
	r.plan = column(gapMedium, why.box, row(gapMedium, []float32{1, 0, 0}, middle(r.share), middle(start), middle(cancel)))
	r.plan.Hide()
	fifths := []float32{1, 1, 1, 1, 1}
	r.above = newRule()
	r.box = column(gapMedium, r.above,
		row(gapMedium, []float32{0, 0, 1, 0}, middle(r.mark), middle(r.name), middle(r.way), middle(r.decision)),
		row(gapMedium, fifths, t.figure("overview.requests", "help.judged", r.requests), t.figure("overview.success", "help.judged_success", r.success),
			t.figure("verdict.errors", "help.judged_errors", r.errors), t.figure("overview.p50", "help.p50", r.p50), t.figure("overview.p99", "help.p99", r.p99)),
		row(gapMedium, []float32{1, 0}, middle(r.reason.box), middle(r.try)), r.plan)
	return r
}

// begin starts the trial that was proposed.
func (r *verdictRow) begin() {
	reveal(r.plan, false)
	r.do.Try(r.row, r.part)
}

// show draws a row.
func (r *verdictRow) show(v model.VerdictRow) {
	r.row = v
	ink := inkOf(v.State)
	r.mark.paint(ink)
	r.name.set(v.Upstream)
	way := r.say(v.Transport)
	if !v.Scope.Empty() {
		way += "  ·  " + r.say(v.Scope)
	}
	r.way.set(way)
	r.decision.set(r.say(v.Decision))
	r.decision.paint(ink)
	r.requests.set(v.Requests)
	r.success.set(v.Success)
	r.success.paint(inkOrPlain(v.State))
	r.errors.set(v.Errors)
	r.p50.set(v.P50)
	r.p99.set(v.P99)
	r.reason.set(r.say(v.Reason))
	r.try.label(r.say(v.Try))
	offered := v.Proposal != nil && v.Trial == ""
	reveal(r.try, offered)
	if !offered {
		reveal(r.plan, false)
	}
}

// inkOrPlain is the colour of figures, which are plain unless something is wrong.
func inkOrPlain(s model.State) fyne.ThemeColorName {
	if s == model.Degraded || s == model.Failing {
		return inkOf(s)
	}
	return theme.ColorNameForeground
}

// A trialRow is a comparison of two ways.
type trialRow struct {
	tools
	trial            model.Trial
	mark             *mark
	name             *text
	what             *sentence
	arms             [2]*armRow
	result, ended    *sentence
	end, apply, undo *button
	line             *fyne.Container // of the buttons
	above            *rule           // between this trial and the one before
	box              fyne.CanvasObject
}

// armRow is one way of a trial.
type armRow struct{ name, requests, success, p50, p99, dials *text }

// armShares are the widths of the columns.
var armShares = []float32{3, 1.4, 1.4, 1.4, 1.4, 1.4}

// newTrialRow returns an empty trial.
func newTrialRow(t tools) *trialRow {
	r := &trialRow{
		tools: t, mark: newMark(ColorMuted), name: strong().with(cutOff), what: newSentence(widget.LowImportance),
		result: newSentence(widget.MediumImportance), ended: newSentence(widget.LowImportance),
	}
	do := func(label string, a model.TrialAction) *button {
		return newButton(t.say(model.T(label)), nil, func() { t.do.Trial(r.trial.ID, a) })
	}
	r.end, r.apply, r.undo = do("trial.do.end", model.TrialEnd), do("trial.do.apply", model.TrialApply), do("trial.do.undo", model.TrialUndo)
	r.apply.Importance = widget.HighImportance
	var heads []fyne.CanvasObject
	for i, key := range []string{"trial.way", "overview.requests", "overview.success", "upstream.column.p50", "trial.p99", "trial.dials"} {
		h := caption().with(cutOff)
		if i > 0 {
			h.with(toRight)
		}
		h.set(t.say(model.T(key)))
		heads = append(heads, h)
	}
	table := column(gapSmall, row(gapMedium, armShares, heads...))
	for i := range r.arms {
		a := &armRow{plain().with(cutOff), plain().with(toRight), plain().with(toRight), plain().with(toRight), plain().with(toRight), plain().with(toRight)}
		r.arms[i] = a
		table.Add(row(gapMedium, armShares, a.name, a.requests, a.success, a.p50, a.p99, a.dials))
	}
	r.above, r.line = newRule(), side(r.apply, r.end, r.undo)
	r.box = column(gapMedium, r.above, row(gapMedium, []float32{0, 1}, middle(r.mark), middle(r.name)), r.what.box, table,
		r.result.box, r.ended.box, r.line)
	return r
}

// show draws a trial.
func (r *trialRow) show(t model.Trial) {
	r.trial = t
	r.mark.paint(ColorMuted)
	if t.Running {
		r.mark.paint(theme.ColorNamePrimary)
	}
	r.name.set(t.Upstream)
	r.what.set(r.say(t.What))
	for i, a := range t.Arms {
		line := r.arms[i]
		line.name.set(r.say(a.Name))
		line.requests.set(a.Requests)
		line.success.set(a.Success)
		line.p50.set(a.P50)
		line.p99.set(a.P99)
		line.dials.set(a.Dials)
		ink := theme.ColorNameForeground
		if a.Better {
			ink = theme.ColorNameSuccess
		}
		line.name.paint(ink)
	}
	r.result.set(r.say(t.Result))
	r.ended.set(r.say(t.Ended))
	reveal(r.end, t.Running)
	reveal(r.apply, t.CanApply)
	reveal(r.undo, t.CanUndo)
	settle(r.line)
}
