//go:build !linux

package socket

// A transfer has nothing to keep where package net does all.
type transfer struct{}

func (c *Conn) prepare() {}
