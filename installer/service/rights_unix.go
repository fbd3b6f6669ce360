//go:build !windows

package service

import (
	"fmt"
	"os"
	"path/filepath"
)

const howToBecomeAdministrator = "use sudo"

// isAdministrator reports whether this process may install for the whole system.
func isAdministrator() bool { return os.Geteuid() == 0 }

// openToAll returns an error unless every user can execute the program: the system's service runs as
// a user of its own.
func openToAll(program string) error {
	for path := program; ; path = filepath.Dir(path) {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("%s is closed to other users (mode %04o), and the system's service runs as a user of its own; "+
				"copy millpondd to /usr/local/bin and install the service from there", path, info.Mode().Perm())
		}
		if path == filepath.Dir(path) {
			return nil
		}
	}
}
