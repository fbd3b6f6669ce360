package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"millpond/app/model"
	"millpond/proxy/control"
)

// A manager is the daemon as a service of the system.
type manager interface {
	Install(context.Context) error // so that it starts at login; it is not started
	Uninstall(context.Context) error
	Start(context.Context) error // until it serves
	Stop(context.Context) error
	Restart(context.Context) error
	facts(context.Context) model.ServiceFacts
}

// serviceFacts tells how it stands with the service.
func (c Config) serviceFacts(ctx context.Context) model.ServiceFacts {
	m, err := c.manager()
	if err != nil {
		return model.ServiceFacts{Asked: true, None: err.Error()}
	}
	return m.facts(ctx)
}

// startDaemon starts the daemon by its service, or else for this login.
func (c Config) startDaemon(ctx context.Context) error {
	m, err := c.manager()
	if err == nil && m.facts(ctx).Installed {
		return m.Start(ctx)
	}
	return c.runDaemon(ctx)
}

// stopDaemon stops the daemon: its service, or the process that answers.
func (c Config) stopDaemon(ctx context.Context) error {
	if m, err := c.manager(); err == nil && m.facts(ctx).Running {
		return m.Stop(ctx)
	}
	client := control.Dial(c.Socket)
	defer client.Close()
	s, err := client.Status(ctx)
	if errors.Is(err, control.ErrNotRunning) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := terminate(s.PID); err != nil {
		return fmt.Errorf("stop the daemon, process %d: %w", s.PID, err)
	}
	return c.await(ctx, "to end", func() bool {
		_, err := client.Status(ctx)
		return errors.Is(err, control.ErrNotRunning)
	})
}

// answers waits until the daemon answers.
func (c Config) answers(ctx context.Context) error {
	client := control.Dial(c.Socket)
	defer client.Close()
	return c.await(ctx, "to answer", func() bool {
		s, err := client.Status(ctx)
		return err == nil && s.Address != ""
	})
}

// await waits until the daemon has done something. The error says what it has not.
func (c Config) await(ctx context.Context, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %v in vain for the daemon %s", startPatience, what)
		case <-tick.C:
		}
	}
	return nil
}

// A step is one part of something that is asked of the service. Its name is that of
// model.SetupOf at the same place.
type step func(context.Context) error

// stepsOf returns the steps of an action.
func (c Config) stepsOf(a model.ServiceAction) ([]step, error) {
	m, err := c.manager()
	if err != nil {
		if a == model.ServiceStop { // of a daemon that is no service
			return []step{c.stopDaemon}, nil
		}
		return nil, err
	}
	switch a {
	case model.ServiceInstall:
		return []step{m.Install, m.Start, c.answers}, nil
	case model.ServiceStart:
		return []step{m.Start, c.answers}, nil
	case model.ServiceStop:
		return []step{c.stopDaemon}, nil
	case model.ServiceRestart:
		return []step{m.Restart, c.answers}, nil
	case model.ServiceUninstall:
		return []step{m.Uninstall}, nil
	}
	return nil, fmt.Errorf("unknown action %q", a)
}

// service does what a person asks of the service.
func (d *desk) service(ctx context.Context, a model.ServiceAction) {
	d.setUp(ctx, model.SetupOf(a), func() ([]step, error) { return d.config.stepsOf(a) })
}

// runForLogin runs the daemon for this login, as a process and not as a service.
func (d *desk) runForLogin(ctx context.Context) {
	run := func(ctx context.Context) error { return d.config.runDaemon(ctx) }
	d.setUp(ctx, model.SetupRun(), func() ([]step, error) { return []step{run}, nil })
}

// demo runs the daemon with its built-in upstreams, in place of one that runs.
func (d *desk) demo(ctx context.Context) {
	run := func(ctx context.Context) error { return d.config.runDaemon(ctx, "--demo") }
	d.setUp(ctx, model.SetupDemo(), func() ([]step, error) { return []step{d.config.stopDaemon, run}, nil })
}

// setUp goes through the steps of a setup, one setup at a time.
func (d *desk) setUp(ctx context.Context, s model.Setup, steps func() ([]step, error)) {
	begun := false
	d.change(func(f *model.Desk) {
		if begun = !f.Setup.Busy(); begun {
			f.Setup = s
		}
	})
	if !begun {
		return
	}
	d.wg.Go(func() {
		defer d.again()
		list, err := steps()
		for i := 0; err == nil && i < len(list); i++ {
			if err = list[i](ctx); err == nil {
				d.change(func(f *model.Desk) { f.Setup = f.Setup.Next() })
			}
		}
		if err != nil {
			d.config.Log.Error("set up the service", "err", err)
			d.change(func(f *model.Desk) { f.Setup = f.Setup.Failed(err) })
		}
	})
}
