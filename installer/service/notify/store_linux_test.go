package notify

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestKeep plays systemd: it gets the socket, on which clients can connect after ours is closed, and
// Keep returns only once the pipe of the barrier is closed.
func TestKeep(t *testing.T) {
	dir, err := os.MkdirTemp("", "mp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	name := filepath.Join(dir, "s")
	systemd, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = systemd.Close() })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	store := &Store{Manager: Manager{socket: name}, Getenv: os.Getenv}
	kept := make(chan error, 1)
	go func() { kept <- store.Keep([]net.Listener{l}) }()

	receive(t, systemd, "FDSTOREREMOVE=1\nFDNAME=listen", 0)
	stored := receive(t, systemd, "FDSTORE=1\nFDNAME=listen", 1)[0]
	barrier := receive(t, systemd, "BARRIER=1", 1)[0]
	select {
	case err := <-kept:
		t.Errorf("Keep returned before the barrier: %v", err)
	default:
	}
	if err := syscall.Close(barrier); err != nil {
		t.Fatal(err)
	}
	if err := <-kept; err != nil {
		t.Fatal(err)
	}

	address := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	client, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatalf("while only systemd has the socket: got %v; want a connection that waits", err)
	}
	defer client.Close()
	file := os.NewFile(uintptr(stored), "stored")
	next, err := net.FileListener(file)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if c, err := next.Accept(); err != nil {
		t.Errorf("the next daemon: got %v; want the client who waited", err)
	} else {
		c.Close()
	}
}

// receive reads one message with its descriptors.
func receive(t *testing.T, systemd *net.UnixConn, want string, files int) []int {
	t.Helper()
	if err := systemd.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	text, control := make([]byte, 4096), make([]byte, syscall.CmsgSpace(4*8))
	n, size, _, _, err := systemd.ReadMsgUnix(text, control)
	if err != nil {
		t.Fatal(err)
	}
	var fds []int
	messages, err := syscall.ParseSocketControlMessage(control[:size])
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range messages {
		more, err := syscall.ParseUnixRights(&m)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, more...)
	}
	if got := string(text[:n]); got != want || len(fds) != files {
		t.Fatalf("got %q with %d files; want %q with %d", got, len(fds), want, files)
	}
	return fds
}

// TestTakeOfAnother shows that descriptors for another process, or none, are left alone.
func TestTakeOfAnother(t *testing.T) {
	for _, vars := range []string{"LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=listen", "LISTEN_FDS=x", ""} {
		set := map[string]string{}
		for _, v := range strings.Fields(vars) {
			name, value, _ := strings.Cut(v, "=")
			set[name] = value
		}
		if got := (&Store{Getenv: environment(set)}).Take(); len(got) != 0 {
			t.Errorf("%q: got %d sockets; want none", vars, len(got))
		}
	}
}
