package bench

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// workerRoutes answers as A2A workers do, each below its own path: the agent card, JSON-RPC
// message/send and message/stream (A2A 0.3, https://a2a-protocol.org/v0.3.0/specification/),
// and the plain form POST /message.
func (u *Upstream) workerRoutes() {
	for i := range Workers {
		name := fmt.Sprintf("worker-%d", i+1)
		card := func(w http.ResponseWriter, r *http.Request) { reply(w, http.StatusOK, agentCard(name, r)) }
		call := func(w http.ResponseWriter, r *http.Request) { u.call(w, r, name) }
		u.routes.HandleFunc("GET /"+name+"/.well-known/agent-card.json", card)
		u.routes.HandleFunc("GET /"+name+"/.well-known/agent.json", card)
		u.routes.HandleFunc("POST /"+name, call)
		u.routes.HandleFunc("POST /"+name+"/{$}", call)
		u.routes.HandleFunc("POST /"+name+"/message", func(w http.ResponseWriter, r *http.Request) { u.plain(w, r, name) })
	}
}

// agentCard describes a worker; its address is the one by which it was asked.
func agentCard(name string, r *http.Request) object {
	return object{
		"protocolVersion": "0.3.0", "name": name, "version": "1.0.0",
		"description":        "A demo worker that answers every question with the same story.",
		"url":                "http://" + r.Host + "/" + name + "/",
		"preferredTransport": "JSONRPC",
		"capabilities":       object{"streaming": true},
		"defaultInputModes":  []string{"text/plain"},
		"defaultOutputModes": []string{"text/plain"},
		"skills": []object{{"id": "story", "name": "Story", "tags": []string{"demo"},
			"description": "Tells what a millpond is."}},
	}
}

// plain serves POST /message: any JSON object in, the worker's words out.
func (u *Upstream) plain(w http.ResponseWriter, r *http.Request, name string) {
	var in object
	size, err := read(r, &in)
	if err != nil {
		reply(w, http.StatusBadRequest, object{"error": err.Error()})
		return
	}
	if a := u.answer("", name, size, 0); u.whole(r.Context(), a) {
		reply(w, http.StatusOK, object{"agent": name, "message": a.text()})
	}
}

// The codes are JSON-RPC 2.0's, section 5.1.
const (
	rpcParse          = -32700
	rpcInvalidRequest = -32600
	rpcNoMethod       = -32601
)

// call serves JSON-RPC.
func (u *Upstream) call(w http.ResponseWriter, r *http.Request, name string) {
	var in struct {
		Version string          `json:"jsonrpc"`
		ID      json.RawMessage `json:"id"`
		Method  string          `json:"method"`
		Params  struct {
			Message struct {
				ContextID string `json:"contextId"`
			} `json:"message"`
		} `json:"params"`
	}
	size, err := read(r, &in)
	fail := func(code int, text string) {
		reply(w, http.StatusOK, object{"jsonrpc": "2.0", "id": in.ID, "error": object{"code": code, "message": text}})
	}
	if err != nil {
		fail(rpcParse, err.Error())
		return
	}
	if in.Version != "2.0" {
		fail(rpcInvalidRequest, `jsonrpc must be "2.0"`)
		return
	}
	a := u.answer("", name, size, 0)
	talk := in.Params.Message.ContextID
	if talk == "" {
		talk = "context-" + a.id
	}
	switch in.Method {
	case "message/send":
		if u.whole(r.Context(), a) {
			reply(w, http.StatusOK, object{"jsonrpc": "2.0", "id": in.ID, "result": object{
				"kind": "message", "messageId": a.id, "contextId": talk, "role": "agent", "parts": text(a.text())}})
		}
	case "message/stream":
		u.streamTask(w, r, a, in.ID, talk)
	default:
		fail(rpcNoMethod, "the demo has no method "+in.Method)
	}
}

func text(s string) []object { return []object{{"kind": "text", "text": s}} }

// streamTask answers with a task that is worked on: each word is a piece of its artifact.
func (u *Upstream) streamTask(w http.ResponseWriter, r *http.Request, a *answer, id json.RawMessage, talk string) {
	if !u.pause(r.Context(), u.cfg.FirstWord) {
		return
	}
	e := startEvents(w)
	send := func(result object) error {
		return e.send("", object{"jsonrpc": "2.0", "id": id, "result": result})
	}
	status := func(state string, final bool) error {
		return send(object{"kind": "status-update", "taskId": a.id, "contextId": talk, "final": final,
			"status": object{"state": state}})
	}
	run([]func() error{
		func() error {
			return send(object{"kind": "task", "id": a.id, "contextId": talk, "status": object{"state": "submitted"}})
		},
		func() error { return status("working", false) },
		func() error {
			return u.each(r.Context(), a, func(i int, word string) error {
				return send(object{"kind": "artifact-update", "taskId": a.id, "contextId": talk,
					"append": i > 0, "lastChunk": i == len(a.words)-1,
					"artifact": object{"artifactId": "story", "parts": text(word)}})
			})
		},
		func() error { return status("completed", true) },
	})
}
