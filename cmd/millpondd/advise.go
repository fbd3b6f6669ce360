package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"millpond/proxy/control"
)

func (a *app) adviseCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "advise",
		Short: "Show what would make the proxy work better, and do it",
		Long: `Show what the running proxy makes of its statistics: what costs time or requests, the
figures that say so, which settings to change, and what that should bring. Advice rests on
the requests since the settings were last changed, 24 hours at most; where too few were
seen it says what is missing.

"advise apply" makes the change, and the effect is measured by the same figure from then
on. "advise undo" sets back exactly what was changed.`,
		Example: "  millpondd advise\n  millpondd advise apply idle_slots\n  millpondd advise undo idle_slots",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			advice, _, err := a.askAdvice(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, advice)
			}
			return printAdvice(a.std.out, advice)
		},
	}
	jsonFlag(c, &asJSON)
	c.AddCommand(
		a.takeCommand("apply", "Make the change that a piece of advice proposes", (*control.Client).ApplyAdvice, false),
		a.takeCommand("undo", "Set back exactly what a piece of advice changed", (*control.Client).UndoAdvice, true))
	return c
}

// askAdvice asks the daemon that runs under our settings for its advice, and for the status that it
// is adviceTaken from.
func (a *app) askAdvice(ctx context.Context) (control.Advice, control.Status, error) {
	status, err := a.askOurStatus(ctx)
	if err != nil {
		return control.Advice{}, status, err
	}
	client := control.Dial(control.DefaultSocket(a.getenv))
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	advice, err := client.Advice(ctx)
	return advice, status, askError(err)
}

// adviceTaken is what applying or undoing prints as JSON.
type adviceTaken struct {
	ID      string           `json:"id"`
	Changes []control.Change `json:"changes"`
	Path    string           `json:"path"` // of the settings file
}

// takeCommand is "advise apply" or, which goes back, "advise undo".
func (a *app) takeCommand(use, short string, do func(*control.Client, context.Context, uint64, string) error, back bool) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: use + " ID", Short: short, Args: cobra.ExactArgs(1),
		ValidArgsFunction: one(func(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			return a.adviceIDs(c.Context(), back), cobra.ShellCompDirectiveNoFileComp
		}),
		RunE: func(c *cobra.Command, args []string) error {
			done, err := a.take(c.Context(), args[0], do)
			if err != nil {
				return err
			}
			if back {
				for i, change := range done.Changes {
					done.Changes[i] = control.Change{Key: change.Key, From: change.To, To: change.From}
				}
			}
			if asJSON {
				return writeJSON(a.std.out, done)
			}
			return printTaken(a.std.out, done, back)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// take applies a piece of advice or takes it back. When the settings are changed by someone else in
// the same moment it looks again: whether the advice still holds is the daemon's to say.
func (a *app) take(ctx context.Context, id string, do func(*control.Client, context.Context, uint64, string) error) (adviceTaken, error) {
	for try := 1; ; try++ {
		advice, status, err := a.askAdvice(ctx)
		if err != nil {
			return adviceTaken{}, err
		}
		done := adviceTaken{ID: id, Changes: []control.Change{}, Path: status.ConfigPath}
		for _, r := range advice.Items {
			if r.ID == id {
				done.Changes = r.Patch
			}
		}
		client := control.Dial(control.DefaultSocket(a.getenv))
		ctx, cancel := context.WithTimeout(ctx, editWait)
		err = do(client, ctx, status.Revision, id)
		cancel()
		client.Close()
		if !errors.Is(err, control.ErrStale) || try == editTries {
			return done, adviceError(err)
		}
	}
}

// adviceError gives a refusal of advice its exit code and what to do next.
func adviceError(err error) error {
	var refused *control.Error
	if err == nil || !errors.As(err, &refused) {
		return askError(err)
	}
	const look = `"millpondd advise" shows what there is.`
	switch refused.Code {
	case control.CodeNoAdvice:
		return &failure{code: exitUsage, err: err, next: look}
	case control.CodeNothingToApply, control.CodeStale:
		return &failure{code: exitRefused, err: err, next: look}
	case control.CodeChangedSince:
		return &failure{code: exitRefused, err: err, next: `Change it yourself with "millpondd config set".`}
	}
	return askError(err)
}

// adviceIDs completes the names of advice that can be applied, or undone.
func (a *app) adviceIDs(ctx context.Context, back bool) []cobra.Completion {
	advice, _, err := a.askAdvice(ctx)
	if err != nil {
		return nil
	}
	var ids []cobra.Completion
	for _, r := range advice.Items {
		if back && r.CanUndo || !back && r.AppliedAt == nil && len(r.Patch) > 0 {
			ids = append(ids, cobra.CompletionWithDesc(r.ID, r.Sentence))
		}
	}
	return ids
}

// printTaken prints what was changed.
func printTaken(w io.Writer, done adviceTaken, back bool) error {
	for _, c := range done.Changes {
		fmt.Fprintf(w, "%s = %s, was %s\n", c.Key, orNothing(c.To), orNothing(c.From))
	}
	text := "It applies now and is saved in " + done.Path + ".\nIts effect is measured from now on: see \"millpondd advise\"."
	if back {
		text = "It is as before, and saved in " + done.Path + "."
	}
	_, err := fmt.Fprintln(w, text)
	return err
}

// printAdvice prints advice for a person.
func printAdvice(w io.Writer, advice control.Advice) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "Advice from the requests since %s\n", advice.Since.Local().Format("2006-01-02 15:04:05"))
	open := 0
	for _, r := range advice.Items {
		if r.AppliedAt == nil {
			open++
		}
		printRecommendation(t, r)
	}
	if open == 0 {
		fmt.Fprintln(t, "\nThere is nothing to improve by what was seen.")
	}
	if len(advice.Missing) > 0 {
		fmt.Fprintln(t, "\nNot enough was seen yet for advice on:")
		for _, m := range advice.Missing {
			fmt.Fprintf(t, "  %s\t%s\n", adviceName(m.Code, m.Upstream), missingInWords(m))
		}
	}
	return t.Flush()
}

func printRecommendation(w io.Writer, r control.Recommendation) {
	fmt.Fprintf(w, "\n%s\n", r.ID)
	for line := range strings.SplitSeq(wrap(r.Sentence, 88), "\n") {
		fmt.Fprintf(w, "  %s\n", line)
	}
	figures := make([]string, len(r.Figures))
	for i, f := range r.Figures {
		figures[i] = strings.ReplaceAll(strings.TrimSuffix(f.Key, "_ms"), "_", " ") + " " + figureInWords(f.Value, f.Unit)
	}
	for i, line := range strings.Split(wrap(strings.Join(figures, ", "), 76), "\n") {
		fmt.Fprintf(w, "  %s\t%s\n", []string{"figures", ""}[min(i, 1)], line)
	}
	for _, c := range r.Patch {
		fmt.Fprintf(w, "  change\t%s from %s to %s\n", c.Key, orNothing(c.From), orNothing(c.To))
	}
	if r.Expected != nil {
		fmt.Fprintf(w, "  expected\t%s\n", effectInWords(*r.Expected))
	}
	switch {
	case r.AppliedAt == nil && len(r.Patch) > 0:
		fmt.Fprintf(w, "  to do it\tmillpondd advise apply %s\n", r.ID)
	case r.AppliedAt != nil:
		fmt.Fprintf(w, "  applied\t%s\n", r.AppliedAt.Local().Format("2006-01-02 15:04:05"))
		measured := "too few requests since then"
		if r.Measured != nil {
			measured = effectInWords(*r.Measured)
		}
		fmt.Fprintf(w, "  measured\t%s\n", measured)
		if r.CanUndo {
			fmt.Fprintf(w, "  to undo it\tmillpondd advise undo %s\n", r.ID)
		} else {
			fmt.Fprintln(w, "  to undo it\tnot possible: these settings were changed since")
		}
	}
}

// effectWords say what the figures of effects count.
var effectWords = map[string]string{
	"dials_per_100":  "connections opened per 100 requests",
	"queued_per_100": "of 100 requests held up by limits",
	"others_per_100": "of 100 requests of the other callers held up by limits",
	"lost_per_100":   "connections closed by the upstream while they were kept, per 100 requests",
	"cold_per_100":   "of 100 requests waiting for a handshake",
	"error_rate":     "of the requests failing",
	"latency_p50_ms": "for half of the requests",
}

func effectInWords(e control.Effect) string {
	words := effectWords[e.Key]
	if words == "" {
		words = e.Key
	}
	return figureInWords(e.Before, e.Unit) + " -> " + figureInWords(e.After, e.Unit) + " " + words
}

// figureInWords writes a figure with its unit and as many places as matter.
func figureInWords(v float64, unit string) string {
	text := strconv.FormatFloat(v, 'f', 1, 64)
	if v >= 100 || v == float64(int64(v)) {
		text = strconv.FormatFloat(v, 'f', 0, 64)
	}
	switch unit {
	case "percent":
		return text + " %"
	case "":
		return text
	}
	return text + " " + unit
}

func adviceName(code, upstream string) string {
	if upstream == "" {
		return code
	}
	return code + ":" + upstream
}

// missingInWords says what must be seen before there is advice.
func missingInWords(m control.Missing) string {
	if m.Of == "direct_requests" {
		return "no request that went without the egress proxy, to compare with"
	}
	return fmt.Sprintf("%d of %d %s", m.Have, m.Need, m.Of)
}

// wrap breaks a text into lines of at most so many characters, between words.
func wrap(text string, width int) string {
	var b strings.Builder
	at := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len(word) > width:
			b.WriteByte('\n')
			at = 0
		default:
			b.WriteByte(' ')
			at++
		}
		b.WriteString(word)
		at += len(word)
	}
	return b.String()
}
