package wire

import (
	"net/http"
	"net/textproto"
	"strings"
)

// DropHopByHop removes the fields of h that are for this hop only, by their name
// or because Connection names them (RFC 9110, section 7.6.1). The names in h are
// canonical.
func DropHopByHop(h http.Header) {
	options := h["Connection"]
	for name := range h {
		if isHopByHop(name) || anyHas(options, name) {
			delete(h, name)
		}
	}
}

// anyHas reports whether one of the lists holds token, in any case.
func anyHas(lists []string, token string) bool {
	for _, list := range lists {
		if listHas(list, token) {
			return true
		}
	}
	return false
}

// ToHeader returns the fields as net/http has them, with canonical names, in
// memory of their own. All values share one string, and the lists of one value
// share one slice, since that is what costs.
func ToHeader(fields []Field) http.Header {
	size := 0
	for _, f := range fields {
		size += len(f.Value)
	}
	var values strings.Builder
	values.Grow(size)
	lists := make([]string, len(fields))
	h := make(http.Header, len(fields))
	for i, f := range fields {
		start := values.Len()
		values.Write(f.Value)
		name, value := canonicalName(f.Name), values.String()[start:]
		if old := h[name]; old != nil {
			h[name] = append(old, value)
			continue
		}
		lists[i] = value
		h[name] = lists[i : i+1 : i+1]
	}
	return h
}

// canonicalName returns the name as net/http writes it.
func canonicalName(name []byte) string {
	if s, ok := commonNames[string(name)]; ok {
		return s
	}
	return textproto.CanonicalMIMEHeaderKey(string(name))
}

// commonNames spares the names of every other message an allocation. Keys are
// the canonical and the lower-case form. It is never written after it is made.
var commonNames = func() map[string]string {
	m := make(map[string]string)
	for _, s := range []string{
		"Accept", "Accept-Encoding", "Accept-Language", "Anthropic-Beta", "Anthropic-Organization-Id",
		"Anthropic-Version", "Authorization", "Cache-Control", "Cf-Cache-Status", "Cf-Ray", "Connection",
		"Content-Encoding", "Content-Length", "Content-Type", "Date", "Etag", "Expect", "Host", "Keep-Alive",
		"Last-Modified", "Request-Id", "Retry-After", "Server", "Set-Cookie", "Strict-Transport-Security",
		"Transfer-Encoding", "User-Agent", "Vary", "Via", "X-Api-Key", "X-Request-Id",
	} {
		m[s], m[strings.ToLower(s)] = s, s
	}
	return m
}()
