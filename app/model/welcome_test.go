package model

import (
	"errors"
	"fmt"
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
	with := func(d Desk, s Setup) Desk { d.Setup = s; return d }
	tests := []struct {
		name   string
		view   View
		desk   Desk
		needed bool
		cards  string // the states of service, upstream, agents, request
		can    string // install, start, run, demo
	}{
		{"not asked yet", absent, Desk{}, false, "loading off off off", "false false false true"},
		{"started, before it answers", absent, running, false, "loading off off off", "false false false true"},
		{"fresh", absent, none, true, "loading off off off", "true false true true"},
		{"no manager", absent, Desk{Service: ServiceFacts{Asked: true, None: "x"}}, true, "loading off off off", "false false true true"},
		{"installed, stopped", absent, stopped, false, "loading off off off", "false true true true"},
		{"busy", absent, with(none, SetupOf(ServiceInstall)), true, "loading off off off", "false false false false"},
		{"failed", absent, with(none, SetupOf(ServiceInstall).Failed(errors.New("x"))), true, "failing off off off", "true false true true"},
		{"no upstream", empty, running, true, "on loading off off", "false false false true"},
		{"ready", ready, running, false, "on on loading loading", "false false false false"},
		{"first failed", asked(ready, 1, 0), running, false, "on on loading failing", "false false false false"},
		{"it works", asked(ready, 2, 1), running, false, "on on on on", "false false false false"},
		{"the machine's", asked(View{State: On, Machine: true}, 0, 0), none, false, "on on loading loading", "false false false false"},
		{"the machine's works", asked(View{State: On, Machine: true}, 2, 1), stopped, false, "on on on on", "false false false false"},
		{"it worked, and stopped", asked(absent, 2, 1), stopped, false, "loading off off off", "false true true true"},
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
			if got := fmt.Sprint(w.Install, w.Start, w.Run, w.Demo); got != test.can {
				t.Errorf("can: got %v; want %v", got, test.can)
			}
			if w.Works != (test.cards == "on on on on") {
				t.Errorf("works: got %v", w.Works)
			}
		})
	}
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
