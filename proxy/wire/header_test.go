package wire

import (
	"maps"
	"net/http"
	"slices"
	"testing"
)

// RFC 9110, section 7.6.1: what Connection names goes, and Connection with it.
func TestDropHopByHop(t *testing.T) {
	h := http.Header{
		"Connection":        {"keep-alive, X-Mine", "x-other"},
		"Keep-Alive":        {"timeout=5"},
		"Transfer-Encoding": {"chunked"},
		"Upgrade":           {"websocket"},
		"X-Mine":            {"1"},
		"X-Other":           {"2"},
		"X-Kept":            {"3"},
		"Content-Type":      {"text/plain"},
	}
	DropHopByHop(h)
	got := slices.Sorted(maps.Keys(h))
	if want := []string{"Content-Type", "X-Kept"}; !slices.Equal(got, want) {
		t.Errorf("left %v; want %v", got, want)
	}
}
