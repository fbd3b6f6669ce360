//go:build !windows

package store

import "os"

// syncFolder forces the names in a folder to disk, so that a renamed file survives a power failure.
func syncFolder(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
