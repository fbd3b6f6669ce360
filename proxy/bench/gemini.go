package bench

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// geminiRoutes answers generateContent, streamGenerateContent and countTokens:
// https://ai.google.dev/api/generate-content.
func (u *Upstream) geminiRoutes() {
	u.routes.HandleFunc("GET /v1beta/models", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusOK, object{"models": []object{{"name": "models/demo", "version": "1", "displayName": "Demo",
			"inputTokenLimit": 1 << 20, "outputTokenLimit": 8192,
			"supportedGenerationMethods": []string{"generateContent", "streamGenerateContent", "countTokens"}}}})
	})
	u.routes.HandleFunc("POST /v1beta/models/{call}", u.gemini)
}

func geminiError(w http.ResponseWriter, status int, name string, err error) {
	reply(w, status, object{"error": object{"code": status, "message": err.Error(), "status": name}})
}

// gemini serves the methods of a model, which stand after a colon in the path.
func (u *Upstream) gemini(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Config struct {
			MaxOutput int `json:"maxOutputTokens"`
		} `json:"generationConfig"`
	}
	size, err := read(r, &in)
	if err != nil {
		geminiError(w, http.StatusBadRequest, "INVALID_ARGUMENT", err)
		return
	}
	model, method, _ := strings.Cut(r.PathValue("call"), ":")
	a := u.answer("", model, size, in.Config.MaxOutput)
	switch method {
	case "generateContent":
		if u.whole(r.Context(), a) {
			reply(w, http.StatusOK, a.content(a.text(), true))
		}
	case "streamGenerateContent":
		u.streamContent(w, r, a)
	case "countTokens":
		reply(w, http.StatusOK, object{"totalTokens": a.input})
	default:
		geminiError(w, http.StatusNotFound, "NOT_FOUND", errors.New("the demo has no method "+method))
	}
}

// content is the answer, or a piece of it, as a GenerateContentResponse.
func (a *answer) content(text string, last bool) object {
	candidate := object{"index": 0, "content": object{"role": "model", "parts": []object{{"text": text}}}}
	if last {
		candidate["finishReason"] = "STOP"
	}
	return object{"candidates": []object{candidate}, "modelVersion": a.model, "responseId": a.id,
		"usageMetadata": object{"promptTokenCount": a.input, "candidatesTokenCount": len(a.words),
			"totalTokenCount": a.input + len(a.words)}}
}

// streamContent sends events with alt=sse, and otherwise, like Gemini, one long JSON array.
func (u *Upstream) streamContent(w http.ResponseWriter, r *http.Request, a *answer) {
	if !u.pause(r.Context(), u.cfg.FirstWord) {
		return
	}
	last := len(a.words) - 1
	if r.URL.Query().Get("alt") == "sse" {
		e := startEvents(w)
		_ = u.each(r.Context(), a, func(i int, word string) error { // an error: the client has left
			return e.send("", a.content(word, i == last))
		})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	out := http.NewResponseController(w)
	_ = u.each(r.Context(), a, func(i int, word string) error { // an error: the client has left
		body, err := json.Marshal(a.content(word, i == last))
		if err != nil {
			return err
		}
		before, after := ",\n", ""
		if i == 0 {
			before = "["
		}
		if i == last {
			after = "]"
		}
		if _, err := io.WriteString(w, fmt.Sprint(before, string(body), after)); err != nil {
			return err
		}
		return out.Flush()
	})
}
