package assets

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"millpond/settings"
)

// Each entry must be usable as an upstream as it stands.
func TestCatalogueIsValid(t *testing.T) {
	ids, addresses := map[string]bool{}, map[string]bool{}
	for _, service := range Catalogue() {
		s := settings.Default()
		s.Upstreams = []settings.Upstream{{Name: service.ID, Kind: settings.Kind(service.Kind), URL: service.URL, Enabled: true, Priority: 1, Weight: 1}}
		if service.KeyVariable != "" {
			s.Upstreams[0].Credential = "env:" + service.KeyVariable
		}
		if err := s.Validate(); err != nil {
			t.Errorf("%s: %v", service.ID, err)
		}
		if ids[service.ID] || addresses[service.Kind+" "+service.URL] {
			t.Errorf("%s: its ID or its address stands there twice", service.ID)
		}
		ids[service.ID], addresses[service.Kind+" "+service.URL] = true, true
		checkService(t, service)
	}
}

func checkService(t *testing.T, s Service) {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatalf("%s: %v", s.ID, err)
	}
	if s.Name == "" || strings.HasSuffix(s.URL, "/") || strings.HasSuffix(s.URL, "/v1") {
		t.Errorf("%s: got name %q, URL %q; want a name, and a URL to which clients' /v1 can be appended", s.ID, s.Name, s.URL)
	}
	if s.Local != (u.Hostname() == "127.0.0.1") || s.Local == (u.Scheme == "https") {
		t.Errorf("%s: got local %v at %s; want TLS for all but this machine", s.ID, s.Local, s.URL)
	}
	if s.Local != (s.KeyPage == "") || s.Local != (s.KeyVariable == "") {
		t.Errorf("%s: got key page %q and variable %q; want both unless it is local", s.ID, s.KeyPage, s.KeyVariable)
	}
	if !s.Local && !strings.HasPrefix(s.KeyPage, "https://") {
		t.Errorf("%s: got key page %q; want an https address", s.ID, s.KeyPage)
	}
	if s.Notes != "" && !strings.HasSuffix(s.Notes, ".") {
		t.Errorf("%s: got notes %q; want sentences", s.ID, s.Notes)
	}
}

func TestCatalogueHasTheKnownOnes(t *testing.T) {
	var ids []string
	for _, s := range Catalogue() {
		ids = append(ids, s.ID)
	}
	for _, want := range []string{"anthropic", "openai", "gemini", "openrouter", "deepseek", "deepseek-anthropic", "groq", "mistral", "together",
		"fireworks", "xai", "moonshot", "zhipu", "dashscope", "siliconflow", "ollama", "lm-studio", "vllm", "llama-cpp"} {
		if !slices.Contains(ids, want) {
			t.Errorf("got no %s", want)
		}
	}
}

func TestSearch(t *testing.T) {
	list := Catalogue()
	tests := []struct {
		query, first string
		all          bool
	}{
		{"", list[0].ID, true}, {"  ", list[0].ID, true}, {"DEEPSEEK anthropic", "deepseek-anthropic", false}, {"no such service", "", false},
	}
	for _, test := range tests {
		got := Search(list, test.query)
		first := ""
		if len(got) > 0 {
			first = got[0].ID
		}
		if first != test.first || (len(got) == len(list)) != test.all {
			t.Errorf("%q: got %d, first %q; want first %q, all %v", test.query, len(got), first, test.first, test.all)
		}
	}
}
