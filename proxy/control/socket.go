package control

import (
	"path/filepath"
	"runtime"
)

// EnvSocket is the environment variable that names the control socket.
const EnvSocket = "MILLPOND_CONTROL"

// DefaultSocket returns where the daemon of this user listens: what
// MILLPOND_CONTROL says, else a named pipe of the user on Windows, else
// millpond/control.sock in $XDG_RUNTIME_DIR or, where there is none, in the
// folder for state.
func DefaultSocket(getenv func(string) string) string {
	if path := getenv(EnvSocket); path != "" {
		return path
	}
	if runtime.GOOS == "windows" {
		return pipeName(getenv, "control")
	}
	return filepath.Join(runtimeDir(getenv), "control.sock")
}

// EnvPublic is the environment variable that names the public socket of the machine's daemon, to
// who listens there and to who asks.
const EnvPublic = "MILLPOND_PUBLIC"

// Sibling returns the address of another socket beside the control socket: that
// of the tray or the window, by which a second start finds the first.
func Sibling(socket, name string) string {
	if runtime.GOOS == "windows" {
		return socket + "-" + name
	}
	return filepath.Join(filepath.Dir(socket), name+".sock")
}

// pipeName returns the name of a named pipe. Names of pipes are common to all
// users of a machine, so it holds the user's name.
func pipeName(getenv func(string) string, name string) string {
	return `\\.\pipe\millpond-` + getenv("USERDOMAIN") + "-" + getenv("USERNAME") + "-" + name
}

// runtimeDir returns the folder of our sockets. A socket's path may have 107
// bytes on Linux and 103 on macOS (unix(7), unix(4)), so it is kept short.
func runtimeDir(getenv func(string) string) string {
	if dir := getenv("XDG_RUNTIME_DIR"); dir != "" {
		return filepath.Join(dir, "millpond")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(getenv("HOME"), "Library", "Application Support", "Millpond")
	}
	if dir := getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "millpond")
	}
	return filepath.Join(getenv("HOME"), ".local", "state", "millpond")
}
