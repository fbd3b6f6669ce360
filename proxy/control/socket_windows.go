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
	return listenFor(path, "")
}

// publicAccess is what others may do with the public pipe, and ask for when they open it: read and
// write, and not make another instance of it (FILE_CREATE_PIPE_INSTANCE), which GENERIC_WRITE holds.
const publicAccess = windows.FILE_GENERIC_READ | windows.FILE_GENERIC_WRITE&^windows.FILE_APPEND_DATA

// ListenPublic listens on a named pipe that every user of this machine may open. winio refuses
// those of others.
func ListenPublic(path string) (net.Listener, error) {
	return listenFor(path, fmt.Sprintf("(A;;%#x;;;AU)", uint32(publicAccess)))
}

// listenFor listens on a named pipe for the user of this process and for others.
func listenFor(path, others string) (net.Listener, error) {
	user, err := windows.GetCurrentProcessToken().GetTokenUser()
	if err != nil {
		return nil, fmt.Errorf("find the user of this process: %w", err)
	}
	// D:P is a list that inherits nothing; GA all rights; SY the system; BA administrators, who may do
	// as they like anyway, and who speak to the system's service; AU who has logged on.
	descriptor := "D:P(A;;GA;;;SY)(A;;GA;;;BA)(A;;GA;;;" + user.User.Sid.String() + ")" + others
	l, err := winio.ListenPipe(path, &winio.PipeConfig{SecurityDescriptor: descriptor})
	switch {
	case errors.Is(err, windows.ERROR_ACCESS_DENIED), errors.Is(err, windows.ERROR_PIPE_BUSY):
		return nil, fmt.Errorf("listen on %s: %w", path, ErrInUse)
	case err != nil:
		return nil, fmt.Errorf("listen on the control pipe: %w", err)
	}
	return l, nil
}

// DialSocket connects to the named pipe at path. The error is ErrNotRunning when
// nobody listens.
func DialSocket(ctx context.Context, path string) (net.Conn, error) {
	return dial(ctx, path, windows.GENERIC_READ|windows.GENERIC_WRITE)
}

// dialPublic connects to the public pipe at path.
func dialPublic(ctx context.Context, path string) (net.Conn, error) {
	return dial(ctx, path, publicAccess)
}

func dial(ctx context.Context, path string, access uint32) (net.Conn, error) {
	c, err := winio.DialPipeAccess(ctx, path, access)
	if err != nil {
		return nil, notRunning(err)
	}
	return c, nil
}
