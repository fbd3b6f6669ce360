package wire

import (
	"net/http"
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
// memory of their own. Names and values share one string, and the lists of one
// value share one slice, since it is allocations that cost.
func ToHeader(fields []Field) http.Header {
	h := make(http.Header, len(fields))
	FillHeader(h, nil, fields)
	return h
}

// FillHeader is ToHeader with memory for another time: it puts the fields into h, which
// is empty, and their values into lists, as far as there is room. It returns lists, or a
// longer one. The text is new each time, so it may be kept.
func FillHeader(h http.Header, lists []string, fields []Field) []string {
	size := 0
	for _, f := range fields {
		size += len(f.Name) + len(f.Value)
	}
	var all strings.Builder
	all.Grow(size)
	if cap(lists) < len(fields) {
		lists = make([]string, len(fields), len(fields)+4)
	}
	lists = lists[:len(fields)]
	for i, f := range fields {
		start := all.Len()
		writeCanonical(&all, f.Name)
		all.Write(f.Value)
		name, value := all.String()[start:start+len(f.Name)], all.String()[start+len(f.Name):]
		if old := h[name]; old != nil {
			h[name] = append(old, value)
			continue
		}
		lists[i] = value
		h[name] = lists[i : i+1 : i+1]
	}
	return lists
}

// writeCanonical writes a name, which is a token, as net/http has it: a capital
// at the start and after each hyphen, small letters elsewhere.
func writeCanonical(w *strings.Builder, name []byte) {
	capital := true
	for _, c := range name {
		if c = lower(c); capital && 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		w.WriteByte(c)
		capital = c == '-'
	}
}
