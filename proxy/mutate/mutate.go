// Package mutate makes HTTP/1 messages that are almost right, for tests which compare how
// two readers understand them. It is imported by tests only.
package mutate

import (
	"bytes"
	"math/rand/v2"
	"strings"
)

// A Mutator makes messages from seeds, always the same ones from the same number. Use New.
type Mutator struct {
	Rand  *rand.Rand // for other choices of the test
	seeds [][]byte
}

// New returns a mutator of seeds. Equal numbers give equal messages.
func New(number uint64, seeds []string) *Mutator {
	m := &Mutator{Rand: rand.New(rand.NewPCG(number, 0))}
	for _, s := range seeds {
		m.seeds = append(m.seeds, []byte(s))
	}
	return m
}

// Next returns a message with zero to four mutations.
func (m *Mutator) Next() []byte {
	b := bytes.Clone(m.seeds[m.Rand.IntN(len(m.seeds))])
	for range m.Rand.IntN(5) {
		b = m.mutate(b)
	}
	return b
}

func (m *Mutator) mutate(b []byte) []byte {
	if len(b) == 0 {
		return b
	}
	i := m.Rand.IntN(len(b))
	j := min(len(b), i+1+m.Rand.IntN(8))
	switch m.Rand.IntN(9) {
	case 0: // another byte
		b[i] = byte(m.Rand.Uint32())
	case 1: // another case, or a bit
		b[i] ^= 1 << m.Rand.IntN(8)
	case 2: // less
		b = append(b[:i], b[j:]...)
	case 3: // twice
		b = append(b[:j:j], b[i:]...)
	case 4, 5: // a morsel anywhere
		b = splice(b, i, i, morsels[m.Rand.IntN(len(morsels))])
	case 6: // a morsel instead
		b = splice(b, i, j, morsels[m.Rand.IntN(len(morsels))])
	case 7: // a line more
		if at := bytes.IndexByte(b[i:], '\n'); at >= 0 {
			b = splice(b, i+at+1, i+at+1, lines[m.Rand.IntN(len(lines))])
		}
	case 8: // the end of another one
		other := m.seeds[m.Rand.IntN(len(m.seeds))]
		b = append(b[:i:i], other[m.Rand.IntN(len(other)):]...)
	}
	return b
}

func splice(b []byte, i, j int, s string) []byte {
	return append(append(b[:i:i], s...), b[j:]...)
}

// morsels are what parsers disagree about.
var morsels = []string{
	"\r\n", "\n", "\r", "\r\r\n", "\n\n", "\r\n\r\n", "\x00", " ", "\t", "\v", "\f", "\x7f", "\x85", "\xa0", "é",
	":", " :", ": ", ",", ";", "=", "\"", "+", "-", "_", "%", "%zz", "%41", "#", "?", "@", "/", "//", "[", "]", "*",
	"0", "00", "0x", "1e3", "5", "ffffffffffffffff", "7fffffffffffffff", "18446744073709551616", "9223372036854775807",
	"chunked", "gzip, chunked", "chunked, chunked", "identity", "close", "keep-alive", "upgrade", "Content-Length",
	"HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/1.10", "GET", "HEAD", "CONNECT", "http://", "HTTPS://", "\r\n ", "\r\n\t",
	";ext=1", "; ", "0\r\n\r\n", "\r\n0\r\n", "1\r\na\r\n", strings.Repeat("x", 300), strings.Repeat("0", 17),
}

// lines are field lines that change what the others mean.
var lines = []string{
	"Content-Length: 0\r\n", "Content-Length: 5\r\n", "content-length: 11\r\n", "Content-Length: 5, 5\r\n",
	"Content-Length : 5\r\n", "Content-Length: +5\r\n", "Content-Length:\r\n", "Content_Length: 5\r\n",
	"Transfer-Encoding: chunked\r\n", "transfer-encoding:chunked \r\n", "Transfer-Encoding: CHUNKED\r\n",
	"Transfer-Encoding: \x0bchunked\r\n", "Transfer-Encoding: gzip, chunked\r\n", "Transfer-Encoding: chunked\n",
	"Transfer-Encoding\r\n : chunked\r\n", "Transfer-Encoding:\r\n chunked\r\n", "Transfer-Encoding: \"chunked\"\r\n",
	"Connection: close\r\n", "Connection: Keep-Alive\r\n", "Connection: x,close\r\n", "Connection: content-length\r\n",
	"Host: other\r\n", "Host: a b\r\n", "Trailer: X-Sum\r\n", "Trailer: Content-Length\r\n", "Pragma: no-cache\r\n",
	"Upgrade: websocket\r\n", "X: 1\n", "X\r\n", ": x\r\n", " folded\r\n", "\tfolded\r\n", "X-Sum: 1\r\n", "\r\n", "\n",
}

// Requests are seeds of all forms that a request can have, and some that none may have.
var Requests = []string{
	"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
	"GET /v1/models?limit=20&after=%zz HTTP/1.1\r\nHost: 127.0.0.1:8787\r\nAccept: */*\r\nPragma: no-cache\r\n\r\n",
	"\r\nHEAD /a%20b/c;d=e HTTP/1.1\r\nhost: [::1]:8787\r\nConnection: close\r\n\r\n",
	"GET / HTTP/1.0\r\n\r\n",
	"GET / HTTP/1.0\r\nConnection: keep-alive\r\nHost:\r\n\r\nGET / HTTP/1.0\r\n\r\n",
	"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{\"a\":\"b c\"}GET /",
	"POST /v1/messages HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
	"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n00A\r\n0123456789\r\n0;last\r\nX-Sum: 1\r\nx-more:  2\t\r\nContent-Length: 9\r\n\r\nrest",
	"PUT /file HTTP/1.1\r\nHost: a.b-c_d.example:443\r\nContent-Length: 0\r\nExpect: 100-continue\r\n\r\n",
	"GET http://example.com/a?b=c HTTP/1.1\r\nHost: example.com\r\nProxy-Connection: keep-alive\r\n\r\n",
	"GET HTTPS://[2001:db8::1]:8443?x HTTP/1.1\r\nHost: other\r\n\r\n",
	"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n\x16\x03\x01",
	"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\nxyz",
	"PATCH /x HTTP/1.1\r\nHost: a\r\nCookie: a=b\r\nCookie: c=d\r\nX-Empty:\r\nX-Text: t\xc3\xa9xt \"q\"\r\ncontent-length: 3\r\n\r\nabc",
	"DELETE //a//b HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nX-!#$%&'*+-.^_`|~: odd\r\n\r\n",
}

// Responses are seeds of answers, whole connections' worth.
var Responses = []string{
	"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n1a\r\nevent: ping\ndata: {\"a\":1}\n\n\r\n0\r\n\r\n",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n3\r\nabc\r\n0\r\n\r\nHTTP/1.1 200",
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\nSet-Cookie: no\r\n\r\n",
	"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
	"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\nKeep-Alive: timeout=5, max=100\r\n\r\n",
	"HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\nContent-Length: 100\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x05hello",
	"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil the end",
	"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
	"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil the end",
	"HTTP/1.1 529 Overloaded \xe2\x80\xa6\r\nContent-Length: 16\r\nRetry-After: 3\r\nrequest-id: req_1\r\n\r\n{\"type\":\"error\"}",
	"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
	"HTTP/1.1 200 OK\r\nX-Folded: a\r\n b\r\n\tc\r\nContent-Length: 5\r\n\r\nhello",
	"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
}
