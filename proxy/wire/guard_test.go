package wire

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"millpond/proxy/mutate"
)

// feed shows b to g in pieces of the sizes that size returns, keeps what may
// not pass yet as a caller does, and returns what passed and what is held.
func feed(t *testing.T, g *Guard, b []byte, size func() int) (passed, held []byte, err error) {
	t.Helper()
	for len(b) > 0 {
		n := min(len(b), max(1, size()))
		held, b = append(held, b[:n]...), b[n:]
		for len(held) > 0 {
			skip, pass, err := g.Next(held)
			if err != nil {
				if _, _, again := g.Next(held); again != err {
					t.Fatalf("got %v after %v; want the same error", again, err)
				}
				return passed, held, err
			}
			if skip+pass == 0 {
				break
			}
			passed = append(passed, held[skip:skip+pass]...)
			held = held[skip+pass:]
		}
		if len(held) >= MaxHead+n {
			t.Fatalf("holds %d bytes; want less than %d", len(held), MaxHead)
		}
	}
	return passed, held, nil
}

func atOnce() int { return 1 << 30 }

func TestGuard(t *testing.T) {
	const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"
	post := "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
	chunks := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: 1\r\n\r\n"
	upgrade := "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
	preface := "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	bad := "GET / HTTP/1.1\r\nHost : a\r\n\r\n"
	tests := []struct {
		name, in, pass string // pass is a prefix of what follows skipped lines
		refused        bool
	}{
		{"pipelined", get + post + chunks + get, get + post + chunks + get, false},
		{"head not complete", get + get[:20], get, false},
		{"body not complete", post[:len(post)-1], post[:len(post)-1], false},
		{"second one bad", get + bad, get, true},
		{"empty line between", post + "\r\n" + get, post + get, false},            // RFC 9112, 2.2
		{"empty line before each", "\r\n" + get + "\r\n" + get, get + get, false}, // RFC 9112, 2.2
		{"two empty lines", post + "\r\n\r\n" + get, post, true},
		{"bare LF between", post + "\n" + get, post, true},
		{"bare CR between", post + "\r" + get, post, true},
		{"both framings", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "", true}, // RFC 9112, 6.1
		{"bad chunk", strings.Replace(chunks, "abc\r\n", "abcd\r\n", 1), strings.SplitAfter(chunks, "abc")[0], true},
		{"bad trailer", strings.Replace(chunks, "X:", "X", 1), strings.TrimSuffix(strings.Replace(chunks, "X:", "X", 1), "\n"), true},
		{"close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + bad, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false}, // RFC 9112, 9.6
		{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n" + get, "GET / HTTP/1.0\r\n\r\n", false},
		{"websocket", upgrade + "\x00\n" + bad, upgrade + "\x00\n" + bad, false}, // RFC 9110, 7.8
		{"websocket after a body", strings.Replace(upgrade, "\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx\n\n", 1), strings.Replace(upgrade, "\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx\n\n", 1), false},
		{"upgrade that Connection does not name", strings.Replace(upgrade, "Connection: Upgrade", "Connection: x", 1) + bad, strings.Replace(upgrade, "Connection: Upgrade", "Connection: x", 1), true},
		{"upgrade to h2c is none", strings.Replace(upgrade, "websocket", "h2c", 1) + bad, strings.Replace(upgrade, "websocket", "h2c", 1), true},
		{"CONNECT", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n\x16\x03\n", "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n\x16\x03\n", false},
		{"TLS by mistake", "\x16\x03\x01\x02\x00", "", true},
		{"HTTP/2 by mistake", preface, "", true},
		{"head over the limit", "GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", MaxHead), "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var g Guard
			passed, _, err := feed(t, &g, []byte(tt.in), atOnce)
			if string(passed) != tt.pass || (err != nil) != tt.refused {
				t.Errorf("got %q, %v; want %q and refused %v", passed, err, tt.pass, tt.refused)
			}
		})
	}
}

// RFC 9113, section 3.3.
func TestGuardPreface(t *testing.T) {
	const get, preface = "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	for _, in := range []string{preface + "\x00\n", get + get} {
		g := Guard{AllowH2C: true}
		if passed, _, err := feed(t, &g, []byte(in), func() int { return 1 }); string(passed) != in || err != nil {
			t.Errorf("got %q, %v; want all of %q", passed, err, in)
		}
	}
	for _, in := range []string{get + preface, "\r\n" + preface, "PRI * HTTP/1.1\r\n\r\n"} {
		g := Guard{AllowH2C: true}
		if passed, _, err := feed(t, &g, []byte(in), atOnce); err == nil {
			t.Errorf("got %q passed of %q; want it refused", passed, in)
		}
	}
}

// checkGuard checks that b passes the guard equally however it is cut, and that
// net/http reads from what passes the requests that this package reads in b.
func checkGuard(t *testing.T, o *oracle, b []byte, size func() int) (requests int) {
	t.Helper()
	var one, two, three Guard
	passed, held, err := feed(t, &one, b, atOnce)
	split, splitHeld, _ := feed(t, &two, b, size)
	single, singleHeld, _ := feed(t, &three, b, func() int { return 1 })
	if !bytes.Equal(passed, split) || !bytes.Equal(passed, single) {
		t.Fatalf("%q passes %q at once, %q in pieces, %q in bytes", b, passed, split, single)
	}
	if (len(held) > 0) != (len(splitHeld) > 0) || (len(held) > 0) != (len(singleHeld) > 0) {
		t.Fatalf("%q holds %q at once, %q in pieces, %q in bytes", b, held, splitHeld, singleHeld)
	}
	var r Request
	for rest := passed; len(rest) > 0; requests++ {
		ours, readErr := requestOf(rest, &r)
		if readErr != nil && err == nil {
			t.Fatalf("%q passed and is refused alone: %v", rest, readErr)
		}
		theirs, netErr := o.request(rest)
		if netErr != nil {
			t.Fatalf("%q passed and net/http refuses it: %v", rest, netErr)
		}
		if readErr != nil {
			if theirs.whole {
				t.Fatalf("%q passed and net/http reads all of it, in spite of %v", rest, err)
			}
			return requests
		}
		if diff := sameReading(ours, theirs, false); diff != "" {
			t.Fatalf("%s differs for %q\nhere: %v\n\nnet/http: %v", diff, rest, ours, theirs)
		}
		if !ours.whole || !ours.keepAlive || r.WantsTunnel() {
			return requests + 1
		}
		rest = []byte(ours.rest)
	}
	return requests
}

// What passes the guard is read by net/http as this package reads it, on
// connections with several requests too.
func TestGuardDifferential(t *testing.T) {
	m := mutate.New(3, mutate.Requests)
	o := newOracle()
	requests := 0
	for range max(1000, *mutations/10) {
		var b []byte
		for range 1 + m.Rand.IntN(4) {
			b = append(b, m.Next()...)
		}
		requests += checkGuard(t, o, b, func() int { return m.Rand.IntN(40) })
	}
	t.Logf("%d requests passed", requests)
}

// A body of chunks decodes equally however it is cut.
func TestChunkedSplits(t *testing.T) {
	in := []byte("5\r\nhello\r\n6;x=y\r\n world\r\n0;e\r\nX-Sum: 1\r\nX: 2\r\n\r\nrest")
	r := rand.New(rand.NewPCG(4, 0))
	for range 500 {
		var c Chunked
		var body []byte
		var err error
		rest := in
		for err == nil && len(rest) > 0 {
			piece := rest[:min(len(rest), r.IntN(6))]
			var n int
			var part []byte
			part, n, err = decodeAll(&c, piece)
			body, rest = append(body, part...), rest[n:]
		}
		if err != io.EOF || string(body) != "hello world" || string(rest) != "rest" || fmt.Sprintf("%s", c.Trailer()) != "[{X-Sum 1} {X 2}]" {
			t.Fatalf("got %q, %q, %s, %v; want hello world, rest, the trailer, EOF", body, rest, c.Trailer(), err)
		}
	}
}

// A guarded reader shows how a Guard stands between a connection and net/http.
type guardedReader struct {
	src   io.Reader
	guard Guard
	held  []byte // read and not passed yet
	pass  int    // of held, may go on
}

func (r *guardedReader) Read(p []byte) (int, error) {
	for r.pass == 0 {
		skip, pass, err := r.guard.Next(r.held)
		if r.held, r.pass = r.held[skip:], pass; err != nil {
			return 0, err
		}
		if skip+pass > 0 {
			continue
		}
		more := make([]byte, 4<<10)
		n, err := r.src.Read(more)
		if r.held = append(r.held, more[:n]...); n == 0 && err != nil {
			return 0, err
		}
	}
	n := copy(p, r.held[:r.pass])
	r.held, r.pass = r.held[n:], r.pass-n
	return n, nil
}

func ExampleGuard() {
	client := strings.NewReader("GET /one HTTP/1.1\r\nHost: a\r\n\r\n" +
		"POST /two HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")
	in := newOracle().br
	in.Reset(&guardedReader{src: client})
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.Method, r.URL.Path)
	}
	// Output:
	// GET /one
	// malformed http message: both Content-Length and Transfer-Encoding
}
