package exchange

import (
	"bytes"
	"encoding/json"

	"millpond/proxy/pool"
	"millpond/settings"
)

// events follows a stream of server-sent events as it passes, without holding it:
// where one event ends and the next begins, whether the event that ends the
// stream was there, and whether one told of an error. (WHATWG HTML, section 9.2.)
type events struct {
	line    []byte // the beginning of the line under way, as far as it came in pieces before
	empty   bool   // the line under way has no byte yet
	between bool   // the last line was empty: an event ended
	cr      bool   // the last byte was CR
	ends    bool   // an API whose streams have a last event
	ended   bool   // that event was seen
	failed  bool   // an error event was seen
	name    string // of the event under way, where it matters
	tail    []byte // the end of the piece before, as long as the last event is awaited
}

// lineKept is how much of a line is looked at.
const lineKept = 256

func newEvents(kind settings.Kind) *events {
	e := &events{empty: true, between: true}
	e.ends = kind == settings.KindAnthropic || kind == settings.KindOpenAI || kind == settings.KindGemini
	return e
}

// see takes the next piece of the stream.
func (e *events) see(p []byte) {
	for len(p) > 0 {
		i := lineEnd(p)
		if i < 0 {
			e.add(p)
			e.line = append(e.line, p[:min(lineKept-len(e.line), len(p))]...)
			return
		}
		e.add(p[:i])
		if p[i] == '\n' && e.cr {
			e.cr = false // the second half of CRLF
		} else {
			e.endLine(p[:i])
			e.cr = p[i] == '\r'
		}
		p = p[i+1:]
	}
}

// lineEnd returns where the first CR or LF stands; -1 without one.
func lineEnd(p []byte) int {
	i := bytes.IndexByte(p, '\n')
	if i >= 0 {
		p = p[:i]
	}
	if cr := bytes.IndexByte(p, '\r'); cr >= 0 {
		return cr
	}
	return i
}

// add takes a part of the line under way.
func (e *events) add(p []byte) {
	if len(p) == 0 {
		return
	}
	e.cr, e.empty, e.between = false, false, false
	if e.ends && !e.ended {
		e.seek(p)
	}
}

// seek looks for Gemini's finishReason: it has no last event, but says why it stopped. The word
// may come in two pieces.
func (e *events) seek(p []byte) {
	n := min(len(p), len(finishReason)-1)
	across := append(e.tail, p[:n]...)
	e.ended = bytes.Contains(across, finishReason) || bytes.Contains(p, finishReason)
	if n < len(p) {
		across = p
	}
	e.tail = append(e.tail[:0], across[max(0, len(across)-len(finishReason)+1):]...)
}

var finishReason = []byte(`"finishReason"`)

// endLine takes the line under way, of which last is what came in the present piece.
func (e *events) endLine(last []byte) {
	if e.empty {
		e.between, e.name = true, ""
		return
	}
	e.empty = true
	line := last[:min(lineKept, len(last))]
	if len(e.line) > 0 {
		e.line = append(e.line, last[:min(lineKept-len(e.line), len(last))]...)
		line = e.line
	}
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "event":
		e.named(string(value))
	case "data":
		e.data(value)
	}
	e.line = e.line[:0]
}

// named looks at an event's name: Anthropic's and OpenAI's Responses have them.
func (e *events) named(name string) {
	e.name = name
	switch name {
	case "message_start", "response.created":
		e.ends = true
	case "message_stop", "response.completed", "response.failed", "response.incomplete":
		e.ended = true
	case "error":
		e.failed = true
	}
}

func (e *events) data(value []byte) {
	switch {
	case bytes.Equal(value, []byte("[DONE]")):
		e.ended = true
	case bytes.HasPrefix(value, []byte(`{"error"`)), bytes.HasPrefix(value, []byte(`{"type":"error"`)):
		e.failed = true
	case !e.ends && bytes.Contains(value, []byte(`"chat.completion.chunk"`)):
		e.ends = true
	}
}

// atBoundary reports whether an event could be put here. Within CRLF it could not:
// the CR alone would end the line, but not every reader knows.
func (e *events) atBoundary() bool { return e.empty && e.between && !e.cr }

// unfinished reports whether the stream lacks the event that ends it.
func (e *events) unfinished() bool { return e.ends && !e.ended && !e.failed }

// errorEvent tells a client, in the stream, that it was cut. The SDKs of
// Anthropic and OpenAI raise it as an error.
func errorEvent(t *turn, f *pool.Failure) []byte {
	p := problemOf(t, f)
	data, _ := json.Marshal(map[string]any{ // strings cannot fail
		"type":  "error",
		"error": map[string]string{"type": "api_error", "message": p.message, "code": p.code},
	})
	return append(append([]byte("event: error\ndata: "), data...), "\n\n"...)
}
