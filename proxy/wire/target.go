package wire

import (
	"bytes"
	"net/netip"
)

// checkTarget says what is wrong with a request target, or "". The four forms
// are those of RFC 9112, section 3.2. It is narrower than the RFC where a
// target would otherwise mean different things to different readers: no
// fragment, no user name, no percent-encoded host, no broken escape in a path.
// A query is not looked into: it passes byte for byte.
func checkTarget(method, target []byte) (what string) {
	switch {
	case len(target) == 0:
		return "empty target"
	case string(method) == "CONNECT":
		if host, port := splitPort(target); len(port) == 0 || !isHost(host) || !isPort(port) {
			return "target of CONNECT is not host:port" // RFC 9110, section 9.3.6
		}
		return ""
	case target[0] == '/':
		return checkPath(target)
	case target[0] == '*' && len(target) == 1:
		if string(method) != "OPTIONS" {
			return "target * is for OPTIONS only"
		}
		return ""
	}
	rest, ok := cutScheme(target)
	if !ok {
		return "target is neither a path nor an http URL"
	}
	end := bytes.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	if !isAuthority(rest[:end]) {
		return "target has a malformed host" // RFC 9110, section 4.2.1: nor an empty one
	}
	return checkPath(rest[end:])
}

// checkPath says what is wrong with a path and query.
func checkPath(b []byte) (what string) {
	query := false
	for i, c := range b {
		switch {
		case c <= ' ' || c >= 0x7f:
			return "target has a byte that is not visible ASCII"
		case c == '#':
			return "target has a fragment"
		case c == '?':
			query = true
		case c == '%' && !query:
			if i+2 >= len(b) || unhex(b[i+1]) < 0 || unhex(b[i+2]) < 0 {
				return "target has a broken escape"
			}
		}
	}
	return ""
}

// cutScheme removes http:// or https://, in any case.
func cutScheme(b []byte) (rest []byte, ok bool) {
	for _, scheme := range [...]string{"http://", "https://"} {
		if len(b) >= len(scheme) && equalFold(b[:len(scheme)], scheme) {
			return b[len(scheme):], true
		}
	}
	return nil, false
}

// checkHost says what is wrong with the Host fields of r: HTTP/1.1 needs
// exactly one, HTTP/1.0 at most one, and it must be a host with or without a
// port, or empty (RFC 9112, section 3.2).
func checkHost(r *Request) (what string) {
	count := 0
	for _, f := range r.Fields {
		if !equalFold(f.Name, "host") {
			continue
		}
		if count++; count > 1 {
			return "more than one Host"
		}
		if len(f.Value) > 0 && !isAuthority(f.Value) {
			return "malformed Host"
		}
	}
	if count == 0 && r.Minor == 1 {
		return "no Host"
	}
	return ""
}

// isAuthority reports whether b is a host, with or without a port, that is not
// empty. A user name does not belong here (RFC 9110, section 4.2.4).
func isAuthority(b []byte) bool {
	host, port := splitPort(b)
	return isHost(host) && isPort(port)
}

// splitPort cuts b at the colon before a port; port is nil when there is none.
func splitPort(b []byte) (host, port []byte) {
	i := bytes.LastIndexByte(b, ':')
	if i < 0 || bytes.IndexByte(b[i:], ']') > 0 {
		return b, nil
	}
	return b[:i], b[i+1:]
}

// isPort reports whether b is empty or a number up to 65535.
func isPort(b []byte) bool {
	n, ok := parseDecimal(b)
	return len(b) == 0 || ok && len(b) <= 5 && n <= 65535
}

// isHost reports whether b is a name of letters, digits and "-._~", an IPv4
// address, or an IPv6 address in brackets.
func isHost(b []byte) bool {
	if len(b) > 1 && b[0] == '[' && b[len(b)-1] == ']' {
		inner := b[1 : len(b)-1]
		if string(inner) == "::1" { // what a local client sends; ParseAddr allocates
			return true
		}
		a, err := netip.ParseAddr(string(inner))
		return err == nil && a.Is6() && a.Zone() == ""
	}
	for _, c := range b {
		if !isAlnum(c) && c != '-' && c != '.' && c != '_' && c != '~' {
			return false
		}
	}
	return len(b) > 0
}
