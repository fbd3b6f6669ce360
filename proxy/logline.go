package proxy

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
)

// logTime is the layout of times in slog's text.
const logTime = "2006-01-02T15:04:05.000Z07:00"

// A lineHandler writes lines of plain values, such as the one of each request, as the
// text handler within it would, in a fraction of its time; all others it leaves to that
// one. The request log is on by default, so it is a part of what a request costs.
type lineHandler struct {
	slog.Handler           // a text handler that writes to the same writer and redacts
	to           io.Writer // is given whole lines, and may be called from any goroutine
	layout       string    // of the time; "" leaves it out
}

// newLineHandler returns a handler that writes redacted lines to w.
func newLineHandler(w io.Writer, level slog.Level, replace func([]string, slog.Attr) slog.Attr, layout string) slog.Handler {
	return &lineHandler{slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: replace}), w, layout}
}

// lineBuffers hold lines under way.
var lineBuffers = sync.Pool{New: func() any { b := make([]byte, 0, 512); return &b }}

// Handle writes one line.
func (h *lineHandler) Handle(ctx context.Context, r slog.Record) error {
	if !isPlain(r) {
		return h.Handler.Handle(ctx, r)
	}
	buf := lineBuffers.Get().(*[]byte)
	line := (*buf)[:0]
	if h.layout != "" {
		line = r.Time.Round(0).AppendFormat(append(line, "time="...), h.layout)
		line = append(line, ' ')
	}
	line = append(append(line, "level="...), r.Level.String()...)
	line = appendText(append(line, " msg="...), r.Message)
	r.Attrs(func(a slog.Attr) bool {
		line = appendValue(append(append(append(line, ' '), a.Key...), '='), a.Value)
		return true
	})
	line = append(line, '\n')
	_, err := h.to.Write(line)
	*buf = line
	lineBuffers.Put(buf)
	return err
}

// isPlain reports whether all values of a record are of the kinds that appendValue knows.
// Keys are words of our own.
func isPlain(r slog.Record) bool {
	plain := !r.Time.IsZero() && isASCII(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		switch a.Value.Kind() {
		case slog.KindString:
			plain = plain && isASCII(a.Value.String())
		case slog.KindInt64, slog.KindBool, slog.KindFloat64:
		default:
			plain = false
		}
		return plain
	})
	return plain
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
