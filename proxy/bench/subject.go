package bench

import (
	"context"
	"fmt"
	"net/url"
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

// startMillpondBefore starts a Millpond with its usual pool, or the settings text of another, before
// one upstream.
func startMillpondBefore(ctx context.Context, o Options, upstream, pool string, roots *certificate) (subject, error) {
	text := fmt.Sprintf("%s\n[[upstreams]]\nname = \"upstream\"\nkind = \"http\"\nurl = %q\n", pool, upstream)
	m, err := startMillpond(ctx, o, text, roots)
	if err != nil {
		return subject{}, err
	}
	return subject{ours, m.address, m.process, m.stop}, nil
}

// startReverse starts one of the two reverse proxies of the standard library.
func startReverse(ctx context.Context, o Options, kind, name, upstream string) (subject, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return subject{}, err
	}
	cmd := o.Child(kind, "--listen", address, "--upstream", upstream)
	cmd.Env = environment(o.Cores)
	p, err := launch(ctx, name, cmd, address, true)
	if err != nil {
		return subject{}, err
	}
	return subject{name, address, p, p.stop}, nil
}

// straight is the upstream itself.
func straight(upstream string) (subject, error) {
	u, err := url.Parse(upstream)
	if err != nil {
		return subject{}, fmt.Errorf("read the upstream's address: %w", err)
	}
	return subject{direct, u.Host, nil, func() {}}, nil
}

// start starts one of the subjects that every machine has, before an upstream.
func start(ctx context.Context, o Options, name, upstream string) (subject, error) {
	switch name {
	case direct:
		return straight(upstream)
	case reverse:
		return startReverse(ctx, o, ReverseTuned, name, upstream)
	}
	text := "[pool]\npreset = \"fan-out\"\n"
	if name == slower {
		text = "fast = false\n\n" + text
	}
	return startMillpondBefore(ctx, o, upstream, text, nil)
}
