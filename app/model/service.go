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
	Linger    *bool
}

// A Service is the daemon as the general page shows it: its state, and what can be
// asked of it.
type Service struct {
	State    State
	Headline Text
	Note     Text   // what it means; may be empty
	Program  string // what it runs; "" when it is not installed
	Detail   string // the cause in English; may be empty

	Install, Start, Stop, Restart, Uninstall bool // what makes sense now
}

// serviceOf describes the service. The daemon that the view is of may have been
// started otherwise, or be the machine's.
func serviceOf(f ServiceFacts, v View) Service {
	s, connected := Service{Program: f.Program, Detail: f.Detail}, v.Connected
	switch {
	case v.Machine:
		s = Service{State: v.State, Headline: T("service.machine"), Note: T("service.machine.note"), Uninstall: f.Installed}
	case !f.Asked:
		s.State, s.Headline = Loading, T("service.asking")
	case f.None != "":
		s.State, s.Headline, s.Note, s.Detail = Off, T("service.none"), T("service.none.note"), f.None
	case f.Bad != "":
		s.State, s.Headline, s.Detail = Degraded, T("service.unknown"), f.Bad
		s.Install = true
	case !f.Installed && connected:
		s.State, s.Headline, s.Note = Degraded, T("service.by_hand"), T("service.by_hand.note")
		s.Stop = true
	case !f.Installed:
		s.State, s.Headline, s.Note = Off, T("service.not_installed"), T("service.not_installed.note")
		s.Install = true
	default:
		installedService(&s, f, connected)
	}
	return s
}

// installedService describes a service that is installed.
func installedService(s *Service, f ServiceFacts, connected bool) {
	s.Uninstall = true
	switch {
	case f.Missing:
		s.State, s.Headline, s.Note = Failing, T("service.missing"), T("service.missing.note")
		s.Install = true
	case f.Running && connected:
		s.State, s.Headline, s.Note = On, T("service.running"), lingerNote(f.Linger)
		s.Stop, s.Restart = true, true
	case f.Failing:
		s.State, s.Headline, s.Note = Failing, T("service.failing"), T("service.failing.note")
		s.Restart, s.Stop = true, true
	case f.Running:
		s.State, s.Headline = Degraded, T("service.starting")
		s.Stop, s.Restart = true, true
	case connected:
		s.State, s.Headline, s.Note = Degraded, T("service.beside"), T("service.beside.note")
		s.Stop = true
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
	ServiceInstall   ServiceAction = "install" // and start
	ServiceStart     ServiceAction = "start"
	ServiceStop      ServiceAction = "stop"
	ServiceRestart   ServiceAction = "restart"
	ServiceUninstall ServiceAction = "uninstall"
)

// serviceSteps are what each action goes through.
var serviceSteps = map[ServiceAction][]string{
	ServiceInstall:   {"setup.install", "setup.start", "setup.answer"},
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
	Steps   []string // keys of the locale files
	Done    int      // of them
	Failure string   // why the next one failed; "" when it did not
}

// SetupOf returns the steps of an action, of which none is done.
func SetupOf(a ServiceAction) Setup { return Setup{Steps: serviceSteps[a]} }

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
