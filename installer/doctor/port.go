package doctor

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"millpond/proxy/listener"
)

// reachWait bounds a question to this machine.
const reachWait = 3 * time.Second

// checkPort looks whether agents reach the proxy, or whether the daemon could listen.
func checkPort(ctx context.Context, v *visit) []Finding {
	if address := v.serving(); address != "" {
		return reach(ctx, address)
	}
	s := v.settings()
	if s == nil {
		return nil
	}
	return free(ctx, s.Listen.Address, s.Listen.Token != "")
}

// reach asks the proxy itself, as an agent would.
func reach(ctx context.Context, address string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, reachWait)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+loopback(address)+"/__millpond__/health", nil)
	if err != nil {
		return problem("Correct listen.address.", "%v", err)
	}
	transport := &http.Transport{Proxy: nil, DisableKeepAlives: true}
	answer, err := transport.RoundTrip(r)
	if err != nil {
		return problem("See whether a firewall or a security program is in between.", "the daemon listens on %s, but a request to it fails: %v", address, err)
	}
	defer answer.Body.Close()
	return ok("the proxy answers on http://%s", loopback(address))
}

// free looks whether the address could be listened on, and who has it if not.
func free(ctx context.Context, address string, hasToken bool) []Finding {
	l, err := listener.Bind(ctx, address, hasToken)
	var refused *listener.BindError
	switch {
	case errors.As(err, &refused):
		return problem(`Stop what is there, or choose another with "millpondd config set listen.address 127.0.0.1:PORT".`, "%v", err)
	case err != nil:
		return problem(`Choose another with "millpondd config set listen.address 127.0.0.1:PORT".`, "%v", err)
	}
	if err := l.Close(); err != nil {
		return problem("Try again.", "%v", err)
	}
	return ok("the address %s is free for the daemon", address)
}

// loopback returns the address at which a daemon that listens everywhere is reached.
func loopback(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
