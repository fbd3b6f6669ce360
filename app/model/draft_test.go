package model

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
)

// twoUpstreams are settings with two upstreams and a route.
func twoUpstreams() *settings.Settings {
	s := settings.Default()
	for i, name := range []string{"one", "two"} {
		s.Upstreams = append(s.Upstreams, settings.Upstream{
			Name: name, Kind: settings.KindAnthropic, URL: "https://" + name + ".example", Enabled: true, Priority: i + 1, Weight: 1,
		})
	}
	s.Routes = []settings.Route{{Path: "/v1", Upstreams: []string{"one", "two"}}, {Path: "/v2", Upstreams: []string{"two"}}}
	return s
}

// lines are the changes in a form that a test can name.
func lines(list []Change) []string {
	var out []string
	for _, c := range list {
		word := func(name string) string {
			t, ok := c.Text.Args[name].(Text)
			if !ok {
				return ""
			}
			if v, ok := t.Args["Value"].(string); ok {
				return v
			}
			return t.Key
		}
		line := c.Path + " " + word("From") + " > " + word("To")
		if c.Text.Key == "change.add" || c.Text.Key == "change.remove" {
			line = c.Path + " " + c.Text.Key
		}
		if c.Taken {
			line += " taken"
		}
		out = append(out, line)
	}
	return out
}

func TestDraftChanges(t *testing.T) {
	tests := []struct {
		name    string
		do      func(d *Draft)
		changes []string
		wrong   []string // the paths that cannot be used
	}{
		{"nothing", func(*Draft) {}, nil, nil},
		{"a number", func(d *Draft) { d.Set("pool.max_waiting", "2000") }, []string{"pool.max_waiting 1,024 > 2,000"}, nil},
		{"a number and back", func(d *Draft) { d.Set("pool.max_waiting", "2000"); d.Set("pool.max_waiting", "1024") }, nil, nil},
		{"a duration", func(d *Draft) { d.Set("pool.idle_timeout", "90s") }, []string{"pool.idle_timeout 5m > 1m30s"}, nil},
		{"no duration", func(d *Draft) { d.Set("pool.idle_timeout", "soon") }, nil, []string{"pool.idle_timeout"}},
		{"out of range", func(d *Draft) { d.Set("pool.max_connections", "100001") }, []string{"pool.max_connections 512 > 100,001"}, []string{"pool.max_connections"}},
		{"over another limit", func(d *Draft) { d.Set("pool.max_idle", "600") }, []string{"pool.max_idle 256 > 600"}, []string{"pool.max_idle"}},
		{"a list", func(d *Draft) { d.Set("forward.allow", "a.example:80, b.example") }, []string{"forward.allow 127.0.0.1:*, 10.0.0.0/8 > a.example:80, b.example"}, nil},
		{"a bad list", func(d *Draft) { d.Set("forward.allow", "a.example:80, :::") }, []string{"forward.allow 127.0.0.1:*, 10.0.0.0/8 > a.example:80, :::"}, []string{"forward.allow"}},
		{"a preset brings its numbers", func(d *Draft) { d.Set("pool.max_waiting", "7"); d.Set("pool.preset", "fan-out") }, []string{
			"pool.preset preset.balanced > preset.fan_out", "pool.max_connections 512 > 1,000", "pool.max_connections_per_host 128 > 1,000",
			"pool.max_idle 256 > 200", "pool.max_idle_per_host 64 > 200"}, nil},
		{"a number after a preset", func(d *Draft) { d.Set("pool.preset", "gentle"); d.Set("pool.max_idle", "50") }, []string{
			"pool.preset preset.balanced > preset.gentle", "pool.max_connections 512 > 100", "pool.max_connections_per_host 128 > 5",
			"pool.max_idle 256 > 50", "pool.max_idle_per_host 64 > 5", "pool.idle_timeout 5m > 15s"}, nil},
		{"an upstream's", func(d *Draft) { d.Set("upstreams[two].priority", "5") }, []string{"upstreams[two].priority 2 > 5"}, nil},
		{"an upstream's url", func(d *Draft) { d.Set("upstreams[two].url", "ftp://x") }, []string{"upstreams[two].url https://two.example > ftp://x"}, []string{"upstreams[two].url"}},
		{"an override", func(d *Draft) { d.Set("upstreams[two].pool.max_idle", "8") }, []string{"upstreams[two].pool.max_idle value.inherited > 8"}, nil},
		{"renamed", func(d *Draft) { d.Set("upstreams[two].name", "three"); d.Set("upstreams[two].weight", "4") },
			[]string{"upstreams[two].name two > three", "upstreams[two].weight 1 > 4"}, nil},
		{"renamed like another", func(d *Draft) { d.Set("upstreams[two].name", "one") }, []string{"upstreams[two].name two > one"}, []string{"upstreams[two].name"}},
		{"removed", func(d *Draft) { d.Set("upstreams[two].weight", "4"); d.Remove("two") }, []string{"upstreams[two] change.remove"}, nil},
		{"removed and kept", func(d *Draft) { d.Remove("two"); d.Keep("two") }, nil, nil},
		{"added", func(d *Draft) { d.Add(other("three")) }, []string{"upstreams[three] change.add"}, nil},
		{"added and edited", func(d *Draft) { d.Add(other("three")); d.Set("upstreams[three].weight", "0") },
			[]string{"upstreams[three] change.add"}, []string{"upstreams[three].weight"}},
		{"added and removed", func(d *Draft) { d.Add(other("three")); d.Remove("three") }, nil, nil},
		{"discarded", func(d *Draft) { d.Remove("one"); d.Set("pool.warm", "3"); d.Discard() }, nil, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			base := twoUpstreams()
			d := NewDraft(base, 3)
			test.do(d)
			if got := lines(d.Changes()); !slices.Equal(got, test.changes) {
				t.Errorf("changes: got %q; want %q", got, test.changes)
			}
			for _, path := range test.wrong {
				if d.Field(path).Problem.Empty() {
					t.Errorf("%s: got no problem; want one", path)
				}
			}
			if got, want := d.Valid(), len(test.wrong) == 0; got != want {
				t.Errorf("valid: got %v; want %v", got, want)
			}
			if err := d.Next().Validate(); err != nil && d.Valid() {
				t.Errorf("the daemon would refuse it: %v", err)
			}
			if !reflect.DeepEqual(base, twoUpstreams()) {
				t.Error("the settings that it was made from have changed")
			}
		})
	}
}

// other returns an upstream of a name.
func other(name string) settings.Upstream {
	return settings.Upstream{Name: name, Kind: settings.KindHTTP, URL: "https://" + name + ".example", Enabled: true, Priority: 1, Weight: 1}
}

func TestDraftRoutesFollow(t *testing.T) {
	tests := []struct {
		name string
		do   func(*Draft)
		want string
	}{
		{"removed", func(d *Draft) { d.Remove("two") }, "[{/v1 [one] false}]"},
		{"renamed", func(d *Draft) { d.Set("upstreams[two].name", "three") }, "[{/v1 [one three] false} {/v2 [three] false}]"},
	}
	for _, test := range tests {
		d := NewDraft(twoUpstreams(), 1)
		test.do(d)
		if got := fmt.Sprint(d.Next().Routes); got != test.want {
			t.Errorf("%s: got %v; want %v", test.name, got, test.want)
		}
	}
}

func TestDraftRebase(t *testing.T) {
	tests := []struct {
		name      string
		mine      func(*Draft)
		elsewhere func(*settings.Settings)
		want      []string
	}{
		{"another key", func(d *Draft) { d.Set("pool.max_waiting", "9") }, func(s *settings.Settings) { s.Pool.MaxIdle = 7 },
			[]string{"pool.max_waiting 1,024 > 9"}},
		{"the same key", func(d *Draft) { d.Set("pool.max_waiting", "9") }, func(s *settings.Settings) { s.Pool.MaxWaiting = 7 },
			[]string{"pool.max_waiting 7 > 9 taken"}},
		{"the same value", func(d *Draft) { d.Set("pool.max_waiting", "9") }, func(s *settings.Settings) { s.Pool.MaxWaiting = 9 }, nil},
		{"the upstream is gone", func(d *Draft) { d.Set("upstreams[two].weight", "9") }, func(s *settings.Settings) { removeUpstream(s, "two") }, nil},
		{"removed by both", func(d *Draft) { d.Remove("two") }, func(s *settings.Settings) { removeUpstream(s, "two") }, nil},
		{"added by both alike", func(d *Draft) { d.Add(other("x")) }, func(s *settings.Settings) { s.Upstreams = append(s.Upstreams, other("x")) }, nil},
		{"a new order of the list", func(d *Draft) { d.Set("upstreams[two].weight", "9") }, func(s *settings.Settings) { slices.Reverse(s.Upstreams) },
			[]string{"upstreams[two].weight 1 > 9"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			d := NewDraft(twoUpstreams(), 3)
			test.mine(d)
			newer := twoUpstreams()
			test.elsewhere(newer)
			d.Rebase(newer, 4)
			if got := lines(d.Changes()); !slices.Equal(got, test.want) {
				t.Errorf("got %q; want %q", got, test.want)
			}
			if d.Revision() != 4 {
				t.Errorf("revision: got %d; want 4", d.Revision())
			}
		})
	}
}

// Edits that lead from some settings to others lead exactly there.
func TestEditsLeadThere(t *testing.T) {
	variants := []func(*settings.Settings){
		func(*settings.Settings) {},
		func(s *settings.Settings) { s.Pool.MaxIdle = 10 },
		func(s *settings.Settings) { s.Pool = s.Pool.WithPreset(settings.PresetGentle) },
		func(s *settings.Settings) { s.Pool = s.Pool.WithPreset(settings.PresetGentle); s.Pool.MaxIdle = 10 },
		func(s *settings.Settings) { s.Pool.Warm = settings.WarmAuto },
		func(s *settings.Settings) { removeUpstream(s, "one") },
		func(s *settings.Settings) { removeUpstream(s, "one"); removeUpstream(s, "two") },
		func(s *settings.Settings) { s.Upstreams[0].Name = "zero"; s.Routes[0].Upstreams[0] = "zero" },
		func(s *settings.Settings) { n := 4; s.Upstreams[1].Pool.MaxIdle = &n },
		func(s *settings.Settings) { p := settings.PresetFanOut; s.Upstreams[1].Pool.Preset = &p },
		func(s *settings.Settings) { s.Upstreams = append(s.Upstreams, other("three")) },
		func(s *settings.Settings) { s.Forward.Allow = nil; s.Forward.Enabled = true },
		func(s *settings.Settings) { s.Verdict.SuccessTarget = 0.97 },
	}
	for i, from := range variants {
		for j, to := range variants {
			a, b := twoUpstreams(), twoUpstreams()
			from(a)
			to(b)
			got, _, errs := editsFrom(a, b).apply(a)
			if len(errs) > 0 || !reflect.DeepEqual(got, b.Clone()) {
				t.Errorf("from %d to %d: got %q, %v; want no difference", i, j, lines(changesBetween(b, got, namesOf(got))), errs)
			}
		}
	}
}

func TestFieldWords(t *testing.T) {
	d := NewDraft(twoUpstreams(), 1)
	tests := []struct {
		path, text string
		want       Text
	}{
		{"pool.max_connections", "-1", T("field.outside", "Range", T("field.between_unit", "Low", "0", "High", "100,000", "Unit", T("unit.connections")))},
		{"pool.max_connections", "many", T("field.form.number")},
		{"pool.max_connections", "", T("field.form.number")},
		{"pool.idle_timeout", "2d", T("field.outside", "Range", T("field.between", "Low", "10ms", "High", "1d"))},
		{"pool.idle_timeout", "5", T("field.form.duration")},
		{"pool.max_idle", "513", T("field.over", "Limit", "512", "By", T("settings.pool.max_connections.label"))},
		{"pool.warm", "some", T("field.form.warm")},
		{"upstreams[one].name", "", T("field.missing")},
		{"upstreams[one].name", "Two Words", T("field.form.name")},
		{"upstreams[two].name", "one", T("field.name_taken")},
		{"upstreams[one].url", "https://me:pw@x.example", T("field.refused.login")},
		{"upstreams[one].url", "http://127.0.0.1:7860", T("field.refused.own")},
		{"upstreams[one].credential", "sk-123", T("field.form.secret")},
		{"upstreams[one].egress", "nowhere", T("field.form.egress")},
		{"upstreams[one].pool.max_idle", "-3", T("field.outside", "Range", T("field.between_unit", "Low", "0", "High", "100,000", "Unit", T("unit.connections")))},
		{"listen.address", "0.0.0.0:80", T("field.refused.token")},
	}
	for _, test := range tests {
		d.Discard()
		d.Set(test.path, test.text)
		if got := d.Field(test.path).Problem; !reflect.DeepEqual(got, test.want) {
			t.Errorf("%s = %q: got %v; want %v", test.path, test.text, got, test.want)
		}
		if d.Valid() {
			t.Errorf("%s = %q: it is said to be valid", test.path, test.text)
		}
	}
}

func TestFieldPlain(t *testing.T) {
	d := NewDraft(twoUpstreams(), 1)
	if f := d.Field("pool.max_idle"); f.Own || f.Plain.Args["Value"] != "256" {
		t.Errorf("as the preset: got %+v", f)
	}
	d.Set("pool.max_idle", "9")
	if f := d.Field("pool.max_idle"); !f.Own || !f.Changed || f.Plain.Args["Value"] != "256" {
		t.Errorf("otherwise than the preset: got %+v", f)
	}
	own := "upstreams[one].pool.max_idle"
	if f := d.Field(own); f.Own || f.Text != "" || f.Plain.Args["Value"] != "9" {
		t.Errorf("an upstream without its own: got %+v", f)
	}
	d.Set(own, "3")
	if f := d.Field(own); !f.Own || f.Plain.Args["Value"] != "9" {
		t.Errorf("an upstream with its own: got %+v", f)
	}
	d.Set("upstreams[one].pool.preset", "gentle")
	if f := d.Field("upstreams[one].pool.max_connections"); f.Own || f.Plain.Args["Value"] != "100" {
		t.Errorf("an upstream with its own preset: got %+v", f)
	}
}

// Every way of the settings to refuse a value has words here.
func TestEveryRefusalHasWords(t *testing.T) {
	found := 0
	for _, sentence := range sentencesOf(t, "../../settings", "refused") {
		found++
		known := refusals[sentence] != "" || strings.HasSuffix(sentence, "has that name already")
		if !known && !strings.Contains(sentence, "paths under") && !strings.Contains(sentence, "routes[") && sentence != "there are no upstreams" {
			t.Errorf("%q has no words", sentence)
		}
	}
	if found < 8 {
		t.Errorf("got %d refusals in the settings' sources; want them all: have they moved?", found)
	}
}

// view is that of a daemon with settings.
func view(s *settings.Settings, revision uint64) View {
	return View{Connected: true, Settings: s, Revision: revision}
}

func TestEditing(t *testing.T) {
	var e Editing
	if b := e.Bar(); b.Shown {
		t.Error("a bar before the settings are known")
	}
	first := twoUpstreams()
	e.Take(view(first, 1))
	e.Draft().Set("pool.max_waiting", "-4")
	if b := e.Bar(); b.CanApply || !b.CanDiscard || b.Problem.Key != "edit.wrong" {
		t.Errorf("out of range: got %+v", b)
	}
	e.Draft().Set("pool.max_waiting", "4")
	if b := e.Bar(); !b.CanApply || len(b.Changes) != 1 {
		t.Errorf("one change: got %+v", b)
	}
	edit, ok := e.Apply()
	if !ok || edit.Revision != 1 || edit.Settings.Pool.MaxWaiting != 4 {
		t.Fatalf("apply: got %+v, %v", edit, ok)
	}
	if _, again := e.Apply(); again || !e.Bar().Busy {
		t.Error("applied twice at one time")
	}

	second := view(edit.Settings, 2)
	second.Saved = Saved{Number: edit.Number}
	e.Take(second)
	if b := e.Bar(); b.Title.Key != "edit.applied" || !b.CanUndo || !e.Draft().Empty() {
		t.Errorf("applied: got %+v", b)
	}
	elsewhere := edit.Settings.Clone()
	elsewhere.Pool.MaxIdle = 3
	e.Take(view(elsewhere, 3))
	back, ok := e.Undo()
	if !ok || back.Revision != 3 || back.Settings.Pool.MaxWaiting != 1024 || back.Settings.Pool.MaxIdle != 3 {
		t.Errorf("undo: got %+v, %v", back.Settings.Pool, ok)
	}
	third := view(back.Settings, 4)
	third.Saved = Saved{Number: back.Number}
	e.Take(third)
	if b := e.Bar(); b.Title.Key != "edit.undone" || !b.CanUndo {
		t.Errorf("taken back: got %+v", b)
	}
	redone, _ := e.Undo()
	if redone.Settings.Pool.MaxWaiting != 4 {
		t.Errorf("taken back again: got %d; want 4", redone.Settings.Pool.MaxWaiting)
	}
}

func TestEditingUndoesAsFarAsItIsThere(t *testing.T) {
	var e Editing
	e.Take(view(twoUpstreams(), 1))
	e.Draft().Set("pool.max_waiting", "4")
	e.Draft().Remove("one")
	edit, _ := e.Apply()
	v := view(edit.Settings, 2)
	v.Saved = Saved{Number: edit.Number}
	e.Take(v)
	later := edit.Settings.Clone()
	later.Pool.MaxWaiting = 5 // by someone else
	e.Take(view(later, 3))
	back, ok := e.Undo()
	if !ok || back.Settings.Pool.MaxWaiting != 5 || len(back.Settings.Upstreams) != 2 || back.Settings.Upstreams[0].Name != "one" {
		t.Errorf("got %+v", back.Settings)
	}
	if !reflect.DeepEqual(back.Settings.Routes, twoUpstreams().Routes) {
		t.Errorf("routes: got %v; want %v", back.Settings.Routes, twoUpstreams().Routes)
	}
}

func TestEditingKeepsTheDraft(t *testing.T) {
	var e Editing
	e.Take(view(twoUpstreams(), 5))
	e.Draft().Set("pool.max_waiting", "4")
	e.Take(View{State: Absent})
	if b := e.Bar(); b.CanApply || b.Problem.Key != "edit.waiting" || len(b.Changes) != 1 {
		t.Errorf("without a daemon: got %+v", b)
	}
	other := twoUpstreams()
	other.Pool.MaxWaiting = 77
	e.Take(view(other, 5)) // another daemon, with the same revision by chance
	if b := e.Bar(); !b.CanApply || b.Problem.Key != "edit.taken" || !slices.Equal(lines(b.Changes), []string{"pool.max_waiting 77 > 4 taken"}) {
		t.Errorf("with another daemon: got %+v, %v", b, lines(b.Changes))
	}
	edit, _ := e.Apply()
	v := view(twoUpstreams(), 6)
	v.Saved = SavedOf(edit.Number, fmt.Errorf("put: %w", control.ErrStale))
	e.Take(v)
	if b := e.Bar(); !b.CanApply || b.Problem.Key != "edit.stale" || len(b.Changes) != 1 {
		t.Errorf("a stale edit: got %+v", b)
	}
	e.Discard()
	if b := e.Bar(); b.Shown || !e.Draft().Empty() {
		t.Errorf("discarded: got %+v", b)
	}
}

func TestSavedOf(t *testing.T) {
	tests := []struct {
		err  error
		want string
	}{
		{nil, ""},
		{control.ErrStale, "edit.stale"},
		{control.ErrNotRunning, "edit.gone"},
		{&control.Error{Code: control.CodeInvalid, Message: "no"}, "edit.refused"},
		{errors.New("odd"), "error.settings"},
	}
	for _, test := range tests {
		if got := SavedOf(1, test.err).Problem.Key; got != test.want {
			t.Errorf("%v: got %q; want %q", test.err, got, test.want)
		}
	}
}

func TestMove(t *testing.T) {
	tests := []struct {
		name  string
		ranks string // the priorities of a, b, c, d before
		key   string
		by    int
		want  string
	}{
		{"up", "1234", "c", -1, "a1 c2 b3 d4"},
		{"down", "1234", "a", 1, "b1 a2 c3 d4"},
		{"to the top", "1234", "d", -3, "d1 a2 b3 c4"},
		{"too far", "1234", "b", 99, "a1 c2 d3 b4"},
		{"no further", "1234", "a", -1, "a1 b2 c3 d4"},
		{"between two that share", "1223", "d", -1, "a1 b2 c2 d2"},
		{"before two that share", "1223", "d", -2, "a1 d2 b3 c3"},
		{"out of those that share", "1222", "d", -3, "d1 a2 b3 c3"},
		{"with gaps", "1589", "d", -1, "a1 b2 d3 c4"},
		{"nobody", "1234", "x", -1, "a1 b2 c3 d4"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := settings.Default()
			for i, name := range []string{"a", "b", "c", "d"} {
				u := other(name)
				u.Priority = int(test.ranks[i] - '0')
				s.Upstreams = append(s.Upstreams, u)
			}
			alone := other("alone")
			alone.Kind = settings.KindGemini
			s.Upstreams = append(s.Upstreams, alone)
			d := NewDraft(s, 1)
			d.Move(test.key, test.by)
			var got []string
			for _, l := range d.Lines(nil) {
				if l.Name != "alone" {
					got = append(got, l.Name+l.Priority)
				}
			}
			if strings.Join(got, " ") != test.want {
				t.Errorf("got %v; want %v", strings.Join(got, " "), test.want)
			}
			if u, _ := d.Upstream("alone"); u.Priority != 1 {
				t.Errorf("another kind: got priority %d; want 1", u.Priority)
			}
			if !d.Valid() {
				t.Errorf("the daemon would refuse it: %v", d.Next().Validate())
			}
		})
	}
}

func TestLines(t *testing.T) {
	d := NewDraft(twoUpstreams(), 1)
	d.Set("upstreams[one].enabled", "false")
	d.Remove("two")
	d.Add(other("three"))
	lines := d.Lines([]Upstream{{Name: "one", State: On, Requests: "7"}})
	if len(lines) != 3 || lines[0].Key != "one" || lines[0].State != Off || lines[0].Requests != "7" || lines[0].Note.Key != "upstream.changed" {
		t.Errorf("one: got %+v", lines[0])
	}
	if !lines[1].Added || lines[1].Note.Key != "upstream.added" {
		t.Errorf("three: got %+v; want it added", lines[1])
	}
	if !lines[2].Removed || lines[2].Key != "two" {
		t.Errorf("two: got %+v; want it removed", lines[2])
	}
}

func TestSortLines(t *testing.T) {
	line := func(name string, state State, f figures) UpstreamLine {
		return UpstreamLine{Upstream: Upstream{Name: name, State: state, figures: f}}
	}
	tests := []struct {
		by   Column
		down bool
		want string
	}{
		{ByOrder, false, "bac"}, {ByOrder, true, "bac"},
		{ByName, false, "abc"}, {ByName, true, "cba"},
		{ByState, false, "cab"}, {ByRate, true, "abc"}, {ByRequests, false, "cba"}, {ByLatency, true, "bac"},
	}
	for _, test := range tests {
		lines := []UpstreamLine{
			line("b", Off, figures{rate: 50, requests: 5, p50: 900}), line("a", On, figures{rate: 99, requests: 9, p50: 100}),
			line("c", Failing, figures{rate: -1, requests: 0, p50: -1}),
		}
		SortLines(lines, test.by, test.down)
		got := ""
		for _, l := range lines {
			got += l.Name
		}
		if got != test.want {
			t.Errorf("by %d, down %v: got %s; want %s", test.by, test.down, got, test.want)
		}
	}
}

func TestAddUpstream(t *testing.T) {
	d := NewDraft(twoUpstreams(), 1)
	d.Set("pool.max_idle", "-1") // what is wrong elsewhere does not matter here
	fresh := d.Begin(settings.Upstream{Name: "one", Kind: settings.KindAnthropic, URL: "https://x.example"})
	if got, want := fresh.Text("upstreams[].name"), "one-2"; got != want {
		t.Errorf("a free name: got %q; want %q", got, want)
	}
	if got, want := fresh.Text("upstreams[].priority"), "3"; got != want {
		t.Errorf("behind the others: got %q; want %q", got, want)
	}
	for path, text := range map[string]string{"upstreams[].name": "two", "upstreams[].url": "x", "upstreams[].credential": "sk-1"} {
		was := fresh.Text(path)
		fresh.Set(path, text)
		if fresh.Complete() || d.Take(fresh) || fresh.Field(path).Problem.Empty() {
			t.Errorf("%s = %q: it is taken, or no problem is told", path, text)
		}
		fresh.Set(path, was)
	}
	if !d.Take(fresh) {
		t.Fatalf("got it refused: %v", fresh.Next().Validate())
	}
	if u, ok := d.Upstream("one-2"); !ok || !u.Enabled || u.URL != "https://x.example" || u.Weight != 1 {
		t.Errorf("got %+v", u)
	}
	empty := d.Begin(settings.Upstream{Kind: settings.KindHTTP})
	if empty.Complete() {
		t.Error("an upstream without name and address is complete")
	}
}

func TestProbeViews(t *testing.T) {
	ms := func(v float64) *float64 { return &v }
	states := func(p Probe) string {
		s := ""
		for _, step := range p.Steps {
			s += string(step.State) + ":" + step.Value + " "
		}
		return strings.TrimSpace(s)
	}
	now := time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		name, want, result string
		p                  Probe
	}{
		{"begun", "off: off: off: off: off:", "", ProbeStart("a", "u")},
		{"at TLS", "on:12 ms on:0.1 ms loading:… off: off:", "", ProbeAt("a", "u", control.ProbeProgress{Step: control.StepTLS, DNS: ms(12), Connect: ms(0.001)})},
		{"sent", "on:12 ms on:3.0 ms off: loading:… off:", "", ProbeAt("a", "u", control.ProbeProgress{Step: control.StepRequest, DNS: ms(12), Connect: ms(3)})},
		{"fine", "on:12 ms on:3.0 ms on:20 ms on:200 ms on:HTTP/2", "probe.ok",
			ProbeEnd("a", "u", control.ProbeReport{OK: true, DNS: ms(12), Connect: ms(3), Handshake: ms(20), FirstByte: ms(200), Protocol: "http2", Total: 240}, now)},
		{"refused", "on:12 ms failing:– off:– off:– off:–", "probe.failed.connect",
			ProbeEnd("a", "u", control.ProbeReport{DNS: ms(12), Failed: control.StepConnect, Problem: "refused"}, now)},
		{"no answer", "on:1.0 ms on:1.0 ms off:– failing:– off:–", "probe.failed.answer",
			ProbeEnd("a", "u", control.ProbeReport{DNS: ms(1), Connect: ms(1), Failed: control.StepRequest}, now)},
		{"no credential", "off:– off:– off:– off:– off:–", "probe.failed.credential",
			ProbeEnd("a", "u", control.ProbeReport{Failed: control.StepCredential}, now)},
	}
	for _, test := range tests {
		if got := states(test.p); got != test.want {
			t.Errorf("%s: got %q; want %q", test.name, got, test.want)
		}
		if got := test.p.Result.Key; got != test.result {
			t.Errorf("%s: result: got %q; want %q", test.name, got, test.result)
		}
	}
}

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		400 * time.Millisecond: "400 ms", 5 * time.Second: "5 s", 60600 * time.Millisecond: "1 min 01 s", 400 * time.Second: "6 min 40 s", 2*time.Hour + 5*time.Minute: "2 h 05 min",
	} {
		if got := Span(d); got != want {
			t.Errorf("%v: got %q; want %q", d, got, want)
		}
	}
}
