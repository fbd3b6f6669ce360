//go:build !windows

package control

import (
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"millpond/settings"
)

// peer serves h on a real control socket, as a daemon of another version would, and
// returns a client of it.
func peer(t *testing.T, h http.HandlerFunc) *Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "control.sock")
	l := listen(t, path)
	s := &http.Server{Handler: h}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(l) // ends by Close
	}()
	c := Dial(path)
	t.Cleanup(func() {
		c.Close()
		_ = s.Close()
		<-done
	})
	return c
}

// The first daemon told nothing of versions but the field api, and did not know the
// addresses that came after it. It is understood as far as it goes.
func TestOlderDaemon(t *testing.T) {
	c := peer(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/v1/status":
			fmt.Fprint(w, `{"revision":3,"api":1,"version":"0.9.0","state":"on","settings":{"version":1,"pool":{"preset":"balanced"}}}`)
		case "/v1/settings":
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, `{"code":"invalid","message":"the settings are not valid","fields":[{"Path":"listen.fast","Problem":"unknown_key"}]}`)
		default:
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprintf(w, `{"code":"unknown","message":"this daemon does not know %s"}`, r.URL.Path)
		}
	})
	s, err := c.Status(t.Context())
	if err != nil || s.Revision != 3 || s.Settings.Pool.MaxIdle != settings.Default().Pool.MaxIdle || s.UnknownSettings != nil {
		t.Errorf("status: got %+v, %v; want that of the older daemon", s, err)
	}
	_, err = c.Probe(t.Context(), ProbeRequest{Name: "x"})
	if !errors.Is(err, ErrDaemonOlder) || !strings.Contains(err.Error(), "the daemon is older than this program and does not know POST /v1/probe; update the daemon") {
		t.Errorf("probe: got %v; want that the daemon must be updated", err)
	}
	err = c.PutSettings(t.Context(), 3, settings.Default())
	if !errors.Is(err, ErrDaemonOlder) || !strings.Contains(err.Error(), "does not know the setting listen.fast; update the daemon") {
		t.Errorf("settings: got %v; want that the daemon must be updated", err)
	}
}

// A newer daemon that still understands us is shown, with the settings that we know.
func TestNewerDaemon(t *testing.T) {
	c := peer(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(HeaderAPI, "7")
		w.Header().Set(HeaderMinAPI, "1")
		w.Header().Set(HeaderVersion, "9.0.0")
		fmt.Fprint(w, `{"revision":3,"api":7,"min_api":1,"weather":"fine","settings":{"version":1,"moon":{"phase":"full"},"pool":{"preset":"gentle","tide":5}}}`)
	})
	s, err := c.Status(t.Context())
	if err != nil || s.Settings.Pool.Preset != settings.PresetGentle {
		t.Fatalf("got %+v, %v; want the settings that we know", s, err)
	}
	if got, want := strings.Join(s.UnknownSettings, " "), "pool.tide moon"; got != want {
		t.Errorf("settings that we do not know: got %v; want %v", got, want)
	}
}

// Whoever is too old for the other is told who it is, whatever is asked.
func TestPeersThatDoNotUnderstandEachOther(t *testing.T) {
	tests := []struct {
		name, api, least string
		want             error
		sentence         string
	}{
		{"a far newer daemon", "9", "8", ErrClientOlder, "this program is older than the daemon (version 9.0.0) and does not understand it; update this program"},
		{"a far older daemon", "0", "0", ErrDaemonOlder, "the daemon (version 9.0.0) is older than this program and cannot answer it; update the daemon, or start it again"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := peer(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set(HeaderAPI, test.api)
				w.Header().Set(HeaderMinAPI, test.least)
				w.Header().Set(HeaderVersion, "9.0.0")
				fmt.Fprint(w, `{"state":["of","another","form"]}`)
			})
			calls := map[string]func() error{
				"status": func() error { _, err := c.Status(t.Context()); return err },
				"pause":  func() error { return c.Pause(t.Context()) },
				"watch": func() error {
					for _, err := range c.Watch(t.Context(), 0) {
						return err
					}
					return nil
				},
			}
			for name, call := range calls {
				if err := call(); !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.sentence) {
					t.Errorf("%s: got %v; want %q", name, err, test.sentence)
				}
			}
		})
	}
}
