package model

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestWelcome(t *testing.T) {
	absent := View{State: Absent, Startable: true}
	empty := View{Connected: true}
	ready := View{Connected: true, Upstreams: []Upstream{{Name: "a", URL: "https://a.example"}}}
	asked := func(v View, requests, succeeded int64) View { v.Requests, v.Succeeded = requests, succeeded; return v }
	none := Desk{Service: ServiceFacts{Asked: true}}
	running := Desk{Service: ServiceFacts{Asked: true, Installed: true, Running: true}}
	stopped := Desk{Service: ServiceFacts{Asked: true, Installed: true}}
	failing := Desk{Service: ServiceFacts{Asked: true, Installed: true, Failing: true, Detail: "taken"}}
	gone := Desk{Service: ServiceFacts{Asked: true, Installed: true, Missing: true}}
	unknown := Desk{Service: ServiceFacts{Asked: true, Bad: "no bus"}}
	nowhere := Desk{Service: ServiceFacts{Asked: true, None: "x"}}
	older := View{State: Absent, Reason: T("reason.daemon_older"), Advice: T("advice.update_daemon"), Detail: "API 1"}
	with := func(d Desk, s Setup) Desk { d.Setup = s; return d }
	failed := func(d Desk, a ServiceAction) Desk { return with(d, SetupOf(a).Failed(errors.New("x"))) }
	tests := []struct {
		name   string
		view   View
		desk   Desk
		needed bool
		cards  string // the states of service, upstream, agents, request
		note   string // of the service
		can    string // what is offered
		hint   string
		detail string
	}{
		{"not known yet", Start(), none, false, "loading off off off", "service.asking", "", "", ""},
		{"not asked yet", absent, Desk{}, false, "loading off off off", "service.asking", "", "", ""},
		{"fresh", absent, none, true, "loading off off off", "welcome.service.note", "install run demo", "", ""},
		{"no manager", absent, nowhere, true, "loading off off off", "welcome.service.none", "run demo", "", ""},
		{"manager does not answer", absent, unknown, true, "degraded off off off", "service.unknown", "install run demo", "", "no bus"},
		{"installed, stopped", absent, stopped, false, "loading off off off", "welcome.service.note", "start demo", "", ""},
		{"installed, starting", absent, running, false, "loading off off off", "service.starting", "restart demo", "", ""},
		{"installed, failing", absent, failing, false, "failing off off off", "service.failing", "restart run demo", "service.failing.note", "taken"},
		{"installed, program gone", absent, gone, false, "failing off off off", "service.missing", "install run demo", "service.missing.note", ""},
		{"not understood", older, running, false, "failing off off off", "reason.daemon_older", "", "advice.update_daemon", "API 1"},
		{"busy", absent, with(none, SetupOf(ServiceInstall)), true, "loading off off off", "welcome.service.busy", "", "", ""},
		{"not installed", absent, failed(none, ServiceInstall), true, "failing off off off", "welcome.service.failed", "install run demo", "welcome.service.way", ""},
		{"installed, not started", absent, failed(failing, ServiceInstall), false, "failing off off off", "welcome.service.failed", "restart run demo", "welcome.service.way", ""},
		{"not started", absent, failed(stopped, ServiceStart), false, "failing off off off", "welcome.service.failed", "start run demo", "welcome.service.way", ""},
		{"not run by hand", absent, failed(none, setupRun), true, "failing off off off", "welcome.service.failed", "install run demo", "", ""},
		{"it failed, and runs all the same", empty, failed(running, ServiceInstall), true, "on loading off off", "welcome.service.running", "demo", "", ""},
		{"no upstream", empty, running, true, "on loading off off", "welcome.service.running", "demo", "", ""},
		{"by hand, no upstream", empty, none, true, "on loading off off", "welcome.service.by_hand", "take_over demo", "", ""},
		{"ready", ready, running, false, "on on loading loading", "welcome.service.running", "", "", ""},
		{"ready, by hand", ready, none, false, "on on loading loading", "welcome.service.by_hand", "take_over", "", ""},
		{"ready, beside the service", ready, failing, false, "on on loading loading", "welcome.service.by_hand", "take_over", "", ""},
		{"ready, without a manager", ready, nowhere, false, "on on loading loading", "welcome.service.by_hand", "", "", ""},
		{"ready, service not asked", ready, Desk{}, false, "on on loading loading", "welcome.service.runs", "", "", ""},
		{"ready, service not known", ready, unknown, false, "on on loading loading", "welcome.service.runs", "", "", ""},
		{"becomes the service", ready, with(none, SetupOf(ServiceTakeOver)), false, "loading on loading loading", "welcome.service.busy", "", "", ""},
		{"does not become the service", ready, failed(none, ServiceTakeOver), false, "on on loading loading", "welcome.service.by_hand", "take_over", "", ""},
		{"first failed", asked(ready, 1, 0), running, false, "on on loading failing", "welcome.service.running", "", "", ""},
		{"it works", asked(ready, 2, 1), running, false, "on on on on", "welcome.service.running", "", "", ""},
		{"it worked, and stopped", asked(absent, 2, 1), stopped, false, "loading off off off", "welcome.service.note", "start demo", "", ""},
		{"the machine's", asked(View{State: On, Machine: true, Advice: T("advice.machine")}, 0, 0), none, false, "on on loading loading", "welcome.service.machine", "", "", ""},
		{"the machine's works", asked(View{State: On, Machine: true}, 2, 1), stopped, false, "on on on on", "welcome.service.machine", "", "", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := test.view.With(test.desk).Welcome
			if w.Needed != test.needed {
				t.Errorf("needed: got %v; want %v", w.Needed, test.needed)
			}
			if got := fmt.Sprint(w.Service.State, " ", w.Upstream.State, " ", w.Agents.State, " ", w.Request.State); got != test.cards {
				t.Errorf("got %v; want %v", got, test.cards)
			}
			if got := offeredBy(w); got != test.can {
				t.Errorf("can: got %q; want %q", got, test.can)
			}
			if got, want := fmt.Sprint(w.Service.Note.Key, "; ", w.Hint.Key, "; ", w.Detail), fmt.Sprint(test.note, "; ", test.hint, "; ", test.detail); got != want {
				t.Errorf("says %v; want %v", got, want)
			}
			if w.Works != (test.cards == "on on on on") {
				t.Errorf("works: got %v", w.Works)
			}
		})
	}
}

// offeredBy names what the page offers.
func offeredBy(w Welcome) string {
	var all []string
	for _, o := range []struct {
		is   bool
		name string
	}{{w.Install, "install"}, {w.TakeOver, "take_over"}, {w.Begin, "start"}, {w.Restart, "restart"}, {w.Run, "run"}, {w.Demo, "demo"}} {
		if o.is {
			all = append(all, o.name)
		}
	}
	return strings.Join(all, " ")
}

// What failed first is told with what to do.
func TestWelcomeTellsWhyItFailed(t *testing.T) {
	v := View{Connected: true, Upstreams: []Upstream{{Name: "a"}}, Requests: 1, Failures: []Failure{{What: T("failure.dns"), Advice: T("advice.check_name")}}}
	note := v.With(Desk{}).Welcome.Request.Note
	if note.Key != "welcome.request.failed_why" || note.Args["Why"].(Text).Key != "failure.dns" {
		t.Errorf("got %+v; want the reason", note)
	}
}

func TestAgents(t *testing.T) {
	ours, other := "http://127.0.0.1:7860", "https://relay.example"
	v := View{Connected: true, Upstreams: []Upstream{{Name: "w1", Kind: "a2a"}, {Name: "x", Kind: "http"}, {Name: "w2", Kind: "a2a"}}}
	line := []ClientLine{{Name: "URL", Value: ours}}
	tests := []struct {
		facts   ClientFacts
		state   State
		status  string
		buttons string // connect, disconnect
		changes int
		copies  string
	}{
		{ClientFacts{ID: "claude-code", Status: "connected", Lines: line, Plan: ClientPlan{Changes: []ClientChange{{Key: "k", Before: &ours, After: &other}}}}, On, "agent.connected", "false true", 1, "[URL=" + ours + "]"},
		{ClientFacts{ID: "codex", Status: "not_connected", Lines: line, Plan: ClientPlan{Creates: true, Changes: []ClientChange{{Key: "k", After: &ours}}}}, Off, "agent.not_connected", "true false", 1, "[URL=" + ours + "]"},
		{ClientFacts{ID: "codex", Status: "elsewhere", Value: other}, Degraded, "agent.elsewhere", "true false", 0, "[]"},
		{ClientFacts{ID: "codex", Status: "not_installed"}, Off, "agent.not_installed", "true false", 0, "[]"},
		{ClientFacts{ID: "gemini", Status: "unreadable", Bad: "denied"}, Failing, "agent.unreadable", "false false", 0, "[]"},
		{ClientFacts{ID: "a2a", Kind: "a2a", Status: "by_hand", Lines: []ClientLine{{Value: ours + "/u/NAME/"}}}, Off, "agent.by_hand", "false false", 0, "[" + ours + "/u/w1/ " + ours + "/u/w2/]"},
		{ClientFacts{ID: "new", Status: "telepathic", Lines: line}, Off, "agent.by_hand", "true false", 0, "[URL=" + ours + "]"},
	}
	for _, test := range tests {
		a := v.With(Desk{Clients: []ClientFacts{test.facts}}).Agents[0]
		got := fmt.Sprintf("%v %v %v %v %v %v", a.State, a.Status.Key, a.Connect, a.Disconnect, len(a.Changes), a.Copies)
		want := fmt.Sprintf("%v %v %v %v %v", test.state, test.status, test.buttons, test.changes, test.copies)
		if got != want {
			t.Errorf("%s %s: got %v; want %v", test.facts.ID, test.facts.Status, got, want)
		}
	}
}

// What the person changed meanwhile stays, and the page says so.
func TestAgentChanges(t *testing.T) {
	a, b := "one", "two"
	changes, file := changesOf(ClientPlan{Removes: true, Changes: []ClientChange{{"k", &a, nil}}, Kept: []ClientChange{{"l", &b, &a}}})
	if len(changes) != 2 || changes[0].Key != "agent.change" || changes[1].Key != "agent.kept" || file.Key != "agent.removes" {
		t.Errorf("got %+v, %+v", changes, file)
	}
	if to, _ := changes[0].Args["To"].(Text); changes[0].Args["From"] != "one" || to.Key != "agent.unset" {
		t.Errorf("got %+v; want from one to not set", changes[0].Args)
	}
}
