// Package exchange carries one request from the gate to its outcome, whichever
// front it came in by: route it, choose an upstream, lease a connection, send,
// decide about a replay, deliver the answer, judge, count and log.
//
// A front (proxy/general) knows how to read a request from a client and how to
// write an answer; it knows nothing of upstreams. What is shared by the fronts is
// here, so that they cannot behave differently.
package exchange

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpproxy"

	"millpond/proxy/listener"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/replay"
	"millpond/proxy/router"
	"millpond/proxy/upstream"
	"millpond/proxy/wire"
	"millpond/settings"
	"millpond/settings/secret"
)

// A State is what a request is carried under: one settings value and all that was
// compiled from it. It is never modified once committed, and a request keeps the
// one that it began with.
type State struct {
	Settings    *settings.Settings
	Gate        *listener.Gate
	Routes      *router.Table
	Upstreams   []*upstream.Upstream // at the indexes of Settings.Upstreams
	Credentials []secret.Value       // at the same indexes; a missing or zero one passes the client's own through
	Withheld    []error              // at the same indexes: why nothing may be sent there; a missing one or nil lets requests through
	Trials      []*Trial             // at the same indexes; a missing one or nil where none runs
	Paused      bool                 // refuse all requests

	targets []pool.Target // at the same indexes
	others  []pool.Target // at the same indexes: of the second arm of a trial; zero where none runs
}

// A Config holds the parts that outlive settings. All are required.
type Config struct {
	Pools *pool.Manager
	Meter *meter.Meter
	Log   *slog.Logger
}

// An Exchange carries requests. Use New, then Commit before the first request.
type Exchange struct {
	Config
	state  atomic.Pointer[State]
	ledger replay.Ledger
	memory replay.Memory

	mu      sync.Mutex // guards budgets
	budgets map[string]*replay.Budget
}

// New returns an Exchange without a State.
func New(c Config) *Exchange {
	return &Exchange{Config: c, budgets: map[string]*replay.Budget{}}
}

// State returns what new requests are carried under.
func (x *Exchange) State() *State { return x.state.Load() }

// Commit puts st in force for new requests, and its limits for all. It cannot fail.
func (x *Exchange) Commit(st *State) {
	st.targets = make([]pool.Target, len(st.Upstreams))
	st.others = make([]pool.Target, len(st.Upstreams))
	var live []pool.Target
	for i, u := range st.Upstreams {
		st.targets[i] = TargetOf(u)
		trial := st.trial(i)
		if trial != nil {
			st.targets[i], st.others[i] = trial.base(st.targets[i]), trial.other(st.targets[i])
		}
		if !u.Enabled || st.withheld(i) != nil {
			continue
		}
		if st.targets[i].Pool.Protocol == settings.ProtocolAuto {
			live = append(live, forUpgrade(st.targets[i]))
		}
		live = append(live, st.targets[i])
		if trial != nil { // last: it may have the key of upgrades, whose dials it then counts
			live = append(live, st.others[i])
		}
	}
	x.state.Store(st)
	x.Pools.Apply(st.Settings, live)
}

// Ledger returns what was replayed and what was not.
func (x *Exchange) Ledger() replay.Counts { return x.ledger.Counts() }

// TargetOf returns where requests to u go.
func TargetOf(u *upstream.Upstream) pool.Target {
	return pool.Target{
		Upstream: u.Name,
		Scheme:   u.Base.Scheme,
		Host:     u.Base.Hostname(),
		Port:     portOf(u.Base),
		Pool:     u.Pool,
		Egress:   egressOf(u.Egress, u.Base),
	}
}

// forUpgrade is t for a request that leaves HTTP/1 (RFC 9110, section 7.8).
func forUpgrade(t pool.Target) pool.Target {
	t.Pool.Protocol, t.Dialled = settings.ProtocolHTTP1, nil
	return t
}

func portOf(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}

// egressOf reads the egress setting. "system" is the environment's HTTPS_PROXY,
// HTTP_PROXY and NO_PROXY, as of now.
func egressOf(egress string, base *url.URL) *url.URL {
	switch egress {
	case "":
		return nil
	case "system":
		u, err := httpproxy.FromEnvironment().ProxyFunc()(base)
		if err != nil {
			return nil
		}
		return u
	}
	u, err := url.Parse(egress)
	if err != nil {
		return nil // settings are validated; they hold no such URL
	}
	return u
}

func (x *Exchange) budget(upstream string, now time.Time) *replay.Budget {
	x.mu.Lock()
	defer x.mu.Unlock()
	b := x.budgets[upstream]
	if b == nil {
		b = replay.NewBudget(now)
		x.budgets[upstream] = b
	}
	return b
}

// A Request is a client's request as its front read it. The exchange may change
// Header.
type Request struct {
	Method     string
	Target     string // as in the request line, byte for byte
	Host       string
	Header     wire.Header        // without Host
	Body       Reader             // nil when there is none
	Length     int64              // of Body; -1 unknown
	Trailer    func() http.Header // trailer fields, after Body has ended; nil for none
	Unblock    func()             // makes a Read of Body that waits return
	Expect     bool               // the client waits for 100 before it sends Body
	Upgrade    bool               // the client asks to leave HTTP
	RemoteAddr string
	Arrived    time.Time
}

// A Reader is the part of io.Reader that bodies need.
type Reader interface{ Read(p []byte) (int, error) }

// A Client is the front's side of a request: how its answer is written.
type Client interface {
	// Interim passes a 1xx answer on.
	Interim(status int, h wire.Header)
	// Start begins the answer. length is -1 when it is not known. It is called once.
	Start(status int, h wire.Header, length int64)
	// Write and Flush pass content on. An error means that the client is gone.
	Write(p []byte) (int, error)
	Flush() error
	// Trailer passes trailer fields on, after the content.
	Trailer(h http.Header)
	// Tunnel takes the connection over after Start with 101.
	Tunnel() (Tunnel, error)
}

// A Tunnel is a client's connection that stopped being HTTP.
type Tunnel interface {
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	CloseWrite() error
	Close() error
}

// Do carries one request. It returns false when the answer was cut, so that the
// front must break the client's connection rather than end the message.
func (x *Exchange) Do(ctx context.Context, st *State, req *Request, client Client) (whole bool) {
	t := turns.Get().(*turn)
	t.x, t.st, t.req, t.client, t.whole = x, st, req, client, true // not by a literal, which would be made on the stack
	whole = t.carry(ctx)
	*t = turn{} // nothing refers to it any more; after a panic it is left alone
	turns.Put(t)
	return whole
}

// turns are used again, as they are large. Those in the pool are zero.
var turns = sync.Pool{New: func() any { return new(turn) }}

// carry is Do.
func (t *turn) carry(ctx context.Context) (whole bool) {
	t.record.At = t.req.Arrived
	defer t.close()
	if t.preflight() {
		return true
	}
	p := t.admit()
	if p == nil {
		p = t.withhold()
	}
	if p != nil {
		t.refuse(p)
		return true
	}
	t.running = true
	t.run(ctx)
	t.running = false
	return t.whole
}

// Refuse answers a request that the gate did not let in, counts and logs it.
func (x *Exchange) Refuse(st *State, req *Request, client Client, r *listener.Refusal) {
	t := &turn{x: x, st: st, req: req, client: client, whole: true}
	t.record.At = req.Arrived
	defer t.close()
	p := &problem{status: r.Status, code: r.Code, message: r.Message}
	r.SetHeader(&p.header)
	t.refuse(p)
}
