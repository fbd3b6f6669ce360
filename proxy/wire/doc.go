// Package wire reads and writes HTTP/1.1 messages: heads, the framing of
// bodies, chunked coding and trailers, as RFC 9112 and RFC 9110 say. It is pure:
// it does no I/O, starts nothing and keeps no state but what its caller holds.
//
// It is strict. What two programs on a path could read differently is refused,
// because such a message lets one client's request hide inside another's
// (RFC 9112, section 11.2). Wherever the RFCs leave a choice, wire takes the
// narrower side, and what it accepts, net/http accepts too and reads the same
// way; the tests hold it to that with mutated messages, and with a million of
// them by
//
//	go test ./proxy/wire -run Differential -args -wire.mutations 1000000
//
// A server's answer may be unusual and still mean one thing only: lines that
// end in a bare LF, or a folded value. ParseResponse refuses it with a
// SyntaxError that is Lenient, and ParseResponseLenient then reads the same
// bytes. Requests have no such second chance.
//
// Nothing is copied: names and values are slices of the buffer that was given,
// so they are valid as long as that buffer is left alone. A Request, Response
// or Chunked that is used again allocates nothing. A Header is what outlives the
// buffer: a copy of the fields, in their order, to be changed and written.
package wire
