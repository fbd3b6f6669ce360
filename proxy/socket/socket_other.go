//go:build !linux

package socket

import "errors"

// A transfer has nothing to keep where package net does all.
type transfer struct{}

func (c *Conn) prepare() {}

// Asks says that Ask does not work on this system.
const Asks = false

// A question is never asked here.
type question struct{}

// Ask writes nothing and fails.
func (c *Conn) Ask([]byte, bool, Sender, *Buffers) (written int, buf *[]byte, n int, err error) {
	return 0, nil, 0, errors.ErrUnsupported
}

// ReadInto is Read into a buffer that it takes from free. The buffer is nil when there is an error.
func (c *Conn) ReadInto(free *Buffers) (buf *[]byte, n int, err error) {
	buf = free.Get()
	if n, err = c.Conn.Read(*buf); n > 0 {
		return buf, n, nil
	}
	free.Put(buf)
	return nil, 0, err
}
