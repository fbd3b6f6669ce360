package bench

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// FanoutConfig is how wide a fan-out is. The zero value is the table of the coordinators: 32
// agents that ask 100 questions each, in random order, of 32 workers.
type FanoutConfig struct {
	Agents      int           // each with a name, and in one way with a client, of its own; 0: 32
	Questions   int           // of each caller, one after another; 0: 100, or 3 in a burst
	Workers     int           // 1 to 32, each a host of its own; 0: 32
	Concurrency int           // callers at one time, who take turns to be the agents; 0: one an agent
	Think       time.Duration // how long a worker takes to answer; 0: 5 ms
	RoundTrip   time.Duration // of the variant that is far away; 0: 20 ms
	MaxIdle     int           // unused connections that Millpond keeps; 0: 200, as its preset fan-out, or 20 with Advise
	Advise      bool          // only a Millpond, before and after its own advice was applied
	Variants    []string      // plain, tls, far; nil: all, or plain in a burst
}

// The variants of a fan-out.
const (
	variantPlain = "plain"
	variantTLS   = "tls"
	variantFar   = "far"
)

// fits is the way that the others are compared with.
const fits = "shared client, 200 idle"

// A FanoutRow is one way from agents to workers in one variant and round. Sent is Answered and
// Failed together; Executed counts the questions that reached a worker at all, Repeated those that
// did more than once.
type FanoutRow struct {
	Variant  string  `json:"variant"`
	Way      string  `json:"way"`
	Round    int     `json:"round"`
	Sent     int     `json:"sent"`
	Answered int     `json:"answered"`
	Failed   int     `json:"failed"`
	Executed int     `json:"executed"`
	Repeated int     `json:"repeated"`
	Dials    int     `json:"dials"` // connections that the workers accepted
	Latency  Latency `json:"latency_ms"`
	Slow     int     `json:"over_100_ms"`
	Seconds  float64 `json:"seconds"`
	Error    string  `json:"error,omitempty"` // the first one
}

func (c FanoutConfig) withDefaults(quick bool) FanoutConfig {
	set := func(v *int, usual, quickly int) {
		if *v == 0 && quick {
			*v = quickly
		}
		if *v == 0 {
			*v = usual
		}
	}
	burst := c.Concurrency > 0
	if c.Advise { // which needs something to go by
		set(&c.MaxIdle, 20, 3)
		set(&c.Agents, 32, 8)
		set(&c.Workers, Workers, 8)
		set(&c.Questions, 100, 25)
	}
	set(&c.Agents, 32, 4)
	set(&c.Workers, Workers, 4)
	if burst {
		set(&c.Questions, 3, 2)
	}
	set(&c.Questions, 100, 5)
	if c.Variants == nil && burst {
		c.Variants = []string{variantPlain}
	}
	if c.Variants == nil {
		c.Variants = []string{variantPlain, variantTLS, variantFar}
	}
	c.Concurrency = max(c.Concurrency, 0)
	if !burst {
		c.Concurrency = c.Agents
	}
	if c.Think == 0 {
		c.Think = 5 * time.Millisecond
	}
	if c.RoundTrip == 0 {
		c.RoundTrip = 20 * time.Millisecond
	}
	if c.MaxIdle == 0 {
		c.MaxIdle = 200
	}
	return c
}

// check refuses what cannot be run.
func (c FanoutConfig) check() error {
	for _, v := range c.Variants {
		if v != variantPlain && v != variantTLS && v != variantFar {
			return refuse("there is no variant %q: choose among plain, tls and far", v)
		}
	}
	if c.MaxIdle < 1 || c.MaxIdle > 100_000 {
		return refuse("Millpond keeps 1 to 100000 unused connections here, not %d", c.MaxIdle)
	}
	if c.Workers < 1 || c.Workers > Workers || c.Agents < 1 || c.Questions < 1 {
		return refuse("a fan-out needs agents, questions and 1 to %d workers", Workers)
	}
	if most := 90_000; c.Concurrency*c.Questions > most {
		return refuse("%d requests are too many for one run: at most %d", c.Concurrency*c.Questions, most)
	}
	return nil
}

// Fanout measures how long agents wait that ask many workers at once, by the way in which their
// connections are kept.
func Fanout(ctx context.Context, o Options, c FanoutConfig) (*Report, error) {
	c = c.withDefaults(o.Quick)
	r := begin(o, "fanout", fmt.Sprintf("Fan-out: %d callers x %d questions to %d workers", c.Concurrency, c.Questions, c.Workers))
	// A client of its own opens a connection to each worker that it asks, and both ends are here.
	files := 2 * min(max(c.Questions, 1), Workers)
	if most := (openFiles() - 500) / files; c.Concurrency > c.Agents && c.Concurrency > most {
		r.note(fmt.Sprintf("%d callers were asked for, but this process may have %d files open, and each takes up to %d with %d questions: %d call.",
			c.Concurrency, openFiles(), files, c.Questions, most))
		c.Concurrency = most
		r.Title = fmt.Sprintf("Fan-out: %d callers x %d questions to %d workers", c.Concurrency, c.Questions, c.Workers)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	cert, err := newCertificate()
	if err != nil {
		return nil, err
	}
	f := &fanout{o: o, c: c, cert: cert}
	all := f.ways()
	o.Progress.begin(o.Rounds * len(c.Variants) * len(all) * c.Concurrency * c.Questions)
	for round := range o.Rounds {
		for _, variant := range c.Variants {
			for _, i := range o.order(round, len(all)) {
				if all[i].after {
					continue // follows the one before it
				}
				o.Progress.next(fmt.Sprintf("round %d of %d, %s, %s", round+1, o.Rounds, variant, all[i].name))
				rows, err := f.run(ctx, all[i], variant, round)
				if err != nil {
					return nil, err
				}
				f.rows = append(f.rows, rows...)
			}
		}
	}
	f.describe(r)
	return r.finish(), nil
}

// fanout is one benchmark as it runs.
type fanout struct {
	o    Options
	c    FanoutConfig
	cert *certificate
	rows []FanoutRow
	said []string // what Millpond advised in the first round of each variant
}

// A way is how agents reach workers.
type way struct {
	name  string
	scope string // of the Millpond that it goes through; "": it goes straight
	each  bool   // an own client for each agent
	idle  int    // connections that a client keeps, in all
	per   int    // and for each host
	after bool   // the same Millpond as the one before it, which has applied its advice
}

// ways lists them as the table does.
func (f *fanout) ways() []way {
	list := []way{
		{name: "shared client, 20 idle", idle: 20, per: 20},
		{name: fits, idle: 200, per: 200},
		{name: "client per agent", each: true, idle: 100, per: http.DefaultMaxIdleConnsPerHost},
	}
	if f.c.Advise {
		name := fmt.Sprintf("Millpond, %d idle", f.c.MaxIdle)
		w := way{name: name, scope: "shared", idle: f.c.Concurrency, per: f.c.Concurrency}
		list = append(list[1:2], w)
		w.name, w.after = "  its advice applied", true
		return append(list, w)
	}
	for _, scope := range []string{"shared", "upstream", "caller"} {
		list = append(list, way{name: "Millpond, scope " + scope, scope: scope, idle: f.c.Concurrency, per: f.c.Concurrency})
	}
	return list
}

// run measures one way once, with an upstream and, where it goes through one, a Millpond that
// were started for it alone; with Advise that Millpond twice.
func (f *fanout) run(ctx context.Context, w way, variant string, round int) ([]FanoutRow, error) {
	up := NewUpstream(Config{Words: 40, FirstWord: f.c.Think})
	config := siteConfig{handler: up, workers: f.c.Workers}
	if variant != variantPlain {
		config.tls = f.cert
	}
	if variant == variantFar {
		config.roundTrip = f.c.RoundTrip
	}
	s, err := openSite(ctx, config)
	if err != nil {
		return nil, err
	}
	defer s.close()
	run := fanoutRun{f: f, w: w, variant: variant, round: round, site: s, up: up}
	run.target = func(worker int) string { return fmt.Sprintf("%s/worker-%d/message", s.base(worker), worker+1) }
	if w.scope != "" {
		m, err := startMillpond(ctx, f.o, f.settings(s, w.scope), config.tls)
		if err != nil {
			return nil, err
		}
		defer m.stop()
		run.target = func(worker int) string {
			return fmt.Sprintf("http://%s/u/worker-%d/message", m.address, worker+1)
		}
		run.millpond = m
	}
	run.clients = f.clients(w, config.tls)
	defer func() {
		for _, c := range run.clients {
			c.CloseIdleConnections()
		}
	}()
	rows := []FanoutRow{run.measure(ctx, w.name)}
	if f.c.Advise && w.scope != "" {
		if err := run.takeAdvice(ctx); err != nil {
			return nil, err
		}
		rows = append(rows, run.measure(ctx, "  its advice applied"))
	}
	return rows, ctx.Err()
}

// A fanoutRun is one way while it is measured.
type fanoutRun struct {
	f        *fanout
	w        way
	variant  string
	round    int
	site     *site
	up       *Upstream
	millpond *millpond // nil when it goes straight
	clients  []*http.Client
	target   func(worker int) string
	asked    int // questions so far
}

// measure has all questions asked once.
func (r *fanoutRun) measure(ctx context.Context, name string) FanoutRow {
	row := FanoutRow{Variant: r.variant, Way: name, Round: r.round + 1}
	dials := r.site.dials.Load()
	r.f.askAll(ctx, &row, r.clients, r.target, r.asked)
	row.Dials = int(r.site.dials.Load() - dials)
	for i := range row.Sent {
		n := r.up.Executed(number(r.asked + i))
		row.Executed += min(n, 1)
		row.Repeated += min(max(n-1, 0), 1)
	}
	r.asked += row.Sent
	return row
}

// clients returns those of a way: one, or one for each caller.
func (f *fanout) clients(w way, cert *certificate) []*http.Client {
	n := 1
	if w.each {
		n = max(f.c.Agents, f.c.Concurrency)
	}
	if w.scope != "" {
		cert = nil // TLS is between Millpond and the workers
	}
	var list []*http.Client
	for range n {
		list = append(list, newClient(w.idle, w.per, cert.client(), nil))
	}
	return list
}

// askAll has every caller ask its questions, all callers at one time, and fills in the row. The
// questions are numbered from first on.
func (f *fanout) askAll(ctx context.Context, row *FanoutRow, clients []*http.Client, target func(int) string, first int) {
	c := f.c
	times := make([][]time.Duration, c.Concurrency)
	var answered, failed atomic.Int64
	var failure atomic.Pointer[string]
	body := []byte(`{"message":"What is a millpond? ` + strings.Repeat("Tell me more. ", 24) + `"}`)
	var callers sync.WaitGroup
	began := time.Now()
	for i := range c.Concurrency {
		callers.Go(func() {
			random := f.o.generator(row.Round*1_000_000 + i)
			for n := range c.Questions {
				q := request{method: http.MethodPost, url: target(random.IntN(c.Workers)), body: body,
					id: number(first + i*c.Questions + n), caller: fmt.Sprintf("agent-%d", i%c.Agents+1)}
				_, took, err := ask(ctx, clients[i%len(clients)], q)
				f.o.Progress.add(1)
				if err != nil {
					failed.Add(1)
					text := err.Error()
					failure.CompareAndSwap(nil, &text)
					continue
				}
				answered.Add(1)
				times[i] = append(times[i], took)
			}
		})
	}
	callers.Wait()
	row.Seconds = time.Since(began).Seconds()
	row.Answered, row.Failed = int(answered.Load()), int(failed.Load())
	row.Sent = c.Concurrency * c.Questions
	row.Latency, row.Slow = summarize(slices.Concat(times...))
	if text := failure.Load(); text != nil {
		row.Error = *text
	}
}

// settings writes the settings of a Millpond before the workers of a site.
func (f *fanout) settings(s *site, scope string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[pool]\npreset = \"fan-out\"\nscope = %q\nmax_idle = %d\nmax_idle_per_host = %[2]d\nmax_waiting = %[3]d\nwait_timeout = \"2m\"\n",
		scope, f.c.MaxIdle, max(f.c.Concurrency, 1024))
	for i := range s.addrs {
		fmt.Fprintf(&b, "\n[[upstreams]]\nname = \"worker-%d\"\nkind = \"a2a\"\nurl = \"%s/worker-%d\"\n", i+1, s.base(i), i+1)
	}
	return b.String()
}
