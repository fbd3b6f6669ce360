package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"millpond/installer/doctor"
	"millpond/installer/service"
	"millpond/proxy/control"
	"millpond/settings/store"
)

// doctorWait bounds an examination; an upstream has a minute to answer.
const doctorWait = 3 * time.Minute

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Look at everything that could be wrong, and say what to do",
		Long: `Look at everything that could be wrong, and say what to do.

Each upstream that is in use is asked for what costs nothing, as "upstream test" does.
Nothing is changed. The exit code is 1 when there is a problem; a warning is none.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			config, err := a.doctorConfig()
			if err != nil {
				return err
			}
			return a.examine(c.Context(), config, asJSON)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// doctorConfig says what a doctor called by this command or daemon looks at.
func (a *app) doctorConfig() (doctor.Config, error) {
	settings, err := a.settingsPath()
	if err != nil {
		return doctor.Config{}, err
	}
	state, err := store.StateDir(a.getenv)
	if err != nil {
		return doctor.Config{}, failed(err, "")
	}
	return doctor.Config{
		Environ: a.environ, Settings: settings, StateDir: state, Socket: control.DefaultSocket(a.getenv), Public: service.PublicSocket(a.getenv), Version: programVersion(),
		Service: func(ctx context.Context) (service.Status, error) {
			s, err := a.service()
			if err != nil {
				return service.Status{}, err
			}
			return s.Status(ctx)
		},
	}, nil
}

// examine prints what the doctor finds.
func (a *app) examine(ctx context.Context, config doctor.Config, asJSON bool) error {
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	var findings []doctor.Finding
	a.whileTelling(ctx, func(tell func(string)) {
		config.Progress = progressTo(tell)
		findings = doctor.Examine(ctx, config)
	})
	problems := 0
	for _, f := range findings {
		if f.Level == doctor.Problem {
			problems++
		}
	}
	var err error
	if asJSON {
		err = writeJSON(a.std.out, map[string]any{"level": doctor.Worst(findings), "findings": findings})
	} else {
		err = doctor.Print(a.std.out, findings)
	}
	switch {
	case err != nil:
		return err
	case problems == 1:
		return failed(errors.New("there is 1 problem"), "What to do stands below it.")
	case problems > 1:
		return failed(fmt.Errorf("there are %d problems", problems), "What to do stands below each.")
	}
	return nil
}

// progressTo tells of what the doctor looks at in words.
func progressTo(tell func(string)) func(check, what string) {
	return func(check, what string) {
		if what != "" {
			check += ", " + what
		}
		tell(check)
	}
}

// whileTelling runs do and says on stderr what it waits for when something takes long.
func (a *app) whileTelling(ctx context.Context, do func(tell func(string))) {
	steps := make(chan string)
	ctx, stop := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop()
	wg.Go(func() { tellSlow(ctx, a.std.err, steps) })
	do(func(step string) {
		select {
		case steps <- step:
		case <-ctx.Done(): // some tell after the end
		}
	})
}

func (a *app) diagnosticsCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "diagnostics [FILE]",
		Short: "Write what the doctor sees into a file for who helps you, without secrets",
		Long: `Write what the doctor sees, the settings, statistics and the log's last lines into a
zip archive for who helps you. Secrets, what looks like one, and the paths of requests
are replaced by [hidden]; look through it all the same before you give it away.

A FILE that is there already is left alone. "-" writes to standard output.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			file := "millpond-diagnostics-" + time.Now().Format("20060102-150405") + ".zip"
			if len(args) == 1 {
				file = args[0]
			}
			return a.diagnose(c.Context(), file, asJSON)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// diagnose writes the bundle to a new file.
func (a *app) diagnose(ctx context.Context, file string, asJSON bool) (err error) {
	ctx, cancel := context.WithTimeout(ctx, doctorWait)
	defer cancel()
	if file == "-" {
		return a.bundle(ctx, a.std.out)
	}
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return failed(fmt.Errorf("%s is there already", file), "Name another file.")
	}
	if err != nil {
		return failed(err, "Name a file in a folder that you may write to.")
	}
	err = a.bundle(ctx, out)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(err, os.Remove(file))
	}
	path, err := filepath.Abs(file)
	if err != nil {
		return failed(err, "")
	}
	if asJSON {
		return writeJSON(a.std.out, map[string]string{"file": path})
	}
	_, err = fmt.Fprintf(a.std.out, "%s\nLook through it before you give it away.\n", path)
	return err
}

// bundle writes the bundle: the daemon's where one runs that can make it, since it knows
// its own environment, and else ours.
func (a *app) bundle(ctx context.Context, w io.Writer) error {
	_, err := a.askOurStatus(ctx)
	a.whileTelling(ctx, func(tell func(string)) {
		tell("the examination")
		if err == nil {
			client := control.Dial(control.DefaultSocket(a.getenv))
			defer client.Close()
			if err = client.Diagnostics(ctx, w); !errors.Is(err, control.ErrDaemonOlder) && !isNotRunning(err) {
				return
			}
		}
		var config doctor.Config
		if config, err = a.doctorConfig(); err == nil {
			config.Progress = progressTo(tell)
			err = doctor.Bundle(ctx, w, config)
		}
	})
	if err != nil {
		return failed(err, "")
	}
	return nil
}
