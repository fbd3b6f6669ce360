package store

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"millpond/settings"
)

// random makes settings that are valid, and otherwise as varied as the table allows.
func random(r *rand.Rand) *settings.Settings {
	s := settings.Default()
	s.Pool = settings.PresetPool(anyOf(r, presets()...))
	for _, k := range settings.Keys() {
		if k.Section() != "pool" && k.Section() != "failover" && k.Section() != "timeouts" && k.Section() != "forward" || r.IntN(2) == 0 {
			continue
		}
		if text := randomText(r, k); text != "" && k.Name() != "preset" {
			if err := s.Set(k.Path, text); err != nil {
				panic(err)
			}
		}
	}
	s.Listen.Address = anyOf(r, "127.0.0.1:7860", "localhost:0", "[::]:80")
	s.Listen.Token = anyOf(r, "env:TOKEN", `keyring:a "quoted"\name`, "keyring:mühle")
	s.Listen.AllowedHosts = anyOf(r, nil, []string{"a.lan"}, []string{"a.lan", "b.lan:80"})
	s.Listen.Fast, s.Listen.H2C = r.IntN(2) == 0, r.IntN(2) == 0
	s.Verdict.SuccessTarget, s.Verdict.SwitchBelow = 0.5+r.Float64()/2, r.Float64()/2
	for i := range r.IntN(4) {
		u := settings.Upstream{Name: fmt.Sprintf("w-%d", i), Kind: anyOf(r, settings.KindA2A, settings.KindHTTP),
			URL: anyOf(r, "http://worker:8080", "https://api.example.com/base/ü"), Enabled: r.IntN(2) == 0,
			Priority: r.IntN(3), Weight: 1 + r.IntN(3), Credential: anyOf(r, "", "env:KEY"),
			Egress: anyOf(r, "", "system", "http://me:env:PW@proxy:1"), PreserveHost: r.IntN(2) == 0}
		if r.IntN(2) == 0 {
			n, d, w := r.IntN(5), time.Duration(r.IntN(1000)+10)*time.Millisecond, settings.WarmAuto
			u.Pool = settings.PoolOverride{MaxRequestsPerConnection: &n, IdleTimeout: &d, Warm: &w, Preset: anyOf(r, nil, &s.Pool.Preset)}
		}
		s.Upstreams = append(s.Upstreams, u)
		s.Routes = append(s.Routes, settings.Route{Path: anyOf(r, "/a", "/\"b\"") + u.Name, Upstreams: []string{u.Name}, Idempotent: r.IntN(2) == 0})
	}
	return s
}

// presets returns the names of the presets.
func presets() []settings.Preset {
	var names []settings.Preset
	for _, p := range settings.Presets() {
		names = append(names, p.Name)
	}
	return names
}

// anyOf returns one of the values.
func anyOf[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// randomText returns a value for a key within its bounds.
func randomText(r *rand.Rand, k settings.Key) string {
	if k.Allowed != nil {
		return anyOf(r, k.Allowed...)
	}
	n := func() int64 { return k.Min + r.Int64N(k.Max-k.Min+1) }
	switch k.Default.(type) {
	case bool:
		return fmt.Sprint(r.IntN(2) == 0)
	case time.Duration:
		return settings.FormatDuration(time.Duration(n()))
	case int:
		return fmt.Sprint(n())
	case settings.Warm:
		return anyOf(r, "auto", "0")
	}
	return ""
}

// What is saved is what is loaded, whatever it is.
func TestSavedSettingsAreLoadedTheSame(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	valid := 0
	for range 200 {
		want := random(r)
		if want.Validate() != nil {
			continue // idle connections beyond a limit that was drawn too
		}
		valid++
		got, err := Decode(Encode(want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: got %+v, %v\nwant %+v\n%s", seed, got, err, want, Encode(want))
		}
	}
	if valid < 20 {
		t.Errorf("seed %d: only %d of 200 were valid", seed, valid)
	}
}

// The same through a real file, again and again over what was there.
func TestSavedFilesAreLoadedTheSame(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	r := rand.New(rand.NewPCG(seed, 0))
	path := filepath.Join(t.TempDir(), "settings.toml")
	s := Open(path, nil)
	for range 40 {
		want := random(r)
		if want.Validate() != nil {
			continue
		}
		if err := s.Save(want); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if got := load(t, Open(path, nil)); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: got %+v\nwant %+v", seed, got, want)
		}
	}
}

// FuzzDecode checks that no text makes the decoder panic, that an error is one line for each mistake,
// and that what is accepted is valid and is written and read back the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", sample, string(Encode(settings.Default())), "version = 2\n", "[pool]\npreset = \"fan-out\"\nwarm = \"auto\"\n",
		"[[upstreams]]\nname = \"a\" # x\nurl = \"http://a\"\n# y\n[upstreams.pool]\n#z\npreset = \"gentle\"\nmax_idle = 3\n",
		"pool.max_idle = 1\n", "pool = {max_idle = 1}\n", "\"pool.max_idle\" = 1\n", "[Pool]\nMax_Idle = 1\n",
		"upstreams = [1, {name = 'x'}]\n", "pool = 1979-05-27T07:32:00Z\n", "[verdict]\nerror_target = nan\nswitch_below = inf\n",
		"[listen]\ntoken = \"hunter2\"\naddress = '[::1]:1'\n", "[pool]\nidle_timeout = \"1d2h\"\nmax_idle = 0x10\n",
		"[listen]\nallowed_hosts = [\"\"]\n[forward]\nallow = [\"a:*\", # x\n # y\n\"[::1]\"]\n# max_idle = 3\n", "\xef\xbb\xbfversion = 1\n", "[[routes]]\npath = ''\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		compiled, compileErr := compile("", text, []string{"MILLPOND_POOL_MAX_WAITING=5"})
		first, err := Decode(text)
		if err != nil {
			if n := len(settings.FieldErrors(err)); n > 0 && bytes.Count([]byte(err.Error()), []byte("\n")) != n-1 {
				t.Errorf("%d mistakes are not as many lines: %q", n, err)
			}
			return
		}
		if err := first.Validate(); err != nil {
			t.Fatalf("accepted, but not valid: %v", err)
		}
		again, err := Decode(Encode(first))
		if err != nil || !reflect.DeepEqual(again, first) {
			t.Fatalf("read back as %+v, %v; want %+v", again, err, first)
		}
		kept := encode(first, readNotes(text))
		again, err = Decode(kept)
		if err != nil || !reflect.DeepEqual(again, first) {
			t.Fatalf("with the user's comments it is read back as %+v, %v; want %+v\n%s", again, err, first, kept)
		}
		if twice := encode(first, readNotes(kept)); !bytes.Equal(twice, kept) {
			t.Fatalf("written again it is\n%s\nwant\n%s", twice, kept)
		}
		if compileErr != nil {
			t.Fatalf("viper's reading is refused: %v", compileErr)
		}
		first.Pool.MaxWaiting = 5
		if !reflect.DeepEqual(compiled.merged, first) {
			t.Fatalf("viper reads %+v; want %+v", compiled.merged, first)
		}
	})
}
