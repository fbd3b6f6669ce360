//go:build !windows

package control

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

func TestDefaultSocket(t *testing.T) {
	tests := []struct {
		name string
		env  map[string]string
		want string
	}{
		{"override", map[string]string{"MILLPOND_CONTROL": "/x/c.sock", "XDG_RUNTIME_DIR": "/run/user/7"}, "/x/c.sock"},
		{"runtime folder", map[string]string{"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/home/a"}, "/run/user/7/millpond/control.sock"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := DefaultSocket(func(name string) string { return test.env[name] })
			if got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}

func TestSibling(t *testing.T) {
	got, want := Sibling("/run/user/7/millpond/control.sock", "window"), "/run/user/7/millpond/window.sock"
	if got != want {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestListenKeepsOthersOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "millpond", "control.sock")
	l := listen(t, path)
	defer l.Close()
	for name, want := range map[string]fs.FileMode{path: 0o600, filepath.Dir(path): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %s: got %o; want %o", filepath.Base(name), got, want)
		}
	}
}

// Others pass through the folder of a public socket, and nothing else in it opens.
func TestListenPublicLetsOthersIn(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "millpond")
	own := listen(t, filepath.Join(dir, "control.sock"))
	defer own.Close()
	l, err := ListenPublic(filepath.Join(dir, "status.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for name, want := range map[string]fs.FileMode{"status.sock": 0o666, "control.sock": 0o600, "status.sock.lock": 0o600, "": 0o711} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("mode of %q: got %o; want %o", name, got, want)
		}
	}
}

func TestListenRefusesFolderOfOthers(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "open")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil { // Mkdir is subject to the umask
		t.Fatal(err)
	}
	if l, err := Listen(filepath.Join(dir, "control.sock")); err == nil {
		l.Close()
		t.Fatal("listened in a folder that everyone may write to")
	}
}

func TestListenLeavesLiveSocket(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	first := listen(t, path)
	defer first.Close()
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v; want %v", err, ErrInUse)
	}
	// Even when someone has tidied the lock away.
	if err := os.Remove(path + ".lock"); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("without the lock file: got %v; want %v", err, ErrInUse)
	}
	reach(t, first, path)
}

func TestListenAgainAfterClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	if err := listen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	second := listen(t, path)
	defer second.Close()
	reach(t, second, path)
}

// A daemon that is killed leaves its socket file behind. The test runs itself
// as that daemon.
func TestListenReplacesSocketOfKilledProcess(t *testing.T) {
	if path := os.Getenv("MILLPOND_TEST_LISTEN"); path != "" {
		l := listen(t, path)
		os.Stdout.WriteString("listening\n")
		for {
			if _, err := l.Accept(); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "control.sock")
	killed := exec.Command(os.Args[0], "-test.run=^TestListenReplacesSocketOfKilledProcess$")
	killed.Env = append(os.Environ(), "MILLPOND_TEST_LISTEN="+path)
	out, err := killed.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := killed.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(path); !errors.Is(err, ErrInUse) {
		t.Errorf("while it lives: got %v; want %v", err, ErrInUse)
	}
	if err := killed.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = killed.Wait()
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("the killed process left no socket to replace: %v", err)
	}
	second := listen(t, path)
	defer second.Close()
	reach(t, second, path)
}

func TestAllowed(t *testing.T) {
	me := os.Getuid()
	for uid, want := range map[int]bool{me: true, 0: true, me + 12345: false} {
		if got := allowed(uid); got != want {
			t.Errorf("allowed(%d): got %v; want %v", uid, got, want)
		}
	}
}

func TestPeerIsThisUser(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	l := listen(t, path)
	defer l.Close()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := checkPeer(c, 0); err != nil {
		t.Errorf("got %v; want no error", err)
	}
	client, server := net.Pipe()
	defer client.Close()
	defer server.Close()
	if err := checkPeer(server, 0); !errors.Is(err, ErrPeer) {
		t.Errorf("a connection without a user: got %v; want %v", err, ErrPeer)
	}
}

func listen(t *testing.T, path string) net.Listener {
	t.Helper()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// reach fails the test unless a dialler of path ends up at l.
func reach(t *testing.T, l net.Listener, path string) {
	t.Helper()
	accepted := make(chan error, 1)
	go func() {
		c, err := l.Accept()
		if err == nil {
			err = c.Close()
		}
		accepted <- err
	}()
	c, err := DialSocket(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := <-accepted; err != nil {
		t.Fatal(err)
	}
}
