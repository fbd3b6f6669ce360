package settings

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"
)

func TestValidate(t *testing.T) {
	url := func(text string) func(*Settings) { return func(s *Settings) { s.Upstreams[0].URL = text } }
	egress := func(text string) func(*Settings) { return func(s *Settings) { s.Upstreams[0].Egress = text } }
	address := func(text string) func(*Settings) {
		return func(s *Settings) { s.Listen.Address, s.Listen.Token = text, "" }
	}
	const urlWant = "is not an http or https address such as https://api.example.com"
	const itself = "is refused: Millpond itself listens there"
	const linkLocal = "is refused: link-local and metadata addresses are never called"
	const egressWant = `is not "", "system", or the address of a proxy: http://, https:// or socks5://HOST:PORT`
	tests := []struct {
		name   string
		change func(*Settings)
		want   string // one line, or "" when it is valid
	}{
		{"version", func(s *Settings) { s.Version = 2 }, "version: 2 is outside 1 to 1"},
		{"too few", func(s *Settings) { s.Pool.MaxIdle = -1 }, "pool.max_idle: -1 is outside 0 to 100000 connections"},
		{"too many", func(s *Settings) { s.Pool.MaxConnections = 100_001 }, "pool.max_connections: 100001 is outside 0 to 100000 connections"},
		{"too short", func(s *Settings) { s.Timeouts.Connect = 0 }, `timeouts.connect: "0s" is outside 10ms to 10m`},
		{"too long", func(s *Settings) { s.Verdict.Window = 29 * day }, `verdict.window: "29d" is outside 1h to 28d`},
		{"negative duration", func(s *Settings) { s.Pool.WaitTimeout = -time.Second }, `pool.wait_timeout: "-1s" is outside 0s to 1h`},
		{"over one", func(s *Settings) { s.Verdict.SuccessTarget = 95 }, "verdict.success_target: 95 is outside 0 to 1"},
		{"not a number", func(s *Settings) { s.Verdict.ErrorTarget = math.NaN() }, "verdict.error_target: NaN is outside 0 to 1"},
		{"switch above target", func(s *Settings) { s.Verdict.SwitchBelow = 0.99 }, "verdict.switch_below: 0.99 is outside 0 to 0.95 (verdict.success_target)"},
		{"unknown scope", func(s *Settings) { s.Pool.Scope = "all" }, `pool.scope: "all" is not one of shared, upstream, caller`},
		{"unknown kind", func(s *Settings) { s.Upstreams[0].Kind = "claude" }, `upstreams[0].kind: "claude" is not one of anthropic, openai, gemini, a2a, http`},
		{"control character", func(s *Settings) { s.Routes[0].Path = "/a\nb" }, `routes[0].path: "/a\nb" is not printable text`},
		{"not UTF-8", func(s *Settings) { s.Routes[0].Path = "/\xff" }, `routes[0].path: "/\xff" is not printable text`},

		{"idle within connections", func(s *Settings) { s.Pool.MaxConnections = 10 }, ""},
		{"idle beyond connections", func(s *Settings) { s.Pool.MaxConnections, s.Pool.MaxIdle = 10, 11 }, "pool.max_idle: 11 is outside 0 to 10 connections (max_connections)"},
		{"idle beyond connections of a host", func(s *Settings) { s.Pool.MaxIdlePerHost = 200 }, "pool.max_idle_per_host: 200 is outside 0 to 128 connections (max_connections_per_host)"},
		{"idle without a limit", func(s *Settings) { s.Pool.MaxConnections, s.Pool.MaxIdle = 0, 9999 }, ""},
		{"warm beyond idle", func(s *Settings) { s.Pool.Warm = 65 }, "pool.warm: 65 is outside 0 to 64 connections (max_idle_per_host)"},
		{"warm without idle", func(s *Settings) { s.Pool.Warm, s.Pool.MaxIdlePerHost = 1, 0 }, "pool.warm: 1 is refused: max_idle_per_host is 0, so none can be kept ready"},
		{"override beyond the upstream's own", func(s *Settings) { n := 6; s.Upstreams[1].Pool.MaxIdlePerHost = &n },
			"upstreams[1].pool.max_idle_per_host: 6 is outside 0 to 5 connections (max_connections_per_host)"},
		{"override with an unknown preset", func(s *Settings) { p := Preset("soft"); s.Upstreams[0].Pool.Preset = &p },
			`upstreams[0].pool.preset: "soft" is not one of balanced, gentle, fan-out, unpooled, custom`},

		{"both loopbacks", address("localhost:7860"), ""},
		{"IPv6 loopback", address("[::1]:7860"), ""},
		{"any free port", address("127.0.0.1:0"), ""},
		{"all interfaces", address("0.0.0.0:7861"), `listen.address: "0.0.0.0:7861" is refused: others can reach this address, so listen.token must be set`},
		{"all interfaces, short", address(":7861"), `listen.address: ":7861" is refused: others can reach this address, so listen.token must be set`},
		{"a name", address("box.lan:7861"), `listen.address: "box.lan:7861" is refused: others can reach this address, so listen.token must be set`},
		{"a loopback-like name", address("box.localhost:7861"), `listen.address: "box.localhost:7861" is refused: others can reach this address, so listen.token must be set`},
		{"all interfaces with a token", func(s *Settings) { s.Listen.Address = "[::]:7861" }, ""},
		{"no port", address("127.0.0.1"), `listen.address: "127.0.0.1" is not an address and a port such as 127.0.0.1:7860 or localhost:7860`},
		{"port too high", address("127.0.0.1:65536"), `listen.address: "127.0.0.1:65536" is not an address and a port such as 127.0.0.1:7860 or localhost:7860`},
		{"named port", address("127.0.0.1:http"), `listen.address: "127.0.0.1:http" is not an address and a port such as 127.0.0.1:7860 or localhost:7860`},
		{"host with a scheme", func(s *Settings) { s.Listen.AllowedHosts[1] = "http://box" }, `listen.allowed_hosts[1]: "http://box" is not a host name, with or without a port`},
		{"host twice", func(s *Settings) { s.Listen.AllowedHosts[1] = s.Listen.AllowedHosts[0] }, `listen.allowed_hosts[1]: "millpond.lan" is refused: it stands in the list twice`},
		{"every origin", func(s *Settings) { s.Listen.AllowedOrigins[0] = "*" }, `listen.allowed_origins[0]: "*" is not an origin such as https://app.example.com`},
		{"null origin", func(s *Settings) { s.Listen.AllowedOrigins[0] = "null" }, `listen.allowed_origins[0]: "null" is not an origin such as https://app.example.com`},
		{"origin with a path", func(s *Settings) { s.Listen.AllowedOrigins[0] = "https://a.example/" }, `listen.allowed_origins[0]: "https://a.example/" is not an origin such as https://app.example.com`},

		{"upper case", func(s *Settings) { s.Upstreams[1].Name = "Relay"; s.Routes = nil },
			`upstreams[1].name: "Relay" is not a name of a-z, 0-9, dot, dash and underscore that begins with a letter or digit`},
		{"name that begins with a dot", func(s *Settings) { s.Upstreams[1].Name = ".."; s.Routes = nil },
			`upstreams[1].name: ".." is not a name of a-z, 0-9, dot, dash and underscore that begins with a letter or digit`},
		{"name too long", func(s *Settings) { s.Upstreams[1].Name = strings.Repeat("a", 65); s.Routes = nil },
			`upstreams[1].name: "` + strings.Repeat("a", 65) + `" is not a name of at most 64 characters`},
		{"name twice", func(s *Settings) { s.Upstreams[1].Name = "anthropic"; s.Routes = nil },
			`upstreams[1].name: "anthropic" is refused: upstreams[0] has that name already`},

		{"http", url("http://10.1.2.3:8080/v1"), ""},
		{"underscore in a name", url("http://my_worker:8080"), ""},
		{"our port elsewhere", url("http://10.1.2.3:7860"), ""},
		{"other scheme", url("ftp://a.example"), `upstreams[0].url: "ftp://a.example" ` + urlWant},
		{"no scheme", url("api.example.com"), `upstreams[0].url: "api.example.com" ` + urlWant},
		{"no host", url("https:///v1"), `upstreams[0].url: "https:///v1" ` + urlWant},
		{"port 0", url("http://a.example:0"), `upstreams[0].url: "http://a.example:0" ` + urlWant},
		{"port too high", url("http://a.example:65536"), `upstreams[0].url: "http://a.example:65536" ` + urlWant},
		{"port missing", url("http://a.example:"), `upstreams[0].url: "http://a.example:" ` + urlWant},
		{"octal address", url("http://0177.0.0.1"), `upstreams[0].url: "http://0177.0.0.1" ` + urlWant},
		{"short address", url("http://127.1:7860"), `upstreams[0].url: "http://127.1:7860" ` + urlWant},
		{"decimal address", url("http://2130706433:7860"), `upstreams[0].url: "http://2130706433:7860" ` + urlWant},
		{"hexadecimal address", url("http://0x7f000001:7860"), `upstreams[0].url: "http://0x7f000001:7860" ` + urlWant},
		{"escaped host", url("http://localhos%74:7860"), `upstreams[0].url: "http://localhos%74:7860" ` + urlWant},
		{"wide letters", url("http://ｌocalhost:7860"), `upstreams[0].url: "http://ｌocalhost:7860" ` + urlWant},
		{"release index", func(s *Settings) { s.Updates.URL = "https://releases.example/index.json" }, ""},
		{"release index here", func(s *Settings) { s.Updates.URL = "http://127.0.0.1:8080/index.json" }, ""},
		{"release index without TLS", func(s *Settings) { s.Updates.URL = "http://releases.example" }, `updates.url: "http://releases.example" is not an https:// URL without user and password`},
		{"release index with a login", func(s *Settings) { s.Updates.URL = "https://me:pw@releases.example" }, `updates.url: "https://[hidden]@releases.example" is not an https:// URL without user and password`},
		{"userinfo", url("https://me:pw@a.example"), `upstreams[0].url: "https://[hidden]@a.example" is refused: no user or password may stand in it; use credential`},
		{"query", url("https://a.example/v1?key=sk-1"), `upstreams[0].url: "https://a.example/v1?[hidden]" is refused: it may have a base path, but no query and no fragment`},
		{"empty query", url("https://a.example/v1?"), `upstreams[0].url: "https://a.example/v1?[hidden]" is refused: it may have a base path, but no query and no fragment`},
		{"fragment", url("https://a.example/#x"), `upstreams[0].url: "https://a.example/#x" is refused: it may have a base path, but no query and no fragment`},
		{"ourselves", url("http://127.0.0.1:7860"), `upstreams[0].url: "http://127.0.0.1:7860" ` + itself},
		{"ourselves by name", url("http://LocalHost:7860/v1"), `upstreams[0].url: "http://LocalHost:7860/v1" ` + itself},
		{"ourselves by absolute name", url("http://localhost.:7860"), `upstreams[0].url: "http://localhost.:7860" ` + itself},
		{"ourselves under localhost", url("http://a.localhost:7860"), `upstreams[0].url: "http://a.localhost:7860" ` + itself},
		{"ourselves elsewhere in 127/8", url("http://127.9.9.9:7860"), `upstreams[0].url: "http://127.9.9.9:7860" ` + itself},
		{"ourselves by IPv6", url("http://[::1]:7860"), `upstreams[0].url: "http://[::1]:7860" ` + itself},
		{"ourselves by mapped address", url("http://[::ffff:127.0.0.1]:7860"), `upstreams[0].url: "http://[::ffff:127.0.0.1]:7860" ` + itself},
		{"ourselves by no address", url("http://0.0.0.0:7860"), `upstreams[0].url: "http://0.0.0.0:7860" ` + itself},
		{"ourselves by no IPv6 address", url("http://[::]:7860"), `upstreams[0].url: "http://[::]:7860" ` + itself},
		{"ourselves by TLS", url("https://localhost:7860"), `upstreams[0].url: "https://localhost:7860" ` + itself},
		{"ourselves by leading zero", url("http://localhost:07860"), `upstreams[0].url: "http://localhost:07860" ` + itself},
		{"ourselves on the scheme's port", func(s *Settings) { s.Listen.Address = "127.0.0.1:80"; s.Upstreams[0].URL = "http://localhost" }, `upstreams[0].url: "http://localhost" ` + itself},
		{"ourselves on the network", func(s *Settings) { s.Listen.Address = "10.0.0.7:7860"; s.Upstreams[0].URL = "http://10.0.0.7:7860" }, `upstreams[0].url: "http://10.0.0.7:7860" ` + itself},
		{"another port of this machine", url("http://localhost:11434"), ""},
		{"AWS metadata", url("http://169.254.169.254/latest"), `upstreams[0].url: "http://169.254.169.254/latest" ` + linkLocal},
		{"AWS metadata, mapped", url("http://[::ffff:a9fe:a9fe]"), `upstreams[0].url: "http://[::ffff:a9fe:a9fe]" ` + linkLocal},
		{"AWS metadata by IPv6", url("http://[fd00:ec2::254]"), `upstreams[0].url: "http://[fd00:ec2::254]" ` + linkLocal},
		{"Google metadata", url("http://Metadata.Google.Internal."), `upstreams[0].url: "http://Metadata.Google.Internal." ` + linkLocal},
		{"Alibaba metadata", url("http://100.100.100.200"), `upstreams[0].url: "http://100.100.100.200" ` + linkLocal},
		{"link-local", url("http://[fe80::1%25eth0]:80"), `upstreams[0].url: "http://[fe80::1%25eth0]:80" ` + linkLocal},
		{"multicast", url("http://224.0.0.1"), `upstreams[0].url: "http://224.0.0.1" ` + linkLocal},

		{"system egress", egress("system"), ""},
		{"egress", egress("http://proxy:3128"), ""},
		{"egress with a referred password", egress("https://me:keyring:proxy@proxy:3128"), ""},
		{"egress with a plain password", egress("http://me:hunter2@proxy:3128"),
			`upstreams[0].egress: "http://[hidden]@proxy:3128" is refused: the password must be a secret reference, as in http://user:env:PROXY_PASSWORD@proxy:3128`},
		{"egress of another scheme", egress("socks4://proxy"), `upstreams[0].egress: "socks4://proxy" ` + egressWant},
		{"egress without a scheme", egress("proxy:3128"), `upstreams[0].egress: "proxy:3128" ` + egressWant},
		{"egress with a path", egress("http://proxy/x"), `upstreams[0].egress: "http://proxy/x" ` + egressWant},
		{"egress by ourselves", egress("http://localhost:7860"), `upstreams[0].egress: "http://localhost:7860" ` + itself},

		{"plain token", func(s *Settings) { s.Listen.Token = "hunter2" }, "listen.token: [hidden] is not a secret reference (keyring:NAME, env:NAME or file:/PATH)"},
		{"plain credential", func(s *Settings) { s.Upstreams[0].Credential = "sk-ant-1" }, "upstreams[0].credential: [hidden] is not a secret reference (keyring:NAME, env:NAME or file:/PATH)"},
		{"reference without a name", func(s *Settings) { s.Upstreams[0].Credential = "env:" }, "upstreams[0].credential: [hidden] is not a secret reference (keyring:NAME, env:NAME or file:/PATH)"},
		{"reference to part of a path", func(s *Settings) { s.Upstreams[0].Credential = "file:key" }, "upstreams[0].credential: [hidden] is not a secret reference (keyring:NAME, env:NAME or file:/PATH)"},
		{"unprintable reference", func(s *Settings) { s.Upstreams[0].Credential = "env:A\nB" }, "upstreams[0].credential: [hidden] is not printable text"},

		{"relative path", func(s *Settings) { s.Routes[0].Path = "v1" }, `routes[0].path: "v1" is not a path that begins with / and has no query`},
		{"path with a query", func(s *Settings) { s.Routes[0].Path = "/v1?x" }, `routes[0].path: "/v1?x" is not a path that begins with / and has no query`},
		{"our path", func(s *Settings) { s.Routes[0].Path = "/__millpond__/stats" }, `routes[0].path: "/__millpond__/stats" is refused: paths under /__millpond__/ are Millpond's own`},
		{"the path of names", func(s *Settings) { s.Routes[0].Path = "/u" }, `routes[0].path: "/u" is refused: paths under /u/ are Millpond's own`},
		{"a path like ours", func(s *Settings) { s.Routes[0].Path = "/users" }, ""},
		{"path twice", func(s *Settings) { s.Routes = append(s.Routes, s.Routes[0]) }, `routes[1].path: "/v1/messages" is refused: routes[0] has that path already`},
		{"unknown upstream", func(s *Settings) { s.Routes[0].Upstreams[1] = "gone" }, `routes[0].upstreams[1]: "gone" is not one of anthropic, relay.two`},
		{"upstream twice", func(s *Settings) { s.Routes[0].Upstreams[1] = "anthropic" }, `routes[0].upstreams[1]: "anthropic" is refused: it stands in the list twice`},
		{"no upstreams at all", func(s *Settings) { s.Upstreams, s.Routes[0].Upstreams = nil, []string{"a"} }, `routes[0].upstreams[0]: "a" is refused: there are no upstreams`},

		{"allow names", func(s *Settings) {
			s.Forward.Allow = []string{"a.lan", "a.lan:80", "*.lan", "*.lan:*", "[::1]:80", "::1", "fd00::/8"}
		}, ""},
		{"allow everything", func(s *Settings) { s.Forward.Allow[0] = "*" }, `forward.allow[0]: "*" is not NAME, NAME:PORT, NAME:*, *.NAME or a network such as 10.0.0.0/8`},
		{"allow an address", func(s *Settings) { s.Forward.Allow[0] = "http://a.lan" }, `forward.allow[0]: "http://a.lan" is not NAME, NAME:PORT, NAME:*, *.NAME or a network such as 10.0.0.0/8`},
		{"allow a wide network", func(s *Settings) { s.Forward.Allow[0] = "10.0.0.0/33" }, `forward.allow[0]: "10.0.0.0/33" is not NAME, NAME:PORT, NAME:*, *.NAME or a network such as 10.0.0.0/8`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := valid()
			test.change(s)
			err := s.Validate()
			if got := strings.Join(lines(err), "\n"); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			for _, secret := range []string{"hunter2", "sk-1", "sk-ant-1", "me:pw"} {
				if err != nil && strings.Contains(err.Error(), secret) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

func TestAddressErrorsHideWhatMayBeSecret(t *testing.T) {
	const secret = "hunter2"
	for _, text := range []string{
		"http://me:hunter2@proxy:bad",
		"http://me:hunter2@[proxy",
		"me:hunter2@proxy",
		"http://me:hun?ter2@proxy hunter2",
		"http://proxy/?a=@&key=hunter2",
		"http://proxy?key=hunter2",
		"hunter2@",
		"gopher://a:hunter2@b://c@d",
	} {
		t.Run(text, func(t *testing.T) {
			s := valid()
			s.Upstreams[0].URL, s.Upstreams[0].Egress = text, text
			s.Listen.AllowedOrigins = []string{text}
			err := s.Validate()
			if got := len(FieldErrors(err)); got != 3 {
				t.Errorf("%d errors; want 3: %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), secret) {
				t.Errorf("the error shows the secret: %v", err)
			}
		})
	}
}

func TestValidateReportsEverything(t *testing.T) {
	s := valid()
	s.Pool.MaxIdle = -1
	s.Upstreams[1].URL = "nowhere"
	s.Failover.Attempts = 0
	err := s.Validate()
	var paths []string
	for _, e := range FieldErrors(err) {
		paths = append(paths, e.Path)
	}
	if got, want := strings.Join(paths, " "), "pool.max_idle upstreams[1].url failover.attempts"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	var one *FieldError
	if !errors.As(err, &one) || one.Problem != Outside {
		t.Errorf("errors.As finds %+v; want the first", one)
	}
}

func TestFieldErrorNamesItsSource(t *testing.T) {
	e := &FieldError{Path: "pool.max_idle", Problem: Outside, Value: "-1", Want: "0 to 5", Source: "MILLPOND_POOL_MAX_IDLE"}
	if got, want := e.Error(), "pool.max_idle (from MILLPOND_POOL_MAX_IDLE): -1 is outside 0 to 5"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestLongValuesAreCut(t *testing.T) {
	s := Default()
	s.Listen.Address = strings.Repeat("x", 1000)
	if got := len(s.Validate().Error()); got > 200 {
		t.Errorf("the error has %d characters", got)
	}
}
