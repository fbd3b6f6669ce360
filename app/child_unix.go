//go:build !windows

package app

import "syscall"

// terminate asks a process to end, which finishes the requests in flight.
func terminate(pid int) error { return syscall.Kill(pid, syscall.SIGTERM) }

// detached makes a process the first of a session of its own, so that it gets no
// signal that is meant for us.
func detached() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setsid: true} }
