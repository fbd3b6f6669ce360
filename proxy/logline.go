package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
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

// lineBuffers hold lines under way.
var lineBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// HandleLine writes one line; it implements exchange.LineHandler.
func (h *lineHandler) HandleLine(ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr) error {
	buf := lineBuffers.Get().(*[]byte)
	defer lineBuffers.Put(buf)
	line, ok := h.appendLine((*buf)[:0], at, level, message, attrs)
	*buf = line[:0]
	if !ok {
		r := slog.NewRecord(at, level, message, 0)
		r.AddAttrs(attrs...)
		return h.Handler.Handle(ctx, r)
	}
	_, err := h.to.Write(line)
	return err
}

// appendLine reports false when there is a value that it does not know how to write. Keys
// are words of our own.
func (h *lineHandler) appendLine(line []byte, at time.Time, level slog.Level, message string, attrs []slog.Attr) ([]byte, bool) {
	if at.IsZero() {
		return line, false
	}
	if h.clock.layout != "" {
		line = append(h.clock.append(append(line, "time="...), at), ' ')
	}
	line = append(append(line, "level="...), level.String()...)
	line, ok := appendText(append(line, " msg="...), message)
	for i := 0; ok && i < len(attrs); i++ {
		line = append(append(append(line, ' '), attrs[i].Key...), '=')
		line, ok = appendValue(line, attrs[i].Value)
	}
	return append(line, '\n'), ok
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
func (h *lineHandlers) HandleLine(ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr) error {
	var errs []error
	for _, one := range h.each {
		if one.Enabled(ctx, level) {
			errs = append(errs, one.HandleLine(ctx, at, level, message, attrs))
		}
	}
	return errors.Join(errs...)
}

// appendValue reports false for a value of a kind, or a text, that it does not know.
func appendValue(line []byte, v slog.Value) ([]byte, bool) {
	switch v.Kind() {
	case slog.KindString:
		return appendText(line, v.String())
	case slog.KindInt64:
		return strconv.AppendInt(line, v.Int64(), 10), true
	case slog.KindFloat64:
		return appendFloat(line, v.Float64()), true
	case slog.KindBool:
		return strconv.AppendBool(line, v.Bool()), true
	}
	return line, false
}

// appendFloat writes the shortest text that means f, as slog does. Milliseconds to the
// microsecond, which have three decimals at most, need no search for it.
func appendFloat(line []byte, f float64) []byte {
	const exact = 1e6 // from here on there is an exponent
	thousandths := int64(f*1000 + 0.5)
	if math.Signbit(f) || f >= exact || float64(thousandths)/1000 != f {
		return strconv.AppendFloat(line, f, 'g', -1, 64)
	}
	line = strconv.AppendInt(line, thousandths/1000, 10)
	rest := thousandths % 1000
	if rest == 0 {
		return line
	}
	line = append(line, '.', byte('0'+rest/100))
	if rest %= 100; rest > 0 {
		line = append(line, byte('0'+rest/10))
	}
	if rest %= 10; rest > 0 {
		line = append(line, byte('0'+rest))
	}
	return line
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
