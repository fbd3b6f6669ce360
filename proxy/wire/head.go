package wire

import (
	"bytes"
	"errors"
	"strconv"
)

// MaxHead is the size in bytes of the largest head accepted, empty line
// included.
const MaxHead = 64 << 10

// MaxFields is the largest number of field lines accepted in one head or one
// trailer section.
const MaxFields = 256

// ErrShort says that the bytes so far are the beginning of a head and that more
// are needed. Before calling again, HeadReady tells cheaply whether it is worth
// it.
var ErrShort = errors.New("http head is not complete")

// A SyntaxError says why bytes were refused. Its text never holds any of them,
// so it may be logged and sent.
type SyntaxError struct {
	Offset   int    // of the line or byte at fault, from the start of what was parsed; -1 when it is no single place
	What     string // the fault, constant text
	Lenient  bool   // ParseResponseLenient may be able to read the same bytes
	TooLarge bool   // over MaxHead or MaxFields; for a request status 431 says so
}

// Error describes the fault.
func (e *SyntaxError) Error() string {
	if e.Offset < 0 {
		return "malformed http message: " + e.What
	}
	return "malformed http message at byte " + strconv.Itoa(e.Offset) + ": " + e.What
}

// A Field is one field line: its name as it was written and its value without
// the white space around it. Both are slices of the parsed buffer.
type Field struct{ Name, Value []byte }

// A Request is the head of a request. Its slices belong to the parsed buffer.
// The zero value is ready; ParseRequest uses its Fields again.
type Request struct {
	Method, Target []byte // Target is byte for byte what was sent
	Minor          int    // 0 for HTTP/1.0, 1 for HTTP/1.1
	Fields         []Field
}

// A Response is the head of a response. Its slices belong to the parsed buffer.
// The zero value is ready; ParseResponse uses its Fields again.
type Response struct {
	Minor, Status int // Status is 100 to 999, as net/http can pass on
	Reason        []byte
	Fields        []Field
}

// Forget gives up the parsed buffer, which r would else keep from being collected. The room for
// Fields stays.
func (r *Request) Forget() {
	clear(r.Fields)
	*r = Request{Fields: r.Fields[:0]}
}

// Forget gives up the parsed buffer, as that of a Request does.
func (r *Response) Forget() {
	clear(r.Fields)
	*r = Response{Fields: r.Fields[:0]}
}

// ParseRequest reads the head of a request from the start of b and returns its
// length, empty line included. It returns ErrShort when b ends too early, and a
// *SyntaxError for anything that is not exactly RFC 9112, section 3 and 5; then
// r is not to be used. One empty line before the request line is skipped
// (RFC 9112, section 2.2). The framing of the body is a question of its own:
// see Framing.
//
// The time is linear in the bytes up to the end of the head, or up to len(b)
// when it returns ErrShort. For any shorter beginning of the same bytes the
// answer is ErrShort or the same error.
func ParseRequest(b []byte, r *Request) (n int, err error) {
	p := newParser(b)
	at := 0
	if len(p.b) > 0 && p.b[0] == '\r' {
		if len(p.b) == 1 {
			return 0, ErrShort
		}
		if p.b[1] != '\n' {
			return 0, refuse(0, "bare CR")
		}
		at = 2
	}
	if at < len(p.b) && !isTokenByte(p.b[at]) {
		return 0, refuse(at, "method is not a token")
	}
	end, err := p.line(at)
	if err != nil {
		return 0, err
	}
	if what := r.parseLine(p.b[at:end]); what != "" {
		return 0, refuse(at, what)
	}
	n, r.Fields, err = p.fields(end+2, r.Fields[:0])
	if err != nil {
		return 0, err
	}
	if what := checkHost(r); what != "" {
		return 0, refuse(-1, what)
	}
	return n, nil
}

// ParseResponse reads the head of a response from the start of b and returns
// its length, empty line included. It returns ErrShort when b ends too early,
// and a *SyntaxError for anything that is not exactly RFC 9112, section 4 and
// 5, but that a missing reason may go without its space ("HTTP/1.1 200"). The
// costs are those of ParseRequest.
func ParseResponse(b []byte, r *Response) (n int, err error) {
	p := newParser(b)
	if n := min(len(p.b), len(protocol)); string(p.b[:n]) != protocol[:n] {
		return 0, refuse(0, "not an HTTP/1 status line")
	}
	end, err := p.line(0)
	if err != nil {
		return 0, err
	}
	if what := r.parseLine(p.b[:end]); what != "" {
		return 0, refuse(0, what)
	}
	n, r.Fields, err = p.fields(end+2, r.Fields[:0])
	if err != nil {
		return 0, err
	}
	return n, nil
}

// HeadReady reports whether parsing b is worth it: whether b holds the end of a
// head, a bare LF or too much, or is so short that it may be no HTTP at all.
// Give it the next that it returned for the shorter b before (0 at first), and a
// head that comes a byte at a time costs hardly more than one pass.
func HeadReady(b []byte, from int) (next int, ready bool) {
	if len(b) >= MaxHead || from < versionLen && len(b) > 0 {
		return len(b), true
	}
	for from < len(b) {
		i := bytes.IndexByte(b[from:], '\n')
		if i < 0 {
			break
		}
		i += from
		if i == 0 || b[i-1] != '\r' {
			return i, true // a bare LF
		}
		if i > 1 && b[i-2] == '\n' {
			return i, true // the empty line
		}
		from = i + 1
	}
	return len(b), false
}

// A parser walks over the lines of one head.
type parser struct {
	b     []byte // no more than MaxHead bytes
	whole bool   // b was cut at MaxHead: what does not end in it is too large
}

func newParser(b []byte) parser {
	if len(b) >= MaxHead {
		return parser{b[:MaxHead], true}
	}
	return parser{b, false}
}

// line returns the index of the CRLF that ends the line starting at from.
func (p parser) line(from int) (int, error) {
	i := bytes.IndexByte(p.b[from:], '\n')
	if i < 0 {
		if p.whole {
			return 0, &SyntaxError{Offset: from, What: "head is too large", TooLarge: true}
		}
		return 0, ErrShort
	}
	if i == 0 || p.b[from+i-1] != '\r' {
		return 0, &SyntaxError{Offset: from + i, What: "bare LF", Lenient: true}
	}
	return from + i - 1, nil
}

// fields appends the field lines that start at from, up to the empty line, and
// returns the offset after it.
func (p parser) fields(from int, fields []Field) (int, []Field, error) {
	for first := true; ; first = false {
		end, err := p.line(from)
		if err != nil {
			return 0, fields, err
		}
		if end == from {
			return end + 2, fields, nil
		}
		if len(fields) == MaxFields {
			return 0, fields, &SyntaxError{Offset: from, What: "too many fields", TooLarge: true}
		}
		if c := p.b[from]; c == ' ' || c == '\t' {
			// RFC 9112, section 5.2. Before the first field it is
			// nothing that could be folded (section 2.2).
			return 0, fields, &SyntaxError{Offset: from, What: "folded line", Lenient: !first}
		}
		f, what := parseField(p.b[from:end])
		if what != "" {
			return 0, fields, refuse(from, what)
		}
		fields = append(fields, f)
		from = end + 2
	}
}

// parseField reads one field line, without its CRLF: RFC 9112, section 5.
func parseField(line []byte) (f Field, what string) {
	i := 0
	for i < len(line) && isTokenByte(line[i]) {
		i++
	}
	switch {
	case i == len(line):
		return f, "field without a colon"
	case line[i] == ':' && i == 0:
		return f, "field without a name"
	case line[i] == ' ' || line[i] == '\t':
		return f, "white space before the colon" // section 5.1
	case line[i] != ':':
		return f, "field name is not a token"
	}
	f.Name, f.Value = line[:i], trimSpace(line[i+1:])
	if !isText(f.Value) {
		return f, "control byte in a field value" // RFC 9110, section 5.5
	}
	return f, ""
}

// parseLine reads "METHOD SP target SP HTTP/1.x": RFC 9112, section 3.
func (r *Request) parseLine(line []byte) (what string) {
	i := bytes.IndexByte(line, ' ')
	if i < 0 {
		return "request line has no target"
	}
	if !isToken(line[:i]) {
		return "method is not a token"
	}
	r.Method, line = line[:i], line[i+1:]
	i = bytes.IndexByte(line, ' ')
	if i < 0 {
		return "request line has no version"
	}
	r.Target, line = line[:i], line[i+1:]
	var ok bool
	if r.Minor, ok = minor(line); !ok || len(line) != versionLen {
		return "version is not HTTP/1.0 or HTTP/1.1"
	}
	return checkTarget(r.Method, r.Target)
}

// parseLine reads "HTTP/1.x SP status [SP reason]": RFC 9112, section 4.
func (r *Response) parseLine(line []byte) (what string) {
	var ok bool
	if r.Minor, ok = minor(line); !ok {
		return "version is not HTTP/1.0 or HTTP/1.1"
	}
	line = line[versionLen:]
	if len(line) < 4 || line[0] != ' ' || len(line) > 4 && line[4] != ' ' {
		return "status is not three digits"
	}
	r.Status = 0
	for _, c := range line[1:4] {
		if c < '0' || c > '9' {
			return "status is not three digits"
		}
		r.Status = r.Status*10 + int(c-'0')
	}
	if r.Status < 100 {
		return "status is under 100"
	}
	r.Reason = line[min(5, len(line)):]
	if !isText(r.Reason) {
		return "control byte in the reason"
	}
	return ""
}

const (
	protocol   = "HTTP/1."
	versionLen = len(protocol) + 1
)

// minor reads the version at the start of b.
func minor(b []byte) (minor int, ok bool) {
	if len(b) < versionLen || string(b[:versionLen-1]) != protocol {
		return 0, false
	}
	c := b[versionLen-1]
	return int(c - '0'), c == '0' || c == '1'
}

func refuse(offset int, what string) error { return &SyntaxError{Offset: offset, What: what} }
