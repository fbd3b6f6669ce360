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

// askTime bounds the question to the service's manager how it stands.
const askTime = 10 * time.Second

// serviceFacts tells how it stands with the service.
func (c Config) serviceFacts(ctx context.Context) model.ServiceFacts {
	ctx, cancel := context.WithTimeout(ctx, askTime)
	defer cancel()
	m, err := c.manager()
	if err != nil {
		return model.ServiceFacts{Asked: true, None: err.Error()}
	}
	return m.facts(ctx)
}

// startDaemon starts the daemon, or calls choose where a person has to choose how.
func (c Config) startDaemon(ctx context.Context, choose func()) error {
	switch c.serviceFacts(ctx).Way() {
	case model.StartService:
		m, err := c.manager()
		if err != nil {
			return err
		}
		return m.Start(ctx)
	case model.StartLogin:
		return c.runDaemon(ctx)
	}
	choose()
	return nil
}

// endPatience is how long a daemon that was told to end may take: requests in flight get 30 s.
const endPatience = 35 * time.Second

// stopDaemon stops the daemon: its service, also one that is started again and again, and
// what answers then.
func (c Config) stopDaemon(ctx context.Context) error {
	f := c.serviceFacts(ctx)
	if f.Running || f.Failing {
		if err := c.stopService(ctx); err != nil {
			return err
		}
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
	if s.PID != f.PID { // else it has been told to
		if err := terminate(s.PID); err != nil {
			return fmt.Errorf("stop the daemon, process %d: %w", s.PID, err)
		}
	}
	return c.await(ctx, endPatience, "to end", func() bool {
		_, err := client.Status(ctx)
		return errors.Is(err, control.ErrNotRunning)
	})
}

// stopService stops the service.
func (c Config) stopService(ctx context.Context) error {
	m, err := c.manager()
	if err != nil {
		return err
	}
	return m.Stop(ctx)
}

// answers waits until the daemon answers.
func (c Config) answers(ctx context.Context) error {
	client := control.Dial(c.Socket)
	defer client.Close()
	return c.await(ctx, startPatience, "to answer", func() bool {
		s, err := client.Status(ctx)
		return err == nil && s.Address != ""
	})
}

// await waits until the daemon has done something. The error says what it has not.
func (c Config) await(ctx context.Context, patience time.Duration, what string, done func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited %v in vain for the daemon %s", patience, what)
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
	case model.ServiceTakeOver:
		return []step{m.Install, c.stopDaemon, m.Start, c.answers}, nil
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

// runForLogin runs the daemon for this login, as a process and not as a service. A service
// that fails again and again does so no longer, since it would be in the way.
func (d *desk) runForLogin(ctx context.Context) {
	run := func(ctx context.Context) error {
		if d.config.serviceFacts(ctx).Failing {
			if err := d.config.stopService(ctx); err != nil {
				return err
			}
		}
		return d.config.runDaemon(ctx)
	}
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
		ended := d.goThrough(ctx, s, steps)
		d.changed()                           // the daemon may be there
		service := d.config.serviceFacts(ctx) // so that the end is shown with what it has led to
		d.change(func(f *model.Desk) { f.Setup, f.Service = ended, service })
	})
}

// goThrough goes through the steps of a setup, of which it shows how far they are, and
// returns how it ended.
func (d *desk) goThrough(ctx context.Context, s model.Setup, steps func() ([]step, error)) model.Setup {
	list, err := steps()
	for _, do := range list {
		d.change(func(f *model.Desk) { f.Setup = s })
		if err = do(ctx); err != nil {
			break
		}
		s = s.Next()
	}
	if err != nil {
		d.config.Log.Error("set up the service", "err", err)
		return s.Failed(err)
	}
	return s
}
