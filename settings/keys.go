package settings

import (
	"slices"
	"strings"
	"time"
)

// day is the "d" of a duration in the file.
const day = 24 * time.Hour

// A Key declares one setting.
type Key struct {
	Path     string   // as in the file, "pool.max_idle"; "upstreams[].url" stands for each upstream
	Default  any      // of the field's type
	Required bool     // the user must write one; Default only gives the type
	Unit     string   // of a number, plural; "" for durations (they carry their own) and bare numbers
	Min, Max int64    // bounds of a number, both allowed; nanoseconds for a duration
	Allowed  []string // the only values of a text; nil = any
	Secret   bool     // a secret reference: its value is never shown in an error
	Help     string   // one line of English, no full stop
}

// Locale returns the key under which the translation of Help is found.
func (k Key) Locale() string { return "settings." + strings.ReplaceAll(k.Path, "[]", "") }

// Name returns the last part of the path.
func (k Key) Name() string { return k.Path[strings.LastIndexByte(k.Path, '.')+1:] }

// Section returns the path without its last part: "pool", "upstreams[]", or "" at the top.
func (k Key) Section() string { return strings.TrimSuffix(strings.TrimSuffix(k.Path, k.Name()), ".") }

// Keys returns every key, in the order of the file. The keys of an upstream's own pool are those of
// [pool] and are not repeated.
func Keys() []Key { return slices.Clone(keys) }

// Lookup finds the key of a path as it is written in [Keys] or with an index or a name in brackets:
// "upstreams[1].url". The path of an upstream's own pool leads to the key of [pool].
func Lookup(path string) (Key, bool) {
	path = withoutIndexes(path)
	if own, ok := strings.CutPrefix(path, "upstreams[].pool."); ok {
		path = "pool." + own
	}
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Path == path })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// withoutIndexes empties the brackets of a path.
func withoutIndexes(path string) string {
	for from := 0; ; {
		open := strings.IndexByte(path[from:], '[')
		if open < 0 {
			return path
		}
		open += from
		end := strings.IndexByte(path[open:], ']')
		if end < 0 {
			return path
		}
		path = path[:open+1] + path[open+end:]
		from = open + 2
	}
}

// keys is the one declaration of every key. A line added here and a field added to the struct is
// all that a new setting needs; a test tells when either is missing.
var keys = []Key{
	{Path: "version", Default: Version, Min: 1, Max: Version, Help: "version of this file's form"},

	{Path: "listen.address", Default: "127.0.0.1:7860", Help: `where agents connect; "localhost:7860" listens on both loopbacks`},
	{Path: "listen.allowed_hosts", Default: []string(nil), Help: "Host names to accept beside the loopback ones"},
	{Path: "listen.allowed_origins", Default: []string(nil), Help: "web pages to accept, as https://name; none by default"},
	{Path: "listen.token", Default: "", Secret: true, Help: "secret reference that clients must present; required beyond loopback"},
	{Path: "listen.h2c", Default: false, Help: "accept HTTP/2 without TLS"},
	{Path: "listen.fast", Default: true, Help: "our own front for the common case; false sends all through net/http"},

	{Path: "pool.preset", Default: PresetBalanced, Allowed: presetNames(), Help: "the numbers below come from it, unless written here"},
	{Path: "pool.scope", Default: ScopeUpstream, Allowed: texts(ScopeShared, ScopeUpstream, ScopeCaller), Help: "who shares a connection: all, each upstream's requests, each agent's"},
	{Path: "pool.max_connections", Default: 512, Unit: "connections", Max: 100_000, Help: "in total, 0 = no limit"},
	{Path: "pool.max_connections_per_host", Default: 128, Unit: "connections", Max: 100_000, Help: "to one upstream host, 0 = no limit"},
	{Path: "pool.max_idle", Default: 256, Unit: "connections", Max: 100_000, Help: "kept open while unused, in total"},
	{Path: "pool.max_idle_per_host", Default: 64, Unit: "connections", Max: 100_000, Help: "kept open while unused, to one upstream host"},
	{Path: "pool.idle_timeout", Default: 5 * time.Minute, Min: int64(10 * time.Millisecond), Max: int64(day), Help: "how long an unused connection is kept; the learned age bounds it"},
	{Path: "pool.max_lifetime", Default: time.Hour, Max: int64(28 * day), Help: "age at which a connection is retired, 0 = no limit"},
	{Path: "pool.max_requests_per_connection", Default: 0, Unit: "requests", Max: 1_000_000_000, Help: "after which a connection is retired, 0 = no limit"},
	{Path: "pool.max_streams_per_connection", Default: 16, Unit: "requests", Min: 1, Max: 1000, Help: "at one time on one HTTP/2 connection"},
	{Path: "pool.wait_timeout", Default: 30 * time.Second, Max: int64(time.Hour), Help: "how long a request waits for a connection, 0 = not at all"},
	{Path: "pool.max_waiting", Default: 1024, Unit: "requests", Max: 100_000, Help: "waiting for a connection at one time, 0 = none"},
	{Path: "pool.warm", Default: Warm(0), Unit: "connections", Max: 1000, Help: `kept ready for each host; "auto" = the last hour's burst width`},
	{Path: "pool.reuse", Default: ReuseLearned, Allowed: texts(ReuseLearned, ReuseFixed, ReuseNever), Help: "up to the age learned of each upstream, up to idle_timeout alone, or never"},
	{Path: "pool.protocol", Default: ProtocolAuto, Allowed: texts(ProtocolAuto, ProtocolHTTP1, ProtocolHTTP2), Help: "what is spoken to upstreams"},

	{Path: "upstreams[].name", Default: "", Required: true, Help: "its name here and in /u/NAME/"},
	{Path: "upstreams[].kind", Default: KindHTTP, Allowed: texts(KindAnthropic, KindOpenAI, KindGemini, KindA2A, KindHTTP), Help: "the API that it speaks"},
	{Path: "upstreams[].url", Default: "", Required: true, Help: "http or https address, with a base path if it has one"},
	{Path: "upstreams[].enabled", Default: true, Help: "false leaves it out"},
	{Path: "upstreams[].priority", Default: 1, Max: 1000, Help: "lower first; equal ones share by weight"},
	{Path: "upstreams[].weight", Default: 1, Min: 1, Max: 1000, Help: "share of the requests among equal priorities"},
	{Path: "upstreams[].credential", Default: "", Secret: true, Help: `secret reference to send instead of the client's own; "" passes that through`},
	{Path: "upstreams[].egress", Default: "", Help: `proxy to go out by: "", "system", http://, https://, socks5://`},
	{Path: "upstreams[].preserve_host", Default: false, Help: "send the client's Host instead of the upstream's"},

	{Path: "routes[].path", Default: "", Required: true, Help: "requests whose path begins so"},
	{Path: "routes[].upstreams", Default: []string(nil), Required: true, Help: "go to these, by priority"},
	{Path: "routes[].idempotent", Default: false, Help: "repeating such a request does no harm, whatever its method"},

	{Path: "forward.enabled", Default: false, Help: "serve as plain-HTTP forward proxy (HTTP_PROXY)"},
	{Path: "forward.allow", Default: []string{"127.0.0.1:*", "10.0.0.0/8"}, Help: "where it may go: name:port, name:*, *.name, network"},

	{Path: "failover.attempts", Default: 3, Unit: "upstreams", Min: 1, Max: 10, Help: "tried for one request"},
	{Path: "failover.eject_after", Default: 5, Unit: "failures", Max: 1000, Help: "in a row before an upstream is left alone, 0 = never"},
	{Path: "failover.eject_for", Default: 30 * time.Second, Min: int64(10 * time.Millisecond), Max: int64(10 * time.Minute), Help: "how long at first; doubled up to 10 minutes"},
	{Path: "failover.retry_after_cap", Default: time.Minute, Max: int64(time.Hour), Help: "the longest Retry-After that is believed"},

	{Path: "timeouts.connect", Default: 10 * time.Second, Min: int64(10 * time.Millisecond), Max: int64(10 * time.Minute), Help: "for the connection to an upstream"},
	{Path: "timeouts.tls", Default: 10 * time.Second, Min: int64(10 * time.Millisecond), Max: int64(10 * time.Minute), Help: "for the TLS handshake"},
	{Path: "timeouts.response_header", Default: 10 * time.Minute, Min: int64(10 * time.Millisecond), Max: int64(day), Help: "from the request's end to the answer's head"},
	{Path: "timeouts.stream_idle", Default: 5 * time.Minute, Min: int64(10 * time.Millisecond), Max: int64(day), Help: "between two bytes of an answer"},

	{Path: "verdict.window", Default: 28 * day, Min: int64(time.Hour), Max: int64(28 * day), Help: "how far back it looks"},
	{Path: "verdict.success_target", Default: 0.95, Max: 1, Help: "fraction of requests that should succeed"},
	{Path: "verdict.error_target", Default: 0.01, Max: 1, Help: "fraction of requests that may fail"},
	{Path: "verdict.switch_below", Default: 0.90, Max: 1, Help: "success rate under which another transport is proposed"},

	{Path: "updates.url", Default: "", Help: `release index that "millpondd update check" asks; "" asks nobody`},

	{Path: "app.off", Default: OffPause, Allowed: texts(OffPause, OffStop), Help: "what the application's switch does: answer 503 at once, or stop the service"},
}

// texts returns the values as strings.
func texts[T ~string](values ...T) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = string(v)
	}
	return out
}
