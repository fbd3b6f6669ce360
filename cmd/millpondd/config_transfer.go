package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"millpond/settings"
	"millpond/settings/store"
)

// largestImport bounds what is read as settings.
const largestImport = 4 << 20 // bytes

// backupSuffix names the settings as they were before the last import. The store's own backup is of
// the last edit, whatever that was.
const backupSuffix = ".before-import"

func (a *app) configExportCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Write the settings in force to a file, or print them",
		Long: `Write the settings in force to a file, or print them without one.

Secrets are in the settings by reference only (env:NAME, keyring:NAME, file:/PATH), so
what is written holds none. "millpondd config import" reads it back.`,
		Example: "  millpondd config export millpond.toml\n  millpondd config export | ssh other millpondd config import -",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, _, err := a.current(c.Context())
			if err != nil {
				return err
			}
			text := store.Encode(s)
			if len(args) == 0 || args[0] == "-" {
				_, err := a.std.out.Write(text)
				return err
			}
			if err := writeExport(args[0], text, force); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.std.out, "The settings are in %s.\n", args[0])
			return err
		},
	}
	c.Flags().BoolVar(&force, "force", false, "overwrite FILE if it is there")
	return c
}

// writeExport writes a file that only its owner can read, in one step; force replaces one.
func writeExport(path string, text []byte, force bool) (err error) {
	if _, err := os.Lstat(path); err == nil && !force {
		return &failure{code: exitRefused, err: fmt.Errorf("%s exists already", path), next: "Choose another name, or overwrite it with --force."}
	}
	if err := replaceWith(path, text); err != nil {
		return failed(fmt.Errorf("write %s: %w", path, err), "Choose a folder that can be written.")
	}
	return nil
}

// replaceWith writes a file in one step: a new one takes its name.
func replaceWith(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// imported is what an import prints as JSON.
type imported struct {
	configResult
	DryRun bool   `json:"dry_run"` // nothing was written
	Backup string `json:"backup"`  // the settings as they were; "" when there was no file or nothing changed
}

func (a *app) configImportCommand() *cobra.Command {
	var asJSON, dryRun bool
	c := &cobra.Command{
		Use:   "import FILE",
		Short: "Take all settings from a file; - reads standard input",
		Long: `Take all settings from a file that "millpondd config export" wrote, or one in that form.

Everything is checked first; with one mistake nothing is changed. Keys that the file does
not have get their defaults. The settings as they were are kept beside the settings file,
and importing that file takes the import back.`,
		Example: "  millpondd config import millpond.toml --dry-run\n  millpondd config import millpond.toml",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			next, err := a.readImport(args[0])
			if err != nil {
				return err
			}
			r, err := a.importSettings(c.Context(), next, dryRun)
			if err != nil {
				return err
			}
			return a.reportImport(r, asJSON)
		},
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show what would change, and change nothing")
	jsonFlag(c, &asJSON)
	return c
}

// readImport reads and checks settings. Mistakes name their file or their key, each.
func (a *app) readImport(path string) (*settings.Settings, error) {
	text, err := a.readAll(path)
	if err != nil {
		return nil, failed(fmt.Errorf("read the settings to import: %w", err), "Name a file that \"millpondd config export\" wrote.")
	}
	s, err := store.Decode(text)
	var syntax *store.SyntaxError
	switch {
	case errors.As(err, &syntax):
		syntax.Path = path
		return nil, &failure{code: exitUsage, err: syntax, next: "Correct that line; nothing was changed."}
	case err != nil:
		for _, e := range settings.FieldErrors(err) {
			e.Source = path
		}
		return nil, err
	}
	return s, nil
}

// readAll reads a file, or standard input for "-".
func (a *app) readAll(path string) ([]byte, error) {
	in := a.std.in
	if path != "-" {
		info, err := os.Stat(path)
		if err == nil && info.IsDir() {
			err = fmt.Errorf("%s is a folder", path)
		}
		if err != nil {
			return nil, err
		}
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, largestImport+1))
	if err == nil && len(text) > largestImport {
		err = fmt.Errorf("%s is larger than %d MiB", path, largestImport>>20)
	}
	return text, err
}

// importSettings puts next in the place of all settings and keeps the file as it was.
func (a *app) importSettings(ctx context.Context, next *settings.Settings, dryRun bool) (imported, error) {
	now, status, err := a.current(ctx)
	if err != nil {
		return imported{}, err
	}
	path, err := a.settingsPath()
	if err != nil {
		return imported{}, err
	}
	if status != nil {
		path = status.ConfigPath
	}
	r := imported{configResult: configResult{Changes: diff(now.Tree(), next.Tree(), ""), Path: path, Live: status != nil}, DryRun: dryRun}
	if dryRun || len(r.Changes) == 0 {
		return r, nil
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return r, failed(fmt.Errorf("keep the settings as they are: %w", err), "Nothing was changed.")
	}
	e, err := a.edit(ctx, func(s *settings.Settings) error {
		*s = *next.Clone()
		return nil
	})
	if err != nil {
		return r, err
	}
	r.Changes, r.Path, r.Live = diff(e.Before.Tree(), e.After.Tree(), ""), e.Path, e.Live
	if before == nil {
		return r, nil
	}
	r.Backup = path + backupSuffix
	if err := replaceWith(r.Backup, before); err != nil {
		return r, failed(fmt.Errorf("the settings are imported, but not kept as they were: %w", err), fmt.Sprintf("They are in %s.bak until the next edit.", path))
	}
	return r, nil
}

// reportImport prints what an import came to.
func (a *app) reportImport(r imported, asJSON bool) error {
	if asJSON {
		return writeJSON(a.std.out, r)
	}
	a.printChanges(r.Changes)
	switch {
	case len(r.Changes) == 0:
	case r.DryRun:
		fmt.Fprintln(a.std.out, "Nothing was changed: this was a dry run.")
	default:
		fmt.Fprintln(a.std.out, edited{Path: r.Path, Live: r.Live}.where())
	}
	if r.Backup != "" {
		fmt.Fprintf(a.std.out, "To take it back: millpondd config import %s\n", r.Backup)
	}
	return nil
}
