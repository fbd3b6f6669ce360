package proxy

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"millpond/proxy/exchange"
)

// What a line handler writes is what slog's own text handler would.
func TestLinesAreAsBySlog(t *testing.T) {
	texts := []string{"", "GET", "/v1/messages", "two words", "a=b", `say "hi"`, `back\slash`, "line\nbreak", "tab\t", "\x7f", "\x00",
		"naïve", "日本", "no\u00a0break", "\xff", "sk-0123456789abcdef", "high", "http://user:secret@host/path?key=value", "Bearer abcdefgh", "x-api-key: hunter2"}
	times := []time.Time{time.Date(2026, 1, 2, 3, 4, 5, 6_789_000, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), {}}
	for name, tt := range map[string]struct {
		replace func([]string, slog.Attr) slog.Attr
		layout  string
	}{
		"file": {redactAttr, logTime}, "terminal": {shortAttr, time.TimeOnly}, "journal": {timelessAttr, ""},
	} {
		var got, want bytes.Buffer
		ours := newLineHandler(&got, slog.LevelInfo, tt.replace, tt.layout)
		theirs := slog.NewTextHandler(&want, &slog.HandlerOptions{ReplaceAttr: tt.replace})
		for i, text := range texts {
			for j, at := range append(times, times...) {
				level := slog.Level(4 * (i % 3))
				attrs := []slog.Attr{slog.String("path", text), slog.Int64("bytes", int64(-i)), slog.Float64("ms", float64(i)/7), slog.Float64("whole", 3),
					slog.Float64("micro", float64(j)/1000), slog.Float64("tenth", 1234567.8*float64(i)), slog.Float64("less", -float64(i)), slog.Float64("nearly", 0.0005),
					slog.Bool("reused", i%2 == 0), slog.Int("attempts", 1)}
				if j >= len(times) { // values that are left to slog
					attrs = append(attrs, slog.Any("err", errors.New(text)), slog.Duration("after", time.Second))
				}
				r := slog.NewRecord(at, level, text, 0)
				r.AddAttrs(attrs...)
				got.Reset()
				want.Reset()
				err := errors.Join(ours.HandleLine(t.Context(), at, level, text, attrs), theirs.Handle(t.Context(), r))
				if err != nil {
					t.Fatal(err)
				}
				if got.String() != want.String() {
					t.Errorf("%s: got %q; want %q", name, got.String(), want.String())
				}
			}
		}
	}
}

// BenchmarkRequestLine is what the log costs a request.
func BenchmarkRequestLine(b *testing.B) {
	h := newLineHandler(tee{&recent{}}, slog.LevelInfo, redactAttr, logTime)
	b.ReportAllocs()
	for b.Loop() {
		_ = h.HandleLine(b.Context(), time.Now(), slog.LevelInfo, RequestMessage, []slog.Attr{
			slog.String("id", "0123456789ab"), slog.String("method", "POST"), slog.String("path", "/v1/messages"),
			slog.String("upstream", "anthropic"), slog.String("protocol", "HTTP/1.1"), slog.Int("status", 200),
			slog.String("outcome", "ok"), slog.Bool("reused", true), slog.Int("attempts", 1), slog.String("replay", ""),
			slog.Float64("queue_ms", 0), slog.Float64("connect_ms", 0), slog.Float64("first_byte_ms", 1.234), slog.Float64("total_ms", 1.345),
			slog.Int64("bytes_in", 400), slog.Int64("bytes_out", 600)})
	}
}

// The log of a daemon takes lines as exchange has them, however many forms it writes.
func TestLogTakesLines(t *testing.T) {
	for _, c := range []LogConfig{{}, {Stderr: &lockedText{}}, {Stderr: &lockedText{}, Terminal: true}, {Stderr: &lockedText{}, Journal: true}} {
		l, err := OpenLog(c)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := l.Handler().(exchange.LineHandler); !ok {
			t.Errorf("%+v: the handler is a %T; want one that takes lines", c, l.Handler())
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}
