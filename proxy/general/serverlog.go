package general

import (
	"context"
	"log"
	"log/slog"
	"strings"
)

// newServerLog returns where net/http prints what it has nobody to tell. Most of it is a
// client's doing and no news (a handshake that failed, bytes that are not HTTP), so its
// level is debug, but not all of it is.
func newServerLog(to *slog.Logger) *log.Logger { return log.New(serverLog{to}, "", 0) }

type serverLog struct{ to *slog.Logger }

// Write logs one line. The prefixes are those of net/http's server.go and of its HTTP/2
// server (Go 1.26); the tests fail when a panic is printed otherwise.
func (l serverLog) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	level := slog.LevelDebug
	switch {
	case strings.HasPrefix(text, "http: panic serving"), strings.HasPrefix(text, "http2: panic serving"):
		level = slog.LevelError // a mistake of ours; what follows is where
	case strings.HasPrefix(text, "http: Accept error"):
		level = slog.LevelWarn // out of descriptors: nobody comes in
	}
	l.to.Log(context.Background(), level, text)
	return len(line), nil
}
