package probe

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/leaktest"
	"millpond/proxy/porttest"
	"millpond/settings"
)

// an API that wants a key and notes what it was sent.
type api struct {
	mu   sync.Mutex
	seen []string // guarded by mu
}

func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key := r.Header.Get("X-Api-Key") + strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") + r.Header.Get("X-Goog-Api-Key")
	a.mu.Lock()
	a.seen = append(a.seen, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+key))
	a.mu.Unlock()
	w.Header().Set("Keep-Alive", "timeout=5")
	switch {
	case strings.HasPrefix(r.URL.Path, "/open"):
	case strings.HasPrefix(r.URL.Path, "/broken"):
		w.WriteHeader(http.StatusBadGateway)
	case strings.HasPrefix(r.URL.Path, "/nothing"):
		w.WriteHeader(http.StatusNotFound)
	case strings.HasPrefix(r.URL.Path, "/moved"):
		http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
	case strings.HasPrefix(r.URL.Path, "/closing"):
		w.Header().Set("Connection", "close")
	case key != "right":
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func (a *api) take() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen := a.seen
	a.seen = nil
	return seen
}

func TestRun(t *testing.T) {
	t.Setenv("MILLPOND_TEST_RIGHT", "right")
	t.Setenv("MILLPOND_TEST_WRONG", "wrong")
	a := &api{}
	server := httptest.NewServer(a)
	defer server.Close()
	tests := []struct {
		name, base, credential string
		kind                   settings.Kind
		auth                   string
		status                 int
		failed, warning        string
		seen                   []string
	}{
		{"anthropic", "", "env:MILLPOND_TEST_RIGHT", settings.KindAnthropic, control.CredentialAccepted, 200, "", "", []string{"GET /v1/models?limit=1 right", "GET /v1/models?limit=1"}},
		{"openai", "", "env:MILLPOND_TEST_RIGHT", settings.KindOpenAI, control.CredentialAccepted, 200, "", "", []string{"GET /v1/models right", "GET /v1/models"}},
		{"gemini", "", "env:MILLPOND_TEST_RIGHT", settings.KindGemini, control.CredentialAccepted, 200, "", "", []string{"GET /v1beta/models?pageSize=1 right", "GET /v1beta/models?pageSize=1"}},
		{"a version in the base", "/api/paas/v4", "env:MILLPOND_TEST_RIGHT", settings.KindOpenAI, control.CredentialAccepted, 200, "", "", []string{"GET /api/paas/v4/models right", "GET /api/paas/v4/models"}},
		{"a2a", "", "", settings.KindA2A, control.CredentialPassThrough, 401, "", "", []string{"GET /.well-known/agent-card.json"}},
		{"http", "/open", "", settings.KindHTTP, control.CredentialNotNeeded, 200, "", "", []string{"HEAD /open/"}},
		{"refused", "", "env:MILLPOND_TEST_WRONG", settings.KindAnthropic, control.CredentialRefused, 401, control.StepAnswer, "", []string{"GET /v1/models?limit=1 wrong"}},
		{"the client's own", "", "", settings.KindAnthropic, control.CredentialPassThrough, 401, "", "", []string{"GET /v1/models?limit=1"}},
		{"open to all", "/open", "env:MILLPOND_TEST_WRONG", settings.KindOpenAI, control.CredentialNotNeeded, 200, "", "", []string{"GET /open/v1/models wrong", "GET /open/v1/models"}},
		{"unreadable", "", "env:MILLPOND_TEST_NO_SUCH_KEY", settings.KindOpenAI, control.CredentialUnreadable, 0, control.StepCredential, "", nil},
		{"broken", "/broken", "", settings.KindOpenAI, control.CredentialUnknown, 502, control.StepAnswer, "", []string{"GET /broken/v1/models"}},
		{"not found", "/nothing", "", settings.KindOpenAI, control.CredentialUnknown, 404, "", "base path", []string{"GET /nothing/v1/models"}},
		{"moved", "/moved", "env:MILLPOND_TEST_RIGHT", settings.KindOpenAI, control.CredentialUnknown, 302, "", "redirects", []string{"GET /moved/v1/models right"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a.take()
			r := Run(t.Context(), Config{Upstream: settings.Upstream{Name: "x", Kind: tt.kind, URL: server.URL + tt.base, Credential: tt.credential}})
			if r.Auth != tt.auth || r.Status != tt.status || r.Failed != tt.failed || r.OK != (tt.failed == "") {
				t.Errorf("got %s, %d, failed %q (%s); want %s, %d, %q", r.Auth, r.Status, r.Failed, r.Problem, tt.auth, tt.status, tt.failed)
			}
			if got := strings.Join(r.Warnings, " "); !strings.Contains(got, tt.warning) || (tt.warning == "") != (got == "") {
				t.Errorf("got warnings %q; want %q", got, tt.warning)
			}
			if got := a.take(); fmt.Sprint(got) != fmt.Sprint(tt.seen) {
				t.Errorf("the upstream saw %q; want %q", got, tt.seen)
			}
			if tt.seen != nil && (r.Connect == nil || r.FirstByte == nil || r.TLS != nil || r.Protocol != "http1" || r.KeepAlive != "kept open (timeout=5)") {
				t.Errorf("got %+v; want times, HTTP/1 and the keep-alive answer", r)
			}
			if r.Problem != "" && (r.Advice == "" || strings.Contains(r.Problem, "wrong\"")) {
				t.Errorf("got problem %q, advice %q; want what to do, without the secret", r.Problem, r.Advice)
			}
		})
	}
}

func TestTLS(t *testing.T) {
	leaktest.Check(t)
	for _, http2 := range []bool{false, true} {
		server := httptest.NewUnstartedServer(&api{})
		server.EnableHTTP2 = http2
		server.StartTLS()
		ends := server.Certificate().NotAfter
		c := Config{
			Upstream:  settings.Upstream{Kind: settings.KindHTTP, URL: server.URL + "/open"},
			Transport: server.Client().Transport.(*http.Transport),
			Now:       func() time.Time { return ends.Add(-13*24*time.Hour - time.Hour) },
		}
		r := Run(t.Context(), c)
		protocol := map[bool]string{false: "http1", true: "http2"}[http2]
		if !r.OK || r.Protocol != protocol || r.TLS == nil || r.Handshake == nil {
			t.Fatalf("HTTP/2 %v: got %+v; want %s over TLS", http2, r, protocol)
		}
		if r.TLS.Version != "TLS 1.3" || r.TLS.Cipher == "" || r.TLS.Resumed == nil || !*r.TLS.Resumed || !r.TLS.Expires.Equal(ends) {
			t.Errorf("HTTP/2 %v: got %+v; want TLS 1.3, resumed, until %v", http2, r.TLS, ends)
		}
		if got := strings.Join(r.Warnings, ""); !strings.Contains(got, "ends in 13 days") {
			t.Errorf("HTTP/2 %v: got warnings %q; want one of the certificate", http2, got)
		}
		c.Now = func() time.Time { return ends.Add(-15 * 24 * time.Hour) }
		if r := Run(t.Context(), c); len(r.Warnings) != 0 {
			t.Errorf("15 days before: got %q; want no warning", r.Warnings)
		}
		c.Transport = nil
		if r := Run(t.Context(), c); r.OK || r.Failed != control.StepTLS || !strings.Contains(r.Problem, "nobody that this machine trusts") {
			t.Errorf("unknown signer: got %q at %s; want a failure of TLS", r.Problem, r.Failed)
		}
		server.Close()
	}
}

func TestFailures(t *testing.T) {
	leaktest.Check(t)
	plain := httptest.NewServer(&api{})
	defer plain.Close()
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer refusing.Close()
	tests := []struct {
		name, url, egress, step, problem string
	}{
		{"nobody listens", "http://" + porttest.Hold(t), "", control.StepConnect, "nobody listens there"},
		{"no TLS", strings.Replace(plain.URL, "http:", "https:", 1), "", control.StepTLS, "does not look like a TLS handshake"},
		{"metadata", "http://169.254.169.254", "", control.StepConnect, "not allowed"},
		{"the proxy's login", "https://api.example", refusing.URL, control.StepConnect, "refused its login"},
		{"the proxy's login, without TLS", "http://api.example", refusing.URL, control.StepConnect, "refused its login"},
		{"the proxy's password", "https://api.example", "http://bob:env:MILLPOND_TEST_NO_SUCH@127.0.0.1:1", control.StepCredential, "no such secret"},
		{"no address", "ftp://x", "", control.StepDNS, "neither http nor https"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := Run(t.Context(), Config{Upstream: settings.Upstream{Kind: settings.KindHTTP, URL: tt.url, Egress: tt.egress}})
			if r.OK || r.Failed != tt.step || !strings.Contains(r.Problem, tt.problem) || r.Advice == "" {
				t.Errorf("got %q at %s, advice %q; want %q at %s", r.Problem, r.Failed, r.Advice, tt.problem, tt.step)
			}
		})
	}
	p := &probe{report: &control.ProbeReport{}}
	p.failed(fmt.Errorf("dial: %w", &net.DNSError{Err: "no such host", Name: "api.example"}))
	if p.report.Failed != control.StepDNS || !strings.Contains(p.report.Problem, "api.example was not found") {
		t.Errorf("got %q at %s; want that the name was not found", p.report.Problem, p.report.Failed)
	}
	p = &probe{report: &control.ProbeReport{}}
	p.failed(tls.AlertError(40))
	p.fail(control.StepAnswer, errors.New("later"), "")
	if p.report.Problem == "later" {
		t.Error("got the last failure; want the first")
	}
}
