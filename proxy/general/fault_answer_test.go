package general

import (
	"bufio"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"millpond/proxy/pool"
	"millpond/settings"
)

// Rows 17 and 18: a 408, or anything else, on an idle connection. It must never be
// taken for the answer to the next request.
func TestRow17and18BytesWhileIdle(t *testing.T) {
	for name, stray := range map[string]string{
		"408":       "HTTP/1.1 408 Request Timeout\nContent-Length: 0\nConnection: close\n\n",
		"an answer": "HTTP/1.1 200 OK\nContent-Length: 5\n\nother",
		"a byte":    "x",
	} {
		t.Run(name, func(t *testing.T) {
			plainAndTLS(t, func(t *testing.T, secure bool) {
				begin, said := make(chan struct{}), make(chan struct{})
				o := newOrigin(t, secure, func(p *peer) {
					if p.serve(); p.n == 1 {
						p.wait(begin)
						p.say(stray)
						close(said)
					}
					p.serveAll()
				})
				r := newRig(t, o.config(), nil, o.url)
				r.fine(r.post("/1"), "/1")
				close(begin)
				<-said
				r.fine(r.post("/2"), "/2")
				o.executed("/2", 1)
				r.replayed(0, 0, 0)
				r.evicted(pool.PeerClosed, 1)
			})
		})
	}
}

// Row 19: bytes beyond the answer: in the packet of its end, or right behind it.
func TestRow19BytesBeyondTheAnswer(t *testing.T) {
	for name, parts := range map[string][]string{
		"length, at once":   {"HTTP/1.1 200 OK\nContent-Length: 2\n\n/1HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
		"length, later":     {"HTTP/1.1 200 OK\nContent-Length: 2\n\n", "/1HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
		"length, last":      {"HTTP/1.1 200 OK\nContent-Length: 2\n\n", "/1", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
		"chunked, at once":  {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\n/1\n0\n\nHTTP/1.1 200 OK\nContent-Length: 0\n\n"},
		"chunked, later":    {"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n2\n/1\n", "0\n\n", "HTTP/1.1 200 OK\nContent-Length: 0\n\n"},
		"no content":        {"HTTP/1.1 204 No Content\n\n/1"},
		"no content, later": {"HTTP/1.1 204 No Content\n\n", "/1"},
	} {
		t.Run(name, func(t *testing.T) {
			plainAndTLS(t, func(t *testing.T, secure bool) {
				o := newOrigin(t, secure, func(p *peer) {
					if p.n > 1 {
						p.serveAll()
						return
					}
					p.request()
					for _, part := range parts {
						p.say(part) // under TLS a record each
					}
					p.serveAll()
				})
				r := newRig(t, o.config(), nil, o.url)
				if got := r.post("/1"); got.status/100 != 2 || got.cut || got.body != "/1" && got.status == 200 {
					t.Errorf("got %d %q, cut %v; want a whole answer", got.status, got.body, got.cut)
				}
				r.fine(r.post("/2"), "/2")
				o.executed("/1", 1)
				o.executed("/2", 1)
				if n := o.connections(); n != 2 {
					t.Errorf("%d connections; want 2: the first is not to be trusted", n)
				}
			})
		})
	}
}

// Row 20: interim answers pass; 100 is the front's own affair.
func TestRow20InterimAnswers(t *testing.T) {
	o := newOrigin(t, false, func(p *peer) {
		req := p.request()
		p.say("HTTP/1.1 100 Continue\n\nHTTP/1.1 102 Processing\n\nHTTP/1.1 103 Early Hints\nLink: </a>\n\n")
		p.ok(req)
		p.serveAll()
	})
	r := newRig(t, o.config(), nil, o.url)
	nc := r.dial()
	io.WriteString(nc, "POST /1 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1\r\n\r\nx")
	in := bufio.NewReader(nc)
	for _, want := range []int{102, 103, 200} {
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != want {
			t.Fatalf("got %v, %v; want %d", resp, err, want)
		}
		if want == 103 && resp.Header.Get("Link") != "</a>" {
			t.Errorf("103 with %v; want its Link", resp.Header)
		}
	}
	nc.Close()
	o.executed("/1", 1)
	r.fine(r.post("/2"), "/2")
	if n := o.connections(); n != 1 {
		t.Errorf("%d connections; want 1", n)
	}
}

// Row 21: a client that waits for 100. An upstream that does not know about it
// gets the body after a while; one that says 417 never does.
func TestRow21ExpectContinue(t *testing.T) {
	ask := "POST /1 HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"
	t.Run("silent", func(t *testing.T) {
		o := newOrigin(t, false, (*peer).serveAll) // ReadRequest does not answer Expect
		r := newRig(t, o.config(), nil, o.url)
		nc := r.dial()
		io.WriteString(nc, ask)
		in := bufio.NewReader(nc)
		resp, err := http.ReadResponse(in, nil)
		if err != nil || resp.StatusCode != http.StatusContinue {
			t.Fatalf("got %v, %v; want 100", resp, err)
		}
		io.WriteString(nc, "body")
		got, err := parseAnswer(in, "POST")
		if err != nil {
			t.Error(err)
		}
		r.fine(got, "/1")
		nc.Close()
		o.executed("/1", 1)
	})
	t.Run("100", func(t *testing.T) {
		o := newOrigin(t, false, func(p *peer) {
			req := p.head()
			p.say("HTTP/1.1 100 Continue\n\n")
			p.body, _ = io.ReadAll(req.Body)
			p.execute(req)
			p.ok(req)
			p.serveAll()
		})
		r := newRig(t, o.config(), nil, o.url)
		nc := r.dial()
		io.WriteString(nc, ask)
		in := bufio.NewReader(nc)
		if resp, err := http.ReadResponse(in, nil); err != nil || resp.StatusCode != http.StatusContinue {
			t.Fatalf("got %v, %v; want 100", resp, err)
		}
		io.WriteString(nc, "body")
		got, _ := parseAnswer(in, "POST")
		r.fine(got, "/1")
		nc.Close()
		o.executed("/1", 1)
		r.fine(r.post("/2"), "/2")
		if n := o.connections(); n != 1 {
			t.Errorf("%d connections; want 1", n)
		}
	})
	t.Run("417", func(t *testing.T) {
		o := newOrigin(t, false, func(p *peer) {
			p.head()
			p.say("HTTP/1.1 417 Expectation Failed\nContent-Length: 2\n\nno")
			p.left()
		})
		r := newRig(t, o.config(), nil, o.url)
		nc := r.dial()
		io.WriteString(nc, ask)
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil || resp.StatusCode != http.StatusExpectationFailed {
			t.Fatalf("got %v, %v; want 417, and no 100 before it", resp, err)
		}
		nc.Close()
		o.executed("/1", 0)
		r.evicted(pool.NotReusable, 1) // the body it was promised never came
	})
}

// broken is an answer that is no answer: 502, never sent again, and the connection
// is not used again either.
func broken(t *testing.T, answer string, codes ...string) {
	t.Helper()
	for _, method := range []string{"POST", "GET"} {
		o := newOrigin(t, false, func(p *peer) {
			if p.serve(); p.n > 1 {
				p.serveAll()
				return
			}
			p.request()
			p.say(answer)
			if !strings.Contains(answer, "cut here") {
				p.left()
			}
		})
		r := newRig(t, o.config(), nil, o.url)
		r.fine(r.post("/1"), "/1") // so that the connection is a reused one
		r.failed(r.send(r.request(method, "/2", nil)), http.StatusBadGateway, codes...)
		o.executed("/2", 1)
		r.replayed(0, 0, 0)
		if s := r.pools.Stats(); s.Open != 0 {
			t.Errorf("%d connections open; want 0", s.Open)
		}
	}
}

// Row 22: 101 to a request that asked for nothing of the kind.
func TestRow22UnsolicitedUpgrade(t *testing.T) {
	broken(t, "HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: x\n\n", pool.CodeProtocol)
}

// Row 23: a chunk size that is none. Before the first content that is 502, after
// it the client's connection breaks.
func TestRow23BadChunkSize(t *testing.T) {
	broken(t, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\nxyz\n", pool.CodeProtocol)
	abort(t, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\npart\nxyz\n", "part")
}

// abort is an answer that breaks off after content: the client must see that.
func abort(t *testing.T, said, want string) {
	t.Helper()
	o := newOrigin(t, false, func(p *peer) {
		p.request()
		p.say(said)
	})
	r := newRig(t, o.config(), nil, o.url)
	if got := r.post("/1"); got.status != 200 || got.body != want || !got.cut {
		t.Errorf("got %d %q, cut %v; want 200 %q, cut", got.status, got.body, got.cut, want)
	}
	o.executed("/1", 1)
	r.replayed(0, 0, 0)
}

// Row 25: a body shorter than its Content-Length.
func TestRow25ShortBody(t *testing.T) {
	broken(t, "HTTP/1.1 200 OK\nContent-Length: 100\nX: cut here\n\n", pool.CodeClosed)
	abort(t, "HTTP/1.1 200 OK\nContent-Length: 100\n\npart", "part")
	abort(t, "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n4\npart\n", "part")
}

// Row 26: two lengths are refused; of Content-Length and Transfer-Encoding the
// latter wins, and the connection ends.
func TestRow26TwoFramings(t *testing.T) {
	broken(t, "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 3\n\nabc", pool.CodeProtocol)
	broken(t, "HTTP/1.1 200 OK\nContent-Length: 2\nContent-Length: 2\n\nab", pool.CodeProtocol)
	o := newOrigin(t, false, func(p *peer) {
		p.request()
		p.say("HTTP/1.1 200 OK\nContent-Length: 100\nTransfer-Encoding: chunked\n\n2\n/1\n0\n\n")
		p.left()
	})
	r := newRig(t, o.config(), nil, o.url)
	got := r.post("/1")
	r.fine(got, "/1")
	if v := got.header.Get("Content-Length"); v != "" && v != "2" {
		t.Errorf("Content-Length %q was passed on", v)
	}
	r.evicted(pool.NotReusable, 1)
	o.executed("/1", 1)
}

// Row 28: no HTTP at all, and a head that breaks off.
func TestRow28Garbage(t *testing.T) {
	broken(t, "SSH-2.0-OpenSSH_9.6\n", pool.CodeProtocol)
	broken(t, "HTTP/1.1 2x0 OK\n\n", pool.CodeProtocol)
	broken(t, "HTTP/1.1 200 OK\nContent-Length: 2\ncut here", pool.CodeClosed)
}

// Row 29: a head without end, and interim answers without end.
func TestRow29TooMuchHead(t *testing.T) {
	broken(t, "HTTP/1.1 200 OK\nX: "+strings.Repeat("x", 100<<10), pool.CodeProtocol)
	broken(t, "HTTP/1.1 200 OK\n"+strings.Repeat("X: x\n", 1000)+"\n", pool.CodeProtocol)
	broken(t, strings.Repeat("HTTP/1.1 102 Processing\n\n", 100), pool.CodeProtocol)
}

// Row 30: a head that comes a byte at a time ends at the header timeout, which no
// byte renews.
func TestRow30SlowHead(t *testing.T) {
	const limit = 200 * time.Millisecond
	o := newOrigin(t, false, func(p *peer) {
		req := p.request()
		if req.URL.Path != "/1" {
			p.ok(req)
			p.serveAll()
			return
		}
		tick := time.NewTicker(limit / 10)
		defer tick.Stop()
		for _, b := range []byte("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 200)) {
			<-tick.C
			if _, err := p.Write([]byte{b}); err != nil {
				return
			}
		}
	})
	r := newRig(t, o.config(), func(s *settings.Settings) { s.Timeouts.ResponseHeader = limit }, o.url)
	began := time.Now()
	r.failed(r.post("/1"), http.StatusGatewayTimeout, pool.CodeTimeout)
	if took := time.Since(began); took < limit {
		t.Errorf("failed after %v; want %v", took, limit)
	}
	r.evicted(pool.NotReusable, 1)
	o.executed("/1", 1)
	r.replayed(0, 0, 0)
	r.fine(r.post("/2"), "/2")
}
