package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/spf13/cobra"

	"millpond/proxy/control"
)

// comeBack is how long top waits before it looks for a daemon that is gone.
const comeBack = time.Second

func (a *app) topCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "top",
		Short: "Watch the running proxy on the terminal",
		Long: `Watch the running proxy: success over the last hour, the pool, the upstreams and the
last failures with their reasons. It waits for a daemon that is not there. With --json it
prints the whole status, a line each second.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if asJSON {
				return a.topJSON(c.Context())
			}
			if !isTerminal(a.std.out) {
				return &failure{code: exitUsage, err: errors.New("top draws on a terminal"), next: `Use "millpondd top --json" or "millpondd stats" elsewhere.`}
			}
			return a.top(c.Context())
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// topJSON prints each status as a line until ctx is done or the daemon ends.
func (a *app) topJSON(ctx context.Context) error {
	client := control.Dial(control.DefaultSocket(a.getenv))
	defer client.Close()
	out := json.NewEncoder(a.std.out)
	for s, err := range client.Watch(ctx, time.Second) {
		if err != nil {
			return a.absent(ctx, askError(err))
		}
		if err := out.Encode(s); err != nil {
			return err
		}
	}
	return nil
}

// top draws until a person quits.
func (a *app) top(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	p := tea.NewProgram(newTopModel(a.getenv("NO_COLOR") == ""), tea.WithContext(ctx), tea.WithInput(a.std.in),
		tea.WithOutput(a.std.out), tea.WithEnvironment(a.environ), tea.WithoutSignalHandler())
	wg.Go(func() { a.watchFor(ctx, p.Send) })
	_, err := p.Run()
	if errors.Is(err, tea.ErrProgramKilled) || errors.Is(err, tea.ErrInterrupted) { // by a signal, which main turned into ctx
		return nil
	}
	return err
}

// watchFor sends each status, and goes on looking for a daemon that is gone.
func (a *app) watchFor(ctx context.Context, send func(tea.Msg)) {
	client := control.Dial(control.DefaultSocket(a.getenv))
	defer client.Close()
	for ctx.Err() == nil {
		for s, err := range client.Watch(ctx, time.Second) {
			if err != nil {
				if machine, ok := a.machineStatus(ctx); ok {
					send(statusMsg(machine))
				} else {
					send(goneMsg{err})
				}
				break
			}
			send(statusMsg(s))
		}
		t := time.NewTimer(comeBack)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
	}
}
