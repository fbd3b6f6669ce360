package proxy

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"millpond/proxy/exchange"
	"millpond/proxy/listener"
	"millpond/proxy/router"
	"millpond/proxy/upstream"
	"millpond/settings"
)

// A Store is where the settings are kept; *store.Store is one.
type Store interface {
	Load() (*settings.Settings, error)
	Read() (next *settings.Settings, take func(), err error) // Load, but remembered only when take is called
	Save(*settings.Settings) error
	Watch(ctx context.Context, tell func(next *settings.Settings, take func(), err error)) error
	Warnings() []string // what is odd but harmless in what was loaded last
	Path() string
}

// Config is what a daemon is made of. Store is required; the zero value of everything
// else works.
type Config struct {
	Store     Store
	Overrides Overrides   // laid over the settings, and never saved
	Log       *Log        // nil logs nowhere
	Version   string      // shown in the statistics
	StateDir  string      // where learned ages and the history are kept; "": nowhere
	Control   string      // address of the control socket; "": there is none
	Public    string      // address of the socket that tells every user how it is; "": there is none
	Keeper    Keeper      // keeps the sockets between two daemons; nil: nobody does
	TLS       *tls.Config // base of the handshakes with upstreams; nil trusts the system's roots
	Now       func() time.Time

	// Diagnostics writes what is sent to who asks for a bundle of diagnostics, a zip
	// archive without secrets; nil: there is none.
	Diagnostics func(ctx context.Context, w io.Writer) error

	DrainFor  time.Duration // how long requests in flight may take to end; 0 means DrainFor
	SeekEvery time.Duration // how often a secret that is missing is looked for; 0 means SeekEvery
}

// DrainFor is how long requests in flight may take to end when the daemon stops, unless
// Config says otherwise. After it, they are cut. A service manager's own limit should be
// longer (systemd's is 90 s, launchd's 20 s unless the unit says more).
const DrainFor = 30 * time.Second

// Overrides are what the command line says over the settings file.
type Overrides struct {
	Address   string              // instead of listen.address; "" keeps it
	Upstreams []settings.Upstream // instead of all upstreams and routes; nil keeps them
}

// over returns s with the overrides laid over it. It does not change s.
func (o Overrides) over(s *settings.Settings) *settings.Settings {
	s = s.Clone()
	if o.Address != "" {
		s.Listen.Address = o.Address
	}
	if o.Upstreams != nil {
		s.Upstreams = slices.Clone(o.Upstreams)
		s.Routes = nil // they name upstreams that are no longer there
	}
	return s
}

// compile builds what runs from settings that are valid and the secrets that they refer
// to. It changes nothing that runs; the health of upstreams that stay is carried over
// from old, which may be nil. bound are the addresses that are listened on.
func compile(s *settings.Settings, v *vault, bound []net.Addr, old *exchange.State) (*exchange.State, error) {
	token, err := v.token(s)
	if err != nil {
		return nil, err
	}
	routes, err := router.New(s, bound...)
	if err != nil {
		return nil, err
	}
	var before []*upstream.Upstream
	if old != nil {
		before = old.Upstreams
	}
	upstreams, err := upstream.Compile(v.withPasswords(s), before)
	if err != nil {
		return nil, err
	}
	gate := listener.NewGate(listener.GateConfig{
		Addrs: bound, AllowedHosts: s.Listen.AllowedHosts, AllowedOrigins: s.Listen.AllowedOrigins,
		Token: token.Reveal(), ForwardEnabled: s.Forward.Enabled,
	})
	credentials, withheld := v.credentials(s)
	return &exchange.State{
		Settings: s, Gate: gate, Routes: routes, Upstreams: upstreams,
		Credentials: credentials, Withheld: withheld,
	}, nil
}

// withDefaults fills in what the configuration leaves open.
func (c Config) withDefaults() (Config, error) {
	if c.Store == nil {
		return c, errors.New("a daemon needs a store of settings")
	}
	if c.Log == nil {
		c.Log = &Log{Logger: slog.New(slog.DiscardHandler), recent: &recent{}}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.DrainFor = cmp.Or(c.DrainFor, DrainFor)
	c.SeekEvery = cmp.Or(c.SeekEvery, SeekEvery)
	return c, nil
}
