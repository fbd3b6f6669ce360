package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// stateFiles are the names of what the daemon writes into its state folder.
var stateFiles = []string{"millpond*.log*", "history.db*", "learned*", "launchd.log"}

// Leavings returns what an uninstalled service leaves on the disk: settings and state, as far as they
// are there. A folder of ours is named whole; in one that a person chose for more than us, our files.
func (s *Service) Leavings() []string {
	var found []string
	p := s.config.Paths
	if dir := filepath.Dir(p.Settings); isOurs(dir) {
		found = append(found, existing(dir)...)
	} else {
		hidden := filepath.Join(dir, "."+filepath.Base(p.Settings)+".lock")
		found = append(found, existing(p.Settings, p.Settings+".bak", p.Settings+".broken*", hidden)...)
	}
	switch {
	case isBelow(p.State, found):
	case isOurs(p.State):
		found = append(found, existing(p.State)...)
	default:
		for _, name := range stateFiles {
			found = append(found, existing(filepath.Join(p.State, name))...)
		}
	}
	return found
}

// Purge removes what Leavings returns, and the account that Install made. The service must be
// uninstalled.
func (s *Service) Purge(ctx context.Context) error {
	if err := s.permitted("purge"); err != nil {
		return err
	}
	st, err := s.manager.status(ctx)
	if err != nil {
		return err
	}
	if st.Installed {
		return errors.New("remove the settings: the service is still installed; uninstall it first")
	}
	for _, path := range s.Leavings() {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if owner, ok := s.manager.(interface{ purge(context.Context) error }); ok {
		err = errors.Join(err, owner.purge(ctx))
	}
	if err != nil {
		return fmt.Errorf("remove settings and state: %w", err)
	}
	return nil
}

// removeSocket removes the folders of the sockets, which a daemon that has ended leaves with its
// locks in them. One that answers for another daemon stays.
func (s *Service) removeSocket() error {
	sockets := []string{s.config.Paths.Control}
	if _, err := os.Lstat(sockets[0]); err == nil || !isOurs(filepath.Dir(sockets[0])) {
		return nil
	}
	if s.config.Kind == System {
		sockets = append(sockets, publicSocket)
	}
	for _, socket := range sockets {
		if err := os.Remove(socket + ".lock"); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, socket := range sockets {
		_ = os.Remove(filepath.Dir(socket)) // the tray's socket may be in it, or both be in one
	}
	return nil
}

// isOurs reports whether a folder is for us alone, by its name.
func isOurs(dir string) bool { return strings.EqualFold(filepath.Base(dir), Name) }

// isBelow reports whether path is one of the folders or in one.
func isBelow(path string, folders []string) bool {
	return slices.ContainsFunc(folders, func(f string) bool {
		return path == f || strings.HasPrefix(path, f+string(filepath.Separator))
	})
}

// existing returns the paths, which may be patterns, that are there; of a link also what it leads to,
// since systemd keeps the folder of a service with a user of its own behind one.
func existing(patterns ...string) []string {
	var found []string
	for _, pattern := range patterns {
		paths, err := filepath.Glob(pattern)
		if err != nil || len(paths) == 0 { // a name with a bracket is no pattern
			paths = []string{pattern}
		}
		for _, path := range paths {
			if _, err := os.Lstat(path); err != nil {
				continue
			}
			if real, err := filepath.EvalSymlinks(path); err == nil && real != path && isOurs(real) {
				found = append(found, real)
			}
			found = append(found, path)
		}
	}
	return found
}
