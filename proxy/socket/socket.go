// Package socket reads and writes TCP connections at less cost than package net, where
// the system allows: on Linux by system calls that do not tell the scheduler, since they
// cannot block. Such a call is spared what the runtime does around others, and the
// runtime's monitor is not kept awake by them. Elsewhere it is package net.
//
// What a caller sees is the same, errors, deadlines and the effect of Close included.
package socket

import (
	"errors"
	"fmt"
	"net"
	"syscall"
)

// A Conn is a TCP connection. One goroutine may read and one may write at the same time.
// Use New.
type Conn struct {
	net.Conn
	sys     syscall.RawConn
	in, out transfer
	asked   question
}

// New returns nc with cheaper reading and writing. It fails when nc has no descriptor.
func New(nc net.Conn) (*Conn, error) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("connection of type %T has no descriptor", nc)
	}
	sys, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	c := &Conn{Conn: nc, sys: sys}
	c.prepare()
	return c, nil
}

// A Sender is told by Ask that all was written, before the wait for the answer: that what was
// written is not needed any more.
type Sender interface{ Sent() }

// ErrNotQuiet says that a connection which should be open and silent has ended, or has something to
// say.
var ErrNotQuiet = errors.New("the connection is not quiet")

// Sys gives access to the descriptor.
func (c *Conn) Sys() syscall.RawConn { return c.sys }

// CloseWrite ends our half.
func (c *Conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}
