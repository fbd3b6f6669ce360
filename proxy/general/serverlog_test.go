package general

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// heard collects a log.
type heard struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.text.String()
}

func TestServerLogLevels(t *testing.T) {
	tests := map[string]string{
		"http: TLS handshake error from 127.0.0.1:1: EOF":             "DEBUG",
		"http: panic serving 127.0.0.1:1: index out of range":         "ERROR",
		"http2: panic serving 127.0.0.1:1: index out of range":        "ERROR",
		"http: Accept error: too many open files; retrying in 5ms":    "WARN",
		"http: URL query contains semicolon, http: panic serving you": "DEBUG",
	}
	for line, want := range tests {
		var text bytes.Buffer
		newServerLog(slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))).Print(line)
		if got := text.String(); !strings.Contains(got, "level="+want+" ") {
			t.Errorf("%q: got %q; want level %s", line, got, want)
		}
	}
}

// TestPanicIsLogged has net/http itself print a panic, over both protocols.
func TestPanicIsLogged(t *testing.T) {
	for _, http2 := range []bool{false, true} {
		log := &heard{}
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("as a mistake would") }))
		server.Config.ErrorLog = newServerLog(slog.New(slog.NewTextHandler(log, nil)))
		server.EnableHTTP2 = http2
		server.StartTLS()
		if resp, err := server.Client().Get(server.URL); err == nil {
			_ = resp.Body.Close()
			t.Errorf("HTTP/2 %v: got %s; want a broken connection", http2, resp.Status)
		}
		eventually(t, "the panic and its place are logged as an error", func() bool {
			got := log.String()
			return strings.Contains(got, "level=ERROR") && strings.Contains(got, "as a mistake would") && strings.Contains(got, "serverlog_test.go")
		}, func() any { return log.String() }) // net/http resets the stream first
		server.Close()
	}
}
