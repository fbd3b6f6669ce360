package main

import (
	"context"

	"github.com/spf13/cobra"

	"millpond/proxy/bench"
)

func (a *app) fanoutCommand() *cobra.Command {
	var f benchFlags
	var c bench.FanoutConfig
	command := &cobra.Command{
		Use:   "fanout",
		Short: "Agents that ask many workers at once, by how connections are kept",
		Long: `Agents that ask many workers at once, by how connections are kept: one client shared
by all with too few idle slots and with enough, a client for each agent, and Millpond
in each scope. With --concurrency, a burst of so many callers instead.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.bench(cmd.Context(), f, func(ctx context.Context, o bench.Options) (*bench.Report, error) {
				return bench.Fanout(ctx, o, c)
			})
		},
	}
	f.flags(command, 3)
	flags := command.Flags()
	flags.IntVar(&c.Agents, "agents", 0, "how many agents ask (default 32)")
	flags.IntVar(&c.Questions, "questions", 0, "how many questions each asks, one after another (default 100; 3 in a burst)")
	flags.IntVar(&c.Workers, "workers", 0, "how many workers there are, at most 32 (default 32)")
	flags.IntVar(&c.Concurrency, "concurrency", 0, "a burst of so many callers at one time, as 1000 or 10000")
	flags.DurationVar(&c.Think, "think", 0, "how long a worker takes to answer (default 5ms)")
	flags.DurationVar(&c.RoundTrip, "round-trip", 0, "of the variant \"far\" (default 20ms)")
	flags.StringSliceVar(&c.Variants, "variants", nil, "of plain, tls and far (default all; plain in a burst)")
	return command
}
