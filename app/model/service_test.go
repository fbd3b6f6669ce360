package model

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"millpond/proxy/control"
)

func TestServiceOf(t *testing.T) {
	const daemon = 100
	yes, no := true, false
	installed := ServiceFacts{Asked: true, Installed: true, Program: "/usr/bin/millpondd"}
	with := func(change func(*ServiceFacts)) ServiceFacts { f := installed; change(&f); return f }
	tests := []struct {
		name      string
		facts     ServiceFacts
		connected bool
		state     State
		headline  string
		note      string
		can       string // install, take over, start, stop, restart, uninstall
		way       Way    // while no daemon answers
	}{
		{"not asked yet", ServiceFacts{}, false, Loading, "service.asking", "", "", ""},
		{"no manager", ServiceFacts{Asked: true, None: "no systemd"}, false, Off, "service.none", "service.none.note", "", StartLogin},
		{"manager does not answer", ServiceFacts{Asked: true, Bad: "no bus"}, false, Degraded, "service.unknown", "", "install", StartChosen},
		{"manager does not answer, the proxy does", ServiceFacts{Asked: true, Bad: "no bus"}, true, Degraded, "service.unknown", "", "", StartChosen},
		{"nothing there", ServiceFacts{Asked: true}, false, Off, "service.not_installed", "service.not_installed.note", "install", StartChosen},
		{"started by hand", ServiceFacts{Asked: true}, true, Degraded, "service.by_hand", "service.by_hand.note", "take_over stop", StartChosen},
		{"stopped", installed, false, Off, "service.stopped", "", "start uninstall", StartService},
		{"running", with(func(f *ServiceFacts) { f.Running = true }), true, On, "service.running", "", "stop restart uninstall", StartChosen},
		{"its daemon answers before it is called running", with(func(f *ServiceFacts) { f.PID = daemon }), true, On, "service.running", "", "stop restart uninstall", StartService},
		{"running, lingers", with(func(f *ServiceFacts) { f.Running, f.Linger = true, &yes }), true, On, "service.running", "service.linger", "stop restart uninstall", StartChosen},
		{"running, until logout", with(func(f *ServiceFacts) { f.Running, f.Linger = true, &no }), true, On, "service.running", "service.no_linger", "stop restart uninstall", StartChosen},
		{"starting", with(func(f *ServiceFacts) { f.Running = true }), false, Degraded, "service.starting", "", "stop restart uninstall", StartChosen},
		{"failing", with(func(f *ServiceFacts) { f.Failing = true }), false, Failing, "service.failing", "service.failing.note", "stop restart uninstall", StartChosen},
		{"program gone", with(func(f *ServiceFacts) { f.Missing = true }), false, Failing, "service.missing", "service.missing.note", "install uninstall", StartChosen},
		{"program gone while it runs", with(func(f *ServiceFacts) { f.Missing, f.Running = true, true }), true, Failing, "service.missing", "service.missing.note", "install uninstall", StartChosen},
		{"another in its place", installed, true, Degraded, "service.beside", "service.beside.note", "take_over stop uninstall", StartService},
		{"another in its place, so it fails", with(func(f *ServiceFacts) { f.Failing = true }), true, Degraded, "service.beside", "service.beside.note", "take_over stop uninstall", StartChosen},
		{"another beside it", with(func(f *ServiceFacts) { f.Running, f.PID = true, daemon+1 }), true, Degraded, "service.beside", "service.beside.note", "take_over stop uninstall", StartChosen},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			v := View{Connected: test.connected}
			if test.connected {
				v.PID = daemon
			}
			s := serviceOf(test.facts, v)
			if got, want := fmt.Sprint(s.State, s.Headline.Key, s.Note.Key), fmt.Sprint(test.state, test.headline, test.note); got != want {
				t.Errorf("got %v; want %v", got, want)
			}
			if got := canOf(s); got != test.can {
				t.Errorf("can: got %q; want %q", got, test.can)
			}
			if got := test.facts.Way(); got != test.way {
				t.Errorf("way: got %q; want %q", got, test.way)
			}
		})
	}
}

// canOf names what can be asked of a service.
func canOf(s Service) string {
	can := ""
	for _, c := range []struct {
		can  bool
		name string
	}{{s.Install, "install"}, {s.TakeOver, "take_over"}, {s.Start, "start"}, {s.Stop, "stop"}, {s.Restart, "restart"}, {s.Uninstall, "uninstall"}} {
		if c.can && can != "" {
			can += " "
		}
		if c.can {
			can += c.name
		}
	}
	return can
}

func TestSetup(t *testing.T) {
	s := SetupOf(ServiceInstall)
	states := func() []State {
		var list []State
		for _, v := range s.Views() {
			list = append(list, v.State)
		}
		return list
	}
	steps := []struct {
		name string
		next func()
		busy bool
		want []State
	}{
		{"begun", func() {}, true, []State{Loading, Off, Off}},
		{"one done", func() { s = s.Next() }, true, []State{On, Loading, Off}},
		{"failed", func() { s = s.Failed(errors.New("taken")) }, false, []State{On, Failing, Off}},
		{"anew, all done", func() { s = SetupOf(ServiceInstall).Next().Next().Next().Next() }, false, []State{On, On, On}},
	}
	for _, step := range steps {
		step.next()
		if got := states(); !slices.Equal(got, step.want) || s.Busy() != step.busy {
			t.Errorf("%s: got %v, busy %v; want %v, busy %v", step.name, got, s.Busy(), step.want, step.busy)
		}
	}
	if (Setup{}).Busy() || (Setup{}).Views() != nil {
		t.Error("a setup that was not begun is busy")
	}
	for _, a := range []ServiceAction{ServiceInstall, ServiceTakeOver, ServiceStart, ServiceStop, ServiceRestart, ServiceUninstall} {
		if len(SetupOf(a).Steps) == 0 {
			t.Errorf("%s has no steps", a)
		}
	}
}

// What has come about all the same has not failed.
func TestSetupThatIsOver(t *testing.T) {
	absent, by := View{State: Absent, Startable: true}, View{Connected: true, PID: 1}
	to := by
	to.Upstreams = []Upstream{{Name: "a"}}
	none, stopped := ServiceFacts{Asked: true}, ServiceFacts{Asked: true, Installed: true}
	runs, gone := stopped, stopped
	runs.Running, runs.PID, gone.Running, gone.Missing = true, 1, true, true
	tests := []struct {
		name   string
		action ServiceAction
		done   int
		view   View
		facts  ServiceFacts
		want   bool
	}{
		{"installed, and it does not run", ServiceInstall, 1, absent, stopped, false},
		{"installed, and it runs", ServiceInstall, 1, by, runs, true},
		{"installed anew over one whose program is gone", ServiceInstall, 0, by, gone, false},
		{"started", ServiceStart, 0, by, runs, true},
		{"not put in the place of another", ServiceTakeOver, 0, by, none, false},
		{"put in the place of another", ServiceTakeOver, 2, by, runs, true},
		{"restart was refused", ServiceRestart, 0, by, runs, false},
		{"restarted, and slow", ServiceRestart, 1, by, runs, true},
		{"not stopped", ServiceStop, 0, by, runs, false},
		{"stopped", ServiceStop, 0, absent, stopped, true},
		{"not removed", ServiceUninstall, 0, absent, stopped, false},
		{"removed", ServiceUninstall, 0, absent, none, true},
		{"run for this login", setupRun, 0, by, none, true},
		{"no demo", setupDemo, 0, by, none, false},
		{"somewhere to go", setupDemo, 0, to, none, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := SetupOf(test.action)
			for range test.done {
				s = s.Next()
			}
			v := test.view.With(Desk{Service: test.facts, Setup: s.Failed(errors.New("no"))})
			if got := v.General.Failure == "" && v.Welcome.Failure == "" && v.Welcome.Steps == nil; got != test.want {
				t.Errorf("over: got %v; want %v", got, test.want)
			}
		})
	}
}

// Nothing is offered, and nothing claimed, before it is known how it stands with the service.
func TestWithUnasked(t *testing.T) {
	v := Of(control.Status{}, control.ErrNotRunning, noon)
	if v.State != Absent || !v.Startable {
		t.Errorf("the tray: got %+v; want it to offer to start", v)
	}
	v = v.With(Desk{})
	if v.State != Loading || v.Headline.Key != "state.loading" || v.Startable || v.Start != "" || v.Command != "" || !v.Reason.Empty() || !v.Advice.Empty() {
		t.Errorf("not asked: got %+v; want it to be waited for", v)
	}
	if w := v.Welcome; w.Needed || w.Install || w.Begin || w.Restart || w.Run || w.TakeOver || w.Demo {
		t.Errorf("not asked: got %+v; want nothing offered", w)
	}
	v = Of(control.Status{}, control.ErrNotRunning, noon).With(Desk{Service: ServiceFacts{Asked: true}})
	if v.State != Absent || v.Start != StartChosen || !v.Welcome.Needed || v.Command != "millpondd service install" {
		t.Errorf("asked: got %+v; want the first run", v)
	}
	if v := Of(running(), nil, noon).With(Desk{}); v.State != On || v.Start != "" || v.Welcome.Needed {
		t.Errorf("a daemon that answers: got %+v; want it shown", v)
	}
}

func TestGeneral(t *testing.T) {
	d := Desk{Version: "2.0", Settings: "/home/a/settings.toml", AtLogin: true, Preferences: Preferences{Theme: "dark"}}
	g := (View{}).With(d).General
	if g.Settings != "/home/a/settings.toml" || g.Versions.Key != "general.version_application" || !g.Mismatch.Empty() || g.Known {
		t.Errorf("without a daemon: got %+v", g)
	}
	v := View{Connected: true, Version: "1.0", ConfigPath: "/etc/m.toml"}
	g = v.With(d).General
	if g.Settings != "/etc/m.toml" || g.Versions.Args["Daemon"] != "1.0" || g.Mismatch.Key != "general.mismatch" || !g.AtLogin || g.Preferences.Theme != "dark" {
		t.Errorf("with an older daemon: got %+v", g)
	}
	v.Version = "2.0"
	if g = v.With(d).General; !g.Mismatch.Empty() {
		t.Errorf("with the same version: got %v; want nothing", g.Mismatch)
	}
	if got := len(ProxyKeys()); got != 2 {
		t.Errorf("got %d settings to fill in; want 2", got)
	}
}

func TestPreferencesAreChecked(t *testing.T) {
	for _, p := range []Preferences{{}, {Language: "en", Theme: "light"}, {Language: "zh_Hans", Theme: "dark"}} {
		if err := p.Validate(); err != nil {
			t.Errorf("%+v: got %v; want no error", p, err)
		}
	}
	for _, p := range []Preferences{{Language: "de"}, {Theme: "purple"}} {
		if p.Validate() == nil {
			t.Errorf("%+v: got no error", p)
		}
	}
}
