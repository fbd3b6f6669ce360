package wire

import (
	"bytes"
	"net/http"
	"net/textproto"
	"time"
)

// Get returns the value of the first field of that name, in any case.
func Get(fields []Field, name string) ([]byte, bool) {
	for _, f := range fields {
		if len(f.Name) == len(name) && equalFold(f.Name, name) {
			return f.Value, true
		}
	}
	return nil, false
}

// HasToken reports whether the comma-separated list that the fields of that
// name make up holds token. Both are compared in any case.
func HasToken(fields []Field, name, token string) bool {
	for _, f := range fields {
		if len(f.Name) == len(name) && equalFold(f.Name, name) && listHas(f.Value, token) {
			return true
		}
	}
	return false
}

// IsHopByHop reports whether the field is for the next hop only and must not be
// passed on, by its name alone: RFC 9110, section 7.6.1, and RFC 9112 for
// Transfer-Encoding. Fields named by Connection are further ones.
func IsHopByHop(name []byte) bool { return isHopByHop(name) }

// isHopByHop is IsHopByHop for either kind of name.
func isHopByHop[T text](name T) bool {
	for _, h := range hopByHop {
		if len(name) == len(h) && equalFold(name, h) {
			return true
		}
	}
	return false
}

// hopByHop are the fields of one hop, lower case. Proxy-* belong to the
// connection with the proxy (RFC 9110, section 11.7); HTTP2-Settings to an
// upgrade that RFC 9113 withdrew.
var hopByHop = [...]string{
	"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
	"proxy-connection", "proxy-authorization", "proxy-authenticate",
	"proxy-authentication-info", "http2-settings",
}

// KeepAliveTimeout returns how long the peer says that it keeps an idle
// connection: "Keep-Alive: timeout=5". It reports false when the peer says
// nothing, or nothing that can be understood. (RFC 2068, section 19.7.1; the
// parameters have no later standard.)
func KeepAliveTimeout(fields []Field) (time.Duration, bool) {
	n, ok := keepAlive(fields, "timeout")
	return time.Duration(min(n, int64(maxKeepAlive/time.Second))) * time.Second, ok
}

// maxKeepAlive bounds what a peer may promise, so that nothing overflows.
const maxKeepAlive = 365 * 24 * time.Hour

// KeepAliveMax returns how many more requests the peer says that it takes on
// this connection: "Keep-Alive: max=100". It reports false when the peer says
// nothing, or nothing that can be understood.
func KeepAliveMax(fields []Field) (int, bool) {
	n, ok := keepAlive(fields, "max")
	return int(min(n, 1<<30)), ok
}

// keepAlive returns a parameter of the Keep-Alive fields. The first one wins.
func keepAlive(fields []Field, param string) (int64, bool) {
	for _, f := range fields {
		if len(f.Name) != len("keep-alive") || !equalFold(f.Name, "keep-alive") {
			continue
		}
		for rest, item := f.Value, []byte(nil); len(rest) > 0; {
			item, rest = cutList(rest)
			name, value, _ := bytes.Cut(item, []byte("="))
			if equalFold(trimSpace(name), param) {
				return parseDecimal(trimSpace(value))
			}
		}
	}
	return 0, false
}

// ToHeader returns the fields as net/http has them, with canonical names, in
// memory of their own.
func ToHeader(fields []Field) http.Header {
	h := make(http.Header, len(fields))
	for _, f := range fields {
		k := textproto.CanonicalMIMEHeaderKey(string(f.Name))
		h[k] = append(h[k], string(f.Value))
	}
	return h
}

type text interface{ string | []byte }

// cutList returns the first element of a comma-separated list, without the
// white space around it, and the rest.
func cutList(list []byte) (item, rest []byte) {
	item, rest, _ = bytes.Cut(list, comma)
	return trimSpace(item), rest
}

var comma = []byte(",")

// listHas reports whether a comma-separated list holds token, lower case.
func listHas(list []byte, token string) bool {
	for item := []byte(nil); len(list) > 0; {
		if item, list = cutList(list); equalFold(item, token) {
			return true
		}
	}
	return false
}

// trimSpace removes the optional white space of RFC 9110, section 5.6.3.
func trimSpace(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// equalFold reports whether a and b are equal but for the case of ASCII letters.
func equalFold[A, B text](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// parseDecimal reads a number of digits only: no sign, no space, no overflow.
func parseDecimal(b []byte) (n int64, ok bool) {
	const most = 1<<63 - 1
	for _, c := range b {
		d := int64(c) - '0'
		if d < 0 || d > 9 || n > (most-d)/10 {
			return 0, false
		}
		n = n*10 + d
	}
	return n, len(b) > 0
}

// The classes of bytes, RFC 9110, section 5.6.2 and 5.5.
const (
	tokenByte = 1 << iota // may stand in a token
	textByte              // may stand in a field value: HTAB, SP, VCHAR, obs-text
)

var class = func() (t [256]uint8) {
	for c := range t {
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= textByte
		}
		if isAlnum(byte(c)) || c != 0 && bytes.IndexByte([]byte("!#$%&'*+-.^_`|~"), byte(c)) >= 0 {
			t[c] |= tokenByte
		}
	}
	return t
}()

// unhex is the value of each hexadecimal digit, and -1 for other bytes.
var unhex = func() (t [256]int8) {
	for c := range t {
		switch {
		case '0' <= c && c <= '9':
			t[c] = int8(c - '0')
		case 'a' <= c && c <= 'f':
			t[c] = int8(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			t[c] = int8(c - 'A' + 10)
		default:
			t[c] = -1
		}
	}
	return t
}()

func isTokenByte(c byte) bool { return class[c]&tokenByte != 0 }

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// isToken reports whether s is a token, which is never empty.
func isToken[T text](s T) bool {
	for i := range len(s) {
		if class[s[i]]&tokenByte == 0 {
			return false
		}
	}
	return len(s) > 0
}

// isText reports whether s may be a field value or a reason.
func isText[T text](s T) bool {
	for i := range len(s) {
		if class[s[i]]&textByte == 0 {
			return false
		}
	}
	return true
}
