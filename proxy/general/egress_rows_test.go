package general

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/exchange"
	"millpond/proxy/pool"
	"millpond/settings"
)

// trusting returns the configuration of a pool that trusts the certificates of tests.
func trusting() pool.Config {
	_, client := identity()
	return pool.Config{TLS: client}
}

// web starts an ordinary upstream, with HTTP/2 where it is secure, that answers with
// the path and counts what it executes.
func web(t *testing.T, secure bool) (address string, ran *ledger) {
	t.Helper()
	ran = &ledger{from: map[string][]string{}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		ran.mu.Lock()
		ran.from[r.URL.Path] = append(ran.from[r.URL.Path], r.RemoteAddr)
		ran.mu.Unlock()
		w.Header().Set("X-Proto", r.Proto)
		w.Header().Set("X-Host", r.Host)
		w.Header().Set("X-Login", r.Header.Get("Proxy-Authorization"))
		io.WriteString(w, r.URL.Path)
	}))
	if !secure {
		s.Start()
	} else {
		s.EnableHTTP2 = true
		s.StartTLS()
	}
	t.Cleanup(s.Close)
	return s.URL, ran
}

// A ledger says from where each path was asked for.
type ledger struct {
	mu   sync.Mutex // guards what follows
	from map[string][]string
}

func (l *ledger) of(path string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.from[path]
}

func (l *ledger) len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.from)
}

// Real proxies carry requests, with and without a login, to plain and secure
// upstreams, and the connections are reused.
func TestEgressThroughRealProxies(t *testing.T) {
	const login = "agent:s3cret"
	for _, row := range []struct {
		name  string
		start func(*testing.T, string) *program
		login string
	}{
		{"tinyproxy", tinyproxy, ""},
		{"tinyproxy with a login", tinyproxy, login},
		{"microsocks", microsocks, ""},
		{"microsocks with a login", microsocks, login},
	} {
		for _, way := range []struct {
			secure   bool
			protocol settings.Protocol
			proto    string
		}{
			{false, settings.ProtocolAuto, "HTTP/1.1"},
			{true, settings.ProtocolHTTP1, "HTTP/1.1"},
			{true, settings.ProtocolAuto, "HTTP/2.0"},
		} {
			t.Run(fmt.Sprintf("%s/secure %v %s", row.name, way.secure, way.protocol), func(t *testing.T) {
				p := row.start(t, row.login)
				up, ran := web(t, way.secure)
				r := newRig(t, trusting(), func(s *settings.Settings) {
					s.Pool.Protocol = way.protocol
					egress(p.url.String())(s)
				}, up)
				for i := range 5 {
					path := fmt.Sprintf("/%d", i)
					got := r.post(path)
					r.fine(got, path)
					if proto := got.header.Get("X-Proto"); proto != way.proto && way.secure {
						t.Errorf("upstream was spoken to in %s; want %s", proto, way.proto)
					}
					if got.header.Get("X-Login") != "" {
						t.Error("the login for the proxy reached the upstream")
					}
					if n := len(ran.of(path)); n != 1 {
						t.Errorf("%s ran %d times; want once", path, n)
					}
				}
				// tinyproxy ends the connection after each plain request.
				if n := r.pools.Stats().Dials; n != 1 && (way.secure || p.url.Scheme == "socks5") {
					t.Errorf("%d dials for 5 requests; want 1", n)
				}
			})
		}
	}
}

// Row 52: an egress proxy that refuses, fails, leaves or hangs gives an answer of
// its own code, and not a byte of the request has left.
func TestRow52EgressFails(t *testing.T) {
	for _, row := range []struct {
		name    string
		say     func(*peer)
		code    string
		lasting bool
	}{
		{"407", func(p *peer) {
			p.say("HTTP/1.1 407 Proxy Authentication Required\nProxy-Authenticate: Basic\nContent-Length: 2\n\nno")
		}, pool.CodeEgressAuth, true},
		{"401", func(p *peer) { p.say("HTTP/1.1 401 Unauthorized\nContent-Length: 0\n\n") }, pool.CodeEgressAuth, true},
		{"502", func(p *peer) { p.say("HTTP/1.1 502 Bad Gateway\nContent-Length: 2\n\nno") }, pool.CodeEgressFailed, false},
		{"closes", func(p *peer) { p.half() }, pool.CodeEgressFailed, false},
		{"resets", func(p *peer) { p.reset() }, pool.CodeEgressFailed, false},
		{"hangs", func(p *peer) {}, pool.CodeEgressFailed, false},
		{"garbage", func(p *peer) { p.say("SSH-2.0-OpenSSH_9.2\n") }, pool.CodeEgressFailed, false},
		{"bytes before the tunnel is used", func(p *peer) { p.say("HTTP/1.1 200 OK\n\nhello") }, pool.CodeEgressFailed, false},
		{"an endless head", func(p *peer) {
			filler := strings.Repeat("X-Filler: x\r\n", 1000)
			for _, err := io.WriteString(p, "HTTP/1.1 200 OK\r\n"); err == nil; {
				_, err = io.WriteString(p, filler)
			}
		}, pool.CodeEgressFailed, false},
	} {
		for _, secure := range []bool{false, true} {
			for _, protocol := range []settings.Protocol{settings.ProtocolAuto, settings.ProtocolHTTP1, settings.ProtocolHTTP2} {
				t.Run(fmt.Sprintf("%s/secure %v/%s", row.name, secure, protocol), func(t *testing.T) {
					var rest atomic.Int64
					proxy := newOrigin(t, secure, func(p *peer) {
						if p.head() == nil {
							return
						}
						row.say(p)
						n, _ := io.Copy(io.Discard, p.in)
						rest.Add(n)
					})
					r := newRig(t, trusting(), func(s *settings.Settings) {
						s.Pool.Protocol = protocol
						s.Timeouts.Connect = 300 * time.Millisecond
						egress(proxy.url)(s)
					}, "https://127.0.0.1:1")
					got := r.post("/a")
					r.failed(got, http.StatusBadGateway, row.code)
					if told := got.header.Get("X-Should-Retry") == "false"; told != row.lasting {
						t.Errorf("told not to retry: %v; want %v", told, row.lasting)
					}
					if n := rest.Load(); n != 0 {
						t.Errorf("%d bytes came after CONNECT; want none", n)
					}
					want := 3 // attempts
					if row.lasting {
						want = 1
					}
					if n := proxy.connections(); n != want {
						t.Errorf("%d connections; want %d", n, want)
					}
					if got := r.x.Ledger(); got.Ambiguous != 0 {
						t.Errorf("ledger %+v; want none ambiguous", got)
					}
				})
			}
		}
	}
}

// Row 52 with real proxies: a wrong login, an upstream that nobody listens at, and
// a proxy that is not running.
func TestRow52RealProxiesFail(t *testing.T) {
	for _, scheme := range []string{"http", "https"} {
		t.Run(scheme, func(t *testing.T) {
			p := tinyproxy(t, "agent:s3cret")
			up, ran := web(t, scheme == "https")
			r := newRig(t, trusting(), egress(with(p.url, "")), up)
			r.failed(r.post("/a"), http.StatusBadGateway, pool.CodeEgressAuth)
			if scheme == "https" { // to a wrong login tinyproxy says 401, which without a tunnel could be the upstream's
				r.apply(egress(with(p.url, "agent:wrong")))
				r.failed(r.post("/b"), http.StatusBadGateway, pool.CodeEgressAuth)
			}
			r.apply(egress(p.url.String()))
			r.fine(r.post("/c"), "/c")
			if n := ran.len(); n != 1 {
				t.Errorf("%d paths were executed; want 1", n)
			}
			p.kill()
			r.pools.FlushIdle(pool.NetworkChange)
			r.failed(r.post("/d"), http.StatusBadGateway, pool.CodeEgressFailed)
		})
	}
	t.Run("nobody at the upstream's", func(t *testing.T) {
		p := tinyproxy(t, "")
		r := newRig(t, trusting(), egress(p.url.String()), "https://127.0.0.1:"+freePort(t))
		r.failed(r.post("/a"), http.StatusBadGateway, pool.CodeEgressFailed)
	})
}

// Row 53: a tunnel closed while idle is as a connection closed while idle, rows 1
// to 4, whoever closed it.
func TestRow53TunnelClosedWhileIdle(t *testing.T) {
	for _, kind := range []struct {
		name  string
		start func(*testing.T, string) *program
	}{{"tinyproxy", tinyproxy}, {"microsocks", microsocks}} {
		t.Run(kind.name+"/rows 1 and 2", func(t *testing.T) {
			p := kind.start(t, "")
			o := newOrigin(t, true, func(p *peer) { p.serve() }) // and closes
			r := newRig(t, o.config(), egress(p.url.String()), o.url)
			for i := range 5 {
				path := fmt.Sprintf("/%d", i)
				r.fine(r.post(path), path)
				o.executed(path, 1)
				r.until("the closed tunnel is gone", func(s pool.Stats) bool { return s.Open == 0 })
			}
			r.replayed(0, 0, 0)
		})
		t.Run(kind.name+"/row 4", func(t *testing.T) {
			for _, method := range []string{"POST", "GET"} {
				p := kind.start(t, "")
				o := newOrigin(t, true, func(p *peer) {
					if p.serve(); p.n > 1 {
						p.serveAll()
						return
					}
					p.head() // and closes
				})
				r := newRig(t, o.config(), egress(p.url.String()), o.url)
				r.fine(r.post("/1"), "/1")
				if method == "POST" {
					r.ambiguous(r.post("/2"))
					o.executed("/2", 0)
				} else {
					r.fine(r.get("/2"), "/2")
					o.executed("/2", 1)
					r.replayed(0, 0, 1)
				}
				r.fine(r.post("/3"), "/3")
			}
		})
		t.Run(kind.name+"/the proxy ends", func(t *testing.T) {
			p := kind.start(t, "")
			o := newOrigin(t, true, (*peer).serveAll)
			r := newRig(t, o.config(), egress(p.url.String()), o.url)
			r.fine(r.post("/1"), "/1")
			p.kill()
			r.until("the dead tunnel is gone", func(s pool.Stats) bool { return s.Open == 0 })
			r.failed(r.post("/2"), http.StatusBadGateway, pool.CodeEgressFailed)
			o.executed("/2", 0)
			next := kind.start(t, "")
			r.apply(egress(next.url.String()))
			r.fine(r.post("/3"), "/3")
		})
	}
}

// Row 54: two egress proxies, and none, lead to one origin; no request takes the
// connection of another's way, in any scope and protocol.
func TestRow54EgressNeverShared(t *testing.T) {
	for _, way := range []struct {
		name     string
		secure   bool
		protocol settings.Protocol
	}{{"h1 plain", false, settings.ProtocolAuto}, {"h1 tls", true, settings.ProtocolHTTP1}, {"h2", true, settings.ProtocolAuto}} {
		for _, scope := range []settings.Scope{settings.ScopeShared, settings.ScopeUpstream, settings.ScopeCaller} {
			t.Run(way.name+"/"+string(scope), func(t *testing.T) {
				a, b := newGateway(t, false, "a:1"), newGateway(t, true, "b:2")
				up, ran := web(t, way.secure)
				r := newRig(t, trusting(), func(s *settings.Settings) {
					s.Pool.Protocol, s.Pool.Scope = way.protocol, scope
					s.Upstreams[0].Egress, s.Upstreams[1].Egress = a.url, b.url
				}, up, up, up)
				var wg sync.WaitGroup
				for i := range 60 {
					wg.Go(func() {
						path := fmt.Sprintf("/%d", i)
						got := r.post(fmt.Sprintf("/u/up-%d%s", i%3, path))
						r.fine(got, path)
						from := ran.of(path)
						if len(from) != 1 {
							t.Errorf("%s ran %d times; want once", path, len(from))
							return
						}
						if viaA, viaB := a.isFrom(from[0]), b.isFrom(from[0]); viaA != (i%3 == 0) || viaB != (i%3 == 1) {
							t.Errorf("request %d for way %d came through a: %v, b: %v", i, i%3, viaA, viaB)
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

// Row 55: plain requests through a proxy name the whole address and carry the login,
// each of them, on connections that are reused.
func TestRow55PlainThroughProxyWithLogin(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("secure proxy %v", secure), func(t *testing.T) {
			g := newGateway(t, secure, "agent:p@ss:w0rd/%")
			up, ran := web(t, false)
			r := newRig(t, trusting(), func(s *settings.Settings) {
				s.Upstreams[0].PreserveHost = true // must not lead the proxy elsewhere
				egress(g.url)(s)
			}, up)
			for i := range 20 {
				path := fmt.Sprintf("/%d", i)
				got := r.post(path + "?q=a%20b")
				r.fine(got, path)
				if host := got.header.Get("X-Host"); "http://"+host != up {
					t.Errorf("upstream saw host %s; want that of %s", host, up)
				}
				if got.header.Get("X-Login") != "" {
					t.Error("the login for the proxy reached the upstream")
				}
				if n := len(ran.of(path)); n != 1 {
					t.Errorf("%s ran %d times; want once", path, n)
				}
			}
			for i, line := range g.log() {
				if want := fmt.Sprintf("agent:p@ss:w0rd/%% POST %s/%d?q=a%%20b", up, i); line != want {
					t.Errorf("the proxy was asked %q; want %q", line, want)
				}
			}
			if n := g.connections(); n != 1 {
				t.Errorf("%d connections to the proxy; want 1", n)
			}
		})
	}
}

// Row 56: a SOCKS5 proxy that refuses the login, or cannot connect, or is none.
func TestRow56SOCKSRefuses(t *testing.T) {
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("secure %v", secure), func(t *testing.T) {
			p := microsocks(t, "agent:s3cret")
			up, ran := web(t, secure)
			r := newRig(t, trusting(), egress(with(p.url, "agent:wrong")), up)
			got := r.post("/a")
			r.failed(got, http.StatusBadGateway, pool.CodeEgressAuth)
			if got.header.Get("X-Should-Retry") != "false" {
				t.Error("the client is not told that a retry is in vain")
			}
			for _, login := range []string{"", ":empty", "agent:"} {
				r.apply(egress(with(p.url, login)))
				r.failed(r.post("/b"), http.StatusBadGateway, pool.CodeEgressAuth)
			}
			if n := ran.len(); n != 0 {
				t.Errorf("%d requests were executed; want none", n)
			}
			r.apply(egress(p.url.String()))
			r.fine(r.post("/c"), "/c")
			p.kill()
			r.pools.FlushIdle(pool.NetworkChange)
			r.failed(r.post("/d"), http.StatusBadGateway, pool.CodeEgressFailed)
		})
	}
	t.Run("nobody at the upstream's", func(t *testing.T) {
		p := microsocks(t, "")
		r := newRig(t, trusting(), egress(p.url.String()), "http://127.0.0.1:"+freePort(t))
		r.failed(r.post("/a"), http.StatusBadGateway, pool.CodeEgressFailed)
	})
	for name, say := range map[string]func(*peer){
		"closes": func(p *peer) { p.in.ReadByte() },
		"hangs":  func(p *peer) { p.left() },
		"is none": func(p *peer) {
			p.in.ReadByte()
			p.say("HTTP/1.1 400 Bad Request\n\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t, false, say)
			r := newRig(t, trusting(), func(s *settings.Settings) {
				s.Timeouts.Connect = 300 * time.Millisecond
				egress("socks5://" + o.addr)(s)
			}, "http://127.0.0.1:1")
			r.failed(r.post("/a"), http.StatusBadGateway, pool.CodeEgressFailed)
		})
	}
}

// Row 57: another login is another key. What is in flight ends where it is; idle
// connections of the old login are closed; no request takes one of them.
func TestRow57LoginChanges(t *testing.T) {
	for _, protocol := range []settings.Protocol{settings.ProtocolHTTP1, settings.ProtocolAuto} {
		t.Run(string(protocol), func(t *testing.T) {
			g := newGateway(t, false, "agent:old")
			begun, release := make(chan struct{}), make(chan struct{})
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/long" {
					w.WriteHeader(200)
					w.(http.Flusher).Flush()
					close(begun)
					<-release
				}
				io.WriteString(w, r.URL.Path)
			}))
			s.EnableHTTP2 = true
			s.StartTLS()
			t.Cleanup(s.Close)
			r := newRig(t, trusting(), func(s *settings.Settings) {
				s.Pool.Protocol = protocol
				egress(g.url)(s)
			}, s.URL)
			r.fine(r.post("/1"), "/1")
			long := make(chan answer)
			go func() { long <- r.get("/long") }()
			<-begun
			if protocol == settings.ProtocolHTTP1 {
				r.fine(r.post("/2"), "/2") // leaves an idle connection beside the busy one
			}

			old := g.url
			g.mu.Lock()
			g.login = "agent:new"
			g.mu.Unlock()
			r.apply(egress(strings.Replace(old, "agent:old", "agent:new", 1)))
			r.until("only the busy connection is left", func(s pool.Stats) bool { return s.Open == 1 && s.InUse == 1 })
			r.fine(r.post("/3"), "/3")
			log := g.log()
			if last := log[len(log)-1]; !strings.HasPrefix(last, "agent:new CONNECT ") {
				t.Errorf("the last tunnel was asked for by %q; want agent:new", last)
			}
			close(release)
			r.fine(<-long, "/long")
			r.until("the old connection is gone", func(s pool.Stats) bool { return s.Open == 1 && s.InUse == 0 })
		})
	}
}

// egress = "system" follows the environment as it is when settings are applied.
func TestEgressSystem(t *testing.T) {
	for _, name := range []string{"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "REQUEST_METHOD"} {
		t.Setenv(name, "")
	}
	plain, _ := web(t, false)
	secure, _ := web(t, true)
	g, other, later := newGateway(t, false, "me:x"), newGateway(t, true, ""), newGateway(t, false, "")
	for _, gateway := range []*gateway{g, other, later} { // names that only the proxies know
		gateway.hosts["example.com:80"] = hostOf(t, plain)
		gateway.hosts["example.com:443"] = hostOf(t, secure)
	}
	t.Setenv("HTTP_PROXY", g.url)
	t.Setenv("HTTPS_PROXY", other.url)
	t.Setenv("NO_PROXY", "left-out.example.com")
	r := newRig(t, trusting(), egress("system"), "http://example.com", "https://example.com", plain, "http://left-out.example.com")
	r.fine(r.post("/u/up-0/a"), "/a")
	r.fine(r.post("/u/up-1/b"), "/b")
	r.fine(r.post("/u/up-2/c"), "/c") // loopback never goes by a proxy
	if by := exchange.TargetOf(r.x.State().Upstreams[3]).Egress; by != nil {
		t.Errorf("what NO_PROXY names goes by %v; want directly", by)
	}
	if got := fmt.Sprint(g.log(), other.log()); got != "[me:x POST http://example.com/a] [CONNECT example.com:443]" {
		t.Errorf("the proxies were asked %s", got)
	}

	// The environment is read anew: nothing of it is kept from before.
	t.Setenv("HTTP_PROXY", later.url)
	r.apply(func(*settings.Settings) {})
	r.fine(r.post("/u/up-0/d"), "/d")
	if got := fmt.Sprint(g.log(), later.log()); got != "[me:x POST http://example.com/a] [POST http://example.com/d]" {
		t.Errorf("the proxies were asked %s", got)
	}
}

func hostOf(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Host
}
