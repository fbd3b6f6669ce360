package proxy

import (
	"bufio"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// LogQuery says which lines of the log are wanted.
type LogQuery struct {
	Dir    string                 // the folder for state; required
	Lines  int                    // how many of the last lines come first; 0 means none
	Follow bool                   // go on with lines as they are written
	Match  func(line string) bool // nil means every line
}

// portion is how many followed lines are handed on at most at a time.
const portion = 1000

// ReadLog calls do for the last lines of the log, those of the older files that it was
// rotated to included, once even when there are none; and then, when it follows, for the
// lines that are added, until ctx is done, over rotations. It returns an error of do, and
// one that wraps fs.ErrNotExist when there is no log and it does not follow.
func ReadLog(ctx context.Context, q LogQuery, do func(lines []string) error) error {
	if q.Match == nil {
		q.Match = func(string) bool { return true }
	}
	// It is opened before it is read, so that no line is missed between the two.
	t := &tail{path: filepath.Join(q.Dir, LogName)}
	defer t.close()
	size, err := t.open()
	if err != nil && (!errors.Is(err, fs.ErrNotExist) || !q.Follow) {
		return err
	}
	lines, err := q.last(t.path, size)
	if err != nil {
		return err
	}
	if err := do(lines); err != nil || !q.Follow {
		return err
	}
	return t.follow(ctx, func(lines []string) error {
		wanted := slices.DeleteFunc(lines, func(line string) bool { return !q.Match(line) })
		if len(wanted) == 0 {
			return nil
		}
		return do(wanted)
	})
}

// last returns the last lines that match, of the first size bytes of the log and as many
// of the older files as it takes.
func (q LogQuery) last(path string, size int64) ([]string, error) {
	older, err := filepath.Glob(strings.TrimSuffix(path, ".log") + "-*.log") // their names hold the time
	if err != nil {
		return nil, err
	}
	slices.Sort(older)
	var lines []string
	for file := path; len(lines) < q.Lines; {
		found, err := q.linesOf(file, size)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // one that was removed meanwhile
			return nil, err
		}
		lines = append(found, lines...)
		if len(older) == 0 {
			break
		}
		file, older, size = older[len(older)-1], older[:len(older)-1], 1<<62
	}
	return lines[max(0, len(lines)-q.Lines):], nil
}

// linesOf returns the last lines of one file that match.
func (q LogQuery) linesOf(file string, size int64) ([]string, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	var lines []string
	r := bufio.NewReader(io.LimitReader(in, size))
	for {
		line, err := r.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" && q.Match(line) {
			lines = append(lines, line)
		}
		if len(lines) > 2*q.Lines+portion { // keep the end alone in memory
			lines = slices.Clone(lines[len(lines)-q.Lines:])
		}
		if errors.Is(err, io.EOF) {
			return lines, nil
		}
		if err != nil {
			return nil, err
		}
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

// follow calls do for the whole lines that were added, until ctx is done.
func (t *tail) follow(ctx context.Context, do func(lines []string) error) error {
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

// read calls do for the whole lines that there are, in portions.
func (t *tail) read(do func(lines []string) error) error {
	if t.file == nil {
		return nil
	}
	r := bufio.NewReader(t.file)
	for {
		var lines []string
		var err error
		for err == nil && len(lines) < portion {
			var text string
			text, err = r.ReadString('\n')
			t.rest += text
			if err == nil {
				lines = append(lines, strings.TrimRight(t.rest, "\r\n"))
				t.rest = ""
			}
		}
		if len(lines) > 0 {
			if err := do(lines); err != nil {
				return err
			}
		}
		if err != nil { // the end, for now
			return nil
		}
	}
}

// A LogField is a key of a line of the log and its value, unquoted.
type LogField struct{ Key, Value string }

// LogFields reads a line of logfmt as slog writes it: key=value, the value in quotes
// as Go's where it needs them. What is no such pair is left out.
func LogFields(line string) (fields []LogField) {
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
		fields = append(fields, LogField{key, value})
		line = next
	}
}
