package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"millpond/proxy/control"
	"millpond/settings"
)

// trialWait bounds how long the start of a trial may take, which tests the upstream first.
const trialWait = 2 * time.Minute

func (a *app) verdictCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "verdict",
		Short: "Judge each upstream and transport over four weeks, and try another",
		Long: `Judge each upstream and transport over the window of the settings (verdict.window): keep
it, watch it, or switch. "verdict try" sends a share of an upstream's requests another way
and compares; "verdict apply" puts what did better into the settings, and "verdict undo"
takes that back.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			v, err := a.askVerdict(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, v)
			}
			return printVerdict(a.std.out, v)
		},
	}
	jsonFlag(c, &asJSON)
	c.AddCommand(a.verdictTryCommand(), a.verdictEndCommand(),
		a.verdictEditCommand("apply", "Put the winner of a trial into the settings", (*control.Client).ApplyTrial, canApply),
		a.verdictEditCommand("undo", "Take back what verdict apply changed", (*control.Client).UndoTrial, canUndo))
	return c
}

// client returns a client of the daemon that runs under our settings, with its status.
func (a *app) client(ctx context.Context) (*control.Client, control.Status, error) {
	status, err := a.askOurStatus(ctx)
	if err != nil {
		return nil, status, err
	}
	return control.Dial(control.DefaultSocket(a.getenv)), status, nil
}

func (a *app) askVerdict(ctx context.Context) (control.Verdict, error) {
	client, _, err := a.client(ctx)
	if err != nil {
		return control.Verdict{}, err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	v, err := client.Verdict(ctx)
	return v, trialError(err)
}

// trialError gives a refusal about trials its exit code and advice.
func trialError(err error) error {
	var refused *control.Error
	if !errors.As(err, &refused) {
		return askError(err)
	}
	const look = `"millpondd verdict" shows the upstreams and the trials.`
	switch refused.Status {
	case http.StatusNotFound, http.StatusUnprocessableEntity, http.StatusBadRequest:
		return &failure{code: exitUsage, err: err, next: look}
	case http.StatusConflict:
		return &failure{code: exitRefused, err: err, next: look}
	}
	return askError(err)
}

func (a *app) verdictTryCommand() *cobra.Command {
	var asJSON bool
	q := control.TrialRequest{}
	c := &cobra.Command{
		Use:   "try UPSTREAM protocol=http1|http2 | scope=shared|upstream|caller",
		Short: "Send a share of an upstream's requests another way, and compare",
		Long: `Send a share of an upstream's requests over the other protocol, or in another scope of the
pool, until "verdict end" or "verdict apply", also over restarts. The other protocol is
tested with one request first. A trial whose other way fails more ends by itself.`,
		Example: "  millpondd verdict try relay protocol=http1 --share 0.2",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var found bool
			q.Upstream = args[0]
			if q.Setting, q.To, found = strings.Cut(args[1], "="); !found {
				return &failure{code: exitUsage, err: fmt.Errorf("%q says no value", args[1]), next: "Write it as protocol=http1 or scope=caller."}
			}
			client, _, err := a.client(c.Context())
			if err != nil {
				return err
			}
			defer client.Close()
			ctx, cancel := context.WithTimeout(c.Context(), trialWait)
			defer cancel()
			t, err := client.StartTrial(ctx, q)
			if err != nil {
				return trialError(err)
			}
			if asJSON {
				return writeJSON(a.std.out, t)
			}
			_, err = fmt.Fprintf(a.std.out, "Trial %s: %s of the requests to %s go by %s=%s now, the others by %s.\n\"millpondd verdict\" shows what comes of it; \"millpondd verdict end\" ends it.\n",
				t.ID, percent(100*t.Share), t.Upstream, t.Setting, t.Other.Value, t.Base.Value)
			return err
		},
	}
	c.Flags().Float64Var(&q.Share, "share", 0.5, "the part of the requests that goes the other way, 0.01 to 0.9")
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) verdictEndCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "end [TRIAL]",
		Short: "End a trial: all requests go the first way again",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withTrial(c.Context(), args, "runs", isRunning, asJSON, func(ctx context.Context, client *control.Client, t control.Trial) (string, error) {
				return fmt.Sprintf("Trial %s has ended: all requests to %s go by %s.", t.ID, t.Upstream, t.Base.Value), client.EndTrial(ctx, t.ID)
			})
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// verdictEditCommand returns a command that changes the settings by a trial.
func (a *app) verdictEditCommand(use, short string, change func(*control.Client, context.Context, uint64, string) error, fits func(control.Trial) bool) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: use + " [TRIAL]", Short: short, Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			state := map[string]string{"apply": "names a winner that the settings do not have", "undo": "was applied and stands"}[use]
			return a.withTrial(c.Context(), args, state, fits, asJSON, func(ctx context.Context, client *control.Client, t control.Trial) (string, error) {
				if err := atPresent(ctx, client, func(revision uint64) error { return change(client, ctx, revision, t.ID) }); err != nil {
					return "", err
				}
				s, err := client.Status(ctx)
				if err != nil {
					return "", err
				}
				return inForce(t, s.Settings)
			})
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// inForce says what the setting of a trial is now.
func inForce(t control.Trial, s *settings.Settings) (string, error) {
	key := fmt.Sprintf("upstreams[%s].pool.%s", t.Upstream, t.Setting)
	value, err := s.Get(key)
	if err != nil {
		return "", err
	}
	if value == "" {
		return fmt.Sprintf("%s is as [pool] says again. It applies now.", key), nil
	}
	return fmt.Sprintf("%s = %v. It applies now.", key, value), nil
}

// atPresent makes an edit of the present settings, again when they were changed meanwhile.
func atPresent(ctx context.Context, client *control.Client, edit func(revision uint64) error) error {
	for try := 1; ; try++ {
		s, err := client.Status(ctx)
		if err != nil {
			return err
		}
		if err = edit(s.Revision); !errors.Is(err, control.ErrStale) || try == editTries {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(editPause):
		}
	}
}

func isRunning(t control.Trial) bool { return t.Ended == nil }
func canApply(t control.Trial) bool  { return t.CanApply }
func canUndo(t control.Trial) bool   { return t.CanUndo }

// withTrial calls do with the trial that is meant: the one with that ID, or of that
// upstream, or the only one that fits; and prints what do says, or the trial as JSON.
func (a *app) withTrial(ctx context.Context, args []string, state string, fits func(control.Trial) bool, asJSON bool,
	do func(context.Context, *control.Client, control.Trial) (string, error)) error {
	v, err := a.askVerdict(ctx)
	if err != nil {
		return err
	}
	t, err := meant(v.Trials, args, state, fits)
	if err != nil {
		return err
	}
	client := control.Dial(control.DefaultSocket(a.getenv))
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	done, err := do(ctx, client, t)
	if err != nil {
		return trialError(err)
	}
	if !asJSON {
		_, err = fmt.Fprintln(a.std.out, done)
		return err
	}
	if v, err = client.Verdict(ctx); err != nil {
		return trialError(err)
	}
	i := slices.IndexFunc(v.Trials, func(o control.Trial) bool { return o.ID == t.ID })
	if i < 0 {
		return failed(fmt.Errorf("trial %s is gone", t.ID), "")
	}
	return writeJSON(a.std.out, v.Trials[i])
}

// meant finds a trial: by its ID, which the daemon may then refuse, or the only one that
// fits, of an upstream if one is named.
func meant(all []control.Trial, args []string, state string, fits func(control.Trial) bool) (control.Trial, error) {
	var found []control.Trial
	for _, t := range all {
		if len(args) > 0 && t.ID == args[0] {
			return t, nil
		}
		if fits(t) && (len(args) == 0 || t.Upstream == args[0]) {
			found = append(found, t)
		}
	}
	if len(found) == 1 {
		return found[0], nil
	}
	const look = `"millpondd verdict" shows the trials.`
	if len(found) > 1 {
		return control.Trial{}, &failure{code: exitUsage, err: fmt.Errorf("%d trials are meant; name one", len(found)), next: look}
	}
	err := fmt.Errorf("there is no trial that %s", state)
	if len(args) > 0 {
		err = fmt.Errorf("there is no trial %q, nor one of that upstream that %s", args[0], state)
	}
	return control.Trial{}, &failure{code: exitUsage, err: err, next: look}
}
