package hangup

import (
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

// pair returns the two ends of a connection.
func pair(t *testing.T) (ours, theirs *net.TCPConn) {
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
	return in.(*net.TCPConn), out.(*net.TCPConn)
}

func control(t *testing.T, c *net.TCPConn) syscall.RawConn {
	t.Helper()
	sys, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	return sys
}

// sees waits until Peek sees something.
func sees(t *testing.T, sys syscall.RawConn, want Seen) {
	t.Helper()
	late := time.Now().Add(patience)
	for Peek(sys) != want {
		if time.Now().After(late) {
			t.Fatalf("got %v after %v; want %v", Peek(sys), patience, want)
		}
	}
}

func TestPeek(t *testing.T) {
	ours, theirs := pair(t)
	sys := control(t, ours)
	sees(t, sys, Nothing)
	if _, err := theirs.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	sees(t, sys, Bytes)
	theirs.Close()
	sees(t, sys, Bytes) // what was sent before comes first
	if _, err := ours.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	sees(t, sys, Closed)
	ours.Close()
	sees(t, sys, Closed)
}

// told is a peer that tells the test.
type told chan struct{}

func (c told) HungUp() {
	select {
	case c <- struct{}{}:
	default:
	}
}

func TestWatcherTells(t *testing.T) {
	if !Kernel {
		t.Skip("this system does not tell")
	}
	w, err := NewWatcher()
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(w.Run)
	defer wg.Wait()
	defer w.Close()
	ends := map[string]func(*net.TCPConn){
		"close": func(c *net.TCPConn) { c.Close() },
		"half":  func(c *net.TCPConn) { c.CloseWrite() },
		"reset": func(c *net.TCPConn) { c.SetLinger(0); c.Close() },
	}
	id := uint64(0)
	for name, end := range ends {
		for _, before := range []bool{false, true} {
			ours, theirs := pair(t)
			peer := make(told, 1)
			if before {
				end(theirs)
			}
			if id++; !w.Add(id, control(t, ours), peer) {
				t.Fatal("the connection is not watched")
			}
			if !before {
				end(theirs)
			}
			select {
			case <-peer:
			case <-time.After(patience):
				t.Errorf("%s (before Add: %v): not told after %v", name, before, patience)
			}
		}
	}
}

func TestNilWatcher(t *testing.T) {
	var w *Watcher
	w.Run()
	if w.Add(1, nil, nil) && Kernel {
		t.Error("a nil watcher says that it watches")
	}
	w.Remove(1)
	w.Close()
}
