package socket

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
)

// told is a Sender that remembers whether it was told.
type told bool

func (s *told) Sent() { *s = true }

// Ask writes on a connection that is open and silent, gives up what it wrote before it waits, and
// reads what comes.
func TestAsk(t *testing.T) {
	free := NewBuffers(16)
	for _, look := range []bool{true, false} {
		ours, theirs := pair(t)
		ours.SetDeadline(time.Now().Add(patience))
		for _, text := range []string{"one", "two"} {
			go func() { // ends with the connection at the latest
				got := make([]byte, len(text))
				io.ReadFull(theirs, got)
				theirs.Write(bytes.ToUpper(got))
			}()
			var sent told
			written, buf, n, err := ours.Ask([]byte(text), look, &sent, free)
			if written != len(text) || err != nil || string((*buf)[:n]) != strings.ToUpper(text) || !bool(sent) {
				t.Fatalf("got %d, %d, %v, sent %v; want %q back", written, n, err, sent, text)
			}
			free.Put(buf)
		}
	}
}

// Ask writes nothing on a connection that has ended or has something to say, when it is to look.
func TestAskLooks(t *testing.T) {
	for name, do := range map[string]func(*net.TCPConn){
		"bytes": func(theirs *net.TCPConn) { theirs.Write([]byte("x")) },
		"end":   func(theirs *net.TCPConn) { theirs.CloseWrite() },
		"reset": func(theirs *net.TCPConn) { theirs.SetLinger(0); theirs.Close() },
	} {
		ours, theirs := pair(t)
		do(theirs)
		awaitAnything(t, ours)
		var sent told
		written, buf, _, err := ours.Ask([]byte("text"), true, &sent, NewBuffers(16))
		if written != 0 || buf != nil || err != ErrNotQuiet || bool(sent) {
			t.Errorf("%s: got %d, %v, %v, sent %v; want nothing but %v", name, written, buf, err, sent, ErrNotQuiet)
		}
	}
}

// Without a look, Ask reads what was there before: the poller does not tell of it again.
func TestAskReadsWhatWasThere(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(*net.TCPConn)
		n    int
		want error
	}{
		"bytes": {func(theirs *net.TCPConn) { theirs.Write([]byte("220")) }, 3, nil},
		"end":   {func(theirs *net.TCPConn) { theirs.CloseWrite() }, 0, io.EOF},
	} {
		ours, theirs := pair(t)
		tt.do(theirs)
		awaitAnything(t, ours)
		ours.SetDeadline(time.Now().Add(patience))
		var sent told
		if written, _, n, err := ours.Ask([]byte("text"), false, &sent, NewBuffers(16)); written != 4 || n != tt.n || !errors.Is(err, tt.want) || !bool(sent) {
			t.Errorf("%s: got %d, %d, %v, sent %v; want all written, and %d, %v", name, written, n, err, sent, tt.n, tt.want)
		}
	}
}

// awaitAnything waits until there is something to read, and leaves it there.
func awaitAnything(t *testing.T, c *Conn) {
	t.Helper()
	c.SetReadDeadline(time.Now().Add(patience))
	if err := c.sys.Read(func(fd uintptr) bool {
		_, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK)
		return err != syscall.EAGAIN
	}); err != nil {
		t.Fatal(err)
	}
}

// Faults of Ask say how much was written, and what is too much for the socket is left.
func TestAskFaults(t *testing.T) {
	const large = 64 << 20
	tests := map[string]struct {
		before func(ours *Conn, theirs *net.TCPConn)
		size   int
		least  int // written
		most   int
		want   error // nil for none
	}{
		"no room":         {func(*Conn, *net.TCPConn) {}, large, 1, large - 1, nil},
		"deadline, past":  {func(ours *Conn, _ *net.TCPConn) { ours.SetDeadline(time.Unix(1, 0)) }, 4, 0, 0, os.ErrDeadlineExceeded},
		"deadline, later": {func(ours *Conn, _ *net.TCPConn) { ours.SetDeadline(time.Now().Add(20 * time.Millisecond)) }, 4, 4, 4, os.ErrDeadlineExceeded},
		"end": {func(_ *Conn, theirs *net.TCPConn) {
			go func() { io.ReadFull(theirs, make([]byte, 4)); theirs.Close() }()
		}, 4, 4, 4, io.EOF},
		"closed": {func(ours *Conn, _ *net.TCPConn) { ours.Close() }, 4, 0, 0, net.ErrClosed},
	}
	for name, tt := range tests {
		ours, theirs := pair(t)
		tt.before(ours, theirs)
		var sent told
		written, buf, _, err := ours.Ask(make([]byte, tt.size), true, &sent, NewBuffers(16))
		if written < tt.least || written > tt.most || buf != nil || !errors.Is(err, tt.want) || bool(sent) != (written == tt.size) {
			t.Errorf("%s: got %d, %v, sent %v; want %d to %d, %v", name, written, err, sent, tt.least, tt.most, tt.want)
		}
	}
}
