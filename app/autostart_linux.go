package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// startsAtLogin reports whether the tray starts at login: by the user's own entry, or
// by one that a package installed for all and that the user has not hidden.
func startsAtLogin() (bool, error) {
	text, err := readSmall(userAutostart())
	switch {
	case err == nil:
		return !isHidden(string(text)), nil
	case errors.Is(err, fs.ErrNotExist):
		return systemAutostart(), nil
	}
	return false, fmt.Errorf("read the autostart entry: %w", err)
}

// startAtLogin makes the tray start at login, or not. It is idempotent.
func startAtLogin(on bool) error {
	path := userAutostart()
	if on || systemAutostart() {
		return writeWhole(path, []byte(desktopEntry(trayProgram(), !on)), 0o644)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the autostart entry: %w", err)
	}
	return nil
}

// isHidden reports whether an entry says that it counts as not there.
func isHidden(entry string) bool {
	for line := range strings.Lines(entry) {
		key, value, _ := strings.Cut(line, "=")
		if strings.TrimSpace(key) == "Hidden" && strings.TrimSpace(value) == "true" {
			return true
		}
	}
	return false
}

// userAutostart is where the user's own entry is.
func userAutostart() string {
	dir := os.Getenv("XDG_CONFIG_HOME")
	if !filepath.IsAbs(dir) {
		dir = filepath.Join(os.Getenv("HOME"), ".config")
	}
	return filepath.Join(dir, "autostart", autostartEntry)
}

// systemAutostart reports whether a package has installed an entry for all users.
func systemAutostart() bool {
	dirs := os.Getenv("XDG_CONFIG_DIRS")
	if dirs == "" {
		dirs = "/etc/xdg"
	}
	for _, dir := range filepath.SplitList(dirs) {
		if _, err := os.Stat(filepath.Join(dir, "autostart", autostartEntry)); err == nil {
			return true
		}
	}
	return false
}
