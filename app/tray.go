package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"millpond/app/model"
	"millpond/app/tray"
	"millpond/proxy/control"
)

// trayPace is how often the tray's view may change by the counts alone.
const trayPace = 2 * time.Second

// RunTray shows the icon until ctx is done or a person quits. It must be called
// on the main goroutine. A second start brings up the window of the first one
// and returns. Where the desktop has no tray, a start by a person becomes the
// window, which says why; a start at login waits for a tray instead.
func RunTray(ctx context.Context, c Config) error {
	host, err := findTray(ctx)
	switch {
	case host != trayThere && !c.Background:
		c.NoTray = true
		return RunWindow(ctx, c)
	case host == trayNever:
		return fmt.Errorf("start the tray: %w", err)
	}
	first, err := claim(c.traySocket())
	if errors.Is(err, control.ErrInUse) {
		return c.again(ctx)
	}
	if err != nil {
		return fmt.Errorf("start the tray: %w", err)
	}
	defer first.release()
	say, err := c.speech()
	if err != nil {
		return err
	}
	if c.stay(ctx, first, say) {
		first.release()
		return renew()
	}
	return nil
}

// again is what a second start does.
func (c Config) again(ctx context.Context) error {
	if c.Background {
		return nil
	}
	if err := tell(ctx, c.traySocket(), show); err != nil {
		return fmt.Errorf("bring up the window: %w", err)
	}
	return nil
}

// speak is what the window tells the tray when a person has chosen a language.
const speak = "speak"

// speech returns what words a text in the language that a person has chosen.
func (c Config) speech() (func(model.Text) string, error) {
	p, err := loadPreferences(c.preferencesPath())
	if err != nil {
		c.Log.Error("the preferences are left aside", "err", err)
	}
	return Speak(p.Language)
}

// speakAnew gives the tray the language that a person has just chosen.
func (c Config) speakAnew(ctx context.Context, icon *tray.Tray) {
	if say, err := c.speech(); err == nil {
		icon.Speak(ctx, say)
	}
}

// stay shows the icon until ctx is done, a person quits, or an upgrade has put another
// program in the place of this one; then it returns true, unless the window is open.
func (c Config) stay(ctx context.Context, first *instance, say func(model.Text) string) (outdated bool) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()

	var board clipboard
	defer board.close()
	var icon *tray.Tray
	var windows atomic.Int32 // that are open
	var old atomic.Bool
	daemon := newLink(c, trayPace, func(v model.View) {
		icon.Show(v)
		// The daemon that comes back after an upgrade is what makes us look.
		if windows.Load() == 0 && replaced() {
			old.Store(true)
			cancel()
		}
	})
	daemon.stop = c.stopDaemon
	openAt := func(page model.Page) {
		at := c
		at.Page = page
		windows.Add(1)
		wg.Go(func() {
			defer windows.Add(-1)
			at.openWindow(ctx)
		})
	}
	open := func() { openAt(c.Page) }
	icon = tray.New(say, tray.Actions{
		Switch: func(on bool) { daemon.turn(ctx, on) },
		Use:    func(name string) { daemon.prefer(ctx, name) },
		Preset: func(name string) { daemon.preset(ctx, name) },
		Copy: func(text string) {
			daemon.ask(ctx, "error.copy", func(ctx context.Context) error { return board.set(ctx, text) })
		},
		Start: func() {
			daemon.ask(ctx, "error.start", func(ctx context.Context) error {
				return c.startDaemon(ctx, func() { openAt(model.PageWelcome) })
			})
		},
		Open: open,
		Quit: cancel,
	})
	wg.Go(func() { daemon.run(ctx) })
	wg.Go(func() {
		first.serve(ctx, func(word string) bool {
			switch word {
			case show:
				open()
			case speak:
				c.speakAnew(ctx, icon)
			case quit:
				cancel()
			default:
				return false
			}
			return true
		})
	})
	if !c.Background {
		open()
	}
	icon.Run(ctx)
	return old.Load()
}
