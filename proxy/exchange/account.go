package exchange

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"strings"
	"time"

	"millpond/proxy/meter"
)

// settle decides the outcome, once.
func (t *turn) settle(o meter.Outcome, code string, cause error) {
	if t.ended {
		return
	}
	t.ended = true
	t.record.Outcome, t.record.Code, t.cause = o, code, cause
}

var errPanic = errors.New("a mistake of Millpond's own, which the log tells of")

// close counts the request, writes its line to the log and frees its memory.
func (t *turn) close() {
	if t.running {
		t.attempt.abandon()
		t.settle(meter.Local, "internal", errPanic)
	}
	t.body.Free()
	if t.over.IsZero() {
		t.over = time.Now()
	}
	t.record.At = t.over
	t.record.Total = t.over.Sub(t.req.Arrived)
	if t.stream != nil {
		t.record.BytesIn = t.stream.n
	}
	if t.cause != nil {
		t.record.Err = t.cause.Error()
	}
	t.x.Meter.Record(t.record)
	t.arm.record(t.record.Outcome, t.record.Total)
	t.log()
}

// A LineHandler is a slog.Handler that needs neither a slog.Record nor attributes for a line of plain
// values: making these costs more than writing the line.
type LineHandler interface {
	slog.Handler
	// HandleLine is Handle for a line with these fields.
	HandleLine(ctx context.Context, at time.Time, level slog.Level, message string, fields Fields) error
}

// Fields are those of a line.
type Fields interface {
	// WriteTo gives them to l, in their order. It may be called several times.
	WriteTo(l Line)
}

// A Line takes the fields of a line of the log.
type Line interface {
	ID(key string, id uint64)
	Word(key, word string) // of our own choice: no secret, and nothing to quote, but perhaps nothing at all
	Text(key, text string) // anything
	Int(key string, n int64)
	Bool(key string, b bool)
	Milliseconds(key string, d time.Duration)
}

// log writes the request's line: no body, no query, no credential.
func (t *turn) log() {
	ctx := context.Background() // a handler needs none
	handler := t.x.Log.Handler()
	if !handler.Enabled(ctx, slog.LevelInfo) {
		return
	}
	t.id = rand.Uint64() // no secret, so no secret source of it
	if direct, ok := handler.(LineHandler); ok {
		_ = direct.HandleLine(ctx, t.record.At, slog.LevelInfo, "request", t) // there is nowhere to say that the log fails
		return
	}
	var attrs Attrs
	t.WriteTo(&attrs)
	t.x.Log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// WriteTo gives the fields of the request's line.
func (t *turn) WriteTo(l Line) {
	r := &t.record
	path, _, _ := strings.Cut(t.req.Target, "?")
	l.ID("id", t.id)
	l.Text("method", t.req.Method)
	l.Text("path", path)
	l.Text("upstream", r.Upstream)
	l.Word("protocol", r.Protocol)
	l.Int("status", int64(r.Status))
	l.Word("outcome", r.Outcome.String())
	l.Bool("reused", r.Reused)
	l.Int("attempts", int64(t.attempts))
	l.Word("replay", t.class.String())
	l.Milliseconds("queue_ms", r.Wait)
	l.Milliseconds("connect_ms", r.Connect)
	l.Milliseconds("first_byte_ms", r.FirstByte)
	l.Milliseconds("total_ms", r.Total)
	l.Int("bytes_in", r.BytesIn)
	l.Int("bytes_out", r.BytesOut)
	if r.Code != "" {
		l.Text("code", r.Code)
	}
	if r.Err != "" {
		l.Text("err", r.Err)
	}
}

// Attrs are the fields of a line for other handlers of package slog.
type Attrs []slog.Attr

// ID appends the text of an ID.
func (a *Attrs) ID(key string, id uint64) {
	*a = append(*a, slog.String(key, string(AppendID(nil, id))))
}

// AppendID appends the text of a request's ID: twelve hexadecimal digits.
func AppendID(text []byte, id uint64) []byte {
	for range 12 {
		text = append(text, "0123456789abcdef"[id&15])
		id >>= 4
	}
	return text
}

// Word appends a text.
func (a *Attrs) Word(key, word string) { *a = append(*a, slog.String(key, word)) }

// Text appends a text.
func (a *Attrs) Text(key, text string) { *a = append(*a, slog.String(key, text)) }

// Int appends a number.
func (a *Attrs) Int(key string, n int64) { *a = append(*a, slog.Int64(key, n)) }

// Bool appends a truth.
func (a *Attrs) Bool(key string, b bool) { *a = append(*a, slog.Bool(key, b)) }

// Milliseconds appends a duration as a number.
func (a *Attrs) Milliseconds(key string, d time.Duration) {
	*a = append(*a, slog.Float64(key, float64(d.Microseconds())/1000))
}
