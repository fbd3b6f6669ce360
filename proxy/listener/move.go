package listener

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
)

// A Move is the step to another address: its sockets are bound, so that nothing can fail any more, and
// clients that connect wait in the system's queue. Either Commit or Cancel ends it.
type Move struct {
	l       *Listener
	sockets []*socket
	note    string
	parked  []*socket // of ours, closed early because the new ones cannot be bound beside them
}

// Prepare binds address, as Bind does, while l goes on serving. A socket that both have is kept. Only
// one move may be under way; the caller sees to that.
//
// A wildcard address and one of ours with the same port exclude each other, so there the old socket is
// closed first, and bound again if the new one cannot be: for that moment, clients are refused.
func (l *Listener) Prepare(ctx context.Context, address string, tokenSet bool) (*Move, error) {
	p, err := planFor(ctx, address, tokenSet)
	if err != nil {
		return nil, err
	}
	held := l.bound()
	m := &Move{l: l}
	m.sockets, m.note, err = p.open(ctx, held)
	if err == nil {
		return m, nil
	}
	m.parked = p.overlapping(held)
	if e := (*BindError)(nil); !errors.As(err, &e) || e.Reason != PortInUse || len(m.parked) == 0 {
		return nil, err
	}
	for _, s := range m.parked {
		s.close()
	}
	m.sockets, m.note, err = p.open(ctx, slices.DeleteFunc(held, func(s *socket) bool { return slices.Contains(m.parked, s) }))
	if err != nil {
		return nil, errors.Join(err, l.reopen(ctx, m.parked))
	}
	return m, nil
}

// overlapping returns those of held that the system will not have bound beside the plan.
func (p plan) overlapping(held []*socket) []*socket {
	wild := slices.ContainsFunc(p.ips, netip.Addr.IsUnspecified)
	var found []*socket
	for _, s := range held {
		if s.addr.Port() == p.port && (wild || s.addr.Addr().IsUnspecified()) {
			found = append(found, s)
		}
	}
	return found
}

// Addrs returns the addresses of after the move, for the gate that belongs to them.
func (m *Move) Addrs() []net.Addr { return addrsOf(m.sockets) }

// Note is that of the Listener after the move.
func (m *Move) Note() string { return m.note }

// Commit makes l accept on the new sockets and closes the old ones. Accepted connections live on.
func (m *Move) Commit() {
	l := m.l
	l.mu.Lock()
	defer l.mu.Unlock()
	old := l.sockets
	l.sockets, l.note = m.sockets, m.note
	for _, s := range l.sockets {
		if l.isShut {
			s.close()
		} else if l.started && !slices.Contains(old, s) {
			l.runLocked(s)
		}
	}
	closeExcept(old, l.sockets)
}

// Cancel closes the new sockets. The error, which only a move to or from a wildcard address can have,
// says that an old socket could not be bound again.
func (m *Move) Cancel(ctx context.Context) error {
	closeExcept(m.sockets, m.l.bound())
	return m.l.reopen(ctx, m.parked)
}

// reopen binds sockets again that were closed for a move that was given up.
func (l *Listener) reopen(ctx context.Context, parked []*socket) error {
	var errs []error
	for _, old := range parked {
		s, err := openSocket(ctx, old.addr, nil)
		if err != nil {
			errs = append(errs, bindError(old.addr.String(), old.addr, err))
			continue
		}
		l.mu.Lock()
		l.sockets[slices.Index(l.sockets, old)] = s
		if l.isShut {
			s.close()
		} else if l.started {
			l.runLocked(s)
		}
		l.mu.Unlock()
	}
	return errors.Join(errs...)
}

// bound returns the present sockets.
func (l *Listener) bound() []*socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.sockets)
}

func addrsOf(sockets []*socket) []net.Addr {
	addrs := make([]net.Addr, len(sockets))
	for i, s := range sockets {
		addrs[i] = net.TCPAddrFromAddrPort(s.addr)
	}
	return addrs
}
