package bench

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"millpond/proxy/porttest"
)

// Subjects that every machine has. The first is no proxy at all; the last two are this program.
const (
	direct  = "direct"
	ours    = "Millpond"
	slower  = "Millpond over net/http" // with [listen].fast = false
	reverse = "ReverseProxy"
)

// A subject is a proxy before an upstream of its own, or that upstream alone.
type subject struct {
	name    string
	address string   // host:port to send to
	process *process // nil when it is the upstream itself
	stop    func()
}

// An origin is an upstream that a subject is started before.
type origin struct {
	url     string       // without a path
	cert    *certificate // to trust alone; nil: no TLS
	streams bool         // its answers are event streams
}

// host returns where the upstream listens, as host:port.
func (before origin) host() (string, error) {
	u, err := url.Parse(before.url)
	if err != nil {
		return "", fmt.Errorf("read the upstream's address: %w", err)
	}
	return u.Host, nil
}

// widePool is the settings of a pool that lets as many connections be open as are wanted, and keeps
// so many of them idle.
func widePool(idle int) string {
	return fmt.Sprintf("[pool]\npreset = \"custom\"\nmax_connections = 0\nmax_connections_per_host = 0\nmax_idle = %d\nmax_idle_per_host = %[1]d\n", idle)
}

// startMillpondBefore starts a Millpond, which is ours or slower, with these settings of its pool
// before one upstream.
func startMillpondBefore(ctx context.Context, o Options, name string, before origin, pool string) (subject, error) {
	if name == slower {
		pool = "fast = false\n\n" + pool
	}
	text := fmt.Sprintf("%s\n[[upstreams]]\nname = \"upstream\"\nkind = \"http\"\nurl = %q\n", pool, before.url)
	m, err := startMillpond(ctx, o, text, before.cert)
	if err != nil {
		return subject{}, err
	}
	return subject{name, m.address, m.process, m.stop}, nil
}

// startReverse starts one of the two reverse proxies of the standard library.
func startReverse(ctx context.Context, o Options, kind, name string, before origin) (s subject, err error) {
	address, release, err := porttest.Take()
	if err != nil {
		return s, err
	}
	defer release() // it listens by then
	folder, err := os.MkdirTemp("", "millpond")
	if err != nil {
		return s, fmt.Errorf("make a folder for %s: %w", name, err)
	}
	remove := func() { _ = os.RemoveAll(folder) }
	defer func() {
		if err != nil {
			remove()
		}
	}()
	roots, err := before.cert.write(folder)
	if err != nil {
		return s, err
	}
	cmd := o.Child(kind, "--listen", address, "--upstream", before.url, "--roots", roots)
	cmd.Env = append(environment(o.Cores), onlyRoots)
	p, err := launch(ctx, name, cmd, address, true)
	if err != nil {
		return s, err
	}
	return subject{name, address, p, func() { p.stop(); remove() }}, nil
}

// straight is the upstream itself.
func straight(before origin) (subject, error) {
	host, err := before.host()
	return subject{direct, host, nil, func() {}}, err
}

// start starts one of the subjects that every machine has, before an upstream.
func start(ctx context.Context, o Options, name, upstream string) (subject, error) {
	before := origin{url: upstream}
	switch name {
	case direct:
		return straight(before)
	case reverse:
		return startReverse(ctx, o, ReverseTuned, name, before)
	}
	return startMillpondBefore(ctx, o, name, before, "[pool]\npreset = \"fan-out\"\n")
}
