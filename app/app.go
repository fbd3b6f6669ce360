// Package app is the desktop application: it watches the daemon, keeps trying
// when there is none, and carries what a person asks for to it. The tray and
// the window are two processes; each runs one function of this package, RunTray
// or RunWindow.
//
// It draws nothing itself and links no Fyne, so that the tray, which stays all
// day, can be a program without it: 11 MB resident instead of 26. The window ends
// when it is closed and gives its memory back.
package app

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"millpond/app/model"
	"millpond/proxy/control"
)

// ID is what desktops know the application by. FyneApp.toml says it to the packages, whose tests compare.
const ID = "dev.millpond.app"

// Config is what the application needs from its surroundings. All fields are
// required unless they say otherwise.
type Config struct {
	Socket string // the daemon's control socket
	Public string // where the machine's daemon tells every user how it is; "" asks nobody
	Log    *slog.Logger

	Settings string // the settings file; the application's own preferences are beside it
	State    string // our folder for what is not settings
	Version  string // of the application

	// NewWindow makes the window. Nil means that this program has none: then the
	// program WindowProgram beside it shows it.
	NewWindow func(Opening) Window

	// Page is what the window shows first. The zero value leaves what it shows.
	Page model.Page
	// Background is a start at login, which shows no window by itself. The zero
	// value is a start by a person.
	Background bool
	// NoTray makes the window say that the desktop has no tray. Optional.
	NoTray bool
}

// WindowProgram is the name of the program that shows the window where the tray
// is a program of its own. It lies in the same folder.
const WindowProgram = "millpond-window"

// An Opening is what a window is made with. Copy of Do is the window's own.
type Opening struct {
	Say    func(model.Text) string // words a text
	Do     model.Actions
	Notice model.Text // to be put away by a person; may be empty
	Page   model.Page // to show first; may be ""
	Theme  string     // of model.Themes
}

// A Window is what RunWindow shows views in.
type Window interface {
	// Run shows the window until a person closes it or ctx is done. It calls
	// opened when views can be drawn, on a goroutine that it does not need.
	Run(ctx context.Context, opened func())
	// Show draws a view soon. It may be called on any goroutine, before Run too: on
	// that of Run it is drawn at once then.
	Show(model.View)
	// Adopt words all texts anew with say and takes an appearance of model.Themes.
	// It may be called on any goroutine.
	Adopt(say func(model.Text) string, theme string)
	// Raise brings the window to the front with a page, or as it is, and reports
	// whether it did; it does not when the window is just closing.
	Raise(context.Context, model.Page) bool
}

// preferencesPath is the file of the application's own preferences.
func (c Config) preferencesPath() string {
	return filepath.Join(filepath.Dir(c.Settings), PreferencesName)
}

// traySocket is where the resident tray listens for a second start.
func (c Config) traySocket() string { return control.Sibling(c.Socket, "tray") }

// windowSocket is where the window listens for who wants it in front.
func (c Config) windowSocket() string { return control.Sibling(c.Socket, "window") }

// openWindow brings up the window: that which is open, or a new process, whose
// end it waits for. It shows the page c.Page.
func (c Config) openWindow(ctx context.Context) {
	if tell(ctx, c.windowSocket(), showPage(c.Page)) == nil {
		return
	}
	if err := c.windowCommand(ctx).Run(); err != nil && ctx.Err() == nil {
		c.Log.Error("the window ended", "err", err)
	}
}

// windowPatience is how long a window that was told to end may take.
const windowPatience = 3 * time.Second

// windowCommand starts the window as a process that ends with ctx.
func (c Config) windowCommand(ctx context.Context) *exec.Cmd {
	var args []string
	if c.NoTray {
		args = append(args, "--no-tray")
	}
	if c.Page != "" {
		args = append(args, "--page", string(c.Page))
	}
	args = append(args, "window")
	window := exec.CommandContext(ctx, c.windowProgram(), args...)
	window.Stderr = os.Stderr
	window.Cancel = func() error { return window.Process.Signal(os.Interrupt) }
	window.WaitDelay = windowPatience
	return window
}

// windowProgram is this program, or the one beside it when this one has no
// window.
func (c Config) windowProgram() string {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	if c.NewWindow != nil {
		return self
	}
	name := WindowProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	return filepath.Join(filepath.Dir(self), name)
}
