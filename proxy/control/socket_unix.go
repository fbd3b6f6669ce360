//go:build !windows

package control

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/gofrs/flock"
)

// Listen listens on a unix socket of mode 0600 in a folder of mode 0700, for
// processes of the same user only. A file that a killed process left is
// replaced; a socket that is being listened on is left alone, with ErrInUse.
//
// Who listens holds a lock beside the socket, which the kernel gives back when
// the process dies in whatever way, so two starts at once cannot both win.
func Listen(path string) (net.Listener, error) {
	l, err := listenAs(path, 0o600)
	if err != nil {
		return nil, err
	}
	return &checkedListener{l}, nil
}

// ListenPublic listens on a unix socket that every user of the machine may connect to. Its
// folder lets them pass and not look; what else is in it keeps modes of its own.
func ListenPublic(path string) (net.Listener, error) {
	l, err := listenAs(path, 0o666)
	if err != nil {
		return nil, err
	}
	dir := filepath.Dir(path)
	info, err := os.Stat(dir)
	if err == nil {
		err = os.Chmod(dir, info.Mode().Perm()|0o011)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("let others into the folder of the socket: %w", err), l.Close())
	}
	return l, nil
}

// listenAs listens on a socket of that mode, which is held by a lock.
func listenAs(path string, mode fs.FileMode) (net.Listener, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the socket: %w", err)
	}
	if err := checkFolder(filepath.Dir(path)); err != nil {
		return nil, err
	}
	lock := flock.New(path+".lock", flock.SetPermissions(0o600))
	switch got, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock the socket: %w", err)
	case !got:
		return nil, fmt.Errorf("listen on %s: %w", path, ErrInUse)
	}
	l, err := listenLocked(path, mode)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	var once sync.Once
	return &heldListener{Listener: l, done: func() { once.Do(func() { _ = lock.Unlock() }) }}, nil
}

// heldListener gives back what guards its socket when it is closed.
type heldListener struct {
	net.Listener
	done func()
}

// Close stops listening and removes the socket.
func (l *heldListener) Close() error {
	err := l.Listener.Close()
	l.done()
	return err
}

// checkedListener accepts only connections of this user and of root, who may do
// as they like anyway. The folder and the file keep others out already; the
// check holds where file modes are not enforced, as on some network mounts.
type checkedListener struct{ net.Listener }

// Accept returns the next connection whose peer may talk to us.
func (l *checkedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if err := checkPeer(c, 0); err == nil {
			return c, nil
		}
		_ = c.Close()
	}
}

// checkFolder refuses a folder where another user could put a socket in place
// of ours: one that others may write to, unless only owners may remove there
// (the sticky bit). A folder that others can merely look into is as good as a
// private one, since the socket itself is closed to them.
func checkFolder(dir string) error {
	info, err := os.Stat(dir)
	if err != nil {
		return fmt.Errorf("look at the folder of the socket: %w", err)
	}
	if info.Mode().Perm()&0o022 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return fmt.Errorf("listen in %s: other users may write to it (mode %04o); make it 0700", dir, info.Mode().Perm())
	}
	return nil
}

// listenLocked listens on path, whose lock the caller holds. The socket answers
// to a dialler even if its lock was removed by someone who cleans up folders.
func listenLocked(path string, mode fs.FileMode) (net.Listener, error) {
	if c, err := net.Dial("unix", path); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("listen on %s: %w", path, ErrInUse)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("remove the old socket: %w", err)
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen on the control socket: %w", err)
	}
	if err := os.Chmod(path, mode); err != nil {
		return nil, errors.Join(fmt.Errorf("set who may use the socket: %w", err), l.Close())
	}
	return l, nil
}

// DialSocket connects to the socket at path and makes sure that who listens
// there is this user or root. The error is ErrNotRunning when nobody listens.
func DialSocket(ctx context.Context, path string) (net.Conn, error) {
	also := 0
	if os.Getuid() == 0 {
		also = ownerOf(path)
	}
	return dial(ctx, path, also)
}

// dialPublic connects to the public socket at path, whoever has its folder: in the places where we
// look for one only root lets somebody have it.
func dialPublic(ctx context.Context, path string) (net.Conn, error) {
	return dial(ctx, path, ownerOf(path))
}

// dial connects to a socket of this user, of root, or of the user also.
func dial(ctx context.Context, path string, also int) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return nil, notRunning(err)
	}
	if err := checkPeer(c, also); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// ownerOf returns whose the folder of path is: that of the system's service belongs to the user
// that it runs as.
func ownerOf(path string) (uid int) {
	info, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return 0
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return int(s.Uid)
	}
	return 0
}

// checkPeer returns ErrPeer unless the process at the other end of c belongs to
// this user, to root, or to the user also.
func checkPeer(c net.Conn, also int) error {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return fmt.Errorf("check the peer: %w", ErrPeer)
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return fmt.Errorf("check the peer: %w", err)
	}
	var uid int
	var uidErr error
	if err := raw.Control(func(fd uintptr) { uid, uidErr = peerUID(int(fd)) }); err != nil {
		return fmt.Errorf("check the peer: %w", err)
	}
	if uidErr != nil {
		return fmt.Errorf("check the peer: %w", uidErr)
	}
	if !allowed(uid) && uid != also {
		return fmt.Errorf("check the peer, user %d: %w", uid, ErrPeer)
	}
	return nil
}

// allowed reports whether a process of the user uid may talk to us.
func allowed(uid int) bool { return uid == os.Getuid() || uid == 0 }
