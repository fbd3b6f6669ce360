// Package control holds what the daemon tells about itself and the client that
// asks it: the types of the control socket, shared by the daemon, the command
// line, the tray and the window.
//
// It does not listen or decide anything: the handlers are in control/server,
// and the answers come from the daemon. Every type is a plain value; a value
// that was received is the receiver's own.
package control
