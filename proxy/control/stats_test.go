package control

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
)

// The field names are a contract with scripts that read /__millpond__/stats.
func TestStatsFieldNames(t *testing.T) {
	tests := []struct {
		name  string
		value any
		want  string
	}{
		{"stats", Stats{}, "callers error_rate failed_requests fast first_byte_ms latency_ms outcomes pool replays success_rate successful_requests total_requests upstreams uptime_seconds version windows"},
		{"percentiles", Percentiles{}, "max p50 p90 p99"},
		{"pool", Pool{}, "connect_ms dial_errors dials evicted evicted_idle idle in_use open retired_learned reuse_ratio reused wait_ms waiting"},
		{"caller", Caller{}, "latency_ms name requests success_rate"},
		{"replays", Replays{}, "a ambiguous b c"},
		{"fast", Fast{}, "carried handed_over panics"},
		{"upstream", Upstream{}, "healthy kind last_answer_at last_error last_error_at last_first_byte_ms latency_ms learned_idle_seconds name pool protocol requests success_rate url withheld"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := strings.Join(fieldNames(t, test.value), " "); got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}

func fieldNames(t *testing.T, v any) []string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(fields))
}
