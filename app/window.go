package app

import (
	"context"
	"fmt"
	"sync"
	"time"

	"millpond/app/model"
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
	say, err := Speak("")
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
	daemon := newLink(c.Socket, windowPace, func(v model.View) { window.Show(v) })
	window = c.NewWindow(say, model.Actions{
		Switch: func(on bool) { daemon.turn(ctx, on) },
		Save:   func(e model.Edit) { daemon.save(ctx, e) },
	}, c.notice(), c.Page)
	window.Run(ctx, func() {
		wg.Go(func() { daemon.run(ctx) })
		wg.Go(func() {
			first.serve(ctx, func(word string) bool { return window.Raise(ctx, pageOf(word)) })
		})
	})
}

// notice returns what the window says about the desktop, if anything.
func (c Config) notice() model.Text {
	if c.NoTray {
		return model.T("reason.no_tray")
	}
	return model.Text{}
}
