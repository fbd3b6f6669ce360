// Command millpond is the desktop application: an icon in the tray that stays,
// and a window that is a process of its own while it is open. The proxy itself
// is the other program, millpondd.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"fyne.io/fyne/v2"
	fyneapp "fyne.io/fyne/v2/app"

	"millpond/app"
	"millpond/proxy/control"
)

// version is set when the program is linked.
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "millpond:", err)
		os.Exit(1)
	}
}

// run shows the tray or, asked for by its name, the window.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("millpond [window|version]", flag.ContinueOnError)
	background := flags.Bool("background", false, "show no window at the start, as at login")
	if err := flags.Parse(args); err != nil {
		return nil // flags has told what is wrong
	}
	c := app.Config{
		Socket:     control.DefaultSocket(os.Getenv),
		NewFyne:    newFyne,
		Log:        slog.New(slog.NewTextHandler(os.Stderr, nil)),
		Background: *background,
	}
	switch name := flags.Arg(0); name {
	case "":
		return app.RunTray(ctx, c)
	case "window":
		return app.RunWindow(ctx, c)
	case "version":
		fmt.Println("millpond", version)
		return nil
	default:
		return fmt.Errorf("unknown command %q; there are window and version", name)
	}
}

// newFyne makes the Fyne application, whose identity names its settings folder.
func newFyne() fyne.App {
	fyneapp.SetMetadata(fyne.AppMetadata{
		ID: "dev.millpond.app", Name: "Millpond", Version: version,
		Migrations: map[string]bool{"fyneDo": true},
	})
	return fyneapp.New()
}
