package general

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"millpond/proxy/exchange"
	"millpond/proxy/listener"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/router"
	"millpond/settings"
)

// pipes is a listener whose connections are made in this process, so that they live by
// the time of a test.
type pipes struct {
	next   chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.next:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 7860} }

func (p *pipes) dial() net.Conn {
	ours, theirs := net.Pipe()
	p.next <- theirs
	return ours
}

// A client may open a connection long before its first request: Go's does when another
// one comes free first, and keeps the new one for later. To close it would meet that
// request, which is then lost. A head that has begun has 10 s all the same.
func TestFirstRequestMayComeLate(t *testing.T) {
	s := settings.Default()
	pools, err := pool.NewManager(pool.Config{}, s)
	if err != nil {
		t.Fatal(err)
	}
	defer pools.Close()
	routes, err := router.New(s)
	if err != nil {
		t.Fatal(err)
	}
	x := exchange.New(exchange.Config{Pools: pools, Meter: meter.New(nil), Log: slog.New(slog.DiscardHandler)})
	x.Commit(&exchange.State{Settings: s, Gate: listener.NewGate(listener.GateConfig{}), Routes: routes})
	local := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "here") })

	synctest.Test(t, func(t *testing.T) {
		f := New(x, local, slog.New(slog.DiscardHandler), false)
		p := &pipes{next: make(chan net.Conn), closed: make(chan struct{})}
		served := make(chan error, 1)
		go func() { served <- f.Serve(listener.Strict(p, listener.StrictConfig{})) }()

		late, stuck, never := p.dial(), p.dial(), p.dial()
		if _, err := io.WriteString(stuck, "GET /__millpond__/x HTTP/1.1\r\n"); err != nil {
			t.Fatal(err)
		}
		const headerTime = 10 * time.Second // the guard's
		began := time.Now()
		if n, err := stuck.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(began) != headerTime {
			t.Errorf("a head that does not end: got %d bytes, %v after %v; want the connection closed after %v", n, err, time.Since(began), headerTime)
		}
		time.Sleep(idleTime - time.Minute - headerTime)
		if _, err := io.WriteString(late, "GET /__millpond__/x HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"); err != nil {
			t.Fatalf("a first request after %v: %v", idleTime-time.Minute, err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(late), nil)
		if err != nil {
			t.Fatalf("a first request after %v: %v", idleTime-time.Minute, err)
		}
		if body, err := io.ReadAll(resp.Body); string(body) != "here" {
			t.Errorf("got %q, %v; want an answer", body, err)
		}
		if n, err := never.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(began) != idleTime {
			t.Errorf("no request at all: got %d bytes, %v after %v; want the connection closed after %v", n, err, time.Since(began), idleTime)
		}
		late.Close()
		if err := f.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
}
