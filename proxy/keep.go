package proxy

import (
	"context"
	"errors"
	"net"

	"millpond/proxy/listener"
)

// A Keeper keeps the listening sockets open while no daemon runs, so that clients who connect during
// a restart, or after a crash, wait for the next daemon instead of being refused. systemd is one.
type Keeper interface {
	// Take returns what an earlier daemon had kept, at the first call.
	Take() []net.Listener
	// Keep keeps these sockets instead of those before, which it has let go when it returns.
	Keep(sockets []net.Listener) error
}

// listen listens at the address, on sockets that were kept where there are such.
func (d *Daemon) listen(ctx context.Context, address string, tokenSet bool) (*listener.Listener, error) {
	if d.config.Keeper == nil {
		return listener.Bind(ctx, address, tokenSet)
	}
	kept := d.config.Keeper.Take()
	l, err := listener.Bind(ctx, address, tokenSet, kept...)
	if err != nil && len(kept) > 0 && isInUse(err) { // by what is kept itself, for another address
		d.keep(nil)
		l, err = listener.Bind(ctx, address, tokenSet)
	}
	if err == nil {
		d.keep(l.Sockets())
	}
	return l, err
}

// keep has the sockets kept. When that fails, they are open as long as the daemon runs.
func (d *Daemon) keep(sockets []net.Listener) {
	if d.config.Keeper == nil {
		return
	}
	if err := d.config.Keeper.Keep(sockets); err != nil {
		d.config.Log.Warn("clients will be refused during a restart", "err", err)
	}
}

// isInUse reports whether an address could not be bound because someone listens there.
func isInUse(err error) bool {
	var bind *listener.BindError
	return errors.As(err, &bind) && bind.Reason == listener.PortInUse
}
