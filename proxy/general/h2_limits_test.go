package general

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"millpond/proxy/pool"
	"millpond/settings"
)

// Row 30 on HTTP/2: no head in time is 504, the stream is reset and its slot free;
// the time begins when the request was sent.
func TestRow30NoHeadOnH2(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			s.execute()
			if s.path == "/next" {
				s.ok("next")
				return
			}
			<-s.over
		})
		r := up.before(t, func(s *settings.Settings) { s.Timeouts.ResponseHeader = 500 * time.Millisecond })
		r.failed(r.post("/a"), http.StatusGatewayTimeout, pool.CodeTimeout)
		if n := up.ran("/a"); n != 1 {
			t.Errorf("ran %d times; want once", n)
		}
		if got := r.post("/next"); got.status != 200 || len(up.connections()) != 1 {
			t.Errorf("got %d on %d connections; want 200 on 1", got.status, len(up.connections()))
		}
	})
}

// The time for the head does not run while the client still sends.
func TestSlowUploadOnH2IsNoSilence(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) { s.ok(s.execute()) })
		const limit = 800 * time.Millisecond
		r := up.before(t, func(s *settings.Settings) { s.Timeouts.ResponseHeader = limit })
		nc := r.dial()
		fmt.Fprintf(nc, "POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
		tick := time.NewTicker(limit / 4)
		defer tick.Stop()
		for range 8 {
			<-tick.C
			fmt.Fprintf(nc, "1\r\nx\r\n")
		}
		fmt.Fprintf(nc, "0\r\n\r\n")
		got, err := parseAnswer(nc, "POST")
		if err != nil || got.status != 200 || got.body != "xxxxxxxx" {
			t.Errorf("got %d %q, %v; want 200 and 8 x", got.status, got.body, err)
		}
	})
}

// Row 31 on HTTP/2: an answer that stops coming is cut, also when the client's
// request has not ended.
func TestRow31StreamStallsOnH2(t *testing.T) {
	for _, open := range []bool{false, true} {
		t.Run(fmt.Sprintf("request open %v", open), func(t *testing.T) {
			eachH2(t, func(t *testing.T, secure bool) {
				up := newH2(t, secure, func(s *h2Stream) {
					s.answer(200, false, "content-type", "text/event-stream")
					s.data("data: 1\n\n", false)
					<-s.over
				})
				r := up.before(t, func(s *settings.Settings) { s.Timeouts.StreamIdle = 100 * time.Millisecond })
				nc := r.dial()
				end := "0\r\n\r\n"
				if open {
					end = ""
				}
				fmt.Fprintf(nc, "POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n%s", end)
				resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(resp.Body)
				if err == nil || !strings.HasPrefix(string(body), "data: 1\n\nevent: error\ndata: {") || !strings.Contains(string(body), pool.CodeStreamIdle) {
					t.Errorf("got %q, %v; want the event, an error event and a cut", body, err)
				}
			})
		})
	}
}

// Row 29 on HTTP/2: 1xx without end.
func TestRow29EndlessInterimOnH2(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			s.execute()
			for !s.isOver() {
				s.answer(103, false)
				if !s.c.sync() {
					return
				}
			}
		})
		r := up.before(t, nil)
		r.failed(r.post("/a"), http.StatusBadGateway, pool.CodeProtocol)
		if n := up.ran("/a"); n != 1 {
			t.Errorf("ran %d times; want once", n)
		}
	})
}

// Row 21 on HTTP/2: the body waits for 100, but not for ever; 417 is passed on.
func TestRow21ExpectOnH2(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(*h2Stream)
		want int
	}{
		{"100", func(s *h2Stream) { s.answer(100, false); s.ok(s.execute()) }, 200},
		{"silent", func(s *h2Stream) { s.ok(s.execute()) }, 200},
		{"417", func(s *h2Stream) { s.answer(417, true) }, 417},
	} {
		t.Run(row.name, func(t *testing.T) {
			eachH2(t, func(t *testing.T, secure bool) {
				up := newH2(t, secure, row.do)
				r := up.before(t, nil)
				nc := r.dial()
				fmt.Fprintf(nc, "POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n")
				in := bufio.NewReader(nc)
				resp, err := http.ReadResponse(in, nil)
				if err == nil && resp.StatusCode == 100 {
					fmt.Fprint(nc, "hello")
					resp, err = http.ReadResponse(in, nil)
				}
				if err != nil || resp.StatusCode != row.want {
					t.Fatalf("got %v, %v; want %d", resp, err, row.want)
				}
				body, _ := io.ReadAll(resp.Body)
				if row.want == 200 && string(body) != "hello" {
					t.Errorf("got %q; want hello", body)
				}
				if n, want := up.ran("/a"), map[int]int{200: 1}[row.want]; n != want {
					t.Errorf("ran %d times; want %d", n, want)
				}
			})
		})
	}
}

// protocol = "http2" before an upstream that speaks HTTP/1 without TLS.
func TestH2ToAnHTTP1Server(t *testing.T) {
	o := newOrigin(t, false, func(p *peer) {
		p.in.ReadByte()
		p.say("HTTP/1.1 400 Bad Request\nContent-Length: 0\nConnection: close\n\n")
		p.left() // closing with bytes unread would be a reset
	})
	r := newRig(t, o.config(), func(s *settings.Settings) { s.Pool.Protocol = settings.ProtocolHTTP2 }, o.url)
	got := r.post("/a")
	// The end of the connection may be seen before what came on it.
	if code := got.header.Get("X-Millpond-Error"); got.status != http.StatusBadGateway || code != pool.CodeProtocol && code != pool.CodeClosed {
		t.Errorf("got %d %s; want 502 %s or %s", got.status, code, pool.CodeProtocol, pool.CodeClosed)
	}
}

// Row 39 on HTTP/2: requests that are cut at any moment leave nothing behind, and
// no byte of one body comes in another's, though their memory is used again.
func TestRow39RandomCancelsOnH2(t *testing.T) {
	const requests, callers = 1200, 24
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			letter := s.path[1]
			buf := make([]byte, 32<<10)
			for {
				n, err := s.Read(buf)
				if i := bytes.IndexFunc(buf[:n], func(r rune) bool { return byte(r) != letter }); i >= 0 {
					t.Errorf("%s: byte %q of another request", s.path, buf[i])
				}
				if err != nil {
					break
				}
			}
			s.execute()
			switch s.path[len(s.path)-1] {
			case '0':
				s.reset(http2.ErrCodeInternal)
			case '1':
				s.answer(200, false)
				s.data("half", false)
				s.reset(http2.ErrCodeCancel)
			default:
				s.ok(strings.Repeat("z", 20<<10))
			}
		})
		r := up.before(t, func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = 3; s.Pool.MaxStreamsPerConnection = 4 })
		client := newClient(t)
		var next atomic.Int32
		var wg sync.WaitGroup
		for range callers {
			wg.Go(func() {
				for i := int(next.Add(1)); i <= requests; i = int(next.Add(1)) {
					letter := string(rune('a' + i%26))
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(20_000))*time.Microsecond)
					body := strings.NewReader(strings.Repeat(letter, 4096+rand.IntN(100<<10)))
					req, _ := http.NewRequestWithContext(ctx, "POST", fmt.Sprintf("%s/%s%d", r.url, letter, i), body)
					if resp, err := client.Do(req); err == nil {
						io.Copy(io.Discard, resp.Body)
						resp.Body.Close()
					}
					cancel()
				}
			})
		}
		wg.Wait()
		r.atRest(t)
		if _, twice := up.ranAll(); len(twice) > 0 {
			t.Errorf("executed twice: %v", twice)
		}
		if got := ask(client, "POST", r.url+"/x", "xxxx"); got.status != 200 {
			t.Errorf("afterwards %v; want 200", got)
		}
	})
}

// Row 12: the upstream resets within a request whose client has stopped sending. The
// client gets an answer that says so, and is not waited for.
func TestRow12ResetWhileTheClientStalls(t *testing.T) {
	stalled := func(t *testing.T, r *rig) {
		t.Helper()
		nc := r.dial()
		fmt.Fprintf(nc, "POST /a HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
		begun := time.Now()
		got, err := parseAnswer(nc, "POST")
		if err != nil {
			t.Fatal(err)
		}
		r.failed(got, http.StatusBadGateway, pool.CodeReset, pool.CodeClosed)
		if took := time.Since(begun); took > 3*time.Second {
			t.Errorf("took %v; want at once", took)
		}
	}
	t.Run("HTTP2", func(t *testing.T) {
		eachH2(t, func(t *testing.T, secure bool) {
			up := newH2(t, secure, func(s *h2Stream) {
				s.Read(make([]byte, 1))
				s.reset(http2.ErrCodeInternal)
			})
			stalled(t, up.before(t, nil))
		})
	})
	t.Run("HTTP1", func(t *testing.T) {
		plainAndTLS(t, func(t *testing.T, secure bool) {
			o := newOrigin(t, secure, func(p *peer) {
				req := p.head()
				req.Body.Read(make([]byte, 1))
				p.reset()
			})
			stalled(t, newRig(t, o.config(), nil, o.url))
		})
	})
}
