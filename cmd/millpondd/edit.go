package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
	"millpond/settings/store"
)

// An edit that is refused because the settings were changed meanwhile is made again on
// the new ones, this often and at this distance: a daemon reads an edited file within
// that time.
const (
	editTries = 10
	editPause = 300 * time.Millisecond
)

// edited says what an edit came to.
type edited struct {
	Before, After *settings.Settings
	Path          string // of the settings file
	Live          bool   // a daemon runs under them, and has applied them
}

// where says in words where the edit is in force.
func (e edited) where() string {
	if e.Live {
		return "It applies now and is saved in " + e.Path + "."
	}
	return "It is saved in " + e.Path + "; no daemon runs under it now."
}

// edit makes a change of the settings: through the daemon that runs under them, so that
// they are checked, saved and applied in one, or else in the file. Everything of the
// command line that changes settings goes through it. What the environment and the
// daemon's flags override is not written to the file, and its comments stay.
func (a *app) edit(ctx context.Context, change func(*settings.Settings) error) (edited, error) {
	for try := 1; ; try++ {
		e, err := a.editOnce(ctx, change)
		stale := errors.Is(err, control.ErrStale) || errors.Is(err, store.ErrChanged)
		if !stale {
			return e, a.editError(err)
		}
		if try == editTries {
			return e, failed(err, `Look for mistakes in it with "millpondd config validate", and try again.`)
		}
		if try == 1 {
			fmt.Fprintln(a.std.err, "the settings were changed meanwhile; the edit is made again on the new ones")
		}
		select {
		case <-ctx.Done():
			return e, failed(ctx.Err(), "Nothing was changed.")
		case <-time.After(editPause):
		}
	}
}

// editOnce makes the change on the settings as they are now.
func (a *app) editOnce(ctx context.Context, change func(*settings.Settings) error) (edited, error) {
	status, err := a.askOurStatus(ctx)
	switch {
	case isNotRunning(err):
		return a.editFile(change)
	case err != nil:
		return edited{}, err
	}
	e := edited{Before: status.Settings, After: status.Settings.Clone(), Path: status.ConfigPath, Live: true}
	if err := change(e.After); err != nil {
		return e, err
	}
	if err := e.After.Validate(); err != nil {
		return e, err
	}
	client := control.Dial(control.DefaultSocket(a.getenv))
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, editWait)
	defer cancel()
	return e, client.PutSettings(ctx, status.Revision, e.After)
}

// editWait bounds how long the daemon may take to apply an edit. It waits for a keyring
// itself.
const editWait = 20 * time.Second

// editFile makes the change in the file.
func (a *app) editFile(change func(*settings.Settings) error) (edited, error) {
	st, err := a.store()
	if err != nil {
		return edited{}, err
	}
	before, err := a.loadFrom(st)
	if err != nil {
		return edited{}, err
	}
	e := edited{Before: before, After: before.Clone(), Path: st.Path()}
	if err := change(e.After); err != nil {
		return e, err
	}
	return e, st.Save(e.After)
}

// editError gives an error of an edit its exit code and advice.
func (a *app) editError(err error) error {
	var refused *control.Error
	var known *failure
	switch {
	case err == nil, errors.As(err, &known), len(settings.FieldErrors(err)) > 0:
		return err
	case errors.As(err, &refused) && len(refused.Fields) > 0:
		errs := make([]error, len(refused.Fields))
		for i, f := range refused.Fields {
			errs[i] = f
		}
		return errors.Join(errs...)
	case isNotRunning(err):
		return &failure{code: exitNotRunning, err: err, next: "The daemon stopped meanwhile; try again."}
	}
	return failed(err, "Nothing was changed.")
}

// current returns the settings that commands speak of, and the status of the daemon that
// runs under them; nil when none does.
func (a *app) current(ctx context.Context) (*settings.Settings, *control.Status, error) {
	status, err := a.askOurStatus(ctx)
	switch {
	case err == nil:
		return status.Settings, &status, nil
	case !isNotRunning(err):
		return nil, nil, err
	}
	s, err := a.load()
	return s, nil, err
}
