package pool

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"millpond/settings"
)

// Each limit counts what it costs, and nothing is counted where none was met.
func TestLimitsAreCounted(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(s.Close)
	tests := []struct {
		name                            string
		edit                            func(*settings.Settings)
		held                            int // leases at one time, given back together, beside one request
		idlePerHost, idle, room, queued uint64
	}{
		{"none is met", func(*settings.Settings) {}, 3, 0, 0, 0, 0},
		{"idle for a host", func(s *settings.Settings) { s.Pool.MaxIdlePerHost = 1 }, 3, 3, 0, 0, 0},
		{"idle in all", func(s *settings.Settings) { s.Pool.MaxIdle = 2 }, 3, 0, 2, 0, 0},
		{"connections to a host", func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = 3 }, 3, 0, 0, 0, 1},
	}
	for _, tt := range tests {
		m := newManager(t, tt.edit)
		target := m.targetForTest(t, s.URL)
		target.Caller = "me"
		var held []*Lease
		for range tt.held {
			l, err := m.Acquire(t.Context(), target, false)
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, l)
		}
		one := make(chan error, 1)
		go func() { one <- m.get(t.Context(), target, "GET") }()
		if tt.queued > 0 {
			await(t, "one request to wait", func() bool { return m.Stats().Waiting == 1 })
		} else if err := <-one; err != nil {
			t.Fatal(err)
		} else {
			one <- nil
		}
		if got := m.Stats().Width; got != tt.held+1 {
			t.Errorf("%s: got a burst of %d; want %d", tt.name, got, tt.held+1)
		}
		for _, l := range held {
			l.Release()
		}
		if err := <-one; err != nil {
			t.Fatal(err)
		}
		await(t, "all to come back", func() bool { return m.Stats().InUse == 0 })
		st := m.StatsOf(target.Upstream)
		closed := st.Squeezed
		if closed[MaxIdlePerHost] != tt.idlePerHost || closed[MaxIdle] != tt.idle || closed[MaxConnections] != tt.room {
			t.Errorf("%s: got %v closed by limit; want %d for the host, %d in all", tt.name, closed, tt.idlePerHost, tt.idle)
		}
		q := st.Queued[MaxConnectionsPerHost]
		if q.Requests != tt.queued || (q.Waited > 0) != (tt.queued > 0) || st.QueuedBy["me"] != q {
			t.Errorf("%s: got %+v queued, %+v by caller; want %d of one caller", tt.name, q, st.QueuedBy, tt.queued)
		}
		if st.Bursts != 1 || st.Connects != st.Dials || (st.Spent > 0) != (st.Dials > 0) {
			t.Errorf("%s: got %d bursts, %d connections in %v; want one burst and the time of %d", tt.name, st.Bursts, st.Connects, st.Spent, st.Dials)
		}
	}
}

// A close that could have met a request is counted as lost, one of a connection that was given up
// already is not.
func TestLostConnections(t *testing.T) {
	for _, tt := range []struct {
		reuse settings.Reuse
		want  uint64
	}{{settings.ReuseFixed, 1}, {settings.ReuseLearned, 0}} {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		m := newManager(t, func(c *settings.Settings) { c.Pool.Reuse = tt.reuse })
		target := m.targetForTest(t, s.URL)
		if err := m.get(t.Context(), target, "GET"); err != nil {
			t.Fatal(err)
		}
		m.originOf(target.Key()).update(func(l *learned) { l.CloseAge, l.At = 1, time.Now() }) // it keeps nothing
		s.CloseClientConnections()
		await(t, "the close to be seen", func() bool { return m.Stats().Open == 0 })
		if got := m.Stats().Lost; got != tt.want {
			t.Errorf("reuse %s: got %d lost; want %d", tt.reuse, got, tt.want)
		}
		s.Close()
	}
}
