package general

import (
	"net/http"
	"testing"
	"time"

	"millpond/proxy/pool"
	"millpond/proxy/porttest"
	"millpond/settings"
)

// nobody returns an address on which nobody listens.
func nobody(t *testing.T) string {
	t.Helper()
	return "http://" + porttest.Hold(t)
}

// Row 15: connect refused, and no DNS: tried again within the dial budget, then
// 502. The name is one that no resolver is asked for.
func TestRow15NoConnection(t *testing.T) {
	for code, url := range map[string]string{pool.CodeConnect: nobody(t), pool.CodeDNS: "http://no..name/"} {
		r := newRig(t, pool.Config{}, func(s *settings.Settings) { s.Failover.Attempts = 2 }, url)
		r.failed(r.post("/1"), http.StatusBadGateway, code)
		r.replayed(1, 0, 0)
		if n := r.x.Ledger().Ambiguous; n != 0 {
			t.Errorf("%d ambiguous failures; want 0, since nothing left", n)
		}
	}
}

// A connection that fails once is made again, for any method.
func TestRow15SecondDialServes(t *testing.T) {
	o := newOrigin(t, true, func(p *peer) {
		if p.n > 1 {
			p.serveAll()
		}
	})
	r := newRig(t, o.config(), nil, o.url)
	r.fine(r.post("/1"), "/1")
	o.executed("/1", 1)
	r.replayed(1, 0, 0)
}

// Another upstream takes over, when there is one.
func TestRow15AnotherUpstreamServes(t *testing.T) {
	o := newOrigin(t, false, (*peer).serveAll)
	r := newRig(t, o.config(), func(s *settings.Settings) {
		s.Routes = []settings.Route{{Path: "/", Upstreams: []string{"up-0", "up-1"}}}
		s.Upstreams[1].Priority = 2
	}, nobody(t), o.url)
	r.fine(r.post("/1"), "/1")
	o.executed("/1", 1)
	r.replayed(1, 0, 0)
}

// Row 16: no TLS at the other end, and a certificate that nobody vouches for.
func TestRow16TLSFails(t *testing.T) {
	t.Run("certificate", func(t *testing.T) {
		o := newOrigin(t, true, (*peer).serveAll)
		r := newRig(t, pool.Config{}, nil, o.url)
		got := r.post("/1")
		r.failed(got, http.StatusBadGateway, pool.CodeTLS)
		if v := got.header.Get("X-Should-Retry"); v != "false" {
			t.Errorf("X-Should-Retry is %q; want false", v)
		}
		o.executed("/1", 0)
		r.replayed(0, 0, 0)
	})
	t.Run("plain", func(t *testing.T) {
		o := newOrigin(t, false, func(p *peer) {
			p.in.Peek(1)
			p.say("HTTP/1.1 400 Bad Request\nContent-Length: 0\n\n")
		})
		r := newRig(t, o.config(), nil, "https://"+o.addr)
		r.failed(r.post("/1"), http.StatusBadGateway, pool.CodeTLS)
		o.executed("/1", 0)
	})
	t.Run("silence", func(t *testing.T) {
		o := newOrigin(t, false, (*peer).left)
		r := newRig(t, o.config(), func(s *settings.Settings) {
			s.Timeouts.TLS, s.Failover.Attempts = 100*time.Millisecond, 1
		}, "https://"+o.addr)
		r.failed(r.post("/1"), http.StatusBadGateway, pool.CodeTLS)
	})
}
