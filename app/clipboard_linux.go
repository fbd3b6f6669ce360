package app

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"

	"github.com/godbus/dbus/v5"
)

// A clipboard takes text in a process without a window. The zero value is ready;
// close gives back what it holds.
type clipboard struct {
	mu sync.Mutex
	// mu guards what follows.
	held *selection // on X11, the owner answers for its text as long as it lives
}

// set puts text on the clipboard by the first way that this desktop has: KDE's
// clipboard manager, the tool for Wayland, or X11, which XWayland passes on.
//
// KWin and wlroots take a text from an X11 program only while one of its windows
// has the focus, and a tray has none: hence the first two.
func (c *clipboard) set(ctx context.Context, text string) error {
	if hasBus() && setKlipper(ctx, text) == nil {
		return nil
	}
	if os.Getenv("WAYLAND_DISPLAY") != "" && setWayland(ctx, text) == nil {
		return nil
	}
	held, err := ownSelection(text)
	if err != nil {
		return fmt.Errorf("own the clipboard: %w", err)
	}
	c.mu.Lock()
	before := c.held
	c.held = held
	c.mu.Unlock()
	before.close()
	return nil
}

// close gives the clipboard up.
func (c *clipboard) close() {
	c.mu.Lock()
	held := c.held
	c.held = nil
	c.mu.Unlock()
	held.close()
}

// setKlipper asks KDE's clipboard manager to take text.
func setKlipper(ctx context.Context, text string) error {
	bus, err := dbus.ConnectSessionBus(dbus.WithContext(ctx))
	if err != nil {
		return err
	}
	defer bus.Close()
	klipper := bus.Object("org.kde.klipper", "/klipper")
	const noStart = dbus.FlagNoAutoStart
	return klipper.CallWithContext(ctx, "org.kde.klipper.klipper.setClipboardContents", noStart, text).Err
}

// setWayland hands text to wl-copy, which stays in the background to answer.
func setWayland(ctx context.Context, text string) error {
	copier := exec.CommandContext(ctx, "wl-copy")
	copier.Stdin = strings.NewReader(text)
	return copier.Run()
}
