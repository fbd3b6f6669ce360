// Package hangup tells whether and when the other end of a TCP connection has closed
// it, without reading from it and at no cost per request. Both sides of the proxy
// need it: an upstream that closes an idle connection, a client that leaves while it
// waits for an answer.
package hangup

// Seen is what the kernel holds for a connection that nobody reads.
type Seen uint8

// What Peek sees.
const (
	Nothing Seen = iota // open and silent
	Bytes               // unread bytes
	Closed              // FIN, reset, or the descriptor is gone
)

// A Peer is told by a Watcher, in the watcher's goroutine, that its connection was
// closed by the other end. It must not block. Unread bytes may be left.
type Peer interface{ HungUp() }
