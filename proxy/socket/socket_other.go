//go:build !linux

package socket

// A transfer has nothing to keep where package net does all.
type transfer struct{}

func (c *Conn) prepare() {}

// ReadInto is Read into a buffer that it takes from free. The buffer is nil when there is an error.
func (c *Conn) ReadInto(free *Buffers) (buf *[]byte, n int, err error) {
	buf = free.Get()
	if n, err = c.Conn.Read(*buf); n > 0 {
		return buf, n, nil
	}
	free.Put(buf)
	return nil, 0, err
}
