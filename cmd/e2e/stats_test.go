package e2e

import (
	"os"
	"testing"
)

// stats are the daemon's figures, as far as the tests look at them.
type stats struct {
	Total     int            `json:"total_requests"`
	OK        int            `json:"successful_requests"`
	Failed    int            `json:"failed_requests"`
	Outcomes  map[string]int `json:"outcomes"`
	Pool      poolStats      `json:"pool"`
	Replays   struct{ A, B, C, Ambiguous int }
	Upstreams []struct {
		Name      string    `json:"name"`
		Healthy   bool      `json:"healthy"`
		Requests  int       `json:"requests"`
		LastError string    `json:"last_error"`
		Pool      poolStats `json:"pool"`
	} `json:"upstreams"`
	Callers []struct {
		Name     string `json:"name"`
		Requests int    `json:"requests"`
	} `json:"callers"`
}

type poolStats struct {
	Open   int `json:"open"`
	InUse  int `json:"in_use"`
	Dials  int `json:"dials"`
	Reused int `json:"reused"`
}

// stats waits until so many requests are counted, which is a moment after a client saw the end of
// its own, and returns the figures.
func (d *daemon) stats(t *testing.T, total int) (s stats) {
	t.Helper()
	until(t, "all requests are counted", func() bool {
		s = stats{}
		getJSON(t, d.URL+"/__millpond__/stats", &s)
		return s.Total >= total
	})
	if s.Total != total {
		t.Errorf("got %d requests counted; want %d: %v", s.Total, total, s.Outcomes)
	}
	return s
}

func removeFile(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Error(err)
	}
}
