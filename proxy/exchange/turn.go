package exchange

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/replay"
	"millpond/proxy/router"
	"millpond/proxy/upstream"
	"millpond/proxy/wire"
	"millpond/settings"
)

const (
	// maxBody is the largest request body that is passed on.
	maxBody = 64 << 20
	// maxHops is how often a request may have passed a Millpond before.
	maxHops = 3
	// via is what we add to Via (RFC 9110, section 7.6.3), and know a loop by.
	via = "1.1 millpond"
)

// A turn is one request on its way.
type turn struct {
	x      *Exchange
	st     *State
	req    *Request
	client Client

	match    router.Match
	body     replay.Body
	stream   *meteredBody // the body when it is not kept
	tried    []*upstream.Upstream
	made     replay.Made
	class    replay.Class // of the last replay
	attempts int
	luck     float64 // decides in which arm of a trial the request is, above 0 to 1; 0 before it was drawn
	arm      *Arm    // of the present upstream's trial; nil without one
	unkept   bool    // it would have been sent again, had its body been kept

	// how it stands
	started bool // the head of an answer went to the client
	whole   bool // the answer was not cut
	ended   bool // the outcome is settled
	running bool // in run; still so in close when a panic unwinds
	record  meter.Record
	id      uint64    // in the log
	cause   error     // for the log
	over    time.Time // when the answer had ended; zero when it did not come so far

	attempt  attempt // the present one
	delivery delivery
}

// admit routes the request and reads its body where it may be kept. It returns
// why the request cannot be carried, if so.
func (t *turn) admit() *problem {
	if t.st.Paused {
		return &problem{status: http.StatusServiceUnavailable, code: "paused",
			message: "Millpond is switched off; turn it on from the tray or with \"millpondd resume\""}
	}
	match, err := t.st.Routes.Match(t.req.Method, t.req.Target, t.req.Header.Get)
	t.match = match
	if err != nil {
		var e *router.Error
		if errors.As(err, &e) {
			return &problem{status: e.Status, code: e.Code, message: e.Message}
		}
		return &problem{status: http.StatusBadGateway, code: "internal", message: err.Error()}
	}
	if hops(t.req.Header) > maxHops {
		return &problem{status: http.StatusLoopDetected, code: "loop", message: router.ErrLoop.Message, lasting: true}
	}
	if t.req.Length > maxBody {
		return bodyTooLarge
	}
	// With content a request goes on as any other: an upstream that declines to leave
	// HTTP would have to know where the content ends.
	t.req.Upgrade = t.req.Upgrade && t.req.Body == nil
	t.record.Caller = t.caller()
	return nil
}

// caller names who asks, for scope "caller" and the statistics.
func (t *turn) caller() string {
	name := t.req.Header.Get("X-Millpond-Caller")
	t.req.Header.Del("X-Millpond-Caller")
	if name != "" && len(name) <= 64 {
		return name
	}
	host, _, err := net.SplitHostPort(t.req.RemoteAddr)
	if err != nil {
		return t.req.RemoteAddr
	}
	return host
}

// hops counts how often Millpond stands in Via.
func hops(h wire.Header) int {
	n := 0
	for _, v := range h.Values("Via") {
		n += strings.Count(v, "millpond")
	}
	return n
}

// takeBody reads the body into memory if it is of known, modest length: that is
// what a replay needs. Others are passed on as they come.
func (t *turn) takeBody() error {
	if t.req.Body == nil || t.req.Length == 0 {
		return nil
	}
	if !t.req.Expect {
		body, ok, err := t.x.memory.Read(t.req.Body, t.req.Length)
		if err != nil {
			return err
		}
		if ok {
			t.body = body
			t.record.BytesIn = t.req.Length
			return nil
		}
	}
	t.stream = &meteredBody{from: t.req.Body}
	return nil
}

// meteredBody counts what is read of a body that is not kept.
type meteredBody struct {
	from Reader
	n    int64
}

var errBodyTooLarge = errors.New("the body is larger than 64 MiB")

func (b *meteredBody) Read(p []byte) (int, error) {
	n, err := b.from.Read(p)
	b.n += int64(n)
	if b.n > maxBody {
		return n, errBodyTooLarge
	}
	return n, err
}

func (t *turn) bodyState() replay.BodyState {
	switch {
	case t.stream == nil:
		return replay.BodyWhole
	case t.stream.n == 0:
		return replay.BodyUntouched
	}
	return replay.BodyGone
}

// run tries until there is an answer, or nothing more may be tried.
func (t *turn) run(ctx context.Context) {
	if err := t.takeBody(); err != nil {
		t.settle(meter.ClientCancelled, pool.CodeClientBody, err)
		t.whole = false
		return
	}
	t.prepareHeader()
	fresh := false
	for {
		a := t.choose(fresh)
		a.budget.Request(a.chosen)
		resp, failure := a.send(ctx)
		if failure == nil {
			if t.elsewhere(a, resp) {
				fresh = false
				continue
			}
			t.deliver(ctx, a, a.readdress(resp))
			return
		}
		if !t.again(ctx, a, failure) {
			t.fail(a, failure)
			return
		}
		fresh = true
	}
}

// prepareHeader takes out what must not reach an upstream and adds Via.
func (t *turn) prepareHeader() {
	h := &t.req.Header
	for _, name := range t.st.Gate.TokenHeaders(*h) {
		h.Del(name)
	}
	h.DelFunc(isOurs)
	h.Add("Via", via)
}

// isOurs reports whether a field is between the client and us.
func isOurs(l wire.Line) bool {
	const prefix = "X-Millpond-"
	return len(l.Name) > len(prefix) && strings.EqualFold(l.Name[:len(prefix)], prefix) ||
		strings.EqualFold(l.Name, "Expect") // the connection to the upstream has its own
}

// An attempt is one try to have the request answered by one upstream.
type attempt struct {
	t       *turn
	u       *upstream.Upstream // nil in forward mode
	target  pool.Target
	secret  string
	path    string
	host    string
	fresh   bool
	chosen  time.Time
	release func()
	budget  *replay.Budget
	lease   *pool.Lease
	resp    *pool.Response // the answer, until it is delivered or discarded
	request pool.Request
}

// choose takes the upstream for the next attempt.
func (t *turn) choose(fresh bool) *attempt {
	t.attempts++
	now := time.Now()
	a := &t.attempt // the one before has ended
	*a = attempt{}
	a.t, a.fresh, a.chosen, a.release, a.path = t, fresh, now, func() {}, t.match.Target
	before := t.record.Upstream
	if f := t.match.Forward; f != nil {
		a.target = pool.Target{Scheme: f.Scheme, Host: f.Hostname(), Port: portOf(f), Pool: t.st.Settings.Pool}
		a.host = f.Host
	} else {
		a.u, a.release = upstream.Choose(t.st.Upstreams, t.match.Upstreams, t.tried, now)
		if a.u == nil { // all were tried: once more from the best
			t.tried = nil
			a.u, a.release = upstream.Choose(t.st.Upstreams, t.match.Upstreams, nil, now)
		}
		t.direct(a)
	}
	a.target.Caller = t.record.Caller
	if t.req.Upgrade {
		a.target = forUpgrade(a.target)
	}
	a.budget = t.x.budget(a.target.Upstream, now)
	t.record.Upstream, t.record.Scope, t.record.Meant = a.target.Upstream, string(a.target.Pool.Scope), ""
	if before != t.record.Upstream {
		t.record.Protocol = ""
	}
	return a
}

// direct fills in where the chosen upstream is.
func (t *turn) direct(a *attempt) {
	for i, u := range t.st.Upstreams {
		if u != a.u {
			continue
		}
		a.target = *t.target(i)
		if i < len(t.st.Credentials) {
			a.secret = t.st.Credentials[i].Reveal()
		}
	}
	a.path = upstream.ApplyTarget(a.u.Kind, a.u.Target(t.match.Target), a.secret)
	a.host = a.u.Host(t.req.Host)
}

// send leases a connection and sends the request on it.
func (a *attempt) send(ctx context.Context) (*pool.Response, *pool.Failure) {
	t := a.t
	lease, err := t.x.Pools.Acquire(ctx, a.target, a.fresh)
	if err != nil {
		t.record.Meant = t.x.meant(a.target)
		return nil, asFailure(err)
	}
	a.lease = lease
	resp, err := lease.Send(ctx, a.prepare())
	if err != nil {
		f := asFailure(err)
		if f.Phase != pool.PhaseSend { // another connection was needed, and not to be had
			t.record.Meant = t.x.meant(a.target)
			return nil, f
		}
		a.note()
		return nil, f
	}
	a.resp = resp
	a.note()
	return resp, nil
}

// note records what the lease tells once the request was sent.
func (a *attempt) note() {
	r, l := &a.t.record, a.lease
	// A connection may have been under way before this request asked for one.
	r.Wait += max(0, l.Waited-l.Connect)
	r.Connect += l.Connect
	r.Reused = l.Reused
	r.Protocol = l.Protocol()
}

// abandon gives back what the attempt holds when a panic unwinds.
func (a *attempt) abandon() {
	switch {
	case a.resp != nil:
		a.resp.Body.Close()
	case a.lease != nil:
		a.lease.Release()
	}
	if a.release != nil {
		a.release()
	}
}

func asFailure(err error) *pool.Failure {
	var f *pool.Failure
	if errors.As(err, &f) {
		return f
	}
	return &pool.Failure{Phase: pool.PhaseQueue, Code: pool.CodeShutdown, Err: err}
}

// prepare makes what goes to the upstream.
func (a *attempt) prepare() *pool.Request {
	t, limits := a.t, a.t.st.Settings.Timeouts
	header := t.req.Header
	if a.secret != "" {
		own := header.Clone() // another upstream may get another credential
		upstream.Apply(a.u.Kind, &own, a.secret)
		header = own
	}
	if a.wantsCard() {
		header = cardHeader(header)
	}
	r := &a.request
	*r = pool.Request{
		Method: t.req.Method, Target: a.path, Host: a.host, Header: header,
		Body: t.body.Bytes, Upgrade: t.req.Upgrade,
		HeaderTimeout: limits.ResponseHeader, StreamIdle: limits.StreamIdle,
		Interim: t.client,
	}
	if t.stream != nil {
		r.Stream, r.Length, r.Trailer, r.Unblock, r.Expect = t.stream, t.req.Length, t.req.Trailer, t.req.Unblock, t.req.Expect
	}
	return r
}

// again decides whether the request may be sent once more, counts it and waits
// where that is due.
func (t *turn) again(ctx context.Context, a *attempt, f *pool.Failure) bool {
	t.report(a, time.Now(), verdictOf(f), f, 0)
	others := t.hasOther(a)
	facts := replay.Facts{
		Method: t.req.Method, Idempotent: t.match.Idempotent, Body: t.bodyState(),
		NotSent: !f.Sent && f.Phase != pool.PhaseQueue, Refused: f.Refused, Reused: f.Reused, Answered: f.Answered,
		Lasting: f.Phase == pool.PhaseQueue || f.Lasting && !(others && f.Phase == pool.PhaseDial),
		Started: t.started, ClientGone: ctx.Err() != nil || f.Code == pool.CodeClientBody,
	}
	t.made.MaxA = t.st.Settings.Failover.Attempts - 1
	class := replay.Decide(facts, t.made)
	if class == replay.None {
		kept := facts
		kept.Body = replay.BodyWhole
		t.unkept = replay.Decide(kept, t.made) != replay.None
		if replay.Ambiguous(facts) && f.Phase != pool.PhaseQueue {
			t.x.ledger.Ambiguous()
		}
		return false
	}
	if !a.budget.Take(time.Now()) {
		t.x.ledger.OverBudget()
		return false
	}
	t.made.Count(class)
	t.class = class
	t.x.ledger.Replayed(class)
	if f.Phase == pool.PhaseDial && others {
		t.passedOn(a, 0)
		t.tried = append(t.tried, a.u)
		return true
	}
	if class == replay.B || f.Phase == pool.PhaseDial {
		return pause(ctx, replay.Pause(t.made.Total()))
	}
	return true
}

// hasOther reports whether an upstream that was not tried yet could take over
// from a.
func (t *turn) hasOther(a *attempt) bool {
	if a.u == nil || t.match.Pinned {
		return false
	}
	return len(t.match.Upstreams) > len(t.tried)+1
}

func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// elsewhere takes an answer that says "not now" to the next upstream of the same
// kind, when the request can be sent again as it was: 429, 503 and 529 state that
// the request was not carried out.
func (t *turn) elsewhere(a *attempt, resp *pool.Response) bool {
	switch resp.Status {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, 529:
	default:
		return false
	}
	if t.bodyState() != replay.BodyWhole || t.attempts >= t.st.Settings.Failover.Attempts || !t.healthyOther(a) {
		return false
	}
	now := time.Now()
	wait, _ := upstream.RetryAfter(resp.Header, now)
	discard(resp)
	a.resp = nil
	t.report(a, now, upstream.VerdictOf(resp.Status), nil, wait)
	t.passedOn(a, resp.Status)
	t.leave(a.u)
	return true
}

// leave takes u, which declined, out of the choice, and with it those of other kinds: they speak
// another API.
func (t *turn) leave(u *upstream.Upstream) {
	for _, i := range t.match.Upstreams {
		if o := t.st.Upstreams[i]; (o == u || o.Kind != u.Kind) && !contains(t.tried, o) {
			t.tried = append(t.tried, o)
		}
	}
}

// discard ends an answer that nobody wants. One that is there already is read, which keeps its
// connection.
func discard(resp *pool.Response) {
	if resp.Length >= 0 && int64(resp.Body.Buffered()) >= resp.Length {
		io.Copy(io.Discard, resp.Body)
	}
	resp.Body.Close()
}

// healthyOther reports whether an upstream of a's kind, not tried yet, is up.
func (t *turn) healthyOther(a *attempt) bool {
	if !t.hasOther(a) {
		return false
	}
	for _, i := range t.match.Upstreams {
		u := t.st.Upstreams[i]
		if u != a.u && u.Kind == a.u.Kind && !contains(t.tried, u) && u.Status().Healthy {
			return true
		}
	}
	return false
}

func contains(list []*upstream.Upstream, u *upstream.Upstream) bool {
	for _, v := range list {
		if v == u {
			return true
		}
	}
	return false
}

// verdictOf says what a failure tells of the upstream.
func verdictOf(f *pool.Failure) upstream.Verdict {
	switch {
	case f.Phase == pool.PhaseQueue, f.Code == pool.CodeCancelled, f.Code == pool.CodeClientBody, f.Code == pool.CodeInternal:
		return upstream.Neutral
	}
	return upstream.Failed
}

// report tells the upstream's health how the attempt went, and ends it.
func (t *turn) report(a *attempt, now time.Time, v upstream.Verdict, f *pool.Failure, retryAfter time.Duration) {
	if a.u != nil {
		r := upstream.Result{Verdict: v, Chosen: a.chosen, RetryAfter: retryAfter}
		switch {
		case f != nil:
			r.Reason = f.Code
		case v == upstream.Failed || v == upstream.Throttled:
			r.Reason = cmp.Or(t.record.Code, codeStatus)
		}
		a.u.Report(r, now)
	}
	a.release()
	a.release = func() {}
}

// kind is the API whose shape the client expects.
func (t *turn) kind() settings.Kind { return t.match.Kind }
