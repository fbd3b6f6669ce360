package window

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"fyne.io/fyne/v2"

	"millpond/app/model"
)

// restScenes are those of the pages about this machine: the first run, agents, log and
// general.
func restScenes() []scene {
	var all []scene
	for name, d := range desks() {
		v := configured()
		v.Requests, v.Succeeded, v.Version, v.ConfigPath = 1904, 1893, "0.1.0", "/home/you/.config/millpond/settings.toml"
		if slices.Contains([]string{"fresh", "busy", "failed", "absent", "asking", "broken"}, name) {
			v = nobody()
		}
		if name == "empty" {
			v.Upstreams, v.Requests, v.Succeeded = nil, 0, 0
		}
		if name == "waiting" || name == "by-hand" {
			v.Requests, v.Succeeded = 0, 0
		}
		if name != "missing" {
			all = append(all, scene{name: "welcome-" + name, page: model.PageWelcome, view: v.With(d)})
		}
		if slices.Contains([]string{"fresh", "failed", "running", "missing", "by-hand"}, name) {
			all = append(all, scene{name: "general-" + name, page: model.PageGeneral, view: v.With(d)})
		}
	}
	here := desks()["running"]
	stopped := model.Desk{Service: model.ServiceFacts{Asked: true, Installed: true}}
	none, bad := model.Desk{}, model.Desk{Verdict: model.VerdictView{Bad: "the daemon answered 500"}}
	none.Verdict = verdict()
	all = append(all,
		scene{name: "agents", page: model.PageAgents, view: configured().With(here)},
		scene{name: "agents-connect", page: model.PageAgents, view: configured().With(here), act: func(_ *testing.T, w *Window) {
			w.shown().(*agentsPage).list.rows[1].open(true)
		}},
		scene{name: "agents-looking", page: model.PageAgents, view: running().With(model.Desk{})},
		scene{name: "verdict", page: model.PageVerdict, view: configured().With(here)},
		scene{name: "verdict-tall", page: model.PageVerdict, view: configured().With(here), size: fyne.NewSize(920, 1300)},
		scene{name: "verdict-none", page: model.PageVerdict, view: configured().With(none)},
		scene{name: "verdict-bad", page: model.PageVerdict, view: configured().With(bad)},
		scene{name: "verdict-asking", page: model.PageVerdict, view: configured().With(model.Desk{})},
		scene{name: "verdict-absent", page: model.PageVerdict, view: nobody().With(stopped)},
		scene{name: "verdict-try", page: model.PageVerdict, view: configured().With(here), act: func(_ *testing.T, w *Window) {
			w.shown().(*verdictPage).rows.rows[1].try.OnTapped()
		}},
		scene{name: "log", page: model.PageLog, view: configured().With(here)},
		scene{name: "log-line", page: model.PageLog, view: configured().With(here), act: func(_ *testing.T, w *Window) {
			w.shown().(*logPage).lines.Select(4)
		}},
		scene{name: "log-asking", page: model.PageLog, view: running().With(model.Desk{})},
		scene{name: "overview-machine", page: model.PageOverview, view: everyones().With(desks()["fresh"])},
		scene{name: "upstreams-machine", page: model.PageUpstreams, view: everyones().With(desks()["fresh"])},
		scene{name: "general-machine", page: model.PageGeneral, view: everyones().With(desks()["fresh"])},
		scene{name: "welcome-machine", page: model.PageWelcome, view: everyones().With(desks()["fresh"])},
		scene{name: "log-absent", page: model.PageLog, view: nobody().With(stopped)},
		scene{name: "general-question", page: model.PageGeneral, view: configured().With(here), act: func(_ *testing.T, w *Window) {
			w.shown().(*generalPage).service.buttons[model.ServiceUninstall].OnTapped()
		}})
	return all
}

// everyones is the view of the machine's daemon.
func everyones() model.View {
	return model.View{State: model.On, Headline: model.T("state.on"), Machine: true, Serving: true, Address: "http://127.0.0.1:7860",
		Reason: model.N("reason.machine", 1234, "Rate", "98.5%"), Advice: model.T("advice.machine"),
		Command: "sudo millpondd status --system", Version: "0.1.0", Requests: 1904, Succeeded: 1893}
}

// nobody is the view without a daemon.
func nobody() model.View {
	return model.View{State: model.Absent, Headline: model.T("state.absent"), Reason: model.T("reason.not_running"),
		Advice: model.T("advice.start"), Command: "millpondd serve", Startable: true}
}

// desks are what the application may find on a machine.
func desks() map[string]model.Desk {
	linger := false
	installed := model.ServiceFacts{Asked: true, Manager: "systemd", Program: "/usr/bin/millpondd", Installed: true, Running: true, Linger: &linger}
	base := model.Desk{
		Version: "0.1.0", Settings: "/home/you/.config/millpond/settings.toml", Service: installed, AtLogin: true,
		Clients: clients(), Log: model.LogView{Lines: logLines(), Known: true, Folder: "/home/you/.local/state/millpond", Most: 2000},
	}
	base.Verdict = judged()
	fresh, busy, failed, empty, waiting, absent, missing := base, base, base, base, base, base, base
	asking, byHand, broken := base, base, base
	fresh.Service, fresh.AtLogin = model.ServiceFacts{Asked: true}, false
	busy.Service, busy.Setup = fresh.Service, model.SetupOf(model.ServiceInstall).Next()
	failed.Service = fresh.Service
	failed.Setup = model.SetupOf(model.ServiceInstall).Next().Failed(errors.New("start the service: the address 127.0.0.1:7860 is in use by another program (pid 4711, nginx); stop it, or set listen.address"))
	empty.Service.Running = true
	absent.Service.Running = false
	missing.Service.Missing, missing.Service.Program = true, "/home/you/Downloads/millpond/millpondd"
	asking.Service = model.ServiceFacts{}
	byHand.Service = fresh.Service
	broken.Service.Running, broken.Service.Failing = false, true
	broken.Service.Detail = "the address 127.0.0.1:7860 is in use by another program (pid 4711, nginx); stop it, or set listen.address"
	return map[string]model.Desk{
		"asking": asking, "by-hand": byHand, "broken": broken,
		"fresh": fresh, "busy": busy, "failed": failed, "empty": empty, "waiting": waiting, "running": base,
		"absent": absent, "missing": missing,
	}
}

// clients are the programs that may be on a machine.
func clients() []model.ClientFacts {
	const address = "http://127.0.0.1:7860"
	ours, other, key := address, "https://relay.example.net/anthropic", "ANTHROPIC_BASE_URL"
	return []model.ClientFacts{
		{ID: "claude-code", Title: "Claude Code", Kind: "anthropic", File: "/home/you/.claude/settings.json", Status: "connected", Value: ours,
			Lines:    []model.ClientLine{{Name: key, Value: address}},
			Warnings: []model.ClientWarning{{Code: "remote_control"}},
			Plan:     model.ClientPlan{Changes: []model.ClientChange{{Key: "env." + key, Before: &ours, After: &other}}}},
		{ID: "codex", Title: "Codex", Kind: "openai", File: "/home/you/.codex/config.toml", Status: "not_connected",
			Lines: []model.ClientLine{{Value: "codex -c 'openai_base_url=\"" + address + "/v1\"'"}},
			Plan:  model.ClientPlan{Creates: true, Changes: []model.ClientChange{{Key: "openai_base_url", After: &ours}}}},
		{ID: "gemini", Title: "Gemini CLI", Kind: "gemini", File: "/home/you/.gemini/.env", Status: "unreadable",
			Lines: []model.ClientLine{{Name: "GOOGLE_GEMINI_BASE_URL", Value: address}}, Bad: "read /home/you/.gemini/.env: permission denied"},
		{ID: "openai-sdk", Title: "OpenAI SDK", Kind: "openai", Status: "by_hand", Lines: []model.ClientLine{{Name: "OPENAI_BASE_URL", Value: address + "/v1"}}},
		{ID: "a2a", Title: "A2A coordinator", Kind: "a2a", Status: "by_hand", Lines: []model.ClientLine{{Value: address + "/u/NAME/"}}},
	}
}

// logLines are what a log may hold.
func logLines() []model.LogLine {
	var lines []model.LogLine
	for i := range 40 {
		raw := fmt.Sprintf("time=2026-11-22T11:40:%02d.072Z level=INFO msg=request id=12199f3670%02d method=POST path=/v1/messages upstream=anthropic protocol=HTTP/2.0 status=200 outcome=ok reused=true attempts=1 replay=\"\" first_byte_ms=%d total_ms=%d", i, i, 400+i*7, 900+i*13)
		switch i {
		case 3:
			raw = "time=2026-11-22T11:40:03.5Z level=WARN msg=\"left alone after failures\" upstream=relay for=30s"
		case 4, 31:
			raw = fmt.Sprintf("time=2026-11-22T11:40:%02d.8Z level=INFO msg=request id=62badaf8182f method=POST path=/v1/messages upstream=relay protocol=HTTP/1.1 status=502 outcome=upstream_error code=upstream_connect err=\"dial tcp 203.0.113.9:443: connect: connection refused\" total_ms=12", i)
		case 17:
			raw = "time=2026-11-22T11:40:17Z level=ERROR msg=\"history is not written\" err=\"no space left on device\""
		}
		lines = append(lines, model.ParseLogLine(raw, time.UTC))
	}
	return lines
}

// verdict is one of nothing, with the decision table.
func verdict() model.VerdictView {
	return model.VerdictView{Known: true, Span: model.T("verdict.nothing_yet"), Rules: []model.Rule{
		{State: model.On, Decision: model.T("verdict.keep"), When: model.T("verdict.rule.keep", "Target", "95%", "Errors", "1%")},
		{State: model.Degraded, Decision: model.T("verdict.watch"), When: model.T("verdict.rule.watch")},
		{State: model.Failing, Decision: model.T("verdict.switch"), When: model.T("verdict.rule.switch", "Below", "90%", "Above", "5%")},
		{State: model.Off, Decision: model.T("verdict.unknown"), When: model.T("verdict.rule.unknown")},
	}}
}

// judged is a verdict with three ways and two trials.
func judged() model.VerdictView {
	h1, h2, own := model.T("way.http1"), model.T("way.http2"), model.T("way.upstream")
	v := verdict()
	v.Span = model.T("verdict.covers", "Covered", model.N("span.days", 19), "Window", model.N("span.days", 28))
	v.Rows = []model.VerdictRow{
		{Upstream: "anthropic", Transport: h2, Scope: own, State: model.On, Decision: model.T("verdict.keep"),
			Reason: model.T("verdict.meets_targets", "Target", "95%", "Errors", "1%"), Requests: "18,204", Success: "99.6%", Errors: "0.4%", P50: "912 ms", P99: "12.4 s"},
		{Upstream: "relay", Transport: h2, Scope: own, State: model.Failing, Decision: model.T("verdict.switch"), Try: model.T("verdict.try", "To", h1),
			Reason: model.T("verdict.below_switch", "Reached", "86.3%", "Limit", "90%"), Requests: "2,311", Success: "86.3%", Errors: "13.7%", P50: "1.3 s", P99: "21.0 s"},
		{Upstream: "local", Transport: h1, Scope: model.T("way.shared"), State: model.Off, Decision: model.T("verdict.unknown"),
			Reason: model.T("verdict.too_few", "Have", "41", "Need", "200"), Requests: "41", Success: "100%", Errors: "0%", P50: model.None, P99: model.None},
	}
	if err := json.Unmarshal([]byte(`{"setting": "protocol", "from": "http2", "to": "http1"}`), &v.Rows[1].Proposal); err != nil {
		panic(err)
	}
	v.Trials = []model.Trial{
		{ID: "t2", Upstream: "anthropic", Running: true, What: model.T("trial.share", "Share", "10%", "Other", h1, "Base", h2),
			Result: model.T("trial.too_few", "Have", "71", "Need", "200"),
			Arms: [2]model.TrialArm{
				{Name: h2, Requests: "640", Success: "99.5%", P50: "912 ms", P99: "12.4 s", Dials: "2"},
				{Name: h1, Requests: "71", Success: "100%", P50: "905 ms", P99: "11.9 s", Dials: "9"},
			}},
		{ID: "t1", Upstream: "relay", What: model.T("trial.share", "Share", "25%", "Other", h1, "Base", h2), CanApply: true, CanUndo: false, Ended: model.T("trial.ended"),
			Result: model.T("trial.more_success", "Winner", h1, "Better", "98.7%", "Worse", "86.1%"),
			Arms: [2]model.TrialArm{
				{Name: h2, Requests: "902", Success: "86.1%", P50: "1.3 s", P99: "21.0 s", Dials: "4"},
				{Name: h1, Requests: "301", Success: "98.7%", P50: "912 ms", P99: "12.4 s", Dials: "12", Better: true},
			}},
	}
	return v
}
