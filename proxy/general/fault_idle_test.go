package general

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"millpond/proxy/pool"
	"millpond/proxy/socket"
	"millpond/settings"
)

// Row 1: idle connection, FIN long ago: never picked.
func TestRow01FINLongAgo(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		o := newOrigin(t, secure, func(p *peer) {
			if p.serve(); p.n > 1 {
				p.serveAll()
			}
		})
		r := newRig(t, o.config(), nil, o.url)
		r.fine(r.post("/1"), "/1")
		r.evicted(pool.PeerClosed, 1)
		r.fine(r.post("/2"), "/2")
		o.executed("/1", 1)
		o.executed("/2", 1)
		r.replayed(0, 0, 0)
	})
}

// Row 2: the FIN is in the kernel and nobody told us yet. Whether the watcher or
// the request is first is chance, so it is tried often.
func TestRow02FINInTheKernel(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		const rounds = 40
		end, ended := make(chan struct{}), make(chan struct{})
		o := newOrigin(t, secure, func(p *peer) {
			p.serve()
			p.wait(end)
			p.Close()
			ended <- struct{}{}
		})
		r := newRig(t, o.config(), nil, o.url)
		for i := range rounds {
			path := "/" + strings.Repeat("x", i)
			r.fine(r.post(path), path)
			o.executed(path, 1)
			end <- struct{}{}
			<-ended
		}
		r.replayed(0, 0, 0)
	})
}

// Row 2, in the last moment: a plain connection is looked at where the request is written, and
// replaced when it is found closed or talking. Nothing is replayed.
func TestRow02SeenInTheMomentOfWriting(t *testing.T) {
	if !socket.Asks {
		t.Skip("connections are looked at before on this system: rows 3 and 4")
	}
	for name, last := range map[string]func(*peer){
		"closed": func(p *peer) { p.Close() },
		"half":   func(p *peer) { p.half() },
		"reset":  func(p *peer) { p.reset() },
		"talks":  func(p *peer) { io.WriteString(p, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			end, ended := make(chan struct{}), make(chan struct{})
			o := newOrigin(t, false, func(p *peer) {
				if p.serve(); p.n > 1 {
					p.serveAll()
					return
				}
				p.wait(end)
				last(p)
				close(ended)
			})
			r := newRig(t, o.config(), nil, o.url)
			r.fine(r.post("/1"), "/1")
			r.beforeUse(func() { close(end); <-ended })
			r.fine(r.post("/2"), "/2")
			o.executed("/2", 1)
			r.replayed(0, 0, 0)
			if s := r.pools.Stats(); s.Requests != 2 || s.Reused != 0 || s.InUse != 0 {
				t.Errorf("got %d requests, %d reused, %d in use; want 2, 0, 0", s.Requests, s.Reused, s.InUse)
			}
		})
	}
}

// Row 2, in the last moment, and no other connection is to be had: the request fails as one whose
// dial failed, and holds nothing any more (newRig looks).
func TestRow02GoneInTheMomentOfWriting(t *testing.T) {
	if !socket.Asks {
		t.Skip("connections are looked at before on this system")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conns := make(chan net.Conn, 1)
	go func() { // ends with ln
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		if req, err := http.ReadRequest(bufio.NewReader(nc)); err == nil {
			io.Copy(io.Discard, req.Body)
		}
		io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n/1")
		conns <- nc
	}()
	r := newRig(t, pool.Config{}, nil, "http://"+ln.Addr().String())
	r.fine(r.post("/1"), "/1")
	r.beforeUse(func() { ln.Close(); (<-conns).Close() })
	r.failed(r.post("/2"), http.StatusBadGateway, pool.CodeConnect)
	if s := r.pools.Stats(); s.Requests < 2 || s.Reused != 0 {
		t.Errorf("got %d requests, %d reused; want two or more, none", s.Requests, s.Reused)
	}
	if n := r.x.Ledger().Ambiguous; n != 0 {
		t.Errorf("%d ambiguous failures counted; want none", n)
	}
}

// Row 3: the connection dies between the look at it and the first byte. A RST is
// what keeps the kernel from taking bytes; after a FIN alone it takes them (row 4).
func TestRow03NothingWritten(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		end, ended := make(chan struct{}), make(chan struct{})
		o := newOrigin(t, secure, func(p *peer) {
			if p.serve(); p.n > 1 {
				p.serveAll()
				return
			}
			p.wait(end)
			p.reset()
			close(ended)
		})
		r := newRig(t, o.config(), nil, o.url)
		r.fine(r.post("/1"), "/1")
		r.beforeSend(func() { close(end); <-ended })
		r.fine(r.post("/2"), "/2")
		o.executed("/2", 1)
		r.replayed(1, 0, 0)
	})
}

// crossed serves one request, and closes in the instant in which the second is
// about to be written.
func crossed(t *testing.T, secure bool) (*origin, *rig) {
	end, ended := make(chan struct{}), make(chan struct{})
	o := newOrigin(t, secure, func(p *peer) {
		if p.serve(); p.n > 1 {
			p.serveAll()
			return
		}
		p.wait(end)
		p.Close()
		close(ended)
	})
	r := newRig(t, o.config(), nil, o.url)
	r.fine(r.post("/1"), "/1")
	r.beforeSend(func() { close(end); <-ended })
	return o, r
}

// Row 4: the FIN crosses the request, which was written.
func TestRow04FINCrossesTheRequest(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		o, r := crossed(t, secure)
		r.ambiguous(r.post("/2"))
		o.executed("/2", 0)
		r.replayed(0, 0, 0)
		r.fine(r.post("/3"), "/3")

		o, r = crossed(t, secure)
		r.fine(r.get("/2"), "/2")
		o.executed("/2", 1)
		r.replayed(0, 0, 1)
	})
}

// Row 5: RST on an idle connection.
func TestRow05ResetWhileIdle(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		reset := make(chan struct{})
		o := newOrigin(t, secure, func(p *peer) {
			if p.serve(); p.n > 1 {
				p.serveAll()
				return
			}
			p.wait(reset)
			p.reset()
		})
		r := newRig(t, o.config(), nil, o.url)
		r.fine(r.post("/1"), "/1")
		close(reset)
		r.evicted(pool.PeerClosed, 1)
		r.fine(r.post("/2"), "/2")
		o.executed("/2", 1)
		r.replayed(0, 0, 0)
	})
}

// secondRequest serves one request on the first connection, and has fault handle
// the next on it. Further connections serve all.
func secondRequest(t *testing.T, secure bool, fault func(*peer)) (*origin, *rig) {
	o := newOrigin(t, secure, func(p *peer) {
		if p.serve(); p.n > 1 {
			p.serveAll()
			return
		}
		fault(p)
	})
	r := newRig(t, o.config(), nil, o.url)
	r.fine(r.post("/1"), "/1")
	return o, r
}

// Row 6: RST after bytes were written, before anything was executed.
func TestRow06ResetAfterBytesWritten(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		fault := func(p *peer) {
			p.in.ReadByte()
			p.reset()
		}
		o, r := secondRequest(t, secure, fault)
		r.ambiguous(r.post("/2"))
		o.executed("/2", 0)

		o, r = secondRequest(t, secure, fault)
		r.fine(r.get("/2"), "/2")
		o.executed("/2", 1)
		r.replayed(0, 0, 1)
	})
}

// Rows 7 and 8: the server executes, then closes or resets instead of answering.
func TestRow07and08ExecutedThenGone(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		for name, end := range map[string]func(*peer){
			"fin": func(p *peer) { p.Close() },
			"rst": func(p *peer) { p.reset() },
		} {
			t.Run(name, func(t *testing.T) {
				o, r := secondRequest(t, secure, func(p *peer) { p.request(); end(p) })
				r.ambiguous(r.post("/2"))
				o.executed("/2", 1)
				r.replayed(0, 0, 0)
				if n := o.connections(); n != 1 {
					t.Errorf("%d connections; want 1", n)
				}
			})
		}
	})
}

// An operator's word makes a POST as repeatable as a GET (class C).
func TestRow07OnAnIdempotentRoute(t *testing.T) {
	o := newOrigin(t, false, func(p *peer) {
		if p.serve(); p.n == 1 {
			p.request()
			return
		}
		p.serveAll()
	})
	r := newRig(t, o.config(), func(s *settings.Settings) {
		s.Routes = []settings.Route{{Path: "/", Upstreams: []string{"up-0"}, Idempotent: true}}
	}, o.url)
	r.fine(r.post("/1"), "/1")
	r.fine(r.post("/2"), "/2")
	o.executed("/2", 2)
	r.replayed(0, 0, 1)
}

// Row 9: the server closes with unread data, which makes its kernel send a RST.
func TestRow09ClosedWithUnreadData(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		o, r := secondRequest(t, secure, func(p *peer) {
			p.head()
			p.raw.Close()
		})
		r.ambiguous(r.send(r.request("POST", "/2", large())))
		o.executed("/2", 0)
		r.replayed(0, 0, 0)
	})
}

// Rows 10 and 11: the server closes its half while idle, and then reads and
// executes what comes all the same, at once or late.
func TestRow10and11HalfClosed(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		for _, late := range []bool{false, true} {
			half, halved, saw := make(chan struct{}), make(chan struct{}), make(chan struct{})
			failed := make(chan struct{})
			o := newOrigin(t, secure, func(p *peer) {
				p.serve()
				p.wait(half)
				p.half()
				close(halved)
				req := p.head()
				if late {
					p.wait(failed)
				}
				io.Copy(io.Discard, req.Body)
				p.execute(req)
				close(saw)
			})
			r := newRig(t, o.config(), nil, o.url)
			r.fine(r.post("/1"), "/1")
			r.beforeSend(func() { close(half); <-halved })
			r.ambiguous(r.post("/2"))
			close(failed)
			await(t, "the request is executed", saw)
			o.executed("/2", 1)
			r.replayed(0, 0, 0)
			if n := o.connections(); n != 1 {
				t.Errorf("%d connections; want 1", n)
			}
		}
	})
}

// Row 12: RST inside the request's body, with and without an early answer.
func TestRow12ResetInsideTheBody(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		for _, early := range []bool{false, true} {
			o, r := secondRequest(t, secure, func(p *peer) {
				io.CopyN(io.Discard, p.head().Body, 64<<10)
				if early {
					p.say("HTTP/1.1 413 Too Much\nContent-Length: 4\nConnection: close\n\nless")
				}
				p.reset()
			})
			got := r.send(r.request("POST", "/2", large()))
			if early && got.status == http.StatusRequestEntityTooLarge {
				if got.body != "less" || got.cut {
					t.Errorf("early answer %q, cut %v; want all of it", got.body, got.cut)
				}
			} else {
				r.ambiguous(got)
			}
			o.executed("/2", 0)
			r.replayed(0, 0, 0)
		}
	})
}

// Row 13: 401 or 413 before the body is read. The status comes at once, although
// the client has more to send, and the connection is not used again.
func TestRow13AnswerBeforeTheBody(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		for _, framing := range []string{"Transfer-Encoding: chunked\r\n\r\n400\r\n", "Content-Length: 20000000\r\n\r\n"} {
			o := newOrigin(t, secure, func(p *peer) {
				if p.n > 1 {
					p.serveAll()
					return
				}
				p.head()
				p.say("HTTP/1.1 401 Unauthorized\nContent-Length: 2\n\nno")
				p.left()
			})
			r := newRig(t, o.config(), nil, o.url)
			nc := r.dial()
			io.WriteString(nc, "POST /1 HTTP/1.1\r\nHost: 127.0.0.1\r\n"+framing+strings.Repeat("x", 1000))
			got := answerTo(t, nc, "POST")
			if got.status != http.StatusUnauthorized || got.body != "no" || got.cut {
				t.Errorf("got %d %q, cut %v; want 401 \"no\"", got.status, got.body, got.cut)
			}
			nc.Close()
			r.evicted(pool.NotReusable, 1)
			o.executed("/1", 0)
			r.fine(r.post("/2"), "/2")
			o.executed("/2", 1)
		}
	})
}

// Row 14: a fresh connection closed without an answer is no stale one: even a GET
// is not sent again.
func TestRow14FreshConnectionClosed(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		for _, method := range []string{"POST", "GET"} {
			o := newOrigin(t, secure, func(p *peer) { p.request() })
			r := newRig(t, o.config(), nil, o.url)
			r.ambiguous(r.send(r.request(method, "/1", nil)))
			o.executed("/1", 1)
			r.replayed(0, 0, 0)
			if n := o.connections(); n != 1 {
				t.Errorf("%d connections; want 1", n)
			}
		}
	})
}

// answerTo reads one answer of a raw connection.
func answerTo(t *testing.T, nc net.Conn, method string) answer {
	t.Helper()
	got, err := parseAnswer(nc, method)
	if err != nil {
		t.Errorf("no answer: %v", err)
	}
	return got
}
