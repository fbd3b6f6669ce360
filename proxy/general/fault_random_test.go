package general

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/pool"
	"millpond/settings"
)

// moody does with each request one of many things.
func moody(p *peer) {
	for req := p.request(); req != nil; req = p.request() {
		switch n := rand.N(100); {
		case n < 60:
			p.ok(req)
		case n < 75: // a stream
			io.WriteString(p, chunkedHead)
			tick := time.NewTicker(time.Millisecond)
			for range 3 {
				<-tick.C
				io.WriteString(p, chunk("data: x\n\n"))
			}
			tick.Stop()
			io.WriteString(p, "0\r\n\r\n")
		case n < 85: // much
			fmt.Fprintf(p, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", 256<<10, strings.Repeat("x", 256<<10))
		case n < 90: // nothing, and then the end
			p.SetReadDeadline(time.Now().Add(30 * time.Millisecond))
			p.left()
			return
		case n < 95:
			p.reset()
			return
		default: // an answer that ends the connection
			p.say("HTTP/1.1 200 OK\nConnection: close\n\nthe end")
			return
		}
	}
}

// Row 39: clients that leave at any time: in the queue, during a dial, before the
// head, within the answer; and upstreams that fail meanwhile. No slot, goroutine
// or descriptor is left (newRig looks), and no POST is executed twice.
func TestRow39RandomCancels(t *testing.T) {
	const requests, clients = cancels, 32
	o := newOrigin(t, false, moody)
	r := newRig(t, o.config(), func(s *settings.Settings) {
		s.Pool.MaxConnectionsPerHost, s.Pool.MaxWaiting = clients/4, clients
		s.Failover.EjectAfter = 0
	}, o.url)
	var next, whole atomic.Int64
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			for n := next.Add(1); n <= requests; n = next.Add(1) {
				if r.askAndLeave([]string{"POST", "GET"}[n%2], fmt.Sprintf("/%d", n)) {
					whole.Add(1)
				}
			}
		})
	}
	wg.Wait()
	r.until("no request is left", func(s pool.Stats) bool { return s.InUse == 0 && s.Waiting == 0 })
	s := r.pools.Stats()
	t.Logf("%d of %d answered whole, %d dials, reuse %.2f, evicted %v", whole.Load(), requests, s.Dials, s.ReuseRatio(), s.EvictedBy())
	if n := whole.Load(); n == 0 || n == requests {
		t.Errorf("%d of %d requests were answered whole; the test should see both", n, requests)
	}
	if s.Open > clients/4 {
		t.Errorf("%d connections open; want at most %d", s.Open, clients/4)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for path, times := range o.ran {
		var n int
		fmt.Sscanf(path, "/%d", &n)
		if most := 1 + n%2; times > most { // GETs have odd numbers, and may be replayed once
			t.Errorf("%s was executed %d times; want at most %d", path, times, most)
		}
	}
}

// askAndLeave makes a request, and leaves after a random time or with its answer,
// which it reports.
func (r *rig) askAndLeave(method, path string) bool {
	nc, err := net.Dial("tcp", strings.TrimPrefix(r.url, "http://"))
	if err != nil {
		r.t.Error(err)
		return false
	}
	defer nc.Close()
	nc.(*net.TCPConn).SetLinger(0) // thousands of ports in TIME_WAIT would be too many
	wait := patience               // one in four stays
	if rand.N(4) > 0 {
		wait = min(wait, time.Duration(rand.ExpFloat64()*float64(10*time.Millisecond)))
	}
	nc.SetDeadline(time.Now().Add(wait))
	fmt.Fprintf(nc, "%s %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\nhi", method, path)
	got, err := parseAnswer(nc, method)
	return err == nil && !got.cut && got.status == http.StatusOK
}
