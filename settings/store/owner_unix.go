//go:build !windows

package store

import (
	"os"
	"syscall"
)

// giveToOwner gives a new file to the owner of its folder when root writes it: by sudo, or for the
// system's service, which runs as a user of its own and could not read root's files.
func giveToOwner(f *os.File, dir string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
		return f.Chown(int(owner.Uid), int(owner.Gid))
	}
	return nil
}
