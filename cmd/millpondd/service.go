package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"millpond/installer/service"
	"millpond/proxy/control"
	"millpond/settings"
	"millpond/settings/store"
)

// serviceWait bounds how long a service may take to serve, or to stop: requests in flight get 30 s
// to end.
const serviceWait = 60 * time.Second

// A serviceReport is what the service commands print as JSON.
type serviceReport struct {
	service.Status
	Address  string   `json:"address"`           // where the daemon listens; "" when it does not answer
	Settings string   `json:"settings"`          // its settings file
	State    string   `json:"state"`             // its folder for history and log
	Kept     []string `json:"kept,omitempty"`    // after uninstalling: what is left on the disk
	Removed  []string `json:"removed,omitempty"` // after uninstalling with --purge

	Connected    []string `json:"connected,omitempty"`    // after uninstalling: agents that still lead to us
	Disconnected []string `json:"disconnected,omitempty"` // after uninstalling with --purge: agents that got their settings back
}

func (a *app) serviceCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "service",
		Short: "Let the system start the daemon, and keep it running",
		Long: `Let the system start the daemon, and keep it running.

Your own service runs as you, with your settings, from when you log in (with
"install --linger", from when the machine starts). With --system, the machine's:
it runs as a user of its own, with settings of its own, and needs an administrator.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &failure{code: exitUsage, err: errors.New("service needs a command"), next: `Run "millpondd service --help" for the list.`}
		},
	}
	c.AddCommand(a.serviceInstallCommand(), a.serviceUninstallCommand(), a.serviceStatusCommand(),
		a.serviceActionCommand("start", "Start the service and wait until it answers", (*service.Service).Start),
		a.serviceActionCommand("stop", "Stop the service; requests in flight may end", (*service.Service).Stop),
		a.serviceActionCommand("restart", "Stop the service and start it again, with the program as it is now", (*service.Service).Restart))
	return c
}

// systemEnviron is what makes a command speak of the system's service.
func systemEnviron() []string {
	p := service.SystemPaths()
	return []string{"MILLPOND_CONFIG=" + p.Settings, "MILLPOND_STATE=" + p.State, control.EnvSocket + "=" + p.Control}
}

// service returns the service that the command speaks of.
func (a *app) service() (*service.Service, error) {
	c := service.Config{Kind: service.User}
	if a.system {
		c.Kind = service.System
	}
	var err error
	if c.Paths.Settings, err = a.settingsPath(); err != nil {
		return nil, err
	}
	if c.Paths.State, err = store.StateDir(a.getenv); err != nil {
		return nil, failed(err, "")
	}
	c.Paths.Control = control.DefaultSocket(a.getenv)
	s, err := service.New(c)
	return s, a.serviceError(err)
}

// serviceError gives an error of the service its exit code.
func (a *app) serviceError(err error) error {
	var known *failure
	switch {
	case err == nil, errors.As(err, &known), len(settings.FieldErrors(err)) > 0:
		return err
	case errors.Is(err, service.ErrNotPermitted):
		return &failure{code: exitRefused, err: err}
	case errors.Is(err, service.ErrNotInstalled):
		return &failure{code: exitNotRunning, err: err, next: `Install it with "millpondd service install".`}
	}
	return failed(err, "")
}

func (a *app) serviceInstallCommand() *cobra.Command {
	var asJSON, linger bool
	c := &cobra.Command{
		Use:   "install",
		Short: "Install the service, or bring it up to date, start it and wait until it answers",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.service()
			if err != nil {
				return err
			}
			report, err := a.installService(c.Context(), s, linger)
			if err != nil {
				return a.serviceError(err)
			}
			if asJSON {
				return writeJSON(a.std.out, report)
			}
			return a.tellInstalled(report)
		},
	}
	jsonFlag(c, &asJSON)
	c.Flags().BoolVar(&linger, "linger", false, "start with the machine, before you log in, and go on after you log out")
	return c
}

// installService installs and starts, and says on stderr how it goes on.
func (a *app) installService(ctx context.Context, s *service.Service, linger bool) (serviceReport, error) {
	before, err := s.Status(ctx)
	if err != nil {
		return serviceReport{}, err
	}
	settings, err := a.load() // before anything is changed, and all at once
	if err == nil {
		err = a.taken(ctx, settings.Listen.Address)
	}
	if err != nil {
		return serviceReport{}, err
	}
	a.progress("installing the service for %s", s.Program())
	if err := s.Install(ctx); err != nil {
		return serviceReport{}, err
	}
	if linger {
		a.progress("letting it start with the machine")
		if err := s.EnableLinger(ctx); err != nil {
			return serviceReport{}, err
		}
	}
	act := (*service.Service).Start
	if before.Running { // an older program may be running, or under an older unit
		act = (*service.Service).Restart
	}
	return a.actAndWait(ctx, s, act)
}

// progress tells a person what takes time.
func (a *app) progress(format string, args ...any) {
	fmt.Fprintf(a.std.err, format+" ...\n", args...)
}

// actAndWait starts or restarts, and waits until the daemon answers.
func (a *app) actAndWait(ctx context.Context, s *service.Service, act func(*service.Service, context.Context) error) (serviceReport, error) {
	ctx, cancel := context.WithTimeout(ctx, serviceWait)
	defer cancel()
	a.progress("waiting for the daemon")
	if err := act(s, ctx); err != nil {
		return serviceReport{}, fmt.Errorf("%w; its log is in %s", err, s.Paths().State)
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		report, err := a.reportService(ctx, s)
		if err != nil || report.Address != "" {
			return report, err
		}
		select {
		case <-ctx.Done():
			return report, fmt.Errorf("the service was started, but does not answer at %s; its log is in %s", s.Paths().Control, report.State)
		case <-tick.C:
		}
	}
}

// reportService asks the manager, and the daemon itself.
func (a *app) reportService(ctx context.Context, s *service.Service) (serviceReport, error) {
	st, err := s.Status(ctx)
	report := serviceReport{Status: st, Settings: s.Paths().Settings, State: s.Paths().State}
	if err != nil || !st.Running {
		return report, err
	}
	client := control.Dial(s.Paths().Control)
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	now, err := client.Status(ctx)
	if err == nil && (st.PID == 0 || st.PID == now.PID) {
		report.Address = now.Address
	}
	return report, nil
}

func (a *app) tellInstalled(r serviceReport) error {
	lines := []string{"The service is installed and listens on http://" + r.Address + "."}
	switch {
	case r.Kind == service.System:
		lines = append(lines, "It starts with the machine. Its settings are in "+r.Settings+`; commands speak of it with --system.`)
	case r.Linger != nil && !*r.Linger:
		lines = append(lines, "It starts when you log in and ends when you log out.",
			`To let it start with the machine: millpondd service install --linger`)
	case r.Linger != nil:
		lines = append(lines, "It starts with the machine, before you log in.")
	default:
		lines = append(lines, "It starts when you log in.")
	}
	_, err := fmt.Fprintln(a.std.out, strings.Join(lines, "\n"))
	return err
}

// serviceActionCommand is start, stop or restart.
func (a *app) serviceActionCommand(verb, short string, act func(*service.Service, context.Context) error) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   verb,
		Short: short,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.service()
			if err != nil {
				return err
			}
			var report serviceReport
			if verb == "stop" {
				report, err = a.stopService(c.Context(), s)
			} else if _, err = a.load(); err == nil { // with wrong settings, what runs is better left running
				report, err = a.actAndWait(c.Context(), s, act)
			}
			if err != nil {
				return a.serviceError(err)
			}
			if asJSON {
				return writeJSON(a.std.out, report)
			}
			sentence := "The service is stopped. It starts again with the machine or at login."
			if report.Address != "" {
				sentence = "The service runs and listens on http://" + report.Address + "."
			}
			_, err = fmt.Fprintln(a.std.out, sentence)
			return err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) stopService(ctx context.Context, s *service.Service) (serviceReport, error) {
	ctx, cancel := context.WithTimeout(ctx, serviceWait)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		return serviceReport{}, err
	}
	return a.reportService(ctx, s)
}

func (a *app) serviceStatusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how it stands with the service; exit code 0 when it runs, 3 when it does not, 1 when it fails",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.service()
			if err != nil {
				return err
			}
			report, err := a.reportService(c.Context(), s)
			if err != nil {
				return a.serviceError(err)
			}
			if asJSON {
				err = writeJSON(a.std.out, report)
			} else {
				err = printService(a.std.out, report)
			}
			return errors.Join(err, verdictOn(report))
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// verdictOn is the error of a service that does not run, with its exit code.
func verdictOn(r serviceReport) error {
	switch {
	case !r.Installed:
		return &failure{code: exitNotRunning, err: service.ErrNotInstalled, next: `Install it with "millpondd service install".`}
	case r.Failing:
		return failed(fmt.Errorf("the service fails: %s", r.Detail), `After mending that, run "millpondd service restart".`)
	case !r.Running && r.ProgramMissing:
		return &failure{code: exitNotRunning, err: errors.New("the service does not run: " + r.Detail)}
	case !r.Running:
		return &failure{code: exitNotRunning, err: errors.New("the service does not run"), next: `Start it with "millpondd service start".`}
	}
	return nil
}

// printService prints the report for a person.
func printService(w io.Writer, r serviceReport) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "service\t%s, %s\n", serviceState(r), map[service.Kind]string{service.User: "this user's", service.System: "the system's"}[r.Kind])
	if r.Installed {
		fmt.Fprintf(t, "manager\t%s, %s\n", r.Manager, orDash(r.File))
		fmt.Fprintf(t, "program\t%s%s\n", orDash(r.Program), map[bool]string{true: " (gone)"}[r.ProgramMissing])
	}
	if r.Running {
		fmt.Fprintf(t, "address\t%s\n", orDash(r.Address))
		fmt.Fprintf(t, "process\t%d, restarts by itself: %d\n", r.PID, r.Restarts)
	}
	if r.Linger != nil {
		fmt.Fprintf(t, "starts\t%s\n", map[bool]string{true: "with the machine", false: "at login"}[*r.Linger])
	}
	fmt.Fprintf(t, "settings\t%s\n", r.Settings)
	fmt.Fprintf(t, "state\t%s\n", r.State)
	if r.Detail != "" {
		fmt.Fprintf(t, "detail\t%s\n", r.Detail)
	}
	return t.Flush()
}

// serviceState is the state in words.
func serviceState(r serviceReport) string {
	switch {
	case !r.Installed:
		return "not installed"
	case r.Failing:
		return "failing"
	case r.Running:
		return "running"
	}
	return "stopped"
}
