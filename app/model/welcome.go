package model

// A Welcome is the first run: four steps on one page, each of which says where it
// stands. They may be done in any order.
type Welcome struct {
	Needed bool // the page opens by itself: there is no daemon that would serve

	Service Card
	Steps   []StepView // what was asked of the service
	Failure string     // why it failed, in English; "" when it did not
	Busy    bool
	Install bool // the service can be installed and started
	Start   bool // the service can be started
	Run     bool // the daemon can be run for this login alone

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
	w := Welcome{Steps: d.Setup.Views(), Failure: d.Setup.Failure, Busy: d.Setup.Busy()}
	noService := d.Service.Asked && !d.Service.Installed
	configured := len(v.Upstreams) > 0 || v.Machine
	w.Needed = v.Startable && noService || v.Connected && !configured
	w.Service = welcomeService(v, d, w)
	service := serviceOf(d.Service, v)
	w.Install = v.Startable && service.Install && !w.Busy
	w.Start = v.Startable && service.Start && !w.Busy
	// A service that runs is about to answer: a daemon beside it would find the port taken.
	w.Run = v.Startable && d.Service.Asked && !d.Service.Running && !w.Busy
	w.Upstream = welcomeUpstream(v, configured)
	w.Demo = !configured && !w.Busy
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

// welcomeService is the step that starts the proxy.
func welcomeService(v View, d Desk, w Welcome) Card {
	switch {
	case v.Machine:
		return Card{On, T("welcome.service.machine")}
	case v.Connected && d.Service.Running:
		return Card{On, T("welcome.service.running")}
	case v.Connected:
		return Card{On, T("welcome.service.by_hand")}
	case w.Failure != "":
		return Card{Failing, T("welcome.service.failed")}
	case w.Busy:
		return Card{Loading, T("welcome.service.busy")}
	case d.Service.None != "":
		return Card{Loading, T("welcome.service.none")}
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
