package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// StaleConfig is how the race with an upstream that closes idle connections is run. The zero value
// is an upstream 20 ms away that closes after 300 ms, and 32 callers who ask 40 times, about then
// or sooner.
type StaleConfig struct {
	Idle      time.Duration // after which the upstream closes; 0: 300 ms
	Spread    time.Duration // half of the pauses lie so far around Idle, both ways; 0: 30 ms
	Callers   int           // who ask at the same time; 0: 32
	Questions int           // of each caller; 0: 40
	RoundTrip time.Duration // 0: 20 ms
}

// A StaleRow is one subject in one round. Sent is Answered and Failed together; FailedRan are those
// of the failed that the upstream had executed, FailedLate those of the round's second half,
// Repeated those that it executed more than once.
type StaleRow struct {
	Way        string  `json:"way"`
	Round      int     `json:"round"`
	Sent       int     `json:"sent"`
	Answered   int     `json:"answered"`
	Failed     int     `json:"failed"`
	FailedRan  int     `json:"failed_though_executed"`
	FailedLate int     `json:"failed_in_second_half"` // of the round, when what can be learned of the upstream was
	Executed   int     `json:"executed"`
	Repeated   int     `json:"repeated"`
	Dials      int     `json:"dials"`
	Reused     float64 `json:"reused"` // share of the executed that needed no new connection
	Error      string  `json:"error,omitempty"`
	Latency    Latency `json:"latency_ms"`
}

func (c StaleConfig) withDefaults(quick bool) StaleConfig {
	set := func(v *time.Duration, usual time.Duration) {
		if *v == 0 {
			*v = usual
		}
	}
	set(&c.Idle, 300*time.Millisecond)
	set(&c.Spread, 30*time.Millisecond)
	set(&c.RoundTrip, 20*time.Millisecond)
	if c.Callers == 0 {
		c.Callers = 32
		if quick {
			c.Callers = 4
		}
	}
	if c.Questions == 0 {
		c.Questions = 40
		if quick {
			c.Questions = 4
		}
	}
	return c
}

func (c StaleConfig) check() error {
	switch {
	case c.Idle < 10*time.Millisecond || c.Idle > time.Minute:
		return refuse("the upstream closes after 10ms to 1m, not %v", c.Idle)
	case c.Spread < 0 || c.RoundTrip < 0 || c.Spread+c.RoundTrip >= c.Idle:
		return refuse("spread and round trip, %v, must be less than the %v after which the upstream closes", c.Spread+c.RoundTrip, c.Idle)
	case c.Callers < 1 || c.Callers > 1000 || c.Questions < 1 || c.Callers*c.Questions > 90_000:
		return refuse("there are 1 to 1000 callers and at most 90000 questions in all")
	}
	return nil
}

// Stale measures what becomes of requests that meet the moment in which the upstream closes an
// idle connection. All subjects run at the same time, since they do next to nothing.
func Stale(ctx context.Context, o Options, c StaleConfig) (*Report, error) {
	c = c.withDefaults(o.Quick)
	if err := c.check(); err != nil {
		return nil, err
	}
	r := begin(o, "stale", fmt.Sprintf("The idle-close race: %d callers of an upstream that closes after %v", c.Callers, c.Idle))
	names := []string{direct, reverse, ours}
	o.Progress.begin(o.Rounds * len(names) * c.Callers * c.Questions)
	var rows []StaleRow
	for round := range o.Rounds {
		o.Progress.next(fmt.Sprintf("round %d of %d", round+1, o.Rounds))
		found := make([]StaleRow, len(names))
		errs := make([]error, len(names))
		var all sync.WaitGroup
		for i, name := range names {
			all.Go(func() { found[i], errs[i] = c.race(ctx, o, name, round) })
		}
		all.Wait()
		for _, err := range errs {
			if err != nil {
				return nil, err
			}
		}
		rows = append(rows, found...)
	}
	c.describe(r, o, names, rows)
	return r.finish(), nil
}

// race runs one subject once.
func (c StaleConfig) race(ctx context.Context, o Options, name string, round int) (row StaleRow, err error) {
	row = StaleRow{Way: name, Round: round + 1}
	up := NewUpstream(Config{Words: 40})
	s, err := openSite(ctx, siteConfig{handler: up, workers: 1, roundTrip: c.RoundTrip, idle: c.Idle})
	if err != nil {
		return row, err
	}
	defer s.close()
	sub, err := start(ctx, o, name, s.base(0))
	if err != nil {
		return row, err
	}
	defer sub.stop()
	client := newClient(c.Callers, c.Callers, nil, nil)
	defer client.CloseIdleConnections()
	failed := c.callAll(ctx, o, &row, client, "http://"+sub.address+"/worker-1/message")
	for i := range row.Sent {
		n := up.Executed(number(i))
		row.Executed += min(n, 1)
		row.Repeated += min(max(n-1, 0), 1)
		if n > 0 && failed[i] {
			row.FailedRan++
		}
		if failed[i] && i >= row.Sent/2 {
			row.FailedLate++
		}
	}
	row.Dials = int(s.dials.Load())
	if row.Executed > 0 {
		row.Reused = max(0, 1-float64(row.Dials)/float64(row.Executed))
	}
	return row, ctx.Err()
}

// callAll has all callers ask at once, pause about as long as the upstream waits, and ask again. It
// reports which questions failed.
func (c StaleConfig) callAll(ctx context.Context, o Options, row *StaleRow, client *http.Client, url string) (failed []bool) {
	row.Sent = c.Callers * c.Questions
	failed = make([]bool, row.Sent)
	times := make([]time.Duration, row.Sent)
	var first atomic.Pointer[string]
	random := o.generator(row.Round)
	for n := range c.Questions {
		var callers sync.WaitGroup
		for i := range c.Callers {
			late := time.Duration(random.Int64N(int64(5 * time.Millisecond)))
			callers.Go(func() {
				pause(ctx, late)
				id := n*c.Callers + i
				_, took, err := ask(ctx, client, request{method: http.MethodPost, url: url, body: []byte(`{"message":"Are you there?"}`), id: number(id)})
				o.Progress.add(1)
				times[id] = took
				if err != nil {
					failed[id] = true
					text := err.Error()
					first.CompareAndSwap(nil, &text)
				}
			})
		}
		callers.Wait()
		pause(ctx, c.gap(random))
	}
	var answered []time.Duration
	for id, took := range times {
		if failed[id] {
			row.Failed++
			continue
		}
		answered = append(answered, took)
	}
	row.Answered = len(answered)
	row.Latency, _ = summarize(answered)
	if text := first.Load(); text != nil {
		row.Error = *text
	}
	return failed
}

// gap returns how long all callers pause: every other time about as long as the upstream waits,
// which sees a round trip more than they pause, and else so much less that nothing speaks against
// using a connection again.
func (c StaleConfig) gap(random *rand.Rand) time.Duration {
	if random.IntN(2) == 0 {
		return c.Idle/10 + time.Duration(random.Int64N(int64(c.Idle/2)))
	}
	return c.Idle - c.RoundTrip - c.Spread + time.Duration(random.Int64N(int64(2*c.Spread)+1))
}

// pause waits for d, but not longer than ctx.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// describe fills in the report.
func (c StaleConfig) describe(r *Report, o Options, names []string, rows []StaleRow) {
	o.describe(r)
	r.set("upstream closes after", c.Idle.String())
	r.set("connections idle for", fmt.Sprintf("%v to %v, or %v to %v", c.Idle-c.Spread, c.Idle+c.Spread, c.Idle/10, c.Idle*6/10))
	r.set("callers", number(c.Callers))
	r.set("questions each", number(c.Questions))
	r.set("round trip", c.RoundTrip.String())
	r.Result = rows
	t := Table{Title: "POST requests, all rounds together", Columns: []string{"way", "sent", "failed", "failed in % (rounds)", "failed in second half", "failed though executed", "executed twice", "dials", "reused"}}
	chart := Chart{Title: "Requests that failed", Unit: "%"}
	for _, name := range names {
		sum := StaleRow{}
		for _, row := range rows {
			if row.Way == name {
				sum.Sent, sum.Failed, sum.FailedRan = sum.Sent+row.Sent, sum.Failed+row.Failed, sum.FailedRan+row.FailedRan
				sum.FailedLate += row.FailedLate
				sum.Repeated, sum.Dials, sum.Executed = sum.Repeated+row.Repeated, sum.Dials+row.Dials, sum.Executed+row.Executed
			}
		}
		share := spread(pick(rows, func(row StaleRow) bool { return row.Way == name }, func(row StaleRow) float64 { return 100 * float64(row.Failed) / float64(row.Sent) }))
		t.Rows = append(t.Rows, []string{name, number(sum.Sent), number(sum.Failed), fmt.Sprintf("%s to %s", short(share.Min), short(share.Max)),
			number(sum.FailedLate), number(sum.FailedRan), number(sum.Repeated), number(sum.Dials), places(100*max(0, 1-float64(sum.Dials)/float64(max(sum.Executed, 1))), 1) + " %"})
		chart.Bars = append(chart.Bars, Bar{Label: name, Low: share.Min, Mid: share.Median, High: share.Max, Ours: name == ours})
	}
	r.Tables, r.Charts = []Table{t}, []Chart{chart}
	r.note("Callers ask all at once, so that every connection has been idle as long as the pause: every other time about as long as the upstream waits, else much less, when using it again is right. A failed request that was executed cannot be told from one that was not: to send a POST again would run some twice.")
	r.note("\"direct\" is Go's client, \"ReverseProxy\" the standard library's with enough idle connections, both with Go's own retries. Millpond starts each round knowing nothing of this upstream: until it has seen a connection close while nothing ran on it, a pause that ends in the moment of the close costs the requests of all callers at once. The second half of a round shows what it loses when it knows. It keeps a fifth of the age and a round trip apart from the close, which is 80 ms here; a machine so busy that programs wait longer than that for a processor loses some all the same.")
}
