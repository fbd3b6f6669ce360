// Package settings says what can be configured: the types, their defaults, ranges and presets, how
// they are checked and how an old file is brought up to date. It is plain data on the standard
// library alone. It reads and writes no file (settings/store does) and resolves no secret
// (settings/secret does).
//
// One table, [Keys], declares every key: the decoder, the validator, the writer, the command line
// and the window's forms all read the same line.
package settings

import "time"

// Version is the version of the schema that this program writes.
const Version = 1

// Settings is everything that a user can configure. A published *Settings is never modified: change
// a [Settings.Clone] and publish that.
type Settings struct {
	Version   int        `key:"version"` // schema version; a file without it is version 1
	Listen    Listen     `key:"listen"`
	Pool      Pool       `key:"pool"` // for every upstream that does not override it
	Upstreams []Upstream `key:"upstreams"`
	Routes    []Route    `key:"routes"`
	Forward   Forward    `key:"forward"`
	Failover  Failover   `key:"failover"`
	Timeouts  Timeouts   `key:"timeouts"`
	Verdict   Verdict    `key:"verdict"`
	Updates   Updates    `key:"updates"`
	App       App        `key:"app"`
}

// Listen is the client-facing address and who may use it.
type Listen struct {
	Address        string   `key:"address"`         // host:port; "localhost:PORT" is both loopbacks, port 0 any free one
	AllowedHosts   []string `key:"allowed_hosts"`   // Host names beside the loopback ones
	AllowedOrigins []string `key:"allowed_origins"` // browser origins; empty admits no web page
	Token          string   `key:"token"`           // secret reference; "" asks for none
	H2C            bool     `key:"h2c"`             // HTTP/2 without TLS for clients that begin with it
	Fast           bool     `key:"fast"`            // our own front for the common case
}

// Pool is how connections are kept. Its numbers come from the preset, except those that the user wrote.
type Pool struct {
	Preset                   Preset        `key:"preset"`
	Scope                    Scope         `key:"scope"`
	MaxConnections           int           `key:"max_connections"`          // in total; 0 = no limit
	MaxConnectionsPerHost    int           `key:"max_connections_per_host"` // 0 = no limit
	MaxIdle                  int           `key:"max_idle"`                 // in total; 0 keeps none
	MaxIdlePerHost           int           `key:"max_idle_per_host"`        // 0 keeps none
	IdleTimeout              time.Duration `key:"idle_timeout"`
	MaxLifetime              time.Duration `key:"max_lifetime"`                // 0 = no limit
	MaxRequestsPerConnection int           `key:"max_requests_per_connection"` // 0 = no limit
	MaxStreamsPerConnection  int           `key:"max_streams_per_connection"`  // HTTP/2 requests at one time
	WaitTimeout              time.Duration `key:"wait_timeout"`                // 0 does not wait
	MaxWaiting               int           `key:"max_waiting"`                 // requests; 0 does not queue
	Warm                     Warm          `key:"warm"`
	Reuse                    Reuse         `key:"reuse"`
	Protocol                 Protocol      `key:"protocol"`
}

// Preset names a set of numbers for [Pool]; see [Presets].
type Preset string

// The presets.
const (
	PresetBalanced Preset = "balanced"
	PresetGentle   Preset = "gentle"
	PresetFanOut   Preset = "fan-out"
	PresetUnpooled Preset = "unpooled"
	PresetCustom   Preset = "custom"
)

// Scope says who shares a connection.
type Scope string

// The scopes: one pool for all, one for each upstream, one for each calling agent.
const (
	ScopeShared   Scope = "shared"
	ScopeUpstream Scope = "upstream"
	ScopeCaller   Scope = "caller"
)

// Warm is how many connections are kept ready for each host; 0 = none.
type Warm int

// WarmAuto keeps as many connections ready as the last hour's widest burst used; in text "auto".
const WarmAuto Warm = -1

// Reuse says when an idle connection is used again.
type Reuse string

// The ways of reuse: up to the age learned of the upstream, up to idle_timeout alone, not at all.
const (
	ReuseLearned Reuse = "learned"
	ReuseFixed   Reuse = "fixed"
	ReuseNever   Reuse = "never"
)

// Protocol is what is spoken to an upstream.
type Protocol string

// The protocols: what the TLS handshake agrees on, or one of the two.
const (
	ProtocolAuto  Protocol = "auto"
	ProtocolHTTP1 Protocol = "http1"
	ProtocolHTTP2 Protocol = "http2"
)

// Upstream is an API that requests go to.
type Upstream struct {
	Name         string       `key:"name"` // unique; a-z, 0-9, dot, dash, underscore
	Kind         Kind         `key:"kind"`
	URL          string       `key:"url"` // http or https, host, optional base path
	Enabled      bool         `key:"enabled"`
	Priority     int          `key:"priority"`      // lower first
	Weight       int          `key:"weight"`        // share among those of equal priority
	Credential   string       `key:"credential"`    // secret reference; "" passes the client's own through
	Egress       string       `key:"egress"`        // "" direct, "system", or a proxy's URL
	PreserveHost bool         `key:"preserve_host"` // send the client's Host
	Pool         PoolOverride `key:"pool"`
}

// Kind is the API that an upstream speaks. It decides which known paths go there, how a credential
// is sent and the shape of an error.
type Kind string

// The kinds.
const (
	KindAnthropic Kind = "anthropic"
	KindOpenAI    Kind = "openai"
	KindGemini    Kind = "gemini"
	KindA2A       Kind = "a2a"
	KindHTTP      Kind = "http"
)

// PoolOverride is what one upstream has otherwise than [pool]; nil keeps the value of [pool].
// The fields are those of [Pool].
type PoolOverride struct {
	Preset                   *Preset        `key:"preset"`
	Scope                    *Scope         `key:"scope"`
	MaxConnections           *int           `key:"max_connections"`
	MaxConnectionsPerHost    *int           `key:"max_connections_per_host"`
	MaxIdle                  *int           `key:"max_idle"`
	MaxIdlePerHost           *int           `key:"max_idle_per_host"`
	IdleTimeout              *time.Duration `key:"idle_timeout"`
	MaxLifetime              *time.Duration `key:"max_lifetime"`
	MaxRequestsPerConnection *int           `key:"max_requests_per_connection"`
	MaxStreamsPerConnection  *int           `key:"max_streams_per_connection"`
	WaitTimeout              *time.Duration `key:"wait_timeout"`
	MaxWaiting               *int           `key:"max_waiting"`
	Warm                     *Warm          `key:"warm"`
	Reuse                    *Reuse         `key:"reuse"`
	Protocol                 *Protocol      `key:"protocol"`
}

// Route sends the paths that begin with Path to certain upstreams.
type Route struct {
	Path       string   `key:"path"` // begins with "/"
	Upstreams  []string `key:"upstreams"`
	Idempotent bool     `key:"idempotent"` // the operator vouches that repeating a request does no harm
}

// Forward is plain-HTTP forward proxying, for clients that only know HTTP_PROXY.
type Forward struct {
	Enabled bool     `key:"enabled"`
	Allow   []string `key:"allow"` // NAME, NAME:PORT, NAME:*, *.NAME, or a network such as 10.0.0.0/8
}

// Failover is when another upstream is tried and how long one that fails is left alone.
type Failover struct {
	Attempts      int           `key:"attempts"`        // upstreams tried for one request
	EjectAfter    int           `key:"eject_after"`     // consecutive failures; 0 = never
	EjectFor      time.Duration `key:"eject_for"`       // first time; doubled up to 10 minutes
	RetryAfterCap time.Duration `key:"retry_after_cap"` // the longest Retry-After that is believed
}

// Timeouts bound the steps of a request. There is none for a response as a whole.
type Timeouts struct {
	Connect        time.Duration `key:"connect"`
	TLS            time.Duration `key:"tls"`
	ResponseHeader time.Duration `key:"response_header"`
	StreamIdle     time.Duration `key:"stream_idle"` // reset by each byte
}

// Verdict is what the four-week judgement measures against. Targets are fractions of 1.
type Verdict struct {
	Window        time.Duration `key:"window"`
	SuccessTarget float64       `key:"success_target"`
	ErrorTarget   float64       `key:"error_target"`
	SwitchBelow   float64       `key:"switch_below"`
}

// App is what the desktop application does on its own.
type App struct {
	Off Off `key:"off"`
}

// Off is what turning the proxy off in the tray or the window means.
type Off string

// The ways of being off: requests are refused at once with a clear body and turning on
// takes no time, or nothing runs at all and agents find a closed port.
const (
	OffPause Off = "pause"
	OffStop  Off = "stop"
)

// Updates is where to ask for newer releases.
type Updates struct {
	URL string `key:"url"` // of a signed release index; "" asks nobody
}
