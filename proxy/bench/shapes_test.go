package bench

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"millpond/proxy/leaktest"
)

// TestShapes: which shapes a configuration makes, how much of each, and how many of two proxies are
// compared in it of which one is onlyFirst.
func TestShapes(t *testing.T) {
	var got []string
	for _, s := range (CompareConfig{Connections: []int{32, 1000, 1}, Streams: 500}).withDefaults(false).shapes() {
		got = append(got, fmt.Sprintf("%s %d %d %d %d", s.name, s.connections, s.requests, s.chunks, len(s.fit([]rival{{}, {onlyFirst: true}}))))
	}
	want := []string{"requests 32 3000 0 2", "requests 1000 10000 0 1", "requests 1 3000 0 1", "tls 32 3000 0 1", "reconnect 32 600 0 1", "stream 32 32 120 1", "memory 500 500 2 1"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
	c := CompareConfig{Shapes: []string{shapeStream}, Connections: []int{4}, Requests: 10_000, Chunks: 100}.withDefaults(false)
	if list := c.shapes(); len(list) != 1 || list[0].requests != 100 {
		t.Errorf("got %+v; want 100 streams of 100 chunks", list)
	}
}

// lossy passes on what a source streams, without what drop says of the events that it writes.
type lossy struct {
	http.ResponseWriter
	drop func(event string) string
}

func (l lossy) Write(b []byte) (int, error) {
	_, err := l.ResponseWriter.Write([]byte(l.drop(string(b))))
	return len(b), err
}

func (l lossy) Unwrap() http.ResponseWriter { return l.ResponseWriter }

// TestStreamIsCheckedWhole: a stream counts as answered only when every event came, in order, as it
// was written.
func TestStreamIsCheckedWhole(t *testing.T) {
	tests := []struct {
		name string
		drop func(string) string
		want string // in the error; "" for none
	}{
		{"whole", func(e string) string { return e }, ""},
		{"one is missing", func(e string) string {
			if strings.HasPrefix(e, "data: 1 ") {
				return ""
			}
			return e
		}, "event 1 is not as it was written"},
		{"the last is missing", func(e string) string {
			if strings.HasPrefix(e, "data: 2 ") {
				return ""
			}
			return e
		}, "ended early"},
		{"other text", func(e string) string { return strings.Replace(e, "delta", "alpha", 1) }, "event 0 is not as it was written"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			leaktest.Check(t)
			up := &source{StreamConfig: StreamConfig{Events: 3, Every: time.Millisecond}, epoch: time.Now()}
			site, err := openSite(t.Context(), siteConfig{workers: 1, handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				up.ServeHTTP(lossy{w, tt.drop}, r)
			})})
			if err != nil {
				t.Fatal(err)
			}
			defer site.close()
			client := newClient(1, 1, nil, nil)
			defer client.CloseIdleConnections()
			_, delays, err := up.follow(t.Context(), client, site.base(0)+"/", func() {})
			if tt.want == "" && (err != nil || len(delays) != 3 || slices.Min(delays) <= 0) {
				t.Errorf("got %v, %v; want three delays", delays, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v; want an error with %q", err, tt.want)
			}
		})
	}
}

// TestAnswerIsCheckedWhole: of the right length is not enough.
func TestAnswerIsCheckedWhole(t *testing.T) {
	leaktest.Check(t)
	site, err := openSite(t.Context(), siteConfig{workers: 1, handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text := answer600
		if r.URL.Path == "/other" {
			text = strings.Replace(text, "x", "y", 1)
		}
		_, _ = w.Write([]byte(text))
	})})
	if err != nil {
		t.Fatal(err)
	}
	defer site.close()
	ch := &channel{address: site.addrs[0], wire: []byte("GET / HTTP/1.1\r\nHost: a\r\n\r\n")}
	defer ch.close()
	if took, err := ch.ask(t.Context()); err != nil || len(took) != 1 || took[0] <= 0 {
		t.Errorf("got %v, %v; want how long it took", took, err)
	}
	ch.wire = []byte("GET /other HTTP/1.1\r\nHost: a\r\n\r\n")
	if _, err := ch.ask(t.Context()); err == nil {
		t.Error("got no error for another answer of the same length")
	}
}

// TestShapesLoadAnUpstream loads the upstreams themselves in every shape: all is answered, over a
// connection for each request in shape reconnect, and the streams of shape memory are let go.
func TestShapesLoadAnUpstream(t *testing.T) {
	cert, err := newCertificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range (CompareConfig{}).withDefaults(true).shapes() {
		if s.secure() { // the load speaks no TLS; in shape reconnect what matters is not that
			if s.name == shapeTLS {
				continue
			}
			cert = nil
		}
		t.Run(s.name, func(t *testing.T) {
			leaktest.Check(t)
			straightOn := rival{name: direct, start: func(_ context.Context, _ Options, before origin) (subject, error) { return straight(before) }}
			one, err := s.enter(t.Context(), Options{}, cert, straightOn)
			if err != nil {
				t.Fatal(err)
			}
			defer one.leave()
			row, err := s.run(t.Context(), Options{}, one, 0)
			if err != nil || row.Answered != s.requests || row.Failed != 0 || row.Executed != s.requests || row.FirstError != "" {
				t.Fatalf("got %+v, %v; want %d answered", row, err, s.requests)
			}
			if dials := map[string]int{shapeRequests: 4, shapeReconnect: s.requests, shapeMemory: s.requests}[s.name]; dials > 0 && row.Dials != dials {
				t.Errorf("got %d connections; want %d", row.Dials, dials)
			}
			if row.CPU != nil || row.PerStream != nil {
				t.Errorf("got %+v; want no processor time of no proxy", row)
			}
		})
	}
}

// TestRatiosTable: ratios are to the proxy asked for, of the same round and the same shape.
func TestRatiosTable(t *testing.T) {
	c := CompareConfig{Connections: []int{32, 1}, Shapes: []string{shapeRequests}, To: "nginx"}.withDefaults(false)
	var rows []CompareRow
	for round, pair := range [][2]float64{{2, 1}, {9, 3}, {8, 2}} {
		for _, n := range c.Connections {
			for i, name := range []string{ours, "nginx"} {
				cpu := pair[i]
				if n == 1 && name == ours {
					cpu /= 2
				}
				rows = append(rows, CompareRow{Shape: shapeRequests, Connections: n, Proxy: name, Round: round + 1, CPU: &cpu, Latency: Latency{P50: cpu, P99: 1}})
			}
		}
	}
	var r Report
	c.describe(&r, Options{}, []rival{{name: ours}, {name: "nginx"}}, nil, rows)
	table := r.Tables[len(r.Tables)-1]
	want := [][]string{{"32 connections: p50", "3.00 (2.00 to 4.00)"}, {"32 connections: p99", "1.00 (1.00 to 1.00)"},
		{"1 connection: p50", "1.50 (1.00 to 2.00)"}, {"1 connection: p99", "1.00 (1.00 to 1.00)"}}
	if measurable {
		want = slices.Insert(want, 2, []string{"1 connection: CPU for a request", "1.50 (1.00 to 2.00)"})
		want = slices.Insert(want, 0, []string{"32 connections: CPU for a request", "3.00 (2.00 to 4.00)"})
	}
	if fmt.Sprint(table.Rows) != fmt.Sprint(want) || table.Title != "Ratios to nginx" || !slices.Equal(table.Columns, []string{"", ours}) {
		t.Errorf("got %+v; want %v", table, want)
	}
}
