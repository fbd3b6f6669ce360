package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"millpond/proxy/bench"
	"millpond/proxy/meter"
	"millpond/settings"
	"millpond/settings/store"
)

// complete tells the shells what may stand for each argument and flag. They ask by "millpondd
// __complete"; the scripts that "millpondd completion" prints do so.
func (a *app) complete(root *cobra.Command) {
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	files := cobra.FixedCompletions(nil, cobra.ShellCompDirectiveDefault)
	arguments := map[string]cobra.CompletionFunc{
		"config get": one(a.completeKey), "config set": a.completeSetting, "config preset": one(fixed(presets())),
		"config validate": files, "config export": files, "config import": files, "diagnostics": files,
		"upstream add": one(fixed(catalogueIDs())), "upstream remove": one(a.completeUpstream), "upstream use": one(a.completeUpstream),
		"upstream test": one(a.completeUpstream),
		"connect":       one(a.completeClient), "disconnect": one(a.completeClient),
		"verdict try": a.completeTrial,
	}
	for path, f := range arguments {
		if c, rest, err := root.Find(strings.Fields(path)); err == nil && len(rest) == 0 {
			c.ValidArgsFunction = f
		}
	}
	proxies := strings.Split(strings.ToLower(strings.Join(bench.Proxies(), ",")), ",")
	flags := map[string]cobra.CompletionFunc{
		"--kind": fixed(kinds()), "--from": fixed(catalogueIDs()), "--outcome": fixed(outcomes()), "--upstream": a.completeUpstream,
		"--only": list(proxies...), "--to": fixed(proxies), "--shapes": list(bench.Shapes()...), "--variants": list("plain", "tls", "far"),
		"serve --upstream": cobra.NoFileCompletions,
	}
	eachCommand(root, func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			complete := flags[c.Name()+" --"+f.Name]
			if complete == nil {
				complete = flags["--"+f.Name]
			}
			if name, _ := pflag.UnquoteUsage(f); name == "FILE" {
				complete = files
			}
			if complete == nil {
				return
			}
			if _, done := c.GetFlagCompletionFunc(f.Name); !done {
				_ = c.RegisterFlagCompletionFunc(f.Name, complete) // it fails for a flag that is not there, or was done
			}
		})
	})
}

// eachCommand calls f with c and every command below it.
func eachCommand(c *cobra.Command, f func(*cobra.Command)) {
	f(c)
	for _, sub := range c.Commands() {
		eachCommand(sub, f)
	}
}

// one completes the first argument, and nothing after it.
func one(f cobra.CompletionFunc) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return f(c, args, begun)
	}
}

// fixed completes from words, whatever was typed: the shell keeps those that fit.
func fixed(words []cobra.Completion) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// list completes the last of several words between commas.
func list(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
		before := begun[:strings.LastIndexByte(begun, ',')+1]
		var found []cobra.Completion
		for _, word := range words {
			if !strings.Contains(","+before, ","+word+",") {
				found = append(found, before+word)
			}
		}
		return found, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
}

func presets() []cobra.Completion {
	var list []cobra.Completion
	for _, p := range settings.Presets() {
		list = append(list, cobra.CompletionWithDesc(string(p.Name), p.Help))
	}
	return list
}

func kinds() []cobra.Completion {
	key, _ := settings.Lookup("upstreams[].kind")
	return key.Allowed
}

func outcomes() []cobra.Completion {
	var names []cobra.Completion
	for _, o := range meter.Outcomes() {
		names = append(names, o.String())
	}
	return names
}

// fileSettings returns the settings of the file, the defaults when it has mistakes. A shell waits for
// it, so no daemon is asked.
func (a *app) fileSettings() *settings.Settings {
	path, err := a.settingsPath()
	if err != nil {
		return settings.Default()
	}
	s, err := store.Open(path, a.environ).Load()
	if err != nil {
		return settings.Default()
	}
	return s
}

// completeUpstream completes the name of an upstream.
func (a *app) completeUpstream(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	var names []cobra.Completion
	for _, u := range a.fileSettings().Upstreams {
		names = append(names, cobra.CompletionWithDesc(u.Name, string(u.Kind)+" at "+u.URL))
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// completeTrial completes the upstream of a trial, and then the way that is tried.
func (a *app) completeTrial(c *cobra.Command, args []string, typed string) ([]cobra.Completion, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.completeUpstream(c, args, typed)
	case 1:
		return []cobra.Completion{"protocol=http1", "protocol=http2", "scope=shared", "scope=upstream", "scope=caller"}, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// completeClient completes the name of a client.
func (a *app) completeClient(c *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	h, err := a.hookup()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var ids []cobra.Completion
	for _, client := range h.Clients() {
		if c.Name() == "connect" || client.Editable() {
			ids = append(ids, cobra.CompletionWithDesc(client.ID, client.Title))
		}
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}

// completeKey completes the path of a setting.
func (a *app) completeKey(*cobra.Command, []string, string) ([]cobra.Completion, cobra.ShellCompDirective) {
	s := a.fileSettings()
	var paths []cobra.Completion
	for _, k := range settings.Keys() {
		switch section, name, _ := strings.Cut(k.Path, "[]."); {
		case section == "upstreams":
			for _, u := range s.Upstreams {
				paths = append(paths, cobra.CompletionWithDesc(fmt.Sprintf("upstreams[%s].%s", u.Name, name), k.Help))
			}
		case section == "routes":
			for i := range s.Routes {
				paths = append(paths, cobra.CompletionWithDesc(fmt.Sprintf("routes[%d].%s", i, name), k.Help))
			}
		default:
			paths = append(paths, cobra.CompletionWithDesc(k.Path, k.Help))
		}
	}
	for _, u := range s.Upstreams {
		for _, k := range settings.Keys() {
			if k.Section() == "pool" {
				paths = append(paths, cobra.CompletionWithDesc(fmt.Sprintf("upstreams[%s].%s", u.Name, k.Path), "for this upstream: "+k.Help))
			}
		}
	}
	return paths, cobra.ShellCompDirectiveNoFileComp
}

// completeSetting completes a key, and then its value.
func (a *app) completeSetting(c *cobra.Command, args []string, begun string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeKey(c, args, begun)
	}
	key, ok := settings.Lookup(args[0])
	if len(args) > 1 || !ok {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	switch key.Default.(type) {
	case settings.Preset:
		return presets(), cobra.ShellCompDirectiveNoFileComp
	case bool:
		return []cobra.Completion{"true", "false"}, cobra.ShellCompDirectiveNoFileComp
	case settings.Warm:
		return []cobra.Completion{"0", "auto"}, cobra.ShellCompDirectiveNoFileComp
	}
	if key.Allowed != nil {
		return key.Allowed, cobra.ShellCompDirectiveNoFileComp
	}
	if value, err := settings.Default().Get(key.Path); err == nil && inText(value) != "" {
		return []cobra.Completion{cobra.CompletionWithDesc(inText(value), "the default")}, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}
