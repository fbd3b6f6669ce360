package wire

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestChunked(t *testing.T) {
	tests := []struct{ name, in, body, trailer string }{
		{"empty", "0\r\n\r\n", "", "[]"},
		{"two", "3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n", "abcd", "[]"},
		{"line ends in the data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n", "[]"},
		{"either case", "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", "[]"},
		{"leading zeros", "0000000000000001\r\na\r\n0000\r\n\r\n", "a", "[]"},
		{"extensions", "1;a=b;c=\"d;e\"\r\na\r\n0; x\r\n\r\n", "a", "[]"}, // RFC 9112, 7.1.1
		{"trailer", "1\r\na\r\n0\r\nX-Sum: 1 \r\nx:\r\n\r\n", "a", `[{"X-Sum" "1"} {"x" ""}]`},
		{"fields that are dropped", "0\r\nHost: a\r\nContent-Length: 3\r\nX: 1\r\nAuthorization: b\r\nIf-Match: c\r\nSet-Cookie: d\r\nConnection: e\r\n\r\n", "", `[{"X" "1"}]`}, // RFC 9110, 6.5.1
	}
	var c Chunked
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c.Reset()
			body, n, err := decodeAll(&c, []byte(tt.in+"GET /"))
			if trailer := fmt.Sprintf("%q", c.Trailer()); err != io.EOF || n != len(tt.in) || string(body) != tt.body || trailer != tt.trailer {
				t.Errorf("got %q, %s, %d, %v; want %q, %s, %d, EOF", body, trailer, n, err, tt.body, tt.trailer, len(tt.in))
			}
			if n, data, err := c.Decode([]byte("more")); n != 0 || data != nil || err != io.EOF {
				t.Errorf("got %d, %q, %v after the end; want nothing and EOF", n, data, err)
			}
		})
	}
}

func TestChunkedRefuses(t *testing.T) {
	long := strings.Repeat("x", maxExtension)
	tests := []struct{ name, in, body string }{
		// RFC 9112, section 7.1
		{"no size", "\r\nabc", ""},
		{"no size before an extension", ";x\r\n", ""},
		{"sign", "+1\r\na\r\n", ""},
		{"negative", "-1\r\na\r\n", ""},
		{"prefix", "0x1\r\na\r\n", ""},
		{"space before the size", " 1\r\na\r\n", ""},
		{"space after the size", "1 \r\na\r\n", ""},
		{"space before an extension", "1 ;x\r\na\r\n", ""},
		{"not hexadecimal", "g\r\n", ""},
		{"underscore", "1_0\r\n", ""},
		{"17 digits", "00000000000000001\r\na\r\n", ""},
		{"over 63 bits", "8000000000000000\r\n", ""},
		{"over 64 bits", "10000000000000000\r\n", ""},
		{"bare LF after the size", "1\na\r\n", ""},
		{"bare CR after the size", "1\ra\r\n", ""},
		{"bare LF in an extension", "1;x\na\r\n", ""},
		{"bare CR in an extension", "1;x\ry\r\na\r\n", ""},
		{"NUL in an extension", "1;\x00\r\na\r\n", ""},
		{"longer than its size", "1\r\nab\r\n", "a"},
		{"bare LF after the data", "1\r\na\n0\r\n\r\n", "a"},
		{"bare CR after the data", "1\r\na\r0\r\n\r\n", "a"},
		{"no line end after the data", "1\r\na0\r\n\r\n", "a"},
		{"extension too long", "1;" + long + "\r\na", ""}, // section 7.1.1
		{"extensions too long together", "1;" + long[:maxExtension/2] + "\r\na\r\n1;" + long[:maxExtension/2] + "\r\nb", "a"},
		// section 7.1.2, and as in heads
		{"trailer without a colon", "0\r\nX\r\n\r\n", ""},
		{"trailer without a name", "0\r\n: x\r\n\r\n", ""},
		{"space before the colon", "0\r\nX : y\r\n\r\n", ""},
		{"folded trailer", "0\r\nX: y\r\n z\r\n\r\n", ""},
		{"bare LF in the trailer", "0\r\nX: y\n\r\n", ""},
		{"bare LF at the end", "0\r\n\n", ""},
		{"NUL in the trailer", "0\r\nX: \x00\r\n\r\n", ""},
		{"trailer too long", "0\r\nX: " + strings.Repeat("x", MaxTrailer), ""},
		{"too many trailers", "0\r\n" + strings.Repeat("X:\r\n", MaxFields+1) + "\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var c Chunked
			body, n, err := decodeAll(&c, []byte(tt.in))
			if refusal(t, err); string(body) != tt.body || n >= len(tt.in) {
				t.Errorf("got %q and %d bytes used; want %q and not all", body, n, tt.body)
			}
			if _, _, again := c.Decode([]byte("0\r\n\r\n")); again != err {
				t.Errorf("got %v afterwards; want %v for ever", again, err)
			}
		})
	}
}

func TestAppendChunk(t *testing.T) {
	b := AppendChunk(nil, []byte("hello"))
	b = AppendChunk(b, nil)
	b = AppendChunk(b, []byte(strings.Repeat("x", 26)))
	b, err := AppendLastChunk(b, http.Header{"X-Sum": {"1", "2"}, "A": {"3"}, "Content-Length": {"4"}, "Connection": {"5"}})
	want := "5\r\nhello\r\n1a\r\n" + strings.Repeat("x", 26) + "\r\n0\r\nA: 3\r\nX-Sum: 1\r\nX-Sum: 2\r\n\r\n"
	if string(b) != want || err != nil {
		t.Errorf("got %q, %v; want %q", b, err, want)
	}
	for name, value := range map[string]string{"X": "a\r\nb", "X\n": "a", "": "a", "X Y": "a", "Z": "\x00"} {
		if b, err := AppendLastChunk([]byte("kept"), http.Header{name: {value}}); string(b) != "kept" || err != ErrUnwritable {
			t.Errorf("%q: %q: got %q, %v; want kept and ErrUnwritable", name, value, b, err)
		}
	}
}
