package doctor

import (
	"context"
	"os"
	"path/filepath"

	"github.com/godbus/dbus/v5"
)

// trayWatcher is the name on the session bus of who shows tray icons.
const trayWatcher = "org.kde.StatusNotifierWatcher"

// checkTray looks whether the desktop shows tray icons.
func checkTray(ctx context.Context, v *visit) []Finding {
	address := v.getenv("DBUS_SESSION_BUS_ADDRESS")
	if dir := v.getenv("XDG_RUNTIME_DIR"); address == "" && dir != "" {
		if _, err := os.Stat(filepath.Join(dir, "bus")); err == nil {
			address = "unix:path=" + filepath.Join(dir, "bus")
		}
	}
	if address == "" {
		return ok("there is no desktop session here, so there is no tray to look for")
	}
	ctx, cancel := context.WithTimeout(ctx, reachWait)
	defer cancel()
	bus, err := dbus.Connect(address, dbus.WithContext(ctx))
	if err != nil {
		return warn("Start the desktop session anew if tray icons are missing.", "the session bus cannot be asked: %v", err)
	}
	defer bus.Close()
	var owned bool
	if err := bus.BusObject().CallWithContext(ctx, "org.freedesktop.DBus.NameHasOwner", 0, trayWatcher).Store(&owned); err != nil {
		return warn("Start the desktop session anew if tray icons are missing.", "the session bus cannot be asked: %v", err)
	}
	if !owned {
		return warn("On GNOME, install the AppIndicator extension; elsewhere, add a system tray to the panel. Without, the window opens instead.",
			"the desktop shows no tray icons: nobody has the name %s", trayWatcher)
	}
	return ok("the desktop shows tray icons")
}
