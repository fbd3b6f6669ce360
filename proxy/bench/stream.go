package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// StreamConfig is how many event streams run at one time. The zero value is 500 streams of 20
// events, one every 100 ms.
type StreamConfig struct {
	Streams int           // 0: 500
	Events  int           // in each; 0: 20
	Every   time.Duration // between two events; 0: 100 ms
}

// A StreamRow is one subject in one round. Sent is Answered and Failed together; a stream that
// lacks an event has failed. Delays run from the upstream's write to the client's read.
type StreamRow struct {
	Way       string   `json:"way"`
	Round     int      `json:"round"`
	Sent      int      `json:"sent"`
	Answered  int      `json:"answered"`
	Failed    int      `json:"failed"`
	Executed  int      `json:"executed"` // streams that the upstream began
	Events    int      `json:"events"`
	FirstByte Latency  `json:"first_byte_ms"`
	Delay     Latency  `json:"event_delay_ms"`
	PerStream *float64 `json:"memory_per_stream_bytes"` // of the proxy; null where it cannot be measured
	Error     string   `json:"error,omitempty"`
}

func (c StreamConfig) withDefaults(quick bool) StreamConfig {
	if c.Streams == 0 {
		c.Streams = 500
		if quick {
			c.Streams = 8
		}
	}
	if c.Events == 0 {
		c.Events = 20
		if quick {
			c.Events = 4
		}
	}
	if c.Every == 0 {
		c.Every = 100 * time.Millisecond
		if quick {
			c.Every = 20 * time.Millisecond
		}
	}
	return c
}

func (c StreamConfig) check() error {
	if most := min((openFiles()-500)/2, 20_000); c.Streams < 1 || c.Streams > most {
		return refuse("there are 1 to %d streams, as this process may have %d files open", most, openFiles())
	}
	if c.Events < 2 || c.Events > 10_000 || c.Every < time.Millisecond || time.Duration(c.Events)*c.Every > time.Minute {
		return refuse("a stream has 2 to 10000 events and takes at most a minute")
	}
	return nil
}

// Stream measures what a proxy adds to concurrent event streams.
func Stream(ctx context.Context, o Options, c StreamConfig) (*Report, error) {
	c = c.withDefaults(o.Quick)
	if err := c.check(); err != nil {
		return nil, err
	}
	r := begin(o, "stream", fmt.Sprintf("%d event streams at one time, %d events each, one every %v", c.Streams, c.Events, c.Every))
	names := []string{direct, reverse, ours}
	o.Progress.begin(o.Rounds * len(names) * c.Streams)
	var rows []StreamRow
	for round := range o.Rounds {
		for _, i := range o.order(round, len(names)) {
			o.Progress.next(fmt.Sprintf("round %d of %d, %s", round+1, o.Rounds, names[i]))
			row, err := c.run(ctx, o, names[i], round)
			if err != nil {
				return nil, err
			}
			rows = append(rows, row)
		}
	}
	c.describe(r, o, names, rows)
	return r.finish(), nil
}

// run measures one subject once.
func (c StreamConfig) run(ctx context.Context, o Options, name string, round int) (row StreamRow, err error) {
	row = StreamRow{Way: name, Round: round + 1, Sent: c.Streams}
	source := &source{StreamConfig: c, epoch: time.Now()}
	s, err := openSite(ctx, siteConfig{handler: source, workers: 1})
	if err != nil {
		return row, err
	}
	defer s.close()
	var sub subject
	if name == ours {
		sub, err = startMillpondBefore(ctx, o, ours, origin{url: s.base(0)}, widePool(c.Streams))
	} else {
		sub, err = start(ctx, o, name, s.base(0))
	}
	if err != nil {
		return row, err
	}
	defer sub.stop()
	client := newClient(c.Streams, c.Streams, nil, nil)
	defer client.CloseIdleConnections()
	url := "http://" + sub.address + "/"
	if _, _, err := ask(ctx, client, request{method: http.MethodGet, url: url + "once"}); err != nil {
		return row, fmt.Errorf("ask %s for the first time: %w", name, err)
	}
	var before int64
	weighed := sub.process != nil && measurable
	if weighed {
		if _, before, err = usage(sub.process.pid()); err != nil {
			return row, err
		}
	}
	if err := c.readAll(ctx, o.Progress, 1, &row, client, url, source, func() error {
		if !weighed {
			return nil
		}
		_, during, err := usage(sub.process.pid())
		each := float64(during-before) / float64(c.Streams)
		row.PerStream = &each
		return err
	}); err != nil {
		return row, err
	}
	row.Executed = int(source.begun.Load())
	return row, ctx.Err()
}

// A sink collects what the readers of streams see.
type sink struct {
	mu     sync.Mutex // guards what follows
	first  []time.Duration
	delays []time.Duration
	failed int
	err    string
}

// readAll reads all streams at one time, and calls begun when all have.
func (c StreamConfig) readAll(ctx context.Context, p *Progress, step int, row *StreamRow, client *http.Client, url string, from *source, begun func() error) error {
	var all sink
	var waiting, readers sync.WaitGroup
	waiting.Add(c.Streams)
	for range c.Streams {
		readers.Go(func() {
			once := sync.OnceFunc(waiting.Done)
			first, delays, err := from.follow(ctx, client, url, once)
			once() // one that failed shall not be waited for
			p.add(step)
			all.take(first, delays, err)
		})
	}
	waiting.Wait()
	err := begun()
	readers.Wait()
	row.Answered, row.Failed, row.Events, row.Error = len(all.first), all.failed, len(all.delays), all.err
	row.FirstByte, _ = summarize(all.first)
	row.Delay, _ = summarize(all.delays)
	return err
}

// take adds what was seen of one stream.
func (s *sink) take(first time.Duration, delays []time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.failed++
		s.err = err.Error()
		return
	}
	s.first, s.delays = append(s.first, first), append(s.delays, delays...)
}

// A source streams events that say when they were written, by a clock that its readers share. An
// event is about as long as one of a model's that brings a word.
type source struct {
	StreamConfig
	epoch time.Time
	begun atomic.Int64
	hold  chan struct{} // every stream waits after its first event until this is closed; nil: none does
}

// eventText is what every event ends in.
const eventText = ` {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" millpond"}}`

// ServeHTTP streams, or at /once answers with a word.
func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/once" {
		_, _ = w.Write([]byte("here"))
		return
	}
	s.begun.Add(1)
	e := startEvents(w)
	tick := time.NewTicker(s.Every)
	defer tick.Stop()
	for i := range s.Events {
		if e.raw("", fmt.Sprintf("%d %d%s", i, time.Since(s.epoch), eventText)) != nil {
			return
		}
		if i == 0 && s.hold != nil {
			select {
			case <-r.Context().Done():
				return
			case <-s.hold:
			}
			continue
		}
		select {
		case <-r.Context().Done():
			return
		case <-tick.C:
		}
	}
}

// read returns when the event numbered i was written, which must be text.
func (s *source) read(text string, i int) (time.Duration, error) {
	numbers, whole := strings.CutSuffix(text, eventText)
	n, at, _ := strings.Cut(numbers, " ")
	sent, err := strconv.ParseInt(at, 10, 64)
	if err != nil || !whole || n != number(i) {
		return 0, fmt.Errorf("event %d is not as it was written: %q", i, text)
	}
	return time.Duration(sent), nil
}

// follow reads one stream to its end. It calls begun at the first event.
func (s *source) follow(ctx context.Context, client *http.Client, url string, begun func()) (first time.Duration, delays []time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, patienceOf)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, nil, err
	}
	started := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return 0, nil, fmt.Errorf("%w: %s", errStatus, resp.Status)
	}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		text, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		sent, err := s.read(text, len(delays))
		if err != nil {
			return 0, nil, err
		}
		if len(delays) == 0 {
			first = time.Since(started)
			begun()
		}
		delays = append(delays, time.Since(s.epoch)-sent)
	}
	if err := lines.Err(); err != nil {
		return 0, nil, err
	}
	if len(delays) != s.Events {
		return 0, nil, errors.New("the stream ended early")
	}
	return first, delays, nil
}

// describe fills in the report.
func (c StreamConfig) describe(r *Report, o Options, names []string, rows []StreamRow) {
	o.describe(r)
	r.set("streams", number(c.Streams))
	r.set("events each", number(c.Events))
	r.set("an event every", c.Every.String())
	r.Result = rows
	of := func(name string, figure func(StreamRow) float64) []float64 {
		ordered := slices.SortedFunc(slices.Values(rows), func(a, b StreamRow) int { return a.Round - b.Round })
		return pick(ordered, func(row StreamRow) bool { return row.Way == name }, figure)
	}
	first := func(row StreamRow) float64 { return row.FirstByte.P50 }
	delay := func(row StreamRow) float64 { return row.Delay.P50 }
	late := func(row StreamRow) float64 { return row.Delay.P99 }
	t := Table{Title: "Milliseconds, medians over the rounds", Columns: []string{"way", "first byte p50", "added", "event delay p50", "added", "p99", "memory per stream", "failed"}}
	chart := Chart{Title: "Delay of an event, upstream to client, p50", Unit: "ms"}
	for _, name := range names {
		memory := "-"
		if list := of(name, func(row StreamRow) float64 { return weight(row.PerStream) }); measurable && name != direct {
			memory = short(spread(list).Median/1024) + " KB"
		}
		s := spread(of(name, delay))
		t.Rows = append(t.Rows, []string{name, short(spread(of(name, first)).Median), added(of(name, first), of(direct, first)),
			short(s.Median), added(of(name, delay), of(direct, delay)), short(spread(of(name, late)).Median), memory,
			places(sum(of(name, func(row StreamRow) float64 { return float64(row.Failed) })), 0)})
		chart.Bars = append(chart.Bars, Bar{Label: name, Low: s.Min, Mid: s.Median, High: s.Max, Ours: name == ours})
	}
	r.Tables, r.Charts = []Table{t}, []Chart{chart}
	r.note("Upstream and clients are this process and share a clock and the cores with the proxy; all streams begin at once, so the first byte of each waits for the others' connections. \"added\" is against direct in the same round: median (smallest to largest).")
	if measurable {
		r.note("Memory is what the proxy process has resident when every stream has begun, less what it had after one request, divided by the streams.")
	} else {
		r.note("The memory of another process is measured on Linux only.")
	}
}

// added shows by how much values exceed those of the same rounds directly.
func added(values, by []float64) string {
	var list []float64
	for i := range min(len(values), len(by)) {
		list = append(list, values[i]-by[i])
	}
	s := spread(list)
	return fmt.Sprintf("%s (%s to %s)", places(s.Median, 2), places(s.Min, 2), places(s.Max, 2))
}

func sum(values []float64) (total float64) {
	for _, v := range values {
		total += v
	}
	return total
}

func weight(v *float64) float64 {
	if v == nil {
		return 0
	}
	return *v
}
