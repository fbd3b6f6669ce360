package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"millpond/settings"
)

// commandGroups is how the help lists the commands.
var commandGroups = []struct {
	id, title string
	commands  []string
}{
	{"traffic", "Traffic:", []string{"serve", "status", "stats", "top", "logs", "history", "pause", "resume"}},
	{"settings", "Settings:", []string{"config", "upstream", "connect", "disconnect"}},
	{"service", "Service:", []string{"service"}},
	{"diagnosis", "Diagnosis:", []string{"doctor", "diagnostics", "advise", "verdict", "bench"}},
	{"program", "This program:", []string{"version", "update", "completion", "help"}},
}

// group puts the commands into their groups. One that is in none is listed last.
func group(root *cobra.Command) {
	eachCommand(root, func(c *cobra.Command) {
		if c.HasSubCommands() {
			c.Args = onlyCommands
		}
	})
	root.InitDefaultCompletionCmd() // it would come when the command line is run
	root.InitDefaultHelpCmd()
	for _, g := range commandGroups {
		root.AddGroup(&cobra.Group{ID: g.id, Title: g.title})
		for _, name := range g.commands {
			if c, _, err := root.Find([]string{name}); err == nil && c != root {
				c.GroupID = g.id
			}
		}
	}
}

// onlyCommands refuses the argument of a command that has commands of its own: it is one of those,
// mistyped.
func onlyCommands(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	next := fmt.Sprintf("Run %q for the commands.", "millpondd help"+c.CommandPath()[len(c.Root().Name()):])
	if near := settings.Nearest(args[0], names); near != "" {
		next = fmt.Sprintf("Did you mean %s?", near)
	}
	return &failure{code: exitUsage, err: fmt.Errorf("unknown command %q for %q", args[0], c.CommandPath()), next: next}
}
