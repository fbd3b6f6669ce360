package settings

import (
	"reflect"
	"strings"
	"testing"
)

// tree shortens the trees below.
type tree = map[string]any

// lines returns the lines of an error; nil for none.
func lines(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(err.Error(), "\n")
}

func TestDecodeReadsBackTree(t *testing.T) {
	for name, want := range map[string]*Settings{"default": Default(), "full": valid()} {
		t.Run(name, func(t *testing.T) {
			got, err := Decode(want.Tree())
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v; want %+v", got, want)
			}
		})
	}
}

func TestDecodePresetIsTheBase(t *testing.T) {
	s, err := Decode(tree{"pool": tree{"preset": "gentle", "max_idle": int64(50)}})
	if err != nil {
		t.Fatal(err)
	}
	want := PresetPool(PresetGentle)
	want.MaxIdle = 50
	if s.Pool != want {
		t.Errorf("got %+v; want %+v", s.Pool, want)
	}
}

func TestDecodeUpstreamStartsFromDefaults(t *testing.T) {
	s, err := Decode(tree{"upstreams": []any{tree{"name": "a", "url": "http://a.example"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := []Upstream{{Name: "a", Kind: KindHTTP, URL: "http://a.example", Enabled: true, Priority: 1, Weight: 1}}
	if !reflect.DeepEqual(s.Upstreams, want) {
		t.Errorf("got %+v; want %+v", s.Upstreams, want)
	}
}

func TestReadReportsEachMistakeOnce(t *testing.T) {
	tests := []struct {
		name string
		tree tree
		want []string
	}{
		{"nothing", tree{}, nil},
		{"unknown section", tree{"pol": tree{"max_idle": int64(1)}}, []string{"pol: unknown key; did you mean pool?"}},
		{"unknown key", tree{"pool": tree{"zzz": true}}, []string{"pool.zzz: unknown key"}},
		{"misspelt key", tree{"pool": tree{"max_idel": int64(1)}}, []string{"pool.max_idel: unknown key; did you mean max_idle?"}},
		{"other case", tree{"pool": tree{"Max_Idle": int64(1)}}, []string{"pool.Max_Idle: unknown key; did you mean max_idle?"}},
		{"key of another section", tree{"max_idle": int64(1)}, []string{"max_idle: unknown key; did you mean pool.max_idle?"}},
		{"key with a newline", tree{"a\nb": true}, []string{`"a\nb": unknown key`}},
		{"empty key", tree{"": true}, []string{`"": unknown key`}},
		{"section that is no table", tree{"pool": int64(5)}, []string{"pool: 5 is not a table"}},
		{"list that is none", tree{"upstreams": tree{}}, []string{"upstreams: a table is not a list of tables"}},
		{"element that is no table", tree{"upstreams": []any{"x"}}, []string{`upstreams[0]: "x" is not a table`}},
		{"table for a value", tree{"listen": tree{"address": tree{}}}, []string{"listen.address: a table is not a text"}},
		{"text for a number", tree{"pool": tree{"max_idle": "5"}}, []string{`pool.max_idle: "5" is not a whole number`}},
		{"fraction for a whole number", tree{"pool": tree{"max_idle": 5.0}}, []string{"pool.max_idle: 5 is not a whole number"}},
		{"number for a duration", tree{"pool": tree{"idle_timeout": int64(5)}}, []string{`pool.idle_timeout: 5 is not a duration such as "30s", "5m" or "28d"`}},
		{"text for a duration", tree{"pool": tree{"idle_timeout": "soon"}}, []string{`pool.idle_timeout: "soon" is not a duration such as "30s", "5m" or "28d"`}},
		{"text for a bool", tree{"listen": tree{"h2c": "yes"}}, []string{`listen.h2c: "yes" is not true or false`}},
		{"list of numbers", tree{"forward": tree{"allow": []any{int64(1)}}}, []string{"forward.allow: a list is not a list of texts"}},
		{"text for warm", tree{"pool": tree{"warm": "hot"}}, []string{`pool.warm: "hot" is not a whole number or "auto"`}},
		{"our notation for auto", tree{"pool": tree{"warm": int64(-1)}}, []string{`pool.warm: -1 is not a whole number or "auto"`}},
		{"a whole number for a fraction", tree{"verdict": tree{"success_target": int64(1)}}, nil},
		{"secret of the wrong type", tree{"listen": tree{"token": int64(123456)}}, []string{"listen.token: [hidden] is not a text"}},
		{"required key misspelt", tree{"upstreams": []any{tree{"nmae": "a", "url": "http://a.example"}}},
			[]string{"upstreams[0].nmae: unknown key; did you mean name?"}},
		{"required key of the wrong type", tree{"upstreams": []any{tree{"name": "a", "url": int64(5)}}},
			[]string{"upstreams[0].url: 5 is not a text"}},
		{"required keys missing", tree{"upstreams": []any{tree{}}, "routes": []any{tree{}}}, []string{
			"upstreams[0].name: missing; it needs a name of a-z, 0-9, dot, dash and underscore that begins with a letter or digit",
			"upstreams[0].url: missing; it needs an http or https address such as https://api.example.com",
			"routes[0].path: missing; it needs a path that begins with /",
			"routes[0].upstreams: missing; it needs the name of at least one upstream"}},
		{"override misspelt", tree{"upstreams": []any{tree{"name": "a", "url": "http://a.example", "pool": tree{"max_idel": int64(1)}}}},
			[]string{"upstreams[0].pool.max_idel: unknown key; did you mean max_idle?"}},
		{"override out of range", tree{"upstreams": []any{tree{"name": "a", "url": "http://a.example", "pool": tree{"max_idle": int64(-1)}}}},
			[]string{"upstreams[0].pool.max_idle: -1 is outside 0 to 100000 connections"}},
		{"preset misspelt", tree{"pool": tree{"preset": "gentel"}}, []string{
			`pool.preset: "gentel" is not one of balanced, gentle, fan-out, unpooled, custom`}},
		{"types and ranges together", tree{"pool": tree{"max_idle": int64(-1), "warm": true}, "failover": tree{"attempts": int64(0)}}, []string{
			`pool.warm: true is not a whole number or "auto"`,
			"pool.max_idle: -1 is outside 0 to 100000 connections",
			"failover.attempts: 0 is outside 1 to 10 upstreams"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Read(test.tree)
			if got := lines(err); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %q; want %q", got, test.want)
			}
			if (s == nil) != (err != nil) {
				t.Errorf("settings = %v with error %v", s, err)
			}
		})
	}
}

func TestMigrate(t *testing.T) {
	steps := []migration{
		{1, func(t tree) { t["one"] = true }},
		{2, func(t tree) { t["two"] = t["one"] }},
	}
	tests := []struct {
		name string
		tree tree
		want tree
		err  string
	}{
		{"without a version", tree{}, tree{"version": int64(3), "one": true, "two": true}, ""},
		{"oldest", tree{"version": int64(1)}, tree{"version": int64(3), "one": true, "two": true}, ""},
		{"in between", tree{"version": int64(2), "one": "x"}, tree{"version": int64(3), "one": "x", "two": "x"}, ""},
		{"newest", tree{"version": int64(3)}, tree{"version": int64(3)}, ""},
		{"newer", tree{"version": int64(4)}, tree{"version": int64(4)}, "version: 4 is refused: the file was written by a newer Millpond"},
		{"none such", tree{"version": int64(0)}, tree{"version": int64(0)}, "version: 0 is outside 1 to 3"},
		{"text", tree{"version": "1"}, tree{"version": "1"}, `version: "1" is not a whole number`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			err := migrate(test.tree, steps, 3)
			if (err == nil) != (test.err == "") || err != nil && !strings.HasPrefix(err.Error(), test.err) {
				t.Errorf("error = %v; want %q", err, test.err)
			}
			if !reflect.DeepEqual(test.tree, test.want) {
				t.Errorf("got %v; want %v", test.tree, test.want)
			}
		})
	}
}

func TestMigrationsReachTheVersion(t *testing.T) {
	for i, step := range migrations {
		if got, want := step.from, i+1; got != want {
			t.Errorf("step %d is from version %d; want %d", i, got, want)
		}
	}
	if got, want := len(migrations), Version-1; got != want {
		t.Errorf("%d steps; want %d", got, want)
	}
}

func TestNewerVersionIsOneLine(t *testing.T) {
	_, err := Read(tree{"version": int64(2), "pools": tree{"new": true}})
	if got := lines(err); len(got) != 1 || !strings.Contains(got[0], "newer Millpond") {
		t.Errorf("got %q; want one line about the version", got)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"max_idle", "max_idle_per_host", "url", "warm"}
	tests := []struct{ name, want string }{
		{"max_idel", "max_idle"},
		{"max-idle", "max_idle"},
		{"maxidle", "max_idle"},
		{"max_idle_perhost", "max_idle_per_host"},
		{"ulr", "url"},
		{"uri", "url"},
		{"entirely_other", ""},
		{"", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Nearest(test.name, known); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}
