package proxy

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"millpond/proxy/control"
	"millpond/settings"
)

// serving starts a daemon with a control socket, and returns a client of it.
func serving(t *testing.T, text string) (*running, *control.Client) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "control.sock")
	r := start(t, text, func(c *Config) { c.Control = socket })
	client := control.Dial(socket)
	t.Cleanup(client.Close)
	until(t, "the control socket answers", func() bool {
		_, err := client.Status(t.Context())
		return err == nil
	})
	return r, client
}

func TestProbeOverTheSocket(t *testing.T) {
	t.Setenv("MILLPOND_TEST_KEY", "right-key")
	var asked []string
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.URL.RequestURI())
		if r.Header.Get("Authorization") != "Bearer right-key" {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer api.Close()
	_, client := serving(t, anywhere+"[[upstreams]]\nname = \"one\"\nkind = \"openai\"\nurl = \""+api.URL+"\"\ncredential = \"env:MILLPOND_TEST_KEY\"\n")
	given := settings.Upstream{Kind: settings.KindHTTP, URL: api.URL, Enabled: true, Priority: 1, Weight: 1}
	tests := []struct {
		name     string
		question control.ProbeRequest
		auth     string
		asked    string
	}{
		{"by name", control.ProbeRequest{Name: "one"}, control.CredentialAccepted, "GET /v1/models GET /v1/models"},
		{"not in the settings", control.ProbeRequest{Upstream: &given}, control.CredentialPassThrough, "HEAD /"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			asked = nil
			var steps []string
			var connected *float64
			got, err := client.ProbeSteps(t.Context(), test.question, func(p control.ProbeProgress) {
				steps = append(steps, p.Step)
				connected = p.Connect
			})
			if err != nil || !got.OK || got.Auth != test.auth || got.FirstByte == nil || got.ClockAhead == nil {
				t.Errorf("got %+v, %v; want all well, with credential %s", got, err, test.auth)
			}
			if got := strings.Join(asked, " "); got != test.asked {
				t.Errorf("the upstream was asked %q; want %q", got, test.asked)
			}
			if !slices.Contains(steps, control.StepConnect) || !slices.Contains(steps, control.StepAnswer) || connected == nil {
				t.Errorf("got steps %q, connected in %v ms; want each step, with the times so far", steps, connected)
			}
		})
	}
}

func TestProbeOfNothing(t *testing.T) {
	_, client := serving(t, anywhere+entry("one", "http://127.0.0.1:9"))
	wrong := settings.Upstream{Kind: settings.KindHTTP, URL: "ftp://x", Enabled: true, Priority: 1, Weight: 1}
	tests := []struct {
		name     string
		question control.ProbeRequest
		status   int
		sentence string
	}{
		{"unknown", control.ProbeRequest{Name: "two"}, 404, `no upstream is named "two"; there are one`},
		{"nothing", control.ProbeRequest{}, 400, "a test needs the name of an upstream"},
		{"both", control.ProbeRequest{Name: "one", Upstream: &wrong}, 400, "and not both"},
		{"wrong", control.ProbeRequest{Upstream: &wrong}, 422, "upstreams[0].url"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var refused *control.Error
			_, err := client.Probe(t.Context(), test.question)
			if !errors.As(err, &refused) || refused.Status != test.status || !strings.Contains(err.Error(), test.sentence) {
				t.Errorf("got %v; want %d and %q", err, test.status, test.sentence)
			}
		})
	}
}
