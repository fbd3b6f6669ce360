package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
)

// printVerdict prints the verdict for a person.
func printVerdict(w io.Writer, v control.Verdict) error {
	fmt.Fprintf(w, "Of the last %s there are %s.\n", settings.FormatDuration(v.Window), covered(v.Covered))
	fmt.Fprintf(w, "Keep: success above %s and errors below %s. Switch: success below %s or errors above %s. Else: watch.\n\n",
		short(100*v.SuccessTarget), short(100*v.ErrorTarget), short(100*v.SwitchBelow), short(500*v.ErrorTarget))
	if len(v.Rows) == 0 {
		_, err := fmt.Fprintln(w, `There are no upstreams. Add one with "millpondd upstream add".`)
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "upstream\ttransport\tscope\trequests\tsuccess\terrors\tp50\tp99\tverdict")
	for _, r := range v.Rows {
		success, errors := "-", "-"
		if r.Requests > 0 {
			success, errors = percent(r.SuccessRate), percent(r.ErrorRate)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", r.Upstream, orDash(r.Transport), orDash(r.Scope), r.Requests,
			success, errors, number(r.LatencyMS.P50), number(r.LatencyMS.P99), r.Decision)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, r := range v.Rows {
		fmt.Fprintln(w, r.Sentence)
		if p := r.Proposal; p != nil {
			fmt.Fprintf(w, "  Try it: millpondd verdict try %s %s=%s --share 0.5\n", r.Upstream, p.Setting, p.To)
		}
	}
	return printTrials(w, v.Trials)
}

func printTrials(w io.Writer, trials []control.Trial) error {
	if len(trials) == 0 {
		return nil
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "\ntrial\tshare\tby\trequests\tsuccess\tp50\tp99\tdials\tstate")
	for _, one := range trials {
		for _, arm := range []struct {
			name  string
			share float64
			of    control.Arm
			state string
		}{{one.ID, 1 - one.Share, one.Base, trialState(one)}, {"", one.Share, one.Other, ""}} {
			success := "-"
			if arm.of.Requests > 0 {
				success = percent(arm.of.SuccessRate)
			}
			fmt.Fprintf(t, "%s\t%s\t%s=%s\t%d\t%s\t%s\t%s\t%d\t%s\n", arm.name, short(100*arm.share), one.Setting, arm.of.Value, arm.of.Requests,
				success, number(arm.of.LatencyMS.P50), number(arm.of.LatencyMS.P99), arm.of.Dials, arm.state)
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, one := range trials {
		fmt.Fprintf(w, "%s: %s\n", one.ID, one.Sentence)
		switch {
		case one.CanApply:
			fmt.Fprintf(w, "  Put %s=%s into the settings: millpondd verdict apply %s\n", one.Setting, one.Winner, one.ID)
		case one.CanUndo:
			fmt.Fprintf(w, "  Take it back: millpondd verdict undo %s\n", one.ID)
		}
	}
	return nil
}

// trialState says in a few words how a trial is.
func trialState(t control.Trial) string {
	switch {
	case t.Ended == nil:
		return "runs"
	case t.Applied:
		return "applied"
	case t.EndedBy == control.EndedWorse:
		return "ended: the other way fails more"
	case t.EndedBy == control.EndedBySettings:
		return "ended: the upstream's settings were changed"
	}
	return "ended"
}

// covered writes how much of a window there is.
func covered(d time.Duration) string {
	switch {
	case d <= 0:
		return "no requests yet"
	case d < time.Hour:
		return d.Round(time.Second).String()
	}
	return settings.FormatDuration(d.Round(time.Minute))
}

// short writes a percentage without zeros behind it.
func short(p float64) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", p), "0"), ".") + " %"
}
