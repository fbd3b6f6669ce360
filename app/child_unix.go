//go:build !windows

package app

import "syscall"

// detached makes a process the first of a session of its own, so that it gets no
// signal that is meant for us.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
