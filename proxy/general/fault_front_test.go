package general

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"millpond/proxy/pool"
	"millpond/settings"
)

// Row 58: a body too large to keep, or of unknown size, on a stale connection. It
// is sent again only if nothing of it was taken from the client.
func TestRow58BodyNotKept(t *testing.T) {
	bodies := map[string]func() io.Reader{
		"over the cap": func() io.Reader { return strings.NewReader(strings.Repeat("x", 9<<20)) },
		"chunked":      func() io.Reader { return io.LimitReader(zeros{}, 100<<10) },
	}
	for name, body := range bodies {
		t.Run(name+", untouched", func(t *testing.T) {
			end, ended := make(chan struct{}), make(chan struct{})
			o := newOrigin(t, false, func(p *peer) {
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
			r.fine(r.send(r.request("POST", "/2", body())), "/2")
			o.executed("/2", 1)
			r.replayed(1, 0, 0)
		})
		t.Run(name+", touched", func(t *testing.T) {
			o := newOrigin(t, false, func(p *peer) {
				if p.serve(); p.n > 1 {
					p.serveAll()
					return
				}
				io.CopyN(io.Discard, p.head().Body, 1000)
				p.reset()
			})
			r := newRig(t, o.config(), func(s *settings.Settings) {
				s.Routes = []settings.Route{{Path: "/", Upstreams: []string{"up-0"}, Idempotent: true}}
			}, o.url)
			r.fine(r.post("/1"), "/1")
			got := r.send(r.request("POST", "/2", body()))
			r.ambiguous(got)
			if !strings.Contains(got.body, "too large to be kept") {
				t.Errorf("%q does not say why it was not sent again", got.body)
			}
			o.executed("/2", 0)
			r.replayed(0, 0, 0)
		})
	}
}

// Row 59: sleep, or another network. What is idle is dropped, what is in flight
// goes on and is not kept.
func TestRow59NetworkChange(t *testing.T) {
	o, began, release := heldOrigin(t)
	r := newRig(t, o.config(), nil, o.url)
	held := r.ask("POST", "/held")
	await(t, "the request is executed", began)
	r.fine(r.post("/1"), "/1")
	if n := r.pools.FlushIdle(pool.NetworkChange); n != 1 {
		t.Errorf("%d connections dropped; want 1", n)
	}
	r.until("what was idle is closed", func(s pool.Stats) bool { return s.Open == 1 && s.InUse == 1 })
	close(release)
	r.fine(answerTo(t, held, "POST"), "/held")
	held.Close()
	r.evicted(pool.NetworkChange, 2)
	r.fine(r.post("/2"), "/2")
	if n := o.connections(); n != 3 {
		t.Errorf("%d connections; want 3", n)
	}
	o.executed("/held", 1)
}

// Row 60: our own side keeps idle connections for longer than clients do. When it
// drains, it says so before it closes.
func TestRow60OurOwnIdleClose(t *testing.T) {
	o, began, release := heldOrigin(t)
	r := newRig(t, o.config(), nil, o.url)
	if d := r.front.general.server.IdleTimeout; d < 15*time.Minute {
		t.Errorf("idle connections of clients are closed after %v; want 15m or more", d)
	}
	idle := r.ask("POST", "/1")
	in := bufio.NewReader(idle)
	if got, err := parseAnswer(in, "POST"); err != nil || got.header.Get("Connection") == "close" {
		t.Fatalf("got %+v, %v; want an answer that leaves the connection open", got, err)
	}
	held := r.ask("POST", "/held")
	await(t, "the request is executed", began)
	r.front.Drain()
	close(release)
	for name, nc := range map[string]io.Reader{"/held": held, "/2": in} {
		if name == "/2" { // the client does not know yet
			fmt.Fprint(idle, "POST /2 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n")
		}
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		body, err := io.ReadAll(resp.Body)
		if string(body) != name || err != nil || !resp.Close {
			t.Errorf("%s: got %q, %v, close %v; want the answer and Connection: close", name, body, err, resp.Close)
		}
	}
	o.executed("/2", 1)
}

// Row 61: what two parsers could read in two ways is refused, or written anew so
// that there is one way. The upstream sees one message at most.
func TestRow61Smuggling(t *testing.T) {
	const post, evil = "POST /1 HTTP/1.1\r\nHost: 127.0.0.1\r\n", "GET /evil HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
	long := fmt.Sprintf("Content-Length: %d\r\n", len(evil))
	for name, tt := range map[string]struct {
		message string
		status  int // 0: 400, or an answer to /1
	}{
		"CL.TE":                     {post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + evil, 400},
		"TE.CL":                     {post + "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n" + evil, 400},
		"TE with a tab":             {post + "Content-Length: 5\r\nTransfer-Encoding:\tchunked\r\n\r\n0\r\n\r\n" + evil, 400},
		"TE twice":                  {post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + evil, 400},
		"TE of a list":              {post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + evil, 400},
		"TE misspelt":               {post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + evil, 400},
		"TE on HTTP/1.0":            {"POST /1 HTTP/1.0\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + evil, 400},
		"space before colon":        {post + "Transfer-Encoding : chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + evil, 400},
		"obs-fold":                  {post + "X: a\r\n Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + evil, 400},
		"bare LF":                   {"POST /1 HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 0\n\n" + evil, 400},
		"bare LF in a value":        {post + "X: a\nContent-Length: 0\r\n\r\n" + evil, 400},
		"bare CR":                   {post + "X: a\rContent-Length: 0\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + evil, 400},
		"NUL":                       {post + "X: a\x00b\r\nContent-Length: 0\r\n\r\n" + evil, 400},
		"two lengths":               {post + "Content-Length: 0\r\nContent-Length: 42\r\n\r\n" + evil, 400},
		"the same length twice":     {post + "Content-Length: 0\r\nContent-Length: 0\r\n\r\n", 400},
		"a list of lengths":         {post + "Content-Length: 0, 42\r\n\r\n" + evil, 400},
		"a signed length":           {post + "Content-Length: +0\r\n\r\n" + evil, 400},
		"two hosts":                 {post + "Host: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", 400},
		"no host":                   {"POST /1 HTTP/1.1\r\nContent-Length: 0\r\n\r\n", 400},
		"a space in the target":     {"POST /1 /2 HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", 400},
		"an unknown version":        {"POST /1 HTTP/1.2\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n", 0},
		"chunk size with a sign":    {post + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n", 400},
		"chunk size with 0x":        {post + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n", 400},
		"chunk size beyond 64 bits": {post + "Transfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello\r\n0\r\n\r\n", 400},
		"chunk with a bare LF":      {post + "Transfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n" + evil, 400},
		"chunk without its end":     {post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n" + evil, 400},
		"framing in a trailer":      {post + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n", 0},
		"length named hop-by-hop":   {post + "Connection: Content-Length\r\n" + long + "\r\n" + evil, 200},
		"host named hop-by-hop":     {post + "Connection: Host\r\nContent-Length: 0\r\n\r\n", 200},
		"upgrade with content":      {post + "Connection: Upgrade\r\nUpgrade: x\r\n" + long + "\r\n" + evil, 200},
		"upgrade declined":          {"GET /1 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n" + evil, 200},
		"GET with content":          {"GET /1 HTTP/1.1\r\nHost: 127.0.0.1\r\n" + long + "\r\n" + evil, 200},
		"chunk extensions":          {post + "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n0\r\n\r\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t, false, (*peer).serveAll)
			r := newRig(t, o.config(), nil, o.url)
			nc := r.dial()
			io.WriteString(nc, tt.message)
			got := answerTo(t, nc, "POST")
			nc.Close()
			if got.cut || tt.status != 0 && got.status != tt.status {
				t.Errorf("got %d %q, cut %v; want %d (%+v)", got.status, got.body, got.cut, tt.status, r.meter.Snapshot().Failures)
			}
			if got.status == 200 {
				r.fine(got, "/1")
				o.executed("/1", 1)
			} else {
				o.executed("/1", 0)
			}
			o.executed("/evil", 0)
			r.until("no request is left", func(s pool.Stats) bool { return s.InUse == 0 })
			r.fine(r.post("/2"), "/2") // whose answer is its own
			o.executed("/2", 1)
		})
	}
}

// webSocket asks for an upgrade, and returns the client's side.
func (r *rig) webSocket(early string) (write io.WriteCloser, read *bufio.Reader, status int) {
	r.t.Helper()
	nc := r.dial()
	io.WriteString(nc, "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"+early)
	in := bufio.NewReader(nc)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return nc, in, resp.StatusCode
}

// Row 62: after 101 bytes go both ways at once, the end of one direction passes
// without ending the other, and the slot is taken until both have ended.
func TestRow62WebSocket(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		ended := make(chan struct{})
		o := newOrigin(t, secure, func(p *peer) {
			p.request()
			p.say("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\nhello")
			defer close(ended)
			for {
				b, err := p.in.ReadByte()
				switch {
				case err != nil: // the client's direction has ended, ours has not
					p.say("bye")
					return
				case b == '!':
					p.reset()
					return
				}
				p.Write([]byte{b})
			}
		})
		r := newRig(t, o.config(), nil, o.url)
		ws, in, status := r.webSocket("early")
		if status != http.StatusSwitchingProtocols {
			t.Fatalf("status %d; want 101", status)
		}
		expect := func(want string) {
			t.Helper()
			got := make([]byte, len(want))
			if _, err := io.ReadFull(in, got); err != nil || string(got) != want {
				t.Fatalf("got %q, %v; want %q", got, err, want)
			}
		}
		expect("helloearly")
		io.WriteString(ws, "ping")
		expect("ping")
		if s := r.pools.Stats(); s.InUse != 1 || s.Idle != 0 {
			t.Errorf("%d in use, %d idle; want 1, 0", s.InUse, s.Idle)
		}
		ws.(interface{ CloseWrite() error }).CloseWrite()
		if rest, cut := readToCut(in); rest != "bye" || cut {
			t.Errorf("after half-close %q, cut %v; want bye", rest, cut)
		}
		ws.Close()
		await(t, "the upstream's side ends", ended)
		r.until("the slot is free", func(s pool.Stats) bool { return s.Open == 0 })
		o.executed("/ws", 1)
	})
}

// Whichever side leaves without a word, the other is told and the slot is free.
func TestRow62WebSocketBreaks(t *testing.T) {
	for _, who := range []string{"client", "upstream"} {
		t.Run(who, func(t *testing.T) {
			leave, left := make(chan struct{}), make(chan struct{})
			o := newOrigin(t, false, func(p *peer) {
				p.request()
				p.say("HTTP/1.1 101 Switching Protocols\nConnection: Upgrade\nUpgrade: websocket\n\n")
				if who == "upstream" {
					p.wait(leave)
					p.reset()
				} else {
					p.left()
				}
				close(left)
			})
			r := newRig(t, o.config(), nil, o.url)
			ws, in, status := r.webSocket("")
			if status != http.StatusSwitchingProtocols {
				t.Fatalf("status %d; want 101", status)
			}
			if who == "upstream" {
				close(leave)
				if rest, _ := readToCut(in); rest != "" {
					t.Errorf("got %q; want the end", rest)
				}
			}
			ws.Close()
			await(t, "the upstream's side ends", left)
			r.until("the slot is free", func(s pool.Stats) bool { return s.Open == 0 })
		})
	}
}
