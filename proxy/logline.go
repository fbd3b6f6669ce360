package proxy

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strconv"
	"sync"
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
	layout       string    // of the time; "" leaves it out
}

// newLineHandler returns a handler that writes redacted lines to w.
func newLineHandler(w io.Writer, level slog.Level, replace func([]string, slog.Attr) slog.Attr, layout string) *lineHandler {
	return &lineHandler{slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: replace}), w, layout}
}

// lineBuffers hold lines under way.
var lineBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// HandleLine writes one line; it implements exchange.LineHandler.
func (h *lineHandler) HandleLine(ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr) error {
	if !isPlain(at, message, attrs) {
		r := slog.NewRecord(at, level, message, 0)
		r.AddAttrs(attrs...)
		return h.Handler.Handle(ctx, r)
	}
	buf := lineBuffers.Get().(*[]byte)
	line := (*buf)[:0]
	if h.layout != "" {
		line = at.AppendFormat(append(line, "time="...), h.layout)
		line = append(line, ' ')
	}
	line = append(append(line, "level="...), level.String()...)
	line = appendText(append(line, " msg="...), message)
	for _, a := range attrs {
		line = appendValue(append(append(append(line, ' '), a.Key...), '='), a.Value)
	}
	line = append(line, '\n')
	_, err := h.to.Write(line)
	*buf = line
	lineBuffers.Put(buf)
	return err
}

// isPlain reports whether all values of a line are of the kinds that appendValue knows.
// Keys are words of our own.
func isPlain(at time.Time, message string, attrs []slog.Attr) bool {
	for _, a := range attrs {
		switch a.Value.Kind() {
		case slog.KindString:
			if !isASCII(a.Value.String()) {
				return false
			}
		case slog.KindInt64, slog.KindBool, slog.KindFloat64:
		default:
			return false
		}
	}
	return !at.IsZero() && isASCII(message)
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

func isASCII(text string) bool {
	for i := range len(text) {
		if text[i] >= 0x80 {
			return false
		}
	}
	return true
}

func appendValue(line []byte, v slog.Value) []byte {
	switch v.Kind() {
	case slog.KindInt64:
		return strconv.AppendInt(line, v.Int64(), 10)
	case slog.KindFloat64:
		return strconv.AppendFloat(line, v.Float64(), 'g', -1, 64)
	case slog.KindBool:
		return strconv.AppendBool(line, v.Bool())
	}
	return appendText(line, v.String())
}

// appendText appends a text, redacted and, where it has to be, quoted.
func appendText(line []byte, text string) []byte {
	if suspicious(text) {
		text = Redact(text)
	}
	if needsQuotes(text) {
		return strconv.AppendQuote(line, text)
	}
	return append(line, text...)
}

// needsQuotes reports whether text, which is ASCII, is quoted in a line.
func needsQuotes(text string) bool {
	for i := range len(text) {
		if c := text[i]; c <= ' ' || c == '"' || c == '=' {
			return true
		}
	}
	return text == ""
}
