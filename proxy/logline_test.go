package proxy

import (
	"bytes"
	"errors"
	"log/slog"
	"testing"
	"time"

	"millpond/proxy/exchange"
)

// fields are those of a line in a test.
type fields func(l exchange.Line)

func (f fields) WriteTo(l exchange.Line) { f(l) }

// What a line handler writes is what slog's own text handler would.
func TestLinesAreAsBySlog(t *testing.T) {
	texts := []string{"", "GET", "/v1/messages", "two words", "a=b", `say "hi"`, `back\slash`, "line\nbreak", "tab\t", "\x7f", "\x00",
		"naïve", "日本", "no\u00a0break", "\xff", "sk-0123456789abcdef", "high", "http://user:secret@host/path?key=value", "Bearer abcdefgh", "x-api-key: hunter2"}
	times := []time.Time{time.Date(2026, 1, 2, 3, 4, 5, 6_789_000, time.UTC), time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)), {}}
	micros := []int64{0, 1, 10, 100, 120, 123, 1000, 1001, 1010, 12_340, 999_999_999, 1_000_000_000, 1_234_567_891, -1, -12_345, 3, 30, 45, 450, 7}
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
			for _, at := range times {
				level := slog.Level(4 * (i % 3))
				plain := fields(func(l exchange.Line) {
					l.Text("path", text)
					l.Int("bytes", int64(-i))
					l.Milliseconds("ms", time.Duration(micros[i])*time.Microsecond)
					l.Bool("reused", i%2 == 0)
					l.ID("id", uint64(i)<<40+1)
					l.Word("outcome", []string{"ok", ""}[i%2])
				})
				var attrs exchange.Attrs
				plain.WriteTo(&attrs)
				r := slog.NewRecord(at, level, text, 0)
				r.AddAttrs(attrs...)
				got.Reset()
				want.Reset()
				if err := errors.Join(ours.HandleLine(t.Context(), at, level, text, plain), theirs.Handle(t.Context(), r)); err != nil {
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
	request := fields(func(l exchange.Line) {
		l.ID("id", 0x0123456789ab)
		l.Text("method", "POST")
		l.Text("path", "/v1/messages")
		l.Text("upstream", "anthropic")
		l.Word("protocol", "HTTP/1.1")
		l.Int("status", 200)
		l.Word("outcome", "ok")
		l.Bool("reused", true)
		l.Int("attempts", 1)
		l.Word("replay", "")
		l.Milliseconds("queue_ms", 0)
		l.Milliseconds("connect_ms", 0)
		l.Milliseconds("first_byte_ms", 1234*time.Microsecond)
		l.Milliseconds("total_ms", 1345*time.Microsecond)
		l.Int("bytes_in", 400)
		l.Int("bytes_out", 600)
	})
	b.ReportAllocs()
	for b.Loop() {
		_ = h.HandleLine(b.Context(), time.Now(), slog.LevelInfo, RequestMessage, request)
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
