package proxy

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"millpond/proxy/meter"
)

// TestMetrics: what a daemon counted can be scraped, by Prometheus's own rules for
// names, and no label comes from a request.
func TestMetrics(t *testing.T) {
	d := start(t, anywhere+entry("a", "http://127.0.0.1:9"), nil)
	for range 3 {
		d.meter.Record(meter.Record{Upstream: "a", Caller: "someone-private", Outcome: meter.OK, Total: 3 * time.Millisecond, FirstByte: time.Millisecond, BytesIn: 5})
	}
	d.meter.Record(meter.Record{Outcome: meter.Local, Code: "host_not_allowed", Err: "a text"})

	r := prometheus.NewPedanticRegistry()
	r.MustRegister(&metrics{d.Daemon})
	got, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	problems, err := promlint.NewWithMetricFamilies(got).Lint()
	if err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v; want no problems", problems, err)
	}

	status, header, body := d.get(t, "/__millpond__/metrics")
	if status != http.StatusOK || !strings.HasPrefix(header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("got %d, %q; want 200 and Prometheus text", status, header.Get("Content-Type"))
	}
	for _, line := range []string{
		`millpond_requests_total{outcome="ok",upstream="a"} 3`,
		`millpond_requests_total{outcome="local",upstream=""} 1`,
		`millpond_received_bytes_total{upstream="a"} 15`,
		`millpond_request_duration_seconds_bucket{upstream="a",le="0.002048"} 0`,
		`millpond_request_duration_seconds_bucket{upstream="a",le="0.004096"} 3`,
		`millpond_request_duration_seconds_sum{upstream="a"} 0.009`,
		`millpond_first_byte_seconds_count 3`,
		`millpond_success_ratio{window="28d"} 1`,
	} {
		if !strings.Contains(body, line+"\n") {
			t.Errorf("got no line %q", line)
		}
	}
	for _, word := range []string{"someone-private", "a text"} {
		if strings.Contains(body, word) {
			t.Errorf("got %q in the metrics; want nothing of a request's", word)
		}
	}
	for _, name := range []string{"go_goroutines", "process_resident_memory_bytes"} {
		if !strings.Contains(body, "\n"+name+" ") {
			t.Errorf("got no %s", name)
		}
	}
}

// metricName matches a family of ours in a dashboard or a rule.
var metricName = regexp.MustCompile(`millpond_[a-z_]+`)

// unknownMetrics returns the names in text that no family has.
func unknownMetrics(text string) (unknown []string) {
	for _, name := range metricName.FindAllString(text, -1) {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		known := slices.ContainsFunc(families, func(d *prometheus.Desc) bool { return strings.Contains(d.String(), `"`+name+`"`) })
		if !known && !slices.Contains(unknown, name) {
			unknown = append(unknown, name)
		}
	}
	return unknown
}

// TestMonitoringNamesWhatThereIs: the dashboard and the alert rules ask for families
// that the daemon has.
func TestMonitoringNamesWhatThereIs(t *testing.T) {
	for _, name := range []string{"grafana.json", "alerts.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "assets", "monitoring", name))
		if err != nil {
			t.Fatal(err)
		}
		if unknown := unknownMetrics(string(text)); len(unknown) > 0 {
			t.Errorf("%s: got %v, which the daemon does not have", name, unknown)
		}
		if filepath.Ext(name) == ".json" && !json.Valid(text) {
			t.Errorf("%s is no JSON", name)
		}
	}
}
