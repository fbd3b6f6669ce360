package settings

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
)

// valid returns settings with some of everything.
func valid() *Settings {
	s := Default()
	idle, warm, gentle := 5, WarmAuto, PresetGentle
	s.Listen.AllowedHosts = []string{"millpond.lan", "box.example.com:7860"}
	s.Listen.AllowedOrigins = []string{"https://app.example.com", "app://obsidian.md"}
	s.Listen.Token = "env:TOKEN"
	s.Upstreams = []Upstream{
		{Name: "anthropic", Kind: KindAnthropic, URL: "https://api.anthropic.com", Enabled: true, Priority: 1, Weight: 1},
		{Name: "relay.two", Kind: KindOpenAI, URL: "http://[::1]:9000/base/", Priority: 2, Weight: 3,
			Credential: "keyring:relay", Egress: "socks5://me:env:PW@proxy:1080", PreserveHost: true,
			Pool: PoolOverride{Preset: &gentle, MaxIdlePerHost: &idle, Warm: &warm}},
	}
	s.Routes = []Route{{Path: "/v1/messages", Upstreams: []string{"anthropic", "relay.two"}, Idempotent: true}}
	s.Forward.Enabled = true
	return s
}

func TestDefaultIsValid(t *testing.T) {
	s := Default()
	if err := s.Validate(); err != nil {
		t.Error(err)
	}
	if s.Upstreams != nil || s.Routes != nil {
		t.Errorf("there are upstreams or routes by default")
	}
	s.Forward.Allow[0] = "changed"
	if got, want := Default().Forward.Allow[0], "127.0.0.1:*"; got != want {
		t.Errorf("defaults share a list: %q; want %q", got, want)
	}
	if err := valid().Validate(); err != nil {
		t.Error(err)
	}
}

func TestPresets(t *testing.T) {
	type numbers struct {
		total, perHost, idle, idlePerHost int
		timeout                           time.Duration
		reuse                             Reuse
	}
	tests := map[Preset]numbers{
		PresetBalanced: {512, 128, 256, 64, 5 * time.Minute, ReuseLearned},
		PresetGentle:   {100, 5, 100, 5, 15 * time.Second, ReuseLearned},
		PresetFanOut:   {1000, 1000, 200, 200, 5 * time.Minute, ReuseLearned},
		PresetUnpooled: {0, 0, 0, 0, 5 * time.Minute, ReuseNever},
		PresetCustom:   {512, 128, 256, 64, 5 * time.Minute, ReuseLearned},
	}
	if got, want := len(Presets()), len(tests); got != want {
		t.Errorf("%d presets; want %d", got, want)
	}
	for name, want := range tests {
		t.Run(string(name), func(t *testing.T) {
			p := PresetPool(name)
			got := numbers{p.MaxConnections, p.MaxConnectionsPerHost, p.MaxIdle, p.MaxIdlePerHost, p.IdleTimeout, p.Reuse}
			if got != want || p.Preset != name {
				t.Errorf("got %s %+v; want %+v", p.Preset, got, want)
			}
			s := Default()
			s.Pool = p
			if err := s.Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestWithPreset(t *testing.T) {
	p := Default().Pool
	p.Scope, p.Protocol, p.MaxIdle = ScopeCaller, ProtocolHTTP1, 7
	gentle := p.WithPreset(PresetGentle)
	if gentle.Scope != ScopeCaller || gentle.Protocol != ProtocolHTTP1 {
		t.Errorf("scope, protocol = %s, %s; want them kept", gentle.Scope, gentle.Protocol)
	}
	if got, want := gentle.MaxIdle, 100; got != want {
		t.Errorf("max_idle = %d; want %d", got, want)
	}
	if got, want := p.WithPreset(PresetCustom).MaxIdle, 7; got != want {
		t.Errorf("custom: max_idle = %d; want %d", got, want)
	}
}

func TestPoolFor(t *testing.T) {
	s := Default()
	s.Pool.MaxIdle, s.Pool.Scope = 11, ScopeCaller
	idle, gentle, never := 3, PresetGentle, ReuseNever
	tests := []struct {
		name string
		own  PoolOverride
		want func(*Pool)
	}{
		{"nothing", PoolOverride{}, func(*Pool) {}},
		{"one key", PoolOverride{MaxIdle: &idle}, func(p *Pool) { p.MaxIdle = 3 }},
		{"a preset and a key", PoolOverride{Preset: &gentle, MaxIdle: &idle, Reuse: &never}, func(p *Pool) {
			p.Preset, p.MaxConnections, p.MaxConnectionsPerHost = PresetGentle, 100, 5
			p.MaxIdle, p.MaxIdlePerHost, p.IdleTimeout, p.Reuse = 3, 5, 15*time.Second, ReuseNever
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := s.Pool
			test.want(&want)
			if got := s.PoolFor(Upstream{Pool: test.own}); got != want {
				t.Errorf("got %+v; want %+v", got, want)
			}
		})
	}
}

// scramble changes every value that v leads to, through pointers and lists.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			scramble(v.Field(i))
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem())
		}
	case reflect.String:
		v.SetString(v.String() + "!")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Float64:
		v.SetFloat(v.Float() + 1)
	default:
		v.SetInt(v.Int() + 1)
	}
}

func TestCloneSharesNothing(t *testing.T) {
	s := valid()
	c := s.Clone()
	if !reflect.DeepEqual(c, s) {
		t.Fatalf("clone = %+v; want %+v", c, s)
	}
	scramble(reflect.ValueOf(c).Elem())
	if want := valid(); !reflect.DeepEqual(s, want) {
		t.Errorf("after the clone was changed the original is %+v; want %+v", s, want)
	}
}

func TestJSON(t *testing.T) {
	want := valid()
	b, err := json.Marshal(struct{ Settings *Settings }{want})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{`"idle_timeout":"5m"`, `"warm":"auto"`, `"max_idle":256`} {
		if !strings.Contains(string(b), text) {
			t.Errorf("%s is not in %s", text, b)
		}
	}
	var got struct{ Settings *Settings }
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got.Settings, want) {
		t.Errorf("got %+v; want %+v", got.Settings, want)
	}
}

// What another version wrote is read as far as it is known, and what it lacks is told.
func TestJSONOfOtherVersions(t *testing.T) {
	tree := valid().Tree()
	tree["moon"] = map[string]any{"phase": "full"}
	upstream := tree["upstreams"].([]any)[0].(map[string]any)
	upstream["tide"] = 5
	delete(upstream, "weight")
	delete(tree, "verdict")
	text, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	s, unknown, err := ReadKnown(text)
	if err != nil || s.Upstreams[0].Name != valid().Upstreams[0].Name {
		t.Errorf("got %+v, %v; want what is known", s, err)
	}
	if got, want := strings.Join(unknown, " "), "upstreams[0].tide moon"; got != want {
		t.Errorf("unknown: got %v; want %v", got, want)
	}
	if _, err := Lacking(text); err == nil {
		t.Error("unknown keys: got no error; want one")
	}
	delete(tree, "moon")
	delete(upstream, "tide")
	if text, err = json.Marshal(tree); err != nil {
		t.Fatal(err)
	}
	lacking, err := Lacking(text)
	if got, want := strings.Join(lacking, " "), "upstreams[0].weight verdict"; err != nil || got != want {
		t.Errorf("lacking: got %v, %v; want %v", got, err, want)
	}
	if text, err = json.Marshal(valid()); err != nil {
		t.Fatal(err)
	}
	if lacking, err := Lacking(text); err != nil || lacking != nil {
		t.Errorf("lacking in the whole: got %v, %v; want nothing", lacking, err)
	}
}

// Whatever a peer sends as settings is read or refused.
func FuzzReadKnown(f *testing.F) {
	text, err := json.Marshal(valid())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte("null"))
	f.Add([]byte(`{"pool":{"preset":5},"upstreams":[{}],"moon":null}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, unknown, err := ReadKnown(text)
		if err == nil && s == nil {
			t.Errorf("got no settings, unknown %v, and no error", unknown)
		}
		if lacking, err := Lacking(text); err == nil && len(unknown) > 0 {
			t.Errorf("got %v and no error; want one for %v", lacking, unknown)
		}
	})
}

// An upstream alone has the keys of the file as well, and the same defaults.
func TestUpstreamJSON(t *testing.T) {
	for _, want := range valid().Upstreams {
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Upstream
		if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v; want %+v", got, err, want)
		}
	}
	var got Upstream
	if err := json.Unmarshal([]byte(`{"url":"http://a.example"}`), &got); err != nil || !got.Enabled || got.Weight != 1 || got.Kind != KindHTTP {
		t.Errorf("got %+v, %v; want the defaults", got, err)
	}
	if err := json.Unmarshal([]byte(`{"ulr":"http://a.example"}`), &got); err == nil || !strings.Contains(err.Error(), "url") {
		t.Errorf("a misspelt key: got %v; want an error that names the right one", err)
	}
}

func TestJSONIsReadStrictly(t *testing.T) {
	tests := []struct{ text, want string }{
		{`{"pool":{"max_idel":1}}`, "pool.max_idel: unknown key; did you mean max_idle?"},
		{`{"pool":{"max_idle":1.5}}`, "pool.max_idle: 1.5 is not a whole number"},
		{`{"pool":{"max_idle":1e99}}`, "is not a whole number"},
		{`{"pool":{"max_idle":1e999}}`, `pool.max_idle: "1e999" is not a whole number`},
		{`{"pool":{"max_idle":null}}`, "pool.max_idle: nothing is not a whole number"},
		{`[1]`, "cannot unmarshal array"},
		{`{`, "unexpected end of JSON"},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			s := Default()
			err := json.Unmarshal([]byte(test.text), s)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
			if want := Default(); !reflect.DeepEqual(s, want) {
				t.Errorf("the settings have changed in spite of the error")
			}
		})
	}
}

func TestDuration(t *testing.T) {
	tests := []struct {
		text string
		want time.Duration
		ok   bool
	}{
		{"28d", 28 * day, true},
		{"1d12h", 36 * time.Hour, true},
		{"1d0s", day, true},
		{"0d", 0, true},
		{"5m", 5 * time.Minute, true},
		{"1h30m", 90 * time.Minute, true},
		{"-5m", -5 * time.Minute, true},
		{"0", 0, true},
		{"65535d", 65535 * day, true},
		{"65536d", 0, false},
		{"-1d", 0, false},
		{"1.5d", 0, false},
		{"1d24h", 0, false},
		{"1d-1h", 0, false},
		{"1d1d", 0, false},
		{"d", 0, false},
		{"5", 0, false},
		{"", 0, false},
	}
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			got, err := ParseDuration(test.text)
			if got != test.want || (err == nil) != test.ok {
				t.Errorf("got %v, %v; want %v, ok %v", got, err, test.want, test.ok)
			}
		})
	}
}

func TestFormatDuration(t *testing.T) {
	tests := []struct {
		d    time.Duration
		want string
	}{
		{0, "0s"},
		{15 * time.Second, "15s"},
		{5 * time.Minute, "5m"},
		{90 * time.Second, "1m30s"},
		{time.Hour, "1h"},
		{10 * time.Hour, "10h"},
		{time.Hour + 5*time.Second, "1h0m5s"},
		{70 * time.Minute, "1h10m"},
		{day, "1d"},
		{28 * day, "28d"},
		{36 * time.Hour, "36h"},
		{1500 * time.Microsecond, "1.5ms"},
		{-90 * time.Minute, "-1h30m"},
	}
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			if got := FormatDuration(test.d); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
			if back, err := ParseDuration(test.want); back != test.d || err != nil {
				t.Errorf("read back as %v, %v; want %v", back, err, test.d)
			}
		})
	}
}

func TestGetAndSet(t *testing.T) {
	tests := []struct{ path, text, want string }{
		{"pool.max_idle", "12", "12"},
		{"pool.idle_timeout", "1d", "1d"},
		{"pool.warm", "auto", "auto"},
		{"listen.h2c", "true", "true"},
		{"listen.allowed_hosts", "a.lan, b.lan", "[a.lan b.lan]"},
		{"listen.allowed_hosts", "", "[]"},
		{"verdict.success_target", "0.5", "0.5"},
		{"upstreams[1].weight", "9", "9"},
		{"upstreams[anthropic].priority", "4", "4"},
		{"upstreams[relay.two].url", "https://x.example", "https://x.example"},
		{"upstreams[relay.two].pool.max_idle", "6", "6"},
		{"upstreams[relay.two].pool.max_idle_per_host", "", ""},
		{"routes[0].upstreams", "anthropic", "[anthropic]"},
	}
	for _, test := range tests {
		t.Run(test.path+"="+test.text, func(t *testing.T) {
			s := valid()
			if err := s.Set(test.path, test.text); err != nil {
				t.Fatal(err)
			}
			got, err := s.Get(test.path)
			if text := strings.TrimSpace(toText(got)); err != nil || text != test.want {
				t.Errorf("got %s, %v; want %s", text, err, test.want)
			}
		})
	}
}

// toText shows a plain value without the quotes of show.
func toText(v any) string {
	list, ok := v.([]any)
	if !ok {
		return strings.Trim(show(v), `"`)
	}
	var parts []string
	for _, e := range list {
		parts = append(parts, e.(string))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

func TestSetPresetBringsItsNumbers(t *testing.T) {
	s := Default()
	if err := s.Set("pool.preset", "gentle"); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Pool, PresetPool(PresetGentle); got != want {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestSetRefuses(t *testing.T) {
	tests := []struct{ path, text, want string }{
		{"pool.max_idel", "1", "pool.max_idel: unknown key; did you mean max_idle?"},
		{"max_idle", "1", "max_idle: unknown key; did you mean pool.max_idle?"},
		{"pool", "1", "pool: unknown key; did you mean pool.KEY?"},
		{"pool.max_idle", "many", `pool.max_idle: "many" is not a whole number`},
		{"pool.warm", "-1", `pool.warm: -1 is not a whole number or "auto"`},
		{"pool.max_idle.x", "1", "pool.max_idle.x: unknown key"},
		{"upstreams", "x", "upstreams: unknown key; did you mean upstreams[NAME].KEY?"},
		{"upstreams.url", "x", "did you mean upstreams[NAME].KEY?"},
		{"upstreams[other].url", "x", "upstreams[other]: missing; it needs to be added first"},
		{"upstreams[7].url", "x", "upstreams[7]: missing; it needs to be added first"},
		{"pool[1].max_idle", "1", "unknown key"},
		{"listen.token", "", ""},
	}
	for _, test := range tests {
		t.Run(test.path, func(t *testing.T) {
			s := valid()
			err := s.Set(test.path, test.text)
			if test.want == "" && err == nil {
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error = %v; want %q", err, test.want)
			}
			if want := valid(); !reflect.DeepEqual(s, want) {
				t.Errorf("the settings have changed in spite of the error")
			}
		})
	}
}
