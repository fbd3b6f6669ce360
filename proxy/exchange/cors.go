package exchange

import (
	"net/http"

	"millpond/proxy/meter"
	"millpond/proxy/wire"
)

// Of web pages only those of a listed origin get past the gate, and only they may read answers (the
// Fetch standard, section 3.2, "CORS protocol"). An upstream has no say in it: what it allows is
// meant for its own address, not for a port of this machine.
const (
	allowOrigin  = "Access-Control-Allow-Origin"
	allowMethods = "Access-Control-Allow-Methods"
	allowHeaders = "Access-Control-Allow-Headers"
	askedMethod  = "Access-Control-Request-Method"
	askedHeaders = "Access-Control-Request-Headers"
)

// share lets the page of a listed origin, and no other, read the answer with the header h.
func (t *turn) share(h *wire.Header) {
	h.Del(allowOrigin)
	origin := t.st.Gate.AllowedOrigin(t.req.Header)
	if origin == "" {
		return
	}
	h.Set(allowOrigin, origin)
	h.Add("Vary", "Origin")
	if h.Get("Access-Control-Expose-Headers") == "" {
		h.Set("Access-Control-Expose-Headers", "*")
	}
}

// preflight answers a browser that asks whether the page of a listed origin may send a request. It
// reports whether it was one. Nothing of it concerns an upstream.
func (t *turn) preflight() bool {
	in := t.req.Header
	if t.req.Method != http.MethodOptions || in.Get(askedMethod) == "" || t.st.Gate.AllowedOrigin(in) == "" {
		return false
	}
	h := wire.Header{
		{Name: allowMethods, Value: in.Get(askedMethod)},
		{Name: "Access-Control-Max-Age", Value: "600"}, // seconds
	}
	for _, asked := range in.Values(askedHeaders) {
		h.Add(allowHeaders, asked)
	}
	t.start(http.StatusNoContent, &h, 0)
	t.settle(meter.Local, "preflight", nil)
	return true
}
