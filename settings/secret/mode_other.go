//go:build !windows

package secret

import (
	"fmt"
	"os"
)

// checkMode refuses a file that others may read or change.
func checkMode(info os.FileInfo) error {
	const others = 0o077
	if mode := info.Mode().Perm(); mode&others != 0 {
		return fmt.Errorf("others may read it (mode %04o); run: chmod 600 %s", mode, info.Name())
	}
	return nil
}
