package model

// ServiceFacts are how it stands with the daemon as a service of the system.
type ServiceFacts struct {
	Asked     bool   // it was asked; the rest is real
	None      string // why this machine cannot have such a service; "" when it can
	Bad       string // why it could not be asked; "" when it could
	Manager   string // systemd, launchd, windows, …
	Program   string // what it runs
	Detail    string // what is wrong, a sentence in English; may be empty
	Installed bool
	Running   bool
	Failing   bool
	Missing   bool // its program is gone
	PID       int  // of its daemon; 0: unknown, or it does not run
	Linger    *bool
}

// A Way is how the proxy is started for a person who asks for nothing but that.
type Way string

// The ways. "" is that of a proxy that runs, or of which it is not known yet.
const (
	StartService Way = "service" // its service is started
	StartLogin   Way = "login"   // the daemon is run for this login, since this machine has no services
	StartChosen  Way = "chosen"  // there are several ways, from which a person chooses on the page of the first run
)

// commands do in a terminal what starts the proxy.
var commands = map[Way]string{
	StartService: "millpondd service start",
	StartLogin:   commandServe,
	StartChosen:  "millpondd service install", // which mends one that fails, too
}

// Way tells how the proxy is started while no daemon answers.
func (f ServiceFacts) Way() Way {
	switch {
	case !f.Asked:
		return ""
	case f.None != "":
		return StartLogin
	case serviceOf(f, View{}).Start:
		return StartService
	}
	return StartChosen
}

// serves reports whether the daemon that answers is the service's.
func (f ServiceFacts) serves(v View) bool {
	if f.PID != 0 && v.PID != 0 {
		return v.Connected && f.PID == v.PID
	}
	return v.Connected && f.Running
}

// A Service is the daemon as the general page shows it: its state, and what can be
// asked of it.
type Service struct {
	State    State
	Headline Text
	Note     Text   // what it means; may be empty
	Program  string // what it runs; "" when it is not installed
	Detail   string // the cause in English; may be empty

	// What makes sense now.
	Install, TakeOver, Start, Stop, Restart, Uninstall bool
}

// serviceOf describes the service. The daemon that the view is of may have been
// started otherwise, or be the machine's.
func serviceOf(f ServiceFacts, v View) Service {
	s := Service{Program: f.Program, Detail: f.Detail}
	switch {
	case v.Machine:
		s = Service{State: v.State, Headline: T("service.machine"), Note: T("service.machine.note"), Uninstall: f.Installed}
	case !f.Asked:
		s.State, s.Headline = Loading, T("service.asking")
	case f.None != "":
		s.State, s.Headline, s.Note, s.Detail = Off, T("service.none"), T("service.none.note"), f.None
	case f.Bad != "":
		s.State, s.Headline, s.Detail = Degraded, T("service.unknown"), f.Bad
		s.Install = !v.Connected
	case !f.Installed && v.Connected:
		s.State, s.Headline, s.Note = Degraded, T("service.by_hand"), T("service.by_hand.note")
		s.TakeOver, s.Stop = true, true
	case !f.Installed:
		s.State, s.Headline, s.Note = Off, T("service.not_installed"), T("service.not_installed.note")
		s.Install = true
	default:
		installedService(&s, f, v)
	}
	return s
}

// installedService describes a service that is installed.
func installedService(s *Service, f ServiceFacts, v View) {
	s.Uninstall = true
	switch {
	case v.Connected && !f.serves(v):
		s.State, s.Headline, s.Note = Degraded, T("service.beside"), T("service.beside.note")
		s.TakeOver, s.Stop = true, true
	case f.Missing:
		s.State, s.Headline, s.Note = Failing, T("service.missing"), T("service.missing.note")
		s.Install = true
	case v.Connected:
		s.State, s.Headline, s.Note, s.Detail = On, T("service.running"), lingerNote(f.Linger), ""
		s.Stop, s.Restart = true, true
	case f.Failing:
		s.State, s.Headline, s.Note = Failing, T("service.failing"), T("service.failing.note")
		s.Restart, s.Stop = true, true
	case f.Running:
		s.State, s.Headline, s.Detail = Degraded, T("service.starting"), ""
		s.Stop, s.Restart = true, true
	default:
		s.State, s.Headline = Off, T("service.stopped")
		s.Start = true
	}
}

// lingerNote says when a user's service runs.
func lingerNote(linger *bool) Text {
	switch {
	case linger == nil:
		return Text{}
	case *linger:
		return T("service.linger")
	}
	return T("service.no_linger")
}

// ServiceAction is what can be asked of the service.
type ServiceAction string

// The actions.
const (
	ServiceInstall   ServiceAction = "install"   // and start
	ServiceTakeOver  ServiceAction = "take_over" // as install, in place of a daemon that was started by hand
	ServiceStart     ServiceAction = "start"
	ServiceStop      ServiceAction = "stop"
	ServiceRestart   ServiceAction = "restart"
	ServiceUninstall ServiceAction = "uninstall"
)

// serviceSteps are what each action goes through.
var serviceSteps = map[ServiceAction][]string{
	ServiceInstall:   {"setup.install", "setup.start", "setup.answer"},
	ServiceTakeOver:  {"setup.install", "setup.stop_first", "setup.start", "setup.answer"},
	ServiceStart:     {"setup.start", "setup.answer"},
	ServiceStop:      {"setup.stop"},
	ServiceRestart:   {"setup.restart", "setup.answer"},
	ServiceUninstall: {"setup.uninstall"},
	setupRun:         {"setup.run"},
	setupDemo:        {"setup.stop_first", "setup.demo"},
}

// What is set up without the service.
const (
	setupRun  ServiceAction = "run"
	setupDemo ServiceAction = "demo"
)

// A Setup is how far something that takes several steps has come. The zero value is
// one that was not begun.
type Setup struct {
	Action  ServiceAction
	Steps   []string // keys of the locale files
	Done    int      // of them
	Failure string   // why the next one failed; "" when it did not
}

// SetupOf returns the steps of an action, of which none is done.
func SetupOf(a ServiceAction) Setup { return Setup{Action: a, Steps: serviceSteps[a]} }

// SetupRun returns the steps of running the daemon for this login alone.
func SetupRun() Setup { return SetupOf(setupRun) }

// SetupDemo returns the steps of running the demo.
func SetupDemo() Setup { return SetupOf(setupDemo) }

// Next returns the setup with one more step done.
func (s Setup) Next() Setup {
	s.Done = min(s.Done+1, len(s.Steps))
	return s
}

// Failed returns the setup with its present step failed.
func (s Setup) Failed(err error) Setup {
	s.Failure = err.Error()
	return s
}

// Busy reports whether it is under way.
func (s Setup) Busy() bool { return s.Done < len(s.Steps) && s.Failure == "" }

// over reports whether what a setup failed at has come about all the same, as when the
// service's manager has tried again.
func (s Setup) over(v View, f ServiceFacts) bool {
	switch s.Action {
	case ServiceInstall, ServiceStart:
		return v.Connected && !f.Missing
	case setupRun:
		return v.Connected
	case ServiceTakeOver:
		return f.serves(v)
	case ServiceRestart:
		return s.Done > 0 && v.Connected // a restart that was refused leaves what ran alone
	case ServiceStop:
		return v.Startable
	case ServiceUninstall:
		return f.Asked && !f.Installed
	case setupDemo:
		return v.Connected && len(v.Upstreams) > 0
	}
	return false
}

// A StepView is one step of a setup.
type StepView struct {
	Label Text
	State State // On when done, Loading when under way, Failing, or Off when it is still to come
}

// Views returns the steps as they are shown.
func (s Setup) Views() []StepView {
	var list []StepView
	for i, key := range s.Steps {
		v := StepView{Label: T(key), State: Off}
		switch {
		case i < s.Done:
			v.State = On
		case i == s.Done && s.Failure != "":
			v.State = Failing
		case i == s.Done:
			v.State = Loading
		}
		list = append(list, v)
	}
	return list
}
