package general

import (
	"bufio"
	"context"
	"fmt"
	"io"
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

// Row 41: REFUSED_STREAM says that nothing was done, so the request is sent again.
func TestRow41RefusedStreamIsSentAgain(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		var refused atomic.Int32
		up := newH2(t, secure, func(s *h2Stream) {
			if refused.Add(1) <= 2 {
				s.reset(http2.ErrCodeRefusedStream)
				return
			}
			s.ok(s.execute())
		})
		r := up.before(t, nil)
		if got := ask(newClient(t), "POST", r.url+"/a", "hello"); got.status != 200 || got.body != "hello" {
			t.Errorf("got %v; want 200 hello", got)
		}
		if n := up.ran("/a"); n != 1 {
			t.Errorf("ran %d times; want once", n)
		}
		if got := r.x.Ledger(); got.B != 2 || got.Ambiguous != 0 {
			t.Errorf("ledger %+v; want two of class B", got)
		}
		r.atRest(t)
	})
}

// Row 41: a peer that refuses for ever ends the replays, with a code of its own.
func TestRow41RefusedForEver(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		var tries atomic.Int32
		up := newH2(t, secure, func(s *h2Stream) { tries.Add(1); s.reset(http2.ErrCodeRefusedStream) })
		r := up.before(t, nil)
		if got := ask(newClient(t), "POST", r.url+"/a", "hello"); got.status != 502 || got.code != pool.CodeRefused {
			t.Errorf("got %v; want 502 %s", got, pool.CodeRefused)
		}
		if n := tries.Load(); n != 4 {
			t.Errorf("tried %d times; want 4: at most 3 replays", n)
		}
		r.atRest(t)
	})
}

// Row 42: a GOAWAY whose last stream is below ours says the same.
func TestRow42GoAwayBelowOurs(t *testing.T) {
	for _, code := range []http2.ErrCode{http2.ErrCodeNo, http2.ErrCodeEnhanceYourCalm} {
		t.Run(code.String(), func(t *testing.T) {
			eachH2(t, func(t *testing.T, secure bool) {
				up := newH2(t, secure, func(s *h2Stream) {
					if s.c.n == 0 {
						s.c.goAway(0, code)
						<-s.c.gone // stays open until the client leaves
						return
					}
					s.ok(s.execute())
				})
				r := up.before(t, nil)
				if got := ask(newClient(t), "POST", r.url+"/a", "hello"); got.status != 200 || got.body != "hello" {
					t.Errorf("got %v; want 200 hello", got)
				}
				if n := up.ran("/a"); n != 1 {
					t.Errorf("ran %d times; want once", n)
				}
				r.atRest(t)
				// The connection that takes no more is not kept.
				becomes(t, "one connection is left", func() bool { return r.pools.Stats().Open == 1 })
			})
		})
	}
}

// Row 43: a GOAWAY that covers our stream lets it finish; the next request goes
// on a new connection.
func TestRow43GoAwayCoversOursAndFinishes(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			body := s.execute()
			if s.c.n == 0 {
				s.c.goAway(s.id, http2.ErrCodeNo)
				s.c.sync()
			}
			s.ok(body)
		})
		r := up.before(t, nil)
		client := newClient(t)
		for _, path := range []string{"/a", "/b", "/c"} {
			if got := ask(client, "POST", r.url+path, path); got.status != 200 || got.body != path {
				t.Errorf("got %v; want 200 %s", got, path)
			}
			if n := up.ran(path); n != 1 {
				t.Errorf("%s ran %d times; want once", path, n)
			}
		}
		if n := len(up.connections()); n != 2 {
			t.Errorf("%d connections; want 2", n)
		}
		r.atRest(t)
		becomes(t, "one connection is left", func() bool { return r.pools.Stats().Open == 1 })
	})
}

// Row 44: a GOAWAY that covers our stream, and then the end: it may have run.
func TestRow44GoAwayCoversOursAndCloses(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			s.execute()
			s.c.goAway(s.id, http2.ErrCodeNo)
			s.c.nc.Close()
		})
		r := up.before(t, nil)
		got := ask(newClient(t), "POST", r.url+"/a", "hello")
		if got.status != 502 || got.code != pool.CodeClosed {
			t.Errorf("got %v; want 502 %s", got, pool.CodeClosed)
		}
		if n := up.ran("/a"); n != 1 {
			t.Errorf("ran %d times; want once", n)
		}
		if got := r.x.Ledger(); got.Ambiguous != 1 {
			t.Errorf("ledger %+v; want one ambiguous", got)
		}
		r.atRest(t)
	})
}

// Row 45: a reset before the head of the answer does not say what was done.
func TestRow45ResetBeforeHeaders(t *testing.T) {
	for _, code := range []http2.ErrCode{http2.ErrCodeInternal, http2.ErrCodeProtocol, http2.ErrCodeCancel, http2.ErrCodeNo} {
		for _, method := range []string{"POST", "GET"} {
			t.Run(code.String()+" "+method, func(t *testing.T) {
				eachH2(t, func(t *testing.T, secure bool) {
					up := newH2(t, secure, func(s *h2Stream) {
						s.execute()
						s.reset(code)
					})
					r := up.before(t, nil)
					got := ask(newClient(t), method, r.url+"/a", map[string]string{"POST": "hello"}[method])
					if got.status != 502 || got.code != pool.CodeReset {
						t.Errorf("got %v; want 502 %s", got, pool.CodeReset)
					}
					if n := up.ran("/a"); n != 1 {
						t.Errorf("ran %d times; want once", n)
					}
					r.atRest(t)
				})
			})
		}
	}
}

// Row 46: an upstream that allows one stream at a time is given one at a time, on
// as many connections as there may be; the rest wait.
func TestRow46OneStreamAtATime(t *testing.T) {
	const requests, limit = 32, 4
	eachH2(t, func(t *testing.T, secure bool) {
		var open atomic.Int32
		several := make(chan struct{}) // closed when two are there at once
		once := sync.OnceFunc(func() { close(several) })
		up := newH2(t, secure, func(s *h2Stream) {
			body := s.execute()
			if open.Add(1) > 1 {
				once()
			}
			select {
			case <-several:
			case <-time.After(patience):
			}
			open.Add(-1)
			s.ok(body)
		}, withSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 1}))
		r := up.before(t, func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = limit })
		for i, got := range askAll(newClient(t), r.url, requests) {
			if got.status != 200 || got.body != "body" {
				t.Errorf("request %d: got %v; want 200", i, got)
			}
		}
		if n, twice := up.ranAll(); n != requests || len(twice) > 0 {
			t.Errorf("%d executed, %v twice; want %d", n, twice, requests)
		}
		if n := len(up.connections()); n > limit {
			t.Errorf("%d connections; want at most %d", n, limit)
		}
		if got := r.x.Ledger(); got.B != 0 {
			t.Errorf("ledger %+v; want none refused: the limit was known", got)
		}
		select {
		case <-several:
		default:
			t.Error("one request at a time; want several at once")
		}
		r.atRest(t)
	})
}

// Row 47: an upstream that lowers its streams to none gets no more on that
// connection, and no request fails.
func TestRow47StreamsLoweredToNone(t *testing.T) {
	const requests = 64
	eachH2(t, func(t *testing.T, secure bool) {
		var seen atomic.Int32
		up := newH2(t, secure, func(s *h2Stream) {
			if s.c.n == 0 && seen.Add(1) == 8 {
				s.c.streamsAllowed(0)
			}
			s.ok(s.execute())
		})
		r := up.before(t, func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = 4 })
		client := newClient(t)
		for i, got := range askAll(client, r.url, requests) {
			if got.status != 200 || got.body != "body" {
				t.Errorf("request %d: got %v; want 200", i, got)
			}
		}
		if n, twice := up.ranAll(); n != requests || len(twice) > 0 {
			t.Errorf("%d executed, %v twice; want %d", n, twice, requests)
		}
		if n := len(up.connections()); n > 8 { // 4 at once, and those that were given up before
			t.Errorf("%d connections; want at most 8", n)
		}
		r.atRest(t)
	})
}

// Row 47: an upstream that never allows a stream is given up after the dial
// budget; it is not dialled for ever.
func TestRow47NoStreamsAtAll(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) { s.reset(http2.ErrCodeRefusedStream) },
			withSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 0}))
		r := up.before(t, nil)
		for i, got := range askAll(newClient(t), r.url, 4) {
			if got.status != 502 || got.code != pool.CodeRefused {
				t.Errorf("request %d: got %v; want 502 %s", i, got, pool.CodeRefused)
			}
		}
		// 2 replays of class A and 3 of class B each, and few dials that nobody got.
		if n := len(up.connections()); n > 4*8 {
			t.Errorf("%d connections for 4 requests; want about 6 each", n)
		}
		r.atRest(t)
	})
}

// Row 48: a peer that has gone silent is given up, and what waited for it is told.
func TestRow48SilentPeer(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			s.execute()
			s.c.silent.Store(true) // no frame leaves any more, also no answer to a ping
			<-s.over
		})
		config := up.config()
		config.PingAfter, config.PingWait = 50*time.Millisecond, 50*time.Millisecond
		r := newRig(t, config, func(s *settings.Settings) { s.Pool.Protocol = settings.ProtocolHTTP2 }, up.url)
		begun := time.Now()
		got := ask(newClient(t), "POST", r.url+"/a", "hello")
		if got.status != 502 || got.code != pool.CodeClosed {
			t.Errorf("got %v; want 502 %s", got, pool.CodeClosed)
		}
		if took := time.Since(begun); took < 100*time.Millisecond || took > 5*time.Second {
			t.Errorf("took %v; want a little over 100 ms", took)
		}
		if n := up.ran("/a"); n != 1 {
			t.Errorf("ran %d times; want once", n)
		}
		r.atRest(t)
		if n := r.pools.Stats().Open; n != 0 {
			t.Errorf("%d connections open; want 0", n)
		}
	})
}

// Row 49: a reset within the answer is told to the client and cuts it.
func TestRow49ResetAfterData(t *testing.T) {
	for _, row := range []struct{ name, kind, content, want string }{
		{"between events", "text/event-stream", "data: 1\n\n", "event: error\ndata: {"},
		{"within an event", "text/event-stream", "data: 1", ""},
		{"no events", "text/plain", "half", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			eachH2(t, func(t *testing.T, secure bool) {
				up := newH2(t, secure, func(s *h2Stream) {
					s.execute()
					s.answer(200, false, "content-type", row.kind)
					s.data(row.content, false)
					s.c.sync()
					s.reset(http2.ErrCodeInternal)
				})
				r := up.before(t, nil)
				got := ask(newClient(t), "POST", r.url+"/a", "hello")
				if got.status != 200 || got.err == nil {
					t.Errorf("got %v; want 200 and a visible cut", got)
				}
				rest := strings.TrimPrefix(got.body, row.content)
				if row.want == "" && rest != "" || !strings.HasPrefix(rest, row.want) {
					t.Errorf("after %q came %q; want %q...", row.content, rest, row.want)
				}
				if n := up.ran("/a"); n != 1 {
					t.Errorf("ran %d times; want once", n)
				}
				r.atRest(t)
			})
		})
	}
}

// Row 50: a client that does not read its stream stops nobody else's on the same
// connection, and holds no more than a window of it in memory.
func TestRow50AStalledStreamStopsNoOther(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		var sent atomic.Int64
		up := newH2(t, secure, func(s *h2Stream) {
			if s.path != "/stalled" {
				s.ok(s.execute())
				return
			}
			s.answer(200, false)
			for chunk := strings.Repeat("x", 16<<10); s.data(chunk, false); {
				sent.Add(int64(len(chunk)))
			}
		})
		r := up.before(t, func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = 1 })
		client := newClient(t)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, _ := http.NewRequestWithContext(ctx, "GET", r.url+"/stalled", nil)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		still := func() bool { // until the windows are full
			before := sent.Load()
			for range 3 {
				if !up.connections()[0].sync() {
					return true
				}
			}
			return before > 0 && before == sent.Load()
		}
		becomes(t, "the stalled stream stops", still)
		for i := range 50 {
			path := fmt.Sprintf("/%d", i)
			if got := ask(client, "POST", r.url+path, strings.Repeat("y", 100<<10)); got.status != 200 || len(got.body) != 100<<10 {
				t.Fatalf("got %v; want 200 and 100 KiB", got)
			}
		}
		if n := len(up.connections()); n != 1 {
			t.Errorf("%d connections; want 1", n)
		}
		// What is under way: the stream's window, and the sockets and buffers behind it.
		if n := sent.Load(); n > 12<<20 {
			t.Errorf("%d bytes taken for a client that reads none; want a window and the sockets", n)
		}
		cancel()
		r.atRest(t)
	})
}

// Row 51: where the upstream speaks HTTP/1 only, auto does so too; http2 is refused
// in words, and nothing was sent.
func TestRow51UpstreamSpeaksHTTP1Only(t *testing.T) {
	for _, row := range []struct {
		protocol settings.Protocol
		alpn     []string
		status   int
		code     string
	}{
		{settings.ProtocolAuto, []string{"http/1.1"}, 200, ""},
		{settings.ProtocolAuto, nil, 200, ""},
		{settings.ProtocolHTTP2, []string{"http/1.1"}, 502, pool.CodeProtocol},
		{settings.ProtocolHTTP2, nil, 502, pool.CodeProtocol},
	} {
		t.Run(fmt.Sprintf("%s %q", row.protocol, row.alpn), func(t *testing.T) {
			up, config, ran := h1TLS(t, row.alpn)
			r := newRig(t, config, func(s *settings.Settings) { s.Pool.Protocol = row.protocol }, up)
			got := ask(newClient(t), "POST", r.url+"/a", "hello")
			if got.status != row.status || got.code != row.code {
				t.Errorf("got %v; want %d %q", got, row.status, row.code)
			}
			if row.code != "" && got.header.Get("X-Should-Retry") != "false" {
				t.Error("the client is not told that a retry is in vain")
			}
			if n := ran.Load(); (n == 1) != (row.status == 200) || n > 1 {
				t.Errorf("ran %d times", n)
			}
			r.atRest(t)
		})
	}
}

// Row 38: 32 to 256 cold requests at once make no more dials than the limit allows
// and lose none; HTTP/2 dials one connection at a time.
func TestRow38ColdBurstH2(t *testing.T) {
	for _, requests := range []int{32, 150, 256} {
		t.Run(fmt.Sprint(requests), func(t *testing.T) {
			eachH2(t, func(t *testing.T, secure bool) {
				var all sync.WaitGroup
				all.Add(requests)
				up := newH2(t, secure, func(s *h2Stream) {
					body := s.execute()
					all.Done()
					all.Wait() // so that all are in flight at once
					s.ok(body)
				})
				r := up.before(t, nil)
				for i, got := range askAll(newClient(t), r.url, requests) {
					if got.status != 200 || got.body != "body" {
						t.Errorf("request %d: got %v; want 200", i, got)
					}
				}
				want := (requests + 15) / 16
				if st := r.pools.Stats(); int(st.Dials) != want {
					t.Errorf("%d dials for %d requests; want %d", st.Dials, requests, want)
				}
				if n, twice := up.ranAll(); n != requests || len(twice) > 0 {
					t.Errorf("%d executed, %v twice; want %d", n, twice, requests)
				}
				if got := r.x.Ledger(); got.A+got.B+got.C+got.Ambiguous != 0 {
					t.Errorf("ledger %+v; want nothing in it", got)
				}
				r.atRest(t)
			})
		})
	}
}

// A limit on streams holds: 32 requests with 4 on each connection need 8.
func TestStreamsPerConnection(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		const requests, streams = 32, 4
		var mu sync.Mutex
		open, most := map[*h2Conn]int{}, 0
		var all sync.WaitGroup
		all.Add(requests)
		up := newH2(t, secure, func(s *h2Stream) {
			mu.Lock()
			open[s.c]++
			most = max(most, open[s.c])
			mu.Unlock()
			body := s.execute()
			all.Done()
			all.Wait()
			mu.Lock()
			open[s.c]--
			mu.Unlock()
			s.ok(body)
		})
		r := up.before(t, func(s *settings.Settings) { s.Pool.MaxStreamsPerConnection = streams })
		for i, got := range askAll(newClient(t), r.url, requests) {
			if got.status != 200 {
				t.Errorf("request %d: got %v; want 200", i, got)
			}
		}
		if n := len(up.connections()); n != requests/streams {
			t.Errorf("%d connections; want %d", n, requests/streams)
		}
		if most > streams {
			t.Errorf("%d streams on one connection; want at most %d", most, streams)
		}
		r.atRest(t)
	})
}

// When the upstream closes an idle HTTP/2 connection, the next request does not
// meet it.
func TestIdleH2ClosedByPeer(t *testing.T) {
	for _, how := range []string{"close", "goaway", "goaway then close"} {
		t.Run(how, func(t *testing.T) {
			eachH2(t, func(t *testing.T, secure bool) {
				up := newH2(t, secure, func(s *h2Stream) { s.ok(s.execute()) })
				r := up.before(t, nil)
				client := newClient(t)
				for i := range 5 {
					path := fmt.Sprintf("/%d", i)
					if got := ask(client, "POST", r.url+path, path); got.status != 200 || got.body != path {
						t.Errorf("got %v; want 200 %s", got, path)
					}
					c := up.connections()[i]
					if strings.HasPrefix(how, "goaway") {
						c.goAway(1<<31-1, http2.ErrCodeNo)
						c.sync()
					}
					if strings.HasSuffix(how, "close") {
						c.nc.Close()
						becomes(t, "the pool has seen the end", func() bool { return r.pools.Stats().Open == 0 })
					}
				}
				if n, twice := up.ranAll(); n != 5 || len(twice) > 0 {
					t.Errorf("%d executed, %v twice; want 5", n, twice)
				}
				if got := r.x.Ledger(); got.Ambiguous != 0 {
					t.Errorf("ledger %+v; want none ambiguous", got)
				}
				r.atRest(t)
			})
		})
	}
}

// Row 34 on HTTP/2: a client that leaves resets its stream and nothing else.
func TestRow34CancelResetsTheStreamOnly(t *testing.T) {
	for _, when := range []string{"before the head", "within the answer", "within the request"} {
		t.Run(when, func(t *testing.T) {
			eachH2(t, func(t *testing.T, secure bool) {
				began, ended := make(chan struct{}), make(chan struct{})
				up := newH2(t, secure, func(s *h2Stream) {
					if s.path != "/leaves" {
						s.ok(s.execute())
						return
					}
					switch when {
					case "within the answer":
						s.answer(200, false, "content-type", "text/event-stream")
						s.data("data: 1\n\n", false)
					case "within the request":
						s.Read(make([]byte, 1))
					}
					close(began)
					<-s.over
					close(ended)
				})
				r := up.before(t, nil)
				client := newClient(t)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan struct{})
				leave := cancel
				if when == "within the request" {
					nc := dialRaw(t, r)
					fmt.Fprintf(nc, "POST /leaves HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
					leave = func() { nc.Close() }
					close(done)
				} else {
					req, _ := http.NewRequestWithContext(ctx, "POST", r.url+"/leaves", strings.NewReader("x"))
					go func() {
						defer close(done)
						resp, err := client.Do(req)
						if err == nil {
							io.Copy(io.Discard, resp.Body)
							resp.Body.Close()
						}
					}()
				}
				<-began
				leave()
				<-ended
				<-done
				r.atRest(t)
				if got := ask(client, "POST", r.url+"/next", "hello"); got.status != 200 {
					t.Errorf("got %v; want 200", got)
				}
				if n := len(up.connections()); n != 1 {
					t.Errorf("%d connections; want 1: only the stream ends", n)
				}
			})
		})
	}
}

// Trailers both ways, 103, odd targets and fields pass through HTTP/2 untouched.
func TestH2PassesAllOfAMessage(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			body, _ := io.ReadAll(s)
			s.answer(103, false, "link", "</a.css>; rel=preload")
			s.answer(201, false, "x-saw", s.method+" "+s.path, "x-host", s.head.PseudoValue("authority"), "x-via", s.field("via"),
				"x-agent", s.field("user-agent"), "x-connection", s.field("connection")+s.field("x-hop"), "trailer", "X-Sum")
			s.data(string(body), false)
			sum := ""
			s.mu.Lock()
			if s.trailer != nil {
				sum = s.trailer.RegularFields()[0].Value
			}
			s.mu.Unlock()
			s.fields(true, "x-sum", sum)
		})
		r := up.before(t, nil)
		for _, target := range []string{"/a%2Fb/c?x=%20&&y=1", "//double//slash?q", "/?", "/a;b=c", "/*", "///"} {
			nc := dialRaw(t, r)
			fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n", target)
			all, err := io.ReadAll(nc)
			if err != nil {
				t.Fatal(err)
			}
			answer := string(all)
			for _, want := range []string{
				"HTTP/1.1 103 Early Hints\r\n", "Link: </a.css>; rel=preload\r\n", "HTTP/1.1 201 Created\r\n", "X-Saw: POST " + target + "\r\n",
				"X-Via: 1.1 millpond\r\n", "X-Agent: \r\n", "X-Connection: \r\n", "hello", "\r\nX-Sum: 42\r\n",
			} {
				if !strings.Contains(answer, want) {
					t.Errorf("%s: the answer lacks %q:\n%s", target, want, answer)
				}
			}
		}
		r.atRest(t)
	})
}

// 8 MB pass in both directions, of known and unknown length.
func TestH2LargeBodies(t *testing.T) {
	const size = 8 << 20
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			n, err := io.Copy(io.Discard, s)
			if err != nil || n != size {
				t.Errorf("upstream read %d, %v; want %d", n, err, size)
			}
			s.answer(200, false)
			s.data(strings.Repeat("z", size), true)
		})
		r := up.before(t, nil)
		client := newClient(t)
		for _, length := range []int64{size, -1} {
			req, _ := http.NewRequest("PUT", r.url+"/", io.LimitReader(zeros{}, size))
			req.ContentLength = length
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			n, err := io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if err != nil || n != size {
				t.Errorf("length %d: got %d bytes, %v; want %d", length, n, err, size)
			}
		}
		r.atRest(t)
	})
}

// An answer may begin before the request has ended, and both go on side by side.
func TestH2BothWaysAtOnce(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			s.answer(200, false, "content-type", "application/octet-stream")
			in := bufio.NewReader(s)
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					break
				}
				s.data("echo "+line, false)
			}
			s.data("", true)
		})
		r := up.before(t, nil)
		nc := dialRaw(t, r)
		fmt.Fprintf(nc, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n")
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer := bufio.NewReader(resp.Body)
		for i := range 5 {
			line := fmt.Sprintf("line %d\n", i)
			fmt.Fprintf(nc, "%x\r\n%s\r\n", len(line), line)
			if got, err := answer.ReadString('\n'); err != nil || got != "echo "+line {
				t.Fatalf("got %q, %v; want %q", got, err, "echo "+line)
			}
		}
		fmt.Fprintf(nc, "0\r\n\r\n")
		if rest, err := io.ReadAll(answer); err != nil || len(rest) > 0 {
			t.Errorf("then %q, %v; want the end", rest, err)
		}
		r.atRest(t)
	})
}

// Row 13 on HTTP/2: an answer that comes before the body was read reaches the
// client at once, and the client's body is not waited for.
func TestRow13EarlyAnswerOnH2(t *testing.T) {
	eachH2(t, func(t *testing.T, secure bool) {
		up := newH2(t, secure, func(s *h2Stream) {
			if s.path == "/next" {
				s.ok(s.execute())
				return
			}
			s.answer(401, false)
			s.data("no", true)
			s.reset(http2.ErrCodeNo)
		})
		r := up.before(t, nil)
		nc := dialRaw(t, r)
		// The body is announced and never sent.
		fmt.Fprintf(nc, "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n")
		begun := time.Now()
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != 401 || string(body) != "no" || err != nil {
			t.Errorf("got %d %q, %v; want 401 no", resp.StatusCode, body, err)
		}
		if took := time.Since(begun); took > 2*time.Second {
			t.Errorf("took %v; want at once", took)
		}
		r.atRest(t)
		if got := ask(newClient(t), "POST", r.url+"/next", "x"); got.status != 200 {
			t.Errorf("got %v; want 200", got)
		}
	})
}

// An answer that is not HTTP/2 is a fault of the protocol, not a close.
func TestH2Garbage(t *testing.T) {
	for _, row := range []struct {
		name string
		do   func(*h2Stream)
	}{
		{"data before the head", func(s *h2Stream) { s.data("x", true) }},
		{"no status", func(s *h2Stream) { s.fields(true, "x-a", "b") }},
		{"a field in capitals", func(s *h2Stream) { s.answer(200, true, "X-Upper", "b") }},
		{"an unknown pseudo field", func(s *h2Stream) { s.answer(200, true, ":odd", "b") }},
		{"a frame on stream 0", func(s *h2Stream) {
			s.c.write(func() error {
				return s.c.fr.WriteRawFrame(http2.FrameHeaders, http2.FlagHeadersEndHeaders, 0, []byte{0x88})
			})
		}},
		{"a head over the limit", func(s *h2Stream) {
			s.c.u.wg.Go(func() { io.Copy(io.Discard, s) })
			var fields []string
			for i := range 200 {
				fields = append(fields, fmt.Sprintf("x-%d", i), strings.Repeat("v", 1000))
			}
			s.answer(200, true, fields...)
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			eachH2(t, func(t *testing.T, secure bool) {
				up := newH2(t, secure, func(s *h2Stream) { s.execute(); row.do(s) })
				r := up.before(t, nil)
				if got := ask(newClient(t), "POST", r.url+"/a", "x"); got.status != 502 || got.code != pool.CodeProtocol {
					t.Errorf("got %v; want 502 %s", got, pool.CodeProtocol)
				}
				if n := up.ran("/a"); n != 1 {
					t.Errorf("ran %d times; want once", n)
				}
				r.atRest(t)
			})
		})
	}
}
