package service

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// newManager returns launchd.
func newManager(c Config) (manager, error) {
	folder := "/Library/LaunchDaemons"
	if c.Kind == User {
		home, err := os.UserHomeDir()
		if err != nil {
			return nil, fmt.Errorf("find the folder for agents: %w", err)
		}
		folder = filepath.Join(home, "Library/LaunchAgents")
	}
	r, err := newRegistered(c, launchdLabel, "LaunchdConfig", filepath.Join(folder, launchdLabel+".plist"), launchdPlist(c))
	if err != nil {
		return nil, err
	}
	r.manager = "launchd"
	r.prepare = func(ctx context.Context) error { return makeFolders(ctx, c) }
	return r, nil
}

// makeFolders makes the state folder, where launchd writes before the daemon does, and gives the
// system's to its account.
func makeFolders(ctx context.Context, c Config) error {
	if err := os.MkdirAll(c.Paths.State, 0o700); err != nil || c.Kind == User {
		return err
	}
	if err := openToAll(c.Program); err != nil {
		return err
	}
	public := filepath.Dir(publicSocket)
	if err := os.MkdirAll(public, 0o711); err != nil {
		return err
	}
	root := filepath.Dir(c.Paths.Settings)
	if out, err := exec.CommandContext(ctx, "/usr/sbin/chown", "-R", launchdAccount+":"+launchdAccount, root, public).CombinedOutput(); err != nil {
		return fmt.Errorf("give %s and %s to the service's account: %s (%w)", root, public, strings.TrimSpace(string(out)), err)
	}
	return nil
}
