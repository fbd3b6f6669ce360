package general

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/exchange"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/settings"
)

// atRestAfterPanic checks that a panic left neither a slot of the pool behind nor a count of
// requests under way: with one connection for all, the next request goes through, alone.
func (r *rig) atRestAfterPanic(panics uint64) {
	r.t.Helper()
	r.until("nothing is in use", func(s pool.Stats) bool { return s.InUse == 0 && s.Waiting == 0 })
	r.fine(r.post("/next"), "/next")
	if s := r.pools.Stats(); s.Width != 1 {
		r.t.Errorf("%d requests at a time; want 1: that of the panic is over", s.Width)
	}
	want := meter.Counts{OK: panics, Local: panics}
	eventually(r.t, "the requests are counted", func() bool { return r.meter.Snapshot().Counts == want },
		func() any { return r.meter.Snapshot().Counts })
}

func oneConnection(s *settings.Settings) {
	s.Pool.MaxConnectionsPerHost, s.Pool.WaitTimeout = 1, time.Second
}

// A panic in the upstream's half costs the client's connection and nothing else.
func TestPanicBeforeSending(t *testing.T) {
	plainAndTLS(t, func(t *testing.T, secure bool) {
		up, ran := web(t, secure)
		r := newRig(t, trusting(), oneConnection, up)
		for i := range 3 {
			r.beforeSend(func() { panic("as a mistake would") })
			if got := r.post("/lost"); !got.cut {
				t.Errorf("got %+v; want a broken connection", got)
			}
			r.atRestAfterPanic(uint64(i) + 1)
		}
		if n := len(ran.of("/lost")); n != 0 {
			t.Errorf("/lost ran %d times; want never", n)
		}
	})
}

// The same after the request was sent: at the first 1xx, and at the head of the answer.
func TestPanicAfterSending(t *testing.T) {
	for _, tt := range []struct {
		name   string
		secure bool // HTTP/2, where a 1xx is passed on by another goroutine
		hints  bool
	}{{"at 1xx", false, true}, {"at the head", false, false}, {"at the head, HTTP/2", true, false}} {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/lost" && tt.hints {
					w.WriteHeader(http.StatusEarlyHints)
				}
				io.WriteString(w, r.URL.Path)
			}))
			if s.EnableHTTP2 = tt.secure; tt.secure {
				s.StartTLS()
			} else {
				s.Start()
			}
			t.Cleanup(s.Close)
			r := newRig(t, trusting(), oneConnection, s.URL)
			for i := range 3 {
				func() {
					defer func() {
						if recover() == nil {
							t.Error("no panic; want the client's")
						}
					}()
					nobody := struct{ exchange.Client }{} // all its methods panic
					r.x.Do(t.Context(), r.x.State(), &exchange.Request{Method: "GET", Target: "/lost", Arrived: time.Now()}, nobody)
				}()
				r.atRestAfterPanic(uint64(i) + 1)
			}
		})
	}
}

// The request that tries an ejected upstream gives that place back, or the upstream would be left
// alone for ever.
func TestPanicOfTheTrial(t *testing.T) {
	var asked atomic.Int32
	first := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	second := serve(t, func(http.ResponseWriter, *http.Request) {})
	r := newRig(t, pool.Config{}, func(s *settings.Settings) {
		s.Failover.EjectAfter, s.Failover.EjectFor = 1, time.Nanosecond
		for i := range s.Upstreams { // of one kind, so that either may serve
			s.Upstreams[i].Kind, s.Upstreams[i].Priority = settings.KindAnthropic, i+1
		}
	}, first, second)
	r.post("/v1/messages")
	eventually(t, "the upstream is ejected", func() bool { return !r.x.State().Upstreams[0].Status().Healthy })
	r.beforeSend(func() { panic("as a mistake would") })
	if got := r.post("/v1/messages"); !got.cut {
		t.Errorf("got %+v; want a broken connection", got)
	}
	r.post("/v1/messages")
	if n := asked.Load(); n != 2 {
		t.Errorf("the upstream was asked %d times; want 2, the second as its trial", n)
	}
}
