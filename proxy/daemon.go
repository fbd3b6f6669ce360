// Package proxy is the daemon: it compiles the settings into what runs, applies changes
// while requests are in flight, serves, and reports. It contains no part of the way of a
// request; those are in the packages below it.
//
// A change of the settings is built first and committed then: building may fail and
// touches nothing that runs, committing cannot fail. What has a memory (connections,
// counts, health) is kept and reconfigured; what has none (gate, routes, upstreams) is
// replaced by one pointer.
package proxy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"millpond/proxy/control"
	"millpond/proxy/control/server"
	"millpond/proxy/exchange"
	"millpond/proxy/fast"
	"millpond/proxy/general"
	"millpond/proxy/history"
	"millpond/proxy/listener"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/upstream"
	"millpond/proxy/wire"
	"millpond/settings"
)

// LearnedName is the file of learned ages, in the folder for state.
const LearnedName = "learned.json"

// HistoryName is the database of what was counted, in the folder for state.
const HistoryName = "history.db"

// A Daemon is the running proxy. Use New, then Run once.
type Daemon struct {
	config   Config // constant after New, as all up to ready
	meter    *meter.Meter
	pools    *pool.Manager
	exchange *exchange.Exchange
	fast     *fast.Front        // accepts all, and carries the common case
	handover *listener.Handover // the rest, on its way to front
	front    *general.Front
	history  *history.Keeper // nil without a folder for state
	adviser  *adviser
	trials   *trials
	older    older         // of the verdict's window
	ready    chan struct{} // closed when the daemon listens
	own      ownAddrs

	// The mutexes are taken in the order in which they stand here. Nobody on the way
	// of a request waits for one.

	// changing is held over a change of the settings, from building to committing.
	changing sync.Mutex
	bound    string             // the address that was asked for; guarded by changing
	listener *listener.Listener // nil until Run has bound it; guarded by changing
	vault    *vault             // what the settings in force refer to; guarded by changing

	// committing is held while the exchange's state is replaced, so that a pause and a
	// change do not lose one another.
	committing sync.Mutex

	mu sync.Mutex
	// mu guards what follows.
	base      *settings.Settings // as saved, without overrides
	revision  uint64
	paused    bool
	draining  bool
	addrs     []net.Addr
	unapplied string        // why the settings file as it is now is not in force; "" when it is
	changed   chan struct{} // closed at the next change of the above
}

// New loads the settings and builds a daemon from them. The error holds every setting
// that is wrong. Run must be called, if only with a context that is done, to give back
// what New took.
func New(c Config) (*Daemon, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	base, err := c.Store.Load()
	if err != nil {
		return nil, err
	}
	s := c.Overrides.over(base)
	if err := s.Validate(); err != nil {
		return nil, err
	}
	d := &Daemon{
		config: c, base: base, revision: 1, meter: meter.New(c.Now),
		ready: make(chan struct{}), changed: make(chan struct{}),
	}
	// There is no context yet to end the wait for a keyring; it is bounded by itself.
	d.vault = fetchSecrets(context.Background(), s, nil, c.Now)
	state, err := compile(s, d.vault, nil, nil)
	if err != nil {
		return nil, err
	}
	if err := d.build(s); err != nil {
		return nil, err
	}
	d.trials.fit(state, c.Now())
	d.exchange.Commit(state)
	return d, nil
}

// build makes the parts that live as long as the daemon.
func (d *Daemon) build(s *settings.Settings) error {
	config := pool.Config{TLS: d.config.TLS, AllowDial: upstream.AllowDial, OwnAddr: d.own.has, Log: d.config.Log.Logger}
	advice := ""
	if d.config.StateDir != "" {
		if err := os.MkdirAll(d.config.StateDir, 0o700); err != nil {
			return fmt.Errorf("make the folder for state: %w", err)
		}
		config.StateFile = filepath.Join(d.config.StateDir, LearnedName)
		advice = filepath.Join(d.config.StateDir, adviceName)
		d.history = history.New(history.Config{
			Path: filepath.Join(d.config.StateDir, HistoryName), Meter: d.meter, Log: d.config.Log.Logger, Now: d.config.Now,
		})
	}
	var err error
	d.adviser, err = newAdviser(advice)
	d.logAdvice(err)
	if d.trials, err = loadTrials(d.config.StateDir); err != nil {
		d.config.Log.Error("no trial goes on, and none that is begun now is kept", "err", err)
	}
	pools, err := pool.NewManager(config, s)
	if err != nil {
		return fmt.Errorf("start the pool: %w", err)
	}
	d.pools = pools
	d.exchange = exchange.New(exchange.Config{Pools: pools, Meter: d.meter, Log: d.config.Log.Logger})
	// The guard before the front decides live whether HTTP/2 without TLS may come in.
	d.front = general.New(d.exchange, d.pages(), d.config.Log.Logger, true)
	d.handover = listener.NewHandover()
	d.fast = fast.New(fast.Config{Exchange: d.exchange, Give: d.handover.Give, Log: d.config.Log.Logger})
	return nil
}

// Ready returns a channel that is closed when the daemon listens.
func (d *Daemon) Ready() <-chan struct{} { return d.ready }

// Address returns the first address that is listened on, with the real port; "" before
// Ready.
func (d *Daemon) Address() string {
	if addrs := d.Addrs(); len(addrs) > 0 {
		return addrs[0].String()
	}
	return ""
}

// Addrs returns every address that is listened on; none before Ready.
func (d *Daemon) Addrs() []net.Addr {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.addrs
}

// Run listens, serves and follows the settings file until ctx is done. Then it takes no
// new request, gives those in flight Config.DrainFor to end, and returns nil. It returns
// an error when it cannot listen. It waits for everything that it started.
func (d *Daemon) Run(ctx context.Context) error {
	defer d.pools.Close()
	if err := d.bind(ctx); err != nil {
		return err
	}
	// What supports requests runs until the last one has ended.
	support, stopSupport := context.WithCancel(context.WithoutCancel(ctx))
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stopSupport()
	d.openSockets(support, &wg) // before any request: who sees us serve may ask at once
	wg.Go(func() { d.watchAdvice(support) })
	if d.history != nil {
		wg.Go(func() { d.history.Run(support) })
	}
	wg.Go(func() { d.keepTrials(support) })

	served := make(chan error, 2)
	wg.Go(func() { served <- d.front.Serve(listener.Strict(d.handover, d.strictness())) })
	wg.Go(func() { served <- d.fast.Serve(support, d.listener) })
	follow, stopFollowing := context.WithCancel(ctx)
	defer stopFollowing()
	wg.Go(func() { d.follow(follow) })
	wg.Go(func() { d.seek(follow) })
	close(d.ready)
	d.logStart()
	d.logWarnings()

	select {
	case err := <-served:
		// Nobody accepts any more; those in flight are cut.
		stopSupport()
		_ = d.shutdown(support) // it can only say that it had to cut
		return errors.Join(fmt.Errorf("serve: %w", err), d.listener.Close())
	case <-ctx.Done():
	}
	return d.drain(support)
}

// bind listens at the configured address and builds again, now that the real port is known.
func (d *Daemon) bind(ctx context.Context) error {
	d.changing.Lock()
	defer d.changing.Unlock()
	s := d.exchange.State().Settings
	l, err := d.listen(ctx, s.Listen.Address, s.Listen.Token != "")
	if err != nil {
		return err
	}
	state, err := compile(s, d.vault, l.Addrs(), d.exchange.State())
	if err != nil {
		return errors.Join(err, l.Close())
	}
	d.listener, d.bound = l, s.Listen.Address
	d.commit(state, nil, l.Addrs())
	d.logMissing(nil)
	return nil
}

// strictness says how malformed bytes are kept from the front.
func (d *Daemon) strictness() listener.StrictConfig {
	return listener.StrictConfig{
		H2C: func() bool { return d.exchange.State().Settings.Listen.H2C },
		Refused: func(remote net.Addr, err *wire.SyntaxError) {
			d.meter.Record(meter.Record{Outcome: meter.Local, Status: 400, Code: listener.CodeMalformed, Err: err.Error()})
			d.config.Log.Warn("malformed request refused", "remote", remote, "err", err)
		},
	}
}

// drain ends what is in flight: first by itself, then by force.
func (d *Daemon) drain(ctx context.Context) error {
	began := time.Now()
	d.publish(func() { d.draining = true })
	d.config.Log.Info("stopping", "in_flight_at_most", d.config.DrainFor)
	ctx, cancel := context.WithTimeout(ctx, d.config.DrainFor)
	defer cancel()
	err := d.shutdown(ctx)
	if err != nil {
		d.config.Log.Warn("requests in flight were cut", "after", d.config.DrainFor, "err", err)
	}
	d.config.Log.Info("stopped", "after", time.Since(began).Round(time.Millisecond))
	return nil
}

// shutdown ends both fronts: first the one that hands over to the other.
func (d *Daemon) shutdown(ctx context.Context) error {
	d.front.Drain()
	return errors.Join(d.fast.Shutdown(ctx), d.front.Shutdown(ctx))
}

// openSockets answers on the control socket, and on the public one, until ctx is done. Without them
// the proxy still works, but no tray or command line reaches it; another daemon of the same user may
// hold them.
func (d *Daemon) openSockets(ctx context.Context, wg *sync.WaitGroup) {
	d.openSocket(ctx, wg, d.config.Control, control.Listen, server.Serve)
	d.openSocket(ctx, wg, d.config.Public, control.ListenPublic, server.ServePublic)
}

func (d *Daemon) openSocket(ctx context.Context, wg *sync.WaitGroup, path string,
	listen func(string) (net.Listener, error), serve func(context.Context, net.Listener, server.Backend) error) {
	if path == "" {
		return
	}
	l, err := listen(path)
	switch {
	case errors.Is(err, control.ErrInUse):
		d.config.Log.Warn("another Millpond of this user has the control socket; tray and commands reach that one", "socket", path)
	case err != nil:
		d.logNoSocket(path, err)
	default:
		wg.Go(func() {
			if err := serve(ctx, l, d); err != nil {
				d.logNoSocket(path, err)
			}
		})
	}
}

func (d *Daemon) logNoSocket(path string, err error) {
	d.config.Log.Error("there is no control socket; tray and commands cannot reach this daemon", "socket", path, "err", err)
}

// logStart says where the proxy listens.
func (d *Daemon) logStart() {
	for _, a := range d.Addrs() {
		d.config.Log.Info("listening", "address", a.String(), "version", d.config.Version, "settings", d.config.Store.Path())
	}
	if note := d.listener.Note(); note != "" {
		d.config.Log.Warn(note)
	}
	if ap, err := netip.ParseAddrPort(d.Address()); err == nil && !ap.Addr().IsLoopback() {
		d.config.Log.Warn("other machines can reach this address; they need the token", "address", ap)
	}
}
