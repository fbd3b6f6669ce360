package exchange

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
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

// A LineHandler is a slog.Handler that needs no slog.Record for a line of plain values:
// making one costs more than writing the line.
type LineHandler interface {
	slog.Handler
	// HandleLine is Handle for a line with these attributes, which it does not keep.
	HandleLine(ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr) error
}

// A lineAttrs is room for the attributes of a request's line.
type lineAttrs [18]slog.Attr

var lines = sync.Pool{New: func() any { return new(lineAttrs) }}

// log writes the request's line: no body, no query, no credential.
func (t *turn) log() {
	ctx := context.Background() // a handler needs none
	handler := t.x.Log.Handler()
	if !handler.Enabled(ctx, slog.LevelInfo) {
		return
	}
	room := lines.Get().(*lineAttrs)
	defer lines.Put(room)
	attrs := t.attributes(room[:0])
	if direct, ok := handler.(LineHandler); ok {
		_ = direct.HandleLine(ctx, t.record.At, slog.LevelInfo, "request", attrs) // there is nowhere to say that the log fails
		return
	}
	t.x.Log.LogAttrs(ctx, slog.LevelInfo, "request", attrs...)
}

// attributes appends those of the request's line.
func (t *turn) attributes(attrs []slog.Attr) []slog.Attr {
	r := &t.record
	path, _, _ := strings.Cut(t.req.Target, "?")
	attrs = append(attrs,
		slog.String("id", newID()),
		slog.String("method", t.req.Method),
		slog.String("path", path),
		slog.String("upstream", r.Upstream),
		slog.String("protocol", r.Protocol),
		slog.Int("status", r.Status),
		slog.String("outcome", r.Outcome.String()),
		slog.Bool("reused", r.Reused),
		slog.Int("attempts", t.attempts),
		slog.String("replay", t.class.String()),
		milliseconds("queue_ms", r.Wait),
		milliseconds("connect_ms", r.Connect),
		milliseconds("first_byte_ms", r.FirstByte),
		milliseconds("total_ms", r.Total),
		slog.Int64("bytes_in", r.BytesIn),
		slog.Int64("bytes_out", r.BytesOut),
	)
	if r.Code != "" {
		attrs = append(attrs, slog.String("code", r.Code))
	}
	if r.Err != "" {
		attrs = append(attrs, slog.String("err", r.Err))
	}
	return attrs
}

func milliseconds(key string, d time.Duration) slog.Attr {
	return slog.Float64(key, float64(d.Microseconds())/1000)
}
