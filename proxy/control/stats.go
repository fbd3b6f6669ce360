package control

import "time"

// Stats is what the daemon has counted since it started. Its JSON is the answer
// of GET /__millpond__/stats and a part of the answer on the control socket.
//
// A request is counted when its last byte was delivered, so Stats never shows
// a request that is still running except under Pool.InUse.
type Stats struct {
	Version       string  `json:"version"`
	UptimeSeconds float64 `json:"uptime_seconds"` // seconds since the daemon started

	// SuccessRate is ok / (ok + upstream_error + stream_error) in percent, from
	// 0 to 100, and 100 when nothing was counted. ErrorRate is the rest of 100.
	SuccessRate float64 `json:"success_rate"`
	ErrorRate   float64 `json:"error_rate"`

	TotalRequests      int64            `json:"total_requests"`      // with every outcome
	SuccessfulRequests int64            `json:"successful_requests"` // outcome ok
	FailedRequests     int64            `json:"failed_requests"`     // outcomes upstream_error and stream_error
	Outcomes           map[string]int64 `json:"outcomes"`            // requests by outcome: ok, upstream_error, stream_error, client_error, client_cancelled, local

	LatencyMS   Percentiles       `json:"latency_ms"`    // milliseconds from the request's head to the last byte of the answer
	FirstByteMS Percentiles       `json:"first_byte_ms"` // milliseconds from the request's head to the first byte of the answer
	Pool        Pool              `json:"pool"`          // of all upstreams together
	Replays     Replays           `json:"replays"`
	Fast        Fast              `json:"fast"`
	Upstreams   []Upstream        `json:"upstreams"` // in the order of the settings
	Callers     []Caller          `json:"callers"`   // a hundred and "other" at most, in the order of their first request
	Windows     map[string]Window `json:"windows"`   // the keys are Window1m, Window1h, Window24h and Window28d
}

// The keys of Stats.Windows.
const (
	Window1m  = "1m"
	Window1h  = "1h"
	Window24h = "24h"
	Window28d = "28d"
)

// Percentiles sums up many times in milliseconds. All are zero when nothing was
// measured.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// Pool describes connections to upstreams: what is there now, and what was done
// with it since the daemon started.
type Pool struct {
	Open    int `json:"open"`    // connections, in use or idle
	Idle    int `json:"idle"`    // connections without a request
	InUse   int `json:"in_use"`  // connections with at least one request
	Waiting int `json:"waiting"` // requests that wait for a connection

	Dials          int64       `json:"dials"`           // connections opened
	Reused         int64       `json:"reused"`          // requests sent on a connection that had carried one before
	ReuseRatio     float64     `json:"reuse_ratio"`     // Reused / requests sent, from 0 to 1; 0 when nothing was sent
	EvictedIdle    int64       `json:"evicted_idle"`    // connections closed for having been idle too long
	RetiredLearned int64       `json:"retired_learned"` // of them, those closed because the upstream was about to
	WaitMS         Percentiles `json:"wait_ms"`         // milliseconds that requests waited for a connection

	DialErrors int64            `json:"dial_errors"` // connections that could not be opened
	Evicted    map[string]int64 `json:"evicted"`     // connections closed by us, by reason: expired, learned, lifetime, peer_closed, limit, network_change, retired, not_reusable
	ConnectMS  Percentiles      `json:"connect_ms"`  // milliseconds that opening a connection took, with all handshakes
}

// Replays counts the requests that were sent a second time, by what made that
// safe, and those that could not be.
type Replays struct {
	A         int64 `json:"a"`         // nothing of the request had left this machine
	B         int64 `json:"b"`         // the upstream said that it had not processed the request
	C         int64 `json:"c"`         // the request may be repeated by its method or by the settings
	Ambiguous int64 `json:"ambiguous"` // it might have run, so it was not sent again and the client was told
}

// Fast says which way requests took from the client: by our own front for the common
// case, or, on a connection that was handed over, by net/http, as all do when
// listen.fast is false.
type Fast struct {
	Carried    int64            `json:"carried"`     // requests carried by our own front
	HandedOver map[string]int64 `json:"handed_over"` // connections handed over, by the reason; the requests that follow on them go the same way, uncounted
	Panics     int64            `json:"panics"`      // mistakes of ours that ended a client's connection, and nothing else
}

// Upstream is the state of one upstream.
type Upstream struct {
	Name    string `json:"name"`
	URL     string `json:"url"` // without user and password
	Kind    string `json:"kind"`
	Healthy bool   `json:"healthy"` // false while it is out after consecutive failures, or withheld

	// Withheld says why nothing is sent to it: credential_missing, or "" when requests are sent.
	Withheld string `json:"withheld"`

	SuccessRate float64     `json:"success_rate"` // percent, as Stats.SuccessRate
	Requests    int64       `json:"requests"`
	LatencyMS   Percentiles `json:"latency_ms"`
	Pool        Pool        `json:"pool"`

	LearnedIdleSeconds float64    `json:"learned_idle_seconds"` // after which it closes an idle connection; 0 when not known
	Protocol           string     `json:"protocol"`             // http1 or http2, as last negotiated; "" before the first connection
	LastError          string     `json:"last_error"`           // in words; "" when there was none
	LastErrorAt        *time.Time `json:"last_error_at"`        // nil when there was none

	LastFirstByteMS float64    `json:"last_first_byte_ms"` // milliseconds to the first byte of the latest answer; 0 before it
	LastAnswerAt    *time.Time `json:"last_answer_at"`     // when that was, to the second; nil before it
}

// Caller is who sent requests: by X-Millpond-Caller, else by address.
type Caller struct {
	Name        string      `json:"name"` // "other" for those beyond the first hundred
	Requests    int64       `json:"requests"`
	SuccessRate float64     `json:"success_rate"` // percent, as Stats.SuccessRate
	LatencyMS   Percentiles `json:"latency_ms"`
}

// Window sums up the requests of the last minute, hour, day or four weeks.
type Window struct {
	Requests    int64       `json:"requests"` // with every outcome
	Successful  int64       `json:"successful"`
	Failed      int64       `json:"failed"`
	SuccessRate float64     `json:"success_rate"` // percent, as Stats.SuccessRate
	ErrorRate   float64     `json:"error_rate"`   // percent, as Stats.ErrorRate
	LatencyMS   Percentiles `json:"latency_ms"`
	FirstByteMS Percentiles `json:"first_byte_ms"`
}
