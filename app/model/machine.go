package model

import (
	"runtime"

	"millpond/proxy/control"
)

// machineView returns the view of the machine's daemon, which tells only how it is: there is
// nothing to change, and nothing to start beside it.
func machineView(s control.Status) View {
	day, all := s.Stats.Windows[control.Window24h], s.Stats.Windows[control.Window28d]
	v := View{
		State: State(s.State), Machine: true, Serving: !s.Paused && s.State != control.Off,
		Address: urlOf(s.Address), Version: s.Version,
		Requests: all.Requests, Succeeded: all.Successful,
		Reason:  T("reason.machine_idle"),
		Advice:  T("advice.machine"),
		Command: commandMachine,
	}
	v.Headline = headlineOf(v.State)
	if s.Reason == "no_upstream" {
		v.Headline = T("state.no_upstream")
	}
	if day.Requests > 0 {
		v.Reason = N("reason.machine", day.Requests, "Rate", Percent(day.SuccessRate))
	}
	if runtime.GOOS != "windows" {
		v.Command = "sudo " + v.Command
	}
	return v
}

// commandMachine shows an administrator the machine's daemon.
const commandMachine = "millpondd status --system"
