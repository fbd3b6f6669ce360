package porttest

import (
	"errors"
	"os"
	"strconv"
	"syscall"
)

// hold binds sockets that never listen. Of two sockets with SO_REUSEADDR the second may have the
// port of the first unless one of them listens (socket(7)), but only if it asks for that very port:
// the search for any port passes by what is bound, however it was (inet_csk_find_open_port and
// __inet_hash_connect in Linux' net/ipv4).
func hold() (port string, release func(), err error) {
	for {
		four, n, err := bind(syscall.AF_INET, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}})
		if err != nil {
			return "", nil, err
		}
		six, _, err := bind(syscall.AF_INET6, &syscall.SockaddrInet6{Addr: [16]byte{15: 1}, Port: n})
		switch {
		case err == nil:
			return strconv.Itoa(n), func() { syscall.Close(four); syscall.Close(six) }, nil
		case errors.Is(err, syscall.EAFNOSUPPORT), errors.Is(err, syscall.EADDRNOTAVAIL): // no ::1
			return strconv.Itoa(n), func() { syscall.Close(four) }, nil
		}
		syscall.Close(four)
		if !errors.Is(err, syscall.EADDRINUSE) { // else somebody has it there
			return "", nil, err
		}
	}
}

// bind returns a socket that is bound to at, or to any port for 0, and the port.
func bind(family int, at syscall.Sockaddr) (fd, port int, err error) {
	fd, err = syscall.Socket(family, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, 0, os.NewSyscallError("socket", err)
	}
	err = errors.Join(syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1), syscall.Bind(fd, at))
	if err == nil {
		var name syscall.Sockaddr
		name, err = syscall.Getsockname(fd)
		if four, ok := name.(*syscall.SockaddrInet4); ok {
			port = four.Port
		}
	}
	if err != nil {
		syscall.Close(fd)
		return 0, 0, err
	}
	return fd, port, nil
}
