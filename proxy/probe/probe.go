// Package probe examines one upstream step by step, as a person would who wonders why it
// does not work: name, connection, TLS, first byte, certificate, keep-alive, credential.
//
// It sends one request that costs nothing and carries nothing out, such as a list of
// models, and at most one more without the credential, to see whether it mattered. It
// uses no connection of the daemon's pool and changes nobody's statistics.
package probe

import (
	"context"
	"net/http"
	"time"

	"millpond/proxy/upstream"
	"millpond/settings"
	"millpond/settings/secret"
)

// CertificateWarning is how long before its end a certificate is worth a warning.
const CertificateWarning = 14 * 24 * time.Hour

// The steps, as Progress and Report.Failed name them.
const (
	StepSecret  = "credential"
	StepDNS     = "dns"
	StepConnect = "connect"
	StepTLS     = "tls"
	StepRequest = "request"
	StepAnswer  = "answer"
)

// A Config says what to examine. Upstream is required; the zero value of the rest works.
type Config struct {
	Upstream settings.Upstream
	Protocol settings.Protocol // "" is auto
	Timeouts settings.Timeouts
	// Progress is told of each step as it begins, from several goroutines.
	Progress  func(step string)
	Transport *http.Transport  // what to start from, for tests that have roots of their own; nil is the system's
	Now       func() time.Time // nil is time.Now
}

// A Verdict says what became of the credential.
type Verdict string

// The verdicts.
const (
	Accepted    Verdict = "accepted"     // with it the answer is good, and without it refused
	NotNeeded   Verdict = "not_needed"   // the answer is good without one, so it tells nothing of the credential
	PassThrough Verdict = "pass_through" // the upstream wants one, which clients bring themselves
	Refused     Verdict = "refused"
	Unreadable  Verdict = "unreadable" // the reference leads to no secret
	Unknown     Verdict = "unknown"    // the answer does not tell
)

// A Report is what was found. Times are milliseconds; a step that was not taken has nil.
type Report struct {
	Name     string `json:"name,omitempty"`
	URL      string `json:"url"`
	Kind     string `json:"kind"`
	Egress   string `json:"egress,omitempty"` // the proxy gone through, without its login; DNS and connect are the proxy's then
	Sent     string `json:"sent"`             // method and address of the request
	WithAuth string `json:"credential_field"` // the field that carried the credential; "" when none was sent
	OK       bool   `json:"ok"`
	Failed   string `json:"failed_step,omitempty"`
	Problem  string `json:"problem,omitempty"` // what failed, a sentence without its stop
	Advice   string `json:"advice,omitempty"`  // what to do, a sentence

	Addresses []string `json:"addresses"` // that the name has
	Remote    string   `json:"remote,omitempty"`
	DNS       *float64 `json:"dns_ms"`
	Connect   *float64 `json:"connect_ms"`
	Handshake *float64 `json:"tls_ms"`
	FirstByte *float64 `json:"first_byte_ms"` // from the request to the first byte of its answer
	Total     float64  `json:"total_ms"`

	TLS       *TLS     `json:"tls"`       // nil without TLS
	Protocol  string   `json:"protocol"`  // http1 or http2; "" when there was no answer
	Status    int      `json:"status"`    // 0 when there was no answer
	KeepAlive string   `json:"keepalive"` // what the server says of the connection, in words
	Auth      Verdict  `json:"credential"`
	Warnings  []string `json:"warnings"` // sentences
}

// TLS is what a handshake agreed on.
type TLS struct {
	Version string    `json:"version"`
	Cipher  string    `json:"cipher"`
	Resumed *bool     `json:"resumed"` // whether a second handshake took up the first; nil when it was not tried
	Subject string    `json:"subject"`
	Issuer  string    `json:"issuer"`
	Expires time.Time `json:"expires"`
}

// Run examines the upstream. Failures are in the report: it has no other error.
func Run(ctx context.Context, c Config) *Report {
	if c.Progress == nil {
		c.Progress = func(string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &probe{Config: c, report: &Report{
		Name: c.Upstream.Name, URL: c.Upstream.URL, Kind: string(c.Upstream.Kind),
		Addresses: []string{}, Warnings: []string{}, Auth: Unknown,
	}}
	began := time.Now()
	p.run(ctx)
	p.report.Total = milliseconds(time.Since(began))
	p.report.OK = p.report.Failed == ""
	return p.report
}

// A probe is one examination under way.
type probe struct {
	Config
	base   *upstream.Upstream
	secret secret.Value
	report *Report
	timing timing
}

func (p *probe) run(ctx context.Context) {
	base, err := upstream.New(p.Upstream, settings.Pool{}, settings.Failover{})
	if err != nil {
		p.fail(StepDNS, err, "Correct the upstream's url.")
		return
	}
	p.base = base
	question := questionFor(base)
	p.report.Sent = question.Method + " " + question.URL.Redacted()
	if !p.readSecret(ctx) {
		return
	}
	transport, close, err := p.transport(ctx)
	if err != nil {
		p.report.Auth = Unreadable
		p.fail(StepSecret, err, "Make the password of the egress proxy readable, or change the upstream's egress.")
		return
	}
	defer close()
	upstream.Apply(base.Kind, question.Header, p.secret.Reveal())
	p.report.WithAuth = credentialField(question.Header)
	resp, err := p.ask(ctx, transport, question)
	if err != nil {
		p.failed(err)
		return
	}
	p.judge(resp)
	if p.report.Auth == Accepted {
		p.compare(ctx, transport)
	}
	p.resume(ctx, transport)
}

// readSecret fetches the credential, if the upstream has one.
func (p *probe) readSecret(ctx context.Context) bool {
	if p.Upstream.Credential == "" {
		return true
	}
	p.Progress(StepSecret)
	ref, err := secret.Parse(p.Upstream.Credential)
	if err == nil {
		p.secret, err = ref.Resolve(ctx)
	}
	if err != nil {
		p.report.Auth = Unreadable
		p.fail(StepSecret, err, "Put the key there, or change the upstream's credential; the daemon must be able to read it too.")
		return false
	}
	return true
}

// fail settles the report: the first failure counts.
func (p *probe) fail(step string, err error, advice string) {
	if p.report.Failed != "" {
		return
	}
	p.report.Failed, p.report.Problem, p.report.Advice = step, err.Error(), advice
}

func (p *probe) warn(sentence string) { p.report.Warnings = append(p.report.Warnings, sentence) }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
