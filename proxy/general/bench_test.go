//go:build unix

package general

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"millpond/proxy/pool"
)

// BenchmarkRequest sends small POSTs by 1, 32 and 256 callers through Millpond and
// through httputil.ReverseProxy, with Go's default Transport and with one whose
// idle limits fit. It reports, beside the time, the median and 99th percentile of
// the latency, the upstream's connections, and the CPU of the whole process per
// request; of the last, the cost of client and upstream alone is reported as the
// variant "direct", to be subtracted from the others.
func BenchmarkRequest(b *testing.B) {
	var conns atomic.Int64
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		w.Write(bytes.Repeat([]byte("x"), 600))
	}))
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	base, _ := url.Parse(s.URL)
	reverse := func(t http.RoundTripper) string {
		p := httputil.NewSingleHostReverseProxy(base)
		p.Transport = t
		front := httptest.NewServer(p)
		b.Cleanup(front.Close)
		return front.URL
	}
	variants := []struct{ name, url string }{
		{"direct", s.URL},
		{"millpond", newRig(b, pool.Config{}, nil, s.URL).url},
		{"reverseproxy-default", reverse(http.DefaultTransport)},
		{"reverseproxy-tuned", reverse(&http.Transport{MaxIdleConns: 0, MaxIdleConnsPerHost: 1024, DisableCompression: true, TLSClientConfig: &tls.Config{}})},
	}
	for _, callers := range []int{1, 32, 256} {
		for _, v := range variants {
			b.Run(fmt.Sprintf("%s/%d", v.name, callers), func(b *testing.B) { load(b, v.url, callers, &conns) })
		}
	}
}

// load has callers, each on a raw connection of its own, send b.N requests.
func load(b *testing.B, url string, callers int, conns *atomic.Int64) {
	addr := url[len("http://"):]
	head := []byte("POST /v1/messages HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n")
	request := append(head, bytes.Repeat([]byte("y"), 400)...)
	dialled := conns.Load()
	var left atomic.Int64
	left.Store(int64(b.N))
	times := make([][]time.Duration, callers)
	var wg sync.WaitGroup
	cpu := processCPU()
	b.ResetTimer()
	for i := range callers {
		wg.Go(func() {
			nc, err := net.Dial("tcp", addr)
			if err != nil {
				b.Error(err)
				return
			}
			defer nc.Close()
			buf := make([]byte, 4096)
			for left.Add(-1) >= 0 {
				start := time.Now()
				nc.Write(request)
				if err := readSmall(nc, buf); err != nil {
					b.Error(err)
					return
				}
				times[i] = append(times[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	all := slices.Concat(times...)
	slices.Sort(all)
	if len(all) == 0 {
		return
	}
	b.ReportMetric(float64((processCPU()-cpu).Microseconds())/float64(b.N), "cpu-us/op")
	b.ReportMetric(float64(all[len(all)/2].Microseconds()), "p50-us")
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds()), "p99-us")
	b.ReportMetric(float64(conns.Load()-dialled), "dials")
}

// readSmall reads one answer of 600 bytes with a Content-Length.
func readSmall(nc net.Conn, buf []byte) error {
	n := 0
	for {
		m, err := nc.Read(buf[n:])
		if err != nil {
			return err
		}
		n += m
		if i := bytes.Index(buf[:n], []byte("\r\n\r\n")); i >= 0 && n-i-4 >= 600 {
			if !bytes.HasPrefix(buf, []byte("HTTP/1.1 200")) {
				return fmt.Errorf("answer %q", buf[:40])
			}
			return nil
		}
	}
}

func processCPU() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
