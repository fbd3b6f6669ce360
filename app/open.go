package app

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// openFolder shows a folder in the system's file manager; of a file, the folder that
// it is in.
func openFolder(ctx context.Context, path string) error {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		path = filepath.Dir(path)
	}
	if _, err := os.Stat(path); err != nil {
		return err
	}
	opener := exec.CommandContext(ctx, folderOpener, path)
	if out, err := opener.CombinedOutput(); err != nil && !openerLies {
		return fmt.Errorf("%s %s: %w %s", folderOpener, path, err, out)
	}
	return nil
}
