package model

// A Desk is what the application finds on this machine beside what the daemon tells:
// facts, which With turns into a view.
type Desk struct {
	Preferences Preferences
	Version     string // of the application
	AtLogin     bool   // the tray starts at login
	AtLoginBad  string // why that is not known; "" when it is
	Service     ServiceFacts
	Setup       Setup
	Clients     []ClientFacts // nil before they were looked for
	Log         LogView
	Verdict     VerdictView
	Advised     AdviceView
	Bundle      string // of diagnostics, the last that was saved; "" before
	Settings    string // the settings file, where no daemon says it
}

// With returns the view with what the desk has to add.
func (v View) With(d Desk) View {
	if v.Startable {
		v.Start = d.Service.Way()
		v.Command = commands[v.Start]
	}
	if v.Startable && v.Start == "" { // what is offered depends on the service
		v.State, v.Headline, v.Startable = Loading, T("state.loading"), false
		v.Reason, v.Advice = Text{}, Text{}
	}
	if d.Setup.Failure != "" && d.Setup.over(v, d.Service) {
		d.Setup = Setup{}
	}
	v.Log, v.Verdict, v.Advised = d.Log, d.Verdict, d.Advised
	v.General = generalOf(v, d)
	v.Agents = agentsOf(v, d.Clients)
	v.Welcome = welcomeOf(v, d)
	return v
}
