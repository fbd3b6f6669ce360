package proxy

import (
	"math"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"millpond/proxy/control"
	"millpond/proxy/exchange"
	"millpond/proxy/history"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
)

// metricsPage returns the page for Prometheus. Its figures are taken when it is asked
// for: a request costs nothing for it, and who never asks pays nothing.
func (d *Daemon) metricsPage() http.Handler {
	handler := sync.OnceValue(func() http.Handler {
		r := prometheus.NewRegistry()
		r.MustRegister(&metrics{d}, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
		return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) })
}

// metrics collects the figures of a daemon. Labels are names from the settings and
// words of our own; a caller's name, a path and a text of an error are never among them.
// Names and units follow https://prometheus.io/docs/practices/naming/.
type metrics struct{ d *Daemon }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("millpond_"+name, help, labels, nil)
}

// The families. A label "upstream" that is empty stands for requests without one.
var (
	descInfo       = describe("build_info", "Always 1; the label tells the version.", "version")
	descState      = describe("state", "1 for the present state of the proxy and 0 for the others.", "state")
	descRequests   = describe("requests_total", "Requests by upstream and outcome.", "upstream", "outcome")
	descReusing    = describe("reusing_requests_total", "Requests on a connection that had carried one before.", "upstream")
	descReceived   = describe("received_bytes_total", "Bytes of request bodies that clients sent.", "upstream")
	descSent       = describe("sent_bytes_total", "Bytes of answers' bodies that clients got.", "upstream")
	descDuration   = describe("request_duration_seconds", "From the request's head to the last byte of the answer, without those that were refused or cancelled.", "upstream")
	descFirstByte  = describe("first_byte_seconds", "From the request's head to the first byte of the answer.")
	descSuccess    = describe("success_ratio", "Part of the judged requests that succeeded within a window, 0 to 1; 1 without any.", "window")
	descErrors     = describe("error_ratio", "Part of the judged requests that failed within a window, 0 to 1.", "window")
	descConns      = describe("pool_connections", "Connections to upstreams, by what they do.", "upstream", "state")
	descWaiting    = describe("pool_waiting_requests", "Requests that wait for a connection.", "upstream")
	descLeases     = describe("pool_leases_total", "Times that a request was given a connection.", "upstream")
	descDials      = describe("pool_dials_total", "Connections begun.", "upstream")
	descDialErrors = describe("pool_dial_errors_total", "Connections that failed to open.", "upstream")
	descClosed     = describe("pool_closed_connections_total", "Connections closed, by reason.", "upstream", "reason")
	descReplays    = describe("replays_total", "Requests sent again, by what made it safe: a nothing was sent, b it was not processed, c it may be repeated.", "class")
	descAmbiguous  = describe("ambiguous_failures_total", "Requests that failed and might have run, so that they were not sent again.")
	descHealthy    = describe("upstream_healthy", "1 while requests are sent to the upstream, 0 while it is left alone.", "upstream")
	descIdleClose  = describe("upstream_idle_close_seconds", "Age at which the upstream closes an idle connection, as learned; absent when not known.", "upstream")
	descCarried    = describe("fast_requests_total", "Requests carried by the front for the common case.")
	descHandedOver = describe("fast_handed_over_total", "Clients' connections handed over to net/http, by reason.", "reason")
	descPanics     = describe("fast_panics_total", "Mistakes in the front for the common case, each of which ended a connection.")
	descPoolPanics = describe("pool_panics_total", "Mistakes in the pool, each of which cost a request or a connection.")
	descDropped    = describe("log_dropped_lines_total", "Lines of the log that were thrown away because the disk did not keep up.")
	descHistory    = describe("history_kept", "1 while statistics are kept beyond this run.")
)

var families = []*prometheus.Desc{descInfo, descState, descRequests, descReusing, descReceived, descSent, descDuration,
	descFirstByte, descSuccess, descErrors, descConns, descWaiting, descLeases, descDials, descDialErrors, descClosed,
	descReplays, descAmbiguous, descHealthy, descIdleClose, descCarried, descHandedOver, descPanics, descPoolPanics, descDropped, descHistory}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, f := range families {
		to <- f
	}
}

// A sink takes figures.
type sink chan<- prometheus.Metric

func (s sink) counter(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
}

func (s sink) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// flag is a gauge of 0 or 1.
func (s sink) flag(d *prometheus.Desc, on bool, labels ...string) {
	v := 0.0
	if on {
		v = 1
	}
	s.gauge(d, v, labels...)
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	out := sink(to)
	m.collectDaemon(out)
	for _, t := range byUpstream(m.d.meter.Tallies()) {
		collectTally(out, &t)
	}
	state := m.d.exchange.State()
	for i, u := range state.Upstreams {
		out.flag(descHealthy, state.Withheld[i] == nil && u.Status().Healthy, u.Name)
		if age := m.d.pools.LearnedOf(exchange.TargetOf(u)).IdleClose; age > 0 {
			out.gauge(descIdleClose, age.Seconds(), u.Name)
		}
		collectPool(out, u.Name, m.d.pools.StatsOf(u.Name))
	}
	collectPool(out, "", m.d.pools.StatsOf("")) // of forward mode
}

// byUpstream adds up the ways to each upstream.
func byUpstream(ways []meter.Tally) []meter.Tally {
	var list []meter.Tally
	for i := range ways {
		if n := len(list); n > 0 && list[n-1].Upstream == ways[i].Upstream {
			list[n-1].Add(&ways[i])
			continue
		}
		list = append(list, ways[i])
	}
	return list
}

func (m *metrics) collectDaemon(out sink) {
	d := m.d
	out.gauge(descInfo, 1, d.config.Version)
	present := judge(d.facts()).state
	for _, s := range []control.State{control.On, control.Degraded, control.Failing, control.Off} {
		out.flag(descState, s == present, string(s))
	}
	s := d.meter.Snapshot()
	for name, w := range map[string]meter.Window{control.Window1m: s.Minute, control.Window1h: s.Hour, control.Window24h: s.Day, control.Window28d: s.FourWeeks} {
		out.gauge(descSuccess, w.Counts.SuccessRate()/100, name)
		out.gauge(descErrors, w.Counts.ErrorRate()/100, name)
	}
	ledger := d.exchange.Ledger()
	out.counter(descReplays, float64(ledger.A), "a")
	out.counter(descReplays, float64(ledger.B), "b")
	out.counter(descReplays, float64(ledger.C), "c")
	out.counter(descAmbiguous, float64(ledger.Ambiguous))
	fast := d.fast.Stats()
	out.counter(descCarried, float64(fast.Carried))
	for reason, n := range fast.HandedOver {
		out.counter(descHandedOver, float64(n), reason)
	}
	out.counter(descPanics, float64(fast.Panics))
	out.counter(descPoolPanics, float64(d.pools.Panics()))
	out.counter(descDropped, float64(d.config.Log.Dropped()))
	kept := d.history != nil
	if kept {
		code := d.history.State().Code
		kept = code == history.Kept || code == history.Anew
	}
	out.flag(descHistory, kept)
}

func collectTally(out sink, t *meter.Tally) {
	for _, o := range meter.Outcomes() {
		out.counter(descRequests, float64(t.Counts.Of(o)), t.Upstream, o.String())
	}
	out.counter(descReusing, float64(t.Reused), t.Upstream)
	out.counter(descReceived, float64(t.BytesIn), t.Upstream)
	out.counter(descSent, float64(t.BytesOut), t.Upstream)
	if t.Upstream == "" {
		out <- histogram(descFirstByte, &t.FirstByte)
	}
	out <- histogram(descDuration, &t.Latency, t.Upstream)
}

// histogram gives every fourth bound of the meter's: about 1, 2, 4 ms and so on to
// about 9 minutes.
func histogram(d *prometheus.Desc, h *meter.Histogram, labels ...string) prometheus.Metric {
	const first, last = 10, 29 // doublings of a microsecond
	buckets := make(map[float64]uint64, last-first+1)
	var below uint64
	for i, n := range h.N {
		if doublings := i / 4; i%4 == 0 && doublings >= first && doublings <= last {
			buckets[math.Exp2(float64(doublings))/1e6] = below
		}
		below += n
	}
	return prometheus.MustNewConstHistogram(d, below, h.Sum.Seconds(), buckets, labels...)
}

func collectPool(out sink, upstream string, s pool.Stats) {
	out.gauge(descConns, float64(s.Idle), upstream, "idle")
	out.gauge(descConns, float64(s.InUse), upstream, "in_use")
	out.gauge(descConns, float64(max(0, s.Open-s.Idle-s.InUse)), upstream, "dialing")
	out.gauge(descWaiting, float64(s.Waiting), upstream)
	out.counter(descLeases, float64(s.Requests), upstream)
	out.counter(descDials, float64(s.Dials), upstream)
	out.counter(descDialErrors, float64(s.DialErrors), upstream)
	for reason, n := range s.EvictedBy() {
		out.counter(descClosed, float64(n), upstream, reason)
	}
}
