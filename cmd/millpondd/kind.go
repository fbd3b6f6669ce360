package main

import (
	"strings"

	"millpond/settings"
)

// knownHosts says what well-known hosts speak. It never changes.
var knownHosts = map[string]settings.Kind{
	"api.anthropic.com":                 settings.KindAnthropic,
	"api.openai.com":                    settings.KindOpenAI,
	"openrouter.ai":                     settings.KindOpenAI,
	"api.deepseek.com":                  settings.KindOpenAI,
	"generativelanguage.googleapis.com": settings.KindGemini,
}

// kindOf guesses what an API speaks from its host; plain HTTP when it is not known.
func kindOf(host string) settings.Kind {
	if kind, ok := knownHosts[strings.ToLower(host)]; ok {
		return kind
	}
	return settings.KindHTTP
}
