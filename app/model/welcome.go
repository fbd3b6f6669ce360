package model

// A Welcome is the first run: four steps on one page, each of which says where it
// stands. They may be done in any order.
type Welcome struct {
	Needed bool // the page opens by itself: there is no daemon that would serve

	Service  Card
	Detail   string     // what is the matter with the service, in English; may be empty
	Steps    []StepView // what was asked of it, while that is under way or has failed
	Failure  string     // why it failed, in English; "" when it did not
	Hint     Text       // what else can be done; may be empty
	Busy     bool
	Install  bool // the service can be installed and started
	TakeOver bool // it can be put in the place of the daemon that runs
	Begin    bool // it can be started
	Restart  bool // it can be started anew
	Run      bool // the daemon can be run for this login alone

	Upstream Card
	Demo     bool // the demo can be started

	Agents  Card
	Clients []Agent // to begin with; the agents page has all

	Request Card
	Count   string // of requests
	Works   bool   // one has succeeded
	Failing bool   // there were some, and none succeeded
}

// A Card is one step of the first run.
type Card struct {
	State State // On when it is done, Loading while it is waited for, Off before its turn, or Failing
	Note  Text
}

// welcomeOf describes the page.
func welcomeOf(v View, d Desk) Welcome {
	w := Welcome{Failure: d.Setup.Failure, Busy: d.Setup.Busy()}
	if w.Busy || w.Failure != "" {
		w.Steps = d.Setup.Views()
	}
	configured := len(v.Upstreams) > 0 || v.Machine
	w.Needed = v.Startable && !d.Service.Installed || v.Connected && !configured
	service := serviceOf(d.Service, v)
	w.Service = welcomeService(v, d, service)
	w.ways(v, d.Service, service)
	w.Hint, w.Detail = welcomeHint(v, d, w, service)
	w.Upstream = welcomeUpstream(v, configured)
	w.Demo = !configured && !w.Busy && (v.Connected || v.Startable)
	w.Agents = Card{Off, T("welcome.agents.later")}
	if v.Connected && configured || v.Machine {
		w.Agents, w.Clients = Card{Loading, T("welcome.agents.note")}, firstClients(v.Agents)
	}
	w.Request, w.Works, w.Failing = welcomeRequest(v, configured)
	w.Count = Count(v.Requests)
	if w.Works {
		w.Agents.State = On
	}
	return w
}

// ways offers what starts the proxy, or makes it a service. It is run by hand only where no
// service would do, or one has failed.
func (w *Welcome) ways(v View, f ServiceFacts, s Service) {
	switch {
	case w.Busy:
	case v.Connected:
		w.TakeOver = s.TakeOver
	case v.Startable:
		w.Install, w.Begin, w.Restart = s.Install, s.Start, s.Restart
		w.Run = !f.Installed || f.Missing || f.Failing || w.Failure != ""
	}
}

// welcomeHint says what else can be done about the first step, and what is the matter.
func welcomeHint(v View, d Desk, w Welcome, s Service) (hint Text, detail string) {
	a := d.Setup.Action
	switch {
	case v.Connected, v.Machine, w.Busy:
	case w.Failure != "" && w.Run && a != setupRun && a != setupDemo:
		return T("welcome.service.way"), ""
	case w.Failure != "":
	case !v.Startable:
		return v.Advice, v.Detail
	case s.State == Failing:
		return s.Note, s.Detail
	case s.State == Degraded:
		return Text{}, s.Detail
	}
	return Text{}, ""
}

// welcomeService is the step that starts the proxy.
func welcomeService(v View, d Desk, s Service) Card {
	switch {
	case v.Machine:
		return Card{On, T("welcome.service.machine")}
	case d.Setup.Busy():
		return Card{Loading, T("welcome.service.busy")}
	case v.Connected && s.State == On:
		return Card{On, T("welcome.service.running")}
	case v.Connected && (s.TakeOver || d.Service.None != ""):
		return Card{On, T("welcome.service.by_hand")}
	case v.Connected:
		return Card{On, T("welcome.service.runs")}
	case d.Setup.Failure != "":
		return Card{Failing, T("welcome.service.failed")}
	case v.State == Loading:
		return Card{Loading, T("service.asking")}
	case !v.Startable:
		return Card{Failing, v.Reason}
	case d.Service.None != "":
		return Card{Loading, T("welcome.service.none")}
	case d.Service.Running:
		return Card{Loading, s.Headline}
	case d.Service.Installed && !s.Start, d.Service.Bad != "":
		return Card{s.State, s.Headline}
	}
	return Card{Loading, T("welcome.service.note")}
}

// welcomeUpstream is the step that chooses where requests go.
func welcomeUpstream(v View, configured bool) Card {
	switch {
	case v.Machine:
		return Card{On, T("welcome.upstream.machine")}
	case configured:
		return Card{On, T("welcome.upstream.done", "Name", v.Upstreams[0].Name, "URL", v.Upstreams[0].URL)}
	case !v.Connected:
		return Card{Off, T("welcome.upstream.later")}
	}
	return Card{Loading, T("welcome.upstream.note")}
}

// welcomeRequest is the step that waits for the first request.
func welcomeRequest(v View, configured bool) (c Card, works, failing bool) {
	switch {
	case !v.Connected && !v.Machine || !configured:
		return Card{Off, T("welcome.request.later")}, false, false
	case v.Succeeded > 0:
		return Card{On, T("welcome.request.works")}, true, false
	case v.Requests > 0:
		note := T("welcome.request.failed")
		if len(v.Failures) > 0 {
			note = T("welcome.request.failed_why", "Why", v.Failures[0].What, "Advice", v.Failures[0].Advice)
		}
		return Card{Failing, note}, false, true
	}
	return Card{Loading, T("welcome.request.waiting")}, false, false
}

// firstClients are the programs that most people have, and one coordinator.
func firstClients(all []Agent) []Agent {
	const most, coordinator = 3, "a2a"
	var list []Agent
	for _, a := range all {
		if len(a.Copies) > 0 && (len(list) < most || a.ID == coordinator) {
			list = append(list, a)
		}
	}
	return list
}
