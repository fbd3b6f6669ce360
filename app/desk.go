package app

import (
	"context"
	"slices"
	"sync"
	"time"

	"millpond/app/model"
	"millpond/proxy/control"
)

// deskPace is how often the desk looks again at what no one tells it: the service,
// the autostart entry, the agents' settings. It does so only for pages that show it.
const deskPace = 2 * time.Second

// A desk gathers what the window shows beside the daemon's status, and does what a
// person asks for on this machine. Use newDesk.
type desk struct {
	config  Config
	client  *control.Client
	public  *control.Client // as the link's
	changed func()          // something is new
	wake    chan struct{}   // look now
	wg      sync.WaitGroup  // what was asked for and is under way
	log     tail

	mu sync.Mutex
	// mu guards what follows. It is taken inside the link's, never outside it.
	facts  model.Desk
	page   model.Page // that is open
	daemon int        // the process that answers, by the newest view; 0 when none does
	asked  int        // the daemon when the service was asked last
}

// newDesk returns a desk that calls changed, from any goroutine, when something is
// new.
func newDesk(c Config, changed func()) *desk {
	d := &desk{config: c, client: control.Dial(c.Socket), public: c.dialPublic(), changed: changed, wake: make(chan struct{}, 1), page: c.Page}
	d.facts = model.Desk{Version: c.Version, Settings: c.Settings}
	d.facts.Preferences, _ = loadPreferences(c.preferencesPath()) // speech has told of an error
	d.log = tail{client: d.client, changed: changed, wake: make(chan struct{}, 1)}
	return d
}

// run gathers facts until ctx is done, and waits for what is under way then.
func (d *desk) run(ctx context.Context) {
	defer d.client.Close()
	if d.public != nil {
		defer d.public.Close()
	}
	defer d.wg.Wait()
	d.wg.Go(func() { d.log.run(ctx) })
	tick := time.NewTicker(deskPace)
	defer tick.Stop()
	for {
		d.look(ctx)
		for ready := false; !ready; {
			select {
			case <-ctx.Done():
				return
			case <-d.wake:
				ready = true
			case <-tick.C:
				ready = d.wanted()
			}
		}
	}
}

// wanted reports whether the desk must keep looking: for the open page, or since there is no
// daemon, which the service may start and what is offered depends on.
func (d *desk) wanted() bool {
	return d.unsure() || d.shows(model.PageGeneral, model.PageAgents, model.PageWelcome, model.PageVerdict, model.PagePool)
}

// shows reports whether one of the pages is open.
func (d *desk) shows(pages ...model.Page) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Contains(pages, d.page)
}

// unsure reports whether it may be otherwise by now with the service than it was.
func (d *desk) unsure() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.daemon == 0 || d.daemon != d.asked || !d.facts.Service.Asked
}

// open notes which page is open, so that its facts are gathered.
func (d *desk) open(page model.Page) {
	d.mu.Lock()
	d.page = page
	d.mu.Unlock()
	d.log.follow(page == model.PageLog)
	d.again()
}

// again makes the desk look now.
func (d *desk) again() {
	select {
	case d.wake <- struct{}{}:
	default: // it is about to
	}
}

// look gathers the facts.
func (d *desk) look(ctx context.Context) {
	if d.unsure() || !d.shows(model.PageVerdict, model.PagePool) {
		d.askService(ctx)
	}
	if d.shows(model.PageVerdict) {
		verdict := d.lookAtVerdict(ctx)
		d.change(func(f *model.Desk) { f.Verdict = verdict })
		return
	}
	if d.shows(model.PagePool) {
		advice := d.lookAtAdvice(ctx)
		d.change(func(f *model.Desk) { f.Advised = advice })
		return
	}
	atLogin, err := startsAtLogin()
	clients := d.config.clientFacts(d.address(ctx))
	if ctx.Err() != nil {
		return
	}
	d.change(func(f *model.Desk) {
		f.Clients = clients
		f.AtLogin, f.AtLoginBad = atLogin, ""
		if err != nil {
			f.AtLoginBad = err.Error()
		}
	})
}

// askService asks how it stands with the service, and shows that at once.
func (d *desk) askService(ctx context.Context) {
	d.mu.Lock()
	d.asked = d.daemon
	d.mu.Unlock()
	service := d.config.serviceFacts(ctx)
	if ctx.Err() != nil {
		return
	}
	d.change(func(f *model.Desk) {
		if !f.Setup.Busy() { // its end tells
			f.Service = service
		}
	})
}

// address returns where the proxy listens, or would by its default.
func (d *desk) address(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, deskPace)
	defer cancel()
	s, err := d.client.Status(ctx)
	if err != nil {
		s, err = askPublic(ctx, d.public, err)
	}
	if err == nil && s.Address != "" {
		return s.Address
	}
	return d.config.usualAddress()
}

// change changes the facts and tells that they are new.
func (d *desk) change(f func(*model.Desk)) {
	d.mu.Lock()
	f(&d.facts)
	d.mu.Unlock()
	d.changed()
}

// fill adds the facts to a view. Another daemon than before is a reason to look anew.
func (d *desk) fill(v model.View) model.View {
	d.mu.Lock()
	facts := d.facts
	other := v.PID != d.daemon
	d.daemon = v.PID
	d.mu.Unlock()
	if other {
		d.again()
	}
	facts.Log = d.log.view()
	return v.With(facts)
}
