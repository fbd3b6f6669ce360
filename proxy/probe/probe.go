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

	"millpond/proxy/control"
	"millpond/proxy/upstream"
	"millpond/settings"
	"millpond/settings/secret"
)

// CertificateWarning is how long before its end a certificate is worth a warning.
const CertificateWarning = 14 * 24 * time.Hour

// A Config says what to examine. Upstream is required; the zero value of the rest works.
type Config struct {
	Upstream settings.Upstream
	Protocol settings.Protocol // "" is auto
	Timeouts settings.Timeouts
	// Progress is told of each step as it begins, from several goroutines, and perhaps
	// once more after Run has returned.
	Progress  func(control.ProbeProgress)
	Transport *http.Transport  // what to start from, for tests that have roots of their own; nil is the system's
	Now       func() time.Time // nil is time.Now
}

// Run examines the upstream. Failures are in the report: it has no other error.
func Run(ctx context.Context, c Config) *control.ProbeReport {
	if c.Progress == nil {
		c.Progress = func(control.ProbeProgress) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	p := &probe{Config: c, report: &control.ProbeReport{
		Name: c.Upstream.Name, URL: c.Upstream.URL, Kind: string(c.Upstream.Kind),
		Addresses: []string{}, Warnings: []string{}, Auth: control.CredentialUnknown,
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
	report *control.ProbeReport
	timing timing
}

func (p *probe) run(ctx context.Context) {
	base, err := upstream.New(p.Upstream, settings.Pool{}, settings.Failover{})
	if err != nil {
		p.fail(control.StepDNS, err, "Correct the upstream's url.")
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
		p.report.Auth = control.CredentialUnreadable
		p.fail(control.StepCredential, err, "Make the password of the egress proxy readable, or change the upstream's egress.")
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
	if p.report.Auth == control.CredentialAccepted {
		p.compare(ctx, transport)
	}
	p.resume(ctx, transport)
}

// readSecret fetches the credential, if the upstream has one.
func (p *probe) readSecret(ctx context.Context) bool {
	if p.Upstream.Credential == "" {
		return true
	}
	p.begins(control.StepCredential)
	ref, err := secret.Parse(p.Upstream.Credential)
	if err == nil {
		p.secret, err = ref.Resolve(ctx)
	}
	if err != nil {
		p.report.Auth = control.CredentialUnreadable
		p.fail(control.StepCredential, err, "Put the key there, or change the upstream's credential; the daemon must be able to read it too.")
		return false
	}
	return true
}

// begins tells of a step that begins, with the times of those that have ended.
func (p *probe) begins(step string) {
	p.Progress(control.ProbeProgress{
		Step: step, DNS: p.timing.of(control.StepDNS), Connect: p.timing.of(control.StepConnect),
		Handshake: p.timing.of(control.StepTLS), FirstByte: p.timing.of(control.StepRequest),
	})
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
