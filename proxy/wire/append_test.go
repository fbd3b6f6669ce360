package wire

import (
	"net/http"
	"testing"
)

func TestAppendRequestHead(t *testing.T) {
	keep := Framing{KeepAlive: true}
	tests := []struct {
		name, method string
		h            http.Header
		body         Framing
		extra        []Extra
		want         string // after the first line and Host
	}{
		{"nothing", "GET", nil, keep, nil, ""},
		{"by name", "GET", http.Header{"B": {"2", "3"}, "A": {"1"}}, keep, nil, "A: 1\r\nB: 2\r\nB: 3\r\n"},
		{"close", "GET", nil, Framing{}, nil, "Connection: close\r\n"},
		{"length", "POST", http.Header{"Content-Length": {"9"}}, Framing{BodyLength, 3, true}, nil, "Content-Length: 3\r\n"},
		{"chunked", "POST", http.Header{"Trailer": {"X"}, "Content-Length": {"9"}}, Framing{BodyChunked, 0, true}, nil,
			"Trailer: X\r\nTransfer-Encoding: chunked\r\n"},
		{"no body of POST", "POST", nil, keep, nil, "Content-Length: 0\r\n"}, // RFC 9110, 8.6
		{"hop-by-hop", "GET", http.Header{"Keep-Alive": {"x"}, "Proxy-Connection": {"x"}, "Proxy-Authorization": {"x"},
			"Proxy-Authenticate": {"x"}, "Te": {"gzip"}, "Trailer": {"x"}, "Transfer-Encoding": {"x"}, "Upgrade": {"x"},
			"Http2-Settings": {"x"}, "Host": {"x"}, "Content-Length": {"x"}, "Y": {"y"}}, keep, nil, "Y: y\r\n"}, // RFC 9110, 7.6.1
		{"named by Connection", "GET", http.Header{"Connection": {"close, x-a", "X-B"}, "X-A": {"1"}, "X-B": {"2"}, "X-C": {"3"}}, keep, nil, "X-C: 3\r\n"},
		{"TE", "GET", http.Header{"Te": {"gzip, Trailers"}}, keep, nil, "TE: trailers\r\nConnection: TE\r\n"}, // RFC 9110, 10.1.4
		{"TE and close", "GET", http.Header{"Te": {"trailers"}}, Framing{}, nil, "TE: trailers\r\nConnection: close, TE\r\n"},
		{"upgrade", "GET", http.Header{"Connection": {"upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Key": {"k"}}, Framing{Kind: BodyTunnel}, nil,
			"Sec-Websocket-Key: k\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"}, // RFC 9110, 7.8
		{"CONNECT", "CONNECT", http.Header{"Upgrade": {"x"}}, Framing{Kind: BodyTunnel}, nil, ""},
		{"extra", "GET", http.Header{"X-Api-Key": {"client's"}, "Z": {"z"}}, keep, []Extra{{"x-api-key", "ours"}, {"Proxy-Authorization", "p"}},
			"Z: z\r\nx-api-key: ours\r\nProxy-Authorization: p\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendRequestHead([]byte("before"), tt.method, "/a?b", "h:1", HeaderOf(tt.h), tt.body, tt.extra...)
			want := "before" + tt.method + " /a?b HTTP/1.1\r\nHost: h:1\r\n" + tt.want + "\r\n"
			if string(got) != want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
}

// Fields that are passed on keep their order and are as they were written.
func TestAppendKeepsLines(t *testing.T) {
	h := Header{{"b", "2"}, {"Connection", "x-A, close"}, {"A", "1"}, {"X-a", "3"}, {"B", "5"}, {"b", ""}}
	got, err := AppendRequestHead(nil, "GET", "/", "h", h, Framing{KeepAlive: true})
	if want := "GET / HTTP/1.1\r\nHost: h\r\nb: 2\r\nA: 1\r\nB: 5\r\nb: \r\n\r\n"; string(got) != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
}

func TestAppendResponseHead(t *testing.T) {
	keep := Framing{KeepAlive: true}
	sized := http.Header{"Content-Length": {"9"}}
	tests := []struct {
		name   string
		status int
		reason string
		h      http.Header
		body   Framing
		want   string
	}{
		{"length", 200, "", sized, Framing{BodyLength, 3, true}, "200 OK\r\nContent-Length: 3\r\n"},
		{"chunked", 200, "Fine", sized, Framing{BodyChunked, 0, true}, "200 Fine\r\nTransfer-Encoding: chunked\r\n"},
		{"until close", 200, "", sized, Framing{BodyUntilClose, 0, true}, "200 OK\r\nConnection: close\r\n"},
		{"unknown status", 529, "", nil, Framing{BodyLength, 0, false}, "529 \r\nContent-Length: 0\r\nConnection: close\r\n"},
		{"length of HEAD and 304", 304, "", sized, keep, "304 Not Modified\r\nContent-Length: 9\r\n"}, // RFC 9110, 8.6
		{"no length on 204", 204, "", sized, keep, "204 No Content\r\n"},
		{"interim", 103, "", http.Header{"Link": {"l"}, "Content-Length": {"9"}}, Framing{}, "103 Early Hints\r\nLink: l\r\n"},
		{"101", 101, "", http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}, Framing{Kind: BodyTunnel},
			"101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"},
		{"tunnel of CONNECT", 200, "", sized, Framing{Kind: BodyTunnel}, "200 OK\r\n"}, // RFC 9110, 9.3.6
		{"hop-by-hop", 200, "", http.Header{"Keep-Alive": {"x"}, "Proxy-Authenticate": {"x"}, "Upgrade": {"x"}, "Connection": {"a"}, "A": {"b"}}, Framing{BodyLength, 0, true},
			"200 OK\r\nContent-Length: 0\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := AppendResponseHead(nil, tt.status, tt.reason, HeaderOf(tt.h), tt.body)
			if want := "HTTP/1.1 " + tt.want + "\r\n"; string(got) != want || err != nil {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
}

// Nothing that is given can put a line of its own into a head (RFC 9112,
// section 11.1).
func TestAppendRefuses(t *testing.T) {
	for _, bad := range []string{"a\r\nX: y", "a\n", "a\r", "a\x00", "\x7f"} {
		for name, write := range map[string]func(dst []byte) ([]byte, error){
			"method": func(dst []byte) ([]byte, error) { return AppendRequestHead(dst, bad, "/", "h", nil, Framing{}) },
			"target": func(dst []byte) ([]byte, error) { return AppendRequestHead(dst, "GET", bad, "h", nil, Framing{}) },
			"host":   func(dst []byte) ([]byte, error) { return AppendRequestHead(dst, "GET", "/", bad, nil, Framing{}) },
			"name": func(dst []byte) ([]byte, error) {
				return AppendRequestHead(dst, "GET", "/", "h", HeaderOf(http.Header{"A": {"1"}, bad: {"x"}}), Framing{})
			},
			"value": func(dst []byte) ([]byte, error) {
				return AppendRequestHead(dst, "GET", "/", "h", HeaderOf(http.Header{"A": {"1", bad}}), Framing{})
			},
			"extra name": func(dst []byte) ([]byte, error) {
				return AppendRequestHead(dst, "GET", "/", "h", nil, Framing{}, Extra{bad, "x"})
			},
			"extra value": func(dst []byte) ([]byte, error) {
				return AppendResponseHead(dst, 200, "", nil, Framing{}, Extra{"X", bad})
			},
			"reason": func(dst []byte) ([]byte, error) { return AppendResponseHead(dst, 200, bad, nil, Framing{}) },
			"response value": func(dst []byte) ([]byte, error) {
				return AppendResponseHead(dst, 200, "", HeaderOf(http.Header{"A": {bad}}), Framing{})
			},
		} {
			if got, err := write([]byte("kept")); string(got) != "kept" || err != ErrUnwritable {
				t.Errorf("%s %q: got %q, %v; want kept and ErrUnwritable", name, bad, got, err)
			}
		}
	}
	for _, tt := range []struct{ method, target, host string }{
		{"", "/", "h"}, {"G T", "/", "h"}, {"GET", "", "h"}, {"GET", "/a b", "h"}, {"GET", "/\xc3\xa9", "h"}, {"GET", "/", "a b"},
	} {
		if got, err := AppendRequestHead(nil, tt.method, tt.target, tt.host, nil, Framing{}); len(got) != 0 || err != ErrUnwritable {
			t.Errorf("%q: got %q, %v; want ErrUnwritable", tt, got, err)
		}
	}
	for _, status := range []int{-1, 0, 99, 1000} {
		if got, err := AppendResponseHead(nil, status, "", nil, Framing{}); len(got) != 0 || err != ErrUnwritable {
			t.Errorf("%d: got %q, %v; want ErrUnwritable", status, got, err)
		}
	}
}
