package control

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/Microsoft/go-winio"
	"golang.org/x/sys/windows"
)

// Listen listens on a named pipe that only this user, administrators and the
// system may open.
// A pipe that another process listens on gives ErrInUse: the first instance of
// a name is asked for. A dead process leaves nothing behind.
func Listen(path string) (net.Listener, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("find the user of this process: %w", err)
	}
	// D:P is a list that inherits nothing; GA all rights; SY the system; BA administrators, who may do
	// as they like anyway, and who speak to the system's service.
	descriptor := "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;" + user.User.Sid.String() + ")"
	l, err := winio.ListenPipe(path, &winio.PipeConfig{SecurityDescriptor: descriptor})
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED), errors.Is(err, windows.ERROR_PIPE_BUSY):
		return nil, fmt.Errorf("listen on %s: %w", path, ErrInUse)
	case err != nil:
		return nil, fmt.Errorf("listen on the control pipe: %w", err)
	}
	return &checkedListener{Listener: l, done: func() {}}, nil
}

// DialSocket connects to the named pipe at path. The error is ErrNotRunning when
// nobody listens.
func DialSocket(ctx context.Context, path string) (net.Conn, error) {
	c, err := winio.DialPipeContext(ctx, path)
	if err != nil {
		return nil, notRunning(err)
	}
	return c, nil
}

// checkPeer lets every connection pass: the pipe's descriptor has let in nobody
// but the user and the system.
func checkPeer(net.Conn, int) error { return nil }
