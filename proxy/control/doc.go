// Package control holds what the daemon tells about itself and how to ask it:
// the types of the control socket, the socket itself, and its client. The
// daemon, the command line, the tray and the window share them.
//
// It decides nothing: the handlers are in control/server and the answers come
// from the daemon. Every type is a plain value; a received one belongs to the
// receiver.
//
// The protocol is HTTP/1.1 with JSON over a unix socket, or a named pipe on
// Windows. Administration is not offered on TCP, where every page in a browser
// and every user of the machine could reach it.
package control
