package listener

import (
	"encoding/base64"
	"net"
	"slices"
	"strings"
	"testing"

	"millpond/proxy/wire"
)

// bothLoopbacks are the addresses of "localhost:7860".
var bothLoopbacks = []net.Addr{
	&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7860},
	&net.TCPAddr{IP: net.IPv6loopback, Port: 7860},
}

// get is a request that may come in.
func get() View {
	return View{Method: "GET", Target: "/v1/messages?a=b", Host: "127.0.0.1:7860"}
}

// check compares the code of a refusal, "" for none.
func check(t *testing.T, g *Gate, v View, want string) {
	t.Helper()
	got := ""
	if r := g.Check(v); r != nil {
		got = r.Code
		if r.Message == "" || r.Status < 400 || r.Error() != r.Message {
			t.Errorf("refusal %+v has no message or no status", r)
		}
	}
	if got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestHost(t *testing.T) {
	g := NewGate(GateConfig{
		Addrs:        append(bothLoopbacks, &net.TCPAddr{IP: net.IPv4(192, 168, 1, 5), Port: 9000}),
		AllowedHosts: []string{"Mill.Example", "port.example:8080", "fd00::7", "[fd00::8]:81", "dot.example.", "bad:host:x", ""},
	})
	tests := []struct {
		host string
		in   bool
	}{
		{"127.0.0.1", true},
		{"127.0.0.1:7860", true},
		{"127.0.0.1:9000", true},
		{"127.0.0.1:", true},
		{"[::1]", true},
		{"[::1]:7860", true},
		{"[0:0:0:0:0:0:0:1]:7860", true},
		{"localhost", true},
		{"LocalHost:7860", true},
		{"localhost.", true},
		{"localhost.:7860", true},
		{"192.168.1.5:9000", true}, // bound, and an address cannot be rebound
		{"mill.example", true},
		{"MILL.EXAMPLE.:1", true}, // any port
		{"port.example:8080", true},
		{"[fd00::7]:7860", true},
		{"[fd00::8]:81", true},
		{"dot.example:5", true},

		{"", false},
		{"evil.example", false},
		{"evil.example:7860", false},
		{"127.0.0.1.evil.example:7860", false},
		{"127.0.0.1.nip.io", false},
		{"localhost.evil.example", false},
		{"evil.localhost:7860", false},
		{"localhost..", false},
		{"notlocalhost", false},
		{"mill.example.evil", false},
		{"sub.mill.example", false},
		{"port.example", false},
		{"port.example:8081", false},
		{"localhost:7861", false},
		{"localhost:80", false},
		{"localhost:07860", false},
		{"localhost:7860 ", false},
		{" localhost", false},
		{"localhost,evil.example", false},
		{"evil.example@localhost:7860", false},
		{"localhost:7860@evil.example", false},
		{"localhost:x", false},
		{"localhost:7860:7860", false},
		{"localhost:*", false},
		{"*", false},
		{"0.0.0.0:7860", false},
		{"127.0.0.2:7860", false},
		{"127.1:7860", false},
		{"2130706433:7860", false},
		{"0x7f000001", false},
		{"0177.0.0.1", false},
		{"::1", false},
		{"::1:7860", false},
		{"[::1:7860]", false}, // an address of its own, not ::1 with a port
		{"[::1", false},
		{"[::1]7860", false},
		{"[::1]:7860:1", false},
		{"[::1%25lo]:7860", false},
		{"[localhost]", false},
		{"[127.0.0.1]", false},
		{"[]", false},
		{"bad", false},
		{"localhost\x00", false},
		{"ｌocalhost", false},
	}
	for _, tt := range tests {
		t.Run(tt.host, func(t *testing.T) {
			v, want := get(), CodeHost
			if v.Host = tt.host; tt.in {
				want = ""
			}
			check(t, g, v, want)
			if r := g.Check(v); r != nil && r.Status != 421 {
				t.Errorf("got status %d; want 421", r.Status)
			}
		})
	}
}

func TestWildcardIsNoHost(t *testing.T) {
	g := NewGate(GateConfig{Addrs: []net.Addr{&net.TCPAddr{IP: net.IPv6zero, Port: 7860}}})
	for _, host := range []string{"[::]:7860", "0.0.0.0:7860", "192.168.1.5:7860"} {
		v := get()
		v.Host = host
		check(t, g, v, CodeHost)
	}
}

func TestTarget(t *testing.T) {
	closed := NewGate(GateConfig{Addrs: bothLoopbacks})
	forward := NewGate(GateConfig{Addrs: bothLoopbacks, ForwardEnabled: true})
	tests := []struct {
		method, target, host string
		closed, forward      string // the code each gate refuses with
	}{
		{"GET", "/", "localhost", "", ""},
		{"GET", "//evil.example/", "localhost", "", ""}, // a path: it goes nowhere else
		{"GET", "/http://evil.example/", "localhost", "", ""},
		{"OPTIONS", "*", "localhost", "", ""},
		{"GET", "*", "localhost", CodeMalformed, CodeMalformed},
		{"GET", "", "localhost", CodeMalformed, CodeMalformed},
		{"GET", "v1/messages", "localhost", CodeMalformed, CodeMalformed},
		{"GET", "localhost:7860", "localhost", CodeMalformed, CodeMalformed},
		{"GET", "://x", "localhost", CodeMalformed, CodeMalformed},
		{"GET", "?://x", "localhost", CodeMalformed, CodeMalformed},
		{"GET", "1http://x/", "localhost", CodeMalformed, CodeMalformed},
		{"GET", "http://worker.example/", "worker.example", CodeForwardDisabled, ""},
		{"GET", "HTTP://127.0.0.1:7860/v1/messages", "127.0.0.1:7860", CodeForwardDisabled, ""},
		{"GET", "ftp://localhost/", "localhost", CodeForwardDisabled, ""}, // the router refuses it
		{"CONNECT", "api.example:443", "api.example:443", CodeConnect, CodeConnect},
		{"CONNECT", "/", "localhost", CodeConnect, CodeConnect},
		{"CONNECT", "http://localhost/", "localhost", CodeConnect, CodeConnect},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			v := get()
			v.Method, v.Target, v.Host = tt.method, tt.target, tt.host
			check(t, closed, v, tt.closed)
			check(t, forward, v, tt.forward)
		})
	}
}

func TestBrowser(t *testing.T) {
	g := NewGate(GateConfig{
		Addrs:          bothLoopbacks,
		AllowedOrigins: []string{"http://localhost:3000", "https://app.example", "null", "", "*"},
	})
	tests := []struct {
		name         string
		origin, site []string
		in           bool
	}{
		{"no browser", nil, nil, true},
		{"typed into the address bar", nil, []string{"none"}, true},
		{"own page", nil, []string{"same-origin"}, true},
		{"listed", []string{"http://localhost:3000"}, nil, true},
		{"listed, across sites", []string{"https://app.example"}, []string{"cross-site"}, true},

		{"foreign", []string{"https://evil.example"}, nil, false},
		{"sandboxed frame", []string{"null"}, nil, false},
		{"empty", []string{""}, nil, false},
		{"star", []string{"*"}, nil, false},
		{"own address", []string{"http://127.0.0.1:7860"}, []string{"same-origin"}, false},
		{"listed as a prefix", []string{"https://app.example.evil.example"}, nil, false},
		{"listed as a suffix", []string{"https://evil.example/https://app.example"}, nil, false},
		{"listed with a slash", []string{"https://app.example/"}, nil, false},
		{"listed with a port", []string{"https://app.example:443"}, nil, false},
		{"listed in upper case", []string{"HTTPS://APP.EXAMPLE"}, nil, false},
		{"listed by another scheme", []string{"http://app.example"}, nil, false},
		{"listed with a space", []string{"https://app.example "}, nil, false},
		{"extension", []string{"chrome-extension://abc"}, nil, false},
		{"two, the first listed", []string{"https://app.example", "https://evil.example"}, nil, false},
		{"two, the second listed", []string{"https://evil.example", "https://app.example"}, nil, false},
		{"two in one", []string{"https://app.example https://evil.example"}, nil, false},
		{"the same twice", []string{"https://app.example", "https://app.example"}, nil, false},
		{"image", nil, []string{"cross-site"}, false},
		{"sibling", nil, []string{"same-site"}, false},
		{"empty site", nil, []string{""}, false},
		{"unknown site", nil, []string{"None"}, false},
		{"two sites", nil, []string{"none", "cross-site"}, false},
		{"two same sites", nil, []string{"none", "none"}, false},
		{"listed by same-origin only", []string{"https://evil.example"}, []string{"same-origin"}, false},
	}
	for _, tt := range tests {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS", "DELETE"} {
			t.Run(tt.name+"/"+method, func(t *testing.T) {
				v, want := get(), CodeOrigin
				v.Method = method
				if tt.in {
					want = ""
				}
				for _, origin := range tt.origin {
					v.Header.Add("origin", origin)
				}
				for _, site := range tt.site {
					v.Header.Add("sec-fetch-site", site)
				}
				check(t, g, v, want)
				if got := g.AllowedOrigin(v.Header); (got != "") != (tt.in && tt.origin != nil) {
					t.Errorf("got allowed origin %q; want one only if listed", got)
				}
			})
		}
	}
}

func TestBrowserInForwardMode(t *testing.T) {
	g := NewGate(GateConfig{Addrs: bothLoopbacks, ForwardEnabled: true})
	v := get()
	v.Target = "http://10.0.0.1/"
	v.Header.Set("Origin", "https://evil.example")
	check(t, g, v, CodeOrigin)
}

func TestToken(t *testing.T) {
	const token = "s3cret-token"
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name, field, value string
		in                 bool
	}{
		{"own field", "X-Millpond-Token", token, true},
		{"bearer", "Authorization", "Bearer " + token, true},
		{"bearer in lower case", "Authorization", "bearer  " + token, true},
		{"api key", "X-Api-Key", token, true},
		{"google's api key", "X-Goog-Api-Key", token, true},
		{"proxy password", "Proxy-Authorization", basic("millpond:" + token), true},
		{"proxy user", "Proxy-Authorization", basic(token + ":"), true},
		{"basic", "Authorization", basic("x:" + token), true},

		{"none", "", "", false},
		{"empty", "X-Millpond-Token", "", false},
		{"empty bearer", "Authorization", "Bearer ", false},
		{"empty basic", "Authorization", basic(":"), false},
		{"broken basic", "Authorization", "Basic !!!", false},
		{"no scheme", "Authorization", token, false},
		{"other scheme", "Authorization", "Token " + token, false},
		{"prefix", "X-Millpond-Token", token[:len(token)-1], false},
		{"longer", "X-Millpond-Token", token + "x", false},
		{"other case", "X-Millpond-Token", strings.ToUpper(token), false},
		{"bearer in the api key", "X-Api-Key", "Bearer " + token, false},
		{"other field", "X-Token", token, false},
		{"cookie", "Cookie", "token=" + token, false},
	}
	g := NewGate(GateConfig{Addrs: bothLoopbacks, Token: token, ForwardEnabled: true})
	open := NewGate(GateConfig{Addrs: bothLoopbacks})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, want := get(), CodeToken
			if tt.in {
				want = ""
			}
			if tt.field != "" {
				v.Header.Set(tt.field, tt.value)
			}
			check(t, g, v, want)
			check(t, open, v, "")
			v.Target = "http://10.0.0.1/"
			check(t, g, v, want)

			strip := g.TokenHeaders(v.Header)
			if got := slices.Contains(strip, tt.field); got != tt.in && tt.field != headerToken {
				t.Errorf("stripped %v; want %q in it: %v", strip, tt.field, tt.in)
			}
		})
	}
}

func TestTokenHeaders(t *testing.T) {
	g := NewGate(GateConfig{Addrs: bothLoopbacks, Token: "tok"})
	var h wire.Header
	h.Set("X-Millpond-Token", "tok")
	h.Set("Authorization", "Bearer the-client's-own")
	h.Add("x-api-key", "other")
	h.Add("X-Api-Key", "tok") // one of two is enough to hide both
	if got, want := g.TokenHeaders(h), []string{"X-Millpond-Token", "X-Api-Key"}; !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	open := NewGate(GateConfig{Addrs: bothLoopbacks})
	if got, want := open.TokenHeaders(h), []string{"X-Millpond-Token"}; !slices.Equal(got, want) {
		t.Errorf("without a token: got %v; want %v", got, want)
	}
}

func TestRefusalHeader(t *testing.T) {
	g := NewGate(GateConfig{Addrs: bothLoopbacks, Token: "tok", ForwardEnabled: true})
	tests := []struct {
		method, target, field string
		status                int
	}{
		{"GET", "/", "Www-Authenticate", 401},
		{"GET", "http://10.0.0.1/", "Proxy-Authenticate", 407},
		{"CONNECT", "a:1", "Allow", 405},
	}
	for _, tt := range tests {
		v := get()
		v.Method, v.Target = tt.method, tt.target
		r := g.Check(v)
		if r == nil || r.Status != tt.status {
			t.Errorf("%s %s: got %+v; want status %d", tt.method, tt.target, r, tt.status)
			continue
		}
		var h wire.Header
		r.SetHeader(&h)
		if h.Get(tt.field) == "" || h.Get("X-Millpond-Error") != r.Code {
			t.Errorf("%s %s: got %v; want %s and the code", tt.method, tt.target, h, tt.field)
		}
		if strings.Contains(r.Message, "tok\"") {
			t.Errorf("the message holds the token: %s", r.Message)
		}
	}
}

func FuzzSplitHost(f *testing.F) {
	for _, s := range []string{"localhost:7860", "[::1]:7860", "127.0.0.1", "[", "]:", "[::1%25lo]", ":", "a:b:c"} {
		f.Add(s)
	}
	g := NewGate(GateConfig{Addrs: bothLoopbacks})
	f.Fuzz(func(t *testing.T, host string) {
		name, port, ok := splitHost(host)
		if ok && (name == "" || strings.Trim(port, "0123456789") != "") {
			t.Errorf("%q: got %q, %q", host, name, port)
		}
		if !g.AllowsHost(host) {
			return
		}
		h := strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), ":7860"), ":")
		h = strings.TrimSuffix(h, ".")
		if h != "localhost" && h != "127.0.0.1" && !isLoopback6(h) {
			t.Errorf("%q got in", host)
		}
	})
}

// isLoopback6 reports whether h is ::1, or 127.0.0.1 inside IPv6, in any spelling.
func isLoopback6(h string) bool {
	ip := net.ParseIP(strings.Trim(h, "[]"))
	return strings.HasPrefix(h, "[") && ip != nil && ip.IsLoopback()
}

func BenchmarkGate(b *testing.B) {
	g := NewGate(GateConfig{Addrs: bothLoopbacks, Token: "tok"})
	v := get()
	v.Header.Set("X-Api-Key", "tok")
	b.ReportAllocs()
	for b.Loop() {
		if g.Check(v) != nil {
			b.Fatal("refused")
		}
	}
}

// A preflight cannot bear a token. That of a listed origin passes without one, and nothing else does.
func TestPreflightBearsNoToken(t *testing.T) {
	g := NewGate(GateConfig{Addrs: bothLoopbacks, Token: "tok", AllowedOrigins: []string{"https://app.example"}})
	for _, tt := range []struct {
		method, origin, asked string
		status                int // 0 passes
	}{
		{"OPTIONS", "https://app.example", "POST", 0},
		{"OPTIONS", "https://app.example", "", 401},
		{"POST", "https://app.example", "POST", 401},
		{"OPTIONS", "https://evil.example", "POST", 403},
		{"OPTIONS", "", "POST", 401},
	} {
		var h wire.Header
		for name, value := range map[string]string{"Origin": tt.origin, "Access-Control-Request-Method": tt.asked} {
			if value != "" {
				h.Set(name, value)
			}
		}
		got := 0
		if r := g.Check(View{Method: tt.method, Target: "/v1/messages", Host: "localhost", Header: h}); r != nil {
			got = r.Status
		}
		if got != tt.status {
			t.Errorf("%s from %q, asking for %q: got %d; want %d", tt.method, tt.origin, tt.asked, got, tt.status)
		}
	}
}
