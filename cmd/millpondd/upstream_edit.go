package main

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"millpond/assets"
	"millpond/settings"
)

// result is what a command that changes upstreams prints as JSON.
type result struct {
	Upstream string   `json:"upstream"`
	Path     string   `json:"path"`  // of the settings file
	Live     bool     `json:"live"`  // applied by the running daemon
	Notes    []string `json:"notes"` // sentences
	Undo     []string `json:"undo"`  // commands that take it back, in this order
}

// report prints what an edit came to.
func (a *app) report(e edited, r result, asJSON bool) error {
	r.Path, r.Live = e.Path, e.Live
	if asJSON {
		r.Notes, r.Undo = append([]string{}, r.Notes...), append([]string{}, r.Undo...)
		return writeJSON(a.std.out, r)
	}
	for _, note := range append(r.Notes, e.where()) {
		fmt.Fprintln(a.std.out, note)
	}
	if len(r.Undo) > 0 {
		fmt.Fprintf(a.std.out, "To take it back: %s\n", strings.Join(r.Undo, " && "))
	}
	return nil
}

// addFlags describe the upstream to add.
type addFlags struct {
	from     string
	priority int // below 0: after the others of its kind
	upstream settings.Upstream
}

func (a *app) upstreamAddCommand() *cobra.Command {
	var asJSON bool
	f := addFlags{upstream: settings.Upstream{Enabled: true}}
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Add an upstream by its URL or from the catalogue",
		Long: `Add an upstream by its URL or from the catalogue.

Without --url the catalogue's entry --from, or else the one called NAME, is taken. An
upstream whose kind others have comes after them, unless --priority says otherwise:
"millpondd upstream use NAME" puts it first.

The catalogue has: ` + strings.Join(catalogueIDs(), ", ") + `.`,
		Example: `  millpondd upstream add anthropic
  millpondd upstream add relay --url https://relay.example --kind anthropic --credential env:RELAY_KEY
  millpondd upstream add worker-1 --url http://127.0.0.1:9001 --kind a2a`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f.upstream.Name = args[0]
			service, err := f.complete()
			if err != nil {
				return err
			}
			e, err := a.edit(c.Context(), f.add)
			if err != nil {
				return err
			}
			return a.report(e, result{Upstream: args[0], Notes: f.notes(e, service), Undo: []string{"millpondd upstream remove " + args[0]}}, asJSON)
		},
	}
	flags, u := c.Flags(), &f.upstream
	flags.StringVar(&u.URL, "url", "", "its base `URL`")
	flags.StringVar((*string)(&u.Kind), "kind", "", "what it speaks: anthropic, openai, gemini, a2a or http (default: known by the URL, else http)")
	flags.StringVar(&f.from, "from", "", "the `ID` of an entry of the catalogue")
	flags.StringVar(&u.Credential, "credential", "", "`REFERENCE` to its key: keyring:NAME, env:NAME or file:/PATH (default: clients' own passes through)")
	flags.StringVar(&u.Egress, "egress", "", `proxy to go out by: "system", http://, https:// or socks5://`)
	flags.IntVar(&f.priority, "priority", -1, "lower comes first (default: after the others of its kind)")
	flags.IntVar(&u.Weight, "weight", 1, "share among those of equal priority")
	jsonFlag(c, &asJSON)
	return c
}

// complete fills in URL and kind, from the catalogue where they are not given.
func (f *addFlags) complete() (assets.Service, error) {
	u := &f.upstream
	id := f.from
	if id == "" && u.URL == "" {
		id = u.Name
	}
	var service assets.Service
	if id != "" {
		list := assets.Catalogue()
		i := slices.IndexFunc(list, func(s assets.Service) bool { return s.ID == id })
		if i < 0 {
			next := "Name its --url, or an entry of the catalogue with --from: " + strings.Join(catalogueIDs(), ", ") + "."
			if near := settings.Nearest(id, catalogueIDs()); near != "" {
				next = fmt.Sprintf("Name its --url, or did you mean %s?", near)
			}
			return service, &failure{code: exitUsage, err: fmt.Errorf("the catalogue has no %q", id), next: next}
		}
		service = list[i]
	}
	if u.URL == "" {
		u.URL = service.URL
	}
	if u.Kind == "" {
		u.Kind = settings.Kind(service.Kind)
	}
	if address, err := url.Parse(u.URL); u.Kind == "" && err == nil {
		u.Kind = kindOf(address)
	}
	return service, nil
}

// add appends the upstream to s.
func (f *addFlags) add(s *settings.Settings) error {
	u := f.upstream
	u.Priority = f.priority
	if u.Priority < 0 {
		u.Priority = 1
		for _, other := range s.Upstreams {
			if other.Kind == u.Kind {
				u.Priority = max(u.Priority, other.Priority+1)
			}
		}
	}
	s.Upstreams = append(s.Upstreams, u)
	return nil
}

// notes says what was added, where its key comes from and who comes before it.
func (f *addFlags) notes(e edited, service assets.Service) []string {
	u := e.After.Upstreams[len(e.After.Upstreams)-1]
	notes := []string{fmt.Sprintf("Added %s: %s at %s.", u.Name, u.Kind, u.URL)}
	if service.Notes != "" {
		notes = append(notes, service.Notes)
	}
	switch {
	case u.Credential == "" && service.KeyVariable != "":
		notes = append(notes, fmt.Sprintf("Clients' own keys pass through. To have Millpond send one, get it at %s and: millpondd config set 'upstreams[%s].credential' env:%s",
			service.KeyPage, u.Name, service.KeyVariable))
	case u.Credential == "" && !service.Local:
		notes = append(notes, "Clients' own keys pass through.")
	}
	switch first := firstOf(e.After, u.Kind); {
	case len(first) > 1 && slices.Contains(first, u.Name):
		notes = append(notes, fmt.Sprintf("It shares requests by weight with %s.", strings.Join(without(first, u.Name), ", ")))
	case len(first) > 0 && !slices.Contains(first, u.Name):
		notes = append(notes, fmt.Sprintf("It is used when %s cannot be; \"millpondd upstream use %s\" puts it first.", strings.Join(first, ", "), u.Name))
	}
	return notes
}

func catalogueIDs() []string {
	var ids []string
	for _, s := range assets.Catalogue() {
		ids = append(ids, s.ID)
	}
	return ids
}

// firstOf returns the enabled upstreams of a kind that come first; several share.
func firstOf(s *settings.Settings, kind settings.Kind) []string {
	var first []string
	least := 0
	for _, u := range s.Upstreams {
		switch {
		case !u.Enabled || u.Kind != kind:
		case first == nil || u.Priority < least:
			first, least = []string{u.Name}, u.Priority
		case u.Priority == least:
			first = append(first, u.Name)
		}
	}
	return first
}

func without(list []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == name })
}

func (a *app) upstreamRemoveCommand() *cobra.Command {
	var asJSON, force bool
	c := &cobra.Command{
		Use:   "remove NAME",
		Short: "Remove an upstream",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var notes []string
			e, err := a.edit(c.Context(), func(s *settings.Settings) (err error) {
				notes, err = remove(s, args[0], force)
				return err
			})
			if err != nil {
				return err
			}
			return a.report(e, result{Upstream: args[0], Notes: notes}, asJSON)
		},
	}
	c.Flags().BoolVar(&force, "force", false, "remove it from the routes that name it, too")
	jsonFlag(c, &asJSON)
	return c
}

// remove takes an upstream out of s, and out of the routes that name it when that is
// forced. It says what was done.
func remove(s *settings.Settings, name string, force bool) (notes []string, err error) {
	i, err := find(s, name)
	if err != nil {
		return nil, err
	}
	gone := s.Upstreams[i]
	var paths []string
	var routes []settings.Route
	notes = append(notes, fmt.Sprintf("Removed %s: %s at %s.", name, gone.Kind, gone.URL))
	for _, r := range s.Routes {
		if slices.Contains(r.Upstreams, name) {
			paths = append(paths, r.Path)
			if r.Upstreams = without(r.Upstreams, name); len(r.Upstreams) == 0 {
				notes = append(notes, fmt.Sprintf("The route %s led there alone and is removed.", r.Path))
				continue
			}
			notes = append(notes, fmt.Sprintf("The route %s leads to %s now.", r.Path, strings.Join(r.Upstreams, ", ")))
		}
		routes = append(routes, r)
	}
	if len(paths) > 0 && !force {
		return nil, &failure{code: exitRefused, err: fmt.Errorf("%s is named by the routes %s", name, strings.Join(paths, ", ")),
			next: "Change them first, or take it out of them with --force."}
	}
	s.Upstreams, s.Routes = slices.Delete(s.Upstreams, i, i+1), routes
	if strings.HasPrefix(gone.Credential, "keyring:") || strings.HasPrefix(gone.Credential, "file:") {
		notes = append(notes, fmt.Sprintf("Its key stays at %s.", gone.Credential))
	}
	if first := firstOf(s, gone.Kind); len(first) > 0 {
		notes = append(notes, fmt.Sprintf("Requests of its kind go to %s.", strings.Join(first, ", ")))
	} else {
		notes = append(notes, fmt.Sprintf("No %s upstream is left. Clients that call /u/%s/ get 404.", gone.Kind, name))
	}
	return notes, nil
}

func (a *app) upstreamUseCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "use NAME",
		Short: "Put an upstream first among its kind, and enable it",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.edit(c.Context(), func(s *settings.Settings) error { return use(s, args[0]) })
			if err != nil {
				return err
			}
			return a.report(e, used(e, args[0]), asJSON)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// use puts an upstream before all others of its kind. Those between its old place and
// its new one move on by one, so that their order stays.
func use(s *settings.Settings, name string) error {
	i, err := find(s, name)
	if err != nil {
		return err
	}
	u := &s.Upstreams[i]
	u.Enabled = true
	first := slices.ContainsFunc(s.Upstreams, func(o settings.Upstream) bool { return o.Name != name && rivals(o, *u) })
	if !first {
		return nil // it is before all others already
	}
	least := u.Priority
	for _, o := range s.Upstreams {
		if o.Kind == u.Kind {
			least = min(least, o.Priority)
		}
	}
	for j := range s.Upstreams {
		if o := &s.Upstreams[j]; j != i && o.Kind == u.Kind && o.Priority <= u.Priority {
			o.Priority++
		}
	}
	u.Priority = least
	return nil
}

// rivals reports whether o keeps u from being first.
func rivals(o, u settings.Upstream) bool {
	return o.Kind == u.Kind && o.Priority <= u.Priority
}

// used says what use did and how to take it back.
func used(e edited, name string) result {
	i, _ := find(e.After, name) // it was found before
	kind, was := e.After.Upstreams[i].Kind, e.Before.Upstreams[i]
	first := firstOf(e.Before, kind)
	r := result{Upstream: name}
	switch {
	case reflect.DeepEqual(e.Before.Upstreams, e.After.Upstreams):
		r.Notes = []string{fmt.Sprintf("%s was first of the %s upstreams already.", name, kind)}
		return r
	case len(first) == 0:
		r.Notes = []string{fmt.Sprintf("%s is first of the %s upstreams; none was enabled before.", name, kind)}
	default:
		r.Notes = []string{fmt.Sprintf("%s is first of the %s upstreams; before, it was %s.", name, kind, strings.Join(first, ", "))}
	}
	back := e.After.Clone()
	if len(first) == 1 && was.Enabled && use(back, first[0]) == nil && reflect.DeepEqual(back.Upstreams, e.Before.Upstreams) {
		r.Undo = []string{"millpondd upstream use " + first[0]}
		return r
	}
	for j, u := range e.Before.Upstreams {
		if u.Priority != e.After.Upstreams[j].Priority {
			r.Undo = append(r.Undo, fmt.Sprintf("millpondd config set 'upstreams[%s].priority' %d", u.Name, u.Priority))
		}
	}
	if !was.Enabled {
		r.Undo = append(r.Undo, fmt.Sprintf("millpondd config set 'upstreams[%s].enabled' false", name))
	}
	return r
}
