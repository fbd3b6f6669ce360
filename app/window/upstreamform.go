package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
	"millpond/assets"
	"millpond/settings"
)

// A sectionForm is a form for parts of the settings as they stand in the file.
type sectionForm struct {
	lines []*line
	box   fyne.CanvasObject
}

// newSectionForm returns a form under a heading.
func newSectionForm(t tools, heading string, sections ...[]settings.Key) *sectionForm {
	f := &sectionForm{}
	parts := []fyne.CanvasObject{title(t.say(model.T(heading)))}
	for i, section := range sections {
		if i > 0 {
			parts = append(parts, newRule())
		}
		for _, k := range section {
			l := newLine(t, model.KindOf(k), func() string { return k.Path }, t.edit.set)
			f.lines = append(f.lines, l)
			parts = append(parts, l.box)
		}
	}
	f.box = newPanel(column(gapMedium, parts...))
	return f
}

// show draws the draft.
func (f *sectionForm) show(d *model.Draft) {
	for _, l := range f.lines {
		l.show(d.Field(l.path()))
	}
}

// upstreamLines returns a line of a form for each setting of an upstream.
func upstreamLines(t tools, key func() string, edit func(path, text string)) []*line {
	var lines []*line
	for _, k := range model.UpstreamKeys() {
		lines = append(lines, newLine(t, model.KindOf(k), func() string { return model.UpstreamPath(key(), k) }, edit))
	}
	return lines
}

// boxesOf returns what lines are drawn in.
func boxesOf(lines []*line) []fyne.CanvasObject {
	var all []fyne.CanvasObject
	for _, l := range lines {
		all = append(all, l.box)
	}
	return all
}

// An upstreamSheet is the form of one upstream.
type upstreamSheet struct {
	key   *string // of the upstream; nil while the form is closed
	name  *text
	lines []*line
	box   fyne.CanvasObject
}

// newUpstreamSheet returns the form, closed.
func newUpstreamSheet(p *upstreamsPage) *upstreamSheet {
	t := p.t
	s := &upstreamSheet{name: newText(theme.SizeNameSubHeadingText, theme.ColorNameForeground).with(cutOff)}
	s.name.style.Bold = true
	back := newIconButton(t, theme.NavigateBackIcon(), t.say(model.T("upstream.back")), p.escape)
	test := newButton(t.say(model.T("upstream.test")), theme.MediaPlayIcon(), func() { p.test(*s.key) })
	pool := newButton(t.say(model.T("upstream.pool")), theme.GridIcon(), func() { t.open(model.PagePool) })
	s.lines = upstreamLines(t, func() string { return *s.key }, t.edit.set)
	top := row(gapMedium, []float32{0, 1, 0, 0}, back, middle(s.name), pool, test)
	s.box = newPanel(column(gapLarge, append([]fyne.CanvasObject{top}, boxesOf(s.lines)...)...))
	return s
}

// show draws the upstream, and reports whether the form is open. It closes when its
// upstream is gone.
func (s *upstreamSheet) show(d *model.Draft) bool {
	if s.key == nil {
		return false
	}
	u, ok := d.Upstream(*s.key)
	if !ok {
		s.key = nil
		return false
	}
	s.name.set(u.Name)
	for _, l := range s.lines {
		l.show(d.Field(l.path()))
	}
	return true
}

// An addSheet is where a new upstream is chosen from the catalogue, or filled in.
type addSheet struct {
	page     *upstreamsPage
	fresh    *model.Draft // what is filled in; nil while the form is closed
	begun    bool         // a person has filled something in
	services []assets.Service
	search   *entry
	found    *list[*serviceLine]
	note     *sentence
	lines    []*line
	add      *button
	scroll   *container.Scroll
	box      fyne.CanvasObject
}

// catalogueHeight is how high the list of known services is: Fyne's pixels.
const catalogueHeight = 190

// newAddSheet returns the form, closed.
func newAddSheet(p *upstreamsPage) *addSheet {
	t := p.t
	s := &addSheet{page: p, services: assets.Catalogue(), note: newNote()}
	back := newIconButton(t, theme.NavigateBackIcon(), t.say(model.T("upstream.back")), p.escape)
	name := newText(theme.SizeNameSubHeadingText, theme.ColorNameForeground)
	name.style.Bold = true
	name.set(t.say(model.T("upstream.add")))
	s.search = newEntry(func(string) { t.edit.changed() })
	s.search.hint(t.say(model.T("upstream.search")))
	s.found = newList(2, t.say(model.T("upstream.not_found")), s.newService)
	s.scroll = container.NewVScroll(column(0, s.found.body, s.found.empty.box))
	s.scroll.SetMinSize(fyne.NewSize(0, catalogueHeight))
	s.lines = upstreamLines(t, func() string { return model.Fresh }, s.set)
	s.add = newButton(t.say(model.T("upstream.add_this")), theme.ContentAddIcon(), s.take)
	s.add.Importance = widget.HighImportance
	cancel := newButton(t.say(model.T("upstream.cancel")), nil, p.escape)
	s.box = column(gapLarge,
		newPanel(column(gapMedium, row(gapMedium, []float32{0, 1}, back, middle(name)), s.search, s.scroll, s.note.box)),
		newPanel(column(gapLarge, append(boxesOf(s.lines), row(gapMedium, []float32{1, 0, 0}, column(0), cancel, s.add))...)))
	return s
}

// open opens the form, empty.
func (s *addSheet) open() {
	if d := s.page.t.edit.Draft(); d != nil {
		s.search.set("")
		s.note.set("")
		s.fresh, s.begun = d.Begin(settings.Upstream{Kind: settings.KindAnthropic}), false
	}
}

// set fills something in.
func (s *addSheet) set(path, text string) {
	if s.fresh != nil && s.fresh.Text(path) != text {
		s.fresh.Set(path, text)
		s.begun = true
		s.page.t.edit.changed()
	}
}

// choose fills in what is known of a service.
func (s *addSheet) choose(v assets.Service) {
	d := s.page.t.edit.Draft()
	if d == nil {
		return
	}
	s.fresh, s.begun = d.Begin(settings.Upstream{Name: v.ID, Kind: settings.Kind(v.Kind), URL: v.URL}), true
	s.note.set(s.page.t.say(model.ServiceNote(v.KeyPage, v.KeyVariable)))
	s.page.t.edit.changed()
}

// take puts what was filled in into the draft.
func (s *addSheet) take() {
	if d := s.page.t.edit.Draft(); d != nil && s.fresh != nil && d.Take(s.fresh) {
		s.fresh = nil
	}
	s.page.turn()
}

// show draws what is filled in, and reports whether the form is open.
func (s *addSheet) show(*model.Draft) bool {
	if s.fresh == nil {
		return false
	}
	matches := assets.Search(s.services, s.search.Text)
	s.found.resize(len(matches))
	for i, v := range matches {
		s.found.rows[i].show(v)
	}
	for _, l := range s.lines {
		l.show(s.fresh.Field(l.path()))
	}
	s.add.enable(s.fresh.Complete())
	return true
}

// A serviceLine is one known service.
type serviceLine struct {
	service assets.Service
	button  *button
	url     *text
}

// newService returns an empty line of the catalogue.
func (s *addSheet) newService() (*serviceLine, fyne.CanvasObject) {
	l := &serviceLine{url: caption().with(cutOff)}
	l.button = newButton("", nil, func() { s.choose(l.service) })
	l.button.Importance, l.button.Alignment = widget.LowImportance, widget.ButtonAlignLeading
	return l, row(gapMedium, []float32{1, 1}, l.button, middle(l.url))
}

// show draws a service.
func (l *serviceLine) show(v assets.Service) {
	l.service = v
	l.button.label(v.Name)
	l.url.set(v.URL)
}

// A probePanel shows a test of an upstream, step by step.
type probePanel struct {
	t       tools
	name    *text
	url     *text
	running *widget.ProgressBarInfinite

	progress fyne.CanvasObject // thin, around running
	steps    *list[*probeLine]
	result   *sentence
	detail   *sentence
	remarks  *sentence
	stop     *button
	box      *panel
}

// probeLine is one step.
type probeLine struct {
	mark         *mark
	label, value *text
}

// newProbePanel returns the panel, which is not shown.
func newProbePanel(t tools) *probePanel {
	p := &probePanel{
		t: t, name: strong().with(cutOff), url: caption().with(cutOff), running: widget.NewProgressBarInfinite(),
		result: newSentence(widget.MediumImportance), detail: newNote(), remarks: newNote(),
	}
	p.running.Stop()
	p.progress = container.New(thinLayout{}, p.running)
	p.steps = newList(gapSmall, "", func() (*probeLine, fyne.CanvasObject) {
		l := &probeLine{newMark(ColorMuted), plain(), plain()}
		return l, row(gapMedium, []float32{0, 2, 3}, middle(l.mark), l.label, l.value)
	})
	p.stop = newButton("", nil, func() { t.do.StopProbe() })
	top := row(gapMedium, []float32{1, 0}, column(0, p.name, p.url), p.stop)
	p.box = newPanel(column(gapMedium, top, p.progress, p.steps.body, column(gapSmall, p.result.box, p.detail.box, p.remarks.box)))
	p.box.Hide()
	return p
}

// show draws a test, if there is one.
func (p *probePanel) show(v model.Probe) {
	shown := v.Running || !v.Result.Empty()
	reveal(p.box, shown)
	if v.Running != p.running.Running() {
		if v.Running {
			p.running.Start()
		} else {
			p.running.Stop()
			p.progress = container.New(thinLayout{}, p.running)
		}
	}
	reveal(p.progress, v.Running)
	if !shown {
		return
	}
	say := p.t.say
	p.name.set(say(model.T("probe.title", "Name", v.Name)))
	p.url.set(v.URL)
	p.steps.resize(len(v.Steps))
	for i, s := range v.Steps {
		l := p.steps.rows[i]
		l.mark.paint(inkOf(s.State))
		l.label.set(say(s.Label))
		l.value.set(s.Value)
	}
	importance, words := widget.DangerImportance, "banner.close"
	if v.OK {
		importance = widget.SuccessImportance
	}
	if v.Running {
		words = "probe.stop"
	}
	p.stop.label(say(model.T(words)))
	p.result.paint(importance)
	p.result.set(say(v.Result))
	p.detail.set(v.Detail)
	p.remarks.set(model.Sentences(v.Remarks, say))
}
