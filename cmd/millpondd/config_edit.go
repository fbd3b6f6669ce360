package main

import (
	"fmt"
	"io"
	"reflect"
	"strings"

	"github.com/spf13/cobra"

	"millpond/settings"
	"millpond/settings/store"
)

// changed is one key of an edit, as JSON.
type changed struct {
	Key    string `json:"key"`
	Before any    `json:"before"`
	After  any    `json:"after"`
}

// configResult is what a command that changes keys prints as JSON.
type configResult struct {
	Changes []changed `json:"changes"` // empty when everything was so already
	Path    string    `json:"path"`    // of the settings file
	Live    bool      `json:"live"`    // applied by the running daemon
}

func (a *app) configGetCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:     "get KEY",
		Short:   "Print the value of one key",
		Example: "  millpondd config get pool.max_idle\n  millpondd config get 'upstreams[anthropic].url'",
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			s, _, err := a.current(c.Context())
			if err != nil {
				return err
			}
			value, err := s.Get(args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(a.std.out, value)
			}
			_, err = fmt.Fprintln(a.std.out, inText(value))
			return err
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) configSetCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "set KEY VALUE",
		Short: "Change the value of one key",
		Long: `Change the value of one key.

The elements of a list are separated by commas. "" takes an upstream's own pool
setting away. Other keys and the comments of the file stay as they are.`,
		Example: "  millpondd config set pool.max_idle 100\n  millpondd config set 'upstreams[anthropic].enabled' false",
		Args:    cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.edit(c.Context(), func(s *settings.Settings) error { return s.Set(args[0], args[1]) })
			if err != nil {
				return err
			}
			if err := a.reportKeys(e, asJSON); err != nil {
				return err
			}
			a.warnOverridden(args[0])
			return nil
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

func (a *app) configPresetCommand() *cobra.Command {
	var asJSON bool
	var names []string
	long := "Take the numbers of the pool from a preset.\n\n"
	for _, p := range settings.Presets() {
		names = append(names, string(p.Name))
		long += fmt.Sprintf("    %-10s %s\n", p.Name, p.Help)
	}
	c := &cobra.Command{
		Use:       "preset NAME",
		Short:     "Take the numbers of the pool from a preset: " + strings.Join(names, ", "),
		Long:      strings.TrimSuffix(long, "\n"),
		Args:      cobra.ExactArgs(1),
		ValidArgs: names,
		RunE: func(c *cobra.Command, args []string) error {
			e, err := a.edit(c.Context(), func(s *settings.Settings) error { return s.Set("pool.preset", args[0]) })
			if err != nil {
				return err
			}
			return a.reportKeys(e, asJSON)
		},
	}
	jsonFlag(c, &asJSON)
	return c
}

// reportKeys prints what an edit of keys came to.
func (a *app) reportKeys(e edited, asJSON bool) error {
	changes := diff(e.Before.Tree(), e.After.Tree(), "")
	if asJSON {
		return writeJSON(a.std.out, configResult{Changes: changes, Path: e.Path, Live: e.Live})
	}
	a.printChanges(changes)
	if len(changes) == 0 {
		return nil
	}
	_, err := io.WriteString(a.std.out, e.where()+"\n")
	return err
}

// printChanges prints keys after and before an edit.
func (a *app) printChanges(changes []changed) {
	if len(changes) == 0 {
		fmt.Fprintln(a.std.out, "It was so already.")
	}
	for _, c := range changes {
		after, isTree := c.After.(map[string]any)
		_, wasTree := c.Before.(map[string]any)
		switch {
		case isTree && c.Before == nil:
			fmt.Fprintf(a.std.out, "%s is added: %s\n", c.Key, inTree(after))
		case wasTree && c.After == nil:
			fmt.Fprintf(a.std.out, "%s is removed\n", c.Key)
		default:
			fmt.Fprintf(a.std.out, "%s = %s, was %s\n", c.Key, orNothing(c.After), orNothing(c.Before))
		}
	}
}

// inTree writes the keys of a table that say what it is.
func inTree(tree map[string]any) string {
	var parts []string
	for _, name := range []string{"kind", "url", "path", "upstreams", "credential", "egress"} {
		if text := inText(tree[name]); tree[name] != nil && text != "" {
			parts = append(parts, name+" "+text)
		}
	}
	return strings.Join(parts, ", ")
}

// warnOverridden says that a variable of the environment hides the value that was saved.
func (a *app) warnOverridden(path string) {
	k, ok := settings.Lookup(path)
	if !ok {
		return
	}
	if name := store.Variable(k); name != "" && a.getenv(name) != "" {
		fmt.Fprintf(a.std.err, "warning: %s overrides it where that variable is set, as it is here\n", name)
	}
}

// diff lists the keys in which two trees of settings differ, in the order of the table
// of settings.
func diff(before, after map[string]any, prefix string) []changed {
	list := []changed{}
	for _, name := range keysOf(before, after) {
		list = append(list, diffValue(before[name], after[name], prefix+name)...)
	}
	return list
}

func diffValue(before, after any, path string) []changed {
	oldTree, isOld := before.(map[string]any)
	newTree, isNew := after.(map[string]any)
	oldList, isOldList := before.([]any)
	newList, isNewList := after.([]any)
	switch {
	case reflect.DeepEqual(before, after):
		return nil
	case (isOld || before == nil) && (isNew || after == nil):
		return diff(oldTree, newTree, path+".")
	case isOldList && isNewList && len(oldList) == len(newList) && isTables(oldList):
		var list []changed
		for i := range oldList {
			list = append(list, diffValue(oldList[i], newList[i], fmt.Sprintf("%s[%s]", path, nameIn(newList[i], i)))...)
		}
		return list
	case isOldList && isNewList && (isTables(oldList) || isTables(newList)):
		return diffNamed(oldList, newList, path)
	}
	return []changed{{path, before, after}}
}

// diffNamed lists what came, went and changed between two lists of tables of which one is longer.
func diffNamed(before, after []any, path string) []changed {
	var list []changed
	old := map[string]any{}
	for i, element := range before {
		old[nameIn(element, i)] = element
	}
	for i, element := range after {
		name := nameIn(element, i)
		if was, ok := old[name]; ok {
			list = append(list, diffValue(was, element, fmt.Sprintf("%s[%s]", path, name))...)
		} else {
			list = append(list, changed{fmt.Sprintf("%s[%s]", path, name), nil, element})
		}
		delete(old, name)
	}
	for i, element := range before {
		if name := nameIn(element, i); old[name] != nil {
			list = append(list, changed{fmt.Sprintf("%s[%s]", path, name), element, nil})
		}
	}
	return list
}

// isTables reports whether a list holds tables: upstreams or routes.
func isTables(list []any) bool {
	if len(list) == 0 {
		return false
	}
	_, ok := list[0].(map[string]any)
	return ok
}

// nameIn returns what names an element of a list: an upstream's name, or its place.
func nameIn(element any, i int) string {
	if tree, ok := element.(map[string]any); ok {
		if name, ok := tree["name"].(string); ok {
			return name
		}
	}
	return fmt.Sprint(i)
}

// keysOf returns the names in either tree, in the order of the table of settings.
func keysOf(trees ...map[string]any) []string {
	var names []string
	seen := map[string]bool{}
	for _, k := range settings.Keys() {
		for part := range strings.SplitSeq(strings.ReplaceAll(k.Path, "[]", ""), ".") {
			for _, tree := range trees {
				if _, ok := tree[part]; ok && !seen[part] {
					seen[part] = true
					names = append(names, part)
				}
			}
		}
	}
	return names
}

// inText writes a plain value as "config set" reads it.
func inText(value any) string {
	list, ok := value.([]any)
	if !ok {
		return fmt.Sprint(value)
	}
	parts := make([]string, len(list))
	for i, element := range list {
		parts[i] = fmt.Sprint(element)
	}
	return strings.Join(parts, ",")
}

func orNothing(value any) string {
	if text := inText(value); value != nil && text != "" {
		return text
	}
	return `""`
}
