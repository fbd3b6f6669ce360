package model

import (
	"testing"
	"time"
)

func TestParseLogLine(t *testing.T) {
	zone := time.FixedZone("east", 2*3600)
	tests := []struct{ raw, when, level, words string }{
		{`time=2026-11-22T11:40:22.072Z level=INFO msg=listening address=127.0.0.1:35677`, "13:40:22.072", "INFO", "listening  address=127.0.0.1:35677"},
		{`time=2026-11-22T11:40:22Z level=WARN msg="the disk is \"full\"" err="a b"`, "13:40:22.000", "WARN", `the disk is "full"  err="a b"`},
		{`time=2026-11-22T11:40:22.1Z level=ERROR msg=stopped`, "13:40:22.100", "ERROR", "stopped"},
		{`time=2026-11-22T11:40:22Z level=INFO msg=request id=1 method=POST path=/v1/messages upstream=relay status=502 outcome=upstream_error replay="" total_ms=912.4 err="it is \"down\""`,
			"13:40:22.000", "INFO", `POST /v1/messages  relay  502 upstream_error  912 ms  it is "down"  id=1`},
		{`time=2026-11-22T11:40:22Z level=INFO msg=request method="x`, "13:40:22.000", "INFO", `"x`},
		{"panic: runtime error", "", "", "panic: runtime error"},
		{"time=yesterday level=INFO msg=x", "", "", "time=yesterday level=INFO msg=x"},
		{"time=2026-11-22T11:40:22Z", "", "", "time=2026-11-22T11:40:22Z"},
		{`time=2026-11-22T11:40:22Z level=INFO msg="open`, "13:40:22.000", "INFO", `"open`},
		{"", "", "", ""},
	}
	for _, test := range tests {
		want := LogLine{Raw: test.raw, When: test.when, Level: test.level, Words: test.words}
		if got := ParseLogLine(test.raw, zone); got != want {
			t.Errorf("%s: got %+v; want %+v", test.raw, got, want)
		}
	}
}

func FuzzParseLogLine(f *testing.F) {
	f.Add(`time=2026-11-22T11:40:22Z level=WARN msg="a\"b" err="c d"`)
	f.Fuzz(func(t *testing.T, raw string) {
		if got := ParseLogLine(raw, time.UTC); got.Raw != raw {
			t.Errorf("got %q; want it kept as %q", got.Raw, raw)
		}
	})
}

func TestFilterLog(t *testing.T) {
	lines := []LogLine{
		{Raw: "a request to relay", Level: "INFO"}, {Raw: "relay is Left alone", Level: "WARN"},
		{Raw: "history: disk full", Level: "ERROR+1"}, {Raw: "goroutine 1", Level: ""},
	}
	tests := []struct {
		level, search string
		want          []int
	}{
		{"DEBUG", "", []int{0, 1, 2, 3}},
		{"DEBUG", "relay", []int{0, 1}},
		{"DEBUG", "alone RELAY", []int{1}},
		{"WARN", "", []int{1, 2, 3}}, // a trace has no level and is not hidden
		{"ERROR", "", []int{2, 3}},
		{"ERROR", "relay", nil},
	}
	for _, test := range tests {
		got := FilterLog(lines, test.level, test.search)
		if len(got) != len(test.want) {
			t.Errorf("%s %q: got %v; want %v", test.level, test.search, got, test.want)
			continue
		}
		for i, l := range got {
			if l != lines[test.want[i]] {
				t.Errorf("%s %q: got %v; want %v", test.level, test.search, got, test.want)
			}
		}
	}
}

func TestLogLineColour(t *testing.T) {
	for raw, want := range map[string]State{
		"time=2026-11-22T11:40:22Z level=INFO msg=request outcome=ok x=y":             On,
		"time=2026-11-22T11:40:22Z level=INFO msg=request outcome=upstream_error x=y": Failing,
		"time=2026-11-22T11:40:22Z level=INFO msg=request outcome=client_error x=y":   On,
		"time=2026-11-22T11:40:22Z level=WARN msg=x":                                  Degraded,
		"time=2026-11-22T11:40:22Z level=ERROR msg=x":                                 Failing,
		"a trace": On,
	} {
		if got := ParseLogLine(raw, time.UTC).Judgment(); got != want {
			t.Errorf("%s: got %v; want %v", raw, got, want)
		}
	}
}

func TestLogNote(t *testing.T) {
	v := LogView{Lines: make([]LogLine, 7), Most: 10}
	full := LogView{Lines: make([]LogLine, 10), Most: 10}
	tests := []struct {
		view   LogView
		shown  int
		paused bool
		want   string
	}{
		{v, 7, false, "log.count"}, {v, 3, false, "log.some"}, {v, 3, true, "log.paused"}, {full, 10, false, "log.latest"},
	}
	for _, test := range tests {
		if got := LogNote(test.view, test.shown, test.paused).Key; got != test.want {
			t.Errorf("%d shown, paused %v: got %v; want %v", test.shown, test.paused, got, test.want)
		}
	}
}
