package wire

import (
	"net/http"
	"slices"
	"strings"
)

// A Line is one field line: its name as it was written, and its value.
type Line struct{ Name, Value string }

// A Header is the fields of a message in their order, with names as they were written, so that
// they can be passed on byte for byte. Methods compare names in any case (RFC 9110, section 5.1).
// The zero value is empty.
type Header []Line

// HeaderOf returns the fields of h, in the order of their names.
func HeaderOf(h http.Header) Header {
	if len(h) == 0 {
		return nil
	}
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	lines := make(Header, 0, len(h)+4)
	for _, name := range names {
		for _, value := range h[name] {
			lines = append(lines, Line{name, value})
		}
	}
	return lines
}

// HTTP returns the fields as net/http has them, with canonical names. The lists of one value
// share one slice, since it is allocations that cost.
func (h Header) HTTP() http.Header {
	out, lists := make(http.Header, len(h)), make([]string, len(h))
	for i, l := range h {
		name := http.CanonicalHeaderKey(l.Name)
		if old := out[name]; old != nil {
			out[name] = append(old, l.Value)
			continue
		}
		lists[i] = l.Value
		out[name] = lists[i : i+1 : i+1]
	}
	return out
}

// ToHeader returns the fields as net/http has them, in memory of their own.
func ToHeader(fields []Field) http.Header {
	var h Header
	h.Fill(fields)
	return h.HTTP()
}

// Fill replaces what is in h by the fields. Their text is copied, into one string, since it is
// allocations that cost; the lines use the memory of h again.
func (h *Header) Fill(fields []Field) {
	size := 0
	for _, f := range fields {
		size += len(f.Name) + len(f.Value)
	}
	var all strings.Builder
	all.Grow(size)
	lines := (*h)[:0]
	for _, f := range fields {
		start := all.Len()
		all.Write(f.Name)
		all.Write(f.Value)
		text := all.String()[start:]
		lines = append(lines, Line{text[:len(f.Name)], text[len(f.Name):]})
	}
	*h = lines
}

// Get returns the value of the first field of that name; "" without one.
func (h Header) Get(name string) string {
	for i := range h {
		if equalFold(h[i].Name, name) {
			return h[i].Value
		}
	}
	return ""
}

// Has reports whether there is a field of that name.
func (h Header) Has(name string) bool {
	for i := range h {
		if equalFold(h[i].Name, name) {
			return true
		}
	}
	return false
}

// Values returns the values of all fields of that name; nil without one.
func (h Header) Values(name string) []string {
	var values []string
	for i := range h {
		if equalFold(h[i].Name, name) {
			values = append(values, h[i].Value)
		}
	}
	return values
}

// HasToken reports whether the comma-separated list that the fields of that name make up holds
// token. Both are compared in any case. Quotes mean nothing to it, so it is for lists of tokens only.
func (h Header) HasToken(name, token string) bool {
	for i := range h {
		if equalFold(h[i].Name, name) && listHas(h[i].Value, token) {
			return true
		}
	}
	return false
}

// Add puts a field behind the others.
func (h *Header) Add(name, value string) { *h = append(*h, Line{name, value}) }

// Set puts a field in place of all of that name.
func (h *Header) Set(name, value string) {
	h.Del(name)
	h.Add(name, value)
}

// Del removes all fields of that name.
func (h *Header) Del(name string) {
	h.DelFunc(func(l Line) bool { return equalFold(l.Name, name) })
}

// DelFunc removes the fields that drop returns true for.
func (h *Header) DelFunc(drop func(Line) bool) { *h = slices.DeleteFunc(*h, drop) }

// Clone returns a copy that can be changed by itself.
func (h Header) Clone() Header { return append(make(Header, 0, len(h)+4), h...) }

// DropHopByHop removes the fields that are for this hop only, by their name or because
// Connection names them (RFC 9110, section 7.6.1).
func (h *Header) DropHopByHop() {
	var options Header // the Connection fields, which are mostly one or none
	for _, l := range *h {
		if equalFold(l.Name, connection) {
			options = append(options, l)
		}
	}
	h.DelFunc(func(l Line) bool { return isHopByHop(l.Name) || options.HasToken(connection, l.Name) })
}

// connection is the field that names others of this hop.
const connection = "connection"
