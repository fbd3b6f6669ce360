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
	"millpond/proxy/control"
	"millpond/settings"
)

// slowStep is when a person is told what a test waits for.
const slowStep = 2 * time.Second

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
The daemon sends the requests where it runs, since it is the one that must be able to
read the credential, and else this program does. They use no connection of the pool
and are not counted.`,
		Example: "  millpondd upstream test anthropic\n  millpondd upstream test --url https://relay.example --kind anthropic",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			examine, err := a.examination(c.Context(), args, given)
			if err != nil {
				return err
			}
			return a.test(c.Context(), examine, asJSON)
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

// An examination tests an upstream and tells of each step.
type examination func(ctx context.Context, step func(control.ProbeProgress)) (*control.ProbeReport, error)

// examination says what to test, a configured upstream or one that is given by flags,
// and who does it: the daemon where it runs, since its secrets and its way out are what
// counts, and else this program.
func (a *app) examination(ctx context.Context, args []string, given settings.Upstream) (examination, error) {
	if (len(args) == 1) == (given.URL != "") {
		return nil, &failure{code: exitUsage, err: errors.New("test needs the name of an upstream or --url, and not both"),
			next: `"millpondd upstream list" shows the names.`}
	}
	s, status, err := a.current(ctx)
	if err != nil {
		return nil, err
	}
	question := control.ProbeRequest{Upstream: &given}
	if given.URL == "" {
		i, err := find(s, args[0])
		if err != nil {
			return nil, err
		}
		question = control.ProbeRequest{Name: args[0]}
		given = s.Upstreams[i]
	} else if given, err = checked(s, given); err != nil {
		return nil, err
	}
	if status == nil {
		return func(ctx context.Context, step func(control.ProbeProgress)) (*control.ProbeReport, error) {
			return proxy.Examine(ctx, s, given, step), nil
		}, nil
	}
	return func(ctx context.Context, step func(control.ProbeProgress)) (*control.ProbeReport, error) {
		client := control.Dial(control.DefaultSocket(a.getenv))
		defer client.Close()
		report, err := client.ProbeSteps(ctx, question, step)
		if err != nil {
			return nil, askError(err)
		}
		return &report, nil
	}, nil
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
func (a *app) test(ctx context.Context, examine examination, asJSON bool) error {
	steps := make(chan string)
	var wg sync.WaitGroup
	done, stop := context.WithCancel(ctx)
	wg.Go(func() { tellSlow(done, a.std.err, steps) })
	r, err := examine(ctx, func(p control.ProbeProgress) {
		select {
		case steps <- p.Step:
		case <-done.Done(): // net/http may trace after its answer
		}
	})
	stop()
	wg.Wait()
	if err != nil {
		return err
	}
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
func printReport(w io.Writer, r *control.ProbeReport) error {
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
var verdicts = map[string]string{
	control.CredentialAccepted:    "accepted",
	control.CredentialNotNeeded:   "not asked for: the answer is the same without one",
	control.CredentialPassThrough: "asked for; clients bring their own",
	control.CredentialRefused:     "refused",
	control.CredentialUnreadable:  "cannot be read",
	control.CredentialUnknown:     "not known: the answer does not tell",
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

func tlsInWords(t *control.ProbeTLS) string {
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

func answerInWords(r *control.ProbeReport) string {
	if r.Status == 0 {
		return ""
	}
	return fmt.Sprintf("status %d", r.Status)
}
