package exchange

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/upstream"
	"millpond/proxy/wire"
)

// deliver passes an answer on as it comes and settles the outcome at its end.
func (t *turn) deliver(ctx context.Context, a *attempt, resp *pool.Response) {
	a.resp = nil // it is closed here
	if resp.Tunnel != nil {
		t.tunnel(ctx, a, resp)
		return
	}
	defer resp.Recycle()
	defer resp.Body.Close()
	if resp.Sent { // and it will not be sent again
		t.body.Free()
	}
	d := &t.delivery
	*d = delivery{t: t, a: a, resp: resp}
	if isEventStream(resp.Header) {
		d.events = newEvents(t.kind())
	}
	d.copy(ctx)
	resp.Body.Close() // the connection is free before the request is counted
	t.over = time.Now()
	verdict, wait := d.verdict(), time.Duration(0)
	if verdict == upstream.Throttled {
		wait, _ = upstream.RetryAfter(resp.Header, t.over)
	}
	t.report(a, t.over, verdict, d.failure, wait)
}

func isEventStream(h wire.Header) bool {
	return strings.HasPrefix(strings.ToLower(h.Get("Content-Type")), "text/event-stream")
}

// A delivery is an answer on its way to the client.
type delivery struct {
	t       *turn
	a       *attempt
	resp    *pool.Response
	events  *events // nil unless it is an event stream
	written int64
	failure *pool.Failure // what cut it
}

// copy passes the content on: each piece at once, unless more is there already.
// The head waits for the first piece where one is certain to come at once, since
// until then a fault can still be told by a status.
func (d *delivery) copy(ctx context.Context) {
	body := d.resp.Body
	if d.events != nil && body.Buffered() == 0 || d.resp.Length < 0 && body.Buffered() == 0 {
		d.start()
		if d.t.client.Flush() != nil {
			d.gone(ctx)
			return
		}
	}
	for {
		p, err := body.Next()
		switch {
		case err == io.EOF:
			d.end()
			return
		case err != nil:
			d.cut(ctx, asFailure(err))
			return
		case !d.pass(ctx, p, body.Buffered() > 0):
			return
		}
	}
}

// pass writes one piece. more says that the next is there already.
func (d *delivery) pass(ctx context.Context, p []byte, more bool) bool {
	d.start()
	if d.events != nil {
		d.events.see(p)
	}
	n, err := d.t.client.Write(p)
	d.written += int64(n)
	if err == nil && !more && d.written != d.resp.Length {
		err = d.t.client.Flush()
	}
	if err != nil {
		d.gone(ctx)
		return false
	}
	return true
}

func (d *delivery) start() {
	if d.t.started {
		return
	}
	d.t.start(d.resp.Status, &d.resp.Header, d.resp.Length)
}

// start begins the answer to the client.
func (t *turn) start(status int, h *wire.Header, length int64) {
	t.started = true
	t.record.Status = status
	t.record.FirstByte = time.Since(t.req.Arrived)
	t.share(h)
	t.client.Start(status, *h, length)
}

// gone settles a request whose client left.
func (d *delivery) gone(ctx context.Context) {
	d.t.whole = false
	d.t.record.BytesOut = d.written
	cause := context.Cause(ctx)
	if cause == nil {
		cause = errors.New("the client closed the connection")
	}
	d.t.settle(meter.ClientCancelled, pool.CodeCancelled, cause)
}

// end settles an answer that came whole.
func (d *delivery) end() {
	t := d.t
	if d.events != nil && d.resp.Length < 0 && d.events.unfinished() && !d.framed() {
		d.cut(context.Background(), &pool.Failure{Phase: pool.PhaseBody, Code: pool.CodeClosed,
			Err: errors.New("the stream ended without its last event")})
		return
	}
	d.start()
	t.client.Trailer(d.resp.Body.Trailer())
	t.record.BytesOut = d.written
	switch outcome := outcomeOf(d.resp.Status); {
	case d.events != nil && d.events.failed && outcome == meter.OK:
		t.settle(meter.StreamError, "stream_error", errors.New("the stream held an error event"))
	case outcome == meter.UpstreamError:
		t.settle(outcome, codeStatus, nil)
	default:
		t.settle(outcome, "", nil)
	}
}

// framed reports whether the end of the answer was marked by its framing.
func (d *delivery) framed() bool { return d.resp.Framed }

// codeStatus is the code of an answer whose status says that the upstream failed.
const codeStatus = "upstream_status"

// outcomeOf judges the status of an answer that came whole.
func outcomeOf(status int) meter.Outcome {
	switch {
	case status >= 500, status == http.StatusTooManyRequests:
		return meter.UpstreamError
	case status >= 400:
		return meter.ClientError
	}
	return meter.OK
}

// cut settles an answer that broke off. Before its first byte that is an error
// answer like any other. In an event stream, between two events, the client is
// told by an error event; then, as in any other case, the connection is broken:
// clients take a clean end for a whole answer.
func (d *delivery) cut(ctx context.Context, f *pool.Failure) {
	t := d.t
	d.failure = f
	if f.Code == pool.CodeCancelled {
		d.gone(ctx)
		return
	}
	if !t.started {
		t.x.ledger.Ambiguous()
		t.fail(d.a, f)
		return
	}
	if d.events != nil && d.events.atBoundary() {
		t.client.Write(errorEvent(t, f))
	}
	t.client.Flush() // what came before the cut is the client's
	t.whole = false
	t.record.BytesOut = d.written
	outcome := meter.StreamError
	if d.resp.Status >= 400 {
		outcome = outcomeOf(d.resp.Status)
	}
	t.settle(outcome, f.Code, f.Err)
}

func (d *delivery) verdict() upstream.Verdict {
	switch {
	case d.failure != nil:
		return verdictOf(d.failure)
	case d.t.record.Outcome == meter.ClientCancelled:
		return upstream.Neutral
	case d.t.record.Outcome == meter.StreamError:
		return upstream.Failed
	}
	return upstream.VerdictOf(d.resp.Status)
}

// tunnel joins the client and the upstream after 101, until both directions have
// ended or one side fails.
func (t *turn) tunnel(ctx context.Context, a *attempt, resp *pool.Response) {
	up := resp.Tunnel
	defer up.End()
	t.start(resp.Status, &resp.Header, -1)
	down, err := t.client.Tunnel()
	if err != nil {
		up.Close()
		t.settle(meter.Local, "upgrade", err)
		t.report(a, time.Now(), upstream.Neutral, nil, 0)
		return
	}
	defer down.Close()
	stop := context.AfterFunc(ctx, func() { up.Close(); down.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { t.record.BytesIn = join(up, down) })
	t.record.BytesOut = join(down, up)
	wg.Wait()
	t.settle(meter.OK, "", nil)
	t.report(a, time.Now(), upstream.Good, nil, 0)
}

type half interface {
	Write(p []byte) (int, error)
	CloseWrite() error
	Close() error
}

// join copies from src to dst, passes the end on and returns the bytes copied. A
// failure ends both.
func join(dst half, src interface {
	Read(p []byte) (int, error)
	Close() error
}) int64 {
	n, err := io.Copy(struct{ io.Writer }{dst}, struct{ io.Reader }{src})
	if err != nil || dst.CloseWrite() != nil {
		dst.Close()
		src.Close()
	}
	return n
}
