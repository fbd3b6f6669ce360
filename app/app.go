// Package app is the desktop application: it watches the daemon, keeps trying
// when there is none, and carries what a person asks for to it. The tray and
// the window are two processes of the same program; each runs one function of
// this package, RunTray or RunWindow.
//
// The tray is resident and starts no Fyne application. The window is a process
// of its own that ends when it is closed and gives its memory back.
package app

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"time"

	"fyne.io/fyne/v2"

	"millpond/proxy/control"
)

// Config is what the application needs from its surroundings. All fields are
// required unless they say otherwise.
type Config struct {
	Socket  string          // the daemon's control socket
	NewFyne func() fyne.App // makes the Fyne application; RunWindow alone calls it
	Log     *slog.Logger

	// Background is a start at login, which shows no window by itself. The zero
	// value is a start by a person.
	Background bool
	// NoTray makes the window say that the desktop has no tray. Optional.
	NoTray bool
}

// traySocket is where the resident tray listens for a second start.
func (c Config) traySocket() string { return control.Sibling(c.Socket, "tray") }

// windowSocket is where the window listens for who wants it in front.
func (c Config) windowSocket() string { return control.Sibling(c.Socket, "window") }

// openWindow brings up the window: that which is open, or a new process, whose
// end it waits for.
func (c Config) openWindow(ctx context.Context) {
	if tell(ctx, c.windowSocket(), show) == nil {
		return
	}
	if err := windowCommand(ctx).Run(); err != nil && ctx.Err() == nil {
		c.Log.Error("the window ended", "err", err)
	}
}

// windowCommand starts this program again as the window, which ends with ctx.
func windowCommand(ctx context.Context) *exec.Cmd {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	window := exec.CommandContext(ctx, self, "window")
	window.Stderr = os.Stderr
	window.Cancel = func() error { return window.Process.Signal(os.Interrupt) }
	window.WaitDelay = windowPatience
	return window
}

// windowPatience is how long a window that was told to end may take.
const windowPatience = 3 * time.Second
