package main

import "github.com/spf13/cobra"

// commandGroups is how the help lists the commands.
var commandGroups = []struct {
	id, title string
	commands  []string
}{
	{"traffic", "Traffic:", []string{"serve", "status", "stats", "top", "logs", "history", "pause", "resume"}},
	{"settings", "Settings:", []string{"config", "upstream", "connect", "disconnect"}},
	{"service", "Service:", []string{"service"}},
	{"diagnosis", "Diagnosis:", []string{"doctor", "advise", "verdict", "bench"}},
	{"program", "This program:", []string{"version", "update", "completion", "help"}},
}

// group puts the commands into their groups. One that is in none is listed last.
func group(root *cobra.Command) {
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
