//go:build unix

package pool

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"millpond/settings"
)

// A clockwork is a pool whose connections are pipes in memory, so that time in it
// is what synctest makes it. Its upstream answers by serve.
type clockwork struct {
	*Manager
	target Target
	dials  atomic.Int64
	cut    atomic.Bool   // dials fail
	slow   time.Duration // what a dial takes
	serve  func(nc net.Conn)
	start  time.Time
}

// inClockwork runs f in a bubble of its own time.
func inClockwork(t *testing.T, edit func(*settings.Settings), f func(t *testing.T, c *clockwork)) {
	t.Helper()
	silent := newSilence(t)
	synctest.Test(t, func(t *testing.T) {
		s := settings.Default()
		if edit != nil {
			edit(s)
		}
		c := &clockwork{Manager: newManagerAtRest(Config{}, s), serve: answerAll, start: time.Now()}
		c.target = Target{Upstream: "up", Scheme: "http", Host: "up.test", Port: "80", Pool: s.Pool}
		c.dial = func(context.Context, Target) (*dialled, error) {
			c.dials.Add(1)
			pass(c.slow)
			if c.cut.Load() {
				return nil, errors.New("no route")
			}
			ours, theirs := net.Pipe()
			go c.serve(theirs)
			raw := &rawConn{Conn: ours, sys: silent}
			return &dialled{nc: raw, raw: raw, roundTrip: time.Millisecond}, nil
		}
		c.run()
		defer c.Close()
		f(t, c)
	})
}

// silence is the descriptor of a socket that is open and says nothing.
type silence struct{ fd uintptr }

func newSilence(t *testing.T) silence {
	t.Helper()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(os.NewSyscallError("socketpair", err))
	}
	t.Cleanup(func() { syscall.Close(fds[0]); syscall.Close(fds[1]) })
	return silence{uintptr(fds[0])}
}

func (s silence) Control(f func(uintptr)) error  { f(s.fd); return nil }
func (s silence) Read(func(uintptr) bool) error  { return errors.ErrUnsupported }
func (s silence) Write(func(uintptr) bool) error { return errors.ErrUnsupported }

// answerAll answers each request and keeps the connection.
func answerAll(nc net.Conn) { answerWith(nc, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") }

func answerWith(nc net.Conn, answer string) {
	defer nc.Close()
	in := bufio.NewReader(nc)
	for {
		r, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		io.Copy(io.Discard, r.Body)
		io.WriteString(nc, answer)
	}
}

// ask sends a GET under short limits of time.
func (c *clockwork) ask() error {
	l, err := c.Acquire(context.Background(), c.target, false)
	if err != nil {
		return err
	}
	resp, err := l.Send(context.Background(), &Request{Method: "GET", Target: "/", Host: "h",
		HeaderTimeout: 10 * time.Second, StreamIdle: 20 * time.Second})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func (c *clockwork) mustAsk(t *testing.T) {
	t.Helper()
	if err := c.ask(); err != nil {
		t.Fatal(err)
	}
}

// at returns how much time has passed.
func (c *clockwork) at() time.Duration { return time.Since(c.start) }

// wantDials requires that the pool has dialled n times.
func (c *clockwork) wantDials(t *testing.T, n int) {
	t.Helper()
	synctest.Wait()
	if got := c.dials.Load(); got != int64(n) {
		t.Errorf("at %v: %d dials; want %d", c.at(), got, n)
	}
}

// pass lets time pass in the bubble.
func pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
}

func TestClockIdleTimeout(t *testing.T) {
	inClockwork(t, nil, func(t *testing.T, c *clockwork) {
		c.mustAsk(t)
		pass(5*time.Minute - time.Second)
		c.mustAsk(t)
		c.wantDials(t, 1)
		pass(5*time.Minute + 2*time.Second)
		if s := c.Stats(); s.Open != 0 || s.Evicted[Expired] != 1 {
			t.Errorf("after idle_timeout %d open, %d expired; want 0, 1", s.Open, s.Evicted[Expired])
		}
	})
}

func TestClockLifetime(t *testing.T) {
	inClockwork(t, func(s *settings.Settings) { s.Pool.MaxLifetime = 10 * time.Minute }, func(t *testing.T, c *clockwork) {
		for c.at() < 8*time.Minute {
			c.mustAsk(t)
			pass(time.Minute)
		}
		c.wantDials(t, 1)
		for c.at() < 12*time.Minute {
			c.mustAsk(t)
			pass(time.Minute)
		}
		c.wantDials(t, 2)
		if s := c.Stats(); s.Evicted[Lifetime] != 1 {
			t.Errorf("%d retired by age; want 1, at 9 to 11 minutes", s.Evicted[Lifetime])
		}
	})
}

// A server that says for how long it keeps connections is believed, less a second.
func TestClockKeepAliveHeader(t *testing.T) {
	inClockwork(t, nil, func(t *testing.T, c *clockwork) {
		c.serve = func(nc net.Conn) {
			answerWith(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nKeep-Alive: timeout=5\r\n\r\n")
		}
		c.mustAsk(t)
		pass(3900 * time.Millisecond)
		c.mustAsk(t)
		c.wantDials(t, 1)
		pass(4100 * time.Millisecond)
		c.mustAsk(t)
		c.wantDials(t, 2)
	})
}

// An origin that has not proved itself rests before its first reuse, once.
func TestClockSettle(t *testing.T) {
	inClockwork(t, nil, func(t *testing.T, c *clockwork) {
		c.mustAsk(t)
		if got := c.at(); got != 0 {
			t.Errorf("the first request took %v; want none", got)
		}
		c.mustAsk(t)
		if got := c.at(); got != settle {
			t.Errorf("the second request came after %v; want %v", got, settle)
		}
		for range 10 {
			c.mustAsk(t)
		}
		if got := c.at(); got != settle {
			t.Errorf("ten more took until %v; want no further rest", got)
		}
		c.wantDials(t, 1)
	})
}

// A connection past the learned age is not used but kept as a probe, and as long
// as it stays open the learned age rises with it.
func TestClockProbeRaisesALearnedAge(t *testing.T) {
	inClockwork(t, nil, func(t *testing.T, c *clockwork) {
		c.mustAsk(t)
		c.originOf(c.target.Key()).closedIdle(10*time.Second, 1, time.Now()) // as a restart would
		pass(9 * time.Second)
		if s := c.Stats(); s.Open != 1 || s.Evicted[Learned] != 1 {
			t.Errorf("after 0.8 of 10 s %d open, %d retired; want 1, the probe, and 1", s.Open, s.Evicted[Learned])
		}
		c.mustAsk(t)
		c.wantDials(t, 2)
		pass(time.Minute)
		if got := c.Learned()[0].IdleClose; got < time.Minute {
			t.Errorf("after a minute of a living probe the learned age is %v; want over a minute", got)
		}
		pass(5 * time.Minute)
		if s := c.Stats(); s.Open != 0 {
			t.Errorf("after idle_timeout %d open; want 0", s.Open)
		}
	})
}

func TestClockWaitTimeout(t *testing.T) {
	inClockwork(t, func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost = 1 }, func(t *testing.T, c *clockwork) {
		held, err := c.Acquire(context.Background(), c.target, false)
		if err != nil {
			t.Fatal(err)
		}
		var f *Failure
		if err := c.ask(); !errors.As(err, &f) || f.Code != CodeWaitTimeout {
			t.Errorf("got %v; want %s", err, CodeWaitTimeout)
		}
		if got := c.at(); got != 30*time.Second {
			t.Errorf("gave up after %v; want wait_timeout, 30 s", got)
		}
		held.Release()
	})
}

// A dial that is under way is waited for beyond wait_timeout: it has limits of its own.
func TestClockWaitForADialUnderWay(t *testing.T) {
	inClockwork(t, func(s *settings.Settings) { s.Pool.WaitTimeout = time.Second }, func(t *testing.T, c *clockwork) {
		c.slow = 8 * time.Second
		c.mustAsk(t)
		if got := c.at(); got != 8*time.Second {
			t.Errorf("answered after %v; want 8 s", got)
		}
	})
}

// An upstream that reads and says nothing is given up at the header timeout, and
// its slot is free.
func TestClockHeaderTimeout(t *testing.T) {
	inClockwork(t, nil, func(t *testing.T, c *clockwork) {
		c.serve = func(nc net.Conn) { io.Copy(io.Discard, nc); nc.Close() }
		var f *Failure
		if err := c.ask(); !errors.As(err, &f) || f.Code != CodeTimeout || !f.Sent || f.Answered {
			t.Errorf("got %+v; want %s of a request that was sent", err, CodeTimeout)
		}
		if got := c.at(); got < 10*time.Second || got > 10100*time.Millisecond {
			t.Errorf("gave up after %v; want 10 s, and at most a hundredth more", got)
		}
		if s := c.Stats(); s.Open != 0 {
			t.Errorf("%d open; want 0", s.Open)
		}
	})
}

// A connection that carried a request before gives the next one as much time as a new one.
func TestClockHeaderTimeoutOfReused(t *testing.T) {
	inClockwork(t, nil, func(t *testing.T, c *clockwork) {
		c.serve = func(nc net.Conn) {
			defer nc.Close()
			in := bufio.NewReader(nc)
			for range 20 {
				http.ReadRequest(in)
				io.WriteString(nc, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			}
			io.Copy(io.Discard, in)
		}
		for range 20 {
			c.mustAsk(t)
			pass(39 * time.Millisecond)
		}
		asked := c.at()
		var f *Failure
		if err := c.ask(); !errors.As(err, &f) || f.Code != CodeTimeout || !f.Reused {
			t.Errorf("got %+v; want %s on a connection that was reused", err, CodeTimeout)
		}
		if got := c.at() - asked; got < 10*time.Second || got > 10100*time.Millisecond {
			t.Errorf("gave up after %v; want 10 s, and at most a hundredth more", got)
		}
	})
}

// A stream may last for ever while bytes come, and is cut when they stop.
func TestClockStreamIdle(t *testing.T) {
	inClockwork(t, nil, func(t *testing.T, c *clockwork) {
		c.serve = func(nc net.Conn) {
			defer nc.Close()
			http.ReadRequest(bufio.NewReader(nc))
			io.WriteString(nc, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
			for range 10 {
				pass(15 * time.Second)
				io.WriteString(nc, "2\r\nok\r\n")
			}
			io.Copy(io.Discard, nc)
		}
		var f *Failure
		if err := c.ask(); !errors.As(err, &f) || f.Code != CodeStreamIdle {
			t.Errorf("got %v; want %s", err, CodeStreamIdle)
		}
		// The deadline moves in steps of a sixteenth, so the cut may come that much early.
		if got := c.at(); got < 168*time.Second || got > 170*time.Second {
			t.Errorf("cut after %v; want 150 s of bytes and 20 s of silence", got)
		}
	})
}

// Warm connections that die unused are made again, but not at once and for ever.
func TestClockWarmRetry(t *testing.T) {
	inClockwork(t, func(s *settings.Settings) { s.Pool.Warm = 1 }, func(t *testing.T, c *clockwork) {
		c.mustAsk(t)
		c.cut.Store(true)
		c.FlushIdle(NetworkChange)
		before := c.dials.Load()
		pass(65 * time.Second)
		if got := c.dials.Load() - before; got < 2 || got > 3 {
			t.Errorf("%d dials in 65 s; want one for each 30 s", got)
		}
		c.cut.Store(false)
		pass(31 * time.Second)
		if s := c.Stats(); s.Idle != 1 {
			t.Errorf("%d idle once the way is back; want 1", s.Idle)
		}
		pass(2 * time.Hour)
		before = c.dials.Load()
		pass(time.Hour)
		if got := c.dials.Load() - before; got != 0 {
			t.Errorf("%d dials for a host that nobody used for hours", got)
		}
	})
}

// Groups of callers that went away are forgotten; their counts are not.
func TestClockForgetsGroups(t *testing.T) {
	inClockwork(t, func(s *settings.Settings) { s.Pool.Scope = settings.ScopeCaller }, func(t *testing.T, c *clockwork) {
		for i := range 20 {
			c.target.Caller = fmt.Sprint(i)
			c.mustAsk(t)
		}
		if got := len(c.all()); got != 20 {
			t.Errorf("%d groups; want 20", got)
		}
		pass(10 * time.Minute)
		if got := len(c.all()); got != 0 {
			t.Errorf("%d groups after ten minutes; want 0", got)
		}
		if s := c.Stats(); s.Requests != 20 || s.Dials != 20 {
			t.Errorf("%d requests, %d dials; want 20, 20", s.Requests, s.Dials)
		}
	})
}
