package proxy

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"

	"millpond/proxy/porttest"
)

// A shelf keeps copies of sockets as systemd does: they go on listening when the daemon has closed its own.
type shelf struct {
	mu    sync.Mutex // guards files
	files []*os.File
}

func (s *shelf) Take() []net.Listener {
	s.mu.Lock()
	defer s.mu.Unlock()
	var sockets []net.Listener
	for _, f := range s.files {
		if l, err := net.FileListener(f); err == nil {
			sockets = append(sockets, l)
		}
	}
	return sockets
}

func (s *shelf) Keep(sockets []net.Listener) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	s.files = nil
	for _, l := range sockets {
		f, err := l.(*net.TCPListener).File()
		if err == nil {
			s.files = append(s.files, f)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// TestKeptSocket shows that a client who connects while no daemon runs is served by the next one.
func TestKeptSocket(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot hand a listening socket on")
	}
	s := &shelf{}
	t.Cleanup(func() {
		if err := s.Keep(nil); err != nil {
			t.Error(err)
		}
	})
	first := start(t, anywhere, func(c *Config) { c.Keeper = s })
	address := first.Address()
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("between two daemons: got %v; want a connection that waits", err)
	}
	defer client.Close()
	if _, err := client.Write([]byte("GET /__millpond__/health HTTP/1.1\r\nHost: " + address + "\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	start(t, at(address), func(c *Config) { c.Keeper = s })
	answer := make([]byte, len("HTTP/1.1"))
	if _, err := client.Read(answer); err != nil || string(answer) != "HTTP/1.1" {
		t.Errorf("the client who waited: got %q, %v; want an answer", answer, err)
	}
}

// TestKeptSocketInTheWay moves to an address that overlaps the kept one, live and by a new daemon.
func TestKeptSocketInTheWay(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows cannot hand a listening socket on")
	}
	t.Setenv("MP_TEST_TOKEN", "long enough to be a token")
	s := &shelf{}
	t.Cleanup(func() {
		if err := s.Keep(nil); err != nil {
			t.Error(err)
		}
	})
	const token = "token = \"env:MP_TEST_TOKEN\"\n"
	narrow := porttest.Hold(t) // for the moment between two sockets
	first := start(t, at(narrow)+token, func(c *Config) { c.Keeper = s })
	_, port, err := net.SplitHostPort(narrow)
	if err != nil {
		t.Fatal(err)
	}
	wild := first.exchange.State().Settings.Clone()
	wild.Listen.Address = "0.0.0.0:" + port
	if err := first.Apply(wild); err != nil {
		t.Errorf("to the wildcard while it runs: %v", err)
	}
	if err := first.stop(); err != nil {
		t.Fatal(err)
	}
	second := start(t, at(narrow)+token, func(c *Config) { c.Keeper = s })
	if got := second.Address(); got != narrow {
		t.Errorf("got %s; want %s", got, narrow)
	}
}
