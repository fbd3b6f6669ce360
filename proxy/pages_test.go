package proxy

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/meter"
)

// testPages are pages with one healthy upstream of two and three lines of log.
func testPages(h health) *pages {
	return &pages{
		stats: func() (control.Stats, meter.Snapshot) {
			return control.Stats{Version: "1.2.3", UptimeSeconds: 90, TotalRequests: 7, SuccessRate: 100,
					Upstreams: []control.Upstream{{Name: "a", Healthy: true, URL: "https://a.example"}, {Name: "b"}}},
				meter.Snapshot{Since: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), LastUsed: "a", Latency: meter.Percentiles{Mean: 12.5}}
		},
		health: func() health { return h },
		recent: func() []string { return []string{"n=1", "n=2", "n=3"} },
	}
}

func TestPages(t *testing.T) {
	well := health{Status: "ok"}
	tests := []struct {
		name, method, path, accept string
		health                     health
		status                     int
		contentType, body          string
	}{
		{"health", "GET", "/__millpond__/health", "", well, 200, "application/json", `{"status":"ok"}` + "\n"},
		{"draining", "GET", "/__millpond__/health", "", health{"draining", "Millpond is stopping."}, 503, "application/json",
			`{"status":"draining","reason":"Millpond is stopping."}` + "\n"},
		{"health by HEAD", "HEAD", "/__millpond__/health", "", well, 200, "application/json", ""},
		{"health by POST", "POST", "/__millpond__/health", "", well, 405, "application/json", `"method_not_allowed"`},
		{"stats", "GET", "/__millpond__/stats", "", well, 200, "application/json", `"total_requests":7`},
		{"stats with a query", "GET", "/__millpond__/stats?x=1", "", well, 200, "application/json", `"version":"1.2.3"`},
		{"no such page", "GET", "/__millpond__/nothing", "", well, 404, "application/json", `"no_such_page"`},
		{"the root of the pages", "GET", "/__millpond__/", "", well, 404, "application/json", `"no_such_page"`},
		{"logs", "GET", "/__qcc__/logs", "", well, 200, "text/plain; charset=utf-8", "n=1\nn=2\nn=3\n"},
		{"logs as JSON", "GET", "/__qcc__/logs", "application/json", well, 200, "application/json", `{"lines":["n=1","n=2","n=3"]}` + "\n"},
		{"logs by DELETE", "DELETE", "/__qcc__/logs", "", well, 405, "application/json", `"method_not_allowed"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(testPages(tt.health))
			defer server.Close()
			req, err := http.NewRequestWithContext(t.Context(), tt.method, server.URL+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Accept", tt.accept)
			status, header, body := do(t, server.Client(), req)
			if status != tt.status {
				t.Errorf("got status %d; want %d", status, tt.status)
			}
			if got := header.Get("Content-Type"); got != tt.contentType {
				t.Errorf("got type %q; want %q", got, tt.contentType)
			}
			if !strings.Contains(body, tt.body) || strings.HasSuffix(tt.body, "\n") && body != tt.body {
				t.Errorf("got %q; want %q", body, tt.body)
			}
			if got := header.Get("Allow"); (got == "GET, HEAD") != (tt.status == 405) {
				t.Errorf("got Allow %q with status %d", got, status)
			}
			if got := header.Get("X-Millpond-Error") != ""; got != (tt.status == 404 || tt.status == 405) {
				t.Errorf("got X-Millpond-Error %q with status %d", header.Get("X-Millpond-Error"), status)
			}
		})
	}
}

func TestSeedStats(t *testing.T) {
	rec := httptest.NewRecorder()
	testPages(health{}).ServeHTTP(rec, httptest.NewRequest("GET", "/__qcc__/stats", nil))
	var got map[string]any
	if err := json.Unmarshal(rec.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"start_time": "2026-03-01T12:00:00Z", "uptime": 90.0, "last_used_endpoint_id": "a", "total_endpoints": 2.0,
		"healthy_endpoints": 1.0, "avg_response_time": 12.5, "version": "1.2.3", "total_requests": 7.0, "success_rate": 100.0,
	}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s: got %v; want %v", key, got[key], value)
		}
	}
	endpoints, _ := got["endpoints"].([]any)
	if len(endpoints) != 2 {
		t.Fatalf("endpoints: got %v; want 2", got["endpoints"])
	}
	if first, _ := endpoints[0].(map[string]any); first["id"] != "a" || first["healthy"] != true || first["url"] != "https://a.example" {
		t.Errorf("first endpoint: got %v; want a, healthy, with its URL", endpoints[0])
	}
}

// do sends the request and reads the answer.
func do(t *testing.T, c *http.Client, req *http.Request) (status int, h http.Header, body string) {
	t.Helper()
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var b strings.Builder
	if _, err := io.Copy(&b, resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, b.String()
}
