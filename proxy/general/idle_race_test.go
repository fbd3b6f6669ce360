//go:build !race

// The race detector slows the proxy until pauses of its own are longer than the
// margins that are tested here, so these run without it, in "make test-idle".

package general

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/pool"
)

// A closer is an upstream that closes connections after they were idle for a
// while, and counts what it executed by the request's id.
type closer struct {
	url  string
	mu   sync.Mutex
	seen map[string]int
}

func newCloser(t *testing.T, idle time.Duration, keepAlive bool) *closer {
	c := &closer{seen: map[string]int{}}
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		c.mu.Lock()
		c.seen[r.Header.Get("X-Id")]++
		c.mu.Unlock()
		if !keepAlive {
			// Close behind the answer without saying so, as some servers do.
			nc, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
			nc.Close()
			return
		}
		io.WriteString(w, "ok")
	}))
	s.Config.IdleTimeout = idle
	s.Start()
	t.Cleanup(s.Close)
	c.url = s.URL
	return c
}

func (c *closer) duplicates() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, times := range c.seen {
		if times > 1 {
			n++
		}
	}
	return n
}

// race sends requests from 32 callers, each after the pause that gap gives, and
// returns how many failed after the first hundred.
func race(t *testing.T, r *rig, method string, requests int, gap func() time.Duration) (failed int) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64}}
	defer client.CloseIdleConnections()
	var sent, late atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			pause := time.NewTimer(time.Hour)
			for n := sent.Add(1); n <= int64(requests); n = sent.Add(1) {
				req, _ := http.NewRequest(method, r.url+"/", strings.NewReader("x"))
				req.Header.Set("X-Id", fmt.Sprint(n))
				resp, err := client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if resp.StatusCode != 200 && n > 100 {
					late.Add(1)
				}
				pause.Reset(gap())
				<-pause.C
			}
		})
	}
	wg.Wait()
	return int(late.Load())
}

// The race that this program exists for: an upstream closes idle connections in
// the moment in which they are used again.
func TestIdleCloseRace(t *testing.T) {
	for _, tt := range []struct {
		idle     time.Duration
		requests int
		method   string
	}{
		{10 * time.Millisecond, 5000, "POST"},
		{50 * time.Millisecond, 5000, "POST"},
		{200 * time.Millisecond, 5000, "POST"},
		{10 * time.Millisecond, 2000, "GET"},
		{50 * time.Millisecond, 2000, "GET"},
	} {
		t.Run(fmt.Sprint(tt.method, tt.idle), func(t *testing.T) {
			up := newCloser(t, tt.idle, true)
			r := newRig(t, pool.Config{}, nil, up.url)
			failed := race(t, r, tt.method, tt.requests, func() time.Duration {
				return tt.idle - time.Millisecond + rand.N(2*time.Millisecond)
			})
			s := r.pools.Stats()
			t.Logf("%d of %d failed, %d dials, reuse %.3f, evicted %v, %+v", failed, tt.requests, s.Dials, s.ReuseRatio(), s.EvictedBy(), r.pools.Learned())
			allowed := tt.requests / 1000
			if tt.method == "GET" {
				allowed = 0
			}
			if failed > allowed {
				t.Errorf("%d of %d failed; want at most %d", failed, tt.requests, allowed)
			}
			if n := up.duplicates(); n > 0 && tt.method == "POST" {
				t.Errorf("%d requests ran twice", n)
			}
		})
	}
}

// With gaps well inside the limit, connections are kept and used.
func TestIdleCloseWithRoomReuses(t *testing.T) {
	up := newCloser(t, 200*time.Millisecond, true)
	r := newRig(t, pool.Config{}, nil, up.url)
	failed := race(t, r, "POST", 2000, func() time.Duration { return 10*time.Millisecond + rand.N(40*time.Millisecond) })
	if failed > 0 || up.duplicates() > 0 {
		t.Errorf("%d failed, %d ran twice; want none", failed, up.duplicates())
	}
	if got := r.pools.Stats().ReuseRatio(); got < 0.9 {
		t.Errorf("reuse ratio %.3f; want over 0.9", got)
	}
}

// An upstream that closes behind each answer without saying so costs nobody a
// request, and is known for it within 20.
func TestCloseBehindEachAnswer(t *testing.T) {
	up := newCloser(t, 0, false)
	r := newRig(t, pool.Config{}, nil, up.url)
	for i := range 40 {
		req, _ := http.NewRequest("POST", r.url+"/", strings.NewReader("x"))
		req.Header.Set("X-Id", fmt.Sprint(i))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != 200 {
			t.Errorf("request %d: status %d, %s", i, resp.StatusCode, resp.Header.Get("X-Millpond-Error"))
		}
		if i == 19 {
			if l := r.pools.Learned(); len(l) != 1 || !l[0].Unreliable {
				t.Errorf("after 20 requests it counts as reliable: %+v", l)
			}
		}
	}
	if n := up.duplicates(); n > 0 {
		t.Errorf("%d requests ran twice", n)
	}
}
