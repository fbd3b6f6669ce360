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
	Open   func()              // the window
	Quit   func()              // this program; the proxy goes on
}

// A Tray is the icon with its menu. Use New. There can be one in a process,
// since fyne.io/systray has one.
type Tray struct {
	say    func(model.Text) string
	do     Actions
	views  chan model.View // the newest view that has not been drawn
	clicks chan func()     // what was clicked
	wg     sync.WaitGroup  // every goroutine of the tray

	// What follows belongs to the goroutine that draws.
	icon                   string // the state whose icon is shown
	tooltip                string
	address                string // what a click copies
	state, reason          *line
	on, copyIt, open, quit *line
	upstreams, presets     *menu
}

// New returns a tray that words its texts with say.
func New(say func(model.Text) string, do Actions) *Tray {
	return &Tray{say: say, do: do, views: make(chan model.View, 1), clicks: make(chan func())}
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
	systray.SetIcon(assets.TrayIcon(""))
	ready, built := make(chan struct{}), make(chan struct{})
	t.wg.Go(func() { t.draw(ctx, ready, built) })
	stop := context.AfterFunc(ctx, systray.Quit)
	defer stop()
	systray.Run(func() {
		close(ready)
		select { // the panel is shown nothing before the menu is complete
		case <-built:
		case <-ctx.Done():
		}
	}, func() {})
}

// draw makes the menu when the tray is ready, and then draws the views that
// arrive and does what is clicked, until ctx is done.
func (t *Tray) draw(ctx context.Context, ready <-chan struct{}, built chan<- struct{}) {
	select {
	case <-ready:
	case <-ctx.Done():
		return
	}
	t.build(ctx)
	close(built)
	for {
		select {
		case <-ctx.Done():
			return
		case v := <-t.views:
			t.show(v)
		case click := <-t.clicks:
			click()
		}
	}
}

// build makes the menu, in the order that a person reads it.
func (t *Tray) build(ctx context.Context) {
	t.state = t.add(ctx, nil)
	t.reason = t.add(ctx, nil)
	systray.AddSeparator()
	t.on = t.addCheck(ctx, func() { t.do.Switch(!t.on.item.Checked()) })
	t.copyIt = t.add(ctx, func() { t.do.Copy(t.address) })
	t.upstreams = t.addMenu(ctx, func(name string) { t.do.Use(name) })
	t.presets = t.addMenu(ctx, func(name string) { t.do.Preset(name) })
	systray.AddSeparator()
	t.open = t.add(ctx, func() { t.do.Open() })
	t.quit = t.add(ctx, func() { t.do.Quit() })
	t.show(model.Start())
}

// show draws one view. What is as before is left alone, since each change goes
// over the bus to the panel.
func (t *Tray) show(v model.View) {
	headline := t.say(v.Headline)
	if state := string(v.State); state != t.icon {
		t.icon = state
		systray.SetIcon(assets.TrayIcon(state))
	}
	if tip := t.say(model.T("tray.tooltip", "State", headline)); tip != t.tooltip {
		t.tooltip = tip
		systray.SetTooltip(tip)
	}
	t.state.set(headline, true)
	t.state.enable(false)
	t.reason.set(t.say(v.Reason), !v.Reason.Empty())
	t.reason.enable(false)

	t.on.set(t.say(model.T("tray.on")), v.Connected)
	t.on.check(v.Serving)
	t.copyIt.set(t.say(model.T("tray.copy", "Address", v.Address)), v.Address != "")
	t.address = v.Address
	t.upstreams.set(t.say(model.T("tray.upstreams")), t.upstreamChoices(v))
	t.presets.set(t.say(model.T("tray.presets")), t.presetChoices(v))

	t.open.set(t.say(model.T("tray.open")), true)
	t.quit.set(t.say(t.quitText(v)), true)
}

// quitText says what goes on after the program has quit.
func (t *Tray) quitText(v model.View) model.Text {
	if v.Connected {
		return model.T("tray.quit_running")
	}
	return model.T("tray.quit")
}

// mostChoices is how many upstreams the menu lists; a taller menu would not fit
// on a small screen.
const mostChoices = 16

// upstreamChoices lists the upstreams with their state and latency.
func (t *Tray) upstreamChoices(v model.View) []choice {
	var list []choice
	for i, u := range v.Upstreams {
		if i == mostChoices {
			more := model.N("tray.more", int64(len(v.Upstreams)-i))
			return append(list, choice{label: t.say(more), fixed: true})
		}
		label := u.Name + "  ·  " + t.say(u.Health)
		if u.State == model.On && u.P50 != model.None {
			label += "  ·  " + u.P50
		}
		list = append(list, choice{name: u.Name, label: label, chosen: u.Preferred, fixed: !u.Configured})
	}
	return list
}

// presetChoices lists the presets of the pool.
func (t *Tray) presetChoices(v model.View) []choice {
	var list []choice
	for _, p := range v.Presets {
		list = append(list, choice{name: p.Name, label: t.say(p.Label), chosen: p.Chosen})
	}
	return list
}
