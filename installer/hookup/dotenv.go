package hookup

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// A dotenvKey is a variable of a .env file, by the grammar of the dotenv package for Node.js, which
// Gemini CLI reads it with. What does not match that is no mistake there, and is passed by. The last
// of several lines for one variable counts.
type dotenvKey string

// assignment is dotenv's own pattern of a line: a name and a value, which may go over several lines in
// quotes.
var assignment = regexp.MustCompile(`(?m)^\s*(?:export\s+)?([\w.-]+)(?:\s*=\s*?|:\s+?)(\s*'(?:\\'|[^'])*'|\s*"(?:\\"|[^"])*"|\s*` +
	"`(?:\\\\`|[^`])*`" + `|[^#\r\n]+)?\s*(?:#.*)?$`)

// quote writes a value; our addresses hold nothing that has a meaning there.
func (k dotenvKey) quote(text string) string { return text }

func (k dotenvKey) get(text []byte) (value, bool, error) {
	m := k.find(text)
	if m == nil {
		return value{}, false, nil
	}
	if m[4] < 0 {
		return value{}, true, nil
	}
	raw := strings.TrimSpace(string(text[m[4]:m[5]]))
	v := value{raw, raw}
	if n := len(raw); n > 1 && strings.ContainsRune("'\"`", rune(raw[0])) && raw[n-1] == raw[0] {
		v.Text = raw[1 : n-1]
	}
	return v, true, nil
}

func (k dotenvKey) set(text []byte, raw string) ([]byte, int, error) {
	if m := k.find(text); m != nil {
		from, to := valueOf(text, m)
		return slices.Concat(text[:from], []byte(raw), text[to:]), 0, nil
	}
	eol := lineEnd(text)
	line := string(k) + "=" + raw + eol
	if len(text) > 0 && text[len(text)-1] != '\n' {
		line = eol + strings.TrimSuffix(line, eol)
	}
	next := slices.Concat(text, []byte(line))
	if k.find(next) == nil { // to dotenv, a name with a colon before it takes it for its value
		next = slices.Concat(text, []byte(eol+line))
	}
	return next, 0, nil
}

func (k dotenvKey) unset(text []byte, _ int) ([]byte, error) {
	m := k.find(text)
	if m == nil {
		return text, nil
	}
	_, to := valueOf(text, m)
	from, to := bytes.LastIndexByte(text[:m[2]], '\n')+1, endOfLine(text, to)
	return slices.Concat(text[:from], text[to:]), nil
}

// find returns where the pattern's groups are for the variable's last line; nil when it has none.
func (k dotenvKey) find(text []byte) (last []int) {
	for _, m := range assignment.FindAllSubmatchIndex(text, -1) {
		if string(text[m[2]:m[3]]) == string(k) {
			last = m
		}
	}
	return last
}

// valueOf returns where the value of a match is, without the white space around it.
func valueOf(text []byte, m []int) (from, to int) {
	if m[4] < 0 { // none: it would stand behind the sign that follows the name
		from = m[3] + bytes.IndexAny(text[m[3]:], "=:") + 1
		return from, from
	}
	group := text[m[4]:m[5]]
	from = m[4] + len(group) - len(bytes.TrimLeft(group, " \t"))
	return from, m[4] + len(bytes.TrimRight(group, " \t"))
}
