package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// CompareConfig is the load that proxies are compared under. The zero value is every shape with
// 3000 POST requests of 400 bytes, answered with 600, or as many chunks, over 32 connections, and in
// shape requests also over 1000 and over 1. Many short rounds tell more than a few long ones: what
// else the machine does changes from second to second, and how nginx spreads connections over its
// workers with each round.
type CompareConfig struct {
	Connections []int    // from the load to the proxy, each with one request at a time; shapes but requests use the first; nil: 32, 1000, 1
	Requests    int      // in each round, but at least 10 for each connection; a fifth in shape reconnect; about as many chunks in shape stream; 0: 3000
	Chunks      int      // of each stream in shape stream; 0: 120
	Streams     int      // that wait in shape memory; 0: 1000
	Shapes      []string // of Shapes(); nil: all
	Only        []string // names of proxies; Millpond is always compared; nil: all that are installed
	To          string   // the name of the proxy that ratios are to; "": Millpond

	settle time.Duration // how long streams wait before they are weighed
}

// A CompareRow is one proxy in one shape and round. Sent is Answered and Failed together.
type CompareRow struct {
	Shape       string   `json:"shape"`
	Connections int      `json:"connections"`
	Proxy       string   `json:"proxy"`
	Version     string   `json:"version,omitempty"`
	Round       int      `json:"round"`
	Sent        int      `json:"sent"`
	Answered    int      `json:"answered"`
	Failed      int      `json:"failed"`
	Executed    int      `json:"executed"` // requests that reached the upstream
	PerSecond   float64  `json:"requests_per_second"`
	CPU         *float64 `json:"cpu_seconds_per_10000"`             // requests, or chunks in shape stream; user and system, of the proxy with its children; null: not measured
	Memory      *int64   `json:"memory_bytes"`                      // resident after the round; in shape memory while the streams wait
	PerStream   *float64 `json:"memory_per_stream_bytes,omitempty"` // that it grew by for each stream that waits
	Dials       int      `json:"dials"`                             // upstream connections opened in the round
	Latency     Latency  `json:"latency_ms"`                        // of an answer; in shape stream of a chunk, from the upstream's write to the client's read
	FirstError  string   `json:"error,omitempty"`
}

func (c CompareConfig) withDefaults(quick bool) CompareConfig {
	set := func(v *int, usual, quickly int) {
		if *v == 0 && quick {
			*v = quickly
		}
		if *v == 0 {
			*v = usual
		}
	}
	if len(c.Connections) == 0 {
		c.Connections = []int{32, min(1000, mostConnections()), 1}
		if quick {
			c.Connections = []int{4}
		}
	}
	set(&c.Requests, 3000, 100)
	set(&c.Chunks, 120, 12)
	set(&c.Streams, min(1000, mostConnections()), 8)
	if len(c.Shapes) == 0 {
		c.Shapes = Shapes()
	}
	if c.To == "" {
		c.To = ours
	}
	if c.settle = time.Second; quick {
		c.settle = 10 * time.Millisecond
	}
	return c
}

// mostConnections is to how many proxies the files of this process are enough.
func mostConnections() int { return min((openFiles()-500)/2, 10_000) }

func (c CompareConfig) check() error {
	for _, name := range c.Shapes {
		if !slices.Contains(Shapes(), name) {
			return refuse("there is no shape %q: choose among %s", name, strings.Join(Shapes(), ", "))
		}
	}
	for _, name := range append(c.Only, c.To) {
		if !slices.ContainsFunc(Proxies(), func(known string) bool { return strings.EqualFold(known, name) }) {
			return refuse("there is no proxy %q to compare with: choose among %s", name, strings.Join(Proxies(), ", "))
		}
	}
	for _, n := range append([]int{c.Streams}, c.Connections...) {
		if most := mostConnections(); n < 1 || n > most {
			return refuse("there are 1 to %d connections or streams, as this process may have %d files open", most, openFiles())
		}
	}
	if c.Requests < 1 || c.Requests > 10_000_000 {
		return refuse("a round has 1 to 10000000 requests")
	}
	if c.Chunks < 2 || c.Chunks > 10_000 {
		return refuse("a stream has 2 to 10000 chunks")
	}
	return nil
}

// A contestant is a proxy under comparison, before an upstream of its own.
type contestant struct {
	rival
	subject
	answers *constant // what the upstream serves; nil in a shape of streams
	source  *source   // the same; nil in the others
	site    *site
}

// leave ends a contestant and its upstream.
func (one *contestant) leave() {
	one.stop()
	one.site.close()
}

// executed returns how many requests its upstream got.
func (one *contestant) executed() int64 {
	if one.source != nil {
		return one.source.begun.Load()
	}
	return one.answers.requests.Load()
}

// Compare measures Millpond beside other proxies, in one shape after the other.
func Compare(ctx context.Context, o Options, c CompareConfig) (*Report, error) {
	c = c.withDefaults(o.Quick)
	if err := c.check(); err != nil {
		return nil, err
	}
	r := begin(o, "compare", "Proxies compared: "+strings.Join(c.Shapes, ", "))
	list, absent := installed(c.Only)
	if s := c.shapes(); !s[0].everyone {
		list = s[0].fit(list)
	}
	at := slices.IndexFunc(list, func(one rival) bool { return strings.EqualFold(one.name, c.To) })
	if at < 0 {
		return nil, refuse("there are no ratios to %s: it is not installed, not among --only, or not compared in these shapes", c.To)
	}
	c.To = list[at].name
	cert, err := newCertificate()
	if err != nil {
		return nil, err
	}
	work := 0
	for _, s := range c.shapes() {
		work += (o.Rounds + 1) * len(s.fit(list)) * s.requests * s.step()
	}
	o.Progress.begin(work)
	var rows []CompareRow
	for _, s := range c.shapes() {
		found, err := s.compare(ctx, o, cert, s.fit(list), r)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	c.describe(r, o, list, absent, rows)
	return r.finish(), nil
}

// compare has all contestants take turns in one shape: all are started first.
func (s shape) compare(ctx context.Context, o Options, cert *certificate, list []rival, r *Report) (rows []CompareRow, err error) {
	all, err := s.enterAll(ctx, o, cert, list, r)
	defer func() {
		for _, one := range all {
			one.leave()
		}
	}()
	if err != nil {
		return nil, err
	}
	for round := -1; round < o.Rounds; round++ { // the first only warms up
		for _, i := range o.order(round, len(all)) {
			turn := fmt.Sprintf("round %d of %d", round+1, o.Rounds)
			if round < 0 {
				turn = "warming up"
			}
			o.Progress.next(s.title() + ", " + turn + ", " + all[i].rival.name)
			if s.name == shapeMemory { // what one has kept from the round before would not be seen to grow
				fresh, err := s.enter(ctx, o, cert, all[i].rival)
				if err != nil {
					return nil, err
				}
				all[i].leave()
				all[i] = fresh
			}
			row, err := s.run(ctx, o, all[i], round)
			if err != nil {
				return nil, err
			}
			if round >= 0 {
				rows = append(rows, row)
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b CompareRow) int { return a.Round - b.Round })
	return rows, nil
}

// fit returns the rivals that are compared in a shape.
func (s shape) fit(list []rival) []rival {
	return slices.DeleteFunc(slices.Clone(list), func(r rival) bool { return r.onlyFirst && !s.everyone })
}

// enterAll starts the contestants, each with an upstream of its own. An installed proxy that
// does not start, since another version wants other settings, is left out, and the report
// says so.
func (s shape) enterAll(ctx context.Context, o Options, cert *certificate, list []rival, r *Report) (all []*contestant, err error) {
	for _, rival := range list {
		one, err := s.enter(ctx, o, cert, rival)
		switch {
		case err == nil:
			all = append(all, one)
		case rival.program == "" || ctx.Err() != nil:
			return all, err
		default:
			r.note(fmt.Sprintf("%s: %s is left out, because it does not start: %v", s.title(), rival.name, err))
		}
	}
	return all, nil
}

// enter starts a contestant and its upstream.
func (s shape) enter(ctx context.Context, o Options, cert *certificate, rival rival) (*contestant, error) {
	config, answers, source := s.site(cert)
	site, err := openSite(ctx, config)
	if err != nil {
		return nil, err
	}
	sub, err := rival.start(ctx, o, origin{url: site.base(0), cert: config.tls, streams: source != nil})
	if err != nil {
		site.close()
		return nil, err
	}
	return &contestant{rival, sub, answers, source, site}, nil
}

// constant answers everything with 600 bytes, and counts.
type constant struct{ requests atomic.Int64 }

func (u *constant) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.requests.Add(1)
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, answer600)
}

var answer600 = `{"message":"` + strings.Repeat("x", 600-len(`{"message":""}`)) + `"}`
