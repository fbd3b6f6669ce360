package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"millpond/app/model"
)

// diagnose saves the daemon's bundle of diagnostics where a person finds it: in the
// folder for downloads, or else at home. It holds no secret.
func (d *desk) diagnose(ctx context.Context) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return err
	}
	dir := filepath.Join(home, "Downloads")
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		dir = home
	}
	path := filepath.Join(dir, "millpond-diagnostics-"+time.Now().Format("20060102-150405")+".zip")
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("save the diagnostics: %w", err)
	}
	if err := errors.Join(d.client.Diagnostics(ctx, file), file.Close()); err != nil {
		_ = os.Remove(path) // a part of it would mislead
		return err
	}
	d.change(func(f *model.Desk) { f.Bundle = path })
	return nil
}
