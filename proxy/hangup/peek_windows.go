package hangup

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

var wsaPoll = windows.NewLazySystemDLL("ws2_32.dll").NewProc("WSAPoll")

// pollFD is WSAPOLLFD (winsock2.h).
type pollFD struct {
	fd      uintptr
	events  int16
	revents int16
}

const (
	pollRead  = 0x0300 // POLLRDNORM | POLLRDBAND
	pollHup   = 0x0002
	pollError = 0x0001
	fionread  = 0x4004667f
)

// Peek looks at what the kernel holds for a connection that nobody reads, without taking it
// or waiting. Sockets block here even for MSG_PEEK, so WSAPoll asks first whether
// there is anything; readable without bytes means FIN.
func Peek(c syscall.RawConn) Seen {
	seen := Closed
	err := c.Control(func(fd uintptr) {
		p := pollFD{fd: fd, events: pollRead}
		n, _, _ := wsaPoll.Call(uintptr(unsafe.Pointer(&p)), 1, 0)
		switch {
		case int32(n) == 0:
			seen = Nothing
		case int32(n) < 0, p.revents&(pollHup|pollError) != 0:
			seen = Closed
		default:
			seen = readable(windows.Handle(fd))
		}
	})
	if err != nil {
		return Closed
	}
	return seen
}

func readable(h windows.Handle) Seen {
	var waiting, got uint32
	err := windows.WSAIoctl(h, fionread, nil, 0, (*byte)(unsafe.Pointer(&waiting)), 4, &got, nil, 0)
	if err == nil && waiting > 0 {
		return Bytes
	}
	return Closed
}
