package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
	"millpond/assets"
)

// A welcomePage is the first run: start the proxy, choose where requests go, point an
// agent at it, and see the first request arrive.
type welcomePage struct {
	tools
	service  *card
	steps    *steps
	install  *button
	start    *button
	restart  *button
	run      *button
	takeOver *button
	hint     *sentence
	detail   *sentence
	ways     *fyne.Container // the buttons
	upstream *card
	catalog  *choice
	known    []assets.Service
	about    *sentence
	use      *button
	demo     *button
	pick     fyne.CanvasObject
	agents   *card
	clients  *list[*clientRow]
	connect  *button
	request  *card
	count    *text
	counted  *text
	done     *button
	box      fyne.CanvasObject
}

// newWelcomePage returns the page without facts.
func newWelcomePage(t tools) *welcomePage {
	p := &welcomePage{tools: t, known: assets.Catalogue()}
	heading := newText(theme.SizeNameHeadingText, theme.ColorNameForeground)
	heading.style.Bold = true
	heading.set(t.say(model.T("welcome.title")))
	intro := newSentence(widget.LowImportance)
	intro.set(t.say(model.T("welcome.intro")))
	p.makeService()
	p.makeUpstream()
	p.makeAgents()
	p.makeRequest()
	p.box = column(gapMedium, column(gapSmall, heading, intro.box), p.service.box, p.upstream.box, p.agents.box, p.request.box)
	return p
}

func (p *welcomePage) body() fyne.CanvasObject { return p.box }

// full says that the page has the whole window: it tells the state itself.
func (p *welcomePage) full() {}

// makeService makes the step that starts the proxy.
func (p *welcomePage) makeService() {
	p.install = newButton(p.say(model.T("welcome.service.install")), nil, func() { p.do.Service(model.ServiceInstall) })
	p.start = newButton(p.say(model.T("tray.start")), nil, func() { p.do.Service(model.ServiceStart) })
	p.restart = newButton(p.say(model.T("service.do.restart")), nil, func() { p.do.Service(model.ServiceRestart) })
	p.run = newButton(p.say(model.T("welcome.service.run")), nil, p.do.RunOnce)
	p.takeOver = newButton(p.say(model.T("service.do.take_over")), nil, func() { p.do.Service(model.ServiceTakeOver) })
	p.install.Importance, p.start.Importance = widget.HighImportance, widget.HighImportance
	p.hint, p.detail = newSentence(widget.MediumImportance), newSentence(widget.DangerImportance)
	p.steps = newSteps(p.tools)
	p.ways = side(p.install, p.start, p.restart, p.run)
	p.service = newCard(p.tools, "welcome.service", p.takeOver, p.steps.box, p.hint.box, p.detail.box, p.ways)
}

// makeUpstream makes the step that chooses where requests go.
func (p *welcomePage) makeUpstream() {
	p.about = newSentence(widget.LowImportance)
	p.use = newButton(p.say(model.T("welcome.upstream.use")), nil, p.add)
	p.use.Importance = widget.HighImportance
	p.demo = newButton(p.say(model.T("welcome.upstream.demo")), nil, p.do.Demo)
	p.catalog = newChoice(p.say, func(string) { p.tell() })
	p.catalog.set(p.offers(), p.known[0].ID)
	p.pick = row(gapMedium, []float32{1, 0}, middle(p.catalog), middle(p.use))
	p.upstream = newCard(p.tools, "welcome.upstream", p.demo, p.pick, p.about.box)
	p.tell()
}

// offers are the known services to choose from. Names are the services' own.
func (p *welcomePage) offers() []model.Option {
	var list []model.Option
	for _, s := range p.known {
		list = append(list, model.Option{Value: s.ID, Label: model.T("value.plain", "Value", s.Name)})
	}
	return list
}

// picked returns the service that is chosen.
func (p *welcomePage) picked() assets.Service { return p.known[max(0, p.catalog.SelectedIndex())] }

// tell says where the chosen service is, and whose key is used.
func (p *welcomePage) tell() {
	key := "welcome.upstream.about"
	if p.picked().Local {
		key = "welcome.upstream.about_local"
	}
	p.about.set(p.say(model.T(key, "URL", p.picked().URL)))
}

// add puts the chosen service into the settings.
func (p *welcomePage) add() {
	s := p.picked()
	p.do.Add(model.FirstUpstream(s.ID, s.Kind, s.URL))
}

// makeAgents makes the step that points an agent at the proxy.
func (p *welcomePage) makeAgents() {
	p.clients = newList(gapSmall, "", func() (*clientRow, fyne.CanvasObject) {
		r := &clientRow{title: plain().with(cutOff), copy: newCopyLine(p.say, p.do, model.Text{})}
		return r, row(gapMedium, []float32{1, 3}, middle(r.title), r.copy.box)
	})
	p.connect = newButton(p.say(model.T("welcome.agents.connect")), theme.NavigateNextIcon(), func() { p.open(model.PageAgents) })
	p.agents = newCard(p.tools, "welcome.agents", p.connect, p.clients.body)
}

// clientRow is one program and what to copy for it.
type clientRow struct {
	title *text
	copy  *copyLine
}

// makeRequest makes the step that waits for the first request.
func (p *welcomePage) makeRequest() {
	p.count = newText(sizeFigure, ColorMuted)
	p.count.style.Bold = true
	p.count.align = fyne.TextAlignTrailing
	p.counted = caption().with(toRight)
	p.counted.set(p.say(model.T("welcome.request.count")))
	p.done = newButton(p.say(model.T("welcome.done")), nil, func() { p.open(model.PageOverview) })
	p.done.Importance = widget.HighImportance
	figure := container.New(lineLayout{gapLarge}, column(0, p.count, p.counted), p.done)
	p.request = newCard(p.tools, "welcome.request", figure)
}

// show draws a view.
func (p *welcomePage) show(v model.View) {
	w := v.Welcome
	p.service.show(w.Service)
	p.steps.show(w.Steps, w.Failure)
	reveal(p.install, w.Install)
	reveal(p.start, w.Begin)
	reveal(p.restart, w.Restart)
	reveal(p.run, w.Run)
	reveal(p.takeOver, w.TakeOver)
	settle(p.ways)
	p.restart.weigh(w.Service.State == model.Failing)
	p.showRun(!w.Install && !w.Begin && !w.Restart)
	p.hint.set(p.say(w.Hint))
	p.detail.set(w.Detail)
	p.upstream.show(w.Upstream)
	reveal(p.pick, w.Demo && v.Connected)
	reveal(p.about.box, w.Demo && v.Connected)
	reveal(p.demo, w.Demo)
	p.agents.show(w.Agents)
	p.showClients(w.Clients)
	p.request.show(w.Request)
	p.count.set(w.Count)
	p.count.paint(inkOf(w.Request.State))
	reveal(p.done, w.Works)
	importance := widget.LowImportance
	if w.Works {
		importance = widget.SuccessImportance
	}
	p.request.note.paint(importance)
}

// showRun shows the way to run the daemon by hand, which may be the only one.
func (p *welcomePage) showRun(only bool) {
	p.run.weigh(only)
	label := model.T("welcome.service.run")
	if only {
		label = model.T("setup.run")
	}
	p.run.label(p.say(label))
}

// showClients shows what to copy.
func (p *welcomePage) showClients(all []model.Agent) {
	p.clients.resize(len(all))
	for i, a := range all {
		p.clients.rows[i].title.set(p.say(a.Name))
		p.clients.rows[i].copy.show(a.Copies[0])
	}
	reveal(p.connect, len(all) > 0)
}

// A card is one step of the first run.
type card struct {
	tools
	icon *widget.Icon
	note *sentence
	box  fyne.CanvasObject
}

// newCard returns a card with the title under key, something beside that, which may be
// nil, and what belongs to it.
func newCard(t tools, key string, beside fyne.CanvasObject, contents ...fyne.CanvasObject) *card {
	c := &card{tools: t, icon: widget.NewIcon(nil), note: newSentence(widget.LowImportance)}
	title := newText(theme.SizeNameSubHeadingText, theme.ColorNameForeground)
	title.style.Bold = true
	title.set(t.say(model.T(key)))
	var head fyne.CanvasObject = column(gapSmall, title, c.note.box)
	if beside != nil {
		head = row(gapLarge, []float32{1, 0}, head, middle(container.NewStack(beside)))
	}
	inside := append([]fyne.CanvasObject{head}, contents...)
	c.box = newPanel(row(gapLarge, []float32{0, 1}, container.New(topLeft{}, c.icon), column(gapMedium, inside...)))
	return c
}

// show draws the state of the card.
func (c *card) show(v model.Card) {
	c.icon.SetResource(stepIcon(v.State))
	c.note.set(c.say(v.Note))
}

// topLeft keeps an icon of a fixed size at the top.
type topLeft struct{}

// cardIcon is the edge of a card's picture: Fyne's pixels.
const cardIcon = 26

// MinSize implements fyne.Layout.
func (topLeft) MinSize([]fyne.CanvasObject) fyne.Size { return fyne.NewSquareSize(cardIcon) }

// Layout implements fyne.Layout.
func (topLeft) Layout(objects []fyne.CanvasObject, _ fyne.Size) {
	objects[0].Resize(fyne.NewSquareSize(cardIcon))
}
