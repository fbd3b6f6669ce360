package listener

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"time"
)

// A Listener accepts connections on one or several sockets, and can move to other ones while it
// serves. It is a net.Listener. Use Bind.
type Listener struct {
	conns     chan accepted
	closed    chan struct{}  // closed after Close, when every accepted connection was taken
	abandoned chan struct{}  // closed some time after Close: nobody takes them
	wg        sync.WaitGroup // the accept loops

	// mu guards what follows.
	mu      sync.Mutex
	sockets []*socket
	note    string
	started bool // Accept was called: the accept loops run
	isShut  bool
}

// accepted is what an accept loop hands over.
type accepted struct {
	conn net.Conn
	err  error
}

// A socket is one bound address.
type socket struct {
	net.Listener
	addr netip.AddrPort
	once sync.Once
}

// openSocket binds addr, or takes the socket of held that has it.
func openSocket(ctx context.Context, addr netip.AddrPort, held []*socket) (*socket, error) {
	if i := slices.IndexFunc(held, func(s *socket) bool { return s.addr == addr }); i >= 0 {
		return held[i], nil
	}
	network, address := "tcp4", addr.String()
	switch ip := addr.Addr(); {
	case ip == netip.IPv6Unspecified(): // both families, or the one that there is
		network, address = "tcp", ":"+strconv.Itoa(int(addr.Port()))
	case ip.Is6():
		network = "tcp6"
	}
	var config net.ListenConfig
	if addr.Addr().IsLoopback() {
		config.KeepAlive = -1 // a peer on this machine ends with a FIN or a reset; four system calls less for each connection
	}
	ln, err := config.Listen(ctx, network, address)
	if err != nil {
		return nil, err
	}
	bound := ln.Addr().(*net.TCPAddr).AddrPort()
	return &socket{Listener: ln, addr: netip.AddrPortFrom(addr.Addr(), bound.Port())}, nil
}

func (s *socket) close() {
	s.once.Do(func() { s.Listener.Close() })
}

func newListener(sockets []*socket, note string) *Listener {
	return &Listener{
		conns: make(chan accepted), closed: make(chan struct{}), abandoned: make(chan struct{}), sockets: sockets, note: note,
	}
}

// Accept returns the next connection of any socket. After Close it returns those that were accepted
// before, whose clients would otherwise lose a request, and then net.ErrClosed.
func (l *Listener) Accept() (net.Conn, error) {
	l.start()
	select {
	case a := <-l.conns:
		return a.conn, a.err
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// start begins accepting at the first Accept; until then clients wait in the system's queue.
func (l *Listener) start() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.started || l.isShut {
		return
	}
	l.started = true
	for _, s := range l.sockets {
		l.runLocked(s)
	}
}

func (l *Listener) runLocked(s *socket) {
	l.wg.Go(func() { l.acceptFrom(s) })
}

// acceptFrom hands over what s accepts, until s is closed. An error that may pass, such as too many
// open files, goes to Accept's caller, who waits a little before asking again.
func (l *Listener) acceptFrom(s *socket) {
	for {
		conn, err := s.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		select {
		case l.conns <- accepted{conn, err}:
		case <-l.abandoned:
			if conn != nil {
				conn.Close()
			}
			return
		}
	}
}

// Addr returns the first address that is listened on.
func (l *Listener) Addr() net.Addr { return l.Addrs()[0] }

// Addrs returns every address that is listened on, with the port that the system picked for 0.
func (l *Listener) Addrs() []net.Addr {
	return addrsOf(l.bound())
}

// Sockets returns the sockets that are listened on, for who keeps them open. They stay the Listener's.
func (l *Listener) Sockets() []net.Listener {
	bound := l.bound()
	sockets := make([]net.Listener, len(bound))
	for i, s := range bound {
		sockets[i] = s.Listener
	}
	return sockets
}

// Note returns a sentence about something that was wanted and is not there, such as an absent ::1;
// "" if all is as configured.
func (l *Listener) Note() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.note
}

// takeWithin is how long a connection that was accepted before Close waits for somebody to take it.
const takeWithin = time.Second

// Close stops accepting. It does not wait for Accept, which ends once all that was accepted has been
// taken. Connections live on. Later calls do nothing.
func (l *Listener) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.isShut {
		return nil
	}
	l.isShut = true
	for _, s := range l.sockets {
		s.close()
	}
	abandon := time.AfterFunc(takeWithin, func() { close(l.abandoned) })
	go func() { // Accept waits for it
		l.wg.Wait()
		abandon.Stop()
		close(l.closed)
	}()
	return nil
}
