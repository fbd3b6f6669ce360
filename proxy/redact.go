package proxy

import (
	"regexp"
	"strings"
)

// hidden stands where something was taken out of a text.
const hidden = "[hidden]"

// The parts of a text that may hold a secret. Package variables that never change.
var (
	urls      = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>]+`)
	queries   = regexp.MustCompile(`(/[^\s?"'<>]*)\?[^\s"'<>]+`)
	schemes   = regexp.MustCompile(`(?i)\b(bearer|basic|digest|negotiate)\s+[a-z0-9._~+/=-]{4,}`)
	headers   = regexp.MustCompile(`(?i)\b((?:proxy-)?authorization|(?:set-)?cookie|[a-z-]*api[-_]?key|[a-z-]*token|password|secret)(["']?\s*[:=]\s*["']?)[^\s"',;&\[][^\s"',;&]*`)
	keyShapes = regexp.MustCompile(`\b(?:sk-[A-Za-z0-9_-]{8,}|AIza[A-Za-z0-9_-]{20,}|gh[pousr]_[A-Za-z0-9]{20,}|xox[a-z]-[A-Za-z0-9-]{8,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_.-]+)`)
	quoted    = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"?|`[^`]*`?")
)

// Redact returns text without what must not be logged: user and password in a URL,
// query values, credentials in header form and strings in the shape of well-known
// API keys. Go's errors hold whole URLs, so every error goes through it.
//
// It works on text of our own and of the standard library. It is no filter for bodies,
// which are never logged.
func Redact(text string) string {
	if !suspicious(text) {
		return text
	}
	text = urls.ReplaceAllStringFunc(text, redactURL)
	text = queries.ReplaceAllString(text, "$1?"+hidden)
	text = schemes.ReplaceAllString(text, "$1 "+hidden)
	text = headers.ReplaceAllStringFunc(text, redactHeader)
	return keyShapes.ReplaceAllString(text, hidden)
}

// suspicious reports whether text may hold a secret at all. It spares most values of
// a log line the regular expressions.
func suspicious(text string) bool {
	if strings.ContainsAny(text, suspects) {
		return true
	}
	for i := range len(text) {
		if startsKey(text[i:]) {
			return true
		}
	}
	return false
}

// suspects are the bytes around what may be a secret: a URL and a header have ":" or "=", a
// query "?", a scheme a space.
const suspects = "?:= "

// keyStarts are the bytes that keyShapes begin with.
const keyStarts = "sAgxe"

// startsKey reports whether text, which is not empty, begins as one of keyShapes may.
func startsKey(text string) bool {
	start := ""
	switch text[0] {
	case 's':
		start = "sk-"
	case 'A':
		start = "AIza"
	case 'g':
		start = "gh"
	case 'x':
		start = "xox"
	case 'e':
		start = "eyJ"
	}
	return start != "" && strings.HasPrefix(text, start)
}

// redactURL takes the user, the password, the query and the fragment out of a URL.
func redactURL(raw string) string {
	scheme, rest, _ := strings.Cut(raw, "://")
	tail := ""
	if i := strings.IndexAny(rest, "?#"); i >= 0 {
		rest, tail = rest[:i], "?"+hidden
	}
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	// A password with a bare slash ends the authority early: then what seems to be the
	// port is none, and the real "@" comes later.
	if _, port, found := strings.Cut(authority, ":"); found && !digits(port) && !strings.Contains(authority, "@") {
		authority, path = rest, ""
	}
	if i := strings.LastIndexByte(authority, '@'); i >= 0 {
		authority = authority[i+1:]
	}
	return scheme + "://" + authority + path + tail
}

// digits reports whether s is a port, perhaps with the punctuation of a sentence or
// the rest of an IPv6 address around it.
func digits(s string) bool {
	return strings.Trim(s, "0123456789abcdefABCDEF:].,;)") == ""
}

// redactHeader keeps the name of a header and hides its value.
func redactHeader(s string) string {
	m := headers.FindStringSubmatch(s)
	return m[1] + m[2] + hidden
}

// redactForeign is Redact for what other packages print through the standard log
// package. net/http quotes there what a peer sent, so every quoted string goes.
func redactForeign(text string) string {
	return Redact(quoted.ReplaceAllString(text, `"`+hidden+`"`))
}
