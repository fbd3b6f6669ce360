package router

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"millpond/settings"
)

// A Table says which upstreams may serve a request. It is immutable and safe for concurrent use.
type Table struct {
	upstreams []settings.Upstream
	each      []int // the numbers from 0: each[i:i+1] is upstream i alone
	byName    map[string]int
	byKind    map[settings.Kind][]int // enabled ones by priority
	enabled   []int                   // all enabled ones by priority; the first serves the rest
	routes    []route                 // longest path first
	forward   forward
	own       ownAddrs
	names     string // of the enabled upstreams, for messages
}

// route is a configured route.
type route struct {
	path       string
	upstreams  []int // enabled ones by priority
	idempotent bool
}

// A Match is where a request may go.
type Match struct {
	// Upstreams are indexes into Settings.Upstreams: enabled ones in order of priority. The slice is
	// the table's and must not be changed. Empty in forward mode.
	Upstreams []int

	// Target is the path and query for the upstream, without the prefix. Of "/u/NAME?query" that is
	// "?query", of "/u/NAME" it is "": the upstream's base URL itself.
	Target string

	// Prefix is the "/u/NAME" that was removed, as the client wrote it, or "".
	Prefix string

	// Forward is scheme and host of an absolute-form target that is allowed; nil otherwise. Its path is
	// in Target.
	Forward *url.URL

	// Kind tells the shape in which the client expects errors. It is set beside an error, too.
	Kind settings.Kind

	// Idempotent says that the operator vouches for repeating the request.
	Idempotent bool

	// Pinned says that the client named its upstream, so that no other may serve it.
	Pinned bool
}

// New compiles s. own are the addresses that Millpond itself listens on, to know a loop by; without
// them listen.address is taken. It fails when a route names an unknown upstream, when forward.allow
// cannot be read, or when an upstream is Millpond itself.
func New(s *settings.Settings, own ...net.Addr) (*Table, error) {
	t := &Table{
		upstreams: s.Upstreams,
		byName:    make(map[string]int),
		byKind:    make(map[settings.Kind][]int),
		own:       ownAddrsOf(s.Listen, own),
	}
	var names []string
	for i, u := range s.Upstreams {
		t.each = append(t.each, i)
		t.byName[u.Name] = i
		if u.Enabled {
			t.enabled = append(t.enabled, i)
			names = append(names, u.Name)
		}
		if err := t.checkLoop(u); err != nil {
			return nil, fmt.Errorf("upstreams[%d].url: %w", i, err)
		}
	}
	t.names = strings.Join(names, ", ")
	t.sort(t.enabled)
	for _, i := range t.enabled {
		k := s.Upstreams[i].Kind
		t.byKind[k] = append(t.byKind[k], i)
	}
	if err := t.addRoutes(s.Routes); err != nil {
		return nil, err
	}
	var err error
	t.forward, err = compileForward(s.Forward)
	return t, err
}

// sort orders indexes by priority; equal ones keep their order.
func (t *Table) sort(indexes []int) {
	slices.SortStableFunc(indexes, func(a, b int) int {
		return cmp.Compare(t.upstreams[a].Priority, t.upstreams[b].Priority)
	})
}

func (t *Table) addRoutes(routes []settings.Route) error {
	for i, r := range routes {
		compiled := route{path: r.Path, idempotent: r.Idempotent}
		for j, name := range r.Upstreams {
			u, ok := t.byName[name]
			if !ok {
				return fmt.Errorf("routes[%d].upstreams[%d]: no upstream is named %q", i, j, name)
			}
			if t.upstreams[u].Enabled && !slices.Contains(compiled.upstreams, u) {
				compiled.upstreams = append(compiled.upstreams, u)
			}
		}
		t.sort(compiled.upstreams)
		t.routes = append(t.routes, compiled)
	}
	slices.SortStableFunc(t.routes, func(a, b route) int { return cmp.Compare(len(b.path), len(a.path)) })
	return nil
}

// checkLoop refuses an upstream that is Millpond itself: each request would come back for ever.
func (t *Table) checkLoop(u settings.Upstream) error {
	base, err := url.Parse(u.URL)
	if err != nil {
		return err
	}
	if port := portOf(base.Scheme, base.Port()); t.own.has(base.Hostname(), port) {
		return fmt.Errorf("%s is Millpond's own address, so requests would go in a circle; name the API's address", u.URL)
	}
	return nil
}

// Match says where a request may go. header returns the first value of a header field by its canonical
// name, "" if absent; nil means no header. The error is an *Error; beside it the match has its Kind.
func (t *Table) Match(method, target string, header func(name string) string) (Match, error) {
	if header == nil {
		header = func(string) string { return "" }
	}
	if target == "*" && method == "OPTIONS" {
		return t.fallback(Match{Target: target})
	}
	if !strings.HasPrefix(target, "/") {
		return t.matchForward(target)
	}
	if name, rest, ok := cutPin(target); ok {
		return t.matchPin(name, target[:len(target)-len(rest)], rest, header)
	}
	kinds := kindsOf(pathOf(target), header)
	m := Match{Target: target, Kind: kindOr(kinds, settings.KindHTTP)}
	for _, r := range t.routes {
		if hasPathPrefix(target, r.path) {
			return t.matchRoute(m, r, kinds)
		}
	}
	return t.matchKind(m, kinds)
}

// cutPin splits "/u/NAME/rest" into NAME and "/rest"; rest may be empty or begin with "?".
func cutPin(target string) (name, rest string, ok bool) {
	after, ok := strings.CutPrefix(target, "/u/")
	if !ok {
		return "", "", false
	}
	if i := strings.IndexAny(after, "/?"); i >= 0 {
		return after[:i], after[i:], true
	}
	return after, "", true
}

// matchPin takes the upstream that the client named. The prefix is cut from the target's bytes.
func (t *Table) matchPin(raw, prefix, rest string, header func(string) string) (Match, error) {
	kinds := kindsOf(pathOf(rest), header)
	m := Match{Target: rest, Prefix: prefix, Pinned: true, Kind: kindOr(kinds, settings.KindHTTP)}
	name := raw
	if decoded, err := url.PathUnescape(raw); err == nil {
		name = decoded
	}
	i, ok := t.byName[name]
	if !ok {
		return m, unknownUpstream(name, t.names)
	}
	if !t.upstreams[i].Enabled {
		return m, disabledUpstream(name, t.names)
	}
	m.Kind = kindOr(kinds, t.upstreams[i].Kind)
	m.Upstreams = t.each[i : i+1]
	return m, nil
}

func (t *Table) matchRoute(m Match, r route, kinds []settings.Kind) (Match, error) {
	m.Idempotent = r.idempotent
	m.Upstreams = r.upstreams
	if len(r.upstreams) == 0 {
		return m, ErrNoUpstream.with("every upstream of the route %s is switched off; enable one, or change the route", r.path)
	}
	m.Kind = kindOr(kinds, t.upstreams[r.upstreams[0]].Kind)
	return m, nil
}

// matchKind takes the upstreams of the first kind that has any.
func (t *Table) matchKind(m Match, kinds []settings.Kind) (Match, error) {
	for _, k := range kinds {
		if len(t.byKind[k]) > 0 {
			m.Upstreams = t.byKind[k]
			return m, nil
		}
	}
	return t.fallback(m)
}

// fallback takes the first enabled upstream.
func (t *Table) fallback(m Match) (Match, error) {
	if len(t.enabled) == 0 {
		return m, ErrNoUpstream
	}
	m.Upstreams = t.enabled[:1]
	if m.Kind == "" || m.Kind == settings.KindHTTP {
		m.Kind = t.upstreams[t.enabled[0]].Kind
	}
	return m, nil
}

// hasPathPrefix reports whether the path of target is prefix or goes on below it. A prefix that ends
// in a slash begins at that slash.
func hasPathPrefix(target, prefix string) bool {
	if !strings.HasPrefix(target, prefix) {
		return false
	}
	rest := target[len(prefix):]
	return rest == "" || rest[0] == '/' || rest[0] == '?' || strings.HasSuffix(prefix, "/")
}

func pathOf(target string) string {
	path, _, _ := strings.Cut(target, "?")
	return path
}
