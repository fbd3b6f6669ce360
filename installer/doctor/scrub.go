package doctor

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"millpond/proxy"
	"millpond/settings"
	"millpond/settings/secret"
)

// hidden stands where something was taken out of a text.
const hidden = "[hidden]"

// A scrubber takes out of texts what may be a secret: what is known to be one, what looks
// like one, and the person's name in paths. It takes out too much rather than too little.
type scrubber struct {
	known []string // secrets, the longest first
	keep  []string // what looks like a secret and is none
	homes []string // the person's folder, as texts write it
}

// The least length of a text that counts as a secret wherever it stands: "1" in an
// environment variable would hide every 1.
const leastSecret = 5

// What looks like a secret. Package variables that never change.
var (
	secretNames = regexp.MustCompile(`(?i)key|token|secret|passw|auth|credential|cookie|session|bearer`)
	tokens      = regexp.MustCompile(`[A-Za-z0-9_+=~-]{20,}`)
	quoted      = regexp.MustCompile("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")
)

// newScrubber learns the secrets that the environment and the settings lead to.
func newScrubber(ctx context.Context, v *visit) *scrubber {
	s := &scrubber{keep: []string{v.Version}}
	s.live(v.getenv("HOME"))
	s.live(v.getenv("USERPROFILE"))
	if v.status != nil {
		s.keep = append(s.keep, v.status.Version)
	}
	for _, entry := range v.Environ {
		name, value, _ := strings.Cut(entry, "=")
		if secretNames.MatchString(name) && !settingsVariable(name) {
			s.learn(value)
		}
		if u, err := url.Parse(value); err == nil && u.User != nil { // a proxy with its password
			password, _ := u.User.Password()
			s.learn(password, u.User.Username())
		}
	}
	for _, set := range []*settings.Settings{v.settings(), v.merged} {
		if set != nil {
			s.learnFrom(ctx, set)
		}
	}
	slices.SortFunc(s.known, func(a, b string) int { return len(b) - len(a) })
	return s
}

// settingsVariable reports whether a variable holds a setting, whose secrets are references.
func settingsVariable(name string) bool {
	return strings.HasPrefix(name, "MILLPOND_") && slices.ContainsFunc(settings.Keys(), func(k settings.Key) bool {
		return name == "MILLPOND_"+strings.ToUpper(strings.ReplaceAll(k.Path, ".", "_"))
	})
}

// learnFrom reads the secrets that the settings refer to. One that cannot be read cannot
// be in a text of ours either.
func (s *scrubber) learnFrom(ctx context.Context, set *settings.Settings) {
	ctx, cancel := context.WithTimeout(ctx, secretWait)
	defer cancel()
	references := []string{set.Listen.Token}
	for _, u := range set.Upstreams {
		references = append(references, u.Credential)
		if egress, err := url.Parse(u.Egress); err == nil && egress.User != nil {
			password, _ := egress.User.Password()
			references = append(references, password)
			s.learn(egress.User.Username())
		}
		if base, err := url.Parse(u.URL); err == nil && base.User != nil {
			password, _ := base.User.Password()
			s.learn(password, base.User.Username())
		}
	}
	for _, reference := range references {
		ref, err := secret.Parse(reference)
		if err != nil {
			s.learn(reference) // written where a reference belongs
			continue
		}
		if value, err := ref.Resolve(ctx); err == nil {
			s.learn(value.Reveal())
		}
	}
}

// learn remembers secrets, also as they stand in a URL.
func (s *scrubber) learn(secrets ...string) {
	for _, text := range secrets {
		for _, form := range []string{text, url.QueryEscape(text), url.PathEscape(text)} {
			if len(form) >= leastSecret && !slices.Contains(s.known, form) {
				s.known = append(s.known, form)
			}
		}
	}
}

// live remembers the person's folder, also as JSON and quoted texts write one of Windows.
func (s *scrubber) live(home string) {
	if len(home) > 1 {
		s.homes = append(s.homes, strings.ReplaceAll(home, `\`, `\\`), home)
	}
}

// text takes out everything that may be a secret.
func (s *scrubber) text(text string) string {
	for _, known := range s.known {
		text = strings.ReplaceAll(text, known, hidden)
	}
	text = proxy.Redact(text)
	text = tokens.ReplaceAllStringFunc(text, func(token string) string {
		letters := strings.ContainsAny(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
		if !letters || !strings.ContainsAny(token, "0123456789") || s.kept(token) {
			return token
		}
		return hidden
	})
	for _, home := range s.homes {
		text = strings.ReplaceAll(text, home, "~")
	}
	return text
}

// kept reports whether a token is part of what is known to be no secret.
func (s *scrubber) kept(token string) bool {
	return slices.ContainsFunc(s.keep, func(known string) bool { return strings.Contains(known, token) })
}

// plainFields are those of a log line that hold nothing of a client's or an upstream's.
var plainFields = []string{
	"time", "level", "msg", "id", "method", "upstream", "protocol", "status", "outcome", "reused", "attempts", "replay",
	"queue_ms", "connect_ms", "first_byte_ms", "total_ms", "bytes_in", "bytes_out", "code", "address", "version", "settings",
}

// logLine scrubs a line of the log: of fields that may repeat what a client or an upstream
// sent, what they quote goes too, and paths go whole.
func (s *scrubber) logLine(line string) string {
	var out strings.Builder
	for i, f := range proxy.LogFields(line) {
		if i > 0 {
			out.WriteByte(' ')
		}
		value := f.Value
		switch {
		case f.Key == "path":
			value = hidden
		case !slices.Contains(plainFields, f.Key):
			value = quoted.ReplaceAllString(value, `"`+hidden+`"`)
		}
		if f.Key != "id" && f.Key != "time" {
			value = s.text(value)
		}
		out.WriteString(s.text(f.Key) + "=")
		if strings.ContainsAny(value, " \"=") {
			value = `"` + strings.ReplaceAll(value, `"`, `'`) + `"`
		}
		out.WriteString(value)
	}
	return out.String()
}

// settingsWithout returns the settings with every secret reference cut to its kind, as
// env:[hidden]: where a secret lies is nobody's business either.
func (s *scrubber) settingsWithout(set *settings.Settings) *settings.Settings {
	set = set.Clone()
	cut := func(reference string) string {
		kind, _, found := strings.Cut(reference, ":")
		switch {
		case reference == "":
			return ""
		case found && slices.Contains([]string{"env", "file", "keyring"}, kind):
			return kind + ":" + hidden
		}
		return hidden
	}
	set.Listen.Token = cut(set.Listen.Token)
	for i := range set.Upstreams {
		u := &set.Upstreams[i]
		u.Credential = cut(u.Credential)
		u.URL, u.Egress = proxy.Redact(u.URL), proxy.Redact(u.Egress)
	}
	return set
}
