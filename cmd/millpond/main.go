// Command millpond is the desktop application: an icon in the tray that stays,
// and a window that is a process of its own while it is open. The proxy itself
// is the other program, millpondd.
//
// It is built twice from this folder. With the tag lean it is the tray alone:
// no cgo on Linux and Windows, no graphics library, 11 MB resident instead of
// 26. Without the tag it has the window too; installed beside the lean one as
// millpond-window, it is what that one opens. It also works alone.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"millpond/app"
	"millpond/app/model"
	"millpond/installer/service"
	"millpond/proxy/control"
	"millpond/settings/store"
)

// version is set when the program is linked.
var version = "devel"

// exitNotRunning is the exit code of quit where no tray runs; millpondd has the same one.
const exitNotRunning = 3

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "millpond:", err)
		if errors.Is(err, control.ErrNotRunning) {
			os.Exit(exitNotRunning)
		}
		os.Exit(1)
	}
}

// run shows the tray or, asked for by its name, the window.
func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("millpond [window|quit|version]", flag.ContinueOnError)
	background := flags.Bool("background", false, "show no window at the start, as at login")
	noTray := flags.Bool("no-tray", false, "say in the window that the desktop has no tray")
	daemon := flags.Bool("daemon", false, "with quit: stop the proxy as well")
	page := flags.String("page", "", "open the window at this page: "+fmt.Sprint(model.Pages()))
	name, err := parse(flags, args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	case *page != "" && !slices.Contains(model.Pages(), model.Page(*page)):
		return fmt.Errorf("unknown page %q; there are %v", *page, model.Pages())
	}
	settings, err := store.DefaultPath(os.Getenv)
	if err != nil {
		return err
	}
	state, err := store.StateDir(os.Getenv)
	if err != nil {
		return err
	}
	c := app.Config{
		Socket:    control.DefaultSocket(os.Getenv),
		Public:    service.PublicSocket(os.Getenv),
		Log:       slog.New(slog.NewTextHandler(os.Stderr, nil)),
		NewWindow: newWindow,

		Page:       model.Page(*page),
		Settings:   settings,
		State:      state,
		Version:    version,
		Background: *background,
		NoTray:     *noTray,
	}
	switch name {
	case "":
		return app.RunTray(ctx, c)
	case "window":
		return app.RunWindow(ctx, c)
	case "quit":
		return app.Quit(ctx, c, *daemon)
	case "version":
		fmt.Println("millpond", version)
		return nil
	default:
		return fmt.Errorf("unknown command %q; there are window, quit and version", name)
	}
}

// parse reads the flags on both sides of the command's name, which it returns.
func parse(flags *flag.FlagSet, args []string) (name string, err error) {
	if err := flags.Parse(args); err != nil || flags.NArg() == 0 {
		return "", err
	}
	name = flags.Arg(0)
	if err := flags.Parse(flags.Args()[1:]); err != nil {
		return "", err
	}
	if flags.NArg() > 0 {
		return "", fmt.Errorf("%q is too much after %q", flags.Arg(0), name)
	}
	return name, nil
}
