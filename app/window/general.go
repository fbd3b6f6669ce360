package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// A generalPage is about the application: its service, when it starts, how it looks
// and speaks, and where its files are.
type generalPage struct {
	service  *servicePanel
	proxy    *proxyPanel
	look     *lookPanel
	files    *filesPanel
	contents fyne.CanvasObject
}

// newGeneralPage returns the page without facts.
func newGeneralPage(t tools) *generalPage {
	p := &generalPage{service: newServicePanel(t), proxy: newProxyPanel(t), look: newLookPanel(t), files: newFilesPanel(t)}
	p.contents = column(gapLarge, p.service.box, p.proxy.box, p.look.box, p.files.box)
	return p
}

func (p *generalPage) body() fyne.CanvasObject { return p.contents }

// escape closes a question.
func (p *generalPage) escape() { p.service.question.close() }

// show draws a view.
func (p *generalPage) show(v model.View) {
	p.service.show(v.General)
	p.proxy.show()
	p.look.show(v.General)
	p.files.show(v.General, v.Connected)
}

// A servicePanel shows the daemon as a service, and what can be asked of it.
type servicePanel struct {
	tools
	mark     *mark
	headline *text
	note     *sentence
	program  *text
	detail   *sentence
	steps    *steps
	buttons  map[model.ServiceAction]*button
	line     *fyne.Container // of the buttons
	question *question
	box      fyne.CanvasObject
}

// serviceButtons are what can be asked, in their order, with the question that comes
// before it, if any.
var serviceButtons = []struct {
	action   model.ServiceAction
	label    string // a key of the locale files
	question string // likewise; "" asks nothing
}{
	{model.ServiceInstall, "service.do.install", ""},
	{model.ServiceTakeOver, "service.do.take_over", ""},
	{model.ServiceStart, "service.do.start", ""},
	{model.ServiceRestart, "service.do.restart", ""},
	{model.ServiceStop, "service.do.stop", "service.ask.stop"},
	{model.ServiceUninstall, "service.do.uninstall", "service.ask.uninstall"},
}

// newServicePanel returns the panel without facts.
func newServicePanel(t tools) *servicePanel {
	p := &servicePanel{
		tools: t, mark: newMark(ColorMuted), headline: strong().with(cutOff), note: newSentence(widget.LowImportance),
		program: caption().with(cutOff), detail: newSentence(widget.DangerImportance), steps: newSteps(t),
		buttons: map[model.ServiceAction]*button{}, question: newQuestion(t),
	}
	var buttons []fyne.CanvasObject
	for _, b := range serviceButtons {
		do := func() { t.do.Service(b.action) }
		made := newButton(t.say(model.T(b.label)), nil, do)
		if b.question != "" {
			made.OnTapped = func() { p.question.ask(model.T(b.question), model.T(b.label), do) }
		}
		if b.action == model.ServiceInstall || b.action == model.ServiceStart {
			made.Importance = widget.HighImportance
		}
		p.buttons[b.action] = made
		buttons = append(buttons, made)
	}
	p.line = side(buttons...)
	p.box = newHeadedPanel(t.say(model.T("general.service")), column(gapMedium,
		column(gapSmall, row(gapMedium, []float32{0, 1}, middle(p.mark), p.headline), p.note.box, p.program, p.detail.box),
		p.steps.box, p.line, p.question.box))
	return p
}

// show draws the service.
func (p *servicePanel) show(g model.General) {
	p.mark.paint(inkOf(g.Service.State))
	p.headline.set(p.say(g.Service.Headline))
	p.note.set(p.say(g.Service.Note))
	p.program.set(g.Service.Program)
	reveal(p.program, g.Service.Program != "")
	p.detail.set(g.Service.Detail)
	p.steps.show(g.Setup, g.Failure)
	offered := map[model.ServiceAction]bool{
		model.ServiceInstall: g.Service.Install, model.ServiceTakeOver: g.Service.TakeOver, model.ServiceStart: g.Service.Start, model.ServiceRestart: g.Service.Restart,
		model.ServiceStop: g.Service.Stop, model.ServiceUninstall: g.Service.Uninstall,
	}
	for action, b := range p.buttons {
		reveal(b, offered[action])
		b.enable(!g.Busy)
	}
	settle(p.line)
}

// A proxyPanel fills in where the proxy listens and what turning it off means.
type proxyPanel struct {
	tools
	lines []*line
	box   fyne.CanvasObject
}

// newProxyPanel returns the panel without settings.
func newProxyPanel(t tools) *proxyPanel {
	p := &proxyPanel{tools: t}
	var parts []fyne.CanvasObject
	for i, k := range model.ProxyKeys() {
		l := newLine(t, model.KindOf(k), func() string { return k.Path }, t.edit.set)
		p.lines = append(p.lines, l)
		if i > 0 {
			parts = append(parts, newRule())
		}
		parts = append(parts, l.box)
	}
	p.box = newHeadedPanel(t.say(model.T("general.proxy")), column(gapMedium, parts...))
	return p
}

// show draws the draft; without a daemon there is none.
func (p *proxyPanel) show() {
	draft := p.edit.Draft()
	reveal(p.box, draft != nil)
	if draft == nil {
		return
	}
	for _, l := range p.lines {
		l.show(draft.Field(l.path()))
	}
}

// A lookPanel chooses the language and the appearance, and when the tray starts.
type lookPanel struct {
	tools
	atLogin   *toggle
	loginBad  *sentence
	languages *choice
	themes    *choice
	now       model.Preferences
	box       fyne.CanvasObject
}

// newLookPanel returns the panel without facts.
func newLookPanel(t tools) *lookPanel {
	p := &lookPanel{tools: t, loginBad: newSentence(widget.DangerImportance)}
	p.atLogin = newToggle(t.do.AtLogin)
	login, why := plain().with(cutOff), caption().with(cutOff)
	login.set(t.say(model.T("general.at_login")))
	why.set(t.say(model.T("general.at_login.note")))
	p.languages = newChoice(t.say, func(value string) {
		next := p.now
		next.Language = value
		t.do.Prefer(next)
	})
	p.languages.path = func() string { return "general.language" }
	p.themes = newChoice(t.say, func(value string) {
		next := p.now
		next.Theme = value
		t.do.Prefer(next)
	})
	halves := []float32{1, 1}
	p.box = newHeadedPanel(t.say(model.T("general.application")), column(gapMedium,
		row(gapLarge, halves, t.named("general.language", p.languages), t.named("general.theme", p.themes)),
		row(gapMedium, []float32{1, 0}, middle(column(0, login, why)), middle(p.atLogin)), p.loginBad.box))
	return p
}

// show draws what is chosen.
func (p *lookPanel) show(g model.General) {
	p.now = g.Preferences
	p.languages.set(model.Languages(), g.Preferences.Language)
	p.themes.set(model.Themes(), g.Preferences.Theme)
	p.atLogin.set(g.AtLogin)
	p.loginBad.set(g.AtLoginBad)
}

// A filesPanel shows where the files are and which versions run.
type filesPanel struct {
	tools
	path     string
	settings *copyLine
	diagnose *button
	bundle   *copyLine
	versions *text
	mismatch *sentence
	box      fyne.CanvasObject
}

// newFilesPanel returns the panel without facts.
func newFilesPanel(t tools) *filesPanel {
	p := &filesPanel{tools: t, settings: newCopyLine(t.say, t.do, model.Text{}), versions: plain().with(cutOff), mismatch: newSentence(widget.WarningImportance)}
	open := newButton(t.say(model.T("general.open_folder")), theme.FolderOpenIcon(), func() { t.do.OpenFolder(p.path) })
	welcome := newButton(t.say(model.T("general.welcome")), theme.HelpIcon(), func() { t.open(model.PageWelcome) })
	p.diagnose = newButton(t.say(model.T("general.diagnose")), theme.DocumentSaveIcon(), func() { t.do.Diagnose() })
	p.bundle = newCopyLine(t.say, t.do, model.Text{})
	about := newNote()
	about.set(t.say(model.T("general.about")))
	p.box = newHeadedPanel(t.say(model.T("general.files")), column(gapMedium,
		t.named("general.settings_file", row(gapMedium, []float32{1, 0}, p.settings.box, middle(open))),
		t.named("general.version", p.versions), p.mismatch.box,
		side(welcome, p.diagnose), p.bundle.box, about.box))
	return p
}

// show draws the paths and versions.
func (p *filesPanel) show(g model.General, connected bool) {
	p.diagnose.enable(connected)
	p.path = g.Settings
	p.settings.show(g.Settings)
	p.versions.set(p.say(g.Versions))
	p.mismatch.set(p.say(g.Mismatch))
	p.bundle.show(g.Bundle)
}
