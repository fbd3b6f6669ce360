package pool

import (
	"errors"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"millpond/proxy/leaktest"
	"millpond/settings"
)

// A stingy server speaks HTTP/2 without TLS, allows streams until it is told not
// to, and answers none.
type stingy struct {
	addr  string
	heads chan uint32   // streams that came
	acks  chan struct{} // answers to pings
	ready chan struct{} // closed when there is a connection

	mu sync.Mutex // guards what follows, and writing
	fr *http2.Framer
}

func newStingy(t *testing.T) *stingy {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &stingy{addr: ln.Addr().String(), heads: make(chan uint32, 16), acks: make(chan struct{}, 16), ready: make(chan struct{})}
	var wg sync.WaitGroup
	wg.Go(func() {
		nc, err := ln.Accept()
		if err != nil {
			return
		}
		defer nc.Close()
		s.serve(nc)
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	return s
}

func (s *stingy) serve(nc net.Conn) {
	if _, err := io.ReadFull(nc, make([]byte, len(http2.ClientPreface))); err != nil {
		return
	}
	s.mu.Lock()
	s.fr = http2.NewFramer(nc, nc)
	s.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: 10})
	s.mu.Unlock()
	close(s.ready)
	for {
		f, err := s.fr.ReadFrame()
		if err != nil {
			return
		}
		switch f := f.(type) {
		case *http2.HeadersFrame:
			s.heads <- f.StreamID
		case *http2.PingFrame:
			s.acks <- struct{}{}
		}
	}
}

// allow sets how many streams there may be, and returns once the client knows.
func (s *stingy) allow(n uint32) {
	<-s.ready
	s.mu.Lock()
	s.fr.WriteSettings(http2.Setting{ID: http2.SettingMaxConcurrentStreams, Val: n})
	s.fr.WritePing(false, [8]byte{})
	s.mu.Unlock()
	<-s.acks
}

// A request whose stream was taken away between the lease and its first byte was
// not sent, and that is said: it may be sent on another connection.
func TestStreamTakenAwayBeforeItBegan(t *testing.T) {
	leaktest.Check(t)
	s := newStingy(t)
	set := settings.Default()
	set.Pool.Protocol = settings.ProtocolHTTP2
	m, err := NewManager(Config{}, set)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	u, _ := url.Parse("http://" + s.addr)
	lease, err := m.Acquire(t.Context(), Target{Upstream: "a", Scheme: "http", Host: u.Hostname(), Port: u.Port(), Pool: set.Pool}, false)
	if err != nil {
		t.Fatal(err)
	}
	s.allow(0)
	_, err = lease.Send(t.Context(), &Request{Method: "POST", Target: "/", Host: "a", Body: []byte("x"), HeaderTimeout: time.Minute})
	var f *Failure
	if !errors.As(err, &f) || f.Sent || f.Code != CodeRefused {
		t.Errorf("got %+v; want %s, not sent", err, CodeRefused)
	}
	select {
	case id := <-s.heads:
		t.Errorf("stream %d came all the same", id)
	default:
	}
	if st := m.Stats(); st.InUse != 0 {
		t.Errorf("%d in use; want 0", st.InUse)
	}
}

// A stream that was given up before it began must not begin: its request may be on
// its way on another connection by then.
func TestAbandonedStreamNeverBegins(t *testing.T) {
	ours, theirs := net.Pipe()
	defer theirs.Close()
	ended := make(chan error, 1)
	s := &stream{l: &Lease{c: &conn{dialled: dialled{raw: &rawConn{Conn: ours}}}}, req: &Request{}, cancel: func(err error) { ended <- err }}
	s.timer = newIdleTimer(0, func() {})
	s.late()
	if err := <-ended; err != errNotBegun {
		t.Errorf("ended by %v; want %v", err, errNotBegun)
	}
	s.begin(":method", nil)
	if _, err := theirs.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("the connection gave %v; want its end", err)
	}
}

// The other way round the time runs for the answer, and the request counts as sent.
func TestBegunStreamIsSent(t *testing.T) {
	ended := make(chan error, 1)
	s := &stream{req: &Request{}, cancel: func(err error) { ended <- err }}
	s.timer = newIdleTimer(0, func() {})
	s.begin(":method", nil)
	s.begin(":path", nil)
	s.late()
	if err := <-ended; err != errSilent || s.written.Load() != begun {
		t.Errorf("ended by %v, written %d; want %v, begun", err, s.written.Load(), errSilent)
	}
}
