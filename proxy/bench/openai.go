package bench

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"math"
	"net/http"
	"time"
)

// openAIRoutes answers chat completions, responses and embeddings:
// https://platform.openai.com/docs/api-reference.
func (u *Upstream) openAIRoutes() {
	u.routes.HandleFunc("POST /v1/chat/completions", u.chat)
	u.routes.HandleFunc("POST /v1/responses", u.responses)
	u.routes.HandleFunc("GET /v1/responses", noWebSocket)
	u.routes.HandleFunc("POST /v1/embeddings", u.embeddings)
}

// noWebSocket sends Codex, which tries a WebSocket first, to plain requests at once: on 426 it does
// not try again, and on any other refusal five times more, for seven seconds (0.169.0).
func noWebSocket(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Upgrade", "HTTP/1.1") // RFC 9110, section 15.5.22, wants the field
	reply(w, http.StatusUpgradeRequired, object{"error": object{
		"message": "there are no WebSockets here", "type": "invalid_request_error", "param": nil, "code": nil}})
}

func openAIError(w http.ResponseWriter, err error) {
	reply(w, http.StatusBadRequest, object{"error": object{
		"message": err.Error(), "type": "invalid_request_error", "param": nil, "code": nil}})
}

// models lists the one demo model, in Anthropic's shape for clients that name Anthropic's
// version and in OpenAI's for all others: both APIs have the same path.
func (u *Upstream) models(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Anthropic-Version") != "" {
		reply(w, http.StatusOK, object{"has_more": false, "first_id": "demo", "last_id": "demo",
			"data": []object{{"type": "model", "id": "demo", "display_name": "Demo", "created_at": "2026-01-01T00:00:00Z"}}})
		return
	}
	reply(w, http.StatusOK, object{"object": "list",
		"data": []object{{"id": "demo", "object": "model", "created": 1767225600, "owned_by": "millpond"}}})
}

func (u *Upstream) chat(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model         string `json:"model"`
		Stream        bool   `json:"stream"`
		MaxTokens     int    `json:"max_tokens"`
		MaxCompletion int    `json:"max_completion_tokens"`
		StreamOptions struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	size, err := read(r, &in)
	if err != nil {
		openAIError(w, err)
		return
	}
	a := u.answer("chatcmpl-", in.Model, size, max(in.MaxTokens, in.MaxCompletion))
	if in.Stream {
		u.streamChat(w, r, a, in.StreamOptions.IncludeUsage)
		return
	}
	if !u.whole(r.Context(), a) {
		return
	}
	c := a.completion("chat.completion", object{
		"index": 0, "logprobs": nil, "finish_reason": "stop",
		"message": object{"role": "assistant", "content": a.text(), "refusal": nil}})
	c["usage"] = a.chatUsage()
	reply(w, http.StatusOK, c)
}

// completion is the answer, or a piece of it, as OpenAI's chat completion.
func (a *answer) completion(kind string, choices ...object) object {
	if choices == nil {
		choices = []object{}
	}
	return object{"id": a.id, "object": kind, "created": time.Now().Unix(), "model": a.model, "choices": choices}
}

func (a *answer) chatUsage() object {
	return object{"prompt_tokens": a.input, "completion_tokens": len(a.words), "total_tokens": a.input + len(a.words)}
}

func (u *Upstream) streamChat(w http.ResponseWriter, r *http.Request, a *answer, usage bool) {
	if !u.pause(r.Context(), u.cfg.FirstWord) {
		return
	}
	e := startEvents(w)
	chunk := func(delta object, finish any) error {
		return e.send("", a.completion("chat.completion.chunk",
			object{"index": 0, "delta": delta, "logprobs": nil, "finish_reason": finish}))
	}
	run([]func() error{
		func() error { return chunk(object{"role": "assistant", "content": ""}, nil) },
		func() error {
			return u.each(r.Context(), a, func(_ int, word string) error { return chunk(object{"content": word}, nil) })
		},
		func() error { return chunk(object{}, "stop") },
		func() error {
			if !usage {
				return nil
			}
			c := a.completion("chat.completion.chunk")
			c["usage"] = a.chatUsage()
			return e.send("", c)
		},
		func() error { return e.raw("", "[DONE]") },
	})
}

func (u *Upstream) responses(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model     string `json:"model"`
		Stream    bool   `json:"stream"`
		MaxOutput int    `json:"max_output_tokens"`
	}
	size, err := read(r, &in)
	if err != nil {
		openAIError(w, err)
		return
	}
	a := u.answer("resp_", in.Model, size, in.MaxOutput)
	if in.Stream {
		u.streamResponse(w, r, a)
		return
	}
	if u.whole(r.Context(), a) {
		reply(w, http.StatusOK, a.response("completed"))
	}
}

// response is the answer as OpenAI's Response object; its output is there once it is completed.
func (a *answer) response(status string) object {
	o := object{
		"id": a.id, "object": "response", "created_at": time.Now().Unix(), "status": status, "model": a.model,
		"error": nil, "incomplete_details": nil, "instructions": nil, "metadata": object{},
		"output": []object{}, "parallel_tool_calls": true, "tool_choice": "auto", "tools": []object{},
	}
	if status == "completed" {
		o["output"] = []object{a.outputItem("completed")}
		o["usage"] = object{"input_tokens": a.input, "output_tokens": len(a.words), "total_tokens": a.input + len(a.words),
			"input_tokens_details": object{"cached_tokens": 0}, "output_tokens_details": object{"reasoning_tokens": 0}}
	}
	return o
}

func (a *answer) outputItem(status string) object {
	content := []object{}
	if status == "completed" {
		content = append(content, outputText(a.text()))
	}
	return object{"id": "item_" + a.id, "type": "message", "role": "assistant", "status": status, "content": content}
}

func outputText(text string) object {
	return object{"type": "output_text", "text": text, "annotations": []object{}}
}

func (u *Upstream) streamResponse(w http.ResponseWriter, r *http.Request, a *answer) {
	if !u.pause(r.Context(), u.cfg.FirstWord) {
		return
	}
	e := startEvents(w)
	sequence := 0
	send := func(name string, data object) error {
		data["type"], data["sequence_number"] = name, sequence
		sequence++
		return e.send(name, data)
	}
	part := func(data object) object {
		data["item_id"], data["output_index"], data["content_index"] = "item_"+a.id, 0, 0
		return data
	}
	run([]func() error{
		func() error { return send("response.created", object{"response": a.response("in_progress")}) },
		func() error { return send("response.in_progress", object{"response": a.response("in_progress")}) },
		func() error {
			return send("response.output_item.added", object{"output_index": 0, "item": a.outputItem("in_progress")})
		},
		func() error { return send("response.content_part.added", part(object{"part": outputText("")})) },
		func() error {
			return u.each(r.Context(), a, func(_ int, word string) error {
				return send("response.output_text.delta", part(object{"delta": word}))
			})
		},
		func() error { return send("response.output_text.done", part(object{"text": a.text()})) },
		func() error { return send("response.content_part.done", part(object{"part": outputText(a.text())})) },
		func() error {
			return send("response.output_item.done", object{"output_index": 0, "item": a.outputItem("completed")})
		},
		func() error { return send("response.completed", object{"response": a.response("completed")}) },
	})
}

// embeddings returns vectors of 8 numbers; OpenAI's own clients ask for them in base64.
func (u *Upstream) embeddings(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Model    string          `json:"model"`
		Encoding string          `json:"encoding_format"`
		Input    json.RawMessage `json:"input"`
	}
	size, err := read(r, &in)
	if err != nil {
		openAIError(w, err)
		return
	}
	if !u.pause(r.Context(), u.cfg.FirstWord) {
		return
	}
	n := 1
	var several []json.RawMessage
	if json.Unmarshal(in.Input, &several) == nil {
		n = len(several)
	}
	data := []object{}
	for i := range n {
		data = append(data, object{"object": "embedding", "index": i, "embedding": vector(i, in.Encoding)})
	}
	reply(w, http.StatusOK, object{"object": "list", "model": in.Model, "data": data,
		"usage": object{"prompt_tokens": size/4 + 1, "total_tokens": size/4 + 1}})
}

// vector has length 1 and depends on the index alone; it comes as numbers or as base64 of float32.
func vector(index int, encoding string) any {
	var numbers [8]float32
	var packed []byte
	numbers[index%len(numbers)] = 1
	for _, n := range numbers {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(n))
	}
	if encoding == "base64" {
		return base64.StdEncoding.EncodeToString(packed)
	}
	return numbers
}
