package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"millpond/proxy"
	"millpond/settings/store"
)

// logFlags say which lines of the log to show.
type logFlags struct {
	lines             int
	follow, json      bool
	outcome, upstream string
}

func (a *app) logsCommand() *cobra.Command {
	var f logFlags
	c := &cobra.Command{
		Use:   "logs",
		Short: "Show the log, and follow it",
		Long: `Show the last lines of the log, the older files that it was rotated to included. With
--outcome or --upstream only requests are shown. With --json each line is an object.`,
		Example: "  millpondd logs -f --outcome upstream_error\n  millpondd logs -n 500 --upstream relay --json",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if f.lines < 0 {
				return &failure{code: exitUsage, err: fmt.Errorf("--lines %d is below 0", f.lines)}
			}
			dir, err := store.StateDir(a.getenv)
			if err != nil {
				return failed(err, "")
			}
			return showLog(c.Context(), a.std.out, dir, f)
		},
	}
	c.Flags().BoolVarP(&f.follow, "follow", "f", false, "go on with lines as they are written, until interrupted")
	c.Flags().IntVarP(&f.lines, "lines", "n", 20, "how many lines to show first")
	jsonFlag(c, &f.json)
	c.Flags().StringVar(&f.outcome, "outcome", "", "only requests with this `OUTCOME`, such as upstream_error")
	c.Flags().StringVar(&f.upstream, "upstream", "", "only requests to the upstream of this `NAME`")
	return c
}

// showLog prints the last lines of the log in dir, and follows it if told so. It reads the
// files and asks no daemon: a log is wanted most when the daemon does not run.
func showLog(ctx context.Context, out io.Writer, dir string, f logFlags) error {
	err := proxy.ReadLog(ctx, proxy.LogQuery{Dir: dir, Lines: f.lines, Follow: f.follow, Match: f.matches}, func(lines []string) error {
		for _, line := range lines {
			if err := f.print(out, line); err != nil {
				return err
			}
		}
		return nil
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failed(fmt.Errorf("there is no log at %s", filepath.Join(dir, proxy.LogName)), `The daemon writes it; start it with "millpondd serve".`)
	case err != nil:
		return failed(err, "")
	}
	return nil
}

// matches reports whether the line is wanted.
func (f logFlags) matches(line string) bool {
	if f.outcome == "" && f.upstream == "" {
		return true
	}
	fields := proxy.LogFields(line)
	has := func(key, want string) bool {
		return want == "" || slices.Contains(fields, proxy.LogField{Key: key, Value: want})
	}
	return has("msg", proxy.RequestMessage) && has("outcome", f.outcome) && has("upstream", f.upstream)
}

// print writes the line as it is, or as a JSON object.
func (f logFlags) print(out io.Writer, line string) error {
	if !f.json {
		_, err := fmt.Fprintln(out, line)
		return err
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, field := range proxy.LogFields(line) {
		if i > 0 {
			b.WriteByte(',')
		}
		key, _ := json.Marshal(field.Key) // a string can be marshalled
		b.Write(key)
		b.WriteByte(':')
		b.Write(fieldJSON(field))
	}
	b.WriteString("}\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// fieldJSON returns a field's value as JSON: numbers and truths as such, all else as text.
func fieldJSON(f proxy.LogField) []byte {
	var number json.Number
	if f.Value == "true" || f.Value == "false" {
		return []byte(f.Value)
	}
	// An id of digits, such as 181677885989, is a text all the same.
	if f.Key != "id" && f.Key != "msg" && f.Value != "" && json.Unmarshal([]byte(f.Value), &number) == nil && f.Value[0] != '"' && f.Value != "null" {
		return []byte(f.Value)
	}
	text, _ := json.Marshal(f.Value) // a string can be marshalled
	return text
}
