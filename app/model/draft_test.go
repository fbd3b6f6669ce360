package model

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

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
