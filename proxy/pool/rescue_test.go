package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/settings"
)

// oneSlot leaves room for one connection, so that a slot that is lost keeps the next request out.
func oneSlot(s *settings.Settings) {
	s.Pool.MaxConnectionsPerHost, s.Pool.WaitTimeout = 1, 10*time.Second
}

// wantInternal requires that err tells of a mistake of ours, and the pool has counted n.
func (m *Manager) wantInternal(t *testing.T, err error, n uint64) {
	t.Helper()
	var f *Failure
	if !errors.As(err, &f) || f.Code != CodeInternal {
		t.Errorf("got %v; want the code %q", err, CodeInternal)
	}
	if got := m.Panics(); got != n {
		t.Errorf("%d panics counted; want %d", got, n)
	}
}

func web(t *testing.T) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
	t.Cleanup(s.Close)
	return s.URL
}

// A dial that panics is one that failed: its slot is free, and whoever waits gets the next.
func TestPanicInDial(t *testing.T) {
	m := newManager(t, oneSlot)
	target, dial := m.targetForTest(t, web(t)), m.dial
	var left atomic.Int64
	left.Store(3)
	m.dial = func(ctx context.Context, t Target) (*dialled, error) {
		if left.Add(-1) >= 0 {
			panic("as a mistake would")
		}
		return dial(ctx, t)
	}
	var failed atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := m.get(t.Context(), target, "GET"); err != nil {
				failed.Add(1)
				if f := new(Failure); !errors.As(err, &f) || f.Code != CodeInternal || f.Phase != PhaseDial || f.Sent {
					t.Errorf("got %#v; want a dial that failed by a mistake of ours", err)
				}
			}
		})
	}
	wg.Wait()
	if n := failed.Load(); n != 3 || m.Panics() != 3 {
		t.Errorf("%d requests failed by %d panics; want 3 and 3", n, m.Panics())
	}
}

// What panics in what a request does by itself, or in the watcher, leaves the mutex free and
// no slot taken.
func TestPanicInAcquire(t *testing.T) {
	m := newManager(t, oneSlot)
	target := m.targetForTest(t, web(t))
	if err := m.get(t.Context(), target, "GET"); err != nil {
		t.Fatal(err)
	}
	await(t, "the connection to be idle", func() bool { return m.Stats().Idle == 1 })
	g := m.groupOf(&target)
	g.mu.Lock()
	h := g.hosts[target.Key()]
	c, origin := h.idle[0], h.origin
	h.origin = nil // what is known of it is asked for before a connection is used again
	g.mu.Unlock()
	_, err := m.Acquire(t.Context(), target, false)
	m.wantInternal(t, err, 1)
	c.HungUp()
	m.wantInternal(t, err, 2)
	g.mu.Lock()
	h.origin = origin
	g.mu.Unlock()
	if err := m.get(t.Context(), target, "GET"); err != nil {
		t.Error(err)
	}
}

// A connection that panics while it is looked at before use is dead, and gives its slot back.
func TestPanicInLook(t *testing.T) {
	m := newManager(t, oneSlot)
	target := m.targetForTest(t, web(t))
	if err := m.get(t.Context(), target, "GET"); err != nil {
		t.Fatal(err)
	}
	await(t, "the connection to be idle", func() bool { return m.Stats().Idle == 1 })
	g := m.groupOf(&target)
	g.mu.Lock()
	c := g.hosts[target.Key()].idle[0]
	c.nc = new(tls.Conn) // has nothing to read from
	g.mu.Unlock()
	defer c.raw.Close() // closing a tls.Conn that has nothing panics, too
	if err := m.get(t.Context(), target, "GET"); err != nil {
		t.Error(err)
	}
	if n := m.Panics(); n != 2 {
		t.Errorf("%d panics counted; want 2: at the look and when it was closed", n)
	}
}

// A waiter whose request panics leaves the queue, and what it was granted is the next one's.
func TestPanicWhileWaiting(t *testing.T) {
	m := newManager(t, oneSlot)
	target := m.targetForTest(t, web(t))
	held, err := m.Acquire(t.Context(), target, false)
	if err != nil {
		t.Fatal(err)
	}
	_, err = m.Acquire(panicking{t.Context()}, target, false)
	m.wantInternal(t, err, 1)
	if s := m.Stats(); s.Waiting != 0 {
		t.Errorf("%d wait; want none", s.Waiting)
	}
	held.Release()
	if err := m.get(t.Context(), target, "GET"); err != nil {
		t.Error(err)
	}
}

type panicking struct{ context.Context }

func (panicking) Done() <-chan struct{} { panic("as a mistake would") }

// A body whose source panics fails its request alone, over either protocol.
func TestPanicInBody(t *testing.T) {
	for _, protocol := range []settings.Protocol{settings.ProtocolHTTP1, settings.ProtocolHTTP2} {
		t.Run(string(protocol), func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) }))
			s.Config.Protocols = new(http.Protocols)
			s.Config.Protocols.SetHTTP1(true)
			s.Config.Protocols.SetUnencryptedHTTP2(true)
			s.Start()
			t.Cleanup(s.Close)
			m := newManager(t, func(s *settings.Settings) { oneSlot(s); s.Pool.Protocol = protocol })
			target := m.targetForTest(t, s.URL)
			for i := range uint64(3) {
				l, err := m.Acquire(t.Context(), target, false)
				if err != nil {
					t.Fatal(err)
				}
				_, err = l.Send(t.Context(), &Request{Method: "POST", Target: "/", Host: "h", Length: -1, Unblock: func() {},
					Stream: io.MultiReader(strings.NewReader("the beginning"), panickingReader{})})
				m.wantInternal(t, err, i+1)
			}
			if err := m.get(t.Context(), target, "GET"); err != nil {
				t.Error(err)
			}
		})
	}
}

type panickingReader struct{}

func (panickingReader) Read([]byte) (int, error) { panic("as a mistake would") }

// A group that panics when it is swept keeps the others from nothing.
func TestPanicInSweep(t *testing.T) {
	m := newManager(t, nil)
	broken := &group{m: m, hosts: map[Key]*host{{}: nil}, queuing: map[*host]struct{}{}, used: time.Now()}
	m.mu.Lock()
	m.groups[scopeKey{name: "broken"}] = broken
	m.mu.Unlock()
	target := m.targetForTest(t, web(t))
	if err := m.get(t.Context(), target, "GET"); err != nil {
		t.Fatal(err)
	}
	await(t, "two sweeps", func() bool { return m.Panics() >= 2 })
	m.mu.Lock()
	delete(m.groups, scopeKey{name: "broken"})
	m.mu.Unlock()
	broken.mu.Lock() // is free
	defer broken.mu.Unlock()
	if err := m.get(t.Context(), target, "GET"); err != nil {
		t.Error(err)
	}
}
