package router

import (
	"strings"

	"millpond/settings"
)

// known are the paths that belong to one kind of API, each with what is below it.
var known = []struct {
	path string
	kind settings.Kind
}{
	// docs.claude.com, API reference.
	{"/v1/messages", settings.KindAnthropic},
	{"/v1/complete", settings.KindAnthropic},

	// platform.openai.com, API reference. Without /v1, for clients whose base URL ends before it.
	{"/v1/chat", settings.KindOpenAI},
	{"/v1/responses", settings.KindOpenAI},
	{"/v1/conversations", settings.KindOpenAI},
	{"/v1/embeddings", settings.KindOpenAI},
	{"/v1/completions", settings.KindOpenAI},
	{"/v1/moderations", settings.KindOpenAI},
	{"/v1/images", settings.KindOpenAI},
	{"/v1/videos", settings.KindOpenAI},
	{"/v1/audio", settings.KindOpenAI},
	{"/v1/batches", settings.KindOpenAI},
	{"/v1/uploads", settings.KindOpenAI},
	{"/v1/vector_stores", settings.KindOpenAI},
	{"/v1/fine_tuning", settings.KindOpenAI},
	{"/v1/assistants", settings.KindOpenAI},
	{"/v1/threads", settings.KindOpenAI},
	{"/v1/realtime", settings.KindOpenAI},
	{"/chat/completions", settings.KindOpenAI},
	{"/responses", settings.KindOpenAI},

	// ai.google.dev, API reference.
	{"/v1beta", settings.KindGemini},
	{"/v1alpha", settings.KindGemini},
	{"/upload/v1beta", settings.KindGemini},

	// a2a-protocol.org, specification: the card (RFC 8615), JSON-RPC or plain POST, and the HTTP+JSON
	// binding with and without its version.
	{"/.well-known/agent-card.json", settings.KindA2A},
	{"/.well-known/agent.json", settings.KindA2A},
	{"/message", settings.KindA2A},
	{"/message:send", settings.KindA2A},
	{"/message:stream", settings.KindA2A},
	{"/v1/message:send", settings.KindA2A},
	{"/v1/message:stream", settings.KindA2A},
	{"/tasks", settings.KindA2A},
	{"/v1/tasks", settings.KindA2A},
	{"/v1/card", settings.KindA2A},
	{"/extendedAgentCard", settings.KindA2A},
}

// shared are paths that several APIs have; the client's header tells which one it means.
var shared = []string{"/v1/models", "/v1/files", "/v1/skills"}

// geminiVerbs are the methods of Gemini's stable API, /v1/models/NAME:verb.
var geminiVerbs = []string{
	":generateContent", ":streamGenerateContent", ":countTokens", ":embedContent", ":batchEmbedContents",
	":batchGenerateContent", ":asyncBatchEmbedContent", ":predict", ":predictLongRunning",
}

// kindsOf returns the kinds that path may belong to, likeliest first; none for an unknown path.
func kindsOf(path string, header func(string) string) []settings.Kind {
	if strings.HasPrefix(path, "/v1/models/") {
		for _, verb := range geminiVerbs {
			if strings.HasSuffix(path, verb) {
				return onlyGemini
			}
		}
	}
	for _, p := range shared {
		if hasPathPrefix(path, p) {
			return kindsByHeader(header)
		}
	}
	for i := range known {
		if hasPathPrefix(path, known[i].path) {
			return kindAlone[known[i].kind]
		}
	}
	return nil
}

// kindsByHeader tells the APIs apart that share a path by the field each one's clients must send.
func kindsByHeader(header func(string) string) []settings.Kind {
	switch {
	case header("Anthropic-Version") != "" || header("X-Api-Key") != "":
		return anthropicFirst
	case header("X-Goog-Api-Key") != "":
		return geminiFirst
	}
	return openAIFirst
}

// Slices that kindsOf returns without making new ones; nobody changes them.
var (
	kindAlone = map[settings.Kind][]settings.Kind{
		settings.KindAnthropic: {settings.KindAnthropic},
		settings.KindOpenAI:    {settings.KindOpenAI},
		settings.KindGemini:    onlyGemini,
		settings.KindA2A:       {settings.KindA2A},
	}
	onlyGemini     = []settings.Kind{settings.KindGemini}
	anthropicFirst = []settings.Kind{settings.KindAnthropic, settings.KindOpenAI, settings.KindGemini}
	openAIFirst    = []settings.Kind{settings.KindOpenAI, settings.KindAnthropic, settings.KindGemini}
	geminiFirst    = []settings.Kind{settings.KindGemini, settings.KindAnthropic, settings.KindOpenAI}
)

// kindOr returns the likeliest kind, or other for an unknown path.
func kindOr(kinds []settings.Kind, other settings.Kind) settings.Kind {
	if len(kinds) > 0 {
		return kinds[0]
	}
	return other
}
