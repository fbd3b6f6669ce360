package exchange

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"millpond/proxy/listener"
	"millpond/proxy/meter"
	"millpond/proxy/pool"
	"millpond/proxy/wire"
	"millpond/settings"
)

// A problem is an answer of our own making.
type problem struct {
	status     int
	code       string // stable, as in X-Millpond-Error
	message    string // what happened and what to do
	retryAfter int    // seconds; 0 says nothing
	lasting    bool   // the client's retry cannot help
	header     wire.Header
}

// sentences say what happened and what to do, by code. %s is the upstream.
var sentences = map[string]string{
	pool.CodeConnect:      "Millpond could not connect to %s; check its address and that it is running",
	pool.CodeDNS:          "Millpond could not find the host of %s; check its URL and your network",
	pool.CodeTLS:          "Millpond could not agree on TLS with %s; check its certificate and the clock",
	pool.CodeClosed:       "%s closed the connection without an answer; the request may have been executed, so it was not sent again",
	pool.CodeReset:        "%s reset the connection; the request may have been executed, so it was not sent again",
	pool.CodeProtocol:     "%s answered with something that is not valid HTTP; check that its URL and protocol are right",
	pool.CodeTimeout:      "%s sent no answer within timeouts.response_header; the request may have been executed",
	pool.CodeStreamIdle:   "%s stopped sending within an answer for longer than timeouts.stream_idle",
	pool.CodeRefused:      "%s refuses to process requests on its connections; try again in a moment",
	pool.CodeEgressAuth:   "the egress proxy of %s refused the credentials; check the upstream's egress",
	pool.CodeEgressFailed: "the egress proxy of %s could not be used; check that it is running and may reach the upstream",
	pool.CodeWaitTimeout:  "no connection to %s came free within pool.wait_timeout; raise pool.max_connections_per_host, or send fewer requests at once",
	pool.CodeQueueFull:    "too many requests wait for %s; raise pool.max_waiting or pool.max_connections_per_host",
	pool.CodeShutdown:     "Millpond is stopping, so the request to %s was not sent",
	pool.CodeInternal:     "a mistake of Millpond's own ended the request to %s; its log tells more, and the developers would like to know",
}

// problemOf says in words and status what a failure means for the client.
func problemOf(t *turn, f *pool.Failure) *problem {
	who := "the upstream"
	if t.record.Upstream != "" {
		who = fmt.Sprintf("upstream %q", t.record.Upstream)
	}
	p := &problem{status: http.StatusBadGateway, code: f.Code, lasting: f.Lasting}
	sentence, ok := sentences[f.Code]
	switch {
	case f.Phase == pool.PhaseBody && f.Code != pool.CodeStreamIdle:
		sentence = "%s broke off within its answer; the request may have been executed, so it was not sent again"
	case !ok:
		sentence = "the request to %s failed"
	}
	p.message = fmt.Sprintf(sentence, who)
	if t.unkept {
		p.message += "; its body was too large to be kept for a second try"
	}
	switch f.Code {
	case pool.CodeTimeout:
		p.status = http.StatusGatewayTimeout
	case pool.CodeWaitTimeout, pool.CodeQueueFull, pool.CodeShutdown:
		p.status, p.retryAfter = http.StatusServiceUnavailable, 1
	}
	return p
}

var bodyTooLarge = &problem{status: http.StatusRequestEntityTooLarge, code: "body_too_large",
	message: "the body is larger than the 64 MiB that Millpond passes on", lasting: true}

// problemOfBody says what is wrong with a body that the client sends on and on, or
// wrongly; nil when it is not that. The upstream got a part of it, never the end.
func problemOfBody(f *pool.Failure) *problem {
	var syntax *wire.SyntaxError
	switch {
	case f.Code != pool.CodeClientBody:
		return nil
	case errors.Is(f.Err, errBodyTooLarge):
		return bodyTooLarge
	case errors.As(f.Err, &syntax):
		return &problem{status: http.StatusBadRequest, code: listener.CodeMalformed,
			message: "the body is malformed: " + syntax.What, lasting: true}
	}
	return nil
}

// fail answers for an upstream that did not.
func (t *turn) fail(a *attempt, f *pool.Failure) {
	a.release()
	if p := problemOfBody(f); p != nil {
		t.refuse(p)
		return
	}
	if f.Code == pool.CodeCancelled || f.Code == pool.CodeClientBody {
		t.whole = false
		t.settle(meter.ClientCancelled, f.Code, f.Err)
		return
	}
	outcome := meter.UpstreamError
	if f.Phase == pool.PhaseQueue || f.Code == pool.CodeInternal {
		outcome = meter.Local
	}
	t.answer(problemOf(t, f))
	t.settle(outcome, f.Code, f.Err)
}

// refuse answers what we do not carry.
func (t *turn) refuse(p *problem) {
	t.answer(p)
	t.settle(meter.Local, p.code, nil)
}

// answer writes p in the shape of errors of the API that the client speaks.
func (t *turn) answer(p *problem) {
	body := p.body(t.kind())
	h := &p.header
	h.Set("Content-Type", "application/json")
	h.Set("X-Millpond-Error", p.code)
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	if p.lasting {
		h.Set("X-Should-Retry", "false")
	}
	t.start(p.status, h, int64(len(body)))
	if t.req.Method != http.MethodHead {
		n, err := t.client.Write(body)
		t.record.BytesOut = int64(n)
		t.whole = t.whole && err == nil
	}
}

// body is the JSON of p, as errors of that API look.
func (p *problem) body(kind settings.Kind) []byte {
	var v any
	switch kind {
	case settings.KindAnthropic:
		v = map[string]any{"type": "error", "error": map[string]any{"type": anthropicType(p.status), "message": p.message, "code": p.code}}
	case settings.KindGemini:
		v = map[string]any{"error": map[string]any{"code": p.status, "message": p.message, "status": geminiStatus(p.status), "reason": p.code}}
	case settings.KindA2A:
		v = map[string]any{"jsonrpc": "2.0", "id": nil, "error": map[string]any{"code": -32603, "message": p.message, "data": map[string]any{"code": p.code}}}
	default: // OpenAI's, which most others follow
		v = map[string]any{"error": map[string]any{"message": p.message, "type": "api_error", "param": nil, "code": p.code}}
	}
	data, _ := json.Marshal(v) // strings and numbers cannot fail
	return append(data, '\n')
}

// anthropicType is the error type that goes with a status in Anthropic's API.
func anthropicType(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusGatewayTimeout:
		return "timeout_error"
	case http.StatusServiceUnavailable:
		return "overloaded_error"
	}
	if status < 500 {
		return "invalid_request_error"
	}
	return "api_error"
}

// geminiStatus is the name of a status in Google's APIs (google.rpc.Code).
func geminiStatus(status int) string {
	switch status {
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	}
	if status < 500 {
		return "INVALID_ARGUMENT"
	}
	return "UNAVAILABLE"
}
