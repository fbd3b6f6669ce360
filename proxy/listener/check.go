package listener

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/netip"
	"strings"

	"millpond/proxy/wire"
)

// Check returns nil if the request may come in, or why it may not.
func (g *Gate) Check(v View) *Refusal {
	if r := g.checkTarget(v.Method, v.Target); r != nil {
		return r
	}
	absolute := isAbsolute(v.Target)
	if !absolute && !g.AllowsHost(v.Host) { // of an absolute target the router asks its allow-list
		return &Refusal{http.StatusMisdirectedRequest, CodeHost,
			"the Host header names neither 127.0.0.1, [::1] nor localhost with our port; call one of them, or add the name to listen.allowed_hosts"}
	}
	if r := g.checkBrowser(v.Header); r != nil {
		return r
	}
	if g.isPreflight(v) {
		return nil
	}
	return g.checkToken(v.Header, absolute)
}

// isPreflight reports whether a browser asks for the page of a listed origin whether it may send a
// request. That never bears a credential (the Fetch standard, section 4.8), and is never passed on.
func (g *Gate) isPreflight(v View) bool {
	return v.Method == http.MethodOptions && v.Header.Get("Access-Control-Request-Method") != "" && g.originListed(v.Header.Values(headerOrigin))
}

// checkTarget knows the four forms of RFC 9112, section 3.2. Authority-form belongs to CONNECT.
func (g *Gate) checkTarget(method, target string) *Refusal {
	switch {
	case method == http.MethodConnect:
		return &Refusal{http.StatusMethodNotAllowed, CodeConnect,
			"CONNECT is not supported: a tunnel could not be pooled; set the agent's base URL to Millpond instead of HTTPS_PROXY"}
	case strings.HasPrefix(target, "/"), target == "*" && method == http.MethodOptions:
		return nil
	case !isAbsolute(target):
		return &Refusal{http.StatusBadRequest, CodeMalformed, "the request target is neither a path nor an absolute URL"}
	case !g.forward:
		return &Refusal{http.StatusForbidden, CodeForwardDisabled,
			"Millpond was called as a forward proxy, and forward mode is off; set forward.enabled and forward.allow, or take HTTP_PROXY away"}
	}
	return nil
}

// isAbsolute reports whether target has the absolute form: a scheme of letters, then "://". Other
// schemes than http are the router's to refuse.
func isAbsolute(target string) bool {
	scheme, _, found := strings.Cut(target, "://")
	notLetter := func(c rune) bool { return (c|0x20) < 'a' || (c|0x20) > 'z' }
	return found && scheme != "" && !strings.ContainsFunc(scheme, notLetter)
}

// AllowsHost reports whether host, as it stands in the Host field, names us or an allowed host.
func (g *Gate) AllowsHost(host string) bool {
	if host == g.usual && host != "" {
		return true
	}
	name, port, ok := splitHost(host)
	if !ok {
		return false
	}
	return g.hosts[hostPort{name, port}] || g.hosts[hostPort{name, anyPort}]
}

// checkBrowser refuses what only a web page's request carries. Every present field counts, also an
// empty one: that a field is there at all tells of a browser.
func (g *Gate) checkBrowser(h wire.Header) *Refusal {
	origins := h.Values(headerOrigin)
	if g.originListed(origins) {
		return nil
	}
	site := siteOf(h.Values(headerFetchSite))
	if len(origins) == 0 && (site == "" || site == "none" || site == "same-origin") {
		return nil
	}
	return &Refusal{http.StatusForbidden, CodeOrigin,
		"the request comes from a web page, which may not call Millpond; to let one page in, add its exact origin to listen.allowed_origins"}
}

// originListed reports whether exactly one origin is given and that very one is allowed.
func (g *Gate) originListed(origins []string) bool {
	return len(origins) == 1 && g.origins[origins[0]]
}

// siteOf returns the one value of Sec-Fetch-Site, "" if the field is absent, and a value that is never
// let in if it is there more than once or empty.
func siteOf(values []string) string {
	switch {
	case len(values) == 0:
		return ""
	case len(values) > 1 || values[0] == "":
		return "cross-site"
	}
	return values[0]
}

// AllowedOrigin returns the listed origin that the request comes from, or "". It is the only value
// that may ever stand in Access-Control-Allow-Origin.
func (g *Gate) AllowedOrigin(h wire.Header) string {
	if o := h.Values(headerOrigin); g.originListed(o) {
		return o[0]
	}
	return ""
}

// checkToken asks for the token, where one is configured. A client that uses us as its HTTP_PROXY is
// asked as RFC 9110, section 11.7 says, by 407.
func (g *Gate) checkToken(h wire.Header, absolute bool) *Refusal {
	if !g.guarded {
		return nil
	}
	for _, name := range tokenFields {
		if g.anyToken(name, h.Values(name)) {
			return nil
		}
	}
	r := &Refusal{http.StatusUnauthorized, CodeToken,
		"Millpond asks for its token; send it as X-Millpond-Token, or as the agent's API key"}
	if absolute {
		r.Status = http.StatusProxyAuthRequired
		r.Message = "Millpond asks for its token; write it into HTTP_PROXY as http://millpond:TOKEN@host:port"
	}
	return r
}

// tokenFields are the places where the token is looked for. Agents can send an API key, and mostly
// nothing else, so their key fields count.
var tokenFields = [...]string{headerToken, "Authorization", "X-Api-Key", "X-Goog-Api-Key", "Proxy-Authorization"}

// anyToken reports whether one of the values of field holds the token.
func (g *Gate) anyToken(field string, values []string) bool {
	found := false
	for _, v := range values { // all of them, so that the time tells nothing
		found = g.holdsToken(field, strings.TrimSpace(v)) || found
	}
	return found
}

// holdsToken reports whether value is the token, or in a field of credentials (RFC 9110, section
// 11.4) what follows "Bearer", or user or password of "Basic".
func (g *Gate) holdsToken(field, value string) bool {
	if !strings.HasSuffix(field, "Authorization") {
		return g.isToken(value)
	}
	scheme, rest, _ := strings.Cut(value, " ")
	rest = strings.TrimSpace(rest)
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return g.isToken(rest)
	case strings.EqualFold(scheme, "Basic"):
		b, err := base64.StdEncoding.DecodeString(rest)
		user, password, _ := strings.Cut(string(b), ":")
		return err == nil && (g.isToken(password) || g.isToken(user))
	}
	return false
}

// isToken compares sums of equal length, so that the time tells neither content nor length.
func (g *Gate) isToken(s string) bool {
	sum := sha256.Sum256([]byte(s))
	return subtle.ConstantTimeCompare(sum[:], g.token[:]) == 1
}

// TokenHeaders returns the names of the fields that must not reach an upstream because they hold our
// token. X-Millpond-Token is always among them when present, since no upstream has a use for it.
func (g *Gate) TokenHeaders(h wire.Header) []string {
	var names []string
	for _, name := range tokenFields {
		if name == headerToken && h.Has(name) || g.guarded && g.anyToken(name, h.Values(name)) {
			names = append(names, name)
		}
	}
	return names
}

// splitHost splits a Host value into name and port, "" for no port. The name is in lower case, without
// brackets and without a root dot; an address is in its canonical form.
func splitHost(host string) (name, port string, ok bool) {
	name = host
	if rest, bracketed := strings.CutPrefix(host, "["); bracketed {
		name, rest, ok = strings.Cut(rest, "]")
		if !ok || rest != "" && rest[0] != ':' || !strings.Contains(name, ":") {
			return "", "", false
		}
		port = strings.TrimPrefix(rest, ":")
	} else if i := strings.IndexByte(host, ':'); i >= 0 {
		name, port = host[:i], host[i+1:]
	}
	if strings.Trim(port, "0123456789") != "" {
		return "", "", false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if strings.Contains(name, ":") {
		ip, err := netip.ParseAddr(name)
		return ip.Unmap().String(), port, err == nil
	}
	return name, port, name != ""
}
