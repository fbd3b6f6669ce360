package pool

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"millpond/proxy/hangup"
	"millpond/settings"
)

// sweepEvery is how often connections are looked over: expiry, probes, warmth,
// sleep and network changes. Nothing that a request depends on waits for it.
const sweepEvery = time.Second

// A Config says how a Manager dials. The zero value dials directly with the
// system's roots, remembers nothing over restarts and logs nowhere.
type Config struct {
	TLS       *tls.Config               // base for every handshake
	AllowDial func(netip.Addr) error    // refuses addresses, after names are resolved
	OwnAddr   func(netip.AddrPort) bool // reports whether an address is this proxy's own listener
	StateFile string                    // where learned ages are kept; "" keeps them in memory
	Log       *slog.Logger

	PingAfter time.Duration // an HTTP/2 peer that sent nothing for so long is asked for a sign of life; 0 means 30 s
	PingWait  time.Duration // and given up without one after so long; 0 means 15 s
}

// A Manager holds all connections to all upstreams. Use NewManager.
type Manager struct {
	config   Config
	sessions tls.ClientSessionCache
	ctx      context.Context // ends when the manager is closed
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	ids      atomic.Uint64
	panics   atomic.Uint64
	watcher  *hangup.Watcher                                 // nil watches nothing
	dial     func(context.Context, Target) (*dialled, error) // by the dialer, but in tests of time

	settings  atomic.Pointer[settings.Settings]
	lookFirst atomic.Bool // see LookFirstForTest

	mu     sync.Mutex // guards what follows; taken before a group's, never after
	groups map[scopeKey]*group
	closed bool

	tables  sync.Mutex // guards what follows; taken last
	origins map[string]*origin
	counts  map[string]*counts // by upstream
}

// A scopeKey names a group.
type scopeKey struct {
	scope settings.Scope
	name  string // of the upstream or caller
}

// NewManager starts a pool under s. Close ends it.
func NewManager(config Config, s *settings.Settings) (*Manager, error) {
	m := newManagerAtRest(config, s)
	w, err := hangup.NewWatcher()
	if err != nil {
		m.cancel()
		return nil, err
	}
	m.watcher = w
	m.run()
	return m, nil
}

func newManagerAtRest(config Config, s *settings.Settings) *Manager {
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	ctx, cancel := context.WithCancel(context.Background()) // ended by Close
	m := &Manager{
		config: config, ctx: ctx, cancel: cancel,
		sessions: tls.NewLRUClientSessionCache(256),
		groups:   map[scopeKey]*group{},
		origins:  map[string]*origin{},
		counts:   map[string]*counts{},
	}
	m.dial = func(ctx context.Context, t Target) (*dialled, error) { return m.dialer().dial(ctx, t) }
	m.settings.Store(s)
	m.loadLearned()
	return m
}

// run starts what the manager does by itself.
func (m *Manager) run() {
	m.wg.Go(m.watcher.Run)
	m.wg.Go(m.sweepLoop)
}

// Close closes idle connections and waits for dials under way. Leases that are
// out stay usable; their connections close as they are returned.
func (m *Manager) Close() {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return
	}
	m.closed = true
	groups := m.allLocked()
	m.mu.Unlock()
	m.cancel()
	for _, g := range groups {
		g.retire()
	}
	m.watcher.Close()
	m.wg.Wait()
	m.saveLearned()
}

// start runs f in a goroutine that Close waits for, unless the pool is closed.
// It is called under a group's mutex, so it must not take the manager's.
func (m *Manager) start(f func(context.Context)) bool {
	if m.ctx.Err() != nil {
		return false
	}
	m.wg.Go(func() { m.try("start", func() { f(m.ctx) }) })
	return true
}

// LookFirstForTest has every connection looked at when it is leased, and not in the moment of writing:
// as where socket.Asks is false, or over TLS. So there is an instant in which a peer can close unseen.
func (m *Manager) LookFirstForTest() { m.lookFirst.Store(true) }

func (m *Manager) nextID() uint64 { return m.ids.Add(1) }

func (m *Manager) dialer() *dialer {
	t := m.settings.Load().Timeouts
	return &dialer{
		connect: t.Connect, handshake: t.TLS, tls: m.config.TLS,
		sessions: m.sessions, allow: m.config.AllowDial, own: m.config.OwnAddr,
	}
}

// Acquire waits for a connection to t, by the limits of the settings, and returns
// the right to send one request on it. fresh demands a connection that was dialled
// for this request, as a replay must have. The error is always a *Failure.
func (m *Manager) Acquire(ctx context.Context, t Target, fresh bool) (*Lease, error) {
	for {
		g := m.groupOf(&t)
		if g == nil {
			return nil, &Failure{Phase: PhaseQueue, Code: CodeShutdown, Err: errClosed}
		}
		if l, err := g.acquire(ctx, &t, fresh); err != errMoved {
			return l, err
		}
	}
}

// groupOf returns the group of t's scope, or nil when the pool is closed.
func (m *Manager) groupOf(t *Target) *group {
	key := scopeKey{scope: t.Pool.Scope}
	switch key.scope {
	case settings.ScopeUpstream:
		key.name = t.Upstream
	case settings.ScopeCaller:
		key.name = t.Caller
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil
	}
	g := m.groups[key]
	if g == nil {
		g = &group{m: m, scope: key, hosts: map[Key]*host{}, queuing: map[*host]struct{}{}, used: time.Now()}
		g.limits = groupLimits(m.settings.Load(), key)
		m.groups[key] = g
	}
	return g
}

// groupLimits are the limits over all connections of a group.
func groupLimits(s *settings.Settings, key scopeKey) settings.Pool {
	if key.scope == settings.ScopeUpstream {
		for _, u := range s.Upstreams {
			if u.Name == key.name {
				return s.PoolFor(u)
			}
		}
	}
	return s.Pool
}

func (m *Manager) allLocked() []*group {
	all := make([]*group, 0, len(m.groups))
	for _, g := range m.groups {
		all = append(all, g)
	}
	return all
}

func (m *Manager) all() []*group {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.allLocked()
}

// A way is a key in a scope: one upstream may be reached in several while a trial
// compares them.
type way struct {
	key   Key
	scope settings.Scope
}

// Apply puts s in force. targets are the upstreams that s leads to: connections
// of other upstreams are closed when they are idle or next returned, and so are those
// of a scope that none of them has. Limits that rose let waiters through at once;
// limits that fell close idle connections now and others as they come back. No request
// is disturbed.
func (m *Manager) Apply(s *settings.Settings, targets []Target) {
	live := map[way]Target{}
	for _, t := range targets {
		live[way{t.Key(), t.Pool.Scope}] = t
	}
	m.mu.Lock()
	m.settings.Store(s)
	groups := m.allLocked()
	m.mu.Unlock()
	for _, g := range groups {
		g.apply(s, live)
	}
}

// apply puts s in force for one group.
func (g *group) apply(s *settings.Settings, live map[way]Target) {
	g.mu.Lock()
	defer g.unlock()
	g.limits = groupLimits(s, g.scope)
	for key, h := range g.hosts {
		t, still := live[way{key, g.scope.scope}]
		switch {
		case still:
			h.pool, h.target.Pool, h.target.Dialled, h.retired = t.Pool, t.Pool, t.Dialled, false
		case h.upstream != "":
			h.retired = true
		default: // forward mode
			h.pool, h.target.Pool, h.retired = s.Pool, s.Pool, g.scope.scope != s.Pool.Scope
		}
	}
	g.trimLocked()
	g.serveLocked()
}

// trimLocked brings idle connections within the limits as they are now.
func (g *group) trimLocked() {
	for _, h := range g.hosts {
		over := func() bool {
			return h.retired || g.retired || h.pool.Reuse == settings.ReuseNever || h.idleCountLocked() > h.pool.MaxIdlePerHost ||
				(h.pool.MaxConnectionsPerHost > 0 && h.open > h.pool.MaxConnectionsPerHost)
		}
		for c := h.oldestIdleLocked(); c != nil && over(); c = h.oldestIdleLocked() {
			why := LimitReached
			if h.retired || g.retired || h.pool.Reuse == settings.ReuseNever {
				why = Retired
			}
			g.dropLocked(c, why)
		}
	}
	for g.oldest != nil && (g.idle > g.limits.MaxIdle || g.limits.MaxConnections > 0 && g.open > g.limits.MaxConnections) {
		g.dropLocked(g.oldest, LimitReached)
	}
}

// retire closes what is idle and keeps nothing any more.
func (g *group) retire() {
	g.mu.Lock()
	defer g.unlock()
	g.retired = true
	g.trimLocked()
}

// FlushIdle closes all idle connections, as after sleep or a change of network.
// Requests in flight go on; their connections are not kept either. It returns
// how many were closed.
func (m *Manager) FlushIdle(why Reason) int {
	n := 0
	for _, g := range m.all() {
		n += g.flush(why)
	}
	return n
}

func (g *group) flush(why Reason) int {
	g.mu.Lock()
	defer g.unlock()
	n := g.idle
	for g.oldest != nil {
		g.dropLocked(g.oldest, why)
	}
	g.flushed = time.Now()
	g.serveLocked()
	return n
}

// originOf returns what is known about the origin of key.
func (m *Manager) originOf(key Key) *origin {
	m.tables.Lock()
	defer m.tables.Unlock()
	name := key.origin()
	o := m.origins[name]
	if o == nil {
		o = newOrigin(learned{})
		m.origins[name] = o
	}
	return o
}

func (m *Manager) countsOf(upstream string) *counts {
	m.tables.Lock()
	defer m.tables.Unlock()
	c := m.counts[upstream]
	if c == nil {
		c = newCounts()
		m.counts[upstream] = c
	}
	return c
}

func (m *Manager) watch(c *conn) { m.watcher.Add(c.id, c.raw.sys, c) }

func (m *Manager) sweepLoop() {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	environment := newEnvironment()
	saved := time.Now()
	for {
		select {
		case <-m.ctx.Done():
			return
		case <-tick.C:
		}
		m.try("environment", func() {
			if what := environment.changed(); what != "" {
				n := m.FlushIdle(NetworkChange)
				m.config.Log.Info("idle connections dropped", "because", what, "closed", n)
			}
		})
		for _, g := range m.all() {
			m.try("sweep", func() {
				if g.sweep(time.Now()) {
					m.forget(g)
				}
			})
		}
		if time.Since(saved) > time.Minute {
			m.try("save", m.saveLearned)
			saved = time.Now()
		}
	}
}

// forget removes a group that nothing used for a while. Callers come and go.
func (m *Manager) forget(g *group) {
	m.mu.Lock()
	defer m.mu.Unlock()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.forgettableLocked(time.Now()) {
		g.gone = true
		delete(m.groups, g.scope)
	}
}
