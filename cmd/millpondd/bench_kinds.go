package main

import (
	"context"

	"github.com/spf13/cobra"

	"millpond/proxy/bench"
)

func (a *app) fanoutCommand() *cobra.Command {
	var f benchFlags
	var c bench.FanoutConfig
	var own ownFlags
	command := &cobra.Command{
		Use:   "fanout",
		Short: "Agents that ask many workers at once, by how connections are kept",
		Long: `Agents that ask many workers at once, by how connections are kept: one client shared
by all with too few idle slots and with enough, a client for each agent, and Millpond
in each scope. With --concurrency, a burst of so many callers instead. With --advise, a
Millpond whose pool does not fit, and the same again after it has found out what to change,
by "millpondd advise" and "advise apply".

With --url, a few requests to an upstream of yours instead, by a client that keeps too
few connections, one that keeps enough, and Millpond: GET or HEAD alone, unless
--post-body names a file to send; never more than --requests in all and 32 at one time.
You are asked before anything is sent.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := own.check(cmd); err != nil {
				return err
			}
			if own.URL != "" {
				return a.benchOwn(cmd, f, own)
			}
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
	flags.IntVar(&c.MaxIdle, "max-idle", 0, "unused connections that Millpond keeps; 20 shows a pool that does not fit (default 200, or 20 with --advise)")
	flags.BoolVar(&c.Advise, "advise", false, "only a Millpond whose pool does not fit, before and after it has applied its own advice")
	flags.StringSliceVar(&c.Variants, "variants", nil, "of plain, tls and far (default all; plain in a burst)")
	own.flags(command)
	return command
}

func (a *app) staleCommand() *cobra.Command {
	var f benchFlags
	var c bench.StaleConfig
	command := &cobra.Command{
		Use:   "stale",
		Short: "Requests that meet the moment in which the upstream closes an idle connection",
		Long: `Requests that meet the moment in which the upstream closes an idle connection: how many
fail, how many of those had run, and how many ran twice; by Go's client alone, Go's
reverse proxy, and Millpond.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.bench(cmd.Context(), f, func(ctx context.Context, o bench.Options) (*bench.Report, error) {
				return bench.Stale(ctx, o, c)
			})
		},
	}
	f.flags(command, 3)
	flags := command.Flags()
	flags.DurationVar(&c.Idle, "idle", 0, "the upstream closes a connection that was idle so long (default 300ms)")
	flags.DurationVar(&c.Spread, "spread", 0, "callers pause so much shorter or longer than that (default 30ms)")
	flags.IntVar(&c.Callers, "callers", 0, "who ask at the same time (default 32)")
	flags.IntVar(&c.Questions, "questions", 0, "of each caller (default 40)")
	flags.DurationVar(&c.RoundTrip, "round-trip", 0, "to the upstream (default 20ms)")
	return command
}

func (a *app) streamCommand() *cobra.Command {
	var f benchFlags
	var c bench.StreamConfig
	command := &cobra.Command{
		Use:   "stream",
		Short: "What a proxy adds to event streams that run at one time",
		Long: `What a proxy adds to event streams that run at one time: to the first byte, to each
event, and how much memory a stream takes (on Linux).`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.bench(cmd.Context(), f, func(ctx context.Context, o bench.Options) (*bench.Report, error) {
				return bench.Stream(ctx, o, c)
			})
		},
	}
	f.flags(command, 5)
	flags := command.Flags()
	flags.IntVar(&c.Streams, "streams", 0, "how many at one time (default 500)")
	flags.IntVar(&c.Events, "events", 0, "in each stream (default 20)")
	flags.DurationVar(&c.Every, "every", 0, "between two events (default 100ms)")
	return command
}

func (a *app) compareCommand() *cobra.Command {
	var f benchFlags
	var c bench.CompareConfig
	command := &cobra.Command{
		Use:   "compare",
		Short: "Millpond beside other proxies",
		Long: `Millpond beside no proxy at all, Go's reverse proxy, and whichever of nginx, HAProxy,
Caddy, and a proxy of aiohttp or httpx are installed. Their settings are written by the
benchmark and noted in the report. They take turns, so that all meet the same noise, in
one shape of traffic after the other:

  requests   over connections that stay, once for each number in --connections
  tls        the same to an upstream over TLS
  reconnect  a new connection for each request, to an upstream over TLS that is 20 ms away
  stream     event streams: processor time for each chunk
  memory     event streams that wait: resident memory for each

No proxy, ReverseProxy as it comes, aiohttp and httpx are compared in the first alone.`,
		Example: `  millpondd bench compare --to nginx --only nginx,haproxy,reverseproxy
  millpondd bench compare --shapes requests --connections 32,1 --rounds 21`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.bench(cmd.Context(), f, func(ctx context.Context, o bench.Options) (*bench.Report, error) {
				return bench.Compare(ctx, o, c)
			})
		},
	}
	f.flags(command, 11)
	flags := command.Flags()
	flags.StringSliceVar(&c.Shapes, "shapes", nil, "of requests, tls, reconnect, stream and memory (default all)")
	flags.IntSliceVar(&c.Connections, "connections", nil, "from the load to the proxy; shapes other than requests use the first (default 32,1000,1)")
	flags.IntVar(&c.Requests, "requests", 0, "in each round, at least 10 for a connection; a fifth in shape reconnect, as many chunks in shape stream (default 3000)")
	flags.IntVar(&c.Chunks, "chunks", 0, "of a stream in shape stream (default 120)")
	flags.IntVar(&c.Streams, "streams", 0, "that wait in shape memory (default 1000)")
	flags.StringSliceVar(&c.Only, "only", nil, "compare Millpond with these alone, as in nginx,haproxy")
	flags.StringVar(&c.To, "to", "", "the proxy that ratios are to (default millpond)")
	return command
}
