// Package tray shows a view as an icon with a menu in the system's tray.
//
// It decides nothing and does no I/O but that of the tray itself. It uses
// fyne.io/systray alone, which keeps the resident process small: a Fyne
// application holds about 100 MB before it shows a window.
package tray

import (
	"context"
	"runtime"
	"sync"
	"time"

	"fyne.io/systray"

	"millpond/app/model"
	"millpond/assets"
)

// Actions are what a person can ask for. They are called on goroutines of the
// tray and must return at once.
type Actions struct {
	Switch func(on bool)       // let requests pass, or not
	Copy   func(text string)   // to the clipboard
	Use    func(name string)   // prefer this upstream among those of its kind
	Preset func(preset string) // take the numbers of this preset
	Start  func()              // the proxy, which is not running
	Open   func()              // the window
	Quit   func()              // this program; the proxy goes on
}

// A Tray is the icon with its menu. Use New. There can be one in a process,
// since fyne.io/systray has one.
type Tray struct {
	do     Actions
	views  chan model.View // the newest view that has not been drawn
	clicks chan func()     // what was clicked
	wg     sync.WaitGroup  // every goroutine of the tray

	// What follows belongs to the goroutine that draws, once Run is called.
	say                           func(model.Text) string
	view                          model.View // the last one that was drawn
	icon                          string     // the state whose icon is shown
	tooltip                       string
	address                       string            // what a click copies
	latest                        map[string]string // how long each upstream took last, as shown
	latestAt                      time.Time         // when that was looked at
	state                         *line
	reasons                       []*line
	start, on, copyIt, open, quit *line
	upstreams, presets            *menu
}

// New returns a tray that words its texts with say.
func New(say func(model.Text) string, do Actions) *Tray {
	return &Tray{say: say, do: do, views: make(chan model.View, 1), clicks: make(chan func())}
}

// Speak words the texts with say from now on. It may be called from any goroutine
// while Run runs, and returns when it is done or ctx is.
func (t *Tray) Speak(ctx context.Context, say func(model.Text) string) {
	select {
	case t.clicks <- func() { t.say = say; t.redraw() }:
	case <-ctx.Done():
	}
}

// Show draws v soon. It may be called from any goroutine, before Run too; a
// newer view replaces one that was not drawn yet.
func (t *Tray) Show(v model.View) {
	for {
		select {
		case t.views <- v:
			return
		default:
		}
		select {
		case <-t.views:
		default:
		}
	}
}

// Run shows the icon until ctx is done. It must be called on the main
// goroutine, and once in a process. Where the desktop has no tray yet, the icon
// appears when it gets one.
func (t *Tray) Run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer t.wg.Wait()
	defer cancel()
	if runtime.GOOS == "linux" {
		systray.SetTitle("Millpond") // the icon's name on the bus; a text beside the icon on macOS
	}
	systray.SetTemplateIcon(assets.TemplateIcon(""), assets.TrayIcon("")) // the first is for macOS
	ready, built, shown := make(chan struct{}), make(chan struct{}), make(chan struct{})
	t.wg.Go(func() { t.draw(ctx, ready, built, shown) })
	runLoop(ctx, func() {
		close(ready)
		select { // the panel is shown nothing before the menu is complete
		case <-built:
		case <-ctx.Done():
		}
	}, shown)
}

// runLoop runs the tray until ctx is done. It closes shown when what is drawn reaches the panel:
// systray puts the icon on Linux' message bus in several steps, and an icon or words that are set
// between them would be lost until they change again.
func runLoop(ctx context.Context, onReady func(), shown chan<- struct{}) {
	if runtime.GOOS != "linux" {
		stop := context.AfterFunc(ctx, systray.Quit)
		defer stop()
		close(shown)
		systray.Run(onReady, func() {})
		return
	}
	start, end := systray.RunWithExternalLoop(onReady, func() {})
	start()
	close(shown)
	<-ctx.Done()
	end()
}

// draw makes the menu when the tray is ready, and then draws the views that
// arrive and does what is clicked, until ctx is done.
func (t *Tray) draw(ctx context.Context, ready <-chan struct{}, built chan<- struct{}, shown <-chan struct{}) {
	select {
	case <-ready:
	case <-ctx.Done():
		return
	}
	t.build(ctx)
	close(built)
	select {
	case <-shown:
		t.icon, t.tooltip = "", "" // what build set of them may be lost
		t.show(t.view)
	case <-ctx.Done():
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-t.views:
			t.show(v)
		case click := <-t.clicks:
			click()
		case <-systray.TrayOpenedCh:
			t.redraw()
		}
	}
}

// build makes the menu, in the order that a person reads it.
func (t *Tray) build(ctx context.Context) {
	t.state = t.add(ctx, nil)
	for range reasonLines {
		t.reasons = append(t.reasons, t.add(ctx, nil))
	}
	systray.AddSeparator()
	t.start = t.add(ctx, func() { t.do.Start() })
	t.on = t.addCheck(ctx, func() { t.do.Switch(!t.on.item.Checked()) })
	t.copyIt = t.add(ctx, func() { t.do.Copy(t.address) })
	t.upstreams = t.addMenu(ctx, func(name string) { t.do.Use(name) })
	t.presets = t.addMenu(ctx, func(name string) { t.do.Preset(name) })
	systray.AddSeparator()
	t.open = t.add(ctx, func() { t.do.Open() })
	t.quit = t.add(ctx, func() { t.do.Quit() })
	t.show(model.Start())
}

// redraw draws the last view again, with all that is newer by now.
func (t *Tray) redraw() {
	t.latestAt = time.Time{}
	t.show(t.view)
}

// show draws one view. What is as before is left alone, since each change goes
// over the bus to the panel.
func (t *Tray) show(v model.View) {
	t.view = v
	t.showState(v)
	t.start.set(t.say(model.T("tray.start")), v.Startable)
	t.on.set(t.say(model.T("tray.on")), v.Connected)
	t.on.check(v.Serving)
	t.copyIt.set(t.say(model.T("tray.copy", "Address", v.Address)), v.Address != "")
	t.address = v.Address
	t.lookAtLatest(v, time.Now())
	t.upstreams.set(t.say(upstreamsTitle(v)), t.upstreamChoices(v))
	t.presets.set(t.say(presetsTitle(v)), t.presetChoices(v))

	t.open.set(t.say(model.T("tray.open")), true)
	t.quit.set(t.say(quitText(v)), true)
}

// showState draws the icon, its words and the lines at the top of the menu. What a
// person asked for and did not get comes before the reason for the state.
func (t *Tray) showState(v model.View) {
	if state := string(v.State); state != t.icon {
		t.icon = state
		systray.SetTemplateIcon(assets.TemplateIcon(state), assets.TrayIcon(state)) // the first is for macOS
	}
	headline, reason := t.say(v.Headline), t.say(v.Reason)
	tip := model.T("tray.tooltip", "State", headline)
	if reason != "" {
		tip = model.T("tray.tooltip_reason", "State", headline, "Reason", reason)
	}
	if words := t.say(tip); words != t.tooltip {
		t.tooltip = words
		systray.SetTooltip(words)
	}
	if !v.Notice.Empty() {
		reason = t.say(v.Notice)
	}
	t.state.set(headline, true)
	t.state.enable(false)
	lines := wrap(reason, reasonWidth, reasonLines)
	for i, l := range t.reasons {
		text := ""
		if i < len(lines) {
			text = lines[i]
		}
		l.set(text, text != "")
		l.enable(false)
	}
}

// quitText says what goes on after the program has quit.
func quitText(v model.View) model.Text {
	if v.Connected || v.Machine {
		return model.T("tray.quit_running")
	}
	return model.T("tray.quit")
}

// upstreamsTitle names the preferred upstream where there is one for all.
func upstreamsTitle(v model.View) model.Text {
	name, n := "", 0
	for _, u := range v.Upstreams {
		if u.Preferred {
			name, n = u.Name, n+1
		}
	}
	if n == 1 {
		return model.T("tray.upstream_of", "Name", name)
	}
	return model.T("tray.upstreams")
}

// presetsTitle names the preset that is in force.
func presetsTitle(v model.View) model.Text {
	for _, p := range v.Presets {
		if p.Chosen {
			return model.T("tray.preset_of", "Name", p.Label)
		}
	}
	return model.T("tray.presets")
}

// latestPace is how often the menu's latencies change while it is closed: under
// traffic they would change with every view, and each change goes to the panel.
const latestPace = 10 * time.Second

// lookAtLatest takes over how long the upstreams took last, and how long ago.
func (t *Tray) lookAtLatest(v model.View, now time.Time) {
	if !v.Connected || now.Sub(t.latestAt) < latestPace {
		return
	}
	t.latest, t.latestAt = map[string]string{}, now
	for _, u := range v.Upstreams {
		if u.State == model.On && !u.Latest.Empty() {
			t.latest[u.Name] = t.say(u.Latest)
		}
	}
}

// mostChoices is how many upstreams the menu lists; a taller menu would not fit
// on a small screen.
const mostChoices = 16

// upstreamChoices lists the upstreams with their state and latency, under their
// kinds where there are several: one of each kind is preferred.
func (t *Tray) upstreamChoices(v model.View) []choice {
	var list []choice
	groups := v.Kinds()
	n := 0
	for _, g := range groups {
		if len(groups) > 1 {
			list = append(list, choice{label: t.say(g.Label), heading: true})
		}
		for _, u := range g.Upstreams {
			if n++; n > mostChoices {
				more := model.N("tray.more", int64(len(v.Upstreams)-mostChoices))
				return append(list, choice{label: t.say(more), heading: true})
			}
			list = append(list, t.upstreamChoice(u))
		}
	}
	return list
}

// upstreamChoice is the line of one upstream.
func (t *Tray) upstreamChoice(u model.Upstream) choice {
	label := u.Name + "  ·  " + t.say(u.Health)
	if latest := t.latest[u.Name]; latest != "" {
		label += "  ·  " + latest
	}
	return choice{name: u.Name, label: label, chosen: u.Preferred, fixed: !u.Configured}
}

// presetChoices lists the presets of the pool.
func (t *Tray) presetChoices(v model.View) []choice {
	var list []choice
	for _, p := range v.Presets {
		list = append(list, choice{name: p.Name, label: t.say(p.Label), chosen: p.Chosen})
	}
	return list
}
