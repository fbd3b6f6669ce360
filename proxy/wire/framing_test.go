package wire

import (
	"strings"
	"testing"
)

// parsedRequest parses a request of these field lines, which may lack CRLF.
func parsedRequest(t *testing.T, first string, lines ...string) *Request {
	t.Helper()
	var r Request
	in := first + "\r\nHost: a:1\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
	if n, err := ParseRequest([]byte(in), &r); n != len(in) || err != nil {
		t.Fatalf("%q: got %d, %v; want all of it", in, n, err)
	}
	return &r
}

func parsedResponse(t *testing.T, first string, lines ...string) *Response {
	t.Helper()
	var r Response
	in := first + "\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
	if n, err := ParseResponse([]byte(in), &r); n != len(in) || err != nil {
		t.Fatalf("%q: got %d, %v; want all of it", in, n, err)
	}
	return &r
}

func TestRequestFraming(t *testing.T) {
	const post, old = "POST / HTTP/1.1", "POST / HTTP/1.0"
	lines := func(l ...string) []string { return l }
	tests := []struct {
		name, first string
		lines       []string
		want        Framing
	}{
		{"neither", post, nil, Framing{BodyNone, 0, true}},                                    // RFC 9112, 6.3, 7
		{"length", post, lines("content-length: 12"), Framing{BodyLength, 12, true}},          // 6.3, 6
		{"length zero", post, lines("Content-Length: 0"), Framing{BodyLength, 0, true}},       //
		{"leading zeros", post, lines("Content-Length: 0012"), Framing{BodyLength, 12, true}}, // RFC 9110, 8.6: 1*DIGIT
		{"largest", post, lines("Content-Length: 9223372036854775807"), Framing{BodyLength, 1<<63 - 1, true}},
		{"chunked", post, lines("Transfer-Encoding: chunked"), Framing{BodyChunked, 0, true}},             // 6.3, 4
		{"chunked in any case", post, lines("transfer-encoding: CHUNKED"), Framing{BodyChunked, 0, true}}, // RFC 9112, 7
		{"chunked and Trailer", post, lines("Transfer-Encoding: chunked", "Trailer: X-Sum"), Framing{BodyChunked, 0, true}},
		{"close", post, lines("Connection: x , Close"), Framing{}}, // 9.3
		{"close in a second field", post, lines("Connection: x", "Connection: close"), Framing{}},
		{"close and keep-alive", post, lines("Connection: keep-alive, close"), Framing{}},
		{"not close", post, lines("Connection: closed, enclose", "X: close"), Framing{BodyNone, 0, true}},
		{"HTTP/1.0", old, nil, Framing{}},
		{"HTTP/1.0 keep-alive", old, lines("Connection: Keep-Alive"), Framing{BodyNone, 0, true}},
		{"HTTP/1.0 length", old, lines("Content-Length: 3"), Framing{BodyLength, 3, false}},
		{"CONNECT", "CONNECT a:1 HTTP/1.1", lines("Content-Length: 0"), Framing{BodyLength, 0, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parsedRequest(t, tt.first, tt.lines...).Framing(); got != tt.want || err != nil {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

// malformedFraming is refused in requests and responses alike.
var malformedFraming = []struct{ name, lines string }{
	// RFC 9112, section 6.3, 5, and RFC 9110, section 8.6
	{"two lengths", "Content-Length: 3\r\nContent-Length: 4"},
	{"two equal lengths", "Content-Length: 3\r\ncontent-length: 3"},
	{"list of lengths", "Content-Length: 3, 3"},
	{"empty length", "Content-Length:"},
	{"signed length", "Content-Length: +3"},
	{"negative length", "Content-Length: -3"},
	{"spaced length", "Content-Length: 3 3"},
	{"hexadecimal length", "Content-Length: 0x3"},
	{"fraction", "Content-Length: 3.0"},
	{"underscore", "Content-Length: 1_0"},
	{"quoted length", "Content-Length: \"3\""},
	{"length over 63 bits", "Content-Length: 9223372036854775808"},
	{"length over 64 bits", "Content-Length: 18446744073709551619"},
	// RFC 9112, section 6.1 and 6.3, 4
	{"unknown coding", "Transfer-Encoding: gzip"},
	{"chunked not alone", "Transfer-Encoding: gzip, chunked"},
	{"chunked not last", "Transfer-Encoding: chunked, gzip"},
	{"chunked twice", "Transfer-Encoding: chunked, chunked"},
	{"two codings", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"},
	{"identity", "Transfer-Encoding: identity"},
	{"empty coding", "Transfer-Encoding:"},
	{"coding with a parameter", "Transfer-Encoding: chunked;q=1"},
	{"coding in quotes", "Transfer-Encoding: \"chunked\""},
	{"coding nearly chunked", "Transfer-Encoding: xchunked"},
	{"coding ends in a comma", "Transfer-Encoding: chunked,"},
	{"length announced in Trailer", "Transfer-Encoding: chunked\r\nTrailer: x, Content-Length"}, // RFC 9110, 6.5.1
}

func TestFramingRefuses(t *testing.T) {
	for _, tt := range malformedFraming {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parsedRequest(t, "POST / HTTP/1.1", tt.lines).Framing()
			refusal(t, err)
			for _, method := range []string{"GET", "HEAD"} {
				for _, status := range []string{"HTTP/1.1 200 OK", "HTTP/1.1 304 x", "HTTP/1.1 103 x"} {
					_, err := parsedResponse(t, status, tt.lines).Framing(method)
					refusal(t, err)
				}
			}
		})
	}
	for name, r := range map[string]*Request{
		"length and coding":   parsedRequest(t, "POST / HTTP/1.1", "Content-Length: 3", "Transfer-Encoding: chunked"), // RFC 9112, 6.1
		"coding on HTTP/1.0":  parsedRequest(t, "POST / HTTP/1.0", "Transfer-Encoding: chunked"),                      // RFC 9112, 6.1
		"CONNECT with a body": parsedRequest(t, "CONNECT a:1 HTTP/1.1", "Content-Length: 3"),                          // RFC 9110, 9.3.6
		"CONNECT with chunks": parsedRequest(t, "CONNECT a:1 HTTP/1.1", "Transfer-Encoding: chunked"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Framing()
			refusal(t, err)
		})
	}
	_, err := parsedResponse(t, "HTTP/1.0 200 OK", "Transfer-Encoding: chunked").Framing("GET")
	refusal(t, err)
}

func TestResponseFraming(t *testing.T) {
	const ok, old = "HTTP/1.1 200 OK", "HTTP/1.0 200 OK"
	const sized, coded = "Content-Length: 5", "Transfer-Encoding: chunked"
	lines := func(l ...string) []string { return l }
	tests := []struct {
		name, method, first string
		lines               []string
		want                Framing
	}{
		// RFC 9112, section 6.3, by its numbers
		{"HEAD", "HEAD", ok, lines(sized), Framing{BodyNone, 0, true}}, // 1
		{"HEAD chunked", "HEAD", ok, lines(coded), Framing{BodyNone, 0, true}},
		{"100", "POST", "HTTP/1.1 100 Continue", lines(sized), Framing{BodyNone, 0, true}},
		{"204", "GET", "HTTP/1.1 204 x", lines(sized), Framing{BodyNone, 0, true}},
		{"304", "GET", "HTTP/1.1 304 x", lines(sized), Framing{BodyNone, 0, true}},
		{"304 close", "GET", "HTTP/1.1 304 x", lines("Connection: close"), Framing{}},
		{"205 has a body", "GET", "HTTP/1.1 205 x", lines(sized), Framing{BodyLength, 5, true}},
		{"CONNECT 200", "CONNECT", ok, lines(sized, coded, sized), Framing{Kind: BodyTunnel}}, // 2
		{"CONNECT 407", "CONNECT", "HTTP/1.1 407 x", lines(sized), Framing{BodyLength, 5, true}},
		{"101", "GET", "HTTP/1.1 101 x", lines(sized), Framing{Kind: BodyTunnel}}, // RFC 9110, 15.2.2
		{"both", "GET", ok, lines(sized, coded), Framing{BodyChunked, 0, false}},  // 3
		{"both, other order", "GET", ok, lines(coded, sized), Framing{BodyChunked, 0, false}},
		{"chunked", "GET", ok, lines(coded), Framing{BodyChunked, 0, true}}, // 4
		{"chunked and close", "GET", ok, lines(coded, "Connection: close"), Framing{BodyChunked, 0, false}},
		{"length", "GET", ok, lines(sized), Framing{BodyLength, 5, true}}, // 6
		{"length and close", "GET", ok, lines(sized, "Connection: close"), Framing{BodyLength, 5, false}},
		{"neither", "GET", ok, lines("Connection: keep-alive"), Framing{Kind: BodyUntilClose}}, // 8
		{"HTTP/1.0", "GET", old, lines(sized), Framing{BodyLength, 5, false}},                  // 9.3
		{"HTTP/1.0 keep-alive", "GET", old, lines(sized, "Connection: keep-alive"), Framing{BodyLength, 5, true}},
		{"HTTP/1.0 neither", "GET", old, lines("Connection: keep-alive"), Framing{Kind: BodyUntilClose}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := parsedResponse(t, tt.first, tt.lines...).Framing(tt.method); got != tt.want || err != nil {
				t.Errorf("got %+v, %v; want %+v", got, err, tt.want)
			}
		})
	}
}

// RFC 9110, section 7.8 and 9.3.6.
func TestWantsTunnel(t *testing.T) {
	const get = "GET / HTTP/1.1"
	tests := []struct {
		first string
		lines string
		want  bool
	}{
		{get, "X: y", false},
		{get, "Connection: Upgrade\r\nUpgrade: websocket", true},
		{get, "connection: keep-alive, upgrade\r\nupgrade: h2c, x/2", true},
		{get, "Connection: Upgrade\r\nUpgrade: h2c", false}, // withdrawn by RFC 9113
		{get, "Connection: Upgrade\r\nUpgrade: ,", false},
		{get, "Connection: Upgrade", false},
		{get, "Upgrade: websocket", false},
		{"GET / HTTP/1.0", "Connection: Upgrade\r\nUpgrade: websocket", false}, // must be ignored
		{"CONNECT a:1 HTTP/1.1", "X: y", true},
	}
	for _, tt := range tests {
		if got := parsedRequest(t, tt.first, tt.lines).WantsTunnel(); got != tt.want {
			t.Errorf("%s, %q: got %v; want %v", tt.first, tt.lines, got, tt.want)
		}
	}
}
