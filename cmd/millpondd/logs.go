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
	"strconv"
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
	fields := logFields(line)
	has := func(key, want string) bool {
		return want == "" || slices.Contains(fields, logField{key, want})
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
	for i, field := range logFields(line) {
		if i > 0 {
			b.WriteByte(',')
		}
		key, _ := json.Marshal(field.key) // a string can be marshalled
		b.Write(key)
		b.WriteByte(':')
		b.Write(field.json())
	}
	b.WriteString("}\n")
	_, err := io.WriteString(out, b.String())
	return err
}

// A logField is a key and its value, unquoted.
type logField struct{ key, value string }

// json returns the value as JSON: numbers and truths as such, all else as text.
func (f logField) json() []byte {
	var number json.Number
	if f.value == "true" || f.value == "false" {
		return []byte(f.value)
	}
	// An id of digits, such as 181677885989, is a text all the same.
	if f.key != "id" && f.key != "msg" && f.value != "" && json.Unmarshal([]byte(f.value), &number) == nil && f.value[0] != '"' && f.value != "null" {
		return []byte(f.value)
	}
	text, _ := json.Marshal(f.value) // a string can be marshalled
	return text
}

// logFields reads a line of logfmt as slog writes it: key=value, the value in quotes
// as Go's where it needs them. What is no such pair is left out.
func logFields(line string) (fields []logField) {
	for {
		line = strings.TrimLeft(line, " ")
		key, rest, ok := strings.Cut(line, "=")
		if !ok {
			return fields
		}
		value, next, _ := strings.Cut(rest, " ")
		if quoted, err := strconv.QuotedPrefix(rest); err == nil {
			next = rest[len(quoted):]
			if value, err = strconv.Unquote(quoted); err != nil {
				value = quoted
			}
		}
		if i := strings.LastIndexByte(key, ' '); i >= 0 { // words before it belong to nothing
			key = key[i+1:]
		}
		fields = append(fields, logField{key, value})
		line = next
	}
}
