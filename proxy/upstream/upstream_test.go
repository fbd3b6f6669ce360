package upstream

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"millpond/settings"
)

// make1 returns an upstream as the settings would have it.
func make1(t testing.TB, name string, priority, weight int) *Upstream {
	t.Helper()
	u, err := New(settings.Upstream{
		Name: name, Kind: settings.KindAnthropic, URL: "http://127.0.0.1:1/" + name,
		Enabled: true, Priority: priority, Weight: weight,
	}, settings.Pool{}, limits)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

var limits = settings.Failover{Attempts: 3, EjectAfter: 3, EjectFor: 30 * time.Second, RetryAfterCap: time.Minute}

func TestTarget(t *testing.T) {
	tests := []struct{ url, target, want string }{
		{"https://api.example", "/v1/messages?a=b", "/v1/messages?a=b"},
		{"https://api.example/", "/v1/messages", "/v1/messages"},
		{"https://api.example/base", "/v1/messages", "/base/v1/messages"},
		{"https://api.example/base/", "/v1/messages", "/base/v1/messages"},
		{"https://api.example/base//", "/", "/base/"},
		{"https://api.example/a/b", "//x/../y%2Fz/?q=%zz&&", "/a/b//x/../y%2Fz/?q=%zz&&"},
		{"https://api.example/a%2Fb/c%20d", "/x", "/a%2Fb/c%20d/x"},
		{"https://api.example/base", "*", "*"},
		{"https://api.example", "*", "*"},
		{"https://api.example/base", "", "/base"},
		{"https://api.example/base/", "?x=1", "/base?x=1"},
		{"https://api.example/", "", "/"},
		{"https://api.example", "?x", "/?x"},
		{"https://API.Example:8443/Base", "/x", "/Base/x"},
	}
	for _, tt := range tests {
		u, err := New(settings.Upstream{Name: "x", URL: tt.url}, settings.Pool{}, limits)
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Target(tt.target); got != tt.want {
			t.Errorf("%s + %s: got %s; want %s", tt.url, tt.target, got, tt.want)
		}
		if u.Base.Host != strings.ToLower(u.Base.Host) || strings.HasSuffix(u.Base.Path, "/") {
			t.Errorf("%s: got base %v; want its host in lower case and no slash at the end", tt.url, u.Base)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, url := range []string{"", "api.example", "ftp://api.example", "https://", "https:///x", "https://:443/", "https://user:key@api.example",
		"https://api.example/?x", "https://api.example/#x", "https://api.example?", "http://a b/", "https://api.example/%zz"} {
		_, err := New(settings.Upstream{URL: url}, settings.Pool{}, limits)
		if err == nil {
			t.Errorf("%s: got no error", url)
		} else if strings.Contains(err.Error(), "key") {
			t.Errorf("%s: the error holds the password: %v", url, err)
		}
	}
}

func TestHost(t *testing.T) {
	u := make1(t, "x", 1, 1)
	if got := u.Host("client.example"); got != "127.0.0.1:1" {
		t.Errorf("got %s; want the upstream's", got)
	}
	u.PreserveHost = true
	if got := u.Host("client.example"); got != "client.example" {
		t.Errorf("preserved: got %s; want the client's", got)
	}
	if got := u.Host(""); got != "127.0.0.1:1" {
		t.Errorf("nothing to preserve: got %s; want the upstream's", got)
	}
}

func TestCompileKeepsHealth(t *testing.T) {
	s := settings.Default()
	s.Upstreams = []settings.Upstream{
		{Name: "a", URL: "http://127.0.0.1:1", Priority: 1}, {Name: "b", URL: "http://127.0.0.1:2"}, {Name: "c", URL: "http://127.0.0.1:3"},
	}
	old, err := Compile(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range old {
		u.Report(Result{Verdict: Throttled, RetryAfter: time.Hour, Reason: u.Name}, time.Now())
	}

	s = s.Clone()
	s.Upstreams = []settings.Upstream{
		{Name: "new", URL: "http://127.0.0.1:9"},
		{Name: "b", URL: "http://127.0.0.1:22"},             // another address: another upstream
		{Name: "a", URL: "http://127.0.0.1:1", Priority: 7}, // the same
		{Name: "renamed", URL: "http://127.0.0.1:3"},
	}
	next, err := Compile(s, old)
	if err != nil {
		t.Fatal(err)
	}
	for i, healthy := range []bool{true, true, false, true} {
		if got := next[i].Status().Healthy; got != healthy {
			t.Errorf("%s: got healthy %v; want %v", next[i].Name, got, healthy)
		}
	}
	if next[2].Priority != 7 || old[0].Priority != 1 {
		t.Errorf("got priorities %d and %d; want 7 anew, 1 of old", next[2].Priority, old[0].Priority)
	}

	s = s.Clone()
	s.Upstreams[1].URL, s.Upstreams[3].URL = "x", "y"
	if got, err := Compile(s, next); err == nil || got != nil ||
		!strings.Contains(err.Error(), "upstreams[1].url") || !strings.Contains(err.Error(), "upstreams[3].url") {
		t.Errorf("got %v, %v; want both errors and nothing else", got, err)
	}
}

func TestApply(t *testing.T) {
	client := http.Header{
		"Authorization": {"Bearer client", "Basic x"}, "X-Api-Key": {"client"}, "X-Goog-Api-Key": {"client"},
		"Api-Key": {"client"}, "Anthropic-Version": {"2023-06-01"},
	}
	tests := []struct {
		kind        settings.Kind
		name, value string
	}{
		{settings.KindAnthropic, "X-Api-Key", "ours"},
		{settings.KindGemini, "X-Goog-Api-Key", "ours"},
		{settings.KindOpenAI, "Authorization", "Bearer ours"},
		{settings.KindA2A, "Authorization", "Bearer ours"},
		{settings.KindHTTP, "Authorization", "Bearer ours"},
	}
	for _, tt := range tests {
		h := client.Clone()
		Apply(tt.kind, h, "ours")
		if got := h[tt.name]; !slices.Equal(got, []string{tt.value}) || len(h) != 2 {
			t.Errorf("%s: got %v; want only %s: %s beside the version", tt.kind, h, tt.name, tt.value)
		}
		h = client.Clone()
		Apply(tt.kind, h, "")
		if len(h) != len(client) || len(h["Authorization"]) != 2 {
			t.Errorf("%s without a secret: got %v; want the client's own", tt.kind, h)
		}
	}
}

func TestApplyTarget(t *testing.T) {
	const gem = settings.KindGemini
	tests := []struct {
		kind                 settings.Kind
		target, secret, want string
	}{
		{gem, "/v1beta/x?key=client", "s", "/v1beta/x"},
		{gem, "/v1beta/x?key=client&alt=sse", "s", "/v1beta/x?alt=sse"},
		{gem, "/v1beta/x?alt=sse&key=client&&b=%zz&key", "s", "/v1beta/x?alt=sse&&b=%zz"},
		{gem, "/v1beta/x?monkey=1&k%65y=2", "s", "/v1beta/x?monkey=1"},
		{gem, "/v1beta/x?", "s", "/v1beta/x?"},
		{gem, "/v1beta/x", "s", "/v1beta/x"},
		{gem, "/v1beta/x?key=client", "", "/v1beta/x?key=client"},
		{settings.KindOpenAI, "/v1/x?key=client", "s", "/v1/x?key=client"},
	}
	for _, tt := range tests {
		if got := ApplyTarget(tt.kind, tt.target, tt.secret); got != tt.want {
			t.Errorf("%s %s: got %s; want %s", tt.kind, tt.target, got, tt.want)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tests := []struct {
		value string
		want  time.Duration
		ok    bool
	}{
		{"0", 0, true},
		{"30", 30 * time.Second, true},
		{" 30 ", 30 * time.Second, true},
		{"1587827", 1587827 * time.Second, true},
		{"99999999999999999999", 1<<63 - 1, true},
		{"9223372037", 1<<63 - 1, true},
		{"Sun, 22 Nov 2026 12:00:45 GMT", 45 * time.Second, true},
		{"Sunday, 22-Nov-26 12:00:45 GMT", 45 * time.Second, true}, // obsolete forms, RFC 9110, section 5.6.7
		{"Sun Nov 22 12:00:45 2026", 45 * time.Second, true},
		{"Sun, 22 Nov 2026 11:00:00 GMT", 0, true},
		{"", 0, false},
		{"-1", 0, false},
		{"1.5", 0, false},
		{"soon", 0, false},
		{"30, 60", 0, false},
	}
	for _, tt := range tests {
		got, ok := RetryAfter(http.Header{"Retry-After": {tt.value}}, now)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %v, %v; want %v, %v", tt.value, got, ok, tt.want, tt.ok)
		}
	}
	if _, ok := RetryAfter(http.Header{}, now); ok {
		t.Error("absent: got true; want false")
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("30")
	f.Add("Sun, 22 Nov 2026 12:00:45 GMT")
	f.Fuzz(func(t *testing.T, value string) {
		if d, ok := RetryAfter(http.Header{"Retry-After": {value}}, time.Unix(0, 0)); d < 0 || !ok && d != 0 {
			t.Errorf("%q: got %v, %v", value, d, ok)
		}
	})
}
