package service

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	kardianos "github.com/kardianos/service"
)

// registered is a manager that github.com/kardianos/service drives, with a file of ours.
type registered struct {
	config  Config
	manager string // its name
	file    string // where kardianos/service writes it
	text    string // what is in it
	service kardianos.Service
	// prepare makes what the file speaks of, such as an account; forget takes away what
	// kardianos/service leaves behind.
	prepare func(context.Context) error
	forget  func(context.Context) error
	// clean takes away what prepare has made, once nothing belongs to it any more.
	clean func(context.Context) error
	// running asks the manager itself; nil means that kardianos/service does it well.
	running func(context.Context) (bool, error)
}

// newRegistered returns the manager whose template kardianos/service takes from the option.
func newRegistered(c Config, label, option, file, text string) (*registered, error) {
	if strings.Contains(text, "{{") {
		return nil, errors.New(`a path or an argument holds "{{", which the service's template cannot hold`)
	}
	s, err := kardianos.New(idle{}, &kardianos.Config{
		Name: label, DisplayName: "Millpond", Description: description,
		Executable: c.Program, Arguments: c.Args,
		Option: kardianos.KeyValue{"UserService": c.Kind == User, option: text},
	})
	if err != nil {
		return nil, err
	}
	nothing := func(context.Context) error { return nil }
	return &registered{config: c, file: file, text: text, service: s, prepare: nothing, forget: nothing, clean: nothing}, nil
}

// idle is the program of a service that is registered and not run here.
type idle struct{}

func (idle) Start(kardianos.Service) error { return nil }
func (idle) Stop(kardianos.Service) error  { return nil }

func (r *registered) name() string { return r.manager }

// install writes the file by kardianos/service, which refuses when there is one: so that one is taken away
// first, and put back when the rest fails.
func (r *registered) install(ctx context.Context) error {
	if err := r.prepare(ctx); err != nil {
		return err
	}
	former, err := os.ReadFile(r.file)
	switch {
	case err == nil && string(former) == r.text:
		return nil
	case err == nil:
		if err := os.Remove(r.file); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := r.service.Install(); err != nil {
		return errors.Join(err, r.putBack(former))
	}
	return nil
}

// putBack undoes a failed install.
func (r *registered) putBack(former []byte) error {
	if former != nil {
		return writeWhole(r.file, former, 0o755)
	}
	if err := os.Remove(r.file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (r *registered) uninstall(ctx context.Context) error {
	if err := r.service.Uninstall(); err != nil {
		return err
	}
	return r.forget(ctx)
}

func (r *registered) purge(ctx context.Context) error { return r.clean(ctx) }

func (r *registered) start(ctx context.Context) error {
	if st, err := r.status(ctx); err != nil || st.Running {
		return err
	}
	return r.service.Start()
}

func (r *registered) stop(ctx context.Context) error {
	if st, err := r.status(ctx); err != nil || !st.Running {
		return err
	}
	return r.service.Stop()
}

func (r *registered) restart(ctx context.Context) error {
	if err := r.stop(ctx); err != nil {
		return err
	}
	return r.start(ctx)
}

func (r *registered) status(ctx context.Context) (Status, error) {
	text, err := os.ReadFile(r.file)
	if errors.Is(err, fs.ErrNotExist) {
		return Status{}, nil
	}
	if err != nil {
		return Status{}, err
	}
	st := Status{Installed: true, Enabled: true, File: r.file, Program: r.config.Program}
	if string(text) != r.text {
		st.Detail = "it was installed otherwise than it would be now; install the service again to bring it up to date"
	}
	if st.ProgramMissing = missing(st.Program); st.ProgramMissing {
		st.Detail = "its program " + st.Program + " is gone; install the service again from where millpondd is now"
	}
	if st.Running, err = r.isRunning(ctx); err != nil {
		return st, fmt.Errorf("ask %s: %w", r.manager, err)
	}
	return st, nil
}

func (r *registered) isRunning(ctx context.Context) (bool, error) {
	if r.running != nil {
		return r.running(ctx)
	}
	s, err := r.service.Status()
	if errors.Is(err, kardianos.ErrNotInstalled) {
		return false, nil
	}
	return s == kardianos.StatusRunning, err
}
