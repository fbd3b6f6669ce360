package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// messages answers as POST /v1/messages does. The model says how:
//
//	quick       the whole answer at once
//	held        the first words, then nothing until the request is released or its client leaves
//	cut         the first words, then the connection is cut
//	overloaded  529 with Anthropic's error
func messages(c *counters, w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model  string
		Stream bool
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		fail(w, http.StatusBadRequest, "invalid_request_error", err.Error())
		return
	}
	w.Header().Set("Request-Id", "req_"+r.Header.Get(idHeader))
	switch {
	case in.Model == "overloaded":
		w.Header().Set("X-Should-Retry", "true")
		fail(w, 529, "overloaded_error", "Overloaded")
	case in.Stream:
		stream(c, w, r, in.Model)
	case in.Model == "held" && !c.held(r):
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, message, in.Model, `[{"type":"text","text":"one two three"}]`, `"end_turn"`)
	}
}

func fail(w http.ResponseWriter, status int, kind, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "error", "error": map[string]string{"type": kind, "message": text}})
}

// message is Anthropic's Message object: model, content, stop reason.
const message = `{"id":"msg_1","type":"message","role":"assistant","model":%q,"content":%s,"stop_reason":%s,` +
	`"stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":3}}`

// stream sends "one two three" as events, and with the model "held" waits after the second word.
func stream(c *counters, w http.ResponseWriter, r *http.Request, model string) {
	w.Header().Set("Content-Type", "text/event-stream")
	out := http.NewResponseController(w)
	send := func(name, rest string) {
		_, _ = io.WriteString(w, "event: "+name+"\ndata: {\"type\":\""+name+"\""+rest+"}\n\n")
		_ = out.Flush()
	}
	word := func(s string) {
		send("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"`+s+`"}`)
	}
	send("message_start", `,"message":`+fmt.Sprintf(message, model, "[]", "null"))
	send("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
	send("ping", "")
	word("one")
	word(" two")
	if model == "cut" {
		panic(http.ErrAbortHandler)
	}
	if model == "held" && !c.held(r) {
		return
	}
	word(" three")
	send("content_block_stop", `,"index":0`)
	send("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}`)
	send("message_stop", "")
}
