package hookup

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Client is a program that can be pointed at us.
type Client struct {
	ID    string   `json:"id"`    // as "millpondd connect" takes it
	Title string   `json:"title"` // its own name
	Kind  string   `json:"kind"`  // of the upstreams that it uses: anthropic, openai, gemini, a2a or http
	File  string   `json:"file"`  // its settings file on this machine; "" when it is set up by hand
	Keys  []string `json:"keys"`  // that we change in it

	lines   func(base string) []Line
	program string // as it is started
	locate  func(h *Hookup) []place
	warn    func(h *Hookup, at place) []Warning
}

// A place is where a client keeps the address, or, after the first one, something that the address needs.
type place struct {
	home string // the folder whose presence says that the client is there
	file string
	path []string // of the key in the file

	suffix string // what follows our base address in the key
	fixed  string // what the key is given if it is not set, in place of an address; "" for one that holds it
}

// key returns the path as the client's documentation writes it.
func (p place) key() string { return strings.Join(p.path, ".") }

// format returns how the key is found in the file.
func (p place) format() format {
	switch filepath.Ext(p.file) {
	case ".json":
		return jsonKey(p.path)
	case ".toml":
		return tomlKey(p.path)
	}
	return dotenvKey(p.path[0])
}

// Editable reports whether the client has a settings file that Connect can change.
func (c Client) Editable() bool { return c.locate != nil }

// Lines returns what to copy in order to set the client up by hand for our address, as host:port or
// as a URL.
func (c Client) Lines(address string) []Line { return c.lines(baseOf(address)) }

// clients returns every client that we know of, in the order in which they are offered.
func clients() []Client {
	return []Client{
		{
			ID: "claude-code", Title: "Claude Code", Kind: "anthropic", program: "claude",
			lines:  variable("ANTHROPIC_BASE_URL", "", "in the shell that starts it"),
			locate: claudeCode, warn: remoteControl,
		}, {
			ID: "codex", Title: "Codex", Kind: "openai", program: "codex",
			lines: func(base string) []Line {
				return []Line{{Value: fmt.Sprintf("codex -c 'openai_base_url=%q'", base+"/v1"), Note: "for one run"}}
			},
			locate: codex, warn: subscription,
		}, {
			ID: "gemini", Title: "Gemini CLI", Kind: "gemini", program: "gemini",
			lines:  variable("GOOGLE_GEMINI_BASE_URL", "", "in the shell that starts it; with an API key, not a Google login"),
			locate: gemini, warn: oneEnvFile,
		},
		{ID: "anthropic-sdk", Title: "Anthropic SDK", Kind: "anthropic", lines: variable("ANTHROPIC_BASE_URL", "", "or base_url, baseURL in the program")},
		{ID: "openai-sdk", Title: "OpenAI SDK", Kind: "openai", lines: variable("OPENAI_BASE_URL", "/v1", "or base_url, baseURL in the program")},
		{ID: "gemini-sdk", Title: "Google Gen AI SDK", Kind: "gemini", lines: variable("GOOGLE_GEMINI_BASE_URL", "", "or http_options, httpOptions in the program")},
		{ID: "a2a", Title: "A2A coordinator", Kind: "a2a", lines: worker("the worker's address; its agent card leads through us, too")},
		{ID: "agora", Title: "AGORA coordinator", Kind: "a2a", lines: worker("the worker's address, for plain POSTs")},
		{ID: "anp", Title: "ANP coordinator", Kind: "http", lines: func(base string) []Line {
			base, _, _ = strings.Cut(base, "/u/")
			return []Line{{"HTTP_PROXY", base, "since it signs the host; forward.enabled must be true"}}
		}},
	}
}

// variable returns the lines of a client that reads one environment variable.
func variable(name, path, note string) func(base string) []Line {
	return func(base string) []Line { return []Line{{name, base + path, note}} }
}

// worker returns the line of a coordinator that is given the addresses of its workers.
func worker(note string) func(base string) []Line {
	return func(base string) []Line {
		if strings.Contains(base, "/u/") {
			return []Line{{"", base + "/", note}}
		}
		return []Line{{"", base + "/u/NAME/", note + "; NAME is the upstream's"}}
	}
}

// claudeCode finds Claude Code's user settings: its documentation, "Settings", "Environment variables".
func claudeCode(h *Hookup) []place {
	home := h.folder("CLAUDE_CONFIG_DIR", ".claude")
	return []place{{home: home, file: filepath.Join(home, "settings.json"), path: []string{"env", "ANTHROPIC_BASE_URL"}}}
}

// codex finds Codex' configuration: its documentation, "Advanced Configuration". Its own provider is
// led by openai_base_url; one that the person defined keeps its address in its own table.
func codex(h *Hookup) []place {
	home := h.folder("CODEX_HOME", ".codex")
	at := place{home: home, file: filepath.Join(home, "config.toml"), path: []string{"openai_base_url"}, suffix: "/v1"}
	text, err := readFile(at.file)
	if err != nil {
		return []place{at} // whoever reads it next says so
	}
	provider, set, err := tomlKey{"model_provider"}.get(text.bytes)
	if err == nil && set && provider.Text != "openai" {
		at.path = []string{"model_providers", provider.Text, "base_url"}
	}
	return []place{at}
}

// gemini finds the .env file that Gemini CLI reads for its user: the first of these two that is there.
// One that we made in the first place would hide the second, and the API key in it.
//
// With an address and no choice of how to sign in, it takes the address for a gateway's without keys,
// and does not start ("Invalid auth method selected", seen in 0.61.0). So the choice of the API key is
// written down, unless the person has made one.
func gemini(h *Hookup) []place {
	root := h.folder("GEMINI_CLI_HOME", "")
	home := filepath.Join(root, ".gemini")
	file := filepath.Join(home, ".env")
	if other := filepath.Join(root, ".env"); !exists(file) && exists(other) {
		file = other
	}
	return []place{
		{home: home, file: file, path: []string{"GOOGLE_GEMINI_BASE_URL"}},
		{home: home, file: filepath.Join(home, "settings.json"), path: []string{"security", "auth", "selectedType"}, fixed: geminiAPIKey},
	}
}

// geminiAPIKey is how Gemini CLI names signing in with an API key.
const geminiAPIKey = "gemini-api-key"

// remoteControl warns of what Claude Code does with another address than Anthropic's
// (anthropics/claude-code#76653).
func remoteControl(*Hookup, place) []Warning {
	return []Warning{{"remote_control", "Claude Code turns off its remote control while its address is not Anthropic's"}}
}

// subscription warns of a Codex that is signed in with ChatGPT: its token is not for the API.
func subscription(_ *Hookup, at place) []Warning {
	text, err := os.ReadFile(filepath.Join(at.home, "auth.json"))
	if err != nil {
		return nil // signed in otherwise, or not at all
	}
	var auth struct {
		Mode   string          `json:"auth_mode"`
		Key    *string         `json:"OPENAI_API_KEY"`
		Tokens json.RawMessage `json:"tokens"`
	}
	if json.Unmarshal(text, &auth) != nil {
		return nil
	}
	if auth.Mode != "chatgpt" && (auth.Mode != "" || auth.Key != nil || len(auth.Tokens) == 0) {
		return nil
	}
	return []Warning{{"subscription", "Codex is signed in with ChatGPT, which is served at chatgpt.com/backend-api/codex and not by OpenAI's API; sign it in with an API key, or connect it to an upstream that leads there"}}
}

// oneEnvFile warns of how Gemini CLI finds its variables, and when it uses them.
func oneEnvFile(h *Hookup, at place) []Warning {
	list := []Warning{{"one_env_file", "Gemini CLI reads one .env file: one in a project's folder hides " + at.file}}
	login := gemini(h)[1]
	if text, err := readFile(login.file); err == nil {
		if v, set, err := login.format().get(text.bytes); err == nil && set && v.Text != geminiAPIKey {
			list = append(list, Warning{"other_login", "Gemini CLI is set to sign in by " + v.Text + ", and uses the address with an API key only: choose that in it with /auth"})
		}
	}
	if v := h.getenv(at.key()); v != "" {
		list = append(list, Warning{"environment", at.key() + " is set in the environment, which comes before the file"})
	}
	return list
}

// client returns the client with the ID.
func (h *Hookup) client(id string) (Client, error) {
	i := slices.IndexFunc(clients(), func(c Client) bool { return c.ID == id })
	if i < 0 {
		return Client{}, fmt.Errorf("%q: %w", id, ErrUnknown)
	}
	return clients()[i], nil
}

// editable returns the client with the ID if it has a settings file.
func (h *Hookup) editable(id string) (Client, error) {
	c, err := h.client(id)
	if err == nil && !c.Editable() {
		err = fmt.Errorf("%s: %w", c.Title, ErrNotEditable)
	}
	return c, err
}

// folder returns the folder that a variable names, or one in the person's home.
func (h *Hookup) folder(variable, name string) string {
	if dir := h.getenv(variable); dir != "" {
		return dir
	}
	return filepath.Join(h.home, name)
}
