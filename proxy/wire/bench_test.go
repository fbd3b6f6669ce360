package wire

import (
	"bytes"
	"io"
	"net/http"
	"testing"
)

const benchRequest = "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nAccept: application/json\r\n" +
	"Accept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\nContent-Length: 48213\r\n" +
	"Content-Type: application/json\r\nUser-Agent: Anthropic/Python 0.69.0\r\nX-Stainless-Arch: x64\r\n" +
	"X-Stainless-Async: async:asyncio\r\nX-Stainless-Lang: python\r\nX-Stainless-Os: Linux\r\n" +
	"X-Stainless-Package-Version: 0.69.0\r\nX-Stainless-Retry-Count: 0\r\nX-Stainless-Runtime: CPython\r\n" +
	"X-Stainless-Runtime-Version: 3.13.5\r\nX-Stainless-Timeout: 600\r\nanthropic-version: 2023-06-01\r\n" +
	"x-api-key: sk-ant-api03-0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdefghijklmnopqrstuvwxyz\r\n\r\n"

const benchResponse = "HTTP/1.1 200 OK\r\nDate: Sat, 22 Nov 2025 08:31:04 GMT\r\nContent-Type: text/event-stream; charset=utf-8\r\n" +
	"Transfer-Encoding: chunked\r\nConnection: keep-alive\r\nCache-Control: no-cache\r\n" +
	"anthropic-ratelimit-input-tokens-limit: 2000000\r\nanthropic-ratelimit-input-tokens-remaining: 1998000\r\n" +
	"anthropic-ratelimit-input-tokens-reset: 2025-11-22T08:31:04Z\r\nanthropic-ratelimit-requests-limit: 4000\r\n" +
	"anthropic-ratelimit-requests-remaining: 3999\r\nanthropic-ratelimit-requests-reset: 2025-11-22T08:31:04Z\r\n" +
	"request-id: req_011CVNabcdefghijklmnopqr\r\nstrict-transport-security: max-age=31536000; includeSubDomains; preload\r\n" +
	"anthropic-organization-id: 01234567-89ab-cdef-0123-456789abcdef\r\nx-envoy-upstream-service-time: 812\r\n" +
	"via: 1.1 google\r\ncf-cache-status: DYNAMIC\r\nX-Robots-Tag: none\r\nServer: cloudflare\r\nCF-RAY: 9a2b3c4d5e6f7a8b-FRA\r\n\r\n"

func BenchmarkParseRequest(b *testing.B) {
	in := []byte(benchRequest)
	var r Request
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := ParseRequest(in, &r); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Framing(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseResponse(b *testing.B) {
	in := []byte(benchResponse)
	var r Response
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		if _, err := ParseResponse(in, &r); err != nil {
			b.Fatal(err)
		}
		if _, err := r.Framing("POST"); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadResponse is net/http's, to compare with.
func BenchmarkReadResponse(b *testing.B) {
	in := []byte(benchResponse)
	o := newOracle()
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		o.reset(in)
		if _, err := http.ReadResponse(o.br, nil); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkHeader(b *testing.B) {
	var r Response
	if _, err := ParseResponse([]byte(benchResponse), &r); err != nil {
		b.Fatal(err)
	}
	var h Header
	b.ReportAllocs()
	for b.Loop() {
		h.Fill(r.Fields)
		h.DropHopByHop()
	}
}

func BenchmarkAppendRequestHead(b *testing.B) {
	var r Request
	if _, err := ParseRequest([]byte(benchRequest), &r); err != nil {
		b.Fatal(err)
	}
	var h Header
	h.Fill(r.Fields)
	var dst []byte
	b.ReportAllocs()
	for b.Loop() {
		var err error
		dst, err = AppendRequestHead(dst[:0], "POST", "/v1/messages", "api.anthropic.com", h, Framing{BodyLength, 48213, true}, Extra{"X-Api-Key", "other"})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// One chunk of an event stream.
func BenchmarkChunked(b *testing.B) {
	in := AppendChunk(nil, bytes.Repeat([]byte("x"), 160))
	var c Chunked
	b.ReportAllocs()
	b.SetBytes(int64(len(in)))
	for b.Loop() {
		for rest := in; len(rest) > 0; {
			n, _, err := c.Decode(rest)
			if err != nil {
				b.Fatal(err)
			}
			rest = rest[n:]
		}
	}
}

func BenchmarkChunkedTrailer(b *testing.B) {
	in := []byte("1\r\na\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n")
	var c Chunked
	b.ReportAllocs()
	for b.Loop() {
		c.Reset()
		var err error
		for rest := in; err == nil; {
			var n int
			n, _, err = c.Decode(rest)
			rest = rest[n:]
		}
		if err != io.EOF {
			b.Fatal(err)
		}
	}
}

func BenchmarkGuard(b *testing.B) {
	in := append([]byte(benchRequest), make([]byte, 48213)...)
	var g Guard
	b.ReportAllocs()
	for b.Loop() {
		if _, pass, err := g.Next(in); pass != len(in) || err != nil {
			b.Fatal(pass, err)
		}
	}
}

// Reading and writing a message allocates nothing once the slices are warm.
func TestAllocations(t *testing.T) {
	request, response := []byte(benchRequest), []byte(benchResponse)
	body := []byte("5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n")
	var req Request
	var resp Response
	var c Chunked
	var g Guard
	var dst []byte
	h := Header{{"A", "1"}, {"B", "2"}, {"Connection", "c"}, {"C", "3"}}
	for name, f := range map[string]func(){
		"request":  func() { ParseRequest(request, &req); req.Framing(); req.WantsTunnel() },
		"response": func() { ParseResponse(response, &resp); resp.Framing("POST"); KeepAliveTimeout(resp.Fields) },
		"chunked": func() {
			c.Reset()
			for rest := body; len(rest) > 0; {
				n, _, _ := c.Decode(rest)
				rest = rest[n:]
			}
		},
		"guard":  func() { g.Next(request); g = Guard{request: g.request} },
		"head":   func() { dst, _ = AppendRequestHead(dst[:0], "POST", "/", "a", h, Framing{}, Extra{"D", "4"}) },
		"chunks": func() { dst, _ = AppendLastChunk(AppendChunk(dst[:0], body), nil) },
	} {
		f()
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: got %v allocations; want none", name, n)
		}
	}
}
