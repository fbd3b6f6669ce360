package fast

import (
	"strings"
	"testing"

	"millpond/proxy/wire"
)

func TestJudgeHead(t *testing.T) {
	const host = "Host: localhost\r\n"
	tests := map[string]struct {
		head string
		want reason
	}{
		"get":               {"GET /v1/models?x=%zz HTTP/1.1\r\n" + host, common},
		"post":              {"POST /v1/messages HTTP/1.1\r\n" + host + "Content-Length: 5\r\n", common},
		"post of nothing":   {"POST / HTTP/1.1\r\n" + host + "content-length: 0\r\n", common},
		"get with content":  {"GET / HTTP/1.1\r\n" + host + "Content-Length: 5\r\n", common},
		"any method":        {"PURGE / HTTP/1.1\r\n" + host, common},
		"last one":          {"GET / HTTP/1.1\r\n" + host + "Connection: close\r\n", common},
		"names alike":       {"GET / HTTP/1.1\r\n" + host + "Xe: 1\r\nVie: 1\r\nOrigon: 1\r\nUpgrada: 1\r\nContent-Langth: 1\r\nTransfer-Encodinx: 1\r\n", common},
		"largest body":      {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 8388608\r\n", common},
		"larger body":       {"PUT / HTTP/1.1\r\n" + host + "Content-Length: 8388609\r\n", bodyLarge},
		"old":               {"GET / HTTP/1.0\r\n" + host, version},
		"forward":           {"GET http://localhost/ HTTP/1.1\r\n" + host, target},
		"connect":           {"CONNECT localhost:443 HTTP/1.1\r\n" + host, target},
		"server":            {"OPTIONS * HTTP/1.1\r\n" + host, target},
		"statistics":        {"GET /__millpond__/stats HTTP/1.1\r\n" + host, ownAddress},
		"seed's statistics": {"GET /__qcc__/stats HTTP/1.1\r\n" + host, ownAddress},
		"post, no length":   {"POST / HTTP/1.1\r\n" + host, lengthMissing},
		"patch, no length":  {"PATCH / HTTP/1.1\r\n" + host, lengthMissing},
		"chunks":            {"POST / HTTP/1.1\r\n" + host + "TRANSFER-ENCODING: chunked\r\n", transferEncoding},
		"both":              {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", transferEncoding},
		"two lengths":       {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nContent-Length: 1\r\n", malformed},
		"length in words":   {"POST / HTTP/1.1\r\n" + host + "Content-Length: one\r\n", malformed},
		"websocket":         {"GET / HTTP/1.1\r\n" + host + "Connection: upgrade\r\nUpgrade: websocket\r\n", upgrade},
		"asks first":        {"POST / HTTP/1.1\r\n" + host + "Content-Length: 1\r\nExpect: 100-continue\r\n", expect},
		"takes trailers":    {"GET / HTTP/1.1\r\n" + host + "te: trailers\r\n", te},
		"by a proxy":        {"GET / HTTP/1.1\r\n" + host + "Via: 1.1 other\r\n", via},
		"web page":          {"GET / HTTP/1.1\r\n" + host + "Origin: null\r\n", origin},
		"pragma":            {"GET / HTTP/1.1\r\n" + host + "Pragma: no-cache\r\n", pragma},
	}
	for name, tt := range tests {
		var r wire.Request
		if _, err := wire.ParseRequest([]byte(tt.head+"\r\n"), &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, got := judgeHead(&r); got != tt.want {
			t.Errorf("%s: got %q; want %q", name, got, tt.want)
		}
	}
}

// Every reason has a name of its own.
func TestReasonNames(t *testing.T) {
	seen := map[string]bool{}
	for r := common + 1; r < reasons; r++ {
		name := r.String()
		if name == "" || name != strings.ToLower(name) || seen[name] {
			t.Errorf("reason %d: got the name %q; want one of its own", r, name)
		}
		seen[name] = true
	}
}
