// Package pool keeps connections to upstreams warm, healthy and few.
//
// A [Manager] holds one group of connections per scope (all upstreams, one
// upstream, or one caller). [Manager.Acquire] gives a [Lease]: the right to send
// one request on an HTTP/1 connection, or on one stream of an HTTP/2 connection.
// [Lease.Send] writes the request and reads the answer's head, and says exactly
// what happened when it cannot: which bytes left, which came, and whether the
// peer itself said that it did not act. It never sends anything twice; whether a
// request may be sent again is decided in proxy/replay from those facts.
//
// # Accounting
//
// Every limit is checked and taken in one critical section, the group's mutex. A
// slot (one connection, open or being dialled) has exactly one owner: a dial, the
// idle list, or the requests on it. Waiters stand in one FIFO per host and are
// bound late: a waiter takes whatever comes first, a returned connection or one
// newly dialled, and dials belong to the group rather than to the waiter that
// caused them. So a waiter that leaves can neither leak a slot nor waste a
// handshake (httpcore #1093, aiohttp #9670).
//
// # Age
//
// An idle connection that the upstream closes in the moment it is used costs a
// request. Three things keep that from happening:
//
//   - the idle age at which an origin closes is learned (learn.go), and a
//     connection is retired at 0.8 of it, less one round trip;
//   - the kernel tells at once when a peer closes (watch_linux.go), and the
//     socket is looked at once more before use (proxy/hangup);
//   - an origin that was never seen to keep a connection open for [settle] is
//     given that long to show its FIN before the first reuse, which finds the
//     servers that close after each answer without saying so.
//
// What was learned may be wrong: a restart closes connections at any age. One
// connection per origin is therefore kept past the learned age, unused, as a
// probe: as long as it stays open the learned age rises with it, and when it
// closes the age is known again. The probe costs no dial and carries no request.
package pool
