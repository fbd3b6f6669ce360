package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
)

// noon is the present in these tests.
var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// running is the status of a daemon without trouble and without requests.
func running() control.Status {
	s := settings.Default()
	s.Upstreams = []settings.Upstream{
		{Name: "official", Kind: settings.KindAnthropic, URL: "https://a.example", Enabled: true, Priority: 1, Weight: 1},
		{Name: "relay", Kind: settings.KindAnthropic, URL: "https://b.example", Enabled: true, Priority: 2, Weight: 1},
		{Name: "local", Kind: settings.KindOpenAI, URL: "http://127.0.0.1:1", Enabled: false, Priority: 1, Weight: 1},
	}
	return control.Status{
		API: control.API, Version: "1.2.3", State: control.On, Address: "127.0.0.1:7860",
		ConfigPath: "/home/a/settings.toml", Settings: s,
		Stats: control.Stats{Upstreams: []control.Upstream{
			{Name: "official", Kind: "anthropic", URL: "https://a.example", Healthy: true},
			{Name: "relay", Kind: "anthropic", URL: "https://b.example", Healthy: true},
		}},
	}
}

func TestState(t *testing.T) {
	tests := []struct {
		name                     string
		change                   func(*control.Status)
		state                    State
		headline, reason, advice string
		serving                  bool
	}{
		{"on", func(*control.Status) {}, On, "state.on", "", "", true},
		{"off", func(s *control.Status) {
			s.State, s.Reason, s.Paused = control.Off, "paused", true
		}, Off, "state.off", "reason.paused", "advice.resume", false},
		{"degraded", func(s *control.Status) {
			s.State, s.Reason, s.ReasonArgs = control.Degraded, "upstream_ejected", []string{"relay"}
		}, Degraded, "state.degraded", "reason.upstream_ejected", "advice.ejected", true},
		{"failing", func(s *control.Status) {
			s.State, s.Reason = control.Failing, "no_healthy_upstream"
		}, Failing, "state.failing", "reason.no_healthy_upstream", "advice.check_upstreams", true},
		{"nowhere to go", func(s *control.Status) {
			s.State, s.Reason = control.Degraded, "no_upstream"
		}, Degraded, "state.no_upstream", "reason.no_upstream", "advice.add_upstream", true},
		{"draining", func(s *control.Status) { s.Draining = true }, On, "state.on", "reason.draining", "", true},
		{"newer daemon that understands us", func(s *control.Status) { s.API = control.API + 1 }, On, "state.on", "", "", true},
		{"newer daemon that does not", func(s *control.Status) { s.API, s.MinAPI = control.API+2, control.API+1 }, On, "state.on", "reason.application_too_old", "advice.update_application", true},
		{"newer settings", func(s *control.Status) { s.UnknownSettings = []string{"pool.moon"} }, On, "state.on", "reason.application_too_old", "advice.update_application", true},
		{"older daemon", func(s *control.Status) { s.API = control.MinAPI - 1 }, On, "state.on", "reason.daemon_too_old", "advice.update_daemon", true},
		{"unknown reason", func(s *control.Status) {
			s.State, s.Reason = control.Degraded, "moon_phase"
		}, Degraded, "state.degraded", "reason.other", "", true},
		{"unknown state", func(s *control.Status) { s.State = "dreaming" }, "dreaming", "state.degraded", "", "", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := running()
			test.change(&s)
			v := Of(s, nil, noon)
			if !v.Connected {
				t.Error("got not connected; want connected")
			}
			got := fmt.Sprint(v.State, v.Headline.Key, v.Reason.Key, v.Advice.Key, v.Serving)
			want := fmt.Sprint(test.state, test.headline, test.reason, test.advice, test.serving)
			if got != want {
				t.Errorf("got %v; want %v", got, want)
			}
		})
	}
}

func TestReasonArgs(t *testing.T) {
	s := running()
	s.Reason, s.ReasonArgs = "success_too_low", []string{"62.5", "90"}
	if got := Of(s, nil, noon).Reason.Args; got["Reached"] != "62.5" || got["Wanted"] != "90" {
		t.Errorf("got %v; want 62.5 reached and 90 wanted", got)
	}
	s.Reason, s.ReasonArgs = "no_healthy_upstream", []string{"official", "relay"}
	if got, want := Of(s, nil, noon).Reason.Args["Names"], "official, relay"; got != want {
		t.Errorf("got %v; want %v", got, want)
	}
	s.Reason, s.ReasonArgs = "success_too_low", nil // from a daemon that gives none
	if got := Of(s, nil, noon).Reason.Key; got != "reason.success_too_low" {
		t.Errorf("without arguments: got %v", got)
	}
}

func TestWithoutDaemon(t *testing.T) {
	v := Of(control.Status{}, fmt.Errorf("ask: %w", control.ErrNotRunning), noon)
	if v.State != Absent || v.Connected || v.Serving || v.Reason.Key != "reason.not_running" || v.Command == "" || v.Detail != "" {
		t.Errorf("not running: got %+v", v)
	}
	v = Of(control.Status{}, errors.New("malformed answer"), noon)
	if v.State != Absent || v.Reason.Key != "reason.no_answer" || v.Detail != "malformed answer" {
		t.Errorf("no sense in the answer: got %+v", v)
	}
	if v := Start(); v.State != Loading || v.Connected || v.Headline.Empty() {
		t.Errorf("before the first answer: got %+v", v)
	}
}

func TestAddress(t *testing.T) {
	for address, want := range map[string]string{
		"127.0.0.1:7860": "http://127.0.0.1:7860",
		"localhost:7860": "http://localhost:7860",
		"[::1]:7860":     "http://[::1]:7860",
		"0.0.0.0:80":     "http://127.0.0.1:80",
		"[::]:80":        "http://127.0.0.1:80",
		":80":            "http://127.0.0.1:80",
		"":               "",
		"nonsense":       "",
	} {
		if got := urlOf(address); got != want {
			t.Errorf("urlOf(%q): got %v; want %v", address, got, want)
		}
	}
}

func TestPeriods(t *testing.T) {
	s := running()
	s.Stats.Windows = map[string]control.Window{
		control.Window1h:  {Requests: 1201, Successful: 1190, Failed: 10, SuccessRate: 99.16, LatencyMS: control.Percentiles{P50: 812.3, P99: 9000}},
		control.Window24h: {Requests: 100, Successful: 93, Failed: 7, SuccessRate: 93},
		control.Window28d: {Requests: 100, Successful: 80, Failed: 20, SuccessRate: 80},
	}
	v := Of(s, nil, noon)
	tests := []struct {
		rate, requests, failed, p50, p99 string
		judgment                         State
		judged                           int64
	}{
		{"99.1%", "1,201", "10", "812 ms", "9.0 s", On, 1200},
		{"93%", "100", "7", None, None, Degraded, 100},
		{"80%", "100", "20", None, None, Failing, 100},
	}
	for i, want := range tests {
		p := v.Periods[i]
		if p.Rate != want.rate || p.Requests != want.requests || p.Failed != want.failed || p.P50 != want.p50 || p.P99 != want.p99 || p.Judgment != want.judgment {
			t.Errorf("period %d: got %+v; want %+v", i, p, want)
		}
		if p.Note.Count == nil || *p.Note.Count != want.judged {
			t.Errorf("period %d is of %v; want %v", i, p.Note.Count, want.judged)
		}
	}
	if p := Of(running(), nil, noon).Periods[0]; p.Rate != None || p.Judgment != Loading || p.Note.Key != "overview.no_requests" || p.Points != nil {
		t.Errorf("without requests: got %+v", p)
	}
}

func TestPoints(t *testing.T) {
	s := running()
	s.History = map[string]control.Series{control.Window1h: {
		Start: noon.Add(-2 * time.Minute), Step: time.Minute, Successful: []int64{3, 0, 0}, Failed: []int64{1, 0, 2},
	}}
	points := Of(s, nil, noon).Periods[0].Points
	if len(points) != 3 {
		t.Fatalf("got %d points; want 3", len(points))
	}
	if points[0].Rate != 75 || points[0].Requests != 4 || points[0].Label.Args["When"] != "11:58" {
		t.Errorf("three of four: got %+v", points[0])
	}
	if !math.IsNaN(points[1].Rate) || points[1].Label.Key != "point.none" {
		t.Errorf("a gap: got %+v", points[1])
	}
	if points[2].Rate != 0 {
		t.Errorf("none of two: got %+v", points[2])
	}
	// Lists of different lengths are those of a broken daemon, and no reason to end.
	s.History[control.Window1h] = control.Series{Successful: []int64{1}}
	if got := Of(s, nil, noon).Periods[0].Points; got != nil {
		t.Errorf("half a series: got %v; want none", got)
	}
}

func TestPool(t *testing.T) {
	tests := []struct {
		name        string
		pool        control.Pool
		limit       int
		full        int
		note, reuse string
	}{
		{"empty", control.Pool{}, 512, 8, "pool.open_of", "pool.reuse_none"},
		{"some", control.Pool{InUse: 3, Idle: 14, Reused: 9, Dials: 1}, 512, 32, "pool.open_of", "pool.reuse"},
		{"no limit", control.Pool{InUse: 100}, 0, 128, "pool.open", "pool.reuse_none"},
		{"small limit", control.Pool{InUse: 5}, 5, 5, "pool.open_of", "pool.reuse_none"},
		{"at the limit with waiting", control.Pool{InUse: 100, Waiting: 40}, 100, 100, "pool.open_of", "pool.reuse_none"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := running()
			s.Stats.Pool, s.Settings.Pool.MaxConnections = test.pool, test.limit
			p := Of(s, nil, noon).Pool
			if p.Full != test.full || p.Note.Key != test.note || p.Reuse.Key != test.reuse {
				t.Errorf("got %+v; want full %d, %s, %s", p, test.full, test.note, test.reuse)
			}
		})
	}
}

func TestUpstreams(t *testing.T) {
	s := running()
	long, short := noon.Add(-3*time.Hour), noon.Add(-3*time.Minute)
	s.Stats.Upstreams[0] = control.Upstream{
		Name: "official", Healthy: true, Requests: 20, SuccessRate: 95, LatencyMS: control.Percentiles{P50: 700},
		Pool: control.Pool{InUse: 1, Idle: 2}, LastError: "timeout", LastErrorAt: &long,
	}
	s.Stats.Upstreams[1] = control.Upstream{Name: "relay", LastError: "refused", LastErrorAt: &short}
	list := Of(s, nil, noon).Upstreams
	if len(list) != 3 {
		t.Fatalf("got %d upstreams; want 3", len(list))
	}
	u := list[0]
	if u.State != On || u.Health.Key != "upstream.healthy" || u.Rate != "95%" || u.P50 != "700 ms" || u.Connections != "1 / 2" || !u.Preferred || !u.LastError.Empty() {
		t.Errorf("healthy, with an error of long ago: got %+v", u)
	}
	u = list[1]
	if u.State != Failing || u.Health.Key != "upstream.ejected" || u.Rate != None || u.Preferred || u.LastError.Args["Detail"] != "refused" {
		t.Errorf("ejected: got %+v", u)
	}
	if u = list[2]; u.Name != "local" || u.State != Off || u.Health.Key != "upstream.disabled" {
		t.Errorf("disabled: got %+v", u)
	}
	s.Stats.Upstreams[1].Withheld = "credential_missing"
	if u := Of(s, nil, noon).Upstreams[1]; u.State != Failing || u.Health.Key != "upstream.withheld" {
		t.Errorf("withheld: got %+v", u)
	}
	// A daemon that counts disabled ones too says the same.
	s.Stats.Upstreams = append(s.Stats.Upstreams, control.Upstream{Name: "local", Healthy: true})
	if list := Of(s, nil, noon).Upstreams; len(list) != 3 || list[2].State != Off {
		t.Errorf("disabled and counted: got %+v", list)
	}
}

func TestFailures(t *testing.T) {
	tests := []struct {
		failure      control.Failure
		what, advice string
	}{
		{control.Failure{Code: "upstream_dns", Status: 502, Outcome: "upstream_error"}, "failure.dns", "advice.check_name"},
		{control.Failure{Code: "moon_phase"}, "failure.other", ""},
		{control.Failure{Outcome: "stream_error", Status: 200}, "failure.stream", "advice.stream"},
		{control.Failure{Outcome: "upstream_error", Status: 429}, "failure.rate_limit", "advice.rate_limit"},
		{control.Failure{Outcome: "upstream_error", Code: "upstream_status", Status: 429}, "failure.rate_limit", "advice.rate_limit"},
		{control.Failure{Outcome: "upstream_error", Status: 529}, "failure.overloaded", "advice.overloaded"},
		{control.Failure{Outcome: "upstream_error", Status: 500}, "failure.status", ""},
		{control.Failure{Outcome: "upstream_error"}, "failure.other", ""},
	}
	for _, test := range tests {
		s := running()
		s.Failures = []control.Failure{test.failure}
		f := Of(s, nil, noon).Failures[0]
		if f.What.Key != test.what || f.Advice.Key != test.advice {
			t.Errorf("%+v: got %v, %v; want %v, %v", test.failure, f.What.Key, f.Advice.Key, test.what, test.advice)
		}
	}
	s := running()
	s.Failures = make([]control.Failure, 50)
	if got := len(Of(s, nil, noon).Failures); got != shownFailures {
		t.Errorf("got %d lines; want %d", got, shownFailures)
	}
}

func TestPresets(t *testing.T) {
	s := running()
	names := func() (all []string, chosen string) {
		for _, p := range Of(s, nil, noon).Presets {
			all = append(all, p.Name)
			if p.Chosen {
				chosen += p.Name
			}
			if p.Label.Empty() {
				t.Errorf("%s has no name", p.Name)
			}
		}
		return all, chosen
	}
	if all, chosen := names(); slices.Contains(all, "custom") || chosen != "balanced" {
		t.Errorf("got %v with %v chosen; want no custom, balanced chosen", all, chosen)
	}
	s.Settings.Pool.Preset = settings.PresetCustom
	if all, chosen := names(); !slices.Contains(all, "custom") || chosen != "custom" {
		t.Errorf("got %v with %v chosen; want custom chosen", all, chosen)
	}
	next := WithPreset(s.Settings, "gentle")
	if next.Pool.MaxConnectionsPerHost != 5 || s.Settings.Pool.MaxConnectionsPerHost == 5 {
		t.Errorf("got %d per host, and %d before; want 5, unchanged before", next.Pool.MaxConnectionsPerHost, s.Settings.Pool.MaxConnectionsPerHost)
	}
}

func TestPrefer(t *testing.T) {
	upstreams := func(list ...settings.Upstream) *settings.Settings {
		s := settings.Default()
		for _, u := range list {
			u.Weight, u.URL = 1, "https://"+u.Name+".example"
			s.Upstreams = append(s.Upstreams, u)
		}
		return s
	}
	const a, o = settings.KindAnthropic, settings.KindOpenAI
	before := upstreams(
		settings.Upstream{Name: "one", Kind: a, Enabled: true, Priority: 1},
		settings.Upstream{Name: "two", Kind: a, Enabled: true, Priority: 5},
		settings.Upstream{Name: "twin", Kind: a, Enabled: true, Priority: 5},
		settings.Upstream{Name: "off", Kind: a, Priority: 9},
		settings.Upstream{Name: "other", Kind: o, Enabled: true, Priority: 1})
	tests := []struct {
		name string
		want map[string]int
	}{
		{"one", map[string]int{"one": 1, "two": 2, "twin": 2, "off": 3, "other": 1}},
		{"twin", map[string]int{"one": 2, "two": 3, "twin": 1, "off": 4, "other": 1}},
		{"off", map[string]int{"one": 2, "two": 3, "twin": 3, "off": 1, "other": 1}},
		{"nobody", map[string]int{"one": 1, "two": 5, "twin": 5, "off": 9, "other": 1}},
	}
	for _, test := range tests {
		next := Prefer(before, test.name)
		if err := next.Validate(); err != nil {
			t.Errorf("prefer %s: %v", test.name, err)
		}
		for _, u := range next.Upstreams {
			if u.Priority != test.want[u.Name] {
				t.Errorf("prefer %s: %s has priority %d; want %d", test.name, u.Name, u.Priority, test.want[u.Name])
			}
			if u.Name == test.name && !u.Enabled {
				t.Errorf("prefer %s: it is not enabled", test.name)
			}
		}
	}
	if before.Upstreams[0].Priority != 1 || before.Upstreams[1].Priority != 5 {
		t.Error("the settings that were given have changed")
	}
}

// The latest answer of an upstream is told with its age, to the minute.
func TestLatestAnswer(t *testing.T) {
	s := running()
	if got := Of(s, nil, noon).Upstreams[0].Latest; !got.Empty() {
		t.Errorf("before an answer: got %+v; want nothing", got)
	}
	for ago, want := range map[time.Duration]string{time.Second: "ago.now", 59 * time.Second: "ago.now", 61 * time.Second: "ago.minutes"} {
		at := noon.Add(-ago)
		s.Stats.Upstreams[0].LastFirstByteMS, s.Stats.Upstreams[0].LastAnswerAt = 250, &at
		got := Of(s, nil, noon).Upstreams[0].Latest
		if when, _ := got.Args["When"].(Text); got.Args["Latency"] != "250 ms" || when.Key != want {
			t.Errorf("%v ago: got %+v; want 250 ms, %s", ago, got, want)
		}
	}
}

func TestKinds(t *testing.T) {
	s := running()
	s.Stats.Upstreams = append(s.Stats.Upstreams, control.Upstream{Name: "new", Kind: "telepathy"})
	var got []string
	for _, g := range Of(s, nil, noon).Kinds() {
		got = append(got, fmt.Sprint(g.Label.Key, len(g.Upstreams)))
	}
	if want := []string{"kind.anthropic2", "telepathy1", "kind.openai1"}; !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	if got := (View{}).Kinds(); got != nil {
		t.Errorf("without upstreams: got %v; want none", got)
	}
}

func TestOfOtherVersion(t *testing.T) {
	for err, want := range map[error]string{
		&control.Error{Code: control.CodeDaemonOlder, Message: "old"}: "reason.daemon_older advice.update_daemon",
		&control.Error{Code: control.CodeClientOlder, Message: "new"}: "reason.application_older advice.update_application",
	} {
		v := Of(control.Status{}, fmt.Errorf("watch: %w", err), noon)
		if got := v.Reason.Key + " " + v.Advice.Key; got != want || v.State != Absent || v.Startable || v.Detail == "" {
			t.Errorf("got %v, startable %v; want %v", got, v.Startable, want)
		}
	}
}
