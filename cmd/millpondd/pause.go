package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"millpond/proxy/control"
)

func (a *app) pauseCommand() *cobra.Command {
	return a.switchCommand("pause", "Refuse requests at once, until resume", `Refuse requests at once, with status 503 and a body that says why, until "millpondd
resume" or a restart. Requests in flight go on. Connections stay warm.`,
		"Requests are refused now; \"millpondd resume\" lets them pass again.", (*control.Client).Pause)
}

func (a *app) resumeCommand() *cobra.Command {
	return a.switchCommand("resume", "Let requests pass again after a pause", "", "Requests pass.", (*control.Client).Resume)
}

// switchCommand returns a command that turns the running proxy on or off.
func (a *app) switchCommand(use, short, long, done string, turn func(*control.Client, context.Context) error) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: use, Short: short, Long: long, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client := control.Dial(control.DefaultSocket(a.getenv))
			defer client.Close()
			ctx, cancel := context.WithTimeout(c.Context(), statusWait)
			defer cancel()
			if err := a.absent(ctx, askError(turn(client, ctx))); err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, map[string]bool{"paused": use == "pause"})
			}
			_, err := fmt.Fprintln(a.std.out, done)
			return err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}
