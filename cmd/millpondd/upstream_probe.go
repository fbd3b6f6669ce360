package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"millpond/proxy"
	"millpond/proxy/probe"
	"millpond/settings"
)

// testWait bounds a test; slowStep is when a person is told what it waits for.
const (
	testWait = time.Minute
	slowStep = 2 * time.Second
)

func (a *app) upstreamTestCommand() *cobra.Command {
	var asJSON bool
	var given settings.Upstream
	c := &cobra.Command{
		Use:   "test NAME | --url URL",
		Short: "Try an upstream step by step, without sending a completion",
		Long: `Try an upstream step by step, without sending a completion.

One request is sent that costs nothing, as the output says: a list of models for
anthropic, openai and gemini, the agent card for a2a, HEAD for http. When the
credential is accepted, it is sent once more without it, to see whether it mattered.
The requests do not go through the running proxy and are not counted.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			config, err := a.probeConfig(c.Context(), args, given)
			if err != nil {
				return err
			}
			return a.test(c.Context(), config, asJSON)
		},
	}
	flags := c.Flags()
	flags.StringVar(&given.URL, "url", "", "test this base `URL`, which need not be in the settings")
	flags.StringVar((*string)(&given.Kind), "kind", "", "what it speaks, with --url (default: known by the URL, else http)")
	flags.StringVar(&given.Credential, "credential", "", "`REFERENCE` to its key, with --url")
	flags.StringVar(&given.Egress, "egress", "", "proxy to go out by, with --url")
	jsonFlag(c, &asJSON)
	return c
}

// probeConfig says what to test: a configured upstream, or one that is given by flags.
func (a *app) probeConfig(ctx context.Context, args []string, given settings.Upstream) (probe.Config, error) {
	if (len(args) == 1) == (given.URL != "") {
		return probe.Config{}, &failure{code: exitUsage, err: errors.New("test needs the name of an upstream or --url, and not both"),
			next: `"millpondd upstream list" shows the names.`}
	}
	s, _, err := a.current(ctx)
	if err != nil {
		return probe.Config{}, err
	}
	if given.URL == "" {
		i, err := find(s, args[0])
		if err != nil {
			return probe.Config{}, err
		}
		given = s.Upstreams[i]
	} else if given, err = checked(s, given); err != nil {
		return probe.Config{}, err
	}
	return probe.Config{Upstream: given, Protocol: s.PoolFor(given).Protocol, Timeouts: s.Timeouts}, nil
}

// checked completes an upstream that flags give and puts it through the settings' rules.
func checked(s *settings.Settings, given settings.Upstream) (settings.Upstream, error) {
	f := addFlags{upstream: given}
	if _, err := f.complete(); err != nil {
		return given, err
	}
	given = f.upstream
	given.Name, given.Enabled, given.Priority, given.Weight = "given", true, 1, 1
	alone := s.Clone()
	alone.Upstreams, alone.Routes = []settings.Upstream{given}, nil
	if err := alone.Validate(); err != nil {
		for _, e := range settings.FieldErrors(err) {
			e.Source = "the flags"
		}
		return given, err
	}
	given.Name = ""
	return given, nil
}

// test runs the test, tells of slow steps, and prints what was found.
func (a *app) test(ctx context.Context, config probe.Config, asJSON bool) error {
	ctx, cancel := context.WithTimeout(ctx, testWait)
	defer cancel()
	steps := make(chan string)
	var wg sync.WaitGroup
	done, stop := context.WithCancel(ctx)
	wg.Go(func() { tellSlow(done, a.std.err, steps) })
	config.Progress = func(step string) {
		select {
		case steps <- step:
		case <-done.Done(): // net/http may trace after its answer
		}
	}
	r := probe.Run(ctx, config)
	stop()
	wg.Wait()
	r.Egress, r.Problem = proxy.Redact(r.Egress), proxy.Redact(r.Problem)
	if asJSON {
		if err := writeJSON(a.std.out, r); err != nil {
			return err
		}
	} else if err := printReport(a.std.out, r); err != nil {
		return err
	}
	if !r.OK {
		return failed(errors.New(r.Problem), r.Advice)
	}
	return nil
}

// tellSlow says what the test waits for when a step takes long.
func tellSlow(ctx context.Context, w io.Writer, steps <-chan string) {
	step := "to begin"
	slow := time.NewTimer(slowStep)
	defer slow.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-steps:
			step = next
			slow.Reset(slowStep)
		case <-slow.C:
			fmt.Fprintf(w, "still waiting: %s ...\n", step)
			slow.Reset(slowStep)
		}
	}
}

// printReport prints the report for a person.
func printReport(w io.Writer, r *probe.Report) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, text string) {
		if text != "" {
			fmt.Fprintf(t, "%s\t%s\n", name, text)
		}
	}
	row("upstream", strings.TrimPrefix(r.Name+" ", " ")+r.Kind+" at "+r.URL)
	row("sent", r.Sent+carrying(r.WithAuth))
	row("egress", r.Egress)
	row("dns", took(r.DNS)+after(strings.Join(r.Addresses, ", ")))
	row("connect", took(r.Connect)+after(r.Remote))
	row("tls", took(r.Handshake)+after(tlsInWords(r.TLS)))
	row("first byte", took(r.FirstByte)+after(answerInWords(r)))
	row("protocol", r.Protocol)
	row("keep-alive", r.KeepAlive)
	if r.TLS != nil {
		row("certificate", fmt.Sprintf("until %s, by %s", r.TLS.Expires.Format(time.DateOnly), orDash(r.TLS.Issuer)))
	}
	row("credential", verdicts[r.Auth])
	for _, warning := range r.Warnings {
		row("warning", warning)
	}
	row("total", number(r.Total)+" ms")
	return t.Flush()
}

// verdicts say what became of the credential. It never changes.
var verdicts = map[probe.Verdict]string{
	probe.Accepted:    "accepted",
	probe.NotNeeded:   "not asked for: the answer is the same without one",
	probe.PassThrough: "asked for; clients bring their own",
	probe.Refused:     "refused",
	probe.Unreadable:  "cannot be read",
	probe.Unknown:     "not known: the answer does not tell",
}

func took(ms *float64) string {
	if ms == nil {
		return "-"
	}
	return number(*ms) + " ms"
}

func after(text string) string {
	if text == "" {
		return ""
	}
	return ", " + text
}

func carrying(field string) string {
	if field == "" {
		return ""
	}
	return ", with the credential in " + field
}

func tlsInWords(t *probe.TLS) string {
	if t == nil {
		return ""
	}
	words := t.Version + ", " + t.Cipher
	switch {
	case t.Resumed == nil:
	case *t.Resumed:
		words += ", resumed by the next connection"
	default:
		words += ", not resumed by the next connection"
	}
	return words
}

func answerInWords(r *probe.Report) string {
	if r.Status == 0 {
		return ""
	}
	return fmt.Sprintf("status %d", r.Status)
}
