package exchange

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"millpond/proxy/pool"
	"millpond/proxy/wire"
	"millpond/settings"
)

// An agent's card (A2A specification, section 5, "Agent Discovery") says at which URLs
// the agent is. Passed on as it is, it would lead its reader past Millpond. So the URLs
// that are the upstream's own come back as ours, under /u/NAME; all other bytes stay.
//
// A card may be signed (section 8.4). The signature passes as it is and no longer
// verifies: it covers the URLs. Who checks it has to ask the agent itself.

// maxCard is the largest card that is read whole. A larger one passes untouched.
const maxCard = 1 << 20

// cardPaths are where cards stand: since version 0.3, and before.
var cardPaths = [...]string{"/.well-known/agent-card.json", "/.well-known/agent.json"}

// wantsCard reports whether the attempt asks an agent for its card.
func (a *attempt) wantsCard() bool {
	if a.u == nil || a.u.Kind != settings.KindA2A {
		return false
	}
	if m := a.t.req.Method; m != http.MethodGet && m != http.MethodHead {
		return false
	}
	path, _, _ := strings.Cut(a.t.match.Target, "?")
	return strings.HasSuffix(path, cardPaths[0]) || strings.HasSuffix(path, cardPaths[1])
}

// cardHeader is h for a request that asks for a card: the whole of it, and not packed.
func cardHeader(h wire.Header) wire.Header {
	h = h.Clone()
	for _, name := range []string{"Accept-Encoding", "Range", "If-Range"} {
		h.Del(name)
	}
	return h
}

// readdress gives the card in resp our addresses, where resp is one.
func (a *attempt) readdress(resp *pool.Response) *pool.Response {
	if !a.wantsCard() || resp.Status != http.StatusOK || resp.Header.Get("Content-Encoding") != "" {
		return resp
	}
	for _, name := range []string{"Content-Digest", "Repr-Digest", "Digest", "Content-Md5"} {
		resp.Header.Del(name) // of bytes that we are about to change
	}
	if a.t.req.Method == http.MethodHead {
		resp.Header.Del("Content-Length") // of a card that we have not seen
		resp.Length = -1
		return resp
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxCard+1))
	body := &cardBody{Body: resp.Body, text: text, err: err}
	resp.Body = body
	if err != nil || len(text) > maxCard {
		return resp
	}
	body.text = a.addresses().rewrite(text)
	if resp.Length >= 0 {
		resp.Length = int64(len(body.text))
		resp.Header.Set("Content-Length", strconv.FormatInt(resp.Length, 10))
	}
	return resp
}

// A cardBody is an answer of which the beginning was read.
type cardBody struct {
	pool.Body
	text []byte // still to be given out
	err  error  // what ended the reading; nil when the rest is in Body
}

func (b *cardBody) Read(p []byte) (int, error) {
	if len(b.text) > 0 {
		n := copy(p, b.text)
		b.text = b.text[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.Body.Read(p)
}

// Next gives the same as Read, in pieces.
func (b *cardBody) Next() ([]byte, error) {
	if text := b.text; len(text) > 0 {
		b.text = nil
		return text, nil
	}
	if b.err != nil {
		return nil, b.err
	}
	return b.Body.Next()
}

// Buffered counts what Read gives at once.
func (b *cardBody) Buffered() int { return len(b.text) + b.Body.Buffered() }

// addresses are the upstream's own address and ours for it.
type addresses struct {
	own    *url.URL // its base URL
	asked  string   // the Host that it was asked by
	prefix string   // ours: scheme, host and /u/NAME
}

func (a *attempt) addresses() addresses {
	name := a.t.match.Prefix
	if name == "" {
		name = "/u/" + url.PathEscape(a.u.Name)
	}
	return addresses{own: a.u.Base, asked: a.host, prefix: "http://" + a.t.req.Host + name}
}

// rewrite returns text with each string that is a URL of the upstream as ours. It edits
// the strings alone. What is no JSON comes back as it is.
func (d addresses) rewrite(text []byte) []byte {
	if !json.Valid(text) { // which bounds the depth, too
		return text
	}
	e := editor{text: text, to: d.translate, from: json.NewDecoder(bytes.NewReader(text))}
	if e.value() != nil {
		return text
	}
	return e.apply()
}

// translate returns our URL for one of the upstream's.
func (d addresses) translate(s string) (string, bool) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", false
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil || !d.isOwn(u) {
		return "", false
	}
	path := ""
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		path = rest[i:]
	}
	base := d.own.EscapedPath()
	after, ok := strings.CutPrefix(path, base)
	if !ok || after != "" && !strings.ContainsRune("/?#", rune(after[0])) {
		return "", false // beside the base path: not to be had by way of us
	}
	if base == "" && (after == "" || after[0] != '/') {
		after = "/" + after // an empty path is "/" (RFC 3986, section 6.2.3)
	}
	return d.prefix + after, true
}

// isOwn reports whether u is at the upstream: at its host and port, whatever the scheme,
// since TLS may end before it; or at the Host that it was asked by, of which some agents
// make their URLs. An agent that listens everywhere may call itself "0.0.0.0".
func (d addresses) isOwn(u *url.URL) bool {
	if d.asked != "" && strings.EqualFold(u.Host, d.asked) {
		return true
	}
	samePort := portOf(u) == portOf(d.own) || u.Port() == "" && d.own.Port() == ""
	host, own := u.Hostname(), d.own.Hostname()
	return samePort && (strings.EqualFold(host, own) || isLocalName(host) && isLocalName(own))
}

// isLocalName reports whether a host is this machine by any name or address.
func isLocalName(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return strings.EqualFold(host, "localhost")
	}
	return ip.IsLoopback() || ip.IsUnspecified()
}

// An editor walks through a JSON value and notes which strings become others.
type editor struct {
	text  []byte
	to    func(string) (string, bool)
	from  *json.Decoder
	edits []edit
}

// An edit puts text in place of the bytes from begin to end.
type edit struct {
	begin, end int64
	text       []byte
}

// value walks through the next value.
func (e *editor) value() error {
	begin := e.from.InputOffset()
	token, err := e.from.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case string:
		e.note(begin, v)
	case json.Delim:
		if v == '{' {
			return e.object()
		}
		return e.array()
	}
	return nil
}

// note takes a string whose text begins at begin or, behind space and punctuation, later.
func (e *editor) note(begin int64, s string) {
	to, ok := e.to(s)
	if !ok {
		return
	}
	begin += int64(bytes.IndexByte(e.text[begin:], '"'))
	var quoted bytes.Buffer
	quote := json.NewEncoder(&quoted)
	quote.SetEscapeHTML(false)
	if quote.Encode(to) == nil {
		e.edits = append(e.edits, edit{begin, e.from.InputOffset(), bytes.TrimSuffix(quoted.Bytes(), []byte("\n"))})
	}
}

// object walks through an object behind its brace. An interface of the transport gRPC is
// left as it is: gRPC has no place for the prefix, so its calls would go astray.
func (e *editor) object() error {
	before, grpc := len(e.edits), false
	for e.from.More() {
		key, err := e.from.Token()
		if err != nil {
			return err
		}
		if key == "transport" || key == "protocolBinding" {
			grpc = grpc || e.next() == "GRPC"
		}
		if err := e.value(); err != nil {
			return err
		}
	}
	if grpc {
		e.edits = e.edits[:before]
	}
	return e.close()
}

// next returns the string that comes next, if it is a short one.
func (e *editor) next() string {
	rest := bytes.TrimLeft(e.text[e.from.InputOffset():], " \t\r\n:")
	value, ok := bytes.CutPrefix(rest, []byte(`"`))
	if i := bytes.IndexByte(value, '"'); ok && i >= 0 {
		return strings.ToUpper(string(value[:min(i, 16)]))
	}
	return ""
}

func (e *editor) array() error {
	for e.from.More() {
		if err := e.value(); err != nil {
			return err
		}
	}
	return e.close()
}

func (e *editor) close() error {
	_, err := e.from.Token()
	return err
}

// apply returns the text with the edits made.
func (e *editor) apply() []byte {
	if len(e.edits) == 0 {
		return e.text
	}
	var out []byte
	last := int64(0)
	for _, edit := range e.edits {
		out = append(append(out, e.text[last:edit.begin]...), edit.text...)
		last = edit.end
	}
	return append(out, e.text[last:]...)
}
