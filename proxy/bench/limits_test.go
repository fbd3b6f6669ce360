package bench

import (
	"errors"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

func TestOwnConfigCheck(t *testing.T) {
	const fine = "https://api.example.com/v1/models?key=hidden"
	tests := []struct {
		name string
		c    OwnConfig
		want string // in the error; "" for none
	}{
		{"defaults", OwnConfig{URL: fine}, ""},
		{"head", OwnConfig{URL: fine, Method: http.MethodHead}, ""},
		{"body", OwnConfig{URL: fine, Body: []byte("{}")}, ""},
		{"no address", OwnConfig{}, "takes an address"},
		{"other scheme", OwnConfig{URL: "file:///etc/passwd"}, "takes an address"},
		{"password", OwnConfig{URL: "http://me:secret@127.0.0.1"}, "no password"},
		{"post without body", OwnConfig{URL: fine, Method: http.MethodPost}, "only GET and HEAD"},
		{"too many", OwnConfig{URL: fine, Requests: 2001}, "between 8 and 2000"},
		{"too many at one time", OwnConfig{URL: fine, Concurrency: 33}, "at most 32"},
		{"negative", OwnConfig{URL: fine, Concurrency: -1}, "at most 32"},
	}
	for _, tt := range tests {
		err := tt.c.Check()
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: got %v; want no error", tt.name, err)
		case tt.want != "" && (!errors.Is(err, ErrUsage) || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v; want an ErrUsage with %q", tt.name, err, tt.want)
		}
	}
}

func TestOwnConfigPlan(t *testing.T) {
	c := OwnConfig{URL: "https://api.example.com/v1/models?key=hidden"}
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	want := "This sends at most 200 GET requests without a body to https://api.example.com/v1/models, at most 8 at one time, with a pause of 20ms after each."
	if got := c.Plan(); got != want {
		t.Errorf("got %q; want %q", got, want)
	}
}

func TestConfigsAreChecked(t *testing.T) {
	tests := []struct {
		name string
		err  error
	}{
		{"variant", FanoutConfig{Variants: []string{"wide"}}.withDefaults(false).check()},
		{"workers", FanoutConfig{Workers: Workers + 1}.withDefaults(false).check()},
		{"requests", FanoutConfig{Concurrency: 100_000}.withDefaults(false).check()},
		{"idle", StaleConfig{Idle: time.Hour}.withDefaults(false).check()},
		{"callers", StaleConfig{Callers: -1}.withDefaults(false).check()},
		{"streams", StreamConfig{Streams: 1_000_000}.withDefaults(false).check()},
		{"too long", StreamConfig{Events: 100, Every: time.Minute}.withDefaults(false).check()},
		{"connections", CompareConfig{Connections: []int{-1}}.withDefaults(false).check()},
	}
	for _, tt := range tests {
		if !errors.Is(tt.err, ErrUsage) {
			t.Errorf("%s: got %v; want an ErrUsage", tt.name, tt.err)
		}
	}
	for _, quick := range []bool{false, true} {
		for name, err := range map[string]error{
			"fanout": FanoutConfig{}.withDefaults(quick).check(), "stale": StaleConfig{}.withDefaults(quick).check(),
			"stream": StreamConfig{}.withDefaults(quick).check(), "compare": CompareConfig{}.withDefaults(quick).check(),
		} {
			if err != nil {
				t.Errorf("%s, quick %v: got %v for the defaults; want no error", name, quick, err)
			}
		}
	}
}

// TestRivalSettings fills in every template.
func TestRivalSettings(t *testing.T) {
	for _, r := range foreign() {
		for _, roots := range []string{"", "roots.pem"} {
			var b strings.Builder
			err := r.config.Execute(&b, rivalSettings{Listen: "127.0.0.1:1", Upstream: "127.0.0.1:2", Folder: "folder", Roots: roots, Cores: 2})
			if err != nil || !strings.Contains(b.String(), "127.0.0.1:1") || !strings.Contains(b.String(), "127.0.0.1:2") {
				t.Errorf("%s: got %q, %v; want both addresses in it", r.name, b.String(), err)
			}
			if trusts := strings.Contains(b.String(), "roots.pem"); trusts != (roots != "" && !r.onlyFirst) {
				t.Errorf("%s: got %q for roots %q", r.name, b.String(), roots)
			}
		}
	}
}

func TestUsage(t *testing.T) {
	cpu, resident, err := usage(os.Getpid())
	if measurable != (err == nil) || measurable && (cpu < 0 || resident < 1<<20) {
		t.Errorf("got %v, %d bytes, %v", cpu, resident, err)
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("MILLPOND_LISTEN_ADDRESS", "127.0.0.1:7860")
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	t.Setenv("GOMAXPROCS", "64")
	for _, pair := range environment(3) {
		name, value, _ := strings.Cut(pair, "=")
		if name == "MILLPOND_LISTEN_ADDRESS" || name == "https_proxy" || name == "GOMAXPROCS" && value != "3" {
			t.Errorf("got %s", pair)
		}
	}
}

// TestSeed has the same seed choose the same, and another one something else.
func TestSeed(t *testing.T) {
	numbers := func(seed uint64, stream int) (list [8]int) {
		random := Options{Seed: seed}.generator(stream)
		for i := range list {
			list[i] = random.IntN(1000)
		}
		return list
	}
	if a, b := numbers(1, 2), numbers(1, 2); a != b {
		t.Errorf("got %v and %v for the same seed", a, b)
	}
	if a, b := numbers(1, 2), numbers(2, 2); a == b {
		t.Errorf("got %v for two seeds", a)
	}
}
