package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"
)

// LogName is the name of the log file in the folder for state. Four older ones, with
// the time in their names, stand beside it.
const LogName = "millpond.log"

// The size of a log file, and how many are kept.
const (
	logMegabytes = 10
	logFiles     = 5
)

// recentLines is how many lines of the request log /__qcc__/logs shows.
const recentLines = 200

// RequestMessage is the message of the one line that is logged for each request.
const RequestMessage = "request"

// LogConfig says where to log. A zero value logs nowhere.
type LogConfig struct {
	Stderr   io.Writer // nil: nothing is written there
	Terminal bool      // a person reads Stderr: times are short
	Journal  bool      // systemd's journal reads Stderr: it has times, and knows levels, of its own
	Dir      string    // where the log file goes; "": there is none
	Level    slog.Level
}

// A Log is the program's log: one line an event, as logfmt, to stderr and to a file of
// the user alone that is rotated at 10 MB. Lines hold no body and no query value, and
// errors are redacted.
//
// Writing never waits for a disk or a pipe: lines are collected in memory and written
// by a goroutine of their own, at once when little happens and in batches under load.
// Use OpenLog, and Close at the end.
type Log struct {
	*slog.Logger
	outlets []*outlet
	recent  *recent
	file    *lumberjack.Logger // nil when there is none
}

// OpenLog starts the log. It fails when the folder cannot be made or written.
func OpenLog(c LogConfig) (*Log, error) {
	l := &Log{recent: &recent{}}
	inFile := []io.Writer{l.recent}
	if c.Dir != "" {
		if err := l.openFile(c.Dir); err != nil {
			return nil, err
		}
		inFile = append(inFile, l.outlet(l.file))
	}
	handlers := []*lineHandler{nil} // the first is for what is written as it stands in the file
	switch {
	case c.Stderr == nil:
	case c.Journal:
		handlers = append(handlers, newLineHandler(journal{l.outlet(c.Stderr)}, c.Level, timelessAttr, ""))
	case c.Terminal:
		handlers = append(handlers, newLineHandler(l.outlet(c.Stderr), c.Level, shortAttr, time.TimeOnly))
	default:
		inFile = append(inFile, l.outlet(c.Stderr))
	}
	handlers[0] = newLineHandler(tee(inFile), c.Level, redactAttr, logTime)
	l.Logger = slog.New(newLineHandlers(handlers))
	return l, nil
}

// openFile opens the log file, so that a folder that cannot be written is told at
// once. lumberjack keeps a goroutine until the process ends (natefinch/lumberjack#56).
func (l *Log) openFile(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the folder for the log: %w", err)
	}
	name := filepath.Join(dir, LogName)
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	l.file = &lumberjack.Logger{Filename: name, MaxSize: logMegabytes, MaxBackups: logFiles - 1}
	return nil
}

func (l *Log) outlet(w io.Writer) *outlet {
	o := newOutlet(w)
	l.outlets = append(l.outlets, o)
	return o
}

// Recent returns the last lines of the request log, oldest first.
func (l *Log) Recent() []string { return l.recent.lines() }

// Dropped returns how many lines were thrown away because stderr or the disk did not
// keep up.
func (l *Log) Dropped() int64 {
	var n int64
	for _, o := range l.outlets {
		n += o.dropped.Load()
	}
	return n
}

// Close writes what is left and closes the file. It waits a second for a pipe that
// nobody reads. Later lines are lost.
func (l *Log) Close() error {
	deadline := time.Now().Add(time.Second)
	for _, o := range l.outlets {
		o.close(time.Until(deadline))
	}
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// CaptureStandard leads what is printed through package log here, redacted, until
// restore is called: net/http prints there what an upstream sent.
func (l *Log) CaptureStandard() (restore func()) {
	flags, prefix, out := log.Flags(), log.Prefix(), log.Writer()
	log.SetFlags(0)
	log.SetPrefix("")
	log.SetOutput(foreign{l.Logger})
	return func() {
		log.SetFlags(flags)
		log.SetPrefix(prefix)
		log.SetOutput(out)
	}
}

// foreign logs the lines that other packages print.
type foreign struct{ log *slog.Logger }

func (f foreign) Write(line []byte) (int, error) {
	f.log.Warn(redactForeign(strings.TrimSpace(string(line))), "source", "library")
	return len(line), nil
}

// redactAttr hides what must not be logged in messages, texts and errors.
func redactAttr(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		if s := a.Value.String(); suspicious(s) {
			a.Value = slog.StringValue(Redact(s))
		}
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(Redact(err.Error()))
		}
	}
	return a
}

// shortAttr is redactAttr with the time of day alone, for a person at a terminal.
func shortAttr(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 && a.Value.Kind() == slog.KindTime {
		return slog.String(slog.TimeKey, a.Value.Time().Format(time.TimeOnly))
	}
	return redactAttr(groups, a)
}

// timelessAttr is redactAttr without the time, for who has one already.
func timelessAttr(groups []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey && len(groups) == 0 && a.Value.Kind() == slog.KindTime {
		return slog.Attr{}
	}
	return redactAttr(groups, a)
}

// journal marks each line with its level as systemd's journal reads it (sd-daemon(3)).
type journal struct{ io.Writer }

func (j journal) Write(line []byte) (int, error) {
	level := "<6>" // informational
	switch {
	case bytes.HasPrefix(line, []byte("level=ERROR ")):
		level = "<3>"
	case bytes.HasPrefix(line, []byte("level=WARN ")):
		level = "<4>"
	}
	_, err := j.Writer.Write(append([]byte(level), line...))
	return len(line), err
}

// tee writes to several writers that never fail.
type tee []io.Writer

func (t tee) Write(line []byte) (int, error) {
	for _, w := range t {
		_, _ = w.Write(line)
	}
	return len(line), nil
}

// isRequest reports whether the line is one of the request log.
func isRequest(line []byte) bool {
	return bytes.Contains(line, []byte(" msg="+RequestMessage+" "))
}
