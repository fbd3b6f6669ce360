package wire

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A reading is what a reader makes of the bytes of one message: wire and
// net/http must come to the same one.
type reading struct {
	line      string // method, target, host and version, or version and status
	header    http.Header
	kind      BodyKind
	keepAlive bool
	body      string
	trailer   http.Header
	whole     bool   // the body is complete
	rest      string // what follows a body that is complete
}

// String shows a reading in the report of a difference.
func (r reading) String() string {
	return fmt.Sprintf("%s\nheader %q\nkind %d, keep-alive %v, whole %v\nbody %q\ntrailer %q\nrest %q",
		r.line, r.header, r.kind, r.keepAlive, r.whole, r.body, r.trailer, r.rest)
}

// requestOf reads b as this package does.
func requestOf(b []byte, r *Request) (got reading, err error) {
	n, err := ParseRequest(b, r)
	if err != nil {
		return got, err
	}
	f, err := r.Framing()
	if err != nil {
		return got, err
	}
	host, _ := Get(r.Fields, "host")
	got = reading{header: ToHeader(r.Fields), kind: f.Kind, keepAlive: f.KeepAlive}
	got.line = fmt.Sprintf("%s %s on %q 1.%d", r.Method, r.Target, hostOf(string(r.Target), string(host)), r.Minor)
	return got, got.readBody(b[n:], f)
}

// hostOf returns the host that a request is for: RFC 9112, section 3.3.
func hostOf(target, host string) string {
	if strings.HasPrefix(target, "/") || target == "*" {
		return host
	}
	if _, after, ok := strings.Cut(target, "://"); ok {
		target = after
	}
	if i := strings.IndexAny(target, "/?"); i >= 0 {
		target = target[:i]
	}
	return target
}

// responseOf reads b as this package does, leniently if need be.
func responseOf(b []byte, method string, r *Response) (got reading, lenient bool, err error) {
	n, err := ParseResponse(b, r)
	var syntax *SyntaxError
	if errors.As(err, &syntax) && syntax.Lenient {
		lenient = true
		n, err = ParseResponseLenient(b, r)
	}
	if err != nil {
		return got, lenient, err
	}
	f, err := r.Framing(method)
	if err != nil {
		return got, lenient, err
	}
	got = reading{header: ToHeader(r.Fields), kind: f.Kind, keepAlive: f.KeepAlive}
	got.line = fmt.Sprintf("1.%d %d", r.Minor, r.Status)
	return got, lenient, got.readBody(b[n:], f)
}

// readBody reads the body and sets what follows it.
func (r *reading) readBody(b []byte, f Framing) error {
	r.whole = true
	switch f.Kind {
	case BodyNone, BodyTunnel:
		r.rest = string(b)
	case BodyUntilClose:
		r.body = string(b)
	case BodyLength:
		r.whole = int64(len(b)) >= f.Length
		n := min(int64(len(b)), f.Length)
		r.body, r.rest = string(b[:n]), string(b[n:])
	case BodyChunked:
		var c Chunked
		body, n, err := decodeAll(&c, b)
		if r.whole = err == io.EOF; err != nil && err != io.EOF {
			return err
		}
		r.body, r.rest, r.trailer = string(body), string(b[n:]), ToHeader(c.Trailer())
	}
	return nil
}

// decodeAll decodes as much of b as it can.
func decodeAll(c *Chunked, b []byte) (body []byte, consumed int, err error) {
	for err == nil && consumed < len(b) {
		var n int
		var data []byte
		n, data, err = c.Decode(b[consumed:])
		consumed, body = consumed+n, append(body, data...)
	}
	return body, consumed, err
}

// An oracle reads messages with net/http.
type oracle struct {
	src bytes.Reader
	br  *bufio.Reader // large, since net/http accepts no trailer longer than its buffer
}

func newOracle() *oracle { return &oracle{br: bufio.NewReaderSize(nil, 2*MaxHead)} }

func (o *oracle) reset(b []byte) {
	o.src.Reset(b)
	o.br.Reset(&o.src)
}

func (o *oracle) request(b []byte) (got reading, err error) {
	o.reset(b)
	req, err := http.ReadRequest(o.br)
	if err != nil {
		return got, err
	}
	got = reading{header: req.Header, keepAlive: !req.Close}
	got.line = fmt.Sprintf("%s %s on %q 1.%d", req.Method, req.RequestURI, req.Host, req.ProtoMinor)
	switch {
	case len(req.TransferEncoding) > 0:
		got.kind = BodyChunked
	case req.ContentLength > 0:
		got.kind = BodyLength
	}
	o.body(&got, req.Body)
	got.trailer = req.Trailer
	return got, nil
}

func (o *oracle) response(b []byte, method string) (got reading, err error) {
	o.reset(b)
	resp, err := http.ReadResponse(o.br, &http.Request{Method: method})
	if err != nil {
		return got, err
	}
	got = reading{header: resp.Header, keepAlive: !resp.Close}
	got.line = fmt.Sprintf("1.%d %d", resp.ProtoMinor, resp.StatusCode)
	switch {
	case resp.Body == http.NoBody:
	case len(resp.TransferEncoding) > 0:
		got.kind = BodyChunked
	case resp.ContentLength >= 0:
		got.kind = BodyLength
	default:
		got.kind = BodyUntilClose
	}
	o.body(&got, resp.Body)
	got.trailer = resp.Trailer
	return got, nil
}

func (o *oracle) body(r *reading, body io.Reader) {
	b, err := io.ReadAll(body)
	r.body, r.whole = string(b), err == nil
	rest, _ := io.ReadAll(o.br)
	r.rest = string(rest)
}

// sameReading says how two readings differ, or "". It allows for what net/http
// changes on purpose, and for other space in values if spaced.
func sameReading(ours, theirs reading, spaced bool) string {
	_, coded := ours.header["Transfer-Encoding"]
	_, sized := ours.header["Content-Length"]
	if ours.kind == BodyLength && ours.body == "" && ours.whole {
		ours.kind = BodyNone // net/http does not tell them apart
	}
	switch {
	case ours.line != theirs.line:
		return "first line"
	case ours.kind != theirs.kind:
		return "framing"
	case ours.keepAlive != theirs.keepAlive && !(coded && sized):
		return "keep-alive"
	case ours.whole != theirs.whole:
		return "completeness"
	}
	asNetHTTP(ours.header, coded)
	asNetHTTP(theirs.header, coded)
	if !sameHeader(ours.header, theirs.header, spaced) {
		return "header"
	}
	if !ours.whole {
		return "" // net/http may hold back a part of a body that is cut
	}
	for name, values := range theirs.trailer {
		if values == nil || ForbiddenTrailer(name) {
			delete(theirs.trailer, name)
		}
	}
	switch {
	case ours.body != theirs.body:
		return "body"
	case !sameHeader(ours.trailer, theirs.trailer, false):
		return "trailer"
	case ours.rest != theirs.rest:
		return "what follows"
	}
	return ""
}

// asNetHTTP makes the changes to h that net/http makes to what it reads.
func asNetHTTP(h http.Header, coded bool) {
	delete(h, "Host")
	delete(h, "Connection") // removed when it says close; keepAlive compares it
	delete(h, "Transfer-Encoding")
	if coded {
		delete(h, "Content-Length")
		delete(h, "Trailer")
	}
	if p := h["Pragma"]; len(p) > 0 && p[0] == "no-cache" && h["Cache-Control"] == nil {
		h["Cache-Control"] = []string{"no-cache"}
	}
}

// sameHeader compares names and values; the space in values may differ if spaced.
func sameHeader(a, b http.Header, spaced bool) bool {
	return maps.EqualFunc(a, b, func(a, b []string) bool {
		return slices.EqualFunc(a, b, func(a, b string) bool {
			return a == b || spaced && slices.Equal(strings.Fields(a), strings.Fields(b))
		})
	})
}

// compareRequest fails t if this package accepts b and net/http refuses it or
// reads it otherwise. It reports whether b was accepted.
func compareRequest(t *testing.T, o *oracle, b []byte, r *Request) bool {
	t.Helper()
	ours, err := requestOf(b, r)
	if err != nil {
		return false
	}
	theirs, err := o.request(bytes.TrimPrefix(b, []byte("\r\n"))) // net/http skips it after a POST only
	if err != nil {
		t.Fatalf("accepted a request that net/http refuses: %v\n%q", err, b)
	}
	if diff := sameReading(ours, theirs, false); diff != "" {
		t.Fatalf("%s differs for %q\nhere: %v\n\nnet/http: %v", diff, b, ours, theirs)
	}
	return true
}

// compareResponse is compareRequest for responses to a request of that method.
func compareResponse(t *testing.T, o *oracle, b []byte, method string, r *Response) (accepted, lenient bool) {
	t.Helper()
	ours, lenient, err := responseOf(b, method, r)
	if err != nil {
		return false, lenient
	}
	if ours.kind == BodyTunnel {
		return true, lenient // net/http has no notion of it, and reads what is to be ignored
	}
	theirs, err := o.response(b, method)
	if err != nil {
		t.Fatalf("accepted a response to %s that net/http refuses: %v\n%q", method, err, b)
	}
	if diff := sameReading(ours, theirs, lenient); diff != "" {
		t.Fatalf("%s differs for a response to %s: %q\nhere: %v\n\nnet/http: %v", diff, method, b, ours, theirs)
	}
	return true, lenient
}
