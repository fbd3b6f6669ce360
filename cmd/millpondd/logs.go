package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

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
		Args: cobra.NoArgs,
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

// showLog prints the last lines of the log in dir, and follows it if told so.
func showLog(ctx context.Context, out io.Writer, dir string, f logFlags) error {
	path := filepath.Join(dir, proxy.LogName)
	// It is opened before it is read, so that no line is missed between the two.
	t := &tail{path: path}
	defer t.close()
	size, err := t.open()
	if errors.Is(err, fs.ErrNotExist) && !f.follow {
		return failed(fmt.Errorf("there is no log at %s", path), `The daemon writes it; start it with "millpondd serve".`)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failed(err, "")
	}
	lines, err := lastLines(path, size, f)
	if err != nil {
		return failed(err, "")
	}
	for _, line := range lines {
		if err := f.print(out, line); err != nil {
			return err
		}
	}
	if !f.follow {
		return nil
	}
	return t.follow(ctx, func(line string) error {
		if !f.matches(line) {
			return nil
		}
		return f.print(out, line)
	})
}

// lastLines returns the last lines that match, of the first size bytes of the log and
// as many of the older files as it takes.
func lastLines(path string, size int64, f logFlags) ([]string, error) {
	older, err := filepath.Glob(strings.TrimSuffix(path, ".log") + "-*.log") // their names hold the time
	if err != nil {
		return nil, err
	}
	slices.Sort(older)
	var lines []string
	for file := path; len(lines) < f.lines; {
		found, err := linesOf(file, size, f)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // one that was removed meanwhile
			return nil, err
		}
		lines = append(found, lines...)
		if len(older) == 0 {
			break
		}
		file, older, size = older[len(older)-1], older[:len(older)-1], 1<<62
	}
	return lines[max(0, len(lines)-f.lines):], nil
}

// linesOf returns the last lines of one file that match.
func linesOf(file string, size int64, f logFlags) ([]string, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var lines []string
	r := bufio.NewReader(io.LimitReader(in, size))
	for {
		line, err := r.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" && f.matches(line) {
			lines = append(lines, line)
		}
		if len(lines) > 2*f.lines+1000 { // keep the end alone in memory
			lines = slices.Clone(lines[len(lines)-f.lines:])
		}
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
	}
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

// A tail reads a file on as it grows, and the next one of its name when it is rotated.
type tail struct {
	path string
	file *os.File // nil while there is none
	rest string   // of a line that is not whole yet
}

// open opens the file, to be read from its present end, which it returns.
func (t *tail) open() (size int64, err error) {
	if t.file, err = os.Open(t.path); err != nil {
		t.file = nil
		return 0, err
	}
	return t.file.Seek(0, io.SeekEnd)
}

func (t *tail) close() {
	if t.file != nil {
		_ = t.file.Close() // it was only read
		t.file = nil
	}
}

// pollEvery is how often a followed log is looked at.
const pollEvery = 200 * time.Millisecond

// follow calls do for each whole line until ctx is done.
func (t *tail) follow(ctx context.Context, do func(line string) error) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		// A file that was rotated away is read to its end before the next one is opened.
		moved := t.moved()
		if err := t.read(do); err != nil {
			return err
		}
		if moved {
			t.close()
			if f, err := os.Open(t.path); err == nil {
				t.file = f
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// moved reports whether another file than the open one has the name, or has been cut.
func (t *tail) moved() bool {
	present, err := os.Stat(t.path)
	if err != nil {
		return false // between two files: look again
	}
	if t.file == nil {
		return true
	}
	open, err := t.file.Stat()
	if err != nil || !os.SameFile(open, present) {
		return true
	}
	at, err := t.file.Seek(0, io.SeekCurrent)
	return err != nil || at > present.Size()
}

func (t *tail) read(do func(line string) error) error {
	if t.file == nil {
		return nil
	}
	r := bufio.NewReader(t.file)
	for {
		text, err := r.ReadString('\n')
		t.rest += text
		if err != nil { // the end, for now
			return nil
		}
		line := strings.TrimRight(t.rest, "\r\n")
		t.rest = ""
		if err := do(line); err != nil {
			return err
		}
	}
}
