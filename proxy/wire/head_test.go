package wire

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// refusal returns the SyntaxError in err and fails t if there is none.
func refusal(t *testing.T, err error) *SyntaxError {
	t.Helper()
	var e *SyntaxError
	if !errors.As(err, &e) {
		t.Fatalf("got %v; want a *SyntaxError", err)
	}
	return e
}

func TestParseRequest(t *testing.T) {
	in := "POST /v1/messages?beta=%zz&x=a|b HTTP/1.1\r\nHost: [::1]:8787\r\nX-Empty:\r\nx-space: \t a b \t \r\nX-Text: t\xe9xt\r\n\r\nbody"
	var r Request
	n, err := ParseRequest([]byte(in), &r)
	if err != nil || in[n:] != "body" {
		t.Fatalf("got %d, %v; want the head", n, err)
	}
	got := fmt.Sprintf("%s %s %d %q", r.Method, r.Target, r.Minor, r.Fields)
	want := `POST /v1/messages?beta=%zz&x=a|b 1 [{"Host" "[::1]:8787"} {"X-Empty" ""} {"x-space" "a b"} {"X-Text" "t\xe9xt"}]`
	if got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestParseRequestAccepts(t *testing.T) {
	for _, in := range []string{
		"GET / HTTP/1.0\r\n\r\n",                                    // RFC 9112, 3.2: Host is for HTTP/1.1
		"GET / HTTP/1.1\r\nHost:\r\n\r\n",                           // RFC 9112, 3.2: it may be empty
		"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",                     // RFC 9112, 2.2: an empty line before
		"M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n",                    // RFC 9110, 9.1: any token
		"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",                     // RFC 9112, 3.2.4
		"CONNECT a.b:443 HTTP/1.1\r\nHost: a.b:443\r\n\r\n",         // RFC 9112, 3.2.3
		"CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: a\r\n\r\n",     // RFC 3986, 3.2.2
		"GET http://a/b?c HTTP/1.1\r\nHost: b\r\n\r\n",              // RFC 9112, 3.2.2: the target wins
		"GET HtTpS://a:?c HTTP/1.1\r\nHost: b\r\n\r\n",              // RFC 9110, 4.2.3: any case; RFC 3986, 3.2.3: no port
		"GET //a//../b;c=d/@:!$'()*+,= HTTP/1.1\r\nHost: a\r\n\r\n", // not our business
		"GET /%e2%80%A6?%& HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a_b.c~d-e:0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\n!#$%&'*+-.^_`|~09azAZ: x\r\n\r\n", // RFC 9110, 5.6.2
		"GET / HTTP/1.1\r\nHost: a\r\nX::: :\r\n\r\n",
	} {
		if n, err := ParseRequest([]byte(in), new(Request)); n != len(in) || err != nil {
			t.Errorf("%q: got %d, %v; want %d", in, n, err, len(in))
		}
	}
}

// malformedRequests are heads that must be refused, and why.
var malformedRequests = []struct{ name, in, what string }{
	// RFC 9112, section 2.2 and 3
	{"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n", "bare LF"},
	{"bare LF after a field", beforeField + "X: 1\n\r\n", "bare LF"},
	{"bare LF at the end", beforeField + "\n", "bare LF"},
	{"bare CR first", "\rGET /" + afterTarget, "bare CR"},
	{"bare CR in the request line", "GET /\r" + afterTarget, "target has a byte that is not visible ASCII"},
	{"bare CR in a value", beforeField + "X: a\rb\r\n\r\n", "control byte in a field value"},
	{"CR CR LF", beforeField + "X: a\r\r\n\r\n", "control byte in a field value"},
	{"two empty lines first", "\r\n\r\nGET /" + afterTarget, "method is not a token"},
	{"space first", " GET /" + afterTarget, "method is not a token"},
	{"no target", "GET\r\n\r\n", "request line has no target"},
	{"no version", "GET /\r\n\r\n", "request line has no version"},
	{"empty target", "GET  HTTP/1.1\r\n\r\n", "empty target"},
	{"two spaces", "GET  / HTTP/1.1\r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1"},
	{"tab for a space", "GET\t/" + afterTarget, "method is not a token"},
	{"space at the end", "GET / HTTP/1.1 \r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1"},
	{"method not a token", "G(T /" + afterTarget, "method is not a token"},
	{"NUL in the method", "GE\x00T /" + afterTarget, "method is not a token"},
	// RFC 9112, section 2.3
	{"HTTP/0.9", "GET / HTTP/0.9\r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1"},
	{"HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1"},
	{"HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1"},
	{"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1"},
	{"lower case", "GET / http/1.1\r\nHost: a\r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1"},
	// RFC 9112, section 3.2, and RFC 3986
	{"NUL in the target", "GET /\x00" + afterTarget, "target has a byte that is not visible ASCII"},
	{"DEL in the target", "GET /\x7f" + afterTarget, "target has a byte that is not visible ASCII"},
	{"UTF-8 in the target", "GET /\xc3\xa9" + afterTarget, "target has a byte that is not visible ASCII"},
	{"fragment", "GET /a#b" + afterTarget, "target has a fragment"},
	{"broken escape", "GET /%4" + afterTarget, "target has a broken escape"},
	{"wrong escape", "GET /%4g" + afterTarget, "target has a broken escape"},
	{"relative target", "GET a/b" + afterTarget, "target is neither a path nor an http URL"},
	{"another scheme", "GET ftp://a/" + afterTarget, "target is neither a path nor an http URL"},
	{"asterisk for GET", "GET *" + afterTarget, "target * is for OPTIONS only"},
	{"asterisk and more", "OPTIONS */" + afterTarget, "target is neither a path nor an http URL"},
	{"no host in the URL", "GET http:///a" + afterTarget, "target has a malformed host"}, // RFC 9110, 4.2.1
	{"user name in the URL", "GET http://u:p@a/" + afterTarget, "target has a malformed host"},
	{"escape in the host", "GET http://a%2eb/" + afterTarget, "target has a malformed host"},
	{"unclosed address", "GET http://[::1/" + afterTarget, "target has a malformed host"},
	{"IPv4 in brackets", "GET http://[1.2.3.4]/" + afterTarget, "target has a malformed host"},
	{"zone", "GET http://[fe80::1%25eth0]/" + afterTarget, "target has a malformed host"},
	{"port too large", "GET http://a:65536/" + afterTarget, "target has a malformed host"},
	{"CONNECT without a port", "CONNECT a" + afterTarget, "target of CONNECT is not host:port"},
	{"CONNECT with a path", "CONNECT /a" + afterTarget, "target of CONNECT is not host:port"},
	{"CONNECT with an empty port", "CONNECT a:" + afterTarget, "target of CONNECT is not host:port"},
	// RFC 9112, section 3.2: Host
	{"no Host", "GET / HTTP/1.1\r\nX: a\r\n\r\n", "no Host"},
	{"two Hosts", beforeField + "host: a\r\n\r\n", "more than one Host"},
	{"two Hosts on HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "more than one Host"},
	{"list in Host", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", "malformed Host"},
	{"URL in Host", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", "malformed Host"},
	{"user name in Host", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "malformed Host"},
	{"port alone", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", "malformed Host"},
	{"port of letters", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", "malformed Host"},
	// RFC 9112, section 5, and RFC 9110, section 5
	{"no colon", beforeField + "X\r\n\r\n", "field without a colon"},
	{"no name", beforeField + ": x\r\n\r\n", "field without a name"},
	{"space before the colon", beforeField + "X : a\r\n\r\n", "white space before the colon"},
	{"tab before the colon", beforeField + "X\t: a\r\n\r\n", "white space before the colon"},
	{"space in the name", beforeField + "X Y: a\r\n\r\n", "white space before the colon"},
	{"name not a token", beforeField + "X(Y): a\r\n\r\n", "field name is not a token"},
	{"UTF-8 in the name", beforeField + "\xc3\xa9: a\r\n\r\n", "field name is not a token"},
	{"NUL in the name", beforeField + "X\x00: a\r\n\r\n", "field name is not a token"},
	{"NUL in a value", beforeField + "X: a\x00b\r\n\r\n", "control byte in a field value"},
	{"vertical tab before a value", beforeField + "X:\va\r\n\r\n", "control byte in a field value"},
	{"DEL in a value", beforeField + "X: \x7f\r\n\r\n", "control byte in a field value"},
	{"folded line", beforeField + "X: a\r\n b\r\n\r\n", "folded line"}, // RFC 9112, 5.2
	{"folded line with a tab", beforeField + "X: a\r\n\tb\r\n\r\n", "folded line"},
	{"folded request line", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "folded line"},
}

const (
	afterTarget = " HTTP/1.1\r\nHost: a\r\n\r\n"
	beforeField = "GET / HTTP/1.1\r\nHost: a\r\n"
)

func TestParseRequestRefuses(t *testing.T) {
	for _, tt := range malformedRequests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := ParseRequest([]byte(tt.in), new(Request))
			if e := refusal(t, err); n != 0 || e.What != tt.what || e.TooLarge {
				t.Errorf("got %d, %v; want %s", n, e, tt.what)
			}
		})
	}
}

func TestParseResponse(t *testing.T) {
	tests := []struct {
		in     string
		minor  int
		status int
		reason string
	}{
		{"HTTP/1.1 200 OK\r\n\r\n", 1, 200, "OK"},
		{"HTTP/1.0 404 Not Found\r\n\r\n", 0, 404, "Not Found"},
		{"HTTP/1.1 200 \r\n\r\n", 1, 200, ""}, // RFC 9112, 4: the reason may be empty
		{"HTTP/1.1 200\r\n\r\n", 1, 200, ""},  // and, as many send it, without its space
		{"HTTP/1.1 529 \xe2\x80\xa6 \t \r\n\r\n", 1, 529, "\xe2\x80\xa6 \t "},
		{"HTTP/1.1 999 x\r\nA: b\r\n\r\n", 1, 999, "x"},
	}
	for _, tt := range tests {
		var r Response
		n, err := ParseResponse([]byte(tt.in), &r)
		if n != len(tt.in) || err != nil || r.Minor != tt.minor || r.Status != tt.status || string(r.Reason) != tt.reason {
			t.Errorf("%q: got %d, %v, %+v; want %+v", tt.in, n, err, r, tt)
		}
	}
}

func TestParseResponseRefuses(t *testing.T) {
	tests := []struct {
		name, in, what string
		lenient        bool
	}{
		{"garbage", "garb", "not an HTTP/1 status line", false},
		{"HTTP/2", "HTTP/2 200\r\n\r\n", "not an HTTP/1 status line", false},
		{"ICY", "ICY 200 OK\r\n\r\n", "not an HTTP/1 status line", false},
		{"empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", "not an HTTP/1 status line", false},
		{"HTTP/1.2", "HTTP/1.2 200 OK\r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1", false},
		{"no version digit", "HTTP/1.\r\n\r\n", "version is not HTTP/1.0 or HTTP/1.1", false},
		{"no status", "HTTP/1.1\r\n\r\n", "status is not three digits", false},
		{"short status", "HTTP/1.1 20\r\n\r\n", "status is not three digits", false},
		{"long status", "HTTP/1.1 2000\r\n\r\n", "status is not three digits", false},
		{"signed status", "HTTP/1.1 +20 OK\r\n\r\n", "status is not three digits", false},
		{"two spaces", "HTTP/1.1  200 OK\r\n\r\n", "status is not three digits", false},
		{"status 099", "HTTP/1.1 099 x\r\n\r\n", "status is under 100", false},
		{"NUL in the reason", "HTTP/1.1 200 \x00\r\n\r\n", "control byte in the reason", false},
		{"bare CR in the reason", "HTTP/1.1 200 O\rK\r\n\r\n", "control byte in the reason", false},
		{"space before the colon", "HTTP/1.1 200 OK\r\nX : a\r\n\r\n", "white space before the colon", false},
		{"no colon", "HTTP/1.1 200 OK\r\nX\r\n\r\n", "field without a colon", false},
		{"space behind the status line", "HTTP/1.1 200 OK\r\n X: a\r\n\r\n", "folded line", false}, // RFC 9112, 2.2
		{"bare LF", "HTTP/1.1 200 OK\n\n", "bare LF", true},                                        // RFC 9112, 2.2
		{"bare LF in a field", "HTTP/1.1 200 OK\r\nX: a\n\r\n", "bare LF", true},
		{"folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", "folded line", true}, // RFC 9112, 5.2
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n, err := ParseResponse([]byte(tt.in), new(Response))
			if e := refusal(t, err); n != 0 || e.What != tt.what || e.Lenient != tt.lenient {
				t.Errorf("got %d, %+v; want %s, lenient %v", n, e, tt.what, tt.lenient)
			}
		})
	}
}

func TestParseResponseLenient(t *testing.T) {
	tests := []struct{ name, in, fields string }{
		{"bare LF", "HTTP/1.1 200 OK\nX: a\nY: b\n\n", `[{"X" "a"} {"Y" "b"}]`},
		{"mixed ends", "HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\n", `[{"X" "a"} {"Y" "b"}]`},
		{"folded", "HTTP/1.1 200 OK\r\nX: a \r\n \t b\r\n\tc\r\nY: d\r\n\r\n", `[{"X" "a b c"} {"Y" "d"}]`},
		{"folded from the start", "HTTP/1.1 200 OK\r\nX:\r\n a\r\n\r\n", `[{"X" "a"}]`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var r Response
			n, err := ParseResponseLenient([]byte(tt.in+"body"), &r)
			if got := fmt.Sprintf("%q", r.Fields); n != len(tt.in) || err != nil || got != tt.fields {
				t.Errorf("got %d, %v, %s; want %d, %s", n, err, got, len(tt.in), tt.fields)
			}
			for i := range tt.in {
				if _, err := ParseResponseLenient([]byte(tt.in[:i]), &r); err != ErrShort {
					t.Errorf("got %v for %q; want ErrShort", err, tt.in[:i])
				}
			}
		})
	}
	for _, in := range []string{
		"HTTP/1.1 200 OK\n X: a\n\n",            // RFC 9112, 2.2
		"HTTP/1.1 200 OK\nX: a\n \n\n",          // net/http keeps a space there, that changes chunked
		"HTTP/1.1 200 OK\nX: a\r\r\n\n",         // bare CR
		"HTTP/1.1 200 OK\nX: a\r\t\n b\n\n",     // bare CR before a fold
		"HTTP/1.1 200 OK\nX: \x00\n\n",          // NUL
		"HTTP/1.1 200 OK\nX : a\n\n",            // RFC 9112, 5.1
		"HTTP/1.1 200 OK\nX\n : a\n\n",          // the name itself is folded
		"HTTP/1.1 200 OK\nX: a\n\tb\n:c\n\n",    // no name
		strings.Repeat("HTTP/1.1 200 OK", 5000), // over MaxHead
	} {
		_, err := ParseResponseLenient([]byte(in), new(Response))
		if e := refusal(t, err); e.Lenient {
			t.Errorf("%.40q: got %+v; want a final refusal", in, e)
		}
	}
}

func TestHeadLimits(t *testing.T) {
	const first, last = "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n"
	sized := func(n int) string {
		return first + "X: " + strings.Repeat("x", n-len(first)-len("X: \r\n")-len(last)) + "\r\n" + last
	}
	counted := func(n int) string { return first + strings.Repeat("X:\r\n", n-1) + last }
	tests := []struct {
		name, in string
		ok       bool
	}{
		{"largest", sized(MaxHead), true},
		{"too large", sized(MaxHead + 1), false},
		{"too large and more", sized(MaxHead+1) + first, false},
		{"no end", strings.Repeat("x", MaxHead), false},
		{"most fields", counted(MaxFields), true},
		{"too many fields", counted(MaxFields + 1), false},
	}
	for _, tt := range tests {
		n, err := ParseRequest([]byte(tt.in), new(Request))
		if tt.ok && (n != len(tt.in) || err != nil) {
			t.Errorf("%s: got %d, %v; want %d", tt.name, n, err, len(tt.in))
		}
		if !tt.ok && !refusal(t, err).TooLarge {
			t.Errorf("%s: got %v; want it too large", tt.name, err)
		}
	}
}

// A head is short until its last byte is there, and HeadReady says when.
func TestHeadInBytes(t *testing.T) {
	for _, in := range []string{
		"POST /v1 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
		"\r\nPOST /v1 HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
	} {
		var r Request
		from, parses := 0, 0
		for i := range len(in) + 1 {
			n, err := ParseRequest([]byte(in[:i]), &r)
			if i < len(in) && err != ErrShort || i == len(in) && (err != nil || n != i) {
				t.Fatalf("%q: got %d, %v", in[:i], n, err)
			}
			var ready bool
			if from, ready = HeadReady([]byte(in[:i]), from); ready {
				parses++
			} else if i == len(in) {
				t.Errorf("HeadReady does not see the end of %q", in)
			}
		}
		if parses > versionLen+1 {
			t.Errorf("got %d times ready for %q; want the end and the first bytes only", parses, in)
		}
	}
}

// The text says where and what, and holds nothing that a peer sent.
func TestSyntaxError(t *testing.T) {
	_, err := ParseRequest([]byte("GET / HTTP/1.1\r\nsecret\r\n\r\n"), new(Request))
	if got, want := err.Error(), "malformed http message at byte 16: field without a colon"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}
