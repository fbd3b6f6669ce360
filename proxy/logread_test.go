package proxy

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// What slog writes is read back, and nothing that stands in a log makes the reader fail.
func FuzzLogFields(f *testing.F) {
	f.Add("request", "plain")
	f.Add("odd", "a=b \"quoted\" and\nmore\x00")
	f.Add("", "=")
	f.Fuzz(func(t *testing.T, message, value string) {
		LogFields(message)
		LogFields("time=x " + message + "=" + value)
		var line bytes.Buffer
		slog.New(slog.NewTextHandler(&line, nil)).Info("m", "key", value)
		fields := LogFields(strings.TrimSuffix(line.String(), "\n"))
		if want := (LogField{"key", strings.ToValidUTF8(value, "\uFFFD")}); !slices.Contains(fields, want) && !slices.Contains(fields, LogField{"key", value}) {
			t.Errorf("got %q of %q; want %q", fields, line.String(), want)
		}
	})
}
