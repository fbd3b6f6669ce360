package pool

import (
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"

	"millpond/settings"
)

// BenchmarkCheckout measures taking a connection that is there and giving it
// back, the look at its socket included, by 2 and by 256 callers at once.
func BenchmarkCheckout(b *testing.B) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	for _, callers := range []int{1, 2, 256} {
		b.Run(map[int]string{1: "1", 2: "2", 256: "256"}[callers], func(b *testing.B) {
			config := settings.Default()
			config.Pool.MaxIdlePerHost, config.Pool.MaxConnectionsPerHost = 512, 0
			m, err := NewManager(Config{}, config)
			if err != nil {
				b.Fatal(err)
			}
			defer m.Close()
			target := targetForBench(b, s.URL, config)
			m.originOf(target.Key()).update(func(l *learned) { l.Proven = true })
			var held []*Lease
			for range callers { // so that all are dialled
				l, err := m.Acquire(b.Context(), target, true)
				if err != nil {
					b.Fatal(err)
				}
				held = append(held, l)
			}
			for _, l := range held {
				l.Release()
			}
			b.ReportAllocs()
			b.SetParallelism((callers + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0))
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					l, err := m.Acquire(b.Context(), target, false)
					if err != nil {
						b.Error(err)
						return
					}
					l.Release()
				}
			})
		})
	}
}

func targetForBench(b *testing.B, rawURL string, s *settings.Settings) Target {
	b.Helper()
	r, err := http.NewRequest("GET", rawURL, nil)
	if err != nil {
		b.Fatal(err)
	}
	return Target{Upstream: "up", Scheme: "http", Host: r.URL.Hostname(), Port: r.URL.Port(), Pool: s.Pool}
}
