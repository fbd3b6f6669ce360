package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// run loads one contestant once.
func (s shape) run(ctx context.Context, o Options, one *contestant, round int) (CompareRow, error) {
	row := CompareRow{Shape: s.name, Connections: s.connections, Proxy: one.rival.name, Version: one.version, Round: round + 1, Sent: s.requests}
	if s.name == shapeMemory {
		return row, s.weigh(ctx, o, one, &row)
	}
	var before time.Duration
	measured := one.process != nil && measurable
	if measured {
		var err error
		if before, _, err = usage(one.process.pid()); err != nil {
			return row, err
		}
	}
	dials, executed := one.site.dials.Load(), one.executed()
	s.load(ctx, o, one, &row)
	if measured {
		after, resident, err := usage(one.process.pid())
		if err != nil {
			return row, err
		}
		cpu := (after - before).Seconds() * 10_000 / float64(s.requests*max(s.chunks, 1))
		row.CPU, row.Memory = &cpu, &resident
	}
	row.Dials = int(one.site.dials.Load() - dials)
	row.Executed = int(one.executed() - executed)
	return row, ctx.Err()
}

// weigh opens all streams and measures by how much the proxy grew while they wait.
func (s shape) weigh(ctx context.Context, o Options, one *contestant, row *CompareRow) error {
	client := newClient(s.connections, s.connections, nil, nil)
	defer client.CloseIdleConnections()
	url := "http://" + one.address + "/"
	if _, _, err := ask(ctx, client, request{method: http.MethodGet, url: url + "once"}); err != nil {
		return fmt.Errorf("ask %s for the first time: %w", one.rival.name, err)
	}
	measured := one.process != nil && measurable
	var before int64
	if measured {
		var err error
		if _, before, err = usage(one.process.pid()); err != nil {
			return err
		}
	}
	began, seen := time.Now(), StreamRow{}
	err := one.source.readAll(ctx, o.Progress, s.step(), &seen, client, url, one.source, func() error {
		defer close(one.source.hold)
		pause(ctx, s.settle)
		if !measured || ctx.Err() != nil {
			return ctx.Err()
		}
		_, during, err := usage(one.process.pid())
		each := float64(during-before) / float64(s.connections)
		row.Memory, row.PerStream = &during, &each
		return err
	})
	row.Answered, row.Failed, row.FirstError, row.Latency = seen.Answered, seen.Failed, seen.Error, seen.FirstByte
	row.PerSecond = float64(row.Answered) / time.Since(began).Seconds()
	row.Executed, row.Dials = int(one.executed()), int(one.site.dials.Load())
	return err
}

// load sends the requests of a round, over connections that are opened for it, and fills in the row.
func (s shape) load(ctx context.Context, o Options, one *contestant, row *CompareRow) {
	client := newClient(s.connections, s.connections, nil, nil) // of the streams
	defer client.CloseIdleConnections()
	head := "POST /v1/messages HTTP/1.1\r\nHost: " + one.address + "\r\nUser-Agent: millpond-bench\r\nContent-Type: application/json\r\nContent-Length: 400\r\n\r\n"
	wire := append([]byte(head), bytes.Repeat([]byte("y"), 400)...)
	var left, answered atomic.Int64
	left.Store(int64(s.requests))
	var first atomic.Pointer[string]
	times := make([][]time.Duration, s.connections)
	var senders sync.WaitGroup
	began := time.Now()
	for i := range s.connections {
		senders.Go(func() {
			ch := &channel{address: one.address, wire: wire}
			defer ch.close()
			ask := ch.ask
			if s.chunks > 0 {
				ask = func(ctx context.Context) ([]time.Duration, error) {
					_, delays, err := one.source.follow(ctx, client, "http://"+one.address+"/", func() {})
					return delays, err
				}
				pause(ctx, time.Duration(i)*compareEvery/time.Duration(s.connections)) // or all chunks would come at once
			}
			for left.Add(-1) >= 0 && ctx.Err() == nil {
				took, err := ask(ctx)
				if s.name == shapeReconnect {
					ch.close()
				}
				o.Progress.add(s.step())
				if err != nil {
					text := err.Error()
					first.CompareAndSwap(nil, &text)
					continue
				}
				answered.Add(1)
				times[i] = append(times[i], took...)
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
	body    bytes.Buffer // of the last answer
}

// ask sends the request, reads the answer to its end and returns how long that took. After an error
// the next opens anew.
func (l *channel) ask(ctx context.Context) (took []time.Duration, err error) {
	began := time.Now()
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.conn == nil {
		var d net.Dialer
		if l.conn, err = d.DialContext(ctx, "tcp", l.address); err != nil {
			return nil, err
		}
		l.in = bufio.NewReader(l.conn)
	}
	if err := l.conn.SetDeadline(began.Add(patienceOf)); err != nil {
		return nil, err
	}
	if _, err := l.conn.Write(l.wire); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(l.in, nil)
	if err != nil {
		return nil, err
	}
	l.body.Reset()
	_, err = l.body.ReadFrom(resp.Body)
	took = []time.Duration{time.Since(began)}
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode != http.StatusOK || l.body.String() != answer600:
		return nil, fmt.Errorf("%w: %s, %d bytes", errStatus, resp.Status, l.body.Len())
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
