package router

import (
	"errors"
	"net"
	"slices"
	"strings"
	"testing"

	"millpond/settings"
)

// upstreams are named by their kind and priority; "off" ones are not enabled.
var upstreams = []settings.Upstream{
	{Name: "claude-2", Kind: settings.KindAnthropic, URL: "https://relay.example", Enabled: true, Priority: 2, Weight: 1}, // 0
	{Name: "claude-1", Kind: settings.KindAnthropic, URL: "https://api.example", Enabled: true, Priority: 1, Weight: 1},   // 1
	{Name: "claude-off", Kind: settings.KindAnthropic, URL: "https://api.example", Priority: 0},                           // 2
	{Name: "gpt", Kind: settings.KindOpenAI, URL: "https://gpt.example", Enabled: true, Priority: 3},                      // 3
	{Name: "gem", Kind: settings.KindGemini, URL: "https://gem.example", Enabled: true, Priority: 3},                      // 4
	{Name: "worker.1", Kind: settings.KindA2A, URL: "http://127.0.0.1:9001", Enabled: true, Priority: 3},                  // 5
	{Name: "plain", Kind: settings.KindHTTP, URL: "http://127.0.0.1:9002", Enabled: true, Priority: 3},                    // 6
}

func table(t testing.TB, change func(*settings.Settings)) *Table {
	t.Helper()
	s := settings.Default()
	s.Upstreams = upstreams
	if change != nil {
		change(s)
	}
	tab, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// only keeps the upstreams at the indexes enabled.
func only(indexes ...int) func(*settings.Settings) {
	return func(s *settings.Settings) {
		s.Upstreams = slices.Clone(s.Upstreams)
		for i := range s.Upstreams {
			s.Upstreams[i].Enabled = slices.Contains(indexes, i)
		}
	}
}

func TestMatchByKind(t *testing.T) {
	const none = settings.Kind("")
	all := table(t, nil)
	tests := []struct {
		target string
		want   []int
		kind   settings.Kind
	}{
		{"/v1/messages", []int{1, 0}, settings.KindAnthropic},
		{"/v1/messages?beta=true", []int{1, 0}, settings.KindAnthropic},
		{"/v1/messages/count_tokens", []int{1, 0}, settings.KindAnthropic},
		{"/v1/messages/batches/x/results", []int{1, 0}, settings.KindAnthropic},
		{"/v1/complete", []int{1, 0}, settings.KindAnthropic},
		{"/v1/completions", []int{3}, settings.KindOpenAI},
		{"/v1/chat/completions", []int{3}, settings.KindOpenAI},
		{"/v1/responses", []int{3}, settings.KindOpenAI},
		{"/v1/responses/resp_1/cancel", []int{3}, settings.KindOpenAI},
		{"/v1/embeddings", []int{3}, settings.KindOpenAI},
		{"/v1/images/generations", []int{3}, settings.KindOpenAI},
		{"/v1/audio/speech", []int{3}, settings.KindOpenAI},
		{"/v1/batches", []int{3}, settings.KindOpenAI},
		{"/chat/completions", []int{3}, settings.KindOpenAI},
		{"/v1/models", []int{3}, settings.KindOpenAI},
		{"/v1/models/ft:gpt-4:org::id", []int{3}, settings.KindOpenAI},
		{"/v1beta/models/gemini-3:streamGenerateContent?alt=sse", []int{4}, settings.KindGemini},
		{"/v1beta", []int{4}, settings.KindGemini},
		{"/v1/models/gemini-3:generateContent?key=a:b", []int{4}, settings.KindGemini},
		{"/upload/v1beta/files", []int{4}, settings.KindGemini},
		{"/.well-known/agent-card.json", []int{5}, settings.KindA2A},
		{"/.well-known/agent.json", []int{5}, settings.KindA2A},
		{"/message", []int{5}, settings.KindA2A},
		{"/message:send", []int{5}, settings.KindA2A},
		{"/message:stream", []int{5}, settings.KindA2A},
		{"/v1/message:send", []int{5}, settings.KindA2A},
		{"/v1/tasks/1:cancel", []int{5}, settings.KindA2A},

		// Anything else: the first enabled upstream.
		{"/", []int{1}, settings.KindAnthropic},
		{"/v1/messagesx", []int{1}, settings.KindAnthropic},
		{"/v1/message", []int{1}, settings.KindAnthropic},
		{"/v1%2Fmessages", []int{1}, settings.KindAnthropic},
		{"//v1/chat/completions", []int{1}, settings.KindAnthropic},
		{"/x/../v1/chat/completions", []int{1}, settings.KindAnthropic},
		{"/V1/chat/completions", []int{1}, settings.KindAnthropic},
		{"/?/v1/chat/completions", []int{1}, settings.KindAnthropic},
		{"/u", []int{1}, settings.KindAnthropic},
		{"/ux/gpt/", []int{1}, settings.KindAnthropic},
		{"//u/gpt/", []int{1}, settings.KindAnthropic},
		{"/.well-known/other", []int{1}, none},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			m, err := all.Match("POST", tt.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(m.Upstreams, tt.want) || tt.kind != none && m.Kind != tt.kind {
				t.Errorf("got %v of kind %s; want %v of kind %s", m.Upstreams, m.Kind, tt.want, tt.kind)
			}
			if m.Target != tt.target || m.Prefix != "" || m.Pinned || m.Forward != nil || m.Idempotent {
				t.Errorf("got %+v; want the target as it was and nothing else", m)
			}
		})
	}
}

func TestMatchSharedPaths(t *testing.T) {
	fields := map[string]string{"anthropic": "Anthropic-Version", "key": "X-Api-Key", "google": "X-Goog-Api-Key", "": ""}
	tests := []struct {
		enabled []int
		client  string
		want    int
	}{
		{[]int{0, 3, 4, 6}, "anthropic", 0},
		{[]int{0, 3, 4, 6}, "key", 0},
		{[]int{0, 3, 4, 6}, "google", 4},
		{[]int{0, 3, 4, 6}, "", 3},
		{[]int{0, 4, 6}, "", 0},
		{[]int{4, 6}, "", 4},
		{[]int{3, 6}, "anthropic", 3},
		{[]int{6}, "anthropic", 6},
	}
	for _, tt := range tests {
		tab := table(t, only(tt.enabled...))
		header := func(name string) string {
			if name == fields[tt.client] {
				return "x"
			}
			return ""
		}
		for _, target := range []string{"/v1/models", "/v1/models/some-model", "/v1/files?limit=2"} {
			m, err := tab.Match("GET", target, header)
			if err != nil || len(m.Upstreams) == 0 || m.Upstreams[0] != tt.want {
				t.Errorf("%v, client %q, %s: got %v, %v; want %d", tt.enabled, tt.client, target, m.Upstreams, err, tt.want)
			}
		}
	}
}

func TestMatchWithoutTheKind(t *testing.T) {
	m, err := table(t, only(6)).Match("POST", "/v1/messages", nil)
	if err != nil || !slices.Equal(m.Upstreams, []int{6}) || m.Kind != settings.KindAnthropic {
		t.Errorf("got %v, %s, %v; want upstream 6, errors as Anthropic's", m.Upstreams, m.Kind, err)
	}
	m, err = table(t, only()).Match("POST", "/v1/messages", nil)
	wantError(t, err, ErrNoUpstream, 404, "no_upstream")
	if m.Kind != settings.KindAnthropic {
		t.Errorf("got kind %s; want anthropic beside the error, too", m.Kind)
	}
	_, err = table(t, func(s *settings.Settings) { s.Upstreams = nil }).Match("GET", "/", nil)
	wantError(t, err, ErrNoUpstream, 404, "no_upstream")
}

func wantError(t *testing.T, err error, want *Error, status int, code string) {
	t.Helper()
	var e *Error
	if !errors.Is(err, want) || !errors.As(err, &e) || e.Status != status || e.Code != code || e.Message == "" {
		t.Errorf("got %#v; want %d %s with a message", err, status, code)
	}
}

func TestMatchPin(t *testing.T) {
	tab := table(t, nil)
	tests := []struct {
		target, prefix, rest string
		upstream             int
		kind                 settings.Kind
	}{
		{"/u/gpt/v1/messages?a=b", "/u/gpt", "/v1/messages?a=b", 3, settings.KindAnthropic},
		{"/u/worker.1", "/u/worker.1", "", 5, settings.KindA2A},
		{"/u/worker.1/", "/u/worker.1", "/", 5, settings.KindA2A},
		{"/u/worker.1?x=/u/gpt/", "/u/worker.1", "?x=/u/gpt/", 5, settings.KindA2A},
		{"/u/plain//a%2F/../b/./?q=%zz&&", "/u/plain", "//a%2F/../b/./?q=%zz&&", 6, settings.KindHTTP},
		{"/u/claude%2D1/x", "/u/claude%2D1", "/x", 1, settings.KindAnthropic},
		{"/u/gpt/u/gem/x", "/u/gpt", "/u/gem/x", 3, settings.KindOpenAI},
		{"/u/claude-2/v1/chat/completions", "/u/claude-2", "/v1/chat/completions", 0, settings.KindOpenAI},
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			m, err := tab.Match("POST", tt.target, nil)
			if err != nil {
				t.Fatal(err)
			}
			if m.Prefix != tt.prefix || m.Target != tt.rest || !slices.Equal(m.Upstreams, []int{tt.upstream}) || !m.Pinned || m.Kind != tt.kind {
				t.Errorf("got %+v; want %+v", m, tt)
			}
		})
	}
	for _, target := range []string{"/u/", "/u//x", "/u/?x", "/u/nobody/x", "/u/GPT/x", "/u/%67pt%00/", "/u/claude-off/v1/messages", "/u/%zz/"} {
		_, err := tab.Match("POST", target, nil)
		wantError(t, err, ErrUnknownName, 404, "unknown_upstream")
		if !strings.Contains(err.Error(), "claude-2, claude-1, gpt, gem, worker.1, plain") {
			t.Errorf("%s: got %q; want the known names in it", target, err)
		}
	}
	_, err := table(t, only()).Match("POST", "/u/gpt/", nil)
	wantError(t, err, ErrUnknownName, 404, "unknown_upstream")
}

func TestMatchRoutes(t *testing.T) {
	tab := table(t, func(s *settings.Settings) {
		s.Routes = []settings.Route{
			{Path: "/v1", Upstreams: []string{"plain"}},
			{Path: "/v1/messages", Upstreams: []string{"claude-2", "gpt", "claude-1", "claude-2", "claude-off"}, Idempotent: true},
			{Path: "/v1/messages/batches", Upstreams: []string{"claude-off"}},
			{Path: "/agents/", Upstreams: []string{"worker.1"}},
		}
	})
	tests := []struct {
		target     string
		want       []int
		kind       settings.Kind
		idempotent bool
	}{
		{"/v1/messages", []int{1, 0, 3}, settings.KindAnthropic, true},
		{"/v1/messages/x", []int{1, 0, 3}, settings.KindAnthropic, true},
		{"/v1/messages?x", []int{1, 0, 3}, settings.KindAnthropic, true},
		{"/v1/messages/batchesx", []int{1, 0, 3}, settings.KindAnthropic, true},
		{"/v1/messagesx", []int{6}, settings.KindHTTP, false},
		{"/v1/chat/completions", []int{6}, settings.KindOpenAI, false},
		{"/v1", []int{6}, settings.KindHTTP, false},
		{"/v1?x", []int{6}, settings.KindHTTP, false},
		{"/agents/7", []int{5}, settings.KindA2A, false},
		{"/agents", []int{1}, settings.KindAnthropic, false},
		{"/u/gpt/v1/messages", []int{3}, settings.KindAnthropic, false}, // a pin is stronger
	}
	for _, tt := range tests {
		t.Run(tt.target, func(t *testing.T) {
			m, err := tab.Match("POST", tt.target, nil)
			if err != nil || !slices.Equal(m.Upstreams, tt.want) || m.Kind != tt.kind || m.Idempotent != tt.idempotent {
				t.Errorf("got %+v, %v; want %v, %s, %v", m, err, tt.want, tt.kind, tt.idempotent)
			}
		})
	}
	_, err := tab.Match("POST", "/v1/messages/batches", nil)
	wantError(t, err, ErrNoUpstream, 404, "no_upstream")
	if !strings.Contains(err.Error(), "/v1/messages/batches") {
		t.Errorf("got %q; want the route in it", err)
	}
}

func TestMatchStar(t *testing.T) {
	m, err := table(t, nil).Match("OPTIONS", "*", nil)
	if err != nil || m.Target != "*" || !slices.Equal(m.Upstreams, []int{1}) {
		t.Errorf("got %+v, %v; want * at the first upstream", m, err)
	}
	for _, target := range []string{"*", "", "x", "u/gpt/x", "localhost:80"} {
		_, err := table(t, nil).Match("GET", target, nil)
		wantError(t, err, ErrBadTarget, 400, "malformed_request")
	}
}

func TestForward(t *testing.T) {
	tab := table(t, func(s *settings.Settings) {
		s.Forward = settings.Forward{Enabled: true, Allow: []string{
			"127.0.0.1:*", "10.0.0.0/8", "*.example.com:443", "Worker.Example:80", "any.example", "192.168.1.7", "[::1]:9000", "fd00::/8",
		}}
	})
	allowed := []struct{ target, host, rest string }{
		{"http://127.0.0.1:9001/message?x=%2F", "127.0.0.1:9001", "/message?x=%2F"},
		{"http://127.0.0.1", "127.0.0.1", "/"},
		{"http://127.0.0.1?x=1", "127.0.0.1", "/?x=1"},
		{"http://127.0.0.1:9001//a/../b", "127.0.0.1:9001", "//a/../b"},
		{"HTTP://localhost:9001/", "localhost:9001", "/"},
		{"http://10.255.0.1:1/", "10.255.0.1:1", "/"},
		{"http://a.example.com:443/", "a.example.com:443", "/"},
		{"http://a.b.EXAMPLE.com.:443/", "a.b.EXAMPLE.com.:443", "/"},
		{"http://worker.example/", "worker.example", "/"},
		{"http://worker.example:/x", "worker.example:", "/x"},
		{"http://any.example:8080/", "any.example:8080", "/"},
		{"http://192.168.1.7:2/", "192.168.1.7:2", "/"},
		{"http://[::1]:9000/", "[::1]:9000", "/"},
		{"http://[0:0::1]:9000/", "[0:0::1]:9000", "/"},
		{"http://[fd12::5]/", "[fd12::5]", "/"},
		{"http://[::ffff:10.1.2.3]/", "[::ffff:10.1.2.3]", "/"},
	}
	for _, tt := range allowed {
		m, err := tab.Match("POST", tt.target, nil)
		if err != nil || m.Forward == nil || m.Forward.Scheme != "http" || m.Forward.Host != tt.host || m.Target != tt.rest || m.Upstreams != nil {
			t.Errorf("%s: got %+v, %v; want host %s, target %s", tt.target, m, err, tt.host, tt.rest)
		}
	}
	refused := []string{
		"https://127.0.0.1/", "ftp://127.0.0.1/", "ws://127.0.0.1/",
		"http://11.0.0.1/", "http://evil.example/", "http://example.com:443/", "http://a.example.com/", "http://a.example.com:444/",
		"http://aexample.com:443/", "http://a.example.com.evil:443/", "http://worker.example:81/", "http://x.worker.example/",
		"http://127.0.0.2:9001/", "http://127.1:9001/", "http://2130706433/", "http://0x7f.1/", "http://127.0.0.1.nip.io/",
		"http://[::1]/", "http://[::1]:9001/", "http://[::2]:9000/", "http://169.254.169.254/latest/", "http://0.0.0.0/",
		"http://a.localhost:9000/", "http://192.168.1.70/",
	}
	for _, target := range refused {
		_, err := tab.Match("GET", target, nil)
		wantError(t, err, ErrForwardRefused, 403, "forward_refused")
	}
	broken := []string{
		"http://", "http:///x", "http://?x", "http://:80/", "http://user@127.0.0.1/", "http://127.0.0.1@evil.example/",
		"http://127.0.0.1:x/", "http://127.0.0.1:0/", "http://127.0.0.1:65536/", "http://127.0.0.1:80:80/", "http://::1/",
		"http://[::1/", "http://[::1]x/", "http://a[::1]/", "http://[localhost]/", "http://127.0.0.1\\@evil/", "http://127.0.0.1%2F/", "http:/x", "http:x",
		"http://[::1%25lo]:9000/", "http://]/", "http://[]/",
	}
	for _, target := range broken {
		_, err := tab.Match("GET", target, nil)
		wantError(t, err, ErrBadTarget, 400, "malformed_request")
	}
	_, err := table(t, nil).Match("GET", "http://127.0.0.1:9001/", nil)
	wantError(t, err, ErrForwardRefused, 403, "forward_refused")
}

func TestForwardLoop(t *testing.T) {
	tests := []struct {
		listen string
		bound  []net.Addr
		loops  []string
		others []string
	}{
		{"127.0.0.1:7860", nil,
			[]string{"127.0.0.1:7860", "localhost:7860", "LOCALHOST.:7860", "a.localhost:7860", "0.0.0.0:7860", "[::]:7860", "[::ffff:127.0.0.1]:7860", "pond.example:7860"},
			[]string{"127.0.0.1:7861", "127.0.0.2:7860", "127.0.0.1", "10.0.0.1:7860"}},
		{"localhost:7860", nil, []string{"[::1]:7860", "127.0.0.1:7860"}, []string{"[::1]:80", "[::2]:7860"}},
		{"localhost:0", []net.Addr{&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 81}},
			[]string{"127.0.0.1:81", "localhost:81"}, []string{"127.0.0.1:7860", "[::1]:81"}},
		{":7860", nil, []string{"127.0.0.1:7860", "127.9.9.9:7860", "[::1]:7860", "localhost:7860"}, []string{"10.0.0.1:7860"}},
		{"mill.example:80", nil, []string{"mill.example", "MILL.example.:80"}, []string{"mill.example:81"}},
		{"127.0.0.1:80", nil, []string{"127.0.0.1", "127.0.0.1:80", "127.0.0.1:"}, nil},
	}
	for _, tt := range tests {
		s := settings.Default()
		s.Listen = settings.Listen{Address: tt.listen, AllowedHosts: []string{"pond.example"}}
		s.Forward = settings.Forward{Enabled: true, Allow: []string{"127.0.0.0/8", "10.0.0.0/8", "::/0", "*.example", "0.0.0.0"}}
		tab, err := New(s, tt.bound...)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range tt.loops {
			_, err := tab.Match("GET", "http://"+host+"/", nil)
			wantError(t, err, ErrLoop, 508, "loop")
			s.Upstreams = []settings.Upstream{{Name: "self", URL: "http://" + host + "/base", Enabled: true}}
			if _, err := New(s, tt.bound...); err == nil || !strings.HasPrefix(err.Error(), "upstreams[0].url: ") {
				t.Errorf("%s, upstream %s: got %v; want it refused", tt.listen, host, err)
			}
		}
		for _, host := range tt.others {
			if _, err := tab.Match("GET", "http://"+host+"/", nil); err != nil {
				t.Errorf("%s, %s: got %v; want no loop", tt.listen, host, err)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		want   string
		change func(*settings.Settings)
	}{
		{"routes[0].upstreams[1]: ", func(s *settings.Settings) {
			s.Routes = []settings.Route{{Path: "/x", Upstreams: []string{"gpt", "nobody"}}}
		}},
		{"forward.allow[1]: ", func(s *settings.Settings) { s.Forward.Allow = []string{"a.example", "a:b:c"} }},
		{"upstreams[7].url: ", func(s *settings.Settings) {
			s.Upstreams = append(slices.Clone(s.Upstreams), settings.Upstream{Name: "self", URL: "http://localhost:7860/x"})
		}},
	}
	for _, tt := range tests {
		s := settings.Default()
		s.Upstreams = upstreams
		tt.change(s)
		if _, err := New(s); err == nil || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("got %v; want an error at %s", err, tt.want)
		}
	}
	for _, entry := range []string{"", "*", "*:80", "*.", ".example.com", "*example.com", "a.*.com", "http://a", "a/8", "a:0", "a:65536", "a:x", "[::1", "a@b", "*.*.com", "10.0.0.0/33", "..", "*..com"} {
		if a, ok := parseAllowed(entry); ok {
			t.Errorf("%q: got %+v; want it refused", entry, a)
		}
	}
}

// The default settings must compile as they are.
func TestNewDefault(t *testing.T) {
	if _, err := New(settings.Default()); err != nil {
		t.Error(err)
	}
}

// No target panics, and no byte of one is lost: what is cut off and what goes on add up to it.
func FuzzMatch(f *testing.F) {
	for _, target := range []string{"/", "/u/gpt/v1/x?y", "/u/gpt?y", "/u/", "http://127.0.0.1:1?x", "http://[::1]:9/", "*", "/v1/models/a:generateContent"} {
		f.Add("POST", target, "x")
	}
	tab := table(f, func(s *settings.Settings) {
		s.Routes = []settings.Route{{Path: "/v1/messages", Upstreams: []string{"gpt"}}}
		s.Forward.Enabled = true
	})
	f.Fuzz(func(t *testing.T, method, target, value string) {
		m, err := tab.Match(method, target, func(string) string { return value })
		if m.Kind == "" {
			t.Errorf("%q: got no kind", target)
		}
		if err != nil {
			if e := (*Error)(nil); !errors.As(err, &e) {
				t.Errorf("%q: got %T; want *Error", target, err)
			}
			return
		}
		whole := m.Prefix + m.Target
		if m.Forward != nil {
			whole = target[:strings.Index(target, "://")+3] + m.Forward.Host + m.Target
		} else if len(m.Upstreams) == 0 {
			t.Errorf("%q: got no upstream and no error", target)
		}
		added := strings.Replace(whole, "/?", "?", 1) // "/" stands where a target had no path
		if whole != target && whole != target+"/" && added != target {
			t.Errorf("%q: got %q", target, whole)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	tab := table(b, nil)
	header := func(string) string { return "" }
	for _, target := range []string{"/v1/messages?beta=true", "/u/worker.1/message", "/anything/else"} {
		b.Run(target[1:5], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := tab.Match("POST", target, header); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
