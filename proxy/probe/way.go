package probe

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"sync"
	"syscall"
	"time"

	"golang.org/x/net/http/httpproxy"

	"millpond/proxy/control"
	"millpond/proxy/upstream"
	"millpond/settings"
	"millpond/settings/secret"
)

// timing is when the steps of a request began and how long they took. Its methods are
// called by goroutines of net/http that may outlive the request.
type timing struct {
	mu sync.Mutex
	// mu guards what follows.
	began     map[string]time.Time
	took      map[string]time.Duration
	last      string // the step that began last
	addresses []string
	remote    string
}

func (t *timing) begin(step string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.began == nil {
		t.began, t.took = map[string]time.Time{}, map[string]time.Duration{}
	}
	t.last = step
	if t.began[step].IsZero() { // addresses are raced: the first one counts
		t.began[step] = time.Now()
	}
}

func (t *timing) end(step string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if began := t.began[step]; !began.IsZero() && t.took[step] == 0 {
		t.took[step] = max(time.Since(began), time.Microsecond)
	}
}

// of returns how long a step took; nil when it did not end.
func (t *timing) of(step string) *float64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.took[step] == 0 {
		return nil
	}
	ms := milliseconds(t.took[step])
	return &ms
}

// trace watches the steps of the first request.
func (p *probe) trace() *httptrace.ClientTrace {
	t := &p.timing
	begin := func(step string) { t.begin(step); p.begins(step) }
	return &httptrace.ClientTrace{
		DNSStart: func(httptrace.DNSStartInfo) { begin(control.StepDNS) },
		DNSDone: func(info httptrace.DNSDoneInfo) {
			t.end(control.StepDNS)
			t.mu.Lock()
			defer t.mu.Unlock()
			for _, a := range info.Addrs {
				t.addresses = append(t.addresses, a.String())
			}
		},
		ConnectStart: func(string, string) { begin(control.StepConnect) },
		ConnectDone: func(_, address string, err error) {
			if err != nil {
				return
			}
			t.end(control.StepConnect)
			t.mu.Lock()
			defer t.mu.Unlock()
			t.remote = address
		},
		TLSHandshakeStart: func() { begin(control.StepTLS) },
		TLSHandshakeDone: func(_ tls.ConnectionState, err error) {
			if err == nil {
				t.end(control.StepTLS)
			}
		},
		WroteRequest:         func(httptrace.WroteRequestInfo) { begin(control.StepRequest) },
		GotFirstResponseByte: func() { t.end(control.StepRequest) },
	}
}

// transport returns a way to the upstream that is used for this examination alone.
func (p *probe) transport(ctx context.Context) (*http.Transport, func(), error) {
	t := &http.Transport{}
	if p.Transport != nil {
		t = p.Transport.Clone()
	}
	if t.TLSClientConfig == nil {
		t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	t.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	t.TLSHandshakeTimeout, t.ResponseHeaderTimeout = p.Timeouts.TLS, answerWait
	dialer := &net.Dialer{Timeout: p.Timeouts.Connect, Control: permit}
	t.DialContext = dialer.DialContext
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(p.Protocol != settings.ProtocolHTTP2)
	t.Protocols.SetHTTP2(p.Protocol != settings.ProtocolHTTP1)
	t.Protocols.SetUnencryptedHTTP2(p.Protocol == settings.ProtocolHTTP2)
	egress, err := p.egress(ctx)
	if err != nil {
		return nil, nil, err
	}
	t.Proxy = http.ProxyURL(egress)
	if egress != nil {
		p.report.Egress = egress.Scheme + "://" + egress.Host
	}
	return t, t.CloseIdleConnections, nil
}

// answerWait is how long an upstream may take to answer: a list of models is not a
// completion.
const answerWait = 30 * time.Second

// permit refuses the addresses that the daemon would not call either.
func permit(_, address string, _ syscall.RawConn) error {
	ap, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	return upstream.AllowDial(ap.Addr())
}

// egress returns the proxy to go through, with its password; nil for none.
func (p *probe) egress(ctx context.Context) (*url.URL, error) {
	switch p.Upstream.Egress {
	case "":
		return nil, nil
	case "system":
		return httpproxy.FromEnvironment().ProxyFunc()(p.base.Base)
	}
	u, err := url.Parse(p.Upstream.Egress)
	if err != nil {
		return nil, errors.New("the egress is no address") // Go's error would hold the password
	}
	reference, given := u.User.Password()
	if !given {
		return u, nil
	}
	ref, err := secret.Parse(reference)
	if err != nil {
		return nil, err
	}
	password, err := ref.Resolve(ctx)
	if err != nil {
		return nil, err
	}
	u.User = url.UserPassword(u.User.Username(), password.Reveal())
	return u, nil
}

// ask sends the request and reads the head of the answer.
func (p *probe) ask(ctx context.Context, t *http.Transport, question *http.Request) (*http.Response, error) {
	p.begins(control.StepConnect)
	resp, err := t.RoundTrip(question.WithContext(httptrace.WithClientTrace(ctx, p.trace())))
	r := p.report
	r.DNS, r.Connect, r.Handshake, r.FirstByte = p.timing.of(control.StepDNS), p.timing.of(control.StepConnect), p.timing.of(control.StepTLS), p.timing.of(control.StepRequest)
	p.timing.mu.Lock()
	defer p.timing.mu.Unlock()
	r.Addresses, r.Remote = append(r.Addresses, p.timing.addresses...), p.timing.remote
	return resp, err
}

// resume shakes hands once more, to see whether that takes up the first handshake: then
// a connection that has to be opened again costs a round trip less.
func (p *probe) resume(ctx context.Context, t *http.Transport) {
	if p.report.TLS == nil || p.report.Egress != "" {
		return
	}
	p.begins(control.StepTLS)
	config := t.TLSClientConfig.Clone()
	config.ServerName = p.base.Base.Hostname()
	config.NextProtos = []string{"h2", "http/1.1"}
	if p.report.Protocol == "http1" {
		config.NextProtos = config.NextProtos[1:]
	}
	raw, err := t.DialContext(ctx, "tcp", net.JoinHostPort(p.base.Base.Hostname(), portOf(p.base.Base)))
	if err != nil {
		return
	}
	defer raw.Close()
	c := tls.Client(raw, config)
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	if c.HandshakeContext(ctx) == nil {
		resumed := c.ConnectionState().DidResume
		p.report.TLS.Resumed = &resumed
	}
}

func portOf(u *url.URL) string {
	if port := u.Port(); port != "" {
		return port
	}
	return map[string]string{"http": "80", "https": "443"}[u.Scheme]
}
