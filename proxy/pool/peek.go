package pool

// peeked is what the kernel holds for an idle connection.
type peeked uint8

const (
	peekNothing peeked = iota // open and silent
	peekBytes                 // unread bytes
	peekClosed                // FIN, reset, or the descriptor is gone
)
