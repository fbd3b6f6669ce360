package model

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

func TestServiceOf(t *testing.T) {
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
		can       string // install, start, stop, restart, uninstall
	}{
		{"not asked yet", ServiceFacts{}, false, Loading, "service.asking", "", ""},
		{"no manager", ServiceFacts{Asked: true, None: "no systemd"}, false, Off, "service.none", "service.none.note", ""},
		{"manager does not answer", ServiceFacts{Asked: true, Bad: "no bus"}, false, Degraded, "service.unknown", "", "install"},
		{"nothing there", ServiceFacts{Asked: true}, false, Off, "service.not_installed", "service.not_installed.note", "install"},
		{"started by hand", ServiceFacts{Asked: true}, true, Degraded, "service.by_hand", "service.by_hand.note", "stop"},
		{"stopped", installed, false, Off, "service.stopped", "", "start uninstall"},
		{"running", with(func(f *ServiceFacts) { f.Running = true }), true, On, "service.running", "", "stop restart uninstall"},
		{"running, lingers", with(func(f *ServiceFacts) { f.Running, f.Linger = true, &yes }), true, On, "service.running", "service.linger", "stop restart uninstall"},
		{"running, until logout", with(func(f *ServiceFacts) { f.Running, f.Linger = true, &no }), true, On, "service.running", "service.no_linger", "stop restart uninstall"},
		{"starting", with(func(f *ServiceFacts) { f.Running = true }), false, Degraded, "service.starting", "", "stop restart uninstall"},
		{"failing", with(func(f *ServiceFacts) { f.Failing = true }), false, Failing, "service.failing", "service.failing.note", "stop restart uninstall"},
		{"program gone", with(func(f *ServiceFacts) { f.Missing, f.Running = true, true }), true, Failing, "service.missing", "service.missing.note", "install uninstall"},
		{"another in its place", installed, true, Degraded, "service.beside", "service.beside.note", "stop uninstall"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := serviceOf(test.facts, View{Connected: test.connected})
			if got, want := fmt.Sprint(s.State, s.Headline.Key, s.Note.Key), fmt.Sprint(test.state, test.headline, test.note); got != want {
				t.Errorf("got %v; want %v", got, want)
			}
			if got := canOf(s); got != test.can {
				t.Errorf("can: got %q; want %q", got, test.can)
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
	}{{s.Install, "install"}, {s.Start, "start"}, {s.Stop, "stop"}, {s.Restart, "restart"}, {s.Uninstall, "uninstall"}} {
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
	for _, a := range []ServiceAction{ServiceInstall, ServiceStart, ServiceStop, ServiceRestart, ServiceUninstall} {
		if len(SetupOf(a).Steps) == 0 {
			t.Errorf("%s has no steps", a)
		}
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
