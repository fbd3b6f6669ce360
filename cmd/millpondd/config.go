package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"millpond/settings"
	"millpond/settings/store"
)

func (a *app) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "config",
		Short: "Show, check and change the settings",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &failure{code: exitUsage, err: errors.New("config needs a command"), next: `Run "millpondd config --help" for the list.`}
		},
	}
	c.AddCommand(a.configPathCommand(), a.configShowCommand(), a.configValidateCommand(),
		a.configGetCommand(), a.configSetCommand(), a.configPresetCommand(),
		a.configExportCommand(), a.configImportCommand())
	return c
}

func (a *app) configPathCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "path",
		Short: "Print where the settings file is",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			path, err := a.settingsPath()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, map[string]string{"path": path})
			}
			_, err = fmt.Fprintln(a.std.out, path)
			return err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) configShowCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "show",
		Short: "Print the settings in force: file, environment and defaults",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			s, err := a.load()
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, s)
			}
			_, err = a.std.out.Write(store.Encode(s))
			return err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) configValidateCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "Check a settings file; print each mistake on a line of its own",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				a.config = args[0]
			}
			st, err := a.store()
			if err != nil {
				return err
			}
			if _, err := a.loadFrom(st); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, map[string]string{"valid": st.Path()})
			}
			_, err = fmt.Fprintf(a.std.out, "%s is valid\n", st.Path())
			return err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// settingsPath returns the settings file: --config, MILLPOND_CONFIG or the user's own.
func (a *app) settingsPath() (string, error) {
	if a.config != "" {
		return a.config, nil
	}
	path, err := store.DefaultPath(a.getenv)
	if err != nil {
		return "", failed(err, "Name the settings file with --config.")
	}
	return path, nil
}

// store opens the settings file without reading it.
func (a *app) store() (*store.Store, error) {
	path, err := a.settingsPath()
	if err != nil {
		return nil, err
	}
	return store.Open(path, a.environ), nil
}

// load reads the settings in force.
func (a *app) load() (*settings.Settings, error) {
	st, err := a.store()
	if err != nil {
		return nil, err
	}
	return a.loadFrom(st)
}

// loadFrom reads the settings, and prints to stderr what is odd about them. The error
// holds every mistake; tell prints them one to a line.
func (a *app) loadFrom(st *store.Store) (*settings.Settings, error) {
	s, err := st.Load()
	if err != nil {
		return nil, a.settingsError(st, err)
	}
	for _, w := range st.Warnings() {
		fmt.Fprintln(a.std.err, "warning:", w)
	}
	return s, nil
}

// settingsError gives an error of the settings its exit code. What is no TOML at all is
// one mistake at one place.
func (a *app) settingsError(st *store.Store, err error) error {
	var syntax *store.SyntaxError
	switch {
	case len(settings.FieldErrors(err)) > 0:
		return err // tell knows them
	case errors.As(err, &syntax):
		return &failure{code: exitUsage, err: err, next: "Correct that line; the rest was not looked at."}
	}
	return failed(err, fmt.Sprintf("Look at %s.", st.Path()))
}
