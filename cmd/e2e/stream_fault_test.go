package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The events that the APIs stream, as their documentation shows them. The one before the last holds
// the last word, the last one ends the stream.
var shapes = map[string][]string{
	"messages": {
		"event: message_start\ndata: " + `{"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"m","content":[],"usage":{"input_tokens":1,"output_tokens":1}}}`,
		"event: content_block_start\ndata: " + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
		"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"one"}}`,
		"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":" two"}}`,
		"event: message_stop\ndata: " + `{"type":"message_stop"}`,
	},
	"chat": {
		"data: " + `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"one"}}]}`,
		"data: " + `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" two"},"finish_reason":"stop"}]}`,
		"data: [DONE]",
	},
	"responses": {
		"event: response.created\ndata: " + `{"type":"response.created","sequence_number":0,"response":{"id":"r","object":"response","status":"in_progress","output":[]}}`,
		"event: response.output_text.delta\ndata: " + `{"type":"response.output_text.delta","sequence_number":1,"item_id":"i","output_index":0,"content_index":0,"delta":"one"}`,
		"event: response.output_text.delta\ndata: " + `{"type":"response.output_text.delta","sequence_number":2,"item_id":"i","output_index":0,"content_index":0,"delta":" two"}`,
		"event: response.completed\ndata: " + `{"type":"response.completed","sequence_number":3,"response":{"id":"r","object":"response","status":"completed","output":[]}}`,
	},
	"gemini": {
		"data: " + `{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":"one"}]}}]}`,
		"data: " + `{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":" two"}]}}]}`,
		"data: " + `{"candidates":[{"index":0,"content":{"role":"model","parts":[{"text":""}]},"finishReason":"STOP"}]}`,
	},
}

// streamAnswers are the ways in which the upstream of these tests answers, by the model's name, and
// whether the SDK must raise an error.
var streamAnswers = map[string]bool{
	"whole":        false, // in chunks, to the end
	"closing":      false, // to the end, which is that of the connection
	"boundary":     true,  // cut between two events
	"middle":       true,  // cut within an event
	"line":         true,  // cut within an event, behind its first line
	"reset":        true,  // reset between two events
	"unterminated": true,  // ends with the connection, in order, without the last event
}

// shapeOf says which API a path belongs to.
func shapeOf(path string) string {
	for part, shape := range map[string]string{"/messages": "messages", "/chat/completions": "chat", "/responses": "responses", "/v1beta/": "gemini"} {
		if strings.Contains(path, part) {
			return shape
		}
	}
	return ""
}

// faultyStreams answers every API, and breaks off as the model's name says.
func faultyStreams(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var in struct{ Model string }
	_ = json.Unmarshal(body, &in) // Gemini's has none
	if _, model, ok := strings.Cut(r.URL.Path, "/models/"); ok {
		in.Model, _, _ = strings.Cut(model, ":")
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	breakOff(conn, in.Model, shapes[shapeOf(r.URL.Path)])
}

// breakOff writes the stream onto the connection, as far as the answer goes.
func breakOff(conn net.Conn, answer string, events []string) {
	chunked := answer != "closing" && answer != "unterminated"
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	if chunked {
		head += "Transfer-Encoding: chunked\r\n\r\n"
	} else {
		head += "Connection: close\r\n\r\n"
	}
	_, _ = io.WriteString(conn, head)
	send := func(text string) {
		if chunked {
			text = fmt.Sprintf("%x\r\n%s\r\n", len(text), text)
		}
		_, _ = io.WriteString(conn, text)
	}
	last := len(events) - 1
	for _, event := range events[:last] {
		send(event + "\n\n")
	}
	switch answer {
	case "whole":
		send(events[last] + "\n\n")
		_, _ = io.WriteString(conn, "0\r\n\r\n")
	case "closing":
		send(events[last] + "\n\n")
	case "middle":
		send(events[last-1][:len(events[last-1])/2])
	case "line":
		send(events[last-1] + "\n")
	case "reset":
		_ = conn.(*net.TCPConn).SetLinger(0)
	}
}

// TestSDKsNoticeACutStream shows that no SDK takes a stream that broke off for a whole one. At the end
// of a connection they do, if nothing tells them, which is why a cut is passed on as an error event
// and as a cut.
func TestSDKsNoticeACutStream(t *testing.T) {
	node := sdkNode{installNode(t)}
	far := httptest.NewServer(http.HandlerFunc(faultyStreams))
	t.Cleanup(far.Close)
	d := serve(t, "", anywhere+entry("a", "anthropic", far.URL)+entry("o", "openai", far.URL)+entry("g", "gemini", far.URL))
	var results []struct{ API, Answer, Text, Error string }
	answers := []string{d.URL}
	cut := 0
	for answer, raises := range streamAnswers {
		answers = append(answers, answer)
		if raises {
			cut += len(shapes)
		}
	}
	node.run(t, "streams.mjs", &results, answers...)
	if len(results) != len(shapes)*len(streamAnswers) {
		t.Fatalf("got %d results; want %d", len(results), len(shapes)*len(streamAnswers))
	}
	for _, r := range results {
		t.Logf("%-9s %-12s %q %s", r.API, r.Answer, r.Text, r.Error)
		if raises := streamAnswers[r.Answer]; (r.Error != "") != raises || !raises && r.Text != "one two" {
			t.Errorf("%s, %s: got %q, error %q; want an error: %v", r.API, r.Answer, r.Text, r.Error, raises)
		}
		if !strings.HasPrefix(r.Text, "one") {
			t.Errorf("%s, %s: got %q; want what came before the cut", r.API, r.Answer, r.Text)
		}
	}
	s := d.stats(t, len(results))
	if s.Outcomes["stream_error"] != cut || s.Outcomes["ok"] != len(results)-cut {
		t.Errorf("got outcomes %v; want %d stream_error and %d ok", s.Outcomes, cut, len(results)-cut)
	}
}

// run runs a program of the folder node beside the packages that it imports, and reads the JSON that
// it prints.
func (s sdkNode) run(t *testing.T, name string, into any, args ...string) {
	t.Helper()
	program := filepath.Join(s.dir, filepath.Base(t.TempDir())+"-"+filepath.Base(t.Name())+"-"+name)
	copyFile(t, filepath.Join("node", name), program)
	t.Cleanup(func() { removeFile(t, program) })
	var stderr output
	node := exec.CommandContext(t.Context(), s.node(), append([]string{program}, args...)...)
	node.Stderr = &stderr
	out, err := node.Output()
	if err != nil {
		t.Fatalf("run %s: %v\n%s", name, err, stderr.String())
	}
	if err := json.Unmarshal(out, into); err != nil {
		t.Fatalf("%s printed %q: %v", name, out, err)
	}
}
