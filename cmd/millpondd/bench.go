package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"millpond/proxy/bench"
)

// benchSeed is the seed of every run that names no other.
const benchSeed = 1

// benchFlags are common to all benchmarks.
type benchFlags struct {
	json     bool
	html     string
	quick    bool
	seed     uint64
	rounds   int
	cores    int
	deadline time.Duration
}

// A benchmark runs one kind under the common options.
type benchmark func(ctx context.Context, o bench.Options) (*bench.Report, error)

func (a *app) benchCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "bench",
		Short: "Measure what pooling is worth on this machine",
		Long: `Measure what pooling is worth on this machine.

Every benchmark makes its own upstream, and starts every proxy that it measures as a
process of its own on a free port: the Millpond that may be running, and its settings,
are not touched. All traffic stays on the loopback, unless --url names an upstream of
yours. The table goes to stdout, the progress to stderr. Compare ratios within one
report, not milliseconds between two.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &failure{code: exitUsage, err: errors.New("bench needs a benchmark: fanout, stale, stream or compare"),
				next: `Run "millpondd help bench" for what they measure.`}
		},
	}
	c.AddCommand(a.fanoutCommand(), a.staleCommand(), a.streamCommand(), a.compareCommand(), a.childCommand())
	return c
}

// flags adds the flags that all benchmarks have.
func (f *benchFlags) flags(c *cobra.Command, rounds int) {
	jsonFlag(c, &f.json)
	c.Flags().StringVar(&f.html, "html", "", "also write a report with charts to `FILE`")
	c.Flags().BoolVar(&f.quick, "quick", false, "a few requests only, to see that it works; the figures mean nothing")
	c.Flags().Uint64Var(&f.seed, "seed", benchSeed, "of everything that is random")
	c.Flags().IntVar(&f.rounds, "rounds", rounds, "measure each way so many times, in turn")
	c.Flags().IntVar(&f.cores, "cores", runtime.NumCPU(), "processor cores that each proxy may use")
	c.Flags().Lookup("cores").DefValue = "all" // the help and the manual do not depend on the machine
	c.Flags().DurationVar(&f.deadline, "deadline", 30*time.Minute, "give up after this time")
}

// bench runs a benchmark and prints its report.
func (a *app) bench(ctx context.Context, f benchFlags, b benchmark) error {
	if f.rounds < 1 || f.rounds > 100 || f.cores < 1 || f.cores > 1024 {
		return &failure{code: exitUsage, err: errors.New("--rounds is 1 to 100 and --cores at least 1")}
	}
	ctx, cancel := context.WithTimeoutCause(ctx, f.deadline, fmt.Errorf("the benchmark was not done within %v", f.deadline))
	defer cancel()
	o := bench.Options{Child: child, Command: self, Version: programVersion(), Seed: f.seed, Rounds: f.rounds, Cores: f.cores, Quick: f.quick}
	if f.quick {
		o.Rounds = min(o.Rounds, 2)
	}
	o.Progress = bench.NewProgress(a.std.err, isTerminal(a.std.err))
	report, err := b(ctx, o)
	o.Progress.Close()
	switch {
	case err != nil && context.Cause(ctx) != nil:
		return failed(context.Cause(ctx), "What it had started was ended.")
	case err != nil:
		return benchError(err)
	}
	if f.html != "" {
		if err := writeHTML(f.html, report); err != nil {
			return failed(err, "")
		}
	}
	if f.json {
		return report.WriteJSON(a.std.out)
	}
	return report.WriteText(a.std.out)
}

// benchError gives an error of a benchmark its exit code.
func benchError(err error) error {
	if known := (*failure)(nil); errors.As(err, &known) {
		return err
	}
	if errors.Is(err, bench.ErrUsage) {
		return &failure{code: exitUsage, err: err}
	}
	return failed(err, "")
}

// writeHTML writes the report as a page.
func writeHTML(name string, r *bench.Report) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(r.WriteHTML(file), file.Close())
}

// child returns a command that runs this program as one of the proxies that are compared.
func child(args ...string) *exec.Cmd { return self(append([]string{"bench", "child"}, args...)...) }

// self returns a command that runs this program.
func self(args ...string) *exec.Cmd {
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	cmd := exec.Command(program, args...)
	cmd.Args[0] = filepath.Base(os.Args[0])
	return cmd
}

func (a *app) childCommand() *cobra.Command {
	var listen, upstream, roots string
	c := &cobra.Command{
		Use:    "child NAME",
		Short:  "Be a proxy that a benchmark measures",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ctx, cancel := context.WithCancel(c.Context())
			defer cancel()
			go func() { // it ends with its process: nobody can break off a read of a pipe
				_, _ = io.Copy(io.Discard, a.std.in)
				cancel()
			}()
			if err := bench.TrustOnly(roots); err != nil {
				return failed(err, "")
			}
			if args[0] != "millpond" {
				return benchError(bench.ReverseProxy(ctx, args[0], listen, upstream))
			}
			a.std.err = &firstWords{w: a.std.err, left: 4 << 10}
			return a.serve(ctx, serveFlags{}, nil)
		},
	}
	c.Flags().StringVar(&listen, "listen", "", "the address to listen on")
	c.Flags().StringVar(&upstream, "upstream", "", "the URL of the upstream")
	c.Flags().StringVar(&roots, "roots", "", "trust these authorities alone")
	return c
}

// firstWords passes on the beginning of what is written, so that a start that fails can be told,
// and drops the rest: the log goes to its file.
type firstWords struct {
	w    io.Writer
	left int
}

func (f *firstWords) Write(b []byte) (int, error) {
	n := min(len(b), f.left)
	f.left -= n
	if n > 0 {
		if _, err := f.w.Write(b[:n]); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}
