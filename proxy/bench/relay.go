package bench

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

const (
	relayPiece  = 16 << 10 // bytes that travel together
	relayPieces = 64       // pieces on the way in one direction; then the sender is held back
)

// A relay stands before a server as if it were a round trip away: every byte arrives half a round
// trip after it was sent, in order, in both directions, and so does the end. The TCP handshake
// with a relay is instant, so what a client sends first waits one round trip more, as it would
// have waited for the handshake.
type relay struct {
	target    string
	roundTrip time.Duration
	listener  net.Listener
	cancel    context.CancelFunc
	serving   sync.WaitGroup
}

// startRelay listens on a loopback port and passes on to target until ctx is done or close is
// called, which must be called in either case.
func startRelay(ctx context.Context, target string, roundTrip time.Duration) (*relay, error) {
	l, err := listenLoopback(ctx)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &relay{target: target, roundTrip: roundTrip, listener: l, cancel: cancel}
	r.serving.Go(func() { r.accept(ctx) })
	return r, nil
}

func (r *relay) address() string { return r.listener.Addr().String() }

// close breaks off everything and waits for it.
func (r *relay) close() {
	r.cancel()
	_ = r.listener.Close()
	r.serving.Wait()
}

func (r *relay) accept(ctx context.Context) {
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.serving.Go(func() { r.carry(ctx, client) })
	}
}

// carry passes one connection on, in both directions, until both have ended.
func (r *relay) carry(ctx context.Context, client net.Conn) {
	defer client.Close()
	var d net.Dialer
	server, err := d.DialContext(ctx, "tcp", r.target)
	if err != nil {
		return // the client sees a connection that closes
	}
	defer server.Close()
	stop := context.AfterFunc(ctx, func() {
		_ = client.Close()
		_ = server.Close()
	})
	defer stop()
	var both sync.WaitGroup
	open := time.Now().Add(r.roundTrip)
	both.Go(func() { r.direction(client, server, open) })
	both.Go(func() { r.direction(server, client, time.Time{}) })
	both.Wait()
}

// A piece is some bytes on their way; the last one is empty.
type piece struct {
	due   time.Time
	bytes []byte
}

// direction passes on what comes from one side to the other, not before open. When the other
// side takes no more, both are closed.
func (r *relay) direction(from, to net.Conn, open time.Time) {
	pieces := make(chan piece, relayPieces)
	var reading sync.WaitGroup
	defer reading.Wait()
	reading.Go(func() {
		defer close(pieces)
		r.read(from, open, pieces)
	})
	for p := range pieces {
		if wait := time.Until(p.due); wait > 0 {
			<-time.After(wait)
		}
		if len(p.bytes) == 0 {
			closeWrite(to)
			continue
		}
		if _, err := to.Write(p.bytes); err != nil {
			_ = from.Close()
			_ = to.Close()
			for range pieces { // let the reader see that it is over
			}
			return
		}
	}
}

// read sends what it reads on its way, with the end as an empty piece.
func (r *relay) read(from net.Conn, open time.Time, pieces chan<- piece) {
	buf := make([]byte, relayPiece)
	for {
		n, err := from.Read(buf)
		due := time.Now().Add(r.roundTrip / 2)
		if early := open.Add(r.roundTrip / 2); due.Before(early) {
			due = early
		}
		if n > 0 {
			pieces <- piece{due, append([]byte(nil), buf[:n]...)}
		}
		if err != nil {
			pieces <- piece{due: due}
			return
		}
	}
}

// closeWrite tells the other side that no more comes.
func closeWrite(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		if err := tcp.CloseWrite(); err == nil || errors.Is(err, io.EOF) {
			return
		}
	}
	_ = c.Close()
}

// listenLoopback listens on a loopback port of its own.
func listenLoopback(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(ctx, "tcp", "127.0.0.1:0")
}
