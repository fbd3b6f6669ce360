package wire

import (
	"errors"
	"net/http"
	"strconv"
)

// ErrUnwritable says that a head cannot be written because a part of it would
// break it: a CR, LF, NUL or other control byte, a name that is no token, a
// target with a space. Nothing of it was written.
var ErrUnwritable = errors.New("http head holds a byte that cannot be written")

// An Extra is a field that a sender adds of its own accord. It takes the place
// of the fields of the same name that came with the message, and is written
// even if hop-by-hop. Its name and value are checked like all others.
type Extra struct{ Name, Value string }

// AppendRequestHead appends the head of a request, always HTTP/1.1: Host, the
// fields of h in their order, extra, and the fields that body
// calls for. Of h it drops what is for one hop, what Connection names, Host,
// Content-Length and what extra replaces; "TE: trailers" stays, and Trailer
// stays with a chunked body.
//
// body says how the body will be framed; BodyTunnel is for CONNECT and for a
// request to upgrade, which keeps the Upgrade field of h. Without KeepAlive the
// server is asked to close.
//
// It returns dst as it was, and ErrUnwritable, if anything could break the head.
func AppendRequestHead(dst []byte, method, target, host string, h Header, body Framing, extra ...Extra) ([]byte, error) {
	if !isToken(method) || !isVisible(target) || host != "" && !isVisible(host) {
		return dst, ErrUnwritable
	}
	w := headWriter{start: len(dst), h: h, body: body, extra: extra, request: true}
	w.upgrade = body.Kind == BodyTunnel && method != "CONNECT"
	dst = append(append(append(append(dst, method...), ' '), target...), " HTTP/1.1\r\nHost: "...)
	dst = append(append(dst, host...), '\r', '\n')
	if body.Kind == BodyNone && (method == "POST" || method == "PUT" || method == "PATCH") {
		w.body.Kind, w.body.Length = BodyLength, 0 // RFC 9110, section 8.6: say that it is empty
	}
	w.te = h.HasToken("te", "trailers")
	return w.finish(dst)
}

// AppendResponseHead appends the head of a response, always HTTP/1.1; an empty
// reason is replaced by the usual one. Fields are treated as AppendRequestHead
// does, but the Content-Length of h stays where there is no body and it tells
// of one (HEAD, 304). 101 keeps the Upgrade field of h.
//
// It returns dst as it was, and ErrUnwritable, if anything could break the head
// or if status is outside 100 to 999.
func AppendResponseHead(dst []byte, status int, reason string, h Header, body Framing, extra ...Extra) ([]byte, error) {
	if status < 100 || status > 999 || !isText(reason) {
		return dst, ErrUnwritable
	}
	if reason == "" {
		reason = http.StatusText(status)
	}
	w := headWriter{start: len(dst), h: h, body: body, extra: extra}
	w.upgrade = status == 101
	w.keepLength = body.Kind == BodyNone && status/100 != 1 && status != 204 // RFC 9110, section 8.6
	dst = append(strconv.AppendInt(append(dst, "HTTP/1.1 "...), int64(status), 10), ' ')
	dst = append(append(dst, reason...), '\r', '\n')
	if status/100 == 1 || body.Kind == BodyTunnel {
		w.body = Framing{KeepAlive: true} // neither has a body, nor is it the last word
	}
	return w.finish(dst)
}

// A headWriter is what writing the fields of one head needs to know.
type headWriter struct {
	start      int // where the head begins in dst
	h          Header
	body       Framing
	extra      []Extra
	request    bool // it has a Host of its own
	upgrade    bool // the Upgrade of h is passed on
	keepLength bool // so is its Content-Length
	te         bool // and "TE: trailers"
	options    bool // h has Connection
}

// finish writes all that follows the first line and Host.
func (w *headWriter) finish(dst []byte) ([]byte, error) {
	w.options = w.h.Has(connection)
	var err error
	for _, l := range w.h {
		if w.drops(l.Name) {
			continue
		}
		if dst, err = appendField(dst, l.Name, l.Value); err != nil {
			return dst[:w.start], err
		}
	}
	for _, e := range w.extra {
		if dst, err = appendField(dst, e.Name, e.Value); err != nil {
			return dst[:w.start], err
		}
	}
	return append(w.framing(dst), '\r', '\n'), nil
}

// framing writes the fields that say how the body ends and what becomes of the
// connection.
func (w *headWriter) framing(dst []byte) []byte {
	switch w.body.Kind {
	case BodyLength:
		dst = append(dst, "Content-Length: "...)
		dst = append(strconv.AppendInt(dst, max(0, w.body.Length), 10), '\r', '\n')
	case BodyChunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	if w.te {
		dst = append(dst, "TE: trailers\r\n"...)
	}
	option := ""
	switch {
	case w.upgrade:
		option = "Upgrade"
	case w.body.Kind == BodyTunnel: // of CONNECT
	case !w.body.KeepAlive || w.body.Kind == BodyUntilClose:
		option = "close"
	}
	if option == "" && !w.te {
		return dst
	}
	dst = append(append(dst, "Connection: "...), option...)
	if w.te { // RFC 9110, section 10.1.4
		if option != "" {
			dst = append(dst, ", "...)
		}
		dst = append(dst, "TE"...)
	}
	return append(dst, '\r', '\n')
}

// drops reports whether the field of h is not passed on.
func (w *headWriter) drops(name string) bool {
	switch {
	case equalFold(name, "host"):
		return w.request
	case equalFold(name, "content-length"):
		return !w.keepLength
	case equalFold(name, "trailer"):
		return w.body.Kind != BodyChunked
	case equalFold(name, "upgrade"):
		return !w.upgrade
	case isHopByHop(name), w.options && w.h.HasToken(connection, name):
		return true
	}
	for _, e := range w.extra {
		if equalFold(name, e.Name) {
			return true
		}
	}
	return false
}

func appendField(dst []byte, name, value string) ([]byte, error) {
	if !isToken(name) || !isText(value) {
		return dst, ErrUnwritable
	}
	dst = append(append(dst, name...), ": "...)
	return append(append(dst, value...), '\r', '\n'), nil
}
