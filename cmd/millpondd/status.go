package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"millpond/proxy/control"
)

// statusWait bounds how long the daemon may take to answer.
const statusWait = 5 * time.Second

func (a *app) statusCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "status",
		Short: "Show whether the daemon runs and how it is",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := a.askAny(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, s)
			}
			return printStatus(a.std.out, s)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// askStatus asks the daemon of this user over its control socket.
func (a *app) askStatus(ctx context.Context) (control.Status, error) {
	client := control.Dial(control.DefaultSocket(a.getenv))
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	s, err := client.Status(ctx)
	return s, a.absent(ctx, askError(err))
}

// askError gives an error of a question to the daemon its exit code and advice.
func askError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, control.ErrNotRunning):
		return &failure{code: exitNotRunning, err: control.ErrNotRunning, next: `Start it with "millpondd serve".`}
	case errors.Is(err, fs.ErrPermission):
		return &failure{code: exitRefused, err: err, next: "Only an administrator may ask the machine's daemon."}
	case errors.Is(err, control.ErrPeer):
		return &failure{code: exitRefused, err: err, next: "Only the user who started the daemon may ask it."}
	}
	return failed(err, "Restart the daemon if this goes on.")
}

// askOurStatus is askStatus for a command that is about certain settings: when --config
// or MILLPOND_CONFIG names other ones than the daemon runs under, the daemon is not the
// one that is meant, and counts as not running.
func (a *app) askOurStatus(ctx context.Context) (control.Status, error) {
	s, err := a.askStatus(ctx)
	named := cmp.Or(a.config, a.getenv("MILLPOND_CONFIG"))
	if err != nil || named == "" || samePath(named, s.ConfigPath) {
		return s, err
	}
	return control.Status{}, a.absent(ctx, askError(control.ErrNotRunning))
}

// samePath reports whether two paths lead to the same file, which need not exist.
func samePath(one, two string) bool {
	if a, err := os.Stat(one); err == nil {
		if b, err := os.Stat(two); err == nil {
			return os.SameFile(a, b)
		}
	}
	a, errA := filepath.Abs(one)
	b, errB := filepath.Abs(two)
	return errA == nil && errB == nil && a == b
}

// isNotRunning reports whether err says that there is no daemon to ask.
func isNotRunning(err error) bool { return errors.Is(err, control.ErrNotRunning) }

// printStatus prints the status for a person.
func printStatus(w io.Writer, s control.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if s.Machine {
		return printMachine(t, s)
	}
	fmt.Fprintf(t, "state\t%s\n", stateInWords(s))
	fmt.Fprintf(t, "address\t%s\n", orDash(s.Address))
	fmt.Fprintf(t, "settings\t%s\n", orDash(s.ConfigPath))
	fmt.Fprintf(t, "version\t%s, process %d, up %s\n", s.Version, s.PID, uptime(s.Stats.UptimeSeconds))
	minute := s.Stats.Windows[control.Window1m]
	fmt.Fprintf(t, "last minute\t%d requests, %s successful\n", minute.Requests, percent(minute.SuccessRate))
	fmt.Fprintf(t, "connections\t%d open, %d in use, %d waiting\n", s.Stats.Pool.Open, s.Stats.Pool.InUse, s.Stats.Pool.Waiting)
	if s.Keeping.Detail != "" {
		fmt.Fprintf(t, "history\t%s\n", s.Keeping.Detail)
	}
	for _, u := range s.Stats.Upstreams {
		fmt.Fprintf(t, "upstream\t%s: %s, %s\n", u.Name, upstreamState(u), u.URL)
	}
	return t.Flush()
}

// printMachine prints what the machine's daemon tells every user.
func printMachine(t *tabwriter.Writer, s control.Status) error {
	day := s.Stats.Windows[control.Window24h]
	fmt.Fprintf(t, "state\t%s\n", stateInWords(s))
	fmt.Fprintf(t, "address\t%s\n", orDash(s.Address))
	fmt.Fprintf(t, "whose\tthe machine's; an administrator sees more: %s\n", byAdministrator("status"))
	fmt.Fprintf(t, "version\t%s, up %s\n", s.Version, uptime(s.Stats.UptimeSeconds))
	fmt.Fprintf(t, "last day\t%d requests, %s successful\n", day.Requests, percent(day.SuccessRate))
	return t.Flush()
}

// stateInWords says the state and its reason.
func stateInWords(s control.Status) string {
	words := string(s.State)
	if s.Draining {
		words += ", stopping"
	}
	if s.Reason == "" {
		return words
	}
	words += ": " + strings.ReplaceAll(s.Reason, "_", " ")
	if len(s.ReasonArgs) > 0 {
		words += " (" + strings.Join(s.ReasonArgs, ", ") + ")"
	}
	return words
}
