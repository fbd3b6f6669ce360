package upstream

import (
	"net/url"
	"strings"

	"millpond/settings"
)

// credentialFields are the fields in which clients send their own credential.
var credentialFields = [...]string{"Authorization", "X-Api-Key", "X-Goog-Api-Key", "Api-Key"}

// Fields are the fields of a request, which may be those of net/http.
type Fields interface {
	Set(name, value string)
	Del(name string)
}

// Apply puts secret into h in the form of kind, and removes the client's own credential in any form.
// With an empty secret it changes nothing: the client's own passes through.
func Apply(kind settings.Kind, h Fields, secret string) {
	if secret == "" {
		return
	}
	for _, name := range credentialFields {
		h.Del(name)
	}
	switch kind {
	case settings.KindAnthropic:
		h.Set("X-Api-Key", secret)
	case settings.KindGemini:
		h.Set("X-Goog-Api-Key", secret)
	default:
		h.Set("Authorization", "Bearer "+secret)
	}
}

// ApplyTarget removes the client's own key from the query of a Gemini target ("?key=..."), which Apply
// cannot see. It is called only where a credential is injected; every other byte stays.
func ApplyTarget(kind settings.Kind, target, secret string) string {
	path, query, found := strings.Cut(target, "?")
	if kind != settings.KindGemini || secret == "" || !found {
		return target
	}
	var kept []string
	for part := range strings.SplitSeq(query, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err == nil && plain == "key" {
			continue
		}
		kept = append(kept, part)
	}
	if len(kept) == 0 {
		return path
	}
	return path + "?" + strings.Join(kept, "&")
}
