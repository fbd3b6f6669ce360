package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy"
)

func logLine(id, outcome, upstream string) string {
	return "time=2026-11-22T10:11:41.846Z level=INFO msg=request id=" + id + " method=POST upstream=" + upstream + " status=200 outcome=" + outcome + " reused=true total_ms=1.5 err=\"cut \\\"off\\\" a=b\"\n"
}

// TestLogsShowTheEnd: the last lines, over rotated files, filtered and as JSON.
func TestLogsShowTheEnd(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"millpond-2026-11-20T00-00-00.000.log": logLine("1", "ok", "a") + logLine("2", "upstream_error", "b"),
		"millpond-2026-11-21T00-00-00.000.log": logLine("3", "ok", "b") + "time=x level=INFO msg=listening address=y\n",
		proxy.LogName:                          logLine("4", "ok", "a") + logLine("5", "stream_error", "b"),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name  string
		flags logFlags
		want  string
	}{
		{"two", logFlags{lines: 2}, logLine("4", "ok", "a") + logLine("5", "stream_error", "b")},
		{"into an older file", logFlags{lines: 3}, "time=x level=INFO msg=listening address=y\n" + logLine("4", "ok", "a") + logLine("5", "stream_error", "b")},
		{"none", logFlags{lines: 0}, ""},
		{"by upstream", logFlags{lines: 20, upstream: "b"}, logLine("2", "upstream_error", "b") + logLine("3", "ok", "b") + logLine("5", "stream_error", "b")},
		{"by both", logFlags{lines: 20, upstream: "b", outcome: "ok"}, logLine("3", "ok", "b")},
		{"as JSON", logFlags{lines: 1, json: true}, `{"time":"2026-11-22T10:11:41.846Z","level":"INFO","msg":"request","id":"5","method":"POST","upstream":"b","status":200,"outcome":"stream_error","reused":true,"total_ms":1.5,"err":"cut \"off\" a=b"}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := showLog(t.Context(), &out, dir, tt.flags); err != nil {
				t.Fatal(err)
			}
			if out.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", out.String(), tt.want)
			}
		})
	}
}

// TestLogsFollowRotation: no line is lost or shown twice when the file is rotated.
func TestLogsFollowRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, proxy.LogName)
	var want strings.Builder
	add := func(lines ...string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		for _, l := range lines {
			want.WriteString(l + "\n")
			if _, err := f.WriteString(l + "\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	add("one", "two")
	got := &sharedText{grown: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := showLog(ctx, got, dir, logFlags{lines: 10, follow: true}); err != nil {
			t.Error(err)
		}
	})
	got.await(t, &want)
	add("three")
	got.await(t, &want)
	for range 3 {
		add("last of the old file")
		if err := os.Rename(path, path+time.Now().Format(".150405.000000000")); err != nil {
			t.Fatal(err)
		}
		add("first of the new file")
		got.await(t, &want)
	}
	cancel()
	wg.Wait()
}

// A sharedText collects what another goroutine writes.
type sharedText struct {
	mu    sync.Mutex
	text  strings.Builder // guarded by mu
	grown chan struct{}
}

func (s *sharedText) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case s.grown <- struct{}{}:
	default:
	}
	return s.text.Write(p)
}

func (s *sharedText) await(t *testing.T, want *strings.Builder) {
	t.Helper()
	deadline := time.After(patience)
	for {
		s.mu.Lock()
		got := s.text.String()
		s.mu.Unlock()
		if got == want.String() {
			return
		}
		select {
		case <-s.grown:
		case <-deadline:
			t.Fatalf("got %q; want %q", got, want.String())
		}
	}
}
