package proxy

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"millpond/proxy/control"
)

func TestLogOverTheSocket(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "control.sock")
	r := start(t, anywhere+entry("one", "http://127.0.0.1:9"), func(c *Config) {
		log, err := OpenLog(LogConfig{Dir: c.StateDir})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = log.Close() })
		c.Control, c.Log = socket, log
	})
	client := control.Dial(socket)
	defer client.Close()
	r.config.Log.Info("first", "key", "sk-abcdefghijklmnop")
	until(t, "the line is in the log", func() bool {
		lines, err := client.Log(t.Context(), 2)
		return err == nil && len(lines) == 2 && strings.HasSuffix(lines[1], "msg=first key=[hidden]")
	})
	var followed []string
	for line, err := range client.FollowLog(t.Context(), 1) {
		if err != nil {
			t.Fatal(err)
		}
		if followed = append(followed, line); len(followed) == 2 {
			break
		}
		r.config.Log.Info("second")
	}
	if !strings.Contains(followed[0], "msg=first") || !strings.Contains(followed[1], "msg=second") {
		t.Errorf("got %q; want the last line and then the next", followed)
	}
}

func TestNoLog(t *testing.T) {
	_, client := serving(t, anywhere)
	var refused *control.Error
	if _, err := client.Log(t.Context(), 3); !errors.As(err, &refused) || refused.Code != "no_log" {
		t.Errorf("got %v; want that there is no log", err)
	}
}

// The history of one upstream is its own, also when another was as busy, and outlives
// the daemon.
func TestHistoryOfOneUpstream(t *testing.T) {
	good := answering(t, http.StatusOK)
	bad := answering(t, http.StatusBadGateway)
	text := anywhere + entry("good", good) + entry("bad", bad)
	state := filepath.Join(t.TempDir(), "state")
	socket := filepath.Join(t.TempDir(), "control.sock")
	adjust := func(c *Config) { c.StateDir, c.Control = state, socket }
	r := start(t, text, adjust)
	for range 3 {
		r.get(t, "/u/good/x")
	}
	for range 2 {
		r.get(t, "/u/bad/x")
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	start(t, text, adjust)
	client := control.Dial(socket)
	defer client.Close()
	for _, test := range []struct {
		upstream   string
		ok, failed int64
	}{{"good", 3, 0}, {"bad", 0, 2}, {"", 3, 2}} {
		for _, window := range []string{control.Window1h, control.Window24h, control.Window28d} {
			var ok, failed int64
			var s control.Series
			until(t, "there is a history", func() bool {
				var err error
				s, err = client.HistoryOf(t.Context(), window, test.upstream)
				ok, failed = sum(s.Successful), sum(s.Failed)
				return err == nil && ok+failed > 0
			})
			if ok != test.ok || failed != test.failed || len(s.Successful) != len(s.Failed) {
				t.Errorf("%q in %s: got %d and %d; want %d and %d", test.upstream, window, ok, failed, test.ok, test.failed)
			}
		}
	}
	var refused *control.Error
	if _, err := client.HistoryOf(t.Context(), control.Window1h, "nobody"); !errors.As(err, &refused) || refused.Status != http.StatusNotFound {
		t.Errorf("an unknown upstream: got %v; want 404", err)
	}
	if _, err := client.HistoryOf(t.Context(), "2h", "good"); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		t.Errorf("an unknown window: got %v; want 400", err)
	}
}

// answering starts an upstream that answers with a status, and returns its address.
func answering(t *testing.T, status int) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
	t.Cleanup(server.Close)
	return server.URL
}

func sum(list []int64) (total int64) {
	for _, n := range list {
		total += n
	}
	return total
}
