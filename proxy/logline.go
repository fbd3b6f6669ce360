package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"millpond/proxy/exchange"
)

// logTime is the layout of times in slog's text.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// A lineHandler writes lines of plain values that come without a record, such as the one of
// each request, as the text handler within it would, in a fraction of its time; all others
// it leaves to that one. The request log is on by default, so it is a part of what a request costs.
type lineHandler struct {
	slog.Handler           // a text handler that writes to the same writer and redacts
	to           io.Writer // is given whole lines, and may be called from any goroutine
	clock        clockText // its layout is "" where lines bear no time
}

// newLineHandler returns a handler that writes redacted lines to w.
func newLineHandler(w io.Writer, level slog.Level, replace func([]string, slog.Attr) slog.Attr, layout string) *lineHandler {
	return &lineHandler{slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: replace}), w, clockText{layout: layout}}
}

// lines are used again.
var lines = sync.Pool{New: func() any { return &line{text: make([]byte, 0, 512)} }}

// HandleLine writes one line; it implements exchange.LineHandler.
func (h *lineHandler) HandleLine(ctx context.Context, at time.Time, level slog.Level, message string, fields exchange.Fields) error {
	l := lines.Get().(*line)
	defer lines.Put(l)
	l.text, l.odd = l.text[:0], at.IsZero()
	if h.clock.layout != "" {
		l.text = append(h.clock.append(append(l.text, "time="...), at), ' ')
	}
	l.text = append(append(l.text, "level="...), level.String()...)
	l.Text("msg", message)
	fields.WriteTo(l)
	if l.odd {
		var attrs exchange.Attrs
		fields.WriteTo(&attrs)
		r := slog.NewRecord(at, level, message, 0)
		r.AddAttrs(attrs...)
		return h.Handler.Handle(ctx, r)
	}
	l.text = append(l.text, '\n')
	_, err := h.to.Write(l.text)
	return err
}

// A line is one under way; it implements exchange.Line. Keys are words of our own.
type line struct {
	text []byte
	odd  bool // there is a value that only slog's handler knows how to write
}

func (l *line) key(key string) { l.text = append(append(append(l.text, ' '), key...), '=') }

// ID appends an ID.
func (l *line) ID(key string, id uint64) {
	l.key(key)
	l.text = exchange.AppendID(l.text, id)
}

// Word appends a word that needs no care.
func (l *line) Word(key, word string) {
	l.key(key)
	if word == "" {
		word = `""`
	}
	l.text = append(l.text, word...)
}

// Text appends a text, redacted and, where it has to be, quoted.
func (l *line) Text(key, text string) {
	l.key(key)
	ok := false
	l.text, ok = appendText(l.text, text)
	l.odd = l.odd || !ok
}

// Int appends a number.
func (l *line) Int(key string, n int64) {
	l.key(key)
	l.text = strconv.AppendInt(l.text, n, 10)
}

// Bool appends a truth.
func (l *line) Bool(key string, b bool) {
	l.key(key)
	l.text = strconv.AppendBool(l.text, b)
}

// Milliseconds appends a duration to the microsecond: as slog does the number, in its shortest form.
func (l *line) Milliseconds(key string, d time.Duration) {
	const exact = 1e9 // microseconds; from here on there is an exponent
	l.key(key)
	micros := d.Microseconds()
	if micros < 0 || micros >= exact {
		l.text = strconv.AppendFloat(l.text, float64(micros)/1000, 'g', -1, 64)
		return
	}
	l.text = strconv.AppendInt(l.text, micros/1000, 10)
	rest := micros % 1000
	if rest == 0 {
		return
	}
	l.text = append(l.text, '.', byte('0'+rest/100))
	if rest %= 100; rest > 0 {
		l.text = append(l.text, byte('0'+rest/10))
	}
	if rest %= 10; rest > 0 {
		l.text = append(l.text, byte('0'+rest))
	}
}

// A clockText writes times in a layout. It formats one time a second, and of the others only
// the milliseconds, for which the layout has ".000" or no place.
type clockText struct {
	layout string
	last   atomic.Pointer[secondText]
}

// A secondText is the text of one second. It never changes.
type secondText struct {
	second int64 // Unix
	zone   *time.Location
	text   string
	millis int // where the milliseconds stand in text; -1 for nowhere
}

func (c *clockText) append(line []byte, at time.Time) []byte {
	s := c.last.Load()
	if s == nil || s.second != at.Unix() || s.zone != at.Location() {
		text := at.Format(c.layout)
		s = &secondText{at.Unix(), at.Location(), text, -1}
		if strings.Contains(c.layout, ".000") {
			s.millis = strings.IndexByte(text, '.') + 1
		}
		c.last.Store(s)
	}
	start := len(line)
	line = append(line, s.text...)
	if s.millis >= 0 {
		ms := at.Nanosecond() / int(time.Millisecond)
		digits := line[start+s.millis:]
		digits[0], digits[1], digits[2] = byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10)
	}
	return line
}

// lineHandlers write each line several times, in forms of their own.
type lineHandlers struct {
	*slog.MultiHandler
	each []*lineHandler
}

func newLineHandlers(each []*lineHandler) slog.Handler {
	if len(each) == 1 {
		return each[0]
	}
	var all []slog.Handler
	for _, h := range each {
		all = append(all, h)
	}
	return &lineHandlers{slog.NewMultiHandler(all...), each}
}

// HandleLine writes one line; it implements exchange.LineHandler.
func (h *lineHandlers) HandleLine(ctx context.Context, at time.Time, level slog.Level, message string, fields exchange.Fields) error {
	var errs []error
	for _, one := range h.each {
		if one.Enabled(ctx, level) {
			errs = append(errs, one.HandleLine(ctx, at, level, message, fields))
		}
	}
	return errors.Join(errs...)
}

// appendText appends a text, redacted and, where it has to be, quoted. It reports false for
// one that is not ASCII.
func appendText(line []byte, text string) ([]byte, bool) {
	if isBare(text) {
		return append(line, text...), true
	}
	for i := range len(text) {
		if text[i] >= 0x80 {
			return line, false
		}
	}
	text = Redact(text)
	if needsQuotes(text) {
		return strconv.AppendQuote(line, text), true
	}
	return append(line, text...), true
}

// isBare reports whether text is written as it is: nothing in it has to be quoted, or could
// be a secret.
func isBare(text string) bool {
	for i := range len(text) {
		switch c := text[i]; logClass[c] {
		case careful:
			return false
		case keyStart:
			if startsKey(text[i:]) {
				return false
			}
		}
	}
	return text != ""
}

// The classes of bytes in a line. The others stand for themselves.
const (
	careful  = 1 + iota // has to be quoted or is not ASCII, or what stands around may be a secret
	keyStart            // may begin the text of a key
)

// logClass is never written after it is made.
var logClass = func() (t [256]uint8) {
	for c := range t {
		text := string(rune(c))
		switch {
		case c >= 0x80 || needsQuotes(text) || strings.Contains(suspects, text):
			t[c] = careful
		case strings.Contains(keyStarts, text):
			t[c] = keyStart
		}
	}
	return t
}()

// needsQuotes reports whether text, which is ASCII, is quoted in a line.
func needsQuotes(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c == '"' || c == '=' {
			return true
		}
	}
	return text == ""
}
