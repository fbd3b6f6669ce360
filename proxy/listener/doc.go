// Package listener is the socket that clients connect to: it binds the loopback addresses, lets a
// request in or refuses it by its head alone (the gate), and keeps malformed bytes from net/http (the
// strict guard). It does not route, choose or count.
//
// # Why a gate on a loopback port
//
// Any web page that a person opens may send requests to 127.0.0.1, and by DNS rebinding may read the
// answers. A proxy that injects credentials would then lend them to every page. So a request must
// name us in Host (a rebound page names itself), must not carry the marks of a browser page (Origin,
// Sec-Fetch-Site), and, where a token is configured, must show it.
//
// # Why a guard before net/http
//
// net/http accepts Content-Length together with Transfer-Encoding, a bare LF as line end, and heads of
// 1 MiB. Two parsers that read the same bytes differently are how requests are smuggled, therefore such
// bytes are answered with 400 before net/http sees a complete head.
package listener
