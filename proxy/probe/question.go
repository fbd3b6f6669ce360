package probe

import (
	"net/http"
	"net/url"
	"path"
	"strings"

	"millpond/proxy/upstream"
	"millpond/settings"
)

// questionFor returns the request that an API of the kind answers without charging and
// without doing anything.
func questionFor(u *upstream.Upstream) *http.Request {
	method, target := http.MethodGet, ""
	header := http.Header{"User-Agent": {"millpond"}, "Accept": {"application/json"}}
	switch u.Kind {
	case settings.KindAnthropic:
		target = versioned(u.Base, "/v1", "/models?limit=1")
		header.Set("Anthropic-Version", "2023-06-01")
	case settings.KindOpenAI:
		target = versioned(u.Base, "/v1", "/models")
	case settings.KindGemini:
		target = versioned(u.Base, "/v1beta", "/models?pageSize=1")
	case settings.KindA2A:
		target = "/.well-known/agent-card.json"
	default:
		method, target = http.MethodHead, "/"
	}
	// upstream.New has read the address, and ours need no escaping.
	address, _ := url.Parse(u.Base.Scheme + "://" + u.Base.Host + u.Target(target))
	return &http.Request{Method: method, URL: address, Host: u.Base.Host, Header: header, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
}

// versioned puts the version before a path, unless the base address ends in one.
func versioned(base *url.URL, version, target string) string {
	if hasVersion(base.Path) {
		return target
	}
	return version + target
}

// hasVersion reports whether one of the last two parts of a path is a version such as
// v1, v4 or v1beta: some services go on behind it, as in /v1beta/openai.
func hasVersion(p string) bool {
	last, before := path.Base(p), path.Base(path.Dir(p))
	for _, part := range []string{last, before} {
		if rest, ok := strings.CutPrefix(part, "v"); ok && rest != "" && rest[0] >= '0' && rest[0] <= '9' {
			return true
		}
	}
	return false
}

// credentialField returns the name of the field that carries the credential.
func credentialField(h http.Header) string {
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key"} {
		if h.Get(name) != "" {
			return name
		}
	}
	return ""
}
