package model

import (
	"testing"

	"millpond/proxy/control"
)

// The machine's daemon is shown as it is, with nothing to change and nothing to start beside it.
func TestMachine(t *testing.T) {
	s := running()
	s.Stats.Windows = map[string]control.Window{control.Window24h: {Requests: 1234, SuccessRate: 98.56}}
	tests := []struct {
		name             string
		change           func(*control.Status)
		state            State
		headline, reason string
		serving          bool
	}{
		{"on", func(*control.Status) {}, On, "state.on", "reason.machine", true},
		{"idle", func(s *control.Status) { s.Stats.Windows = nil }, On, "state.on", "reason.machine_idle", true},
		{"off", func(s *control.Status) { s.State, s.Paused = control.Off, true }, Off, "state.off", "reason.machine", false},
		{"nowhere to go", func(s *control.Status) { s.State, s.Reason = control.Degraded, "no_upstream" }, Degraded, "state.no_upstream", "reason.machine", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := s
			test.change(&s)
			v := Of(s.Public(), nil, noon).With(Desk{Service: ServiceFacts{Asked: true}})
			if v.State != test.state || v.Headline.Key != test.headline || v.Reason.Key != test.reason || v.Serving != test.serving {
				t.Errorf("got %v, %v, %v, serving %v", v.State, v.Headline.Key, v.Reason.Key, v.Serving)
			}
			if v.Address != "http://127.0.0.1:7860" || v.Command == "" || v.Advice.Key != "advice.machine" {
				t.Errorf("got %q, %q, %v; want where it is and what to do", v.Address, v.Command, v.Advice.Key)
			}
			if g := v.General.Service; v.Startable || v.Connected || v.Welcome.Needed || g.Install || g.Start || g.Stop || g.Uninstall {
				t.Errorf("got %+v; want nothing to start or stop", v)
			}
		})
	}
}

// A service of one's own beside the machine's can be removed, and not be started.
func TestMachineBesideOwnService(t *testing.T) {
	got := serviceOf(ServiceFacts{Asked: true, Installed: true, Failing: true}, View{State: On, Machine: true})
	if got.Install || got.Start || got.Restart || !got.Uninstall {
		t.Errorf("got %+v; want it to be removed alone", got)
	}
}
