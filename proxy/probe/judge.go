package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/upstream"
)

// longestBody is how much of an answer is read, so that its connection can be kept.
const longestBody = 1 << 20 // bytes

const egressAdvice = "Correct the user and the password of the upstream's egress."

// judge reads the answer to the request.
func (p *probe) judge(resp *http.Response) {
	defer resp.Body.Close()
	p.begins(control.StepAnswer)
	r := p.report
	r.Status = resp.StatusCode
	r.Protocol = map[int]string{1: "http1", 2: "http2"}[resp.ProtoMajor]
	if resp.TLS != nil {
		p.describe(resp.TLS)
	}
	r.KeepAlive = keepAlive(resp)
	if date, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		ahead := p.Now().Sub(date).Seconds()
		r.ClockAhead = &ahead
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, longestBody)); err != nil {
		p.fail(control.StepAnswer, fmt.Errorf("the answer broke off: %w", err), "Try again; if it goes on, something between here and the upstream cuts connections.")
		return
	}
	p.judgeStatus(resp)
}

// judgeStatus says what the status tells of the credential and of the upstream.
func (p *probe) judgeStatus(resp *http.Response) {
	r, status, sent := p.report, resp.StatusCode, p.report.WithAuth != ""
	switch {
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		if sent {
			r.Auth = control.CredentialRefused
			p.fail(control.StepAnswer, fmt.Errorf("the upstream refused the credential with %s", resp.Status), "Make a new key and store it where the credential refers to.")
			return
		}
		r.Auth = control.CredentialPassThrough
	case status == http.StatusProxyAuthRequired:
		p.fail(control.StepConnect, errors.New("the egress proxy refused its login"), egressAdvice)
	case status >= 500:
		p.fail(control.StepAnswer, fmt.Errorf("the upstream answered %s", resp.Status), "Wait, or look at the service's status page.")
	case status == http.StatusTooManyRequests:
		p.warn("It answered 429: too many requests just now.")
	case status == http.StatusNotFound:
		p.warn("It does not know " + strings.TrimPrefix(r.Sent, resp.Request.Method+" ") + "; check that the url's base path and the kind are right.")
	case status >= 300 && status < 400:
		p.warn("It redirects to another address, which clients' requests do not follow; set the url to where it leads.")
	case status < 300 && sent:
		r.Auth = control.CredentialAccepted // compare looks whether it mattered
	case status < 300:
		r.Auth = control.CredentialNotNeeded
	default:
		p.warn("It answered " + resp.Status + ".")
	}
}

// compare asks once more without the credential: an address that answers everybody says
// nothing of it.
func (p *probe) compare(ctx context.Context, t *http.Transport) {
	p.begins(control.StepAnswer)
	resp, err := t.RoundTrip(questionFor(p.base).WithContext(ctx))
	if err != nil {
		p.report.Auth = control.CredentialUnknown
		return
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, longestBody)) // what it says does not matter
	if resp.StatusCode < 300 {
		p.report.Auth = control.CredentialNotNeeded
	}
}

// describe reads what the handshake agreed on.
func (p *probe) describe(state *tls.ConnectionState) {
	leaf := state.PeerCertificates[0]
	p.report.TLS = &control.ProbeTLS{
		Version: tls.VersionName(state.Version), Cipher: tls.CipherSuiteName(state.CipherSuite),
		Subject: leaf.Subject.CommonName, Issuer: leaf.Issuer.CommonName, Expires: leaf.NotAfter,
	}
	if left := leaf.NotAfter.Sub(p.Now()); left < CertificateWarning {
		p.warn(fmt.Sprintf("Its certificate ends in %d days, on %s.", int(left.Hours()/24), leaf.NotAfter.Format(time.DateOnly)))
	}
}

// keepAlive says in words what the server does with the connection after its answer.
func keepAlive(resp *http.Response) string {
	switch {
	case resp.ProtoMajor == 2:
		return "kept open (HTTP/2)"
	case resp.Close:
		return "closed after each answer"
	case resp.Header.Get("Keep-Alive") != "":
		return "kept open (" + printable(resp.Header.Get("Keep-Alive")) + ")"
	}
	return "kept open, for an unstated time"
}

// printable cuts a text of the peer's to one short line.
func printable(text string) string {
	const longest = 60
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, text)
	return text[:min(len(text), longest)]
}

// failed says which step an error belongs to and what to do.
func (p *probe) failed(err error) {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	p.timing.mu.Lock()
	step := p.timing.last
	p.timing.mu.Unlock()
	if step == "" {
		step = control.StepConnect
	}
	switch {
	case errors.Is(err, upstream.ErrForbiddenAddress):
		p.fail(control.StepConnect, err, "Name the API's own address.")
	case errors.As(err, &dns):
		p.fail(control.StepDNS, fmt.Errorf("the name %s was not found: %s", dns.Name, dns.Err), "Check the url and the network.")
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		p.fail(control.StepTLS, errors.New("its certificate is out of date"), "Check this machine's clock; else its owner must renew the certificate.")
	case errors.As(err, &host):
		p.fail(control.StepTLS, errors.New("its certificate is for another name"), "Check the host in the url.")
	case errors.As(err, &unknown):
		p.fail(control.StepTLS, errors.New("its certificate is signed by nobody that this machine trusts"), "If a proxy of your company is in between, install its certificate in the system.")
	case strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)): // net/http's error has no type
		p.fail(control.StepConnect, errors.New("the egress proxy refused its login"), egressAdvice)
	case step == control.StepTLS:
		p.fail(step, err, "Check that the port speaks TLS; for a local server write http:// in the url.")
	case errors.Is(err, syscall.ECONNREFUSED):
		p.fail(control.StepConnect, errors.New("nobody listens there: connection refused"), "Start the server, or correct the port in the url.")
	case isTimeout(err):
		p.fail(step, errors.New("there was no answer in time"), "Check the network and whether a firewall or an egress proxy is needed.")
	default:
		p.fail(step, err, "Check the url and that the service is up.")
	}
}

func isTimeout(err error) bool {
	var timeout net.Error
	return errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded)
}
