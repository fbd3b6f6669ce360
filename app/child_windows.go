package app

import (
	"os"
	"syscall"

	"millpond/installer/service"
)

// terminate asks the daemon of this session to end, which finishes the requests in flight. One of another session, or of a
// version that does not listen, is ended at once: Windows has no way to ask it.
func terminate(pid int) error {
	if service.AskToEnd() == nil {
		return nil
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// detachedProcess is DETACHED_PROCESS of CreateProcess: no console.
const detachedProcess = 0x00000008

// detached gives a process no console and no signal that is meant for us.
func detached() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: detachedProcess | syscall.CREATE_NEW_PROCESS_GROUP}
}
