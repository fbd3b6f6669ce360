package model

import (
	"errors"
	"net"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
)

// State is the condition of the whole as the icon shows it.
type State string

// The states. The first four are the daemon's own.
const (
	On       State = "on"
	Degraded State = "degraded"
	Failing  State = "failing"
	Off      State = "off"
	Absent   State = "absent"  // no daemon answers
	Loading  State = "loading" // it is not known yet
)

// A View is everything that the tray and the window show. It is a plain value
// that nobody changes after Of has made it.
type View struct {
	State    State
	Headline Text   // the state in a word or two
	Reason   Text   // why; empty when the state says it all
	Advice   Text   // what to do; may be empty
	Command  string // what Advice speaks of, to copy; may be empty
	Detail   string // the cause in English for who looks closer; may be empty
	Notice   Text   // what a person asked for and did not get; may be empty

	Startable bool   // there is no daemon, and one could be started
	Start     Way    // in which way; With adds it
	Connected bool   // the daemon answers, so the rest of the view is real
	Machine   bool   // in its place the machine's daemon does, which an administrator has set up
	PID       int    // of the daemon; 0 when none answers
	Serving   bool   // requests pass, or try to: the switch is on
	Address   string // what an agent is pointed at, as a URL; "" when not known
	Version   string // of the daemon

	ConfigPath string // of the settings file; "" when not known

	Periods   [len(windows)]Period // one hour, one day, four weeks
	Pool      Pool
	Upstreams []Upstream
	Failures  []Failure // newest first
	Requests  int64     // of the last four weeks
	Succeeded int64     // of them
	Presets   []Preset

	// Settings are those in force, of that revision; nil when they are not known.
	// Nobody modifies them.
	Settings *settings.Settings
	Revision uint64
	Saved    Saved // what became of the last edit
	Probe    Probe // the test of an upstream

	// What With adds.
	Log     LogView
	Verdict VerdictView
	Advised AdviceView
	General General
	Agents  []Agent
	Welcome Welcome
}

// Start returns the view before the daemon has been asked.
func Start() View {
	return View{State: Loading, Headline: T("state.loading")}
}

// Of returns the view of a status, or of the error that came in its place, at
// the time now.
func Of(s control.Status, err error, now time.Time) View {
	if err != nil {
		return absent(err)
	}
	if s.Machine {
		return machineView(s)
	}
	v := View{
		State:     State(s.State),
		Connected: true,
		PID:       s.PID,
		Serving:   !s.Paused && s.State != control.Off,
		Address:   urlOf(s.Address),
		Version:   s.Version,

		ConfigPath: s.ConfigPath,
		Requests:   s.Stats.Windows[control.Window28d].Requests,
		Succeeded:  s.Stats.Windows[control.Window28d].Successful,
		Pool:       poolOf(s),
		Upstreams:  upstreamsOf(s, now),
		Failures:   failuresOf(s.Failures, now),
		Presets:    presetsOf(s.Settings),
		Settings:   s.Settings,
		Revision:   s.Revision,
	}
	for i, w := range windows {
		v.Periods[i] = periodOf(w, s, now)
	}
	v.Reason, v.Advice = reasonOf(s)
	if s.Reason == "no_upstream" {
		v.Command = s.ConfigPath
	}
	v.Headline = headlineOf(v.State)
	if s.Reason == "no_upstream" { // nothing is wrong: it is still to be set up
		v.Headline = T("state.no_upstream")
	}
	return v
}

// commandServe starts the daemon in a terminal.
const commandServe = "millpondd serve"

// absent returns the view while no daemon can be asked.
func absent(err error) View {
	v := View{State: Absent, Headline: T("state.absent"), Command: commandServe}
	switch {
	case errors.Is(err, control.ErrNotRunning):
		v.Reason, v.Advice, v.Startable = T("reason.not_running"), T("advice.start"), true
	case errors.Is(err, control.ErrClientOlder):
		v.Reason, v.Advice, v.Detail = T("reason.application_older"), T("advice.update_application"), err.Error()
	case errors.Is(err, control.ErrDaemonOlder):
		v.Reason, v.Advice, v.Detail = T("reason.daemon_older"), T("advice.update_daemon"), err.Error()
	default:
		v.Reason, v.Advice, v.Detail = T("reason.no_answer"), T("advice.restart"), err.Error()
	}
	return v
}

// headlineOf names a state that the daemon told. One that we do not know counts
// as trouble.
func headlineOf(s State) Text {
	switch s {
	case On:
		return T("state.on")
	case Failing:
		return T("state.failing")
	case Off:
		return T("state.off")
	default:
		return T("state.degraded")
	}
}

// urlOf returns the address that an agent on this machine uses. A daemon that
// listens everywhere is reached by the loopback.
func urlOf(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}
