package wire

// A BodyKind says how the end of a body is found.
type BodyKind uint8

// The ways in which a body ends, RFC 9112, section 6.3.
const (
	BodyNone       BodyKind = iota // there is no body
	BodyLength                     // after Framing.Length bytes
	BodyChunked                    // after the last chunk and the trailer section
	BodyUntilClose                 // when the peer closes; responses only
	BodyTunnel                     // no body: the connection stops being HTTP (101, or 2xx to CONNECT)
)

// A Framing says where the body of a message ends and whether the connection
// can carry another message after it. The zero value is "no body, close".
type Framing struct {
	Kind      BodyKind
	Length    int64 // bytes; only for BodyLength
	KeepAlive bool
}

// Framing returns how the body of the request ends: RFC 9112, section 6.3. It
// refuses, with a *SyntaxError, all that could be read in two ways:
// Content-Length beside Transfer-Encoding, two of either (equal or not), a
// length that is not digits alone, any transfer coding but chunked, and any at
// all on HTTP/1.0; also content on CONNECT (RFC 9110, section 9.3.6).
func (r *Request) Framing() (Framing, error) {
	s, what := scanFraming(r.Fields, r.Minor)
	if what == "" && s.coded && s.sized {
		what = "both Content-Length and Transfer-Encoding" // section 6.1
	}
	if what == "" && string(r.Method) == "CONNECT" && (s.coded || s.length > 0) {
		what = "CONNECT with a body"
	}
	if what != "" {
		return Framing{}, refuse(-1, what)
	}
	f := Framing{KeepAlive: s.keepAlive}
	switch {
	case s.coded:
		f.Kind = BodyChunked
	case s.sized:
		f.Kind, f.Length = BodyLength, s.length
	}
	return f, nil
}

// WantsTunnel reports whether the request asks to leave HTTP: CONNECT, or an
// Upgrade on HTTP/1.1 that Connection names (RFC 9110, section 7.8). Upgrade to
// h2c alone does not count, since RFC 9113 withdrew it and it may be ignored.
func (r *Request) WantsTunnel() bool {
	if string(r.Method) == "CONNECT" {
		return true
	}
	if r.Minor == 0 || !HasToken(r.Fields, "connection", "upgrade") {
		return false
	}
	for _, f := range r.Fields {
		if !equalFold(f.Name, "upgrade") {
			continue
		}
		for list := f.Value; len(list) > 0; {
			var item []byte
			item, list = cut(list, ',')
			if item = trimSpace(item); len(item) > 0 && !equalFold(item, "h2c") {
				return true
			}
		}
	}
	return false
}

// Framing returns how the body of the response to a request of that method
// ends: RFC 9112, section 6.3. Where Transfer-Encoding stands beside
// Content-Length it wins, and the connection is not to be used again; the
// Content-Length must then not be passed on. Two lengths, equal or not, a
// malformed one, any coding but chunked, and any at all from HTTP/1.0 are
// refused with a *SyntaxError, even where there is no body.
//
// It does not judge whether a 1xx was asked for: for 101 it returns BodyTunnel.
func (r *Response) Framing(method string) (Framing, error) {
	if r.Status == 101 || method == "CONNECT" && r.Status/100 == 2 {
		return Framing{Kind: BodyTunnel}, nil
	}
	s, what := scanFraming(r.Fields, r.Minor)
	if what != "" {
		return Framing{}, refuse(-1, what)
	}
	f := Framing{KeepAlive: s.keepAlive && !(s.coded && s.sized)}
	switch {
	case method == "HEAD" || r.Status/100 == 1 || r.Status == 204 || r.Status == 304:
	case s.coded:
		f.Kind = BodyChunked
	case s.sized:
		f.Kind, f.Length = BodyLength, s.length
	default:
		f.Kind, f.KeepAlive = BodyUntilClose, false
	}
	return f, nil
}

// A framingScan is what the fields of a message say about its framing.
type framingScan struct {
	sized, coded bool  // it has a Content-Length; a Transfer-Encoding: chunked
	length       int64 // of Content-Length
	keepAlive    bool  // by the version and Connection: RFC 9112, section 9.3
}

// scanFraming reads the fields that have to do with framing and says what is
// wrong with them, or "".
func scanFraming(fields []Field, minor int) (s framingScan, what string) {
	var closing, keeping, badTrailer bool
	for _, f := range fields {
		switch len(f.Name) {
		case len("connection"):
			if equalFold(f.Name, "connection") {
				closing = closing || listHas(f.Value, "close")
				keeping = keeping || listHas(f.Value, "keep-alive")
			}
		case len("content-length"):
			if !equalFold(f.Name, "content-length") {
				continue
			}
			if s.sized {
				return s, "more than one Content-Length"
			}
			if s.length, s.sized = parseDecimal(f.Value); !s.sized {
				return s, "malformed Content-Length" // RFC 9110, section 8.6
			}
		case len("transfer-encoding"):
			if !equalFold(f.Name, "transfer-encoding") {
				continue
			}
			if s.coded {
				return s, "more than one Transfer-Encoding"
			}
			if s.coded = equalFold(f.Value, "chunked"); !s.coded {
				return s, "Transfer-Encoding other than chunked"
			}
		case len("trailer"):
			if equalFold(f.Name, "trailer") {
				badTrailer = badTrailer || listHas(f.Value, "content-length") ||
					listHas(f.Value, "transfer-encoding") || listHas(f.Value, "trailer")
			}
		}
	}
	if s.coded && minor == 0 {
		return s, "Transfer-Encoding on HTTP/1.0" // RFC 9112, section 6.1
	}
	if s.coded && badTrailer {
		return s, "Trailer announces a framing field" // RFC 9110, section 6.5.1
	}
	s.keepAlive = !closing && (minor == 1 || keeping)
	return s, ""
}
