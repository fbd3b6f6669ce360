package model

import (
	"os"
	"reflect"
	"regexp"
	"testing"
	"time"

	"millpond/proxy/control"
)

func TestAdviceOf(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	at := now.Add(-10 * time.Minute)
	slots := control.Recommendation{
		ID: "idle_slots", Code: "idle_slots", Sentence: "in English",
		Figures:  []control.Figure{{Key: "redials", Value: 1810}, {Key: "handshake_total_ms", Value: 5200, Unit: "ms"}},
		Patch:    []control.Change{{Key: "pool.max_idle", From: "20", To: "192"}},
		Expected: &control.Effect{Key: "dials_per_100", Before: 56.6, After: 0.5},
	}
	with := func(change func(*control.Recommendation)) control.Recommendation {
		r := slots
		change(&r)
		return r
	}
	title, do := T("advice.title.idle_slots"), T("advice.do.idle_slots")
	found := T("advice.found.idle_slots", "Redials", "1,810", "HandshakeTotal", "5.2 s")
	changes := []AdviceChange{{"pool.max_idle", "20", "192"}}
	tests := []struct {
		name string
		in   control.Recommendation
		want AdviceItem
	}{
		{"to be taken", slots, AdviceItem{ID: "idle_slots", Title: title, Found: found, Do: do, Changes: changes, CanApply: true,
			Effect: T("advice.expected", "Effect", T("advice.effect.dials_per_100", "Before", "56.6", "After", "0.5"))}},
		{"applied", with(func(r *control.Recommendation) { r.AppliedAt, r.CanUndo = &at, true }),
			AdviceItem{ID: "idle_slots", Title: title, Found: found, Do: do, Changes: changes, CanUndo: true, Effect: T("advice.not_measured"),
				Applied: T("advice.applied", "When", T("ago.minutes", "N", "10"))}},
		{"measured, and changed since", with(func(r *control.Recommendation) {
			r.AppliedAt, r.Measured = &at, &control.Effect{Key: "error_rate", Before: 20, After: 0, Unit: "percent"}
		}), AdviceItem{ID: "idle_slots", Title: title, Found: found, Do: do, Changes: changes, Note: T("advice.changed_since"),
			Effect:  T("advice.measured", "Effect", T("advice.effect.error_rate", "Before", "20%", "After", "0%")),
			Applied: T("advice.applied", "When", T("ago.minutes", "N", "10"))}},
		{"only by hand", with(func(r *control.Recommendation) { r.Patch, r.Expected = nil, nil }),
			AdviceItem{ID: "idle_slots", Title: title, Found: found, Do: T("advice.do.ask_keepalive"), Note: T("advice.by_hand")}},
		{"of a newer daemon", control.Recommendation{ID: "x", Code: "x", Sentence: "in English", Expected: &control.Effect{Key: "y", Before: 2, Unit: "ms"}},
			AdviceItem{ID: "x", Title: T("advice.title.other"), Found: T("advice.found.other", "Sentence", "in English"), Do: T("advice.do.ask_keepalive"), Note: T("advice.by_hand"),
				Effect: T("advice.expected", "Effect", T("advice.effect.other", "Before", "2.0 ms", "After", "0 ms"))}},
	}
	for _, tt := range tests {
		got := AdviceOf(control.Advice{Items: []control.Recommendation{tt.in}}, now)
		if len(got.Items) != 1 || !reflect.DeepEqual(got.Items[0], tt.want) {
			t.Errorf("%s: got %+v; want %+v", tt.name, got.Items, tt.want)
		}
	}
}

func TestMissingAdvice(t *testing.T) {
	tests := []struct {
		in   control.Missing
		want Text
	}{
		{control.Missing{Code: "warm", Have: 12, Need: 50, Of: "requests"}, T("advice.missing.requests", "About", T("advice.title.warm"), "Have", "12", "Need", "50")},
		{control.Missing{Code: "upstream_slow", Upstream: "a", Have: 3, Need: 50, Of: "requests"}, T("advice.missing.requests_to", "About", T("advice.title.upstream_slow"), "Upstream", "a", "Have", "3", "Need", "50")},
		{control.Missing{Code: "egress_reuse", Upstream: "a", Need: 1, Of: "direct_requests"}, T("advice.missing.direct", "About", T("advice.title.egress_reuse"), "Upstream", "a")},
	}
	for _, tt := range tests {
		if got := AdviceOf(control.Advice{Missing: []control.Missing{tt.in}}, time.Time{}).Missing; len(got) != 1 || !reflect.DeepEqual(got[0], tt.want) {
			t.Errorf("%+v: got %+v; want %+v", tt.in, got, tt.want)
		}
	}
}

// Every code and every effect of advice that the daemon has is worded here, and no other.
func TestEveryAdviceHasASentence(t *testing.T) {
	worded := map[string]bool{}
	for code := range advised {
		worded[code] = true
	}
	for key := range effects {
		worded[key] = true
	}
	found := 0
	for _, name := range []string{"advice.go", "advice_effect.go"} {
		text, err := os.ReadFile("../../proxy/advisor/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^\t\w+ += "([a-z0-9_]+)"`).FindAllStringSubmatch(string(text), -1) {
			found++
			if !worded[m[1]] {
				t.Errorf("%s: %q has no words", name, m[1])
			}
		}
	}
	if found != len(worded) {
		t.Errorf("got %d codes and effects in the daemon's sources; want the %d that are worded", found, len(worded))
	}
}
