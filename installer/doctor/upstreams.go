package doctor

import (
	"context"
	"fmt"
	"math"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"millpond/proxy"
	"millpond/proxy/control"
)

// probed is what one upstream answered.
type probed struct {
	name   string
	report *control.ProbeReport // nil when it could not be asked for
	err    error
}

// mostProbes is how many upstreams are asked at a time; mostNamed is how many that answer
// are told one by one.
const (
	mostProbes = 8
	mostNamed  = 6
)

// checkUpstreams asks every upstream that is in use for what costs nothing.
func checkUpstreams(ctx context.Context, v *visit) []Finding {
	names := v.upstreams()
	if len(names) == 0 {
		if s := v.settings(); s == nil || s.Forward.Enabled {
			return nil
		}
		return problem(`Add one with "millpondd upstream add", such as: millpondd upstream add anthropic`, "no upstream is configured and enabled")
	}
	v.probes = make([]probed, len(names))
	var wg sync.WaitGroup
	slots := make(chan struct{}, mostProbes)
	for i, name := range names {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			report, err := v.probe(ctx, name)
			v.probes[i] = probed{name, report, err}
		})
	}
	wg.Wait()
	return judgeProbes(v.probes)
}

// upstreams names those in use: the daemon's, which flags may have brought, or those that
// it would start with.
func (v *visit) upstreams() (names []string) {
	disabled := map[string]bool{}
	s := v.settings()
	if s == nil {
		return nil
	}
	for _, u := range s.Upstreams {
		disabled[u.Name] = !u.Enabled
		if u.Enabled && v.status == nil {
			names = append(names, u.Name)
		}
	}
	if v.status != nil {
		for _, u := range v.status.Stats.Upstreams {
			if !disabled[u.Name] {
				names = append(names, u.Name)
			}
		}
	}
	return names
}

// probe tests one upstream: by the daemon where it runs.
func (v *visit) probe(ctx context.Context, name string) (*control.ProbeReport, error) {
	step := func(p control.ProbeProgress) { v.Progress("upstreams", name+": "+p.Step) }
	if v.status != nil {
		report, err := v.client.ProbeSteps(ctx, control.ProbeRequest{Name: name}, step)
		return &report, err
	}
	s := v.settings()
	for _, u := range s.Upstreams {
		if u.Name == name {
			return proxy.Examine(ctx, s, u, step), nil
		}
	}
	return nil, fmt.Errorf("no upstream is named %q", name)
}

// judgeProbes tells of each upstream that fails or is odd, and sums up those that answer.
func judgeProbes(list []probed) (findings []Finding) {
	var well []string
	for _, p := range list {
		switch {
		case p.err != nil:
			findings = append(findings, problem("Try again.", "%s could not be tested: %v", p.name, p.err)...)
			continue
		case !p.report.OK:
			findings = append(findings, problem(p.report.Advice, "%s fails at %s: %s", p.name, p.report.Failed, p.report.Problem)...)
			continue
		}
		for _, w := range p.report.Warnings {
			findings = append(findings, warn(`See "millpondd upstream test `+p.name+`".`, "%s: %s", p.name, strings.TrimSuffix(w, "."))...)
		}
		took := "?"
		if p.report.FirstByte != nil {
			took = fmt.Sprintf("%.0f", *p.report.FirstByte)
		}
		well = append(well, fmt.Sprintf("%s (%s, %s ms)", p.name, p.report.Protocol, took))
	}
	switch {
	case len(well) > mostNamed:
		findings = append(findings, ok("%d upstreams answer", len(well))...)
	case len(well) > 0:
		findings = append(findings, ok("they answer: %s", strings.Join(well, ", "))...)
	}
	return findings
}

// checkEgress looks whether the proxies that upstreams are reached by are there, and are
// not ourselves.
func checkEgress(ctx context.Context, v *visit) []Finding {
	s := v.settings()
	if s == nil {
		return nil
	}
	var findings []Finding
	seen := map[string]bool{}
	for _, u := range s.Upstreams {
		if !u.Enabled || u.Egress == "" {
			continue
		}
		for _, egress := range v.egressOf(u.Egress) {
			if !seen[egress.Host] {
				seen[egress.Host] = true
				findings = append(findings, v.judgeEgress(ctx, egress)...)
			}
		}
		if u.Egress == "system" && len(v.egressOf(u.Egress)) == 0 {
			findings = append(findings, warn("Set HTTPS_PROXY for the daemon, or name the proxy as the upstream's egress.",
				`%s goes out by the system's proxy, and the environment names none`, u.Name)...)
		}
	}
	if len(findings) == 0 {
		return ok("no upstream goes out by a proxy")
	}
	return findings
}

// egressOf returns the proxies that an egress stands for.
func (v *visit) egressOf(egress string) (list []*url.URL) {
	texts := []string{egress}
	if egress == "system" {
		texts = nil
		for _, name := range []string{"HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"} {
			texts = append(texts, v.getenv(name))
		}
	}
	for _, text := range texts {
		if u, err := url.Parse(text); err == nil && u.Host != "" {
			list = append(list, u)
		}
	}
	return list
}

// egressPorts are those that a proxy has when it names none.
var egressPorts = map[string]string{"http": "80", "https": "443", "socks5": "1080"}

func (v *visit) judgeEgress(ctx context.Context, egress *url.URL) []Finding {
	port := egress.Port()
	if port == "" {
		port = egressPorts[egress.Scheme]
	}
	address := net.JoinHostPort(egress.Hostname(), port)
	if v.status != nil && loopback(v.status.Address) == address {
		return problem("Name another proxy: requests would go round in a circle.", "the egress proxy %s is Millpond itself", address)
	}
	v.Progress("egress", address)
	dialer := net.Dialer{Timeout: reachWait}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return problem("Start the proxy, or correct the upstream's egress.", "the egress proxy %s cannot be reached: %v", address, err)
	}
	if err := conn.Close(); err != nil {
		return problem("Try again.", "the egress proxy %s: %v", address, err)
	}
	return ok("the egress proxy %s can be reached", address)
}

// How far this machine's clock may be off. Signed requests and certificates fail beyond
// the worse one.
const (
	clockOdd   = 30 * time.Second
	clockWrong = 5 * time.Minute
)

// checkClock compares our clock with those of the upstreams.
func checkClock(_ context.Context, v *visit) []Finding {
	best, from := math.Inf(1), ""
	for _, p := range v.probes {
		if p.report == nil || p.report.ClockAhead == nil {
			continue
		}
		if ahead := *p.report.ClockAhead; math.Abs(ahead) < math.Abs(best) {
			best, from = ahead, p.name
		}
	}
	if from == "" {
		return nil // nobody told the time
	}
	return judgeClock(time.Duration(best*float64(time.Second)), from)
}

func judgeClock(ahead time.Duration, from string) []Finding {
	direction, off := "ahead of", ahead
	if ahead < 0 {
		direction, off = "behind", -ahead
	}
	const set = "Let the system set its clock from the network."
	switch {
	case off >= clockWrong:
		return problem(set, "this machine's clock is %v %s that of %s: certificates and keys are refused", off.Round(time.Second), direction, from)
	case off >= clockOdd:
		return warn(set, "this machine's clock is %v %s that of %s", off.Round(time.Second), direction, from)
	}
	return ok("this machine's clock agrees with that of %s", from)
}
