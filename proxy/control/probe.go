package control

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"millpond/settings"
)

// The steps of a test of an upstream.
const (
	StepCredential = "credential" // the secret is read
	StepDNS        = "dns"
	StepConnect    = "connect"
	StepTLS        = "tls"
	StepRequest    = "request" // sent, and no byte of the answer there yet
	StepAnswer     = "answer"
)

// What became of the credential in a test of an upstream.
const (
	CredentialAccepted    = "accepted"     // with it the answer is good, and without it refused
	CredentialNotNeeded   = "not_needed"   // the answer is good without one, so it tells nothing of the credential
	CredentialPassThrough = "pass_through" // the upstream wants one, which clients bring themselves
	CredentialRefused     = "refused"
	CredentialUnreadable  = "unreadable" // the reference leads to no secret
	CredentialUnknown     = "unknown"    // the answer does not tell
)

// A ProbeReport is what a test of an upstream found. Times are milliseconds; a step that
// was not taken has nil.
type ProbeReport struct {
	Name     string `json:"name,omitempty"`
	URL      string `json:"url"`
	Kind     string `json:"kind"`
	Egress   string `json:"egress,omitempty"` // the proxy gone through, without its login; DNS and connect are the proxy's then
	Sent     string `json:"sent"`             // method and address of the request
	WithAuth string `json:"credential_field"` // the field that carried the credential; "" when none was sent
	OK       bool   `json:"ok"`
	Failed   string `json:"failed_step,omitempty"` // one of the Step constants
	Problem  string `json:"problem,omitempty"`     // what failed, a sentence without its stop
	Advice   string `json:"advice,omitempty"`      // what to do, a sentence

	Addresses []string `json:"addresses"` // that the name has
	Remote    string   `json:"remote,omitempty"`
	DNS       *float64 `json:"dns_ms"`
	Connect   *float64 `json:"connect_ms"`
	Handshake *float64 `json:"tls_ms"`
	FirstByte *float64 `json:"first_byte_ms"` // from the request to the first byte of its answer
	Total     float64  `json:"total_ms"`

	TLS       *ProbeTLS `json:"tls"`        // nil without TLS
	Protocol  string    `json:"protocol"`   // http1 or http2; "" when there was no answer
	Status    int       `json:"status"`     // 0 when there was no answer
	KeepAlive string    `json:"keepalive"`  // what the server says of the connection, in words
	Auth      string    `json:"credential"` // one of the Credential constants
	Warnings  []string  `json:"warnings"`   // sentences

	// ClockAhead is by how many seconds this machine's clock is ahead of the one that the
	// answer's Date was taken from, to about a second; nil when the answer had none.
	ClockAhead *float64 `json:"clock_ahead_seconds"`
}

// ProbeTLS is what a handshake agreed on.
type ProbeTLS struct {
	Version string    `json:"version"`
	Cipher  string    `json:"cipher"`
	Resumed *bool     `json:"resumed"` // whether a second handshake took up the first; nil when it was not tried
	Subject string    `json:"subject"`
	Issuer  string    `json:"issuer"`
	Expires time.Time `json:"expires"`
}

// ProbeProgress is how far a test of an upstream has come. Times are milliseconds, nil
// for a step that has not ended.
type ProbeProgress struct {
	Step      string   `json:"step"` // that began just now
	DNS       *float64 `json:"dns_ms"`
	Connect   *float64 `json:"connect_ms"`
	Handshake *float64 `json:"tls_ms"`
	FirstByte *float64 `json:"first_byte_ms"`
}

// A ProbeRequest asks for a test of an upstream: one of the settings, by its name, or one
// that is not in them yet.
type ProbeRequest struct {
	Name     string             `json:"name,omitempty"`
	Upstream *settings.Upstream `json:"upstream,omitempty"`
}

// A ProbeLine is one line of the answer to POST /v1/probe: a step, or at last the report.
type ProbeLine struct {
	Progress *ProbeProgress `json:"progress,omitempty"`
	Report   *ProbeReport   `json:"report,omitempty"`
}

// Probe tests an upstream of the settings, or one that is not in them yet, step by step.
// A step that fails is in the report and is no error; an unknown name and an upstream
// that the settings would refuse are.
func (c *Client) Probe(ctx context.Context, q ProbeRequest) (ProbeReport, error) {
	return c.ProbeSteps(ctx, q, func(ProbeProgress) {})
}

// ProbeSteps is Probe that calls step, on this goroutine, for each step as it begins.
func (c *Client) ProbeSteps(ctx context.Context, q ProbeRequest, step func(ProbeProgress)) (ProbeReport, error) {
	var report *ProbeReport
	err := c.lines(ctx, http.MethodPost, "/v1/probe", &q, func(d *json.Decoder) (bool, error) {
		var line ProbeLine
		if err := d.Decode(&line); err != nil {
			return false, err
		}
		if line.Progress != nil {
			step(*line.Progress)
		}
		report = line.Report
		return report == nil, nil
	})
	if err != nil {
		return ProbeReport{}, fmt.Errorf("test an upstream: %w", err)
	}
	return *report, nil
}
