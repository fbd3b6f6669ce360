package bench

import (
	"bytes"
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"millpond/proxy/leaktest"
)

// TestRelay passes more than its buffers hold in both directions: everything arrives in order, and
// not earlier than it may.
func TestRelay(t *testing.T) {
	leaktest.Check(t)
	const roundTrip = 20 * time.Millisecond
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var echo sync.WaitGroup
	defer echo.Wait()
	echo.Go(func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(c, c)
	})
	r, err := startRelay(context.Background(), l.Addr().String(), roundTrip)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	c, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := make([]byte, 3*relayPiece*relayPieces)
	for i := range sent {
		sent[i] = byte(i * i >> 3)
	}
	began := time.Now()
	echo.Go(func() {
		_, _ = c.Write(sent)
		closeWrite(c)
	})
	got, err := io.ReadAll(c)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, sent) {
		t.Errorf("got %d bytes that differ from the %d sent", len(got), len(sent))
	}
	if took := time.Since(began); took < 2*roundTrip {
		t.Errorf("got everything after %v; want the handshake and a round trip, %v, at least", took, 2*roundTrip)
	}
}

// TestRelayPassesCloseOn closes the far side: the near side sees the end.
func TestRelayPassesCloseOn(t *testing.T) {
	leaktest.Check(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	r, err := startRelay(context.Background(), l.Addr().String(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	c, err := net.Dial("tcp", r.address())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	far, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	far.Close()
	if n, err := c.Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("got %d bytes, %v; want the end", n, err)
	}
}
