package exchange

import (
	"strings"
	"testing"

	"millpond/settings"
)

// streams are the ends of streams, and whether they are whole.
var streams = map[string]struct {
	kind   settings.Kind
	text   string
	whole  bool
	failed bool
}{
	"messages":                {settings.KindAnthropic, "event: message_start\ndata: {}\n\nevent: message_stop\ndata: {}\n\n", true, false},
	"messages, CRLF":          {settings.KindAnthropic, "event: message_start\r\ndata: {}\r\n\r\nevent: message_stop\r\ndata: {}\r\n\r\n", true, false},
	"messages, not ended":     {settings.KindAnthropic, "event: message_start\ndata: {}\n\nevent: ping\ndata: {}\n\n", false, false},
	"messages, error":         {settings.KindAnthropic, "event: error\ndata: {\"type\":\"error\"}\n\n", true, true},
	"chat":                    {settings.KindOpenAI, "data: {\"object\":\"chat.completion.chunk\"}\n\ndata: [DONE]\n\n", true, false},
	"chat, not ended":         {settings.KindOpenAI, "data: {\"object\":\"chat.completion.chunk\"}\n\n", false, false},
	"chat, error":             {settings.KindOpenAI, "data: {\"error\":{}}\n\n", true, true},
	"chat of another kind":    {settings.KindHTTP, "data: {\"object\":\"chat.completion.chunk\"}\n\n", false, false},
	"responses":               {settings.KindOpenAI, "event: response.created\ndata: {}\n\nevent: response.completed\ndata: {}\n\n", true, false},
	"responses, incomplete":   {settings.KindOpenAI, "event: response.incomplete\ndata: {}\n\n", true, false},
	"gemini":                  {settings.KindGemini, "data: {\"candidates\":[{\"finishReason\":\"STOP\"}]}\n\n", true, false},
	"gemini, far behind":      {settings.KindGemini, "data: " + strings.Repeat("x", 1000) + "\"finishReason\":\"STOP\"\n\n", true, false},
	"gemini, not ended":       {settings.KindGemini, "data: {\"candidates\":[{\"finish\":\"Reason\"}]}\n\n", false, false},
	"another kind, no ending": {settings.KindHTTP, "data: 1\n\ndata: 2\n\n", true, false},
}

// However a stream is cut into pieces, it is understood alike.
func TestEvents(t *testing.T) {
	for name, tt := range streams {
		for size := 1; size <= len(tt.text); size++ {
			e := newEvents(tt.kind)
			for rest := []byte(tt.text); len(rest) > 0; {
				n := min(size, len(rest))
				e.see(rest[:n:n])
				rest = rest[n:]
			}
			if e.unfinished() == tt.whole || e.failed != tt.failed {
				t.Fatalf("%s in pieces of %d: got unfinished %v, failed %v; want %v, %v", name, size, e.unfinished(), e.failed, !tt.whole, tt.failed)
			}
			if crlf := strings.HasSuffix(tt.text, "\r\n"); !e.atBoundary() && !crlf {
				t.Fatalf("%s in pieces of %d: got no boundary at the end", name, size)
			}
		}
	}
}

// Only between two events is there a place for one of ours.
func TestBoundary(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "data: 1\n\n": true, "data: 1\r\n\r\n": true, "data: 1\r\r\n": true, ": ping\n\n": true,
		"d": false, "data: 1": false, "data: 1\n": false, "data: 1\r\n": false, "data: 1\r\n\r": false, "data: 1\n\ndata": false, ": ping\n": false,
	} {
		e := newEvents(settings.KindAnthropic)
		e.see([]byte(text))
		if got := e.atBoundary(); got != want {
			t.Errorf("%q: got %v; want %v", text, got, want)
		}
	}
}
