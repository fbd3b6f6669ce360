package proxy

import (
	"bytes"
	"errors"
	"io"
	"log"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// openLog opens a log to a buffer and a folder of the test's own.
func openLog(t *testing.T, terminal bool) (l *Log, screen *bytes.Buffer, dir string) {
	t.Helper()
	screen, dir = &bytes.Buffer{}, filepath.Join(t.TempDir(), "state", "millpond")
	l, err := OpenLog(LogConfig{Stderr: screen, Terminal: terminal, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return l, screen, dir
}

func TestLogGoesToStderrAndFile(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		l, screen, dir := openLog(t, terminal)
		l.Info(RequestMessage, "method", "POST", "path", "/v1/messages", "status", 200)
		l.Warn("upstream failed", "err", &url.Error{Op: "Post", URL: "https://bob:hunter2@a.example/x?key=topsecret", Err: errors.New("EOF")})
		l.Debug("not shown")
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		file, err := os.ReadFile(filepath.Join(dir, LogName))
		if err != nil {
			t.Fatal(err)
		}
		for where, text := range map[string]string{"stderr": screen.String(), "file": string(file)} {
			if got := strings.Count(text, "\n"); got != 2 {
				t.Errorf("terminal %v, %s: got %d lines; want 2:\n%s", terminal, where, got, text)
			}
			for _, want := range []string{"msg=request method=POST path=/v1/messages status=200", `err="Post \"https://a.example/x?[hidden]\": EOF"`} {
				if !strings.Contains(text, want) {
					t.Errorf("terminal %v, %s: got %q; want %q in it", terminal, where, text, want)
				}
			}
			for _, secret := range []string{"hunter2", "topsecret"} {
				if strings.Contains(text, secret) {
					t.Errorf("terminal %v, %s: got %q; want no %q", terminal, where, text, secret)
				}
			}
		}
		if short := len(strings.Fields(screen.String())[0]) < 20; short != terminal {
			t.Errorf("terminal %v: first word is %q", terminal, strings.Fields(screen.String())[0])
		}
	}
}

func TestLogIsTheUsersAlone(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("file modes say nothing on Windows; the folder is the user's own")
	}
	l, _, dir := openLog(t, false)
	l.Info("started")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]os.FileMode{filepath.Join(dir, LogName): 0o600, dir: 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s: got mode %o; want %o", filepath.Base(name), got, want)
		}
	}
}

func TestLogFolderThatCannotBeMade(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenLog(LogConfig{Dir: filepath.Join(file, "below")}); err == nil {
		t.Error("got no error; want one")
	}
}

func TestCaptureStandard(t *testing.T) {
	l, screen, _ := openLog(t, false)
	restore := l.CaptureStandard()
	log.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "my prompt", nil)
	restore()
	if log.Writer() == (foreign{l.Logger}) {
		t.Error("the standard log was not restored")
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got := screen.String(); strings.Contains(got, "my prompt") || !strings.Contains(got, "Unsolicited response") || !strings.Contains(got, "level=WARN") {
		t.Errorf("got %q; want a warning without what the peer sent", got)
	}
}

func TestRecentRequests(t *testing.T) {
	l, err := OpenLog(LogConfig{})
	if err != nil {
		t.Fatal(err)
	}
	l.Info("started")
	for i := range recentLines + 3 {
		l.Info(RequestMessage, "n", i)
	}
	lines := l.Recent()
	if len(lines) != recentLines {
		t.Fatalf("got %d lines; want %d", len(lines), recentLines)
	}
	if !strings.HasSuffix(lines[0], "n=3") || !strings.HasSuffix(lines[recentLines-1], "n=202") {
		t.Errorf("got %q to %q; want n=3 to n=202", lines[0], lines[recentLines-1])
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// A reader of stderr that stalls must not stall requests.
func TestStalledStderrDropsLines(t *testing.T) {
	r, w := io.Pipe()
	l, err := OpenLog(LogConfig{Stderr: w})
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1000)
	for range 3 * mostPending / len(long) {
		l.Info(long)
	}
	if l.Dropped() == 0 {
		t.Error("got no line dropped; want the memory to be bounded")
	}
	var text strings.Builder
	var wg sync.WaitGroup
	wg.Go(func() { _, _ = io.Copy(&text, r) })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	_ = w.Close()
	wg.Wait()
	if !strings.Contains(text.String(), "log lines dropped") {
		t.Error("nothing says that lines were dropped")
	}
}

func BenchmarkLogRequest(b *testing.B) {
	l, err := OpenLog(LogConfig{Dir: b.TempDir(), Stderr: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			l.LogAttrs(b.Context(), slog.LevelInfo, RequestMessage, slog.String("id", "0f3a"), slog.String("method", "POST"),
				slog.String("path", "/v1/messages"), slog.String("upstream", "anthropic"), slog.String("protocol", "http1"),
				slog.Int("status", 200), slog.String("outcome", "ok"), slog.Bool("reused", true), slog.Float64("total_ms", 1.25))
		}
	})
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
}

// TestJournal shows that the journal gets levels as it reads them, and no time beside its own.
func TestJournal(t *testing.T) {
	var out lockedText
	l, err := OpenLog(LogConfig{Stderr: &out, Journal: true})
	if err != nil {
		t.Fatal(err)
	}
	l.Info("one", "n", 1)
	l.Warn("two")
	l.Error("three")
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "<6>level=INFO msg=one n=1\n<4>level=WARN msg=two\n<3>level=ERROR msg=three\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}
