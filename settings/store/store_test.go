package store

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"millpond/settings"
)

// write puts a settings file into a folder of the test's own and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.toml")
	rewrite(t, path, text)
	return path
}

// rewrite replaces the text of a file in place.
func rewrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read returns the text of a file.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// load loads the settings and fails the test when they cannot be used.
func load(t *testing.T, s *Store) *settings.Settings {
	t.Helper()
	got, err := s.Load()
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// sample is the file of the documentation: every key with its default, and one upstream and route.
const sample = `version = 1

[listen]
address = "127.0.0.1:7860"
allowed_hosts = []
allowed_origins = []
token = ""
h2c = false
fast = true

[pool]
preset = "balanced"
scope = "upstream"
max_connections = 512
max_connections_per_host = 128
max_idle = 256
max_idle_per_host = 64
idle_timeout = "5m"
max_lifetime = "1h"
max_requests_per_connection = 0
max_streams_per_connection = 16
wait_timeout = "30s"
max_waiting = 1024
warm = 0
reuse = "learned"
protocol = "auto"

[[upstreams]]
name = "anthropic"
kind = "anthropic"
url = "https://api.anthropic.com"
enabled = true
priority = 1
weight = 1
credential = ""
egress = ""
preserve_host = false
[upstreams.pool]
max_idle = 9

[[routes]]
path = "/v1/messages"
upstreams = ["anthropic"]

[forward]
enabled = false
allow = ["127.0.0.1:*", "10.0.0.0/8"]

[failover]
attempts = 3
eject_after = 5
eject_for = "30s"
retry_after_cap = "60s"

[timeouts]
connect = "10s"
tls = "10s"
response_header = "10m"
stream_idle = "5m"

[verdict]
window = "28d"
success_target = 0.95
error_target = 0.01
switch_below = 0.90
`

func TestSampleIsTheDefault(t *testing.T) {
	got := load(t, Open(write(t, sample), nil))
	idle := 9
	want := settings.Default()
	want.Upstreams = []settings.Upstream{{Name: "anthropic", Kind: settings.KindAnthropic, URL: "https://api.anthropic.com",
		Enabled: true, Priority: 1, Weight: 1, Pool: settings.PoolOverride{MaxIdle: &idle}}}
	want.Routes = []settings.Route{{Path: "/v1/messages", Upstreams: []string{"anthropic"}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
}

func TestMissingFileMeansDefaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.toml")
	got := load(t, Open(path, nil))
	if want := settings.Default(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v; want %+v", got, want)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load made a file: %v", err)
	}
}

func TestFiveMistakesAreFiveLines(t *testing.T) {
	path := write(t, `
version = 1
[listen]
adress = "127.0.0.1:7860"
token = "hunter2"
[pool]
max_idle = -1
idle_timeout = 30
[[upstreams]]
name = "anthropic"
kind = "anthropic"
url = "https://api.anthropic.com"
[[upstreams]]
name = "relay"
url = "ftp://relay.example"
[[routes]]
path = "/v1"
upstreams = ["relay"]
`)
	_, err := Open(path, nil).Load()
	want := []string{
		`listen.adress: unknown key; did you mean address?`,
		`pool.idle_timeout: 30 is not a duration such as "30s", "5m" or "28d"`,
		`listen.token: [hidden] is not a secret reference (keyring:NAME, env:NAME or file:/PATH)`,
		`pool.max_idle: -1 is outside 0 to 100000 connections`,
		`upstreams[1].url: "ftp://relay.example" is not an http or https address such as https://api.example.com`,
	}
	if err == nil || !reflect.DeepEqual(strings.Split(err.Error(), "\n"), want) {
		t.Errorf("got\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
}

func TestSyntaxErrorsSayWhere(t *testing.T) {
	tests := []struct {
		name, text   string
		line, column int
	}{
		{"bare text", "[listen]\ntoken = hunter2\n", 2, 9},
		{"open quote", "[listen]\ntoken = \"hunter2\n", 2, 17},
		{"bad escape", "token = \"\\hunter2\"\n", 1, 10},
		{"key without a value", "\n\nhunter2\n", 3, 8},
		{"key twice", "[pool]\nwarm = 1\nwarm = 2\n", 3, 1},
		{"table twice", "[pool]\n[pool]\n", 2, 2},
		{"not UTF-8", "version = 1\n# \xff\n", 2, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, test.text)
			_, err := Open(path, nil).Load()
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("error = %v; want a SyntaxError", err)
			}
			if syntax.Line != test.line || syntax.Column != test.column || syntax.Path != path {
				t.Errorf("at %s:%d:%d; want %s:%d:%d", syntax.Path, syntax.Line, syntax.Column, path, test.line, test.column)
			}
			if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(text, "\n") || !strings.HasPrefix(text, path+":") {
				t.Errorf("the error shows the text, or is no single line with the place: %s", text)
			}
		})
	}
}

func TestUnreadableFile(t *testing.T) {
	t.Run("folder", func(t *testing.T) {
		if _, err := Open(t.TempDir(), nil).Load(); err == nil {
			t.Error("a folder was read as settings")
		}
	})
	t.Run("too large", func(t *testing.T) {
		path := write(t, strings.Repeat("#\n", largestFile))
		if _, err := Open(path, nil).Load(); err == nil || !strings.Contains(err.Error(), "larger than 4 MiB") {
			t.Errorf("error = %v; want that it is too large", err)
		}
	})
}

func TestEnvironment(t *testing.T) {
	tests := []struct {
		name string
		env  string
		path string
		want any
	}{
		{"text", "MILLPOND_LISTEN_ADDRESS=127.0.0.1:9", "listen.address", "127.0.0.1:9"},
		{"number", "MILLPOND_POOL_MAX_IDLE=77", "pool.max_idle", int64(77)},
		{"duration", "MILLPOND_POOL_IDLE_TIMEOUT=1d", "pool.idle_timeout", "1d"},
		{"bool", "MILLPOND_LISTEN_FAST=false", "listen.fast", false},
		{"fraction", "MILLPOND_VERDICT_SUCCESS_TARGET=0.99", "verdict.success_target", 0.99},
		{"automatic", "MILLPOND_POOL_WARM=auto", "pool.warm", "auto"},
		{"list", "MILLPOND_LISTEN_ALLOWED_HOSTS=a.lan, b.lan", "listen.allowed_hosts", []any{"a.lan", "b.lan"}},
		{"preset brings its numbers", "MILLPOND_POOL_PRESET=gentle", "pool.max_connections_per_host", int64(5)},
		{"the file's key wins over the preset", "MILLPOND_POOL_PRESET=gentle", "pool.max_connections", int64(99)},
		{"empty counts as unset", "MILLPOND_POOL_MAX_CONNECTIONS=", "pool.max_connections", int64(99)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := Open(write(t, "[pool]\nmax_connections = 99\n"), []string{"HOME=/nowhere", test.env})
			got, err := load(t, s).Get(test.path)
			if err != nil || !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
			if w := s.Warnings(); w != nil {
				t.Errorf("warnings = %q; want none", w)
			}
		})
	}
}

func TestEveryScalarHasAVariable(t *testing.T) {
	for _, k := range settings.Keys() {
		if name := Variable(k); name == "" && k.Path != "version" && !strings.Contains(k.Path, "[]") {
			t.Errorf("%s cannot be overridden", k.Path)
		}
	}
}

func TestEnvironmentMistakes(t *testing.T) {
	_, err := Open(write(t, "[pool]\nwarm = true\n"), []string{
		"MILLPOND_POOL_MAX_IDLE=many", "MILLPOND_FAILOVER_ATTEMPTS=11", "MILLPOND_LISTEN_TOKEN=hunter2", "MILLPOND_LISTEN_ALLOWED_HOSTS=a.lan,http://b",
	}).Load()
	want := []string{
		`pool.warm: true is not a whole number or "auto"`,
		`pool.max_idle (from MILLPOND_POOL_MAX_IDLE): "many" is not a whole number`,
		`listen.allowed_hosts[1] (from MILLPOND_LISTEN_ALLOWED_HOSTS): "http://b" is not a host name, with or without a port`,
		`listen.token (from MILLPOND_LISTEN_TOKEN): [hidden] is not a secret reference (keyring:NAME, env:NAME or file:/PATH)`,
		`failover.attempts (from MILLPOND_FAILOVER_ATTEMPTS): 11 is outside 1 to 10 upstreams`,
	}
	if err == nil || !reflect.DeepEqual(strings.Split(err.Error(), "\n"), want) {
		t.Errorf("got\n%v\nwant\n%s", err, strings.Join(want, "\n"))
	}
}

func TestUnknownVariablesAreWarnings(t *testing.T) {
	s := Open(write(t, "[listen]\ntoken = \"env:MILLPOND_MY_TOKEN\"\n"), []string{
		"MILLPOND_CONFIG=x", "MILLPOND_CONTROL=x", "MILLPOND_PUBLIC=x", "MILLPOND_STATE=x", "MILLPOND_MY_TOKEN=hunter2",
		"MILLPOND_POOL_MAXIDLE=5", "MILLPOND_ENTIRELY_ELSE=hunter2", "OTHER=x",
	})
	load(t, s)
	want := []string{
		"MILLPOND_POOL_MAXIDLE: no such setting, so this variable does nothing; did you mean MILLPOND_POOL_MAX_IDLE?",
		"MILLPOND_ENTIRELY_ELSE: no such setting, so this variable does nothing",
	}
	if got := s.Warnings(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}
