package proxy

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestRedact(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"nothing to hide", "connect to 127.0.0.1:7860: connection refused", "connect to 127.0.0.1:7860: connection refused"},
		{"empty", "", ""},
		{"plain URL", "dial https://api.anthropic.com/v1/messages: timeout", "dial https://api.anthropic.com/v1/messages: timeout"},
		{"user and password", "proxy http://bob:hunter2@proxy.corp:3128 refused", "proxy http://proxy.corp:3128 refused"},
		{"user alone", "socks5://bob@10.0.0.1:1080", "socks5://10.0.0.1:1080"},
		{"password with at signs", "http://bob:h@nter@2@proxy:3128/x", "http://proxy:3128/x"},
		{"password with a slash", "http://bob:hun/ter2@proxy:3128/x", "http://proxy:3128/x"},
		{"IPv6", "http://bob:pw@[::1]:7860/x", "http://[::1]:7860/x"},
		{"IPv6 without user", "http://[fe80::1]:7860/@scope/x", "http://[fe80::1]:7860/@scope/x"},
		{"at sign in a path", "https://registry.example/@scope/pkg", "https://registry.example/@scope/pkg"},
		{"query", "GET https://g.example/v1beta/models?key=AIzaSyA1234567890 HTTP/1.1", "GET https://g.example/v1beta/models?[hidden] HTTP/1.1"},
		{"fragment", "https://a.example/x#token", "https://a.example/x?[hidden]"},
		{"several", "http://a:b@c/d?e=f and http://g:h@i/j", "http://c/d?[hidden] and http://i/j"},
		{"origin form", "path /v1/models?key=abc was refused", "path /v1/models?[hidden] was refused"},
		{"bearer", "sent Authorization Bearer sk-ant-api03-abc", "sent Authorization Bearer [hidden]"},
		{"header", "x-api-key: abcdef", "x-api-key: [hidden]"},
		{"proxy header", "Proxy-Authorization: Basic Ym9iOmh1bnRlcjI=", "Proxy-Authorization: [hidden] [hidden]"},
		{"JSON", `{"api_key":"abc","x":1}`, `{"api_key":"[hidden]","x":1}`},
		{"bare key", "the key sk-ant-api03-abcdefgh is wrong", "the key [hidden] is wrong"},
		{"key alone", "sk-ant-api03-abcdefgh", "[hidden]"},
		{"a question", "is it running? start it", "is it running? start it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Redact(tt.in)
			if got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
			if again := Redact(got); again != got {
				t.Errorf("redacted twice: got %q; want %q", again, got)
			}
		})
	}
}

func TestRedactErrorOfTheStandardLibrary(t *testing.T) {
	err := &url.Error{Op: "Get", URL: "https://bob:hunter2@g.example/v1/models?key=topsecret", Err: errors.New("EOF")}
	got := Redact(err.Error())
	if want := `Get "https://g.example/v1/models?[hidden]": EOF`; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestRedactForeign(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"what a peer sent", `Unsolicited response received on idle HTTP channel starting with "HTTP/1.1 408 \"secret\" prompt"; err=<nil>`,
			`Unsolicited response received on idle HTTP channel starting with "[hidden]"; err=<nil>`},
		{"cut in the middle", `starting with "abc`, `starting with "[hidden]"`},
		{"backquotes", "got `secret`", `got "[hidden]"`},
		{"none", "http: TLS handshake error from 127.0.0.1:5: EOF", "http: TLS handshake error from 127.0.0.1:5: EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := redactForeign(tt.in); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("http://bob:hunter2@proxy:3128/x?key=1", "hunter2")
	f.Fuzz(func(t *testing.T, before, path string) {
		const secret = "s3cr3tPassw0rd"
		text := before + " http://bob:" + secret + "@proxy.example:3128/" + strings.ReplaceAll(path, "@", "") + "?key=" + secret
		if strings.ContainsAny(before, `"'<>`) || strings.ContainsAny(path, "\"'<> \t\r\n\v\f") {
			return // a quote or space ends a URL
		}
		if got := Redact(text); strings.Contains(got, secret) {
			t.Errorf("Redact(%q): got %q; want no %q", text, got, secret)
		}
	})
}

func BenchmarkRedactNothing(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Redact("/v1/messages")
	}
}
