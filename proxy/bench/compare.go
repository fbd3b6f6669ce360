package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// CompareConfig is the load that proxies are compared under. The zero value is 10,000 POST
// requests of 400 bytes, answered with 600, over 32 connections.
type CompareConfig struct {
	Connections int // from the load to the proxy, each with one request at a time; 0: 32
	Requests    int // in each round; 0: 10,000
	Only        []string
}

// A CompareRow is one proxy in one round. Sent is Answered and Failed together.
type CompareRow struct {
	Proxy      string   `json:"proxy"`
	Version    string   `json:"version,omitempty"`
	Round      int      `json:"round"`
	Sent       int      `json:"sent"`
	Answered   int      `json:"answered"`
	Failed     int      `json:"failed"`
	Executed   int      `json:"executed"` // requests that reached the upstream
	PerSecond  float64  `json:"requests_per_second"`
	CPU        *float64 `json:"cpu_seconds_per_10000"` // user and system, of the proxy with its children; null: not measured
	Memory     *int64   `json:"memory_bytes"`          // resident after the round
	Dials      int      `json:"dials"`                 // upstream connections opened in the round
	Latency    Latency  `json:"latency_ms"`
	FirstError string   `json:"error,omitempty"`
}

func (c CompareConfig) withDefaults(quick bool) CompareConfig {
	if c.Connections == 0 {
		c.Connections = 32
		if quick {
			c.Connections = 4
		}
	}
	if c.Requests == 0 {
		c.Requests = 10_000
		if quick {
			c.Requests = 100
		}
	}
	return c
}

func (c CompareConfig) check() error {
	if most := min((openFiles()-500)/2, 10_000); c.Connections < 1 || c.Connections > most {
		return refuse("there are 1 to %d connections, as this process may have %d files open", most, openFiles())
	}
	if c.Requests < c.Connections || c.Requests > 10_000_000 {
		return refuse("a round has at least as many requests as connections, and at most 10000000")
	}
	return nil
}

// A contestant is a proxy under comparison, before an upstream of its own.
type contestant struct {
	rival
	subject
	upstream *constant
	site     *site
}

// Compare measures Millpond beside other proxies: all are started first, and take turns.
func Compare(ctx context.Context, o Options, c CompareConfig) (*Report, error) {
	c = c.withDefaults(o.Quick)
	if err := c.check(); err != nil {
		return nil, err
	}
	r := begin(o, "compare", fmt.Sprintf("Proxies compared: %d POST requests over %d connections in each round", c.Requests, c.Connections))
	list, absent := installed(c.Only)
	if len(list) == 0 {
		return nil, refuse("none of %s can be compared here", strings.Join(c.Only, ", "))
	}
	all, err := enterAll(ctx, o, list, r)
	defer func() {
		for _, one := range all {
			one.stop()
			one.site.close()
		}
	}()
	if err != nil {
		return nil, err
	}
	o.Progress.begin((o.Rounds + 1) * len(all) * c.Requests)
	var rows []CompareRow
	for round := -1; round < o.Rounds; round++ { // the first only warms up
		for _, i := range o.order(round, len(all)) {
			o.Progress.next(fmt.Sprintf("round %d of %d, %s", round+1, o.Rounds, all[i].rival.name))
			row, err := c.run(ctx, o, all[i], round)
			if err != nil {
				return nil, err
			}
			if round >= 0 {
				rows = append(rows, row)
			}
		}
	}
	slices.SortStableFunc(rows, func(a, b CompareRow) int { return a.Round - b.Round })
	c.describe(r, o, all, absent, rows)
	return r.finish(), nil
}

// enterAll starts the contestants, each with an upstream of its own. An installed proxy that
// does not start, since another version wants other settings, is left out, and the report
// says so.
func enterAll(ctx context.Context, o Options, list []rival, r *Report) (all []*contestant, err error) {
	for _, rival := range list {
		one, err := enter(ctx, o, rival)
		switch {
		case err == nil:
			all = append(all, one)
		case rival.program == "" || ctx.Err() != nil:
			return all, err
		default:
			r.note(fmt.Sprintf("%s is left out, because it does not start: %v", rival.name, err))
		}
	}
	return all, nil
}

// enter starts a contestant and its upstream.
func enter(ctx context.Context, o Options, rival rival) (*contestant, error) {
	up := &constant{}
	s, err := openSite(ctx, siteConfig{handler: up, workers: 1})
	if err != nil {
		return nil, err
	}
	sub, err := rival.start(ctx, o, s.base(0))
	if err != nil {
		s.close()
		return nil, err
	}
	return &contestant{rival, sub, up, s}, nil
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

// run loads one contestant once.
func (c CompareConfig) run(ctx context.Context, o Options, one *contestant, round int) (CompareRow, error) {
	row := CompareRow{Proxy: one.rival.name, Version: one.version, Round: round + 1, Sent: c.Requests}
	var before time.Duration
	measured := one.process != nil && measurable
	if measured {
		var err error
		if before, _, err = usage(one.process.pid()); err != nil {
			return row, err
		}
	}
	dials, executed := one.site.dials.Load(), one.upstream.requests.Load()
	c.load(ctx, o, one.address, &row)
	row.Dials = int(one.site.dials.Load() - dials)
	row.Executed = int(one.upstream.requests.Load() - executed)
	if measured {
		after, resident, err := usage(one.process.pid())
		if err != nil {
			return row, err
		}
		cpu := (after - before).Seconds() * 10_000 / float64(c.Requests)
		row.CPU, row.Memory = &cpu, &resident
	}
	return row, ctx.Err()
}

// load sends the requests, over connections that are opened for this round, and fills in the row.
func (c CompareConfig) load(ctx context.Context, o Options, address string, row *CompareRow) {
	head := "POST /v1/messages HTTP/1.1\r\nHost: " + address + "\r\nUser-Agent: millpond-bench\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n"
	wire := append([]byte(head), bytes.Repeat([]byte("y"), 400)...)
	var left, answered atomic.Int64
	left.Store(int64(c.Requests))
	var first atomic.Pointer[string]
	times := make([][]time.Duration, c.Connections)
	var senders sync.WaitGroup
	began := time.Now()
	for i := range c.Connections {
		senders.Go(func() {
			ch := &channel{address: address, wire: wire}
			defer ch.close()
			for left.Add(-1) >= 0 && ctx.Err() == nil {
				took, err := ch.ask(ctx)
				o.Progress.add()
				if err != nil {
					text := err.Error()
					first.CompareAndSwap(nil, &text)
					continue
				}
				answered.Add(1)
				times[i] = append(times[i], took)
			}
		})
	}
	senders.Wait()
	row.Answered = int(answered.Load())
	row.Failed = row.Sent - row.Answered
	row.PerSecond = float64(row.Answered) / time.Since(began).Seconds()
	row.Latency, _ = summarize(slices.Concat(times...))
	if text := first.Load(); text != nil {
		row.FirstError = *text
	}
}

// channel is a connection of the load, which costs little beside the proxies. It opens when it must.
type channel struct {
	address string
	wire    []byte // one request
	conn    net.Conn
	in      *bufio.Reader
}

// ask sends the request and reads the answer to its end. After an error the next opens anew.
func (l *channel) ask(ctx context.Context) (took time.Duration, err error) {
	began := time.Now()
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.conn == nil {
		var d net.Dialer
		if l.conn, err = d.DialContext(ctx, "tcp", l.address); err != nil {
			return 0, err
		}
		l.in = bufio.NewReader(l.conn)
	}
	if err := l.conn.SetDeadline(began.Add(patienceOf)); err != nil {
		return 0, err
	}
	if _, err := l.conn.Write(l.wire); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return 0, err
	}
	n, err := io.Copy(io.Discard, resp.Body)
	took = time.Since(began)
	switch {
	case err != nil:
		return 0, err
	case resp.StatusCode != http.StatusOK || n != int64(len(answer600)):
		return 0, fmt.Errorf("%w: %s, %d bytes", errStatus, resp.Status, n)
	case resp.Close:
		l.close()
	}
	return took, nil
}

func (l *channel) close() {
	if l.conn != nil {
		_ = l.conn.Close()
		l.conn = nil
	}
}
