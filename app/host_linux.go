package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/godbus/dbus/v5"
)

// host says whether the desktop shows tray icons.
type host int

const (
	trayNever host = iota // there is no session bus, so there cannot be one
	trayLater             // not yet: at login the panel may come after us
	trayThere
)

// watcher is the name on the session bus of who shows tray icons. KDE, Xfce and
// others have one; GNOME has one with the AppIndicator extension.
const watcher = "org.kde.StatusNotifierWatcher"

// findTray looks for a tray. The error says why there can be none.
func findTray(ctx context.Context) (host, error) {
	if !hasBus() {
		return trayNever, errors.New("there is no session bus (DBUS_SESSION_BUS_ADDRESS)")
	}
	bus, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return trayNever, fmt.Errorf("connect to the session bus: %w", err)
	}
	defer bus.Close()
	var owned bool
	call := bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, watcher)
	if err := call.Store(&owned); err != nil {
		return trayNever, fmt.Errorf("ask the session bus for a tray: %w", err)
	}
	if owned {
		return trayThere, nil
	}
	return trayLater, nil
}

// hasBus reports whether there is a session bus. Asking the D-Bus package would
// start one that no panel listens to.
func hasBus() bool {
	if os.Getenv("DBUS_SESSION_BUS_ADDRESS") != "" {
		return true
	}
	_, err := os.Stat(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "bus"))
	return err == nil && os.Getenv("XDG_RUNTIME_DIR") != ""
}

// findScreen returns an error where there is no screen to open a window on.
func findScreen() error {
	if os.Getenv("DISPLAY") == "" && os.Getenv("WAYLAND_DISPLAY") == "" {
		return errors.New("there is no screen (neither DISPLAY nor WAYLAND_DISPLAY is set); millpondd works without one")
	}
	return nil
}
