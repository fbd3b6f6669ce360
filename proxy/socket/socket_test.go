package socket

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"
)

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

// pair returns the two ends of a connection, ours by package net as well.
func pair(t *testing.T) (ours *Conn, theirs *net.TCPConn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	out, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	in, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { out.Close(); in.Close() })
	if ours, err = New(in); err != nil {
		t.Fatal(err)
	}
	return ours, out.(*net.TCPConn)
}

// Bytes arrive whole and in order, both ways at the same time, however they fill the socket.
func TestBytesPass(t *testing.T) {
	const size = 8 << 20
	ours, theirs := pair(t)
	ours.SetDeadline(time.Now().Add(patience))
	sent := make([]byte, size)
	for i := range sent {
		sent[i] = byte(rand.Uint32())
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { // sends all back
		io.Copy(theirs, struct{ io.Reader }{theirs})
		theirs.CloseWrite()
	})
	wg.Go(func() {
		if n, err := ours.Write(sent); n != size || err != nil {
			t.Errorf("wrote %d, %v; want %d", n, err, size)
		}
		ours.CloseWrite()
	})
	got, err := io.ReadAll(ours)
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("got %d bytes, %v; want the %d that were sent", len(got), err, size)
	}
}

// Faults are what package net makes of them.
func TestFaults(t *testing.T) {
	buf := make([]byte, 8)
	read := func(c net.Conn) error { _, err := c.Read(buf); return err }
	write := func(c net.Conn) error {
		for {
			if _, err := c.Write(make([]byte, 1<<20)); err != nil {
				return err
			}
		}
	}
	tests := map[string]struct {
		before func(ours, theirs net.Conn)
		do     func(net.Conn) error
		want   error
	}{
		"end":              {func(_, theirs net.Conn) { theirs.Close() }, read, io.EOF},
		"reset":            {func(_, theirs net.Conn) { theirs.(*net.TCPConn).SetLinger(0); theirs.Close() }, read, nil},
		"deadline, past":   {func(ours, _ net.Conn) { ours.SetDeadline(time.Unix(1, 0)) }, read, os.ErrDeadlineExceeded},
		"deadline, later":  {func(ours, _ net.Conn) { ours.SetDeadline(time.Now().Add(20 * time.Millisecond)) }, read, os.ErrDeadlineExceeded},
		"no room in time":  {func(ours, _ net.Conn) { ours.SetDeadline(time.Now().Add(20 * time.Millisecond)) }, write, os.ErrDeadlineExceeded},
		"closed":           {func(ours, _ net.Conn) { ours.Close() }, read, net.ErrClosed},
		"closed for write": {func(ours, _ net.Conn) { ours.Close() }, write, net.ErrClosed},
	}
	for name, tt := range tests {
		var got [2]error
		for i := range got {
			ours, theirs := pair(t)
			c := net.Conn(ours)
			if i == 1 {
				c = ours.Conn
			}
			tt.before(c, theirs)
			got[i] = tt.do(c)
			if tt.want != nil && !errors.Is(got[i], tt.want) {
				t.Errorf("%s: got %v; want %v", name, got[i], tt.want)
			}
			got[i] = shorn(t, got[i])
		}
		if got[0].Error() != got[1].Error() {
			t.Errorf("%s: got %q; want %q", name, got[0], got[1])
		}
	}
}

// shorn is an error without the addresses.
func shorn(t *testing.T, err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		if op.Source == nil || op.Addr == nil {
			t.Errorf("%v names no addresses", err)
		}
		op.Source, op.Addr = nil, nil
	}
	return err
}

// Close ends a Read that waits.
func TestCloseEndsRead(t *testing.T) {
	ours, _ := pair(t)
	done := make(chan error, 1)
	go func() { _, err := ours.Read(make([]byte, 1)); done <- err }()
	ours.Close()
	select {
	case err := <-done:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v; want %v", err, net.ErrClosed)
		}
	case <-time.After(patience):
		t.Error("the read goes on")
	}
}

// A connection without a descriptor is refused.
func TestNewRefuses(t *testing.T) {
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if c, err := New(a); err == nil {
		t.Errorf("got %v; want an error", c)
	}
}

// Buffers are nobody's and somebody's in turn, some outlive the garbage collection, and one of
// another size is not taken back.
func TestBuffers(t *testing.T) {
	b := NewBuffers(8)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			for range 1000 {
				buf := b.Get()
				for j := range *buf {
					(*buf)[j] = byte(i)
				}
				for _, got := range *buf {
					if got != byte(i) {
						t.Errorf("got %d in a buffer of %d", got, i)
					}
				}
				b.Put(buf)
			}
		})
	}
	wg.Wait()
	first := b.Get()
	b.Put(first)
	grown := make([]byte, 9)
	b.Put(&grown)
	b.Put(nil)
	runtime.GC()
	runtime.GC()
	if got := b.Get(); got != first {
		t.Error("got another buffer; want the one that was there before the collection")
	}
	for range 2 * keptBuffers {
		if got := b.Get(); len(*got) != 8 {
			t.Fatalf("got a buffer of %d; want 8", len(*got))
		}
	}
}
