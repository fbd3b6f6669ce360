package wire

import "time"

// Get returns the value of the first field of that name, in any case.
func Get(fields []Field, name string) ([]byte, bool) {
	for _, f := range fields {
		if equalFold(f.Name, name) {
			return f.Value, true
		}
	}
	return nil, false
}

// HasToken reports whether the comma-separated list that the fields of that
// name make up holds token. Both are compared in any case. Quotes mean nothing
// to it, so it is for lists of tokens only.
func HasToken(fields []Field, name, token string) bool {
	for _, f := range fields {
		if equalFold(f.Name, name) && listHas(f.Value, token) {
			return true
		}
	}
	return false
}

// isHopByHop reports whether a field is for the next hop only, by its name.
func isHopByHop[T text](name T) bool {
	if len(name) >= 64 || hopByHopLengths>>len(name)&1 == 0 {
		return false
	}
	for _, h := range hopByHop {
		if equalFold(name, h) {
			return true
		}
	}
	return false
}

// hopByHop are the fields of one hop. Proxy-* belong to the connection with the
// proxy (RFC 9110, section 11.7); HTTP2-Settings to an upgrade that RFC 9113
// withdrew.
var hopByHop = [...]string{
	"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
	"proxy-connection", "proxy-authorization", "proxy-authenticate",
	"proxy-authentication-info", "http2-settings",
}

// hopByHopLengths has the bit of each length that one of hopByHop has: most fields need no more.
var hopByHopLengths = func() (set uint64) {
	for _, name := range hopByHop {
		set |= 1 << len(name)
	}
	return set
}()

// KeepAliveTimeout returns how long the peer says that it keeps an idle
// connection, as in "Keep-Alive: timeout=5", and at most a year. It reports
// false when the peer says nothing that can be understood. The field has no
// later standard than RFC 2068, section 19.7.1.
func KeepAliveTimeout(fields []Field) (time.Duration, bool) {
	const year = 365 * 24 * 60 * 60
	n, ok := keepAlive(fields, "timeout")
	return time.Duration(min(n, year)) * time.Second, ok
}

// KeepAliveMax returns how many more requests the peer says that it takes on
// this connection, as in "Keep-Alive: max=100", and at most 2^30. It reports
// false when the peer says nothing that can be understood.
func KeepAliveMax(fields []Field) (int, bool) {
	n, ok := keepAlive(fields, "max")
	return int(min(n, 1<<30)), ok
}

// keepAlive returns a parameter of the Keep-Alive fields; the first one counts.
func keepAlive(fields []Field, param string) (n int64, ok bool) {
	for _, f := range fields {
		if !equalFold(f.Name, "keep-alive") {
			continue
		}
		for item, rest := cut(f.Value, ','); ; item, rest = cut(rest, ',') {
			if name, value := cut(item, '='); equalFold(trimSpace(name), param) {
				return parseDecimal(trimSpace(value))
			}
			if len(rest) == 0 {
				break
			}
		}
	}
	return 0, false
}
