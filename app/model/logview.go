package model

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// A LogLine is one line of the daemon's log.
type LogLine struct {
	Raw   string // as it is in the file
	When  string // the time of day here; "" in a line that has none
	Level string // DEBUG, INFO, WARN or ERROR; "" in a line that has none
	Words string // the message and what belongs to it
}

// ParseLogLine reads a line in the form of log/slog's TextHandler. A line of another
// form is shown as it is.
func ParseLogLine(raw string, zone *time.Location) LogLine {
	l := LogLine{Raw: raw, Words: raw}
	at, rest, ok := cutPair(raw, "time=")
	stamp, err := time.Parse(time.RFC3339Nano, at)
	if !ok || err != nil {
		return l
	}
	level, rest, ok := cutPair(rest, "level=")
	if !ok {
		return l
	}
	message, rest, ok := cutPair(rest, "msg=")
	if !ok {
		return l
	}
	l.When, l.Level = stamp.In(zone).Format("15:04:05.000"), level
	l.Words = strings.TrimSpace(message + "  " + rest)
	if message == "request" {
		l.Words = requestWords(rest)
	}
	return l
}

// requestWords puts the line of a request in the order in which a person reads it:
// what was asked of whom, what came of it, and how long it took. Its other pairs
// follow.
func requestWords(rest string) string {
	values := map[string]string{}
	var others []string
	for rest != "" {
		key, _, _ := strings.Cut(rest, "=")
		value, after, ok := cutPair(rest, key+"=")
		if !ok {
			return rest // it is no list of pairs
		}
		pair := strings.TrimSpace(rest[:len(rest)-len(after)])
		rest = after
		if values[key] = value; !slices.Contains(firstPairs, key) && value != "" {
			others = append(others, pair)
		}
	}
	took := ""
	if ms, err := strconv.ParseFloat(values["total_ms"], 64); err == nil {
		took = Millis(ms)
	}
	words := []string{values["method"] + " " + values["path"], values["upstream"], values["status"] + " " + values["outcome"],
		took, values["err"], strings.Join(others, " ")}
	words = slices.DeleteFunc(words, func(w string) bool { return strings.TrimSpace(w) == "" })
	return strings.TrimSpace(strings.Join(words, "  "))
}

// firstPairs are the pairs that requestWords puts first, without their names.
var firstPairs = []string{"method", "path", "upstream", "status", "outcome", "total_ms", "err"}

// cutPair takes a value off the front of a line, which may be quoted as by
// strconv.Quote.
func cutPair(line, key string) (value, rest string, ok bool) {
	line, ok = strings.CutPrefix(line, key)
	if !ok {
		return "", "", false
	}
	if quoted, err := strconv.QuotedPrefix(line); err == nil && quoted[0] == '"' {
		value, err = strconv.Unquote(quoted)
		return value, strings.TrimPrefix(line[len(quoted):], " "), err == nil
	}
	value, rest, _ = strings.Cut(line, " ")
	return value, rest, true
}

// levels are the levels of the log, the least first.
var levels = []string{"DEBUG", "INFO", "WARN", "ERROR"}

// rankOf orders a level by importance. A name such as "WARN+2" counts as its base,
// and a line without a level is always shown.
func rankOf(level string) int {
	for i, l := range levels {
		if strings.HasPrefix(level, l) {
			return i
		}
	}
	return len(levels)
}

// LogLevels are the choices of what the log page shows.
func LogLevels() []Option {
	return []Option{{"DEBUG", T("log.all")}, {"WARN", T("log.warnings")}, {"ERROR", T("log.errors")}}
}

// FilterLog returns the lines of at least a level that hold all words of a search,
// whatever their case, in any order.
func FilterLog(lines []LogLine, least, search string) []LogLine {
	words := strings.Fields(strings.ToLower(search))
	rank := rankOf(least)
	if len(words) == 0 && rank == 0 {
		return lines
	}
	var found []LogLine
	for _, l := range lines {
		if rankOf(l.Level) >= rank && holdsAll(l.Raw, words) {
			found = append(found, l)
		}
	}
	return found
}

// holdsAll reports whether a line holds all words, which are in small letters.
func holdsAll(line string, words []string) bool {
	line = strings.ToLower(line)
	for _, w := range words {
		if !strings.Contains(line, w) {
			return false
		}
	}
	return true
}

// Judgment is the state whose colour a line has.
func (l LogLine) Judgment() State {
	switch {
	case rankOf(l.Level) == len(levels):
		return On
	case strings.HasPrefix(l.Level, "ERROR"):
		return Failing
	case strings.HasPrefix(l.Level, "WARN"):
		return Degraded
	case strings.Contains(l.Raw, " outcome=upstream_error "), strings.Contains(l.Raw, " outcome=stream_error "):
		return Failing
	}
	return On
}

// A LogView is what is known of the log.
type LogView struct {
	Lines  []LogLine // oldest first; nobody modifies them
	Known  bool      // it was asked for and answered, so that no lines means none
	Folder string    // where the files are; "" when not known
	Most   int       // lines that are kept here
}

// LogText returns lines as they are in the file, to copy.
func LogText(lines []LogLine) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Raw)
		b.WriteByte('\n')
	}
	return b.String()
}

// LogNote says how many of how many lines are shown.
func LogNote(v LogView, shown int, paused bool) Text {
	pairs := []any{"All", Count(int64(len(v.Lines)))}
	switch {
	case paused:
		return N("log.paused", int64(shown), pairs...)
	case shown < len(v.Lines):
		return N("log.some", int64(shown), pairs...)
	case len(v.Lines) == v.Most:
		return N("log.latest", int64(shown))
	}
	return N("log.count", int64(shown))
}
