package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"millpond/installer/hookup"
	"millpond/proxy"
	"millpond/proxy/control"
	"millpond/settings"
	"millpond/settings/store"
)

// connectFlags are those of connect and disconnect.
type connectFlags struct {
	dryRun, json, all bool
	upstream          string
}

// connection is what connect and disconnect print as JSON.
type connection struct {
	hookup.Changes
	Title   string   `json:"title"`   // of the client
	Address string   `json:"address"` // ours
	DryRun  bool     `json:"dry_run"` // nothing was written
	Notes   []string `json:"notes"`   // sentences
}

func (a *app) connectCommand() *cobra.Command {
	var f connectFlags
	c := &cobra.Command{
		Use:   "connect [CLIENT]",
		Short: "Point an agent's own settings at Millpond; without a name, list the agents",
		Long: `Point an agent's own settings at Millpond.

One key of the agent's settings file is changed and nothing else of it; what the key
held is kept, and "millpondd disconnect" puts it back. For a client that is set up by
hand it is printed what to copy. Without a name the clients and their states are listed.`,
		Example: "  millpondd connect\n  millpondd connect claude-code --dry-run\n  millpondd connect codex --upstream relay",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return a.listClients(c.Context(), f)
			}
			return a.connect(c.Context(), args[0], f)
		},
	}
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would change, and change nothing")
	c.Flags().StringVar(&f.upstream, "upstream", "", "lead to the upstream of this `NAME` alone (default: by kind and priority)")
	jsonFlag(c, &f.json)
	return c
}

func (a *app) disconnectCommand() *cobra.Command {
	var f connectFlags
	c := &cobra.Command{
		Use:   "disconnect CLIENT",
		Short: "Put back what an agent's settings held before connect",
		Long: `Put back what an agent's settings held before connect.

A key that was changed since is left as it is, and said.`,
		Example: "  millpondd disconnect claude-code\n  millpondd disconnect --all --dry-run",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if f.all == (len(args) == 1) {
				return &failure{code: exitUsage, err: errors.New("disconnect needs the name of a client or --all"), next: `"millpondd connect" lists the clients.`}
			}
			return a.disconnect(c.Context(), args, f)
		},
	}
	c.Flags().BoolVar(&f.dryRun, "dry-run", false, "show what would change, and change nothing")
	c.Flags().BoolVar(&f.all, "all", false, "every client that is connected")
	jsonFlag(c, &f.json)
	return c
}

// hookup returns the editor of the agents' settings.
func (a *app) hookup() (*hookup.Hookup, error) {
	state, err := store.StateDir(a.getenv)
	if err != nil {
		return nil, failed(err, "")
	}
	h, err := hookup.New(hookup.Config{Getenv: a.getenv, StateDir: state})
	if err != nil {
		return nil, failed(err, "")
	}
	return h, nil
}

// ourAddress returns where clients reach the proxy: where the daemon listens, or would. The status is
// nil when no daemon runs; the settings are those in force.
func (a *app) ourAddress(ctx context.Context) (address string, status *control.Status, s *settings.Settings, err error) {
	s, status, err = a.current(ctx)
	if err != nil {
		return "", nil, nil, err
	}
	address = s.Listen.Address
	if machine, ok := a.machineStatus(ctx); ok && status == nil && !a.system {
		status = &machine
	}
	if status != nil {
		address = cmp.Or(status.Address, address)
	}
	return reachable(address), status, s, nil
}

// connect points one client at us.
func (a *app) connect(ctx context.Context, id string, f connectFlags) error {
	h, err := a.hookup()
	if err != nil {
		return err
	}
	client, err := clientOf(h, id)
	if err != nil {
		return err
	}
	address, status, s, err := a.ourAddress(ctx)
	if err != nil {
		return err
	}
	to, err := through(address, f.upstream, s)
	if err != nil {
		return err
	}
	if !client.Editable() {
		return a.toCopy(client, to, f.json)
	}
	act := h.Connect
	if f.dryRun {
		act = h.Plan
	}
	changes, err := act(id, to)
	if err != nil {
		return connectError(client, to, err)
	}
	notes := connectNotes(client, s, status)
	return a.tellConnection([]connection{{changes, client.Title, to, f.dryRun, notes}}, "To take it back: millpondd disconnect "+id, f)
}

// through returns our address, or the part of it that leads to one upstream.
func through(address, upstream string, s *settings.Settings) (string, error) {
	if _, port, err := net.SplitHostPort(address); err == nil && port == "0" {
		return "", &failure{code: exitUsage, err: errors.New("listen.address has port 0, another one at each start"),
			next: "Give it a port that stays, or start the daemon first."}
	}
	if upstream == "" {
		return "http://" + address, nil
	}
	if _, err := find(s, upstream); err != nil {
		return "", err
	}
	return "http://" + address + "/u/" + upstream, nil
}

// connectNotes says what is still missing for the client to get answers.
func connectNotes(c hookup.Client, s *settings.Settings, status *control.Status) []string {
	notes := []string{}
	served := len(firstOf(s, settings.Kind(c.Kind))) > 0
	if status == nil {
		notes = append(notes, fmt.Sprintf(`The daemon does not run: until it does, %s reaches nobody. Start it with "millpondd serve".`, c.Title))
	}
	if status != nil { // it may have others by its flags
		served = status.Machine || slices.ContainsFunc(status.Stats.Upstreams, func(u control.Upstream) bool { return u.Kind == c.Kind })
	}
	if !served {
		notes = append(notes, fmt.Sprintf(`No upstream of kind %s is enabled: add one with "millpondd upstream add".`, c.Kind))
	}
	if s.Listen.Token != "" {
		notes = append(notes, "listen.token is set: the client must send it, as X-Millpond-Token or as its API key.")
	}
	return notes
}

// connectError says why a client's settings are not edited, and what can be done by hand.
func connectError(c hookup.Client, to string, err error) error {
	var syntax *hookup.SyntaxError
	byHand := "Or set it up by hand: " + shell(c.Lines(to)[0]) + "."
	switch {
	case errors.As(err, &syntax):
		return &failure{code: exitRefused, err: err, next: "Correct that line and try again; nothing was changed."}
	case errors.Is(err, hookup.ErrNotInstalled):
		return &failure{code: exitRefused, err: err, next: "Start it once and try again. " + byHand}
	case errors.Is(err, hookup.ErrChanged):
		return failed(err, "Nothing was written; try again.")
	}
	return failed(err, "Nothing was changed. "+byHand)
}

// clientOf returns the client of a name.
func clientOf(h *hookup.Hookup, id string) (hookup.Client, error) {
	var ids []string
	for _, c := range h.Clients() {
		if c.ID == id {
			return c, nil
		}
		ids = append(ids, c.ID)
	}
	next := "There are " + strings.Join(ids, ", ") + "."
	if near := settings.Nearest(id, ids); near != "" {
		next = fmt.Sprintf("Did you mean %s?", near)
	}
	return hookup.Client{}, &failure{code: exitUsage, err: fmt.Errorf("no client is named %q", id), next: next}
}

// disconnect puts back what the clients' settings held. It needs no valid settings of ours.
func (a *app) disconnect(ctx context.Context, ids []string, f connectFlags) error {
	h, err := a.hookup()
	if err != nil {
		return err
	}
	if f.all {
		for _, c := range h.Clients() {
			if c.Editable() {
				ids = append(ids, c.ID)
			}
		}
	}
	address, _, _, err := a.ourAddress(ctx)
	if err != nil {
		address = settings.Default().Listen.Address
	}
	act := h.Disconnect
	if f.dryRun {
		act = h.PlanDisconnect
	}
	var list []connection
	var failures []error
	for _, id := range ids {
		client, err := clientOf(h, id)
		if err != nil {
			return err
		}
		if !client.Editable() {
			return &failure{code: exitUsage, err: fmt.Errorf("%s is set up by hand", client.Title), next: "Take away there what you set: " + client.Lines(address)[0].Value + "."}
		}
		changes, err := act(id, address)
		if err != nil {
			failures = append(failures, connectError(client, address, err))
			continue
		}
		if !f.all || len(changes.Changes)+len(changes.Kept) > 0 {
			list = append(list, connection{changes, client.Title, "http://" + address, f.dryRun, []string{}})
		}
	}
	if len(list) > 0 || f.json {
		err = a.tellConnection(list, "", f)
	} else if failures == nil {
		_, err = fmt.Fprintln(a.std.out, "No client is connected.")
	}
	return errors.Join(append(failures, err)...)
}

// connectedClients returns the clients of this person that lead to us. One whose file cannot be read
// is none of them. The system's service has none: its clients are other people's.
func (a *app) connectedClients(ctx context.Context) []string {
	h, err := a.hookup()
	if err != nil || a.system {
		return nil
	}
	address, _, _, err := a.ourAddress(ctx)
	if err != nil {
		address = settings.Default().Listen.Address
	}
	var ids []string
	for _, c := range h.Clients() {
		if s, err := h.State(c.ID, address); err == nil && (s.Ours || s.Status == hookup.Connected) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// disconnectAll puts back what the settings of clients held.
func (a *app) disconnectAll(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	h, err := a.hookup()
	if err != nil {
		return err
	}
	address, _, _, err := a.ourAddress(ctx)
	if err != nil {
		address = settings.Default().Listen.Address
	}
	for _, id := range ids {
		if _, err := h.Disconnect(id, address); err != nil {
			return failed(fmt.Errorf("put back the settings of %s: %w", id, err), `Nothing was purged; look at that file, and try again.`)
		}
	}
	return nil
}

// tellConnection prints what was changed, or would be.
func (a *app) tellConnection(list []connection, undo string, f connectFlags) error {
	if f.json {
		for i := range list {
			list[i].Changes.Changes, list[i].Kept = redacted(list[i].Changes.Changes), redacted(list[i].Kept)
		}
		if f.all {
			return writeJSON(a.std.out, append([]connection{}, list...))
		}
		return writeJSON(a.std.out, list[0])
	}
	for _, c := range list {
		a.printConnection(c)
	}
	if undo != "" && !f.dryRun && len(list[0].Changes.Changes) > 0 {
		fmt.Fprintln(a.std.out, undo)
	}
	return nil
}

// printConnection prints one client's changes for a person.
func (a *app) printConnection(c connection) {
	out := a.std.out
	switch {
	case len(c.Changes.Changes)+len(c.Kept) == 0:
		fmt.Fprintf(out, "%s was so already.\n", c.Title)
	case c.Creates:
		fmt.Fprintf(out, "%s is new.\n", c.File)
	case c.Removes:
		fmt.Fprintf(out, "%s goes, since nothing else is in it.\n", c.File)
	}
	for i, k := range redacted(c.Changes.Changes) {
		if i == 0 || k.File != c.Changes.Changes[i-1].File {
			fmt.Fprintf(out, "%s:\n", k.File)
		}
		fmt.Fprintf(out, "  %s = %s, was %s\n", k.Key, orNotSet(k.After), orNotSet(k.Before))
	}
	for _, k := range redacted(c.Kept) {
		fmt.Fprintf(out, "%s was changed since in %s and stays: %s. Before Millpond it was %s.\n", k.Key, k.File, orNotSet(k.Before), orNotSet(k.After))
	}
	for _, w := range c.Warnings {
		fmt.Fprintf(out, "Note: %s.\n", w.Sentence)
	}
	for _, note := range c.Notes {
		fmt.Fprintln(out, note)
	}
	switch {
	case c.DryRun:
		fmt.Fprintln(out, "Nothing was changed: this was a dry run.")
	case len(c.Changes.Changes) > 0:
		fmt.Fprintf(out, "It applies when %s is started the next time.\n", c.Title)
	}
}

// redacted returns changes without the passwords that an address may hold.
func redacted(list []hookup.Change) []hookup.Change {
	clean := func(text *string) *string {
		if text == nil {
			return nil
		}
		s := proxy.Redact(*text)
		return &s
	}
	next := []hookup.Change{}
	for _, c := range list {
		next = append(next, hookup.Change{File: c.File, Key: c.Key, Before: clean(c.Before), After: clean(c.After)})
	}
	return next
}

func orNotSet(text *string) string {
	if text == nil {
		return "not set"
	}
	return *text
}

// clientListed is one client of the list, as JSON.
type clientListed struct {
	hookup.State
	Title string        `json:"title"`
	Kind  string        `json:"kind"`  // of the upstreams that it uses
	Copy  []hookup.Line `json:"copy"`  // to set it up by hand
	Error string        `json:"error"` // why its state is not known; "" when it is
}

// listClients prints every client and where it leads.
func (a *app) listClients(ctx context.Context, f connectFlags) error {
	h, err := a.hookup()
	if err != nil {
		return err
	}
	address, _, s, err := a.ourAddress(ctx)
	if err != nil {
		return err
	}
	to, err := through(address, f.upstream, s)
	if err != nil {
		return err
	}
	list := []clientListed{}
	for _, c := range h.Clients() {
		l := clientListed{Title: c.Title, Kind: c.Kind, Copy: c.Lines(to)}
		var err error
		if l.State, err = h.State(c.ID, to); err != nil {
			l.Error = proxy.Redact(err.Error())
		}
		if l.Value != nil {
			clean := proxy.Redact(*l.Value)
			l.Value = &clean
		}
		list = append(list, l)
	}
	if f.json {
		return writeJSON(a.std.out, list)
	}
	t := tabwriter.NewWriter(a.std.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "client\tstate\twhere")
	for _, l := range list {
		where := l.File
		if l.Status == hookup.ByHand {
			where = shell(l.Copy[0])
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", l.State.Client, statusInWords(l), where)
	}
	return t.Flush()
}

// statusInWords says where a client leads.
func statusInWords(l clientListed) string {
	switch l.Status {
	case hookup.NotInstalled:
		return "not installed"
	case hookup.NotConnected:
		return "not connected"
	case hookup.Connected:
		return "connected"
	case hookup.Elsewhere:
		return "goes to " + *l.Value
	case hookup.Unreadable:
		return "unreadable: " + strings.TrimPrefix(l.Error, l.File+":")
	}
	return "by hand"
}

// toCopy prints what to set for a client that has no file of its own.
func (a *app) toCopy(c hookup.Client, to string, asJSON bool) error {
	lines := c.Lines(to)
	if asJSON {
		return writeJSON(a.std.out, map[string]any{"client": c.ID, "copy": lines})
	}
	fmt.Fprintf(a.std.out, "%s is set up by hand:\n", c.Title)
	for _, l := range lines {
		fmt.Fprintf(a.std.out, "  %s\n  (%s)\n", shell(l), l.Note)
	}
	return nil
}

// shell writes a line as the person's shell takes it.
func shell(l hookup.Line) string {
	switch {
	case l.Name == "":
		return l.Value
	case runtime.GOOS == "windows":
		return fmt.Sprintf("$env:%s = %q", l.Name, l.Value)
	}
	return "export " + l.Name + "=" + l.Value
}
