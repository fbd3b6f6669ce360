package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/meter"
)

// pages are the addresses that the proxy answers itself, below /__millpond__/ and, as
// the first seed had them, /__qcc__/. They tell and change nothing. The gate stands
// before them as before every request.
type pages struct {
	stats   func() (control.Stats, meter.Snapshot)
	health  func() health
	recent  func() []string // the last lines of the request log
	metrics http.Handler
}

// health is the answer of the health page.
type health struct {
	Status string `json:"status"`           // ok, draining, paused, or a reason such as no_healthy_upstream
	Reason string `json:"reason,omitempty"` // a sentence; "" when all is well
}

// ServeHTTP answers GET and HEAD for the pages that there are.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	page := p.at(r.URL.Path)
	switch {
	case page == nil:
		refuse(w, http.StatusNotFound, "no_such_page", fmt.Sprintf("Millpond has no page %s; there are %s.", r.URL.Path, strings.Join(pagePaths, ", ")))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed, "method_not_allowed", "Millpond's own pages can only be read.")
	default:
		page(w, r)
	}
}

// pagePaths lists the pages for a person who asked for another one.
var pagePaths = []string{"/__millpond__/stats", "/__millpond__/health", "/__millpond__/metrics", "/__qcc__/stats", "/__qcc__/logs"}

func (p *pages) at(path string) http.HandlerFunc {
	switch path {
	case "/__millpond__/stats":
		return p.serveStats
	case "/__millpond__/health":
		return p.serveHealth
	case "/__millpond__/metrics":
		return p.metrics.ServeHTTP
	case "/__qcc__/stats":
		return p.serveSeedStats
	case "/__qcc__/logs":
		return p.serveLogs
	}
	return nil
}

func (p *pages) serveStats(w http.ResponseWriter, _ *http.Request) {
	s, _ := p.stats()
	writeJSON(w, http.StatusOK, s)
}

func (p *pages) serveHealth(w http.ResponseWriter, _ *http.Request) {
	h := p.health()
	status := http.StatusOK
	if h.Status != "ok" {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, h)
}

// seedStats are the statistics with the names that the first seed's scripts read.
type seedStats struct {
	control.Stats
	StartTime time.Time      `json:"start_time"`
	Uptime    float64        `json:"uptime"`                // seconds
	LastUsed  string         `json:"last_used_endpoint_id"` // "" before the first request
	Total     int            `json:"total_endpoints"`
	Healthy   int            `json:"healthy_endpoints"`
	AvgMS     float64        `json:"avg_response_time"` // milliseconds
	Endpoints []seedEndpoint `json:"endpoints"`
}

// seedEndpoint is an upstream in the first seed's words.
type seedEndpoint struct {
	ID string `json:"id"`
	control.Upstream
}

func (p *pages) serveSeedStats(w http.ResponseWriter, _ *http.Request) {
	s, counted := p.stats()
	seed := seedStats{
		Stats: s, StartTime: counted.Since, Uptime: s.UptimeSeconds, LastUsed: counted.LastUsed,
		Total: len(s.Upstreams), AvgMS: counted.Latency.Mean, Endpoints: []seedEndpoint{},
	}
	for _, u := range s.Upstreams {
		if u.Healthy {
			seed.Healthy++
		}
		seed.Endpoints = append(seed.Endpoints, seedEndpoint{ID: u.Name, Upstream: u})
	}
	writeJSON(w, http.StatusOK, seed)
}

// serveLogs shows the last lines of the request log: as text, or as a list of lines
// to those who accept JSON alone.
func (p *pages) serveLogs(w http.ResponseWriter, r *http.Request) {
	lines := p.recent()
	if strings.HasPrefix(r.Header.Get("Accept"), "application/json") {
		writeJSON(w, http.StatusOK, map[string][]string{"lines": lines})
		return
	}
	text := strings.Join(lines, "\n")
	if text != "" {
		text += "\n"
	}
	answer(w, http.StatusOK, "text/plain; charset=utf-8", []byte(text))
}

// refuse answers with the error's stable code in the header and in the body.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Millpond-Error", code)
	writeJSON(w, status, map[string]any{"error": map[string]string{"code": code, "message": message}})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil { // the types here cannot fail to marshal, except for a NaN
		status, body = http.StatusInternalServerError, []byte(`{"error":{"code":"internal","message":"the answer cannot be written as JSON"}}`)
	}
	answer(w, status, "application/json", append(body, '\n'))
}

func answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that left needs no answer
}
