package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"millpond/app/model"
	"millpond/settings"
)

// windowPace is how often the window's figures may change.
const windowPace = 500 * time.Millisecond

// RunWindow shows the window until a person closes it or ctx is done. It must
// be called on the main goroutine. Where the window is open already, that one
// comes to the front.
func RunWindow(ctx context.Context, c Config) error {
	if err := findScreen(); err != nil {
		return fmt.Errorf("open the window: %w", err)
	}
	if c.NewWindow == nil {
		if err := c.windowCommand(ctx).Run(); err != nil && ctx.Err() == nil {
			return fmt.Errorf("open the window: %w", err)
		}
		return nil
	}
	first, err := claimOr(ctx, c.windowSocket(), showPage(c.Page))
	if err != nil || first == nil {
		return err
	}
	defer first.release()
	say, err := c.speech()
	if err != nil {
		return err
	}
	c.attend(ctx, first, say)
	return nil
}

// attend shows the window and keeps it up to date until it is closed.
func (c Config) attend(ctx context.Context, first *instance, say func(model.Text) string) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	var window Window
	curtain := newCurtain()
	daemon := newLink(c, windowPace, curtain.show)
	desk := newDesk(c, daemon.again)
	daemon.fill, daemon.stop = desk.fill, c.stopDaemon
	theme := desk.facts.Preferences.Theme
	wg.Go(func() { daemon.run(ctx) })
	wg.Go(func() { desk.run(ctx) })
	window = c.NewWindow(Opening{
		Say: say, Notice: c.notice(), Page: c.Page, Theme: theme,
		Do: c.actions(ctx, daemon, desk, func(p model.Preferences) { c.adopt(window, p) }),
	})
	curtain.rise(ctx, window)
	window.Run(ctx, func() {
		wg.Go(func() {
			first.serve(ctx, func(word string) bool {
				if word == quit {
					cancel()
					return true
				}
				return window.Raise(ctx, pageOf(word))
			})
		})
	})
}

// curtainTime is how long a window that is made may wait for what it shows first, so that
// nobody sees one page in passing and then another.
const curtainTime = 300 * time.Millisecond

// A curtain keeps views from a window until it is about to be shown. Use newCurtain.
type curtain struct {
	known chan struct{} // closed when it is known what to show first
	once  sync.Once     // closes it

	mu sync.Mutex
	// mu guards what follows.
	window Window // nil while the curtain is down
	newest model.View
}

// newCurtain returns a curtain that is down.
func newCurtain() *curtain {
	return &curtain{known: make(chan struct{}), newest: model.Start()}
}

// show has a view shown. It may be called on any goroutine.
func (c *curtain) show(v model.View) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v.State != model.Loading {
		c.once.Do(func() { close(c.known) })
	}
	if c.newest = v; c.window != nil {
		c.window.Show(v) // queues it
	}
}

// rise gives a window what is known, for which it waits a little, and all that comes then.
func (c *curtain) rise(ctx context.Context, w Window) {
	select {
	case <-c.known:
	case <-time.After(curtainTime):
	case <-ctx.Done():
	}
	c.mu.Lock()
	c.window = w
	first := c.newest
	c.mu.Unlock()
	w.Show(first) // drawn at once; what comes meanwhile is queued behind it
}

// actions are what a person can ask for in the window.
func (c Config) actions(ctx context.Context, daemon *link, desk *desk, adopt func(model.Preferences)) model.Actions {
	return model.Actions{
		Switch: func(on bool) { daemon.turn(ctx, on) },
		Save:   func(e model.Edit) { daemon.save(ctx, e) },
		Probe:  func(u settings.Upstream) { daemon.test(ctx, u) },
		Open:   desk.open,

		StopProbe: daemon.stopTest,
		Advice: func(id string, revision uint64, on bool) {
			daemon.ask(ctx, "error.advice", func(ctx context.Context) error { return desk.takeAdvice(ctx, id, revision, on) })
		},

		Service: func(a model.ServiceAction) { desk.service(ctx, a) },
		RunOnce: func() { desk.runForLogin(ctx) },
		Demo:    func() { desk.demo(ctx) },
		Add: func(u settings.Upstream) {
			daemon.edit(ctx, func(s *settings.Settings) *settings.Settings { return model.WithUpstream(s, u) })
		},
		AtLogin: func(on bool) {
			daemon.ask(ctx, "error.at_login", func(context.Context) error { defer desk.again(); return startAtLogin(on) })
		},
		Prefer: func(p model.Preferences) {
			daemon.ask(ctx, "error.preferences", func(ctx context.Context) error { return desk.prefer(ctx, p, adopt) })
		},
		Connect: func(client string, on bool) {
			daemon.ask(ctx, "error.connect", func(ctx context.Context) error {
				defer desk.again()
				return c.connect(client, desk.address(ctx), on)
			})
		},
		Try: func(r model.VerdictRow, share string) {
			daemon.ask(ctx, "error.trial", func(ctx context.Context) error { return desk.try(ctx, r, share) })
		},
		Trial: func(id string, a model.TrialAction) {
			daemon.ask(ctx, "error.trial", func(ctx context.Context) error { return desk.trial(ctx, id, a) })
		},
		Diagnose: func() { daemon.ask(ctx, "error.diagnose", desk.diagnose) },
		OpenFolder: func(path string) {
			daemon.ask(ctx, "error.folder", func(ctx context.Context) error { return openFolder(ctx, path) })
		},
	}
}

// adopt gives the window a language and an appearance.
func (c Config) adopt(window Window, p model.Preferences) {
	if say, err := Speak(p.Language); err == nil { // else it is none of the choices
		window.Adopt(say, p.Theme)
	}
}

// prefer keeps the preferences and has them shown, here and in the tray.
func (d *desk) prefer(ctx context.Context, p model.Preferences, adopt func(model.Preferences)) error {
	if err := savePreferences(d.config.preferencesPath(), p); err != nil {
		return err
	}
	d.change(func(f *model.Desk) { f.Preferences = p })
	adopt(p)
	_ = tell(ctx, d.config.traySocket(), speak) // where there is no tray there is nobody to tell
	return nil
}

// notice returns what the window says about the desktop, if anything.
func (c Config) notice() model.Text {
	if c.NoTray {
		return model.T("reason.no_tray")
	}
	return model.Text{}
}
