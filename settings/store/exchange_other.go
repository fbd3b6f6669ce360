//go:build !linux && !darwin

package store

import (
	"errors"
	"os"
)

// exchange is not there on this system.
func exchange(_, _ string) error { return errors.ErrUnsupported }

// renameNew renames a file.
func renameNew(from, to string) error { return os.Rename(from, to) }
