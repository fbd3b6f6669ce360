package hookup

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

// A machine is a person's home with our state folder in it.
type machine struct {
	*Hookup
	t    *testing.T
	home string
	env  map[string]string
}

func newMachine(t *testing.T) machine {
	t.Helper()
	m := machine{t: t, home: t.TempDir(), env: map[string]string{}}
	m.env["HOME"], m.env["USERPROFILE"] = m.home, m.home
	var err error
	m.Hookup, err = New(Config{Getenv: func(name string) string { return m.env[name] }, StateDir: filepath.Join(m.home, "state")})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// write puts a file into the home.
func (m machine) write(t *testing.T, name, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(m.home, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// status checks where a client leads.
func (m machine) status(t *testing.T, id string, want Status) State {
	t.Helper()
	s, err := m.State(id, "127.0.0.1:7860")
	if s.Status != want {
		t.Fatalf("got %s leads %s (%v); want %s", id, s.Status, err, want)
	}
	return s
}

// must fails the test when an edit fails.
func (m machine) must(c Changes, err error) Changes {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
	return c
}

// files are settings as people have them, by client.
var files = []struct{ name, client, file, text, want string }{
	{"claude code, with a relay", "claude-code", ".claude/settings.json",
		"\xef\xbb\xbf{\r\n\t// mine\r\n\t\"env\": {\"ANTHROPIC_BASE_URL\": \"https:\\/\\/relay.example\", \"ANTHROPIC_AUTH_TOKEN\": \"sk-1\"},\r\n\t\"model\": \"opus\",\r\n}\r\n",
		"\xef\xbb\xbf{\r\n\t// mine\r\n\t\"env\": {\"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:7860\", \"ANTHROPIC_AUTH_TOKEN\": \"sk-1\"},\r\n\t\"model\": \"opus\",\r\n}\r\n"},
	{"claude code, without", "claude-code", ".claude/settings.json",
		"{\n  \"permissions\": { \"allow\": [\"Bash(ls:*)\"] }\n}",
		"{\n  \"permissions\": { \"allow\": [\"Bash(ls:*)\"] },\n  \"env\": {\n    \"ANTHROPIC_BASE_URL\": \"http://127.0.0.1:7860\"\n  }\n}"},
	{"codex", "codex", ".codex/config.toml",
		"model = \"gpt-5.5\" # best\n\n[mcp_servers.x]\ncommand = 'x'\n",
		"model = \"gpt-5.5\" # best\nopenai_base_url = \"http://127.0.0.1:7860/v1\"\n\n[mcp_servers.x]\ncommand = 'x'\n"},
	{"codex, a provider of the person's", "codex", ".codex/config.toml",
		"model_provider = \"relay\"\n[model_providers.relay]\nbase_url = 'https://relay.example/v1'\nwire_api = \"responses\"\n",
		"model_provider = \"relay\"\n[model_providers.relay]\nbase_url = \"http://127.0.0.1:7860/v1\"\nwire_api = \"responses\"\n"},
	{"gemini", "gemini", ".gemini/.env",
		"# key\nGEMINI_API_KEY=\"k\"",
		"# key\nGEMINI_API_KEY=\"k\"\nGOOGLE_GEMINI_BASE_URL=http://127.0.0.1:7860"},
	{"gemini, in the home", "gemini", ".env",
		"export GOOGLE_GEMINI_BASE_URL='https://relay.example' # r\nGEMINI_API_KEY=k\n",
		"export GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:7860 # r\nGEMINI_API_KEY=k\n"},
}

// Connecting changes the one value; disconnecting brings back every byte, and the mode.
func TestThereAndBack(t *testing.T) {
	for _, tt := range files {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			if err := os.MkdirAll(filepath.Join(m.home, ".gemini"), 0o755); err != nil {
				t.Fatal(err)
			}
			path := m.write(t, tt.file, tt.text, 0o640)
			plan := m.must(m.Plan(tt.client, "127.0.0.1:7860"))
			if got := read(t, path); got != tt.text {
				t.Fatalf("got %q after a plan; want the file as it was", got)
			}
			done := m.must(m.Connect(tt.client, "127.0.0.1:7860"))
			if len(done.Changes) != len(plan.Changes) || *done.Changes[0].After != *plan.Changes[0].After || done.File != path {
				t.Errorf("got %+v; want what was planned, %+v", done, plan)
			}
			if got := read(t, path); got != tt.want {
				t.Errorf("got\n%q; want\n%q", got, tt.want)
			}
			if s := m.status(t, tt.client, Connected); !s.Ours {
				t.Errorf("got %+v; want ours", s)
			}
			if again := m.must(m.Connect(tt.client, "http://127.0.0.1:7860/")); len(again.Changes) != 0 {
				t.Errorf("got %+v the second time; want nothing to do", again)
			}
			if plan := m.must(m.PlanDisconnect(tt.client, "127.0.0.1:7860")); len(plan.Changes) != len(done.Changes) || plan.Removes {
				t.Errorf("got %+v planned; want as many changes back", plan)
			}
			m.must(m.Disconnect(tt.client, "127.0.0.1:7860"))
			if got := read(t, path); got != tt.text {
				t.Errorf("got\n%q back; want\n%q", got, tt.text)
			}
			info, err := os.Stat(path)
			if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o640 {
				t.Errorf("got mode %v (%v); want 640", info.Mode().Perm(), err)
			}
			if again := m.must(m.Disconnect(tt.client, "127.0.0.1:7860")); len(again.Changes)+len(again.Kept) != 0 {
				t.Errorf("got %+v the second time; want nothing to do", again)
			}
		})
	}
}

// A file that was not there goes again, and so does its folder.
func TestNewFile(t *testing.T) {
	programs := map[string]string{"claude-code": "claude", "codex": "codex", "gemini": "gemini"}
	for client := range programs {
		m := newMachine(t)
		if _, err := m.Connect(client, "127.0.0.1:7860"); !errors.Is(err, ErrNotInstalled) {
			t.Fatalf("%s: got %v without the program; want ErrNotInstalled", client, err)
		}
		m.status(t, client, NotInstalled)
		name := programs[client]
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		program := m.write(t, "bin/"+name, "", 0o755)
		m.env["PATH"] = filepath.Dir(program)
		m.status(t, client, NotConnected)
		done := m.must(m.Connect(client, "127.0.0.1:7860"))
		if !done.Creates {
			t.Errorf("%s: got %+v; want that it creates the file", client, done)
		}
		info, err := os.Stat(done.File)
		if err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, %v; want a file of mode 600", client, info, err)
		}
		if done = m.must(m.Disconnect(client, "127.0.0.1:7860")); !done.Removes {
			t.Errorf("%s: got %+v; want that it removes the file", client, done)
		}
		if exists(filepath.Dir(done.File)) {
			t.Errorf("%s: got a folder left", client)
		}
	}
}

// What came into the file since stays when the key goes back.
func TestOthersEditsStay(t *testing.T) {
	m := newMachine(t)
	path := m.write(t, ".claude/settings.json", "{\n  \"a\": 1\n}\n", 0o600)
	m.must(m.Connect("claude-code", "127.0.0.1:7860"))
	m.write(t, ".claude/settings.json", strings.Replace(read(t, path), `"a": 1`, `"a": 2`, 1), 0o600)
	m.must(m.Connect("claude-code", "127.0.0.1:9999")) // the address moves; what was before us stays known
	m.must(m.Disconnect("claude-code", "127.0.0.1:9999"))
	if got, want := read(t, path), "{\n  \"a\": 2\n}\n"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}

	m.must(m.Connect("claude-code", "127.0.0.1:7860"))
	m.write(t, ".claude/settings.json", strings.Replace(read(t, path), `:7860"`, `:7860", "MORE": "x"`, 1), 0o600)
	m.must(m.Disconnect("claude-code", "127.0.0.1:7860"))
	if got := read(t, path); strings.Contains(got, "ANTHROPIC") || !strings.Contains(got, `"MORE": "x"`) {
		t.Errorf("got %q; want the person's variable and not ours", got)
	}
}

// A key that the person changed since is theirs.
func TestChangedSince(t *testing.T) {
	m := newMachine(t)
	path := m.write(t, ".codex/config.toml", "openai_base_url = \"https://one.example/v1\"\n", 0o600)
	m.must(m.Connect("codex", "127.0.0.1:7860"))
	m.write(t, ".codex/config.toml", "openai_base_url = \"https://two.example/v1\"\n", 0o600)
	if s := m.status(t, "codex", Elsewhere); s.Ours || *s.Value != "https://two.example/v1" {
		t.Errorf("got %+v; want the person's own", s)
	}
	done := m.must(m.Disconnect("codex", "127.0.0.1:7860"))
	if len(done.Changes) != 0 || len(done.Kept) != 1 || *done.Kept[0].After != "https://one.example/v1" {
		t.Errorf("got %+v; want the key kept", done)
	}
	if got := read(t, path); got != "openai_base_url = \"https://two.example/v1\"\n" {
		t.Errorf("got %q; want it left alone", got)
	}
	// Connected anew, what comes back is the newer one.
	done = m.must(m.Connect("codex", "127.0.0.1:7860"))
	if len(done.Warnings) != 1 || done.Warnings[0].Code != "other_address" || !strings.Contains(done.Warnings[0].Sentence, "two.example") {
		t.Errorf("got warnings %+v; want that of the other address", done.Warnings)
	}
	m.must(m.Disconnect("codex", "127.0.0.1:7860"))
	if got := read(t, path); got != "openai_base_url = \"https://two.example/v1\"\n" {
		t.Errorf("got %q back", got)
	}
}

// One that was written by hand is taken away when it leads to us, and not otherwise.
func TestByHand(t *testing.T) {
	m := newMachine(t)
	path := m.write(t, ".claude/settings.json", `{"env": {"ANTHROPIC_BASE_URL": "http://localhost:7860/u/relay"}}`, 0o600)
	if s := m.status(t, "claude-code", Connected); s.Ours {
		t.Errorf("got %+v; want that it is not ours", s)
	}
	if done := m.must(m.Disconnect("claude-code", "127.0.0.1:7999")); len(done.Changes) != 0 {
		t.Errorf("got %+v; want nothing done about another port", done)
	}
	done := m.must(m.Disconnect("claude-code", "127.0.0.1:7860"))
	if len(done.Changes) != 1 || done.Changes[0].After != nil || done.Warnings[0].Code != "unrecorded" {
		t.Errorf("got %+v; want the key taken away, and said", done)
	}
	if got, want := read(t, path), `{"env": {}}`; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// Codex' address is in another place when the person changes the provider; both are put back.
func TestTwoPlaces(t *testing.T) {
	m := newMachine(t)
	const one, two = "model = 'x'\n", "[model_providers.r]\nbase_url = \"https://r.example\"\n"
	path := m.write(t, ".codex/config.toml", one+two, 0o600)
	m.must(m.Connect("codex", "127.0.0.1:7860"))
	m.write(t, ".codex/config.toml", "model_provider = \"r\"\n"+read(t, path), 0o600)
	m.status(t, "codex", Elsewhere)
	m.must(m.Connect("codex", "127.0.0.1:7860"))
	m.status(t, "codex", Connected)
	done := m.must(m.Disconnect("codex", "127.0.0.1:7860"))
	if len(done.Changes) != 2 {
		t.Errorf("got %+v; want two keys", done)
	}
	if got, want := read(t, path), "model_provider = \"r\"\n"+one+two; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

// What cannot be edited safely is refused with its place and stays as it is.
func TestUneditable(t *testing.T) {
	m := newMachine(t)
	path := m.write(t, ".claude/settings.json", "{\n  \"env\": {,\n}\n", 0o600)
	_, err := m.Connect("claude-code", "127.0.0.1:7860")
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || syntax.Path != path || syntax.Line != 2 {
		t.Errorf("got %v; want a mistake in line 2", err)
	}
	if _, err := m.Disconnect("claude-code", "127.0.0.1:7860"); !errors.As(err, &syntax) {
		t.Errorf("got %v; want a mistake", err)
	}
	m.status(t, "claude-code", Unreadable)
	if got := read(t, path); got != "{\n  \"env\": {,\n}\n" {
		t.Errorf("got %q; want it left", got)
	}
	m.write(t, ".codex/config.toml", "model_provider = \"ollama\"\n", 0o600)
	if _, err := m.Connect("codex", "127.0.0.1:7860"); !errors.As(err, &syntax) || !strings.Contains(err.Error(), "model_providers.ollama.base_url") {
		t.Errorf("got %v; want that the provider has no address", err)
	}
	if err := os.MkdirAll(filepath.Join(m.home, ".gemini", ".env"), 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Connect("gemini", "127.0.0.1:7860"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("got %v; want that it is no file", err)
	}
	for id, want := range map[string]error{"nobody": ErrUnknown, "a2a": ErrNotEditable} {
		if _, err := m.Connect(id, "127.0.0.1:7860"); !errors.Is(err, want) {
			t.Errorf("%s: got %v; want %v", id, err, want)
		}
	}
}

// Our own record, when it is damaged, is not written over.
func TestDamagedRecord(t *testing.T) {
	m := newMachine(t)
	path := m.write(t, ".claude/settings.json", "{}", 0o600)
	m.write(t, "state/"+recordName, "{", 0o600)
	if _, err := m.Connect("claude-code", "127.0.0.1:7860"); err == nil || !strings.Contains(err.Error(), recordName) {
		t.Errorf("got %v; want an error that names the record", err)
	}
	if got := read(t, path); got != "{}" {
		t.Errorf("got %q; want it left", got)
	}
}

// A link is followed; one that leads nowhere is said.
func TestLink(t *testing.T) {
	m := newMachine(t)
	real := m.write(t, "dotfiles/claude.json", "{}", 0o600)
	link := filepath.Join(m.home, ".claude", "settings.json")
	if err := os.Mkdir(filepath.Dir(link), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		if runtime.GOOS == "windows" {
			t.Skip("links need a right there that tests may not have")
		}
		t.Fatal(err)
	}
	m.must(m.Connect("claude-code", "127.0.0.1:7860"))
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 || !strings.Contains(read(t, real), ours) {
		t.Errorf("got %v, %v; want the link kept and its file edited", info.Mode(), err)
	}
	m.must(m.Disconnect("claude-code", "127.0.0.1:7860"))
	if err := os.Remove(real); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Connect("claude-code", "127.0.0.1:7860"); err == nil || !strings.Contains(err.Error(), "leads nowhere") {
		t.Errorf("got %v; want that the link leads nowhere", err)
	}
}

// The folders that a person has chosen are used.
func TestFolders(t *testing.T) {
	m := newMachine(t)
	other := t.TempDir()
	m.env["CLAUDE_CONFIG_DIR"], m.env["CODEX_HOME"], m.env["GEMINI_CLI_HOME"] = other, other, other
	want := map[string]string{"claude-code": "settings.json", "codex": "config.toml", "gemini": filepath.Join(".gemini", ".env")}
	for _, c := range m.Clients() {
		if !c.Editable() {
			if s := m.status(t, c.ID, ByHand); s.File != "" || c.File != "" {
				t.Errorf("%s: got a file; want none", c.ID)
			}
		} else if c.File != filepath.Join(other, want[c.ID]) || len(c.Keys) == 0 {
			t.Errorf("%s: got %s, %v", c.ID, c.File, c.Keys)
		}
		if lines := c.Lines("127.0.0.1:7860"); len(lines) == 0 || !strings.Contains(lines[0].Value, ours) {
			t.Errorf("%s: got %v to copy; want our address", c.ID, lines)
		}
	}
}

// Gemini CLI gets the choice of its API key with the address, unless it has one.
func TestGeminiLogin(t *testing.T) {
	tests := []struct {
		name, before, after string // of settings.json; "" is none
		warned              bool
	}{
		{"no file", "", "{\n  \"security\": {\n    \"auth\": {\n      \"selectedType\": \"gemini-api-key\"\n    }\n  }\n}\n", false},
		{"no choice", "{\"ui\": {}, \"security\": {\"auth\": {}}}", "{\"ui\": {}, \"security\": {\"auth\": {\n  \"selectedType\": \"gemini-api-key\"\n}}}", false},
		{"the key", `{"security": {"auth": {"selectedType": "gemini-api-key"}}}`, `{"security": {"auth": {"selectedType": "gemini-api-key"}}}`, false},
		{"Google", `{"security": {"auth": {"selectedType": "oauth-personal"}}}`, `{"security": {"auth": {"selectedType": "oauth-personal"}}}`, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := newMachine(t)
			env := m.write(t, ".gemini/.env", "GEMINI_API_KEY=k\n", 0o600)
			path := filepath.Join(m.home, ".gemini", "settings.json")
			if tt.before != "" {
				m.write(t, ".gemini/settings.json", tt.before, 0o600)
			}
			done := m.must(m.Connect("gemini", "127.0.0.1:7860"))
			if got := read(t, path); got != tt.after {
				t.Errorf("got\n%s; want\n%s", got, tt.after)
			}
			warned := slices.ContainsFunc(done.Warnings, func(w Warning) bool { return w.Code == "other_login" })
			if warned != tt.warned || done.File != env || done.Creates {
				t.Errorf("got %+v; want a warning: %v", done, tt.warned)
			}
			if again := m.must(m.Connect("gemini", "127.0.0.1:7860")); len(again.Changes) != 0 {
				t.Errorf("got %+v the second time; want nothing to do", again)
			}
			m.must(m.Disconnect("gemini", "127.0.0.1:7860"))
			if tt.before == "" && exists(path) || tt.before != "" && read(t, path) != tt.before || read(t, env) != "GEMINI_API_KEY=k\n" {
				t.Error("got other files back")
			}
		})
	}
}

func TestSubscription(t *testing.T) {
	tests := map[string]bool{
		`{"auth_mode": "chatgpt", "tokens": {}}`:             true,
		`{"OPENAI_API_KEY": null, "tokens": {"id": "x"}}`:    true,
		`{"auth_mode": "apikey", "OPENAI_API_KEY": "sk-1"}`:  false,
		`{"OPENAI_API_KEY": "sk-1", "tokens": {"id": "x"}}`:  false,
		`{"auth_mode": "apikey", "tokens": {"id": "older"}}`: false,
		`{`: false,
	}
	for text, want := range tests {
		m := newMachine(t)
		m.write(t, ".codex/auth.json", text, 0o600)
		plan := m.must(m.Plan("codex", "127.0.0.1:7860"))
		if got := len(plan.Warnings) == 1 && plan.Warnings[0].Code == "subscription"; got != want {
			t.Errorf("%s: got %+v; want a warning: %v", text, plan.Warnings, want)
		}
	}
}

// Several programs that connect at one time do not lose each other's records.
func TestAtOneTime(t *testing.T) {
	m := newMachine(t)
	texts := map[string]string{}
	for _, tt := range []int{0, 2, 4} {
		texts[files[tt].client] = m.write(t, files[tt].file, files[tt].text, 0o600)
	}
	var wg sync.WaitGroup
	for client := range texts {
		wg.Go(func() {
			if _, err := m.Connect(client, "127.0.0.1:7860"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, tt := range []int{0, 2, 4} {
		m.must(m.Disconnect(files[tt].client, "127.0.0.1:7860"))
		if got := read(t, texts[files[tt].client]); got != files[tt].text {
			t.Errorf("%s: got %q back; want %q", files[tt].client, got, files[tt].text)
		}
	}
	if all, err := m.readRecords(); err != nil || len(all) != 0 {
		t.Errorf("got %v, %v; want nothing recorded at the end", all, err)
	}
}

// A file that another program writes meanwhile is not written over.
func TestWrittenMeanwhile(t *testing.T) {
	m := newMachine(t)
	path := m.write(t, ".claude/settings.json", "{}", 0o600)
	edits, _, err := m.planConnect("claude-code", "127.0.0.1:7860")
	if err != nil {
		t.Fatal(err)
	}
	m.write(t, ".claude/settings.json", "{ }", 0o600)
	if err := os.MkdirAll(m.state, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := edits[0](); !errors.Is(err, ErrChanged) {
		t.Errorf("got %v; want ErrChanged", err)
	}
	if got := read(t, path); got != "{ }" {
		t.Errorf("got %q; want the other program's", got)
	}
}

func TestLeadsTo(t *testing.T) {
	tests := map[string]bool{
		"http://127.0.0.1:7860": true, "http://localhost:7860/v1": true, "http://[::1]:7860/u/x": true, "HTTP://LOCALHOST:7860": true,
		"https://127.0.0.1:7860": false, "http://127.0.0.1:7861": false, "http://127.0.0.1": false, "http://relay.example:7860": false,
		"127.0.0.1:7860": false, "": false, "://": false,
	}
	for text, want := range tests {
		if got := leadsTo(text, "127.0.0.1:7860"); got != want {
			t.Errorf("%q: got %v; want %v", text, got, want)
		}
	}
	if !leadsTo("http://box.example:1/v1", "http://BOX.example:1") {
		t.Error("got that a name does not lead to itself")
	}
}

// The record says what was there, and only the owner may read it.
func TestRecord(t *testing.T) {
	m := newMachine(t)
	m.write(t, ".claude/settings.json", files[0].text, 0o600)
	m.must(m.Connect("claude-code", "127.0.0.1:7860"))
	path := filepath.Join(m.state, recordName)
	if text := read(t, path); !strings.Contains(text, "relay.example") || bytes.Contains([]byte(text), []byte("sk-1")) {
		t.Errorf("got %s; want the address and no key of the person's", text)
	}
	if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v; want mode 600", info, err)
	}
}
