package bench

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of a run against an upstream that is not ours.
const (
	OwnRequests    = 200  // in all, unless asked for more
	ownMost        = 2000 // in all
	ownConcurrency = 32   // at one time
	ownPause       = 20 * time.Millisecond
)

// OwnConfig is a run against the user's upstream. URL is required.
type OwnConfig struct {
	URL         string
	Method      string // GET or HEAD; "": GET, or POST with a Body
	Body        []byte // of a POST, word for word
	Requests    int    // in all rounds and ways together; 0: 200
	Concurrency int    // at one time, at most 32; 0: 8
}

// An OwnRow is one way to the user's upstream in one round. Sent is Answered and Failed together;
// any status is an answer. Dials counts the connections that the client or Millpond opened to it.
type OwnRow struct {
	Way      string         `json:"way"`
	Round    int            `json:"round"`
	Sent     int            `json:"sent"`
	Answered int            `json:"answered"`
	Failed   int            `json:"failed"`
	Statuses map[string]int `json:"statuses"`
	Dials    int            `json:"dials"`
	Latency  Latency        `json:"latency_ms"`
	Error    string         `json:"error,omitempty"`
}

// Check fills in what is left open and refuses what could hurt.
func (c *OwnConfig) Check() error {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return refuse("--url takes an address such as https://api.example.com/v1/models")
	case u.User != nil || u.Fragment != "":
		return refuse("the address may hold no user, no password and no fragment")
	}
	if c.Method == "" {
		c.Method = http.MethodGet
		if c.Body != nil {
			c.Method = http.MethodPost
		}
	}
	if c.Requests == 0 {
		c.Requests = OwnRequests
	}
	if c.Concurrency == 0 {
		c.Concurrency = 8
	}
	switch {
	case c.Body == nil && c.Method != http.MethodGet && c.Method != http.MethodHead:
		return refuse("only GET and HEAD are sent without a body of yours")
	case c.Requests < 8 || c.Requests > ownMost:
		return refuse("between 8 and %d requests are sent to an upstream that is not ours, not %d", ownMost, c.Requests)
	case c.Concurrency < 1 || c.Concurrency > ownConcurrency:
		return refuse("at most %d requests at one time are sent to an upstream that is not ours, not %d", ownConcurrency, c.Concurrency)
	}
	return nil
}

// Plan says what will be sent, for a person to agree to. Check must have passed.
func (c *OwnConfig) Plan() string {
	u, _ := url.Parse(c.URL) // Check has parsed it
	shown := u.Scheme + "://" + u.Host + u.EscapedPath()
	body := "without a body"
	if c.Body != nil {
		body = fmt.Sprintf("with the %d bytes of your file", len(c.Body))
	}
	return fmt.Sprintf("This sends at most %d %s requests %s to %s, at most %d at one time, with a pause of %v after each.", c.Requests, c.Method, body, shown, c.Concurrency, ownPause)
}

// Own measures the ways to an upstream of the user's, within limits: a client that keeps too few
// connections, one that keeps enough, and Millpond.
func Own(ctx context.Context, o Options, c OwnConfig) (*Report, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	u, err := url.Parse(c.URL)
	if err != nil {
		return nil, err
	}
	names := []string{"client, 2 idle", "client, enough idle", ours}
	r := begin(o, "own", "Your upstream "+u.Scheme+"://"+u.Host)
	each := c.Requests / (o.Rounds * len(names)) // rounded down: never more than agreed to
	if each < 1 {
		return nil, refuse("%d requests are too few for %d rounds of %d ways", c.Requests, o.Rounds, len(names))
	}
	o.Progress.begin(each * o.Rounds * len(names))
	var rows []OwnRow
	for round := range o.Rounds {
		for _, i := range o.order(round, len(names)) {
			o.Progress.next(fmt.Sprintf("round %d of %d, %s", round+1, o.Rounds, names[i]))
			row, err := c.run(ctx, o, u, names[i], each)
			if err != nil {
				return nil, err
			}
			row.Round = round + 1
			rows = append(rows, row)
		}
	}
	c.describe(r, o, names, rows)
	return r.finish(), nil
}

// run measures one way once.
func (c OwnConfig) run(ctx context.Context, o Options, u *url.URL, name string, n int) (row OwnRow, err error) {
	row = OwnRow{Way: name, Sent: n, Statuses: map[string]int{}}
	var dials atomic.Int64
	var through *millpond
	idle, target := c.Concurrency, u.String()
	if name == "client, 2 idle" {
		idle = http.DefaultMaxIdleConnsPerHost
	}
	if name == ours {
		text := fmt.Sprintf("[pool]\nprotocol = \"http1\"\n\n[[upstreams]]\nname = \"own\"\nkind = \"http\"\nurl = %q\n", u.Scheme+"://"+u.Host)
		m, err := startMillpond(ctx, o, text, nil)
		if err != nil {
			return row, err
		}
		defer m.stop()
		through = m
		target = "http://" + m.address + "/u/own" + u.RequestURI()
	}
	client := newClient(idle, idle, nil, &dials)
	defer client.CloseIdleConnections()
	c.send(ctx, o, &row, client, target)
	if row.Dials = int(dials.Load()); through != nil {
		if row.Dials, err = through.dials(ctx); err != nil {
			return row, err
		}
	}
	return row, ctx.Err()
}

// send sends the requests of a row, a few at a time.
func (c OwnConfig) send(ctx context.Context, o Options, row *OwnRow, client *http.Client, target string) {
	var left atomic.Int64
	left.Store(int64(row.Sent))
	var mu sync.Mutex // guards times and row
	var times []time.Duration
	var senders sync.WaitGroup
	for range c.Concurrency {
		senders.Go(func() {
			for left.Add(-1) >= 0 {
				status, took, err := ask(ctx, client, request{method: c.Method, url: target, body: c.Body})
				o.Progress.add(1)
				mu.Lock()
				if status == 0 || err != nil && status >= 200 && status <= 299 { // none, or half of one
					row.Failed++
					row.Error = strings.ReplaceAll(err.Error(), target, "the upstream")
				} else {
					row.Answered++
					row.Statuses[number(status)]++
					times = append(times, took)
				}
				mu.Unlock()
				pause(ctx, ownPause)
			}
		})
	}
	senders.Wait()
	row.Latency, _ = summarize(times)
}

// describe fills in the report.
func (c OwnConfig) describe(r *Report, o Options, names []string, rows []OwnRow) {
	o.describe(r)
	r.set("method", c.Method)
	r.set("requests at most", number(c.Requests))
	r.set("at one time", number(c.Concurrency))
	r.Result = rows
	t := Table{Title: "Milliseconds, medians over the rounds", Columns: []string{"way", "average ms", "p50", "p99", "max", "dials", "failed", "statuses"}}
	chart := Chart{Title: "Average time to an answer", Unit: "ms"}
	for _, name := range names {
		of := func(figure func(OwnRow) float64) []float64 {
			return pick(rows, func(row OwnRow) bool { return row.Way == name }, figure)
		}
		mid := func(figure func(OwnRow) float64) string { return short(spread(of(figure)).Median) }
		s := spread(of(func(row OwnRow) float64 { return row.Latency.Average }))
		t.Rows = append(t.Rows, []string{name, short(s.Median),
			mid(func(row OwnRow) float64 { return row.Latency.P50 }), mid(func(row OwnRow) float64 { return row.Latency.P99 }),
			mid(func(row OwnRow) float64 { return row.Latency.Max }),
			places(spread(of(func(row OwnRow) float64 { return float64(row.Dials) })).Median, 0),
			places(sum(of(func(row OwnRow) float64 { return float64(row.Failed) })), 0), statuses(rows, name)})
		chart.Bars = append(chart.Bars, Bar{Label: name, Low: s.Min, Mid: s.Median, High: s.Max, Ours: name == ours})
	}
	r.Tables, r.Charts = []Table{t}, []Chart{chart}
	r.note("Any answer counts as one, whatever its status. So few requests say little about percentiles; dials and averages are what to look at.")
}

// statuses lists which ones a way got, over all rounds.
func statuses(rows []OwnRow, name string) string {
	total := map[string]int{}
	for _, row := range rows {
		if row.Way == name {
			for status, n := range row.Statuses {
				total[status] += n
			}
		}
	}
	var list []string
	for status, n := range total {
		list = append(list, fmt.Sprintf("%s x %d", status, n))
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}
