package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"millpond/settings"
)

// do sends one request to a real server and returns the status, the media type and the body.
func do(t *testing.T, method, url, body string, header ...string) (int, string, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	return resp.StatusCode, media, string(got)
}

// at returns what stands at a path of keys and indexes in a JSON text.
func at(t *testing.T, text string, path ...any) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("got %q; want JSON: %v", text, err)
	}
	for _, step := range path {
		switch step := step.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

const threeWords = "A millpond is"

func TestWholeAnswers(t *testing.T) {
	server := httptest.NewServer(NewUpstream(Config{Words: 3}))
	t.Cleanup(server.Close)
	rpc := `{"jsonrpc":"2.0","id":"q","method":%q,"params":{"message":{"kind":"message","messageId":"m","role":"user","parts":[]}}}`
	tests := []struct {
		name, method, path, body string
		status                   int
		where                    []any
		want                     any
	}{
		{"anthropic", "POST", "/v1/messages", `{"model":"m","max_tokens":9}`, 200, []any{"content", 0, "text"}, threeWords},
		{"anthropic, fewer words asked", "POST", "/v1/messages", `{"max_tokens":1}`, 200, []any{"content", 0, "text"}, "A"},
		{"anthropic usage", "POST", "/v1/messages", `{}`, 200, []any{"usage", "output_tokens"}, 3.0},
		{"anthropic error", "POST", "/v1/messages", `{`, 400, []any{"error", "type"}, "invalid_request_error"},
		{"anthropic count", "POST", "/v1/messages/count_tokens", `{"a":"bcdef"}`, 200, []any{"input_tokens"}, 4.0},
		{"anthropic count error", "POST", "/v1/messages/count_tokens", ``, 400, []any{"type"}, "error"},
		{"openai models", "GET", "/v1/models", ``, 200, []any{"object"}, "list"},
		{"openai chat", "POST", "/v1/chat/completions", `{}`, 200, []any{"choices", 0, "message", "content"}, threeWords},
		{"openai chat error", "POST", "/v1/chat/completions", `[`, 400, []any{"error", "type"}, "invalid_request_error"},
		{"openai response", "POST", "/v1/responses", `{}`, 200, []any{"output", 0, "content", 0, "text"}, threeWords},
		{"openai response error", "POST", "/v1/responses", `"`, 400, []any{"error", "type"}, "invalid_request_error"},
		{"openai response by WebSocket", "GET", "/v1/responses", ``, 426, []any{"error", "message"}, "there are no WebSockets here"},
		{"openai embeddings", "POST", "/v1/embeddings", `{"input":["a","b"]}`, 200, []any{"data", 1, "embedding", 1}, 1.0},
		{"openai embedding in base64", "POST", "/v1/embeddings", `{"input":"a","encoding_format":"base64"}`, 200, []any{"data", 0, "embedding"}, "AACAPwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
		{"openai embeddings error", "POST", "/v1/embeddings", `no`, 400, []any{"error", "type"}, "invalid_request_error"},
		{"gemini models", "GET", "/v1beta/models", ``, 200, []any{"models", 0, "name"}, "models/demo"},
		{"gemini", "POST", "/v1beta/models/m:generateContent", `{}`, 200, []any{"candidates", 0, "content", "parts", 0, "text"}, threeWords},
		{"gemini, fewer words asked", "POST", "/v1beta/models/m:generateContent", `{"generationConfig":{"maxOutputTokens":2}}`, 200, []any{"candidates", 0, "content", "parts", 0, "text"}, "A millpond"},
		{"gemini array", "POST", "/v1beta/models/m:streamGenerateContent", `{}`, 200, []any{2, "candidates", 0, "content", "parts", 0, "text"}, " is"},
		{"gemini count", "POST", "/v1beta/models/m:countTokens", `{}`, 200, []any{"totalTokens"}, 1.0},
		{"gemini method", "POST", "/v1beta/models/m:sing", `{}`, 404, []any{"error", "status"}, "NOT_FOUND"},
		{"gemini error", "POST", "/v1beta/models/m:generateContent", `?`, 400, []any{"error", "status"}, "INVALID_ARGUMENT"},
		{"worker's card", "GET", "/worker-32/.well-known/agent-card.json", ``, 200, []any{"url"}, server.URL + "/worker-32/"},
		{"worker's old card", "GET", "/worker-1/.well-known/agent.json", ``, 200, []any{"name"}, "worker-1"},
		{"worker", "POST", "/worker-7/", fmt.Sprintf(rpc, "message/send"), 200, []any{"result", "parts", 0, "text"}, threeWords},
		{"worker without a slash", "POST", "/worker-7", fmt.Sprintf(rpc, "message/send"), 200, []any{"id"}, "q"},
		{"worker's method", "POST", "/worker-7/", fmt.Sprintf(rpc, "message/sing"), 200, []any{"error", "code"}, -32601.0},
		{"worker's version", "POST", "/worker-7/", `{"id":5}`, 200, []any{"error", "code"}, -32600.0},
		{"worker parses", "POST", "/worker-7/", `{`, 200, []any{"error", "code"}, -32700.0},
		{"worker, plain", "POST", "/worker-7/message", `{"message":"?"}`, 200, []any{"message"}, threeWords},
		{"worker, plain error", "POST", "/worker-7/message", `?`, 400, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, media, body := do(t, tt.method, server.URL+tt.path, tt.body)
			if status != tt.status || media != "application/json" {
				t.Errorf("got %d %s; want %d application/json", status, media, tt.status)
			}
			if got := at(t, body, tt.where...); tt.where != nil && got != tt.want {
				t.Errorf("got %v at %v of %s; want %v", got, tt.where, body, tt.want)
			}
		})
	}
	if _, _, body := do(t, "GET", server.URL+"/v1/models", "", "Anthropic-Version", "2023-06-01"); at(t, body, "has_more") != false {
		t.Errorf("got %s; want Anthropic's list of models", body)
	}
	if status, _, _ := do(t, "POST", server.URL+"/worker-33/", "{}"); status != http.StatusNotFound {
		t.Errorf("got status %d for a 33rd worker; want 404", status)
	}
}

// parse returns the names and the data of the events of a stream.
func parse(t *testing.T, body string) (names, data []string) {
	t.Helper()
	for event := range strings.SplitSeq(strings.TrimSuffix(body, "\n\n"), "\n\n") {
		name, rest, named := strings.Cut(event, "\n")
		if !named {
			name, rest = "", event
		}
		text, ok := strings.CutPrefix(rest, "data: ")
		if !ok {
			t.Fatalf("got event %q; want one line of data", event)
		}
		names, data = append(names, strings.TrimPrefix(name, "event: ")), append(data, text)
	}
	return names, data
}

func TestStreams(t *testing.T) {
	server := httptest.NewServer(NewUpstream(Config{Words: 2}))
	t.Cleanup(server.Close)
	tests := []struct {
		name, path, body string
		names            string // of the events, in order; "" for streams that do not name them
		word             []any  // where the words are
		last             string // what the last event has
	}{
		{"anthropic", "/v1/messages", `{"stream":true}`,
			"message_start content_block_start ping content_block_delta content_block_delta content_block_stop message_delta message_stop",
			[]any{"delta", "text"}, `"message_stop"`},
		{"openai chat", "/v1/chat/completions", `{"stream":true,"stream_options":{"include_usage":true}}`, "",
			[]any{"choices", 0, "delta", "content"}, "[DONE]"},
		{"openai response", "/v1/responses", `{"stream":true}`,
			"response.created response.in_progress response.output_item.added response.content_part.added " +
				"response.output_text.delta response.output_text.delta response.output_text.done " +
				"response.content_part.done response.output_item.done response.completed",
			[]any{"delta"}, `"status":"completed"`},
		{"gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", `{}`, "",
			[]any{"candidates", 0, "content", "parts", 0, "text"}, `"STOP"`},
		{"worker", "/worker-9/", `{"jsonrpc":"2.0","id":1,"method":"message/stream"}`, "",
			[]any{"result", "artifact", "parts", 0, "text"}, `"final":true`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, media, body := do(t, "POST", server.URL+tt.path, tt.body)
			if status != http.StatusOK || media != "text/event-stream" {
				t.Fatalf("got %d %s; want 200 text/event-stream", status, media)
			}
			names, data := parse(t, body)
			if got := strings.TrimSpace(strings.Join(names, " ")); got != tt.names {
				t.Errorf("got events %q; want %q", got, tt.names)
			}
			var words string
			for i, d := range data {
				if d == "[DONE]" {
					continue
				}
				if word, ok := at(t, d, tt.word...).(string); ok {
					words += word
				}
				if name := at(t, d, "type"); names[i] != "" && name != names[i] {
					t.Errorf("got type %v in event %q; want the same", name, names[i])
				}
			}
			if words != "A millpond" {
				t.Errorf("got words %q; want %q", words, "A millpond")
			}
			if last := data[len(data)-1]; !strings.Contains(last, tt.last) {
				t.Errorf("got last event %q; want %s in it", last, tt.last)
			}
		})
	}
}

// TestStreamIsFlushed shows that a word arrives while the next one is still to be made, and that
// a client which leaves ends its request.
func TestStreamIsFlushed(t *testing.T) {
	demo := NewUpstream(Config{Words: 2, Word: time.Hour})
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		demo.ServeHTTP(w, r)
		close(ended)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "POST", server.URL+"/v1/messages", strings.NewReader(`{"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() && lines.Text() != "event: content_block_delta" {
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	cancel()
	<-ended
}

func TestExecutedIsCountedByID(t *testing.T) {
	demo := NewUpstream(Config{})
	server := httptest.NewServer(demo)
	t.Cleanup(server.Close)
	for _, id := range []string{"a", "b", "b", ""} {
		do(t, "GET", server.URL+"/v1/models", "", IDHeader, id)
	}
	for id, want := range map[string]int{"a": 1, "b": 2, "": 0, "c": 0} {
		if got := demo.Executed(id); got != want {
			t.Errorf("got %d requests with id %q; want %d", got, id, want)
		}
	}
	if got := demo.Requests(); got != 4 {
		t.Errorf("got %d requests; want 4", got)
	}
}

func TestDemoServesWhatItsSettingsSay(t *testing.T) {
	demo, err := Demo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := demo.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := settings.Default()
	s.Upstreams = demo.Upstreams
	if err := s.Validate(); err != nil {
		t.Errorf("got %v; want settings that are in order", err)
	}
	if got := len(demo.Upstreams); got != 3+Workers {
		t.Errorf("got %d upstreams; want %d", got, 3+Workers)
	}
	last := demo.Upstreams[len(demo.Upstreams)-1]
	_, _, card := do(t, "GET", last.URL+"/.well-known/agent-card.json", "")
	if got := at(t, card, "name"); got != last.Name {
		t.Errorf("got the card of %v at %s; want %s", got, last.URL, last.Name)
	}
}

func TestTrafficComesAtOnceAndStops(t *testing.T) {
	paths := make(chan string, 1000)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { paths <- r.URL.Path }))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Traffic(ctx, server.Listener.Addr().String())
	}()
	var got []string
	for range 1 + Workers {
		got = append(got, <-paths)
	}
	cancel()
	<-done
	if !slices.Contains(got, "/v1/messages") || !slices.Contains(got, "/u/worker-32/") {
		t.Errorf("got requests for %v; want a conversation and a question to every worker", got)
	}
}
