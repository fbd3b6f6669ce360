package proxy

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/control"
)

// Each test below makes a situation with real traffic, has the daemon find it, applies the advice
// over the control socket, sends the same traffic again, and compares the same figure.

// pause is the time between two bursts, which is part of the traffic.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-t.Context().Done():
		t.Fatal(t.Context().Err())
	case <-time.After(d):
	}
}

// bursts sends bursts with something between two.
func (r *running) bursts(t *testing.T, width, times int, between func()) {
	t.Helper()
	for range times {
		if failed := r.burst(t, width, 1, "/", ""); failed > 0 {
			t.Fatalf("got %d failed requests; want none", failed)
		}
		between()
	}
}

// open is the number of connections to upstreams.
func (r *running) open() int { return r.Stats().Pool.Open }

// site starts an upstream, after prepare, and returns its URL.
func site(t *testing.T, h http.Handler, prepare func(*httptest.Server)) string {
	t.Helper()
	s := httptest.NewUnstartedServer(h)
	prepare(s)
	if s.URL == "" {
		s.Start()
	}
	t.Cleanup(s.Close)
	return s.URL
}

func TestAdviceOnAnIdleTimeoutBeyondTheLearnedOne(t *testing.T) {
	url := site(t, &crowd{want: 16}, func(s *httptest.Server) { s.Config.IdleTimeout = 500 * time.Millisecond })
	r, c := advised(t, entry("a", url)+"[pool]\nreuse = \"fixed\"\n")
	gone := func() { until(t, "the upstream has closed", func() bool { return r.open() == 0 }) }
	r.bursts(t, 16, 4, gone)
	found := advice(t, c, "idle_timeout")
	if len(found.Patch) != 1 || found.Patch[0].Key != "pool.idle_timeout" || found.Patch[0].From != "5m" {
		t.Fatalf("got the patch %v; want a shorter idle_timeout", found.Patch)
	}
	apply(t, c, found.ID)
	if got := r.saved().Pool.IdleTimeout; got >= 500*time.Millisecond {
		t.Errorf("got idle_timeout %v; want less than the 500 ms of the upstream", got)
	}
	r.bursts(t, 16, 4, gone)
	improved(t, c, "idle_timeout")
}

func TestAdviceOnAnIdleTimeoutTooShort(t *testing.T) {
	url := site(t, &crowd{want: 8}, func(*httptest.Server) {})
	r, c := advised(t, entry("a", url)+"[pool]\nidle_timeout = \"20ms\"\n")
	between := func() { pause(t, 40*time.Millisecond) }
	r.bursts(t, 8, 8, between)
	found := advice(t, c, "idle_timeout_short")
	patched(t, found, control.Change{Key: "pool.idle_timeout", From: "20ms", To: "5m"})
	apply(t, c, found.ID)
	r.bursts(t, 8, 8, between)
	improved(t, c, "idle_timeout_short")
	noAdvice(t, c)
}

// distant makes every handshake take so long: what makes an upstream far away dear.
const distant = 30 * time.Millisecond

// farAway prepares a server with TLS and a long handshake, and the daemon's trust in it.
func farAway(s *httptest.Server) *tls.Config {
	s.TLS = &tls.Config{
		NextProtos:             []string{"http/1.1"},
		SessionTicketsDisabled: true,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			<-time.After(distant)
			return nil, nil
		},
	}
	s.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return &tls.Config{RootCAs: roots}
}

func TestAdviceOnWarmConnections(t *testing.T) {
	var trust *tls.Config
	url := site(t, &crowd{want: 32}, func(s *httptest.Server) {
		// On a busy machine 32 handshakes take a second. Until the last is made the first must not be too
		// old, nor seem to have been closed behind its answer.
		s.Config.IdleTimeout = 3 * time.Second
		trust = farAway(s)
	})
	r, c := advisedBy(t, entry("a", url), func(c *Config) { c.TLS = trust })
	r.bursts(t, 32, 2, func() { until(t, "the upstream has closed", func() bool { return r.open() == 0 }) })
	found := advice(t, c, "warm")
	patched(t, found, control.Change{Key: "pool.warm", From: "0", To: "auto"})
	apply(t, c, found.ID)
	warmAgain(t, r)
	improved(t, c, "warm")
	noAdvice(t, c)
}

// warmAgain sends bursts, each when as many connections are ready, made since the one before.
func warmAgain(t *testing.T, r *running) {
	t.Helper()
	anew := int64(0)
	for range 2 {
		until(t, "connections are ready", func() bool {
			s := r.Stats().Pool
			return s.Dials >= anew && s.Idle >= 32
		})
		anew = r.Stats().Pool.Dials + 32 // before the burst: the pool may begin during it
		r.bursts(t, 32, 1, func() {})
	}
}

func TestAdviceOnUnreliableKeepAlive(t *testing.T) {
	var trust *tls.Config
	url := site(t, http.HandlerFunc(answerAndClose), func(s *httptest.Server) { trust = farAway(s) })
	r, c := advisedBy(t, entry("a", url), func(c *Config) { c.TLS = trust })
	r.bursts(t, 32, 2, func() {})
	found := advice(t, c, "keepalive_unreliable")
	patched(t, found, control.Change{Key: "pool.warm", From: "0", To: "auto"})
	apply(t, c, found.ID)
	warmAgain(t, r)
	improved(t, c, "keepalive_unreliable")
	noAdvice(t, c)
}

// answerAndClose answers as if the connection would stay, and closes it.
func answerAndClose(w http.ResponseWriter, _ *http.Request) {
	conn, buffer, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	defer conn.Close()
	fmt.Fprint(buffer, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ndone\n")
	_ = buffer.Flush() // the client may have left
}

func TestAdviceAgainstCallersApart(t *testing.T) {
	url := site(t, &crowd{want: 1}, func(*httptest.Server) {})
	r, c := advised(t, entry("a", url)+"[pool]\nscope = \"caller\"\n")
	visit := func() {
		for caller := range 16 {
			r.burst(t, 1, 4, "/", fmt.Sprintf("agent-%d", caller))
		}
	}
	visit()
	found := advice(t, c, "caller_scope_hurts")
	patched(t, found, control.Change{Key: "pool.scope", From: "caller", To: "upstream"})
	apply(t, c, found.ID)
	visit()
	improved(t, c, "caller_scope_hurts")
	noAdvice(t, c)
}

func TestAdviceForCallersApart(t *testing.T) {
	url := site(t, &crowd{want: 1, think: 5 * time.Millisecond}, func(*httptest.Server) {})
	r, c := advised(t, entry("a", url)+"[pool]\nmax_connections_per_host = 2\n")
	traffic := func() {
		var over atomic.Bool
		var batch, others sync.WaitGroup
		for range 24 {
			batch.Go(func() {
				for !over.Load() {
					r.burst(t, 1, 1, "/", "batch")
				}
			})
		}
		until(t, "the batch runs", func() bool { return r.Stats().Pool.InUse > 0 })
		for caller := range 6 {
			others.Go(func() { r.burst(t, 1, 10, "/", fmt.Sprintf("agent-%d", caller)) })
		}
		others.Wait()
		over.Store(true)
		batch.Wait()
	}
	traffic()
	found := advice(t, c, "caller_scope_helps")
	patched(t, found, control.Change{Key: "pool.scope", From: "upstream", To: "caller"})
	apply(t, c, found.ID)
	traffic()
	improved(t, c, "caller_scope_helps")
}

func TestAdviceOnASaturatedHTTP2Connection(t *testing.T) {
	url := site(t, &crowd{want: 1, think: 10 * time.Millisecond}, func(s *httptest.Server) {
		s.Config.Protocols = new(http.Protocols)
		s.Config.Protocols.SetUnencryptedHTTP2(true)
	})
	r, c := advised(t, entry("a", url)+"[pool]\nprotocol = \"http2\"\nmax_connections_per_host = 1\nmax_idle_per_host = 1\nmax_streams_per_connection = 4\n")
	r.burst(t, 16, 6, "/", "")
	found := advice(t, c, "http2_saturated")
	patched(t, found, control.Change{Key: "pool.max_streams_per_connection", From: "4", To: "16"})
	apply(t, c, found.ID)
	r.burst(t, 16, 6, "/", "")
	improved(t, c, "http2_saturated")
	noAdvice(t, c)
}

// api is an entry of an upstream that answers Anthropic's API.
func api(name, url string) string {
	return fmt.Sprintf("[[upstreams]]\nname = %q\nkind = \"anthropic\"\nurl = %q\n", name, url)
}

func TestAdviceOnAnUpstreamThatFailsMore(t *testing.T) {
	var n atomic.Int64
	bad := site(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n.Add(1)%2 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}), func(*httptest.Server) {})
	good := site(t, &crowd{want: 1}, func(*httptest.Server) {})
	r, c := advised(t, api("bad", bad)+api("good", good)+"[failover]\neject_after = 0\n")
	r.burst(t, 10, 25, "/v1/messages", "")
	found := advice(t, c, "upstream_failing")
	patched(t, found, control.Change{Key: "upstreams[bad].priority", From: "1", To: "2"})
	apply(t, c, found.ID)
	if failed := r.burst(t, 10, 10, "/v1/messages", ""); failed > 0 {
		t.Errorf("got %d failed requests after the advice was applied; want none", failed)
	}
	improved(t, c, "upstream_failing")
	noAdvice(t, c)
}

func TestAdviceOnAnUpstreamThatIsSlower(t *testing.T) {
	far := site(t, &crowd{want: 1, think: 250 * time.Millisecond}, func(*httptest.Server) {})
	near := site(t, &crowd{want: 1}, func(*httptest.Server) {})
	r, c := advised(t, api("far", far)+api("near", near))
	r.burst(t, 32, 6, "/v1/messages", "")
	found := advice(t, c, "upstream_slow")
	patched(t, found, control.Change{Key: "upstreams[far].priority", From: "1", To: "2"})
	before := r.upstreamRequests("far")
	apply(t, c, found.ID)
	r.burst(t, 32, 6, "/v1/messages", "")
	if got := r.upstreamRequests("far"); got != before {
		t.Errorf("got %d requests to the slow one after the advice was applied; want none", got-before)
	}
	if got := advice(t, c, "upstream_slow"); got.Measured == nil {
		t.Error("got no measured effect; want one")
	}
	noAdvice(t, c)
}

// upstreamRequests is how many requests an upstream got.
func (r *running) upstreamRequests(name string) int64 {
	for _, u := range r.Stats().Upstreams {
		if u.Name == name {
			return u.Requests
		}
	}
	return 0
}

// rudeProxy is a forward proxy for plain HTTP that closes behind each answer.
func rudeProxy(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { relayOne(conn) })
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return "http://" + l.Addr().String()
}

// relayOne passes one request on to where its absolute form says, and its answer back.
func relayOne(conn net.Conn) {
	defer conn.Close()
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	req.RequestURI = ""
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil {
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

func TestAdviceOnAnEgressThatBreaksReuse(t *testing.T) {
	t.Cleanup(http.DefaultTransport.(*http.Transport).CloseIdleConnections)
	url := site(t, &crowd{want: 1}, func(*httptest.Server) {})
	r, c := advised(t, entry("direct", url)+entry("far", url)+fmt.Sprintf("egress = %q\n", rudeProxy(t)))
	traffic := func() {
		r.burst(t, 4, 15, "/u/direct/", "")
		r.burst(t, 4, 15, "/u/far/", "")
	}
	traffic()
	found := advice(t, c, "egress_reuse")
	if found.ID != "egress_reuse:far" || len(found.Patch) != 1 || found.Patch[0].Key != "upstreams[far].egress" || found.Patch[0].To != "" {
		t.Fatalf("got %s with the patch %v; want far to go without its proxy", found.ID, found.Patch)
	}
	apply(t, c, found.ID)
	traffic()
	improved(t, c, "egress_reuse")
	noAdvice(t, c)
}
