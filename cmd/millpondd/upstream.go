package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"millpond/proxy/control"
	"millpond/settings"
)

func (a *app) upstreamCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "upstream",
		Short: "Show, change and test the upstreams",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return &failure{code: exitUsage, err: errors.New("upstream needs a command"), next: `Run "millpondd upstream --help" for the list.`}
		},
	}
	c.AddCommand(a.upstreamListCommand(), a.upstreamAddCommand(), a.upstreamRemoveCommand(), a.upstreamUseCommand(), a.upstreamTestCommand())
	return c
}

// listed is one upstream of the list: what is set, and how it does when a daemon runs.
type listed struct {
	Name       string `json:"name"`
	Kind       string `json:"kind"`
	URL        string `json:"url"`
	Enabled    bool   `json:"enabled"`
	Priority   int    `json:"priority"`
	Weight     int    `json:"weight"`
	Credential string `json:"credential"` // a reference
	Egress     string `json:"egress"`
	Configured bool   `json:"configured"` // false for one that only the daemon's flags brought

	Live *control.Upstream `json:"live"` // nil when no daemon runs it
}

func (a *app) upstreamListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the upstreams, and how they do while the daemon runs",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, status, err := a.current(c.Context())
			if err != nil {
				return err
			}
			list := listOf(s, status)
			if asJSON {
				return writeJSON(a.std.out, list)
			}
			return a.printList(list, status != nil)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// listOf joins what is set with what runs, by kind and priority.
func listOf(s *settings.Settings, status *control.Status) []listed {
	list := []listed{}
	live := map[string]control.Upstream{}
	if status != nil {
		for _, u := range status.Stats.Upstreams {
			live[u.Name] = u
		}
	}
	for _, u := range s.Upstreams {
		l := listed{Name: u.Name, Kind: string(u.Kind), URL: u.URL, Enabled: u.Enabled, Priority: u.Priority, Weight: u.Weight,
			Credential: u.Credential, Egress: u.Egress, Configured: true}
		if running, ok := live[u.Name]; ok {
			l.Live = &running
			delete(live, u.Name)
		}
		list = append(list, l)
	}
	for _, u := range live {
		list = append(list, listed{Name: u.Name, Kind: u.Kind, URL: u.URL, Enabled: true, Live: &u})
	}
	slices.SortStableFunc(list, func(a, b listed) int {
		return cmp.Or(compareBools(b.Configured, a.Configured), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Priority, b.Priority),
			cmp.Compare(nameUnless(a.Configured, a.Name), nameUnless(b.Configured, b.Name)))
	})
	return list
}

// nameUnless is "" for configured ones, which keep the order of the file.
func nameUnless(configured bool, name string) string {
	if configured {
		return ""
	}
	return name
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// printList prints the list for a person.
func (a *app) printList(list []listed, running bool) error {
	if len(list) == 0 {
		_, err := fmt.Fprintln(a.std.out, `There are no upstreams. Add one with "millpondd upstream add", such as: millpondd upstream add anthropic`)
		return err
	}
	t := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	if !running {
		fmt.Fprintln(t, "name\tkind\tpriority\tstate\turl")
		for _, u := range list {
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%s\n", u.Name, u.Kind, u.Priority, u.state(), u.URL)
		}
		return t.Flush()
	}
	fmt.Fprintln(t, "name\tkind\tpriority\tstate\trequests\tsuccess\tp50 ms\tp99 ms\tcloses idle\turl")
	for _, u := range list {
		if u.Live == nil {
			fmt.Fprintf(t, "%s\t%s\t%d\t%s\t-\t-\t-\t-\t-\t%s\n", u.Name, u.Kind, u.Priority, "not in use", u.URL)
			continue
		}
		v := u.Live
		fmt.Fprintf(t, "%s\t%s\t%d\t%s\t%d\t%s\t%s\t%s\t%s\t%s\n", u.Name, u.Kind, u.Priority, u.state(), v.Requests, percent(v.SuccessRate),
			number(v.LatencyMS.P50), number(v.LatencyMS.P99), learned(v.LearnedIdleSeconds), u.URL)
	}
	return t.Flush()
}

// state says in a word how the upstream is.
func (u listed) state() string {
	switch {
	case !u.Enabled:
		return "disabled"
	case u.Live == nil:
		return "enabled"
	case !u.Configured:
		return upstreamState(*u.Live) + ", by a flag"
	}
	return upstreamState(*u.Live)
}

// find returns the index of an upstream. The error tells the names that there are.
func find(s *settings.Settings, name string) (int, error) {
	var names []string
	for i, u := range s.Upstreams {
		if u.Name == name {
			return i, nil
		}
		names = append(names, u.Name)
	}
	next := `There is none; add one with "millpondd upstream add".`
	if len(names) > 0 {
		next = "There are " + strings.Join(names, ", ") + "."
		if near := settings.Nearest(name, names); near != "" {
			next = fmt.Sprintf("Did you mean %s?", near)
		}
	}
	return -1, &failure{code: exitUsage, err: fmt.Errorf("no upstream is named %q", name), next: next}
}
