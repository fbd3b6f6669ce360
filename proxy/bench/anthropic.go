package bench

import "net/http"

// anthropicRoutes answers the Messages API: https://docs.anthropic.com/en/api/messages and
// https://docs.anthropic.com/en/docs/build-with-claude/streaming.
func (u *Upstream) anthropicRoutes() {
	u.routes.HandleFunc("POST /v1/messages", u.messages)
	u.routes.HandleFunc("POST /v1/messages/count_tokens", func(w http.ResponseWriter, r *http.Request) {
		var in object
		size, err := read(r, &in)
		if err != nil {
			anthropicError(w, err)
			return
		}
		reply(w, http.StatusOK, object{"input_tokens": size/4 + 1})
	})
}

func anthropicError(w http.ResponseWriter, err error) {
	reply(w, http.StatusBadRequest, object{"type": "error",
		"error": object{"type": "invalid_request_error", "message": err.Error()}})
}

func (u *Upstream) messages(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model     string `json:"model"`
		Stream    bool   `json:"stream"`
		MaxTokens int    `json:"max_tokens"`
	}
	size, err := read(r, &in)
	if err != nil {
		anthropicError(w, err)
		return
	}
	a := u.answer("msg_", in.Model, size, in.MaxTokens)
	w.Header().Set("Request-Id", "req_"+a.id)
	if in.Stream {
		u.streamMessages(w, r, a)
		return
	}
	if !u.whole(r.Context(), a) {
		return
	}
	m := a.message("end_turn", len(a.words))
	m["content"] = []object{{"type": "text", "text": a.text()}}
	reply(w, http.StatusOK, m)
}

// message is the answer as Anthropic's Message object, without content yet.
func (a *answer) message(stop any, output int) object {
	return object{
		"id": a.id, "type": "message", "role": "assistant", "model": a.model, "content": []object{},
		"stop_reason": stop, "stop_sequence": nil,
		"usage": object{"input_tokens": a.input, "output_tokens": output,
			"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0},
	}
}

func (u *Upstream) streamMessages(w http.ResponseWriter, r *http.Request, a *answer) {
	if !u.pause(r.Context(), u.cfg.FirstWord) {
		return
	}
	e := startEvents(w)
	send := func(name string, data object) error {
		data["type"] = name
		return e.send(name, data)
	}
	run([]func() error{
		func() error { return send("message_start", object{"message": a.message(nil, 1)}) },
		func() error {
			return send("content_block_start", object{"index": 0, "content_block": object{"type": "text", "text": ""}})
		},
		func() error { return send("ping", object{}) },
		func() error {
			return u.each(r.Context(), a, func(_ int, word string) error {
				return send("content_block_delta", object{"index": 0, "delta": object{"type": "text_delta", "text": word}})
			})
		},
		func() error { return send("content_block_stop", object{"index": 0}) },
		func() error {
			return send("message_delta", object{"delta": object{"stop_reason": "end_turn", "stop_sequence": nil},
				"usage": object{"output_tokens": len(a.words)}})
		},
		func() error { return send("message_stop", object{}) },
	})
}

// run takes the steps of a stream until one fails, which only happens when the client has left.
func run(steps []func() error) {
	for _, step := range steps {
		if step() != nil {
			return
		}
	}
}
