package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// startsAtLogin reports whether the tray starts at login.
func startsAtLogin() (bool, error) {
	_, err := os.Stat(agentPath())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, fmt.Errorf("look for the LaunchAgent: %w", err)
	}
	return err == nil, nil
}

// startAtLogin makes the tray start at login, or not. It is idempotent. launchd looks
// at the folder when the user logs in, so nothing is loaded here.
func startAtLogin(on bool) error {
	if on {
		return writeWhole(agentPath(), []byte(launchAgent(trayProgram())), 0o644)
	}
	if err := os.Remove(agentPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove the LaunchAgent: %w", err)
	}
	return nil
}

// agentPath is where the LaunchAgent is.
func agentPath() string {
	return filepath.Join(os.Getenv("HOME"), "Library", "LaunchAgents", autostartLabel+".plist")
}
