package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millpond/proxy/control"
)

// quit is the word for: end. An installer says it before it replaces the programs, and
// before it removes them.
const quit = "quit"

// quitTime bounds how long the window and the tray may take to end.
const quitTime = 15 * time.Second

// Quit ends the window and the tray of this user, and the daemon too when that is asked
// for, and returns when they are gone. The error is control.ErrNotRunning when there was
// no tray; the rest is done then, too.
func Quit(ctx context.Context, c Config, daemon bool) error {
	window := sendAway(ctx, c.windowSocket()) // before the tray, which would end it less gently
	if window != nil && !errors.Is(window, control.ErrNotRunning) {
		return fmt.Errorf("end the window: %w", window)
	}
	tray := sendAway(ctx, c.traySocket())
	if tray != nil && !errors.Is(tray, control.ErrNotRunning) {
		return fmt.Errorf("end the tray: %w", tray)
	}
	if daemon {
		ctx, cancel := context.WithTimeout(ctx, requestTime)
		defer cancel()
		if err := c.stopDaemon(ctx); err != nil {
			return err
		}
	}
	return tray
}

// sendAway ends the process that listens at path, and returns when it no longer does. It is told again until then: one
// that is just starting or ending may not hear it.
func sendAway(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, quitTime)
	defer cancel()
	for told := false; ; told = true {
		err := tell(ctx, path, quit)
		if told && errors.Is(err, control.ErrNotRunning) {
			return nil
		}
		if errors.Is(err, control.ErrNotRunning) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it was told to, and has not ended after %v", quitTime)
		case <-time.After(claimPause):
		}
	}
}
