package wire

import "strings"

// text is what the functions on bytes work on: parsed heads are bytes, heads to
// be written are strings.
type text interface{ string | []byte }

// listHas reports whether a comma-separated list holds token, in any case.
func listHas[A, B text](list A, token B) bool {
	for len(list) > 0 {
		var item A
		if item, list = cut(list, ','); equalFold(trimSpace(item), token) {
			return true
		}
	}
	return false
}

// cut returns what stands before and after the first sep.
func cut[T text](s T, sep byte) (before, after T) {
	for i := range len(s) {
		if s[i] == sep {
			return s[:i], s[i+1:]
		}
	}
	return s, s[len(s):]
}

// trimSpace removes the optional white space of RFC 9110, section 5.6.3.
func trimSpace[T text](s T) T {
	for len(s) > 0 && (s[0] == ' ' || s[0] == '\t') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == ' ' || s[len(s)-1] == '\t') {
		s = s[:len(s)-1]
	}
	return s
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

// The classes of bytes.
const (
	tokenByte = 1 << iota // may stand in a token: RFC 9110, section 5.6.2
	textByte              // may stand in a field value, HTAB, SP, VCHAR or obs-text: section 5.5
)

// class is never written after it is made.
var class = func() (t [256]uint8) {
	for c := range t {
		if c == '\t' || c >= ' ' && c != 0x7f {
			t[c] |= textByte
		}
		if isAlnum(byte(c)) || strings.IndexByte("!#$%&'*+-.^_`|~", byte(c)) >= 0 {
			t[c] |= tokenByte
		}
	}
	return t
}()

func isTokenByte(c byte) bool { return class[c]&tokenByte != 0 }

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// unhex returns the value of a hexadecimal digit, and -1 for other bytes.
func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
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

// isVisible reports whether s is visible ASCII throughout, and not empty.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return len(s) > 0
}
