package listener

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millpond/proxy/wire"
)

// A strictServer is net/http behind Strict. It answers each request with its method, target and body.
type strictServer struct {
	addr string
	told chan struct{} // has one at least after each refusal

	mu       sync.Mutex // guards what follows
	refusals []string
	seen     []string
}

func serveStrict(t *testing.T, handler http.HandlerFunc, h2c bool) *strictServer {
	t.Helper()
	s := &strictServer{told: make(chan struct{}, 1)}
	ln := bind(t, "127.0.0.1:0")
	s.addr = ln.Addr().String()
	srv := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.mu.Lock()
			s.seen = append(s.seen, r.Method+" "+r.RequestURI)
			s.mu.Unlock()
			handler(w, r)
		}),
		ErrorLog:          log.New(io.Discard, "", 0),
		ReadHeaderTimeout: time.Minute,
		Protocols:         new(http.Protocols),
	}
	srv.Protocols.SetHTTP1(true)
	srv.Protocols.SetUnencryptedHTTP2(h2c)
	served := make(chan error)
	go func() {
		served <- srv.Serve(Strict(ln, StrictConfig{
			H2C: func() bool { return h2c },
			Refused: func(_ net.Addr, err *wire.SyntaxError) {
				s.mu.Lock()
				s.refusals = append(s.refusals, err.What)
				s.mu.Unlock()
				select {
				case s.told <- struct{}{}:
				default:
				}
			},
		}))
	}()
	t.Cleanup(func() { srv.Close(); <-served })
	return s
}

// counts returns how many heads were refused and how many requests reached the handler.
func (s *strictServer) counts() (refused, seen int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.refusals), len(s.seen)
}

// sayBack answers with the request's target and body.
func sayBack(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		var fault *wire.SyntaxError
		fmt.Fprintf(w, "fault %v", errors.As(err, &fault))
		return
	}
	fmt.Fprintf(w, "%s %s", r.RequestURI, body)
}

// send writes bytes and returns all that comes back until the connection ends.
func send(t *testing.T, addr string, parts ...string) []byte {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second)) // a server that waits for more fails the test
	for _, p := range parts {
		if _, err := io.WriteString(conn, p); err != nil {
			t.Fatal(err)
		}
	}
	answer, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// answers parses the responses in b, the one with the number head as to HEAD.
func answers(t *testing.T, b []byte, head ...int) (list []*http.Response, bodies []string) {
	t.Helper()
	for br := bufio.NewReader(bytes.NewReader(b)); ; {
		if _, err := br.Peek(1); err == io.EOF {
			return list, bodies
		}
		req := &http.Request{Method: "GET"}
		if slices.Contains(head, len(list)) {
			req.Method = "HEAD"
		}
		resp, err := http.ReadResponse(br, req)
		if err != nil {
			t.Fatalf("got %q: %v", b, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		list, bodies = append(list, resp), append(bodies, string(body))
	}
}

// malformed are requests that net/http accepts or reads in its own way, and others that nobody should.
var malformed = map[string]string{
	"content-length and transfer-encoding": "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"transfer-encoding and content-length": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"two equal content-lengths":            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx",
	"two content-lengths":                  "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
	"list of content-lengths":              "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\nx",
	"content-length with a sign":           "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\nx",
	"unknown transfer-encoding":            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n",
	"chunked twice":                        "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
	"bare LF after the request line":       "GET / HTTP/1.1\nHost: a\r\n\r\n",
	"bare LF after a field":                "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
	"bare LF at the end":                   "GET / HTTP/1.1\r\nHost: a\r\n\n",
	"bare CR":                              "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n",
	"obs-fold":                             "GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n",
	"space before colon":                   "GET / HTTP/1.1\r\nHost: a\r\nContent-Length : 5\r\n\r\n",
	"space before the first field":         "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
	"no colon":                             "GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n",
	"NUL in a value":                       "GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
	"NUL in a name":                        "GET / HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n",
	"NUL first":                            "\x00",
	"two hosts":                            "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil\r\n\r\n",
	"no host":                              "GET / HTTP/1.1\r\n\r\n",
	"two empty lines":                      "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
	"two spaces":                           "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
	"fragment":                             "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
	"HTTP/2.0 on the line":                 "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
	"preface of HTTP/2":                    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"TLS":                                  "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"long request line":                    "GET /" + strings.Repeat("a", wire.MaxHead) + " HTTP/1.1\r\nHost: a\r\n\r\n",
	"long head":                            "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: "+strings.Repeat("a", 1000)+"\r\n", 70) + "\r\n",
}

// wantRefusal checks one whole answer.
func wantRefusal(t *testing.T, resp *http.Response, body string) {
	t.Helper()
	var shape struct {
		Type  string
		Error struct{ Type, Code, Message string }
	}
	if err := json.Unmarshal([]byte(body), &shape); err != nil {
		t.Errorf("got body %q: %v", body, err)
	}
	if resp.StatusCode != 400 && resp.StatusCode != 431 || !resp.Close ||
		resp.Header.Get("X-Millpond-Error") != "malformed_request" ||
		shape.Type != "error" || shape.Error.Code != "malformed_request" || shape.Error.Message == "" {
		t.Errorf("got %d %v %q; want 400, closed, with code and message", resp.StatusCode, resp.Header, body)
	}
}

func TestStrictRefuses(t *testing.T) {
	s := serveStrict(t, sayBack, false)
	for name, request := range malformed {
		t.Run(name, func(t *testing.T) {
			refused, seen := s.counts()
			list, bodies := answers(t, send(t, s.addr, request))
			if len(list) != 1 {
				t.Fatalf("got %d answers; want 1", len(list))
			}
			wantRefusal(t, list[0], bodies[0])
			refusedNow, seenNow := s.counts()
			if refusedNow != refused+1 || seenNow != seen {
				t.Errorf("got %d refusals told, %d requests handled; want 1 and 0", refusedNow-refused, seenNow-seen)
			}
		})
	}
}

// A malformed head behind a good request: the good one is answered first, in its own right.
func TestStrictRefusesBehindGood(t *testing.T) {
	s := serveStrict(t, sayBack, false)
	good := []string{
		"GET /good HTTP/1.1\r\nHost: a\r\n\r\n",
		"POST /good HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody",
		"POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n",
	}
	for name, request := range malformed {
		if name == "two empty lines" {
			continue // behind a request one of them is skipped all the same
		}
		for i, g := range good {
			for _, split := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/%v", name, i, split), func(t *testing.T) {
					parts := []string{g + request}
					if split {
						parts = []string{g, request}
					}
					list, bodies := answers(t, send(t, s.addr, parts...))
					if len(list) != 2 || list[0].StatusCode != 200 || !strings.HasPrefix(bodies[0], "/good") {
						t.Fatalf("got %d answers, bodies %q; want /good and a refusal", len(list), bodies)
					}
					wantRefusal(t, list[1], bodies[1])
				})
			}
		}
	}
}

// While the handler of the first request still runs, a malformed second one neither cancels it nor
// stands in its response.
func TestStrictRefusesDuringResponse(t *testing.T) {
	inHandler, goOn := make(chan struct{}), make(chan struct{})
	s := serveStrict(t, func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first,")
		http.NewResponseController(w).Flush()
		close(inHandler)
		<-goOn
		fmt.Fprintf(w, "second, context: %v", r.Context().Err())
	}, false)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	<-inHandler
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
	<-s.told // it is read meanwhile
	close(goOn)
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	list, bodies := answers(t, all)
	if len(list) != 2 || bodies[0] != "first,second, context: <nil>" {
		t.Fatalf("got %q; want the whole first answer, then the refusal", bodies)
	}
	wantRefusal(t, list[1], bodies[1])
}

// A malformed chunk is the handler's to answer.
func TestStrictMalformedBody(t *testing.T) {
	s := serveStrict(t, sayBack, false)
	head := "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
	tests := map[string]bool{ // whether the handler sees a wire.SyntaxError
		"zz\r\n":                  true,
		"-1\r\n":                  true,
		"4\r\nbodyx\r\n":          true,
		"4\nbody\r\n0\r\n\r\n":    true,
		"1;\x00\r\n":              true,
		"0\r\nno trailer\r\n\r\n": false, // net/http puts its own error there
	}
	for body, typed := range tests {
		for _, parts := range [][]string{{head + body}, {head, body}, {head + "3\r\nabc\r\n", body}} {
			list, bodies := answers(t, send(t, s.addr, parts...))
			if want := fmt.Sprintf("fault %v", typed); len(list) != 1 || list[0].StatusCode != 422 || bodies[0] != want {
				t.Errorf("%q: got %q; want one answer, by the handler: %q", body, bodies, want)
			}
		}
	}
	if refused, _ := s.counts(); refused != 0 {
		t.Errorf("got %d refusals told; want none, for the requests count themselves", refused)
	}
}

// wellFormed is a connection's worth of requests and what the handler answers to them.
const wellFormed = "\r\nGET /1?a=%2F//.. HTTP/1.1\r\nHost: a\r\n\r\n" +
	"POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\nhello\r\n\r\nyou" +
	"POST /3 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nT: v\r\n\r\n" +
	"\r\nPOST /4 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" +
	"HEAD /5 HTTP/1.1\r\nHost: a\r\nX: " + "long value, long value, long value" + "\r\n\r\n" +
	"POST /6 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"

// afterwards is what comes after the last one, and is nobody's. It is sent together with the last byte, since
// whoever writes to a connection that was closed gets an error.
const afterwards = "what comes after the last"

func TestStrictPasses(t *testing.T) {
	s := serveStrict(t, sayBack, false)
	want := []string{"/1?a=%2F//.. ", "/2 hello\r\n\r\nyou", "/3 hello world", "/4 ", "", "/6 ok"}
	splits := map[string]func() []string{
		"whole": func() []string { return []string{wellFormed} },
		"by the byte": func() []string {
			return strings.Split(wellFormed, "")
		},
		"at random": func() []string {
			var parts []string
			for rest := wellFormed; rest != ""; {
				n := 1 + rand.IntN(min(len(rest), 40))
				parts, rest = append(parts, rest[:n]), rest[n:]
			}
			return parts
		},
	}
	for name, split := range splits {
		t.Run(name, func(t *testing.T) {
			parts := split()
			parts[len(parts)-1] += afterwards
			b := send(t, s.addr, parts...)
			if _, bodies := answers(t, b, 4); !slices.Equal(bodies, want) {
				t.Errorf("got %q; want %q", bodies, want)
			}
		})
	}
	if refused, _ := s.counts(); refused != 0 {
		t.Errorf("got %d refusals; want none", refused)
	}
}

func TestStrictLargeBodyAndHead(t *testing.T) {
	s := serveStrict(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprintf(w, "%d %d %v", n, len(r.Header.Get("X-Long")), err)
	}, false)
	const size = 20 << 20
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+s.addr+"/", bytes.NewReader(make([]byte, size)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Long", strings.Repeat("a", 50<<10))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if want := fmt.Sprintf("%d %d <nil>", size, 50<<10); string(body) != want {
		t.Errorf("got %q; want %q", body, want)
	}
	http.DefaultClient.CloseIdleConnections()
}

func TestStrictH2C(t *testing.T) {
	s := serveStrict(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }, true)
	for _, tt := range []struct {
		h2c  bool
		want string
	}{{true, "HTTP/2.0"}, {false, "HTTP/1.1"}} {
		tr := &http.Transport{Protocols: new(http.Protocols)}
		tr.Protocols.SetUnencryptedHTTP2(tt.h2c)
		tr.Protocols.SetHTTP1(!tt.h2c)
		resp, err := (&http.Client{Transport: tr}).Get("http://" + s.addr)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		tr.CloseIdleConnections()
		if string(body) != tt.want {
			t.Errorf("got %s; want %s", body, tt.want)
		}
	}
	// A connection that did not begin as HTTP/2 cannot become it.
	list, bodies := answers(t, send(t, s.addr, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"+malformed["preface of HTTP/2"]))
	if len(list) != 2 {
		t.Fatalf("got %q; want two answers", bodies)
	}
	wantRefusal(t, list[1], bodies[1])
}

// An upgraded connection is a tunnel both ways, and its halves close on their own.
func TestStrictUpgrade(t *testing.T) {
	s := serveStrict(t, func(w http.ResponseWriter, _ *http.Request) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: raw\r\n\r\n")
		got, err := io.ReadAll(buf) // until the client's half closes
		fmt.Fprintf(conn, "%q %v", got, err)
		if half, ok := conn.(interface{ CloseWrite() error }); !ok || half.CloseWrite() != nil {
			t.Error("the hijacked connection cannot close its half")
		}
	}, false)
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n")
	br := bufio.NewReader(conn)
	resp, err := http.ReadResponse(br, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("got %v, %v; want 101", resp, err)
	}
	raw := "\x00\x01 not HTTP\n\n \r\n"
	fmt.Fprint(conn, raw)
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(br)
	if want := strconv.Quote(raw) + " <nil>"; err != nil || string(got) != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
}

// pipeListener gives out one connection.
type pipeListener struct{ conn net.Conn }

func (l pipeListener) Accept() (net.Conn, error) { return l.conn, nil }
func (pipeListener) Close() error                { return nil }
func (pipeListener) Addr() net.Addr              { return &net.TCPAddr{} }

// strictPipe returns the client's end and the guarded end of a pipe.
func strictPipe(t testing.TB, c StrictConfig) (client, server net.Conn) {
	client, inner := net.Pipe()
	server, err := Strict(pipeListener{inner}, c).Accept()
	if err != nil {
		t.Fatal(err)
	}
	return client, server
}

// A head that does not end times out, although the server allows an idle connection more.
func TestStrictHeadTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := strictPipe(t, StrictConfig{})
		defer client.Close()
		defer server.Close()
		server.SetReadDeadline(time.Now().Add(15 * time.Minute))
		var wg sync.WaitGroup
		wg.Go(func() {
			for _, part := range []string{"GET / HTTP/1.1\r\n", "Host: a\r\n", "X: b\r\n", "Y: c\r\n\r\n"} {
				time.Sleep(4 * time.Second)
				if _, err := io.WriteString(client, part); err != nil {
					return
				}
			}
		})
		start := time.Now()
		n, err := server.Read(make([]byte, 4096))
		var timeout net.Error
		if n != 0 || !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("got %d, %v; want a timeout", n, err)
		}
		if took := time.Since(start); took != 14*time.Second {
			t.Errorf("took %v; want 4s to the first byte and 10s more", took)
		}
		client.Close()
		wg.Wait()
	})
}

// The time of a head ends with it; then the server's deadline holds again, and an earlier one always.
func TestStrictDeadlines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, server := strictPipe(t, StrictConfig{})
		defer client.Close()
		defer server.Close()
		go func() {
			io.WriteString(client, "POST / HTTP/1.1\r\n")
			time.Sleep(9 * time.Second)
			io.WriteString(client, "Host: a\r\nContent-Length: 2\r\n\r\n")
			time.Sleep(time.Hour)
			io.WriteString(client, "ok")
			io.WriteString(client, "GET /incomplete")
		}()
		p := make([]byte, 4096)
		for _, want := range []string{"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n", "ok"} {
			n, err := server.Read(p)
			if err != nil || string(p[:n]) != want {
				t.Fatalf("got %q, %v; want %q", p[:n], err, want)
			}
		}
		start := time.Now()
		server.SetDeadline(start.Add(time.Second))
		if _, err := server.Read(p); err == nil || time.Since(start) != time.Second {
			t.Errorf("got %v after %v; want a timeout after 1s", err, time.Since(start))
		}
		server.SetReadDeadline(time.Time{})
		if _, err := server.Read(p); err == nil || time.Since(start) != 10*time.Second {
			t.Errorf("got %v after %v; want a timeout 10s after the head began", err, time.Since(start))
		}
	})
}

// Whatever comes, cut anywhere: what passes are the client's bytes in order, and nothing after a fault
// but, for a read of one byte, one.
func FuzzStrict(f *testing.F) {
	f.Add([]byte(wellFormed), uint64(1))
	for _, m := range malformed {
		if len(m) < 200 {
			f.Add([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nok"+m), uint64(2))
		}
	}
	f.Fuzz(func(t *testing.T, input []byte, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 0))
		got := passed(t, input, r)
		want := wantPassed(input)
		if !bytes.Equal(got, want) {
			t.Errorf("got %q; want %q", got, want)
		}
	})
}

// passed sends input in random parts through a guarded pipe and returns what is read in random sizes.
func passed(t *testing.T, input []byte, r *rand.Rand) []byte {
	client, server := strictPipe(t, StrictConfig{})
	sizes := make([]int, len(input))
	for i := range sizes {
		sizes[i] = 1 + r.IntN(30)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer client.Close()
		rest := input
		for i := 0; len(rest) > 0; i++ {
			n := min(sizes[i], len(rest))
			if _, err := client.Write(rest[:n]); err != nil {
				return
			}
			rest = rest[n:]
		}
	})
	wg.Go(func() { _, _ = io.Copy(io.Discard, client) })
	var got []byte
	for {
		p := make([]byte, 2+r.IntN(50)) // no reads of one byte
		n, err := server.Read(p)
		got = append(got, p[:n]...)
		if err != nil {
			break
		}
		if n == 0 {
			t.Fatal("got neither bytes nor an error")
		}
	}
	server.Close()
	wg.Wait()
	return got
}

// wantPassed asks the guard about the whole input at once.
func wantPassed(input []byte) (want []byte) {
	var g wire.Guard
	for rest := input; ; {
		skip, pass, err := g.Next(rest)
		if skip+pass == 0 || err != nil {
			return want
		}
		want = append(want, rest[skip:skip+pass]...)
		rest = rest[skip+pass:]
	}
}

// BenchmarkStrict reads a request with a body of 64 KiB, as net/http does, guarded and not.
func BenchmarkStrict(b *testing.B) {
	request := "POST /v1/messages HTTP/1.1\r\nHost: 127.0.0.1:7860\r\nContent-Type: application/json\r\n" +
		"X-Api-Key: 0123456789\r\nContent-Length: 65536\r\n\r\n" + strings.Repeat("a", 65536)
	for _, guarded := range []bool{false, true} {
		b.Run(fmt.Sprintf("guarded=%v", guarded), func(b *testing.B) {
			var conn net.Conn = &replayConn{data: request}
			if guarded {
				conn, _ = Strict(pipeListener{conn}, StrictConfig{}).Accept()
			}
			p := make([]byte, 4096)
			b.ReportAllocs()
			b.SetBytes(int64(len(request)))
			for b.Loop() {
				for n := 0; n < len(request); {
					m, err := conn.Read(p)
					if err != nil {
						b.Fatal(err)
					}
					n += m
				}
			}
		})
	}
}

// A replayConn reads the same bytes again and again, from the start at the end of each round.
type replayConn struct {
	net.Conn
	data string
	at   int
}

func (c *replayConn) Read(p []byte) (int, error) {
	n := copy(p, c.data[c.at:])
	c.at = (c.at + n) % len(c.data)
	return n, nil
}
