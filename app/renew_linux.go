package app

import (
	"os"
	"syscall"
)

// replaced reports whether another file lies where this program was started from, as
// after an upgrade.
func replaced() bool {
	path, err := os.Executable()
	if err != nil {
		return false
	}
	now, err := os.Stat(path)
	if err != nil {
		return false // it was removed
	}
	running, err := os.Stat("/proc/self/exe")
	return err == nil && !os.SameFile(now, running)
}

// renew goes on as the program that lies there now. It returns only when it cannot.
func renew() error {
	path, err := os.Executable()
	if err != nil {
		return err
	}
	return syscall.Exec(path, []string{path, "--background"}, os.Environ())
}
