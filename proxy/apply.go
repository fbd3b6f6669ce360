package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"

	"millpond/proxy/control"
	"millpond/proxy/exchange"
	"millpond/proxy/listener"
	"millpond/proxy/pool"
	"millpond/settings"
	"millpond/settings/store"
)

// Apply puts s in force, under the overrides. It fails without having changed anything
// when s is not valid, cannot be built, or asks for an address that cannot be bound.
func (d *Daemon) Apply(s *settings.Settings) error {
	return d.change(s, func() error { return nil })
}

// PutSettings saves s and puts it in force, or changes nothing. The revision is that of
// the Status which the edit was made from; the error is control.ErrStale when the
// settings, or the file, were changed since.
func (d *Daemon) PutSettings(revision uint64, s *settings.Settings) error {
	return d.change(s, func() error {
		if d.currentRevision() != revision {
			return control.ErrStale
		}
		return d.stale(d.config.Store.Save(s))
	})
}

// stale says of a file that was edited meanwhile that the edit is stale, and what keeps
// the daemon from taking over the file, if it tried.
func (d *Daemon) stale(err error) error {
	if !errors.Is(err, store.ErrChanged) {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.unapplied != "" {
		return fmt.Errorf("%w: the settings file holds an edit that cannot be applied: %s", control.ErrStale, d.unapplied)
	}
	return fmt.Errorf("%w (%v)", control.ErrStale, err)
}

// change builds s, saves it by save, and commits it: in this order, so that a failure of
// any step leaves things as they were.
func (d *Daemon) change(base *settings.Settings, save func() error) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	s := d.config.Overrides.over(base)
	if err := s.Validate(); err != nil {
		return err
	}
	// A change is short, and breaking one off would gain nothing: only the wait for a
	// keyring is long, and bounded by itself.
	ctx := context.Background()
	if d.moves(s) {
		defer func() { d.keep(d.listener.Sockets()) }()
	}
	move, addrs, err := d.prepareMove(ctx, s)
	if err != nil {
		return err
	}
	v := fetchSecrets(ctx, s, d.vault, d.config.Now)
	state, err := compile(s, v, addrs, d.exchange.State())
	if err == nil {
		err = save()
	}
	if err != nil {
		if move != nil {
			err = errors.Join(err, move.Cancel(ctx))
		}
		return err
	}
	if move != nil {
		move.Commit()
		d.bound = s.Listen.Address
	}
	old := d.saved()
	d.commit(state, base, addrs)
	d.adviseAnew(old, d.saved())
	before := d.vault
	d.vault = v
	d.logMissing(before)
	return nil
}

// moves reports whether s asks for another address than the one that is listened on.
func (d *Daemon) moves(s *settings.Settings) bool {
	return d.listener != nil && s.Listen.Address != d.bound
}

// prepareMove binds the new address when it differs from the present one. Without a
// move, addrs are the present addresses.
func (d *Daemon) prepareMove(ctx context.Context, s *settings.Settings) (move *listener.Move, addrs []net.Addr, err error) {
	if d.listener == nil {
		return nil, nil, nil // not listening yet
	}
	if !d.moves(s) {
		return nil, d.listener.Addrs(), nil
	}
	d.keep(nil) // a kept socket stands in the way of one that it overlaps
	move, err = d.listener.Prepare(ctx, s.Listen.Address, s.Listen.Token != "")
	if err != nil {
		return nil, nil, err
	}
	return move, move.Addrs(), nil
}

// commit makes a built state the running one. It cannot fail. base is nil when the saved
// settings are as they were.
func (d *Daemon) commit(state *exchange.State, base *settings.Settings, addrs []net.Addr) {
	d.own.set(addrs)
	d.committing.Lock()
	defer d.committing.Unlock()
	state.Paused = d.pausedNow()
	d.trials.fit(state, d.config.Now())
	d.exchange.Commit(state)
	d.publish(func() {
		d.addrs = addrs
		if base != nil {
			d.base, d.unapplied = base.Clone(), ""
			d.revision++
		}
	})
}

// Pause begins or ends a pause: while it lasts every request but those for our own pages
// is answered 503 at once. It does not wait for a change of the settings under way.
func (d *Daemon) Pause(paused bool) error {
	d.recommit(func(state *exchange.State) {
		state.Paused = paused
		d.publish(func() { d.paused = paused })
	})
	d.config.Log.Info("paused", "paused", paused)
	return nil
}

// recommit puts a copy of the running state in force that differs in what edit changes.
func (d *Daemon) recommit(edit func(*exchange.State)) {
	d.committing.Lock()
	defer d.committing.Unlock()
	state := *d.exchange.State()
	edit(&state)
	d.exchange.Commit(&state)
}

// Reload reads the settings file again and applies it, as is done by itself when the file
// changes. The error says why what ran stays.
func (d *Daemon) Reload() error { return d.applyFromFile(d.config.Store.Read()) }

// applyFromFile applies what was read, unless reading failed, and logs how that went.
func (d *Daemon) applyFromFile(s *settings.Settings, take func(), err error) error {
	if err == nil {
		err = d.change(s, func() error { take(); return nil })
	}
	d.note(err)
	if err != nil {
		d.logBadSettings(err)
		return err
	}
	d.config.Log.Info("settings applied", "settings", d.config.Store.Path(), "address", d.Address())
	d.logWarnings()
	return nil
}

// follow applies changes of the settings file until ctx is done.
func (d *Daemon) follow(ctx context.Context) {
	err := d.config.Store.Watch(ctx, func(s *settings.Settings, take func(), err error) {
		_ = d.applyFromFile(s, take, err) // it has logged the error
	})
	if err != nil {
		d.config.Log.Error("the settings file is not watched; changes apply at the next start", "settings", d.config.Store.Path(), "err", err)
	}
}

// note remembers why the settings file as it is now is not in force; nil when it is.
func (d *Daemon) note(err error) {
	text := ""
	if err != nil {
		text = Redact(err.Error())
	}
	d.mu.Lock()
	same := d.unapplied == text
	d.mu.Unlock()
	if !same {
		d.publish(func() { d.unapplied = text })
	}
}

// logWarnings says what is odd about the settings that were loaded.
func (d *Daemon) logWarnings() {
	for _, w := range d.config.Store.Warnings() {
		d.config.Log.Warn(w)
	}
}

// logBadSettings says everything that is wrong, a line each. The running settings stay.
func (d *Daemon) logBadSettings(err error) {
	const message = "settings not applied; the running ones stay"
	list := settings.FieldErrors(err)
	for _, e := range list {
		d.config.Log.Error(message, "settings", d.config.Store.Path(), "err", e)
	}
	if len(list) == 0 {
		d.config.Log.Error(message, "settings", d.config.Store.Path(), "err", err)
	}
}

// FlushIdle closes the idle connections to the upstreams.
func (d *Daemon) FlushIdle() {
	n := d.pools.FlushIdle(pool.Retired)
	d.config.Log.Info("idle connections closed", "connections", n)
}
