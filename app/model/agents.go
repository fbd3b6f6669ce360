package model

import "strings"

// ClientFacts are a program that can be pointed at us, as it was found.
type ClientFacts struct {
	ID, Title string
	Kind      string // of the upstreams that it uses
	File      string // its settings file; "" when it is set up by hand
	Status    string // not_installed, not_connected, connected, elsewhere, unreadable or by_hand
	Value     string // where it leads now; "" when that is not set
	Lines     []ClientLine
	Warnings  []ClientWarning
	Plan      ClientPlan
	Bad       string // why its file or the plan cannot be had, in English; "" when it can
}

// A ClientLine is something to copy in order to set a client up by hand.
type ClientLine struct{ Name, Value string }

// A ClientWarning is something to know about a client.
type ClientWarning struct{ Code, Sentence string }

// A ClientPlan is what a click would change in the client's file.
type ClientPlan struct {
	Creates, Removes bool // the file
	Changes, Kept    []ClientChange
}

// A ClientChange is one key before and after; nil when it is not set.
type ClientChange struct {
	Key           string
	Before, After *string
}

// An Agent is one line of the agents page.
type Agent struct {
	ID         string
	Name       Text
	State      State // On when it goes through us
	Status     Text
	File       string
	Copies     []string // what to copy
	Note       Text     // what the copied text is for
	Warnings   []Text
	Detail     string // the cause in English; may be empty
	Connect    bool   // a click can connect it
	Disconnect bool   // a click can disconnect it
	Changes    []Text // what the click changes, key by key
	FileNote   Text   // what becomes of the file; may be empty
}

// clientStatus words the status of a client.
var clientStatus = map[string]struct {
	state State
	key   string
}{
	"not_installed": {Off, "agent.not_installed"},
	"not_connected": {Off, "agent.not_connected"},
	"connected":     {On, "agent.connected"},
	"elsewhere":     {Degraded, "agent.elsewhere"},
	"unreadable":    {Failing, "agent.unreadable"},
	"by_hand":       {Off, "agent.by_hand"},
}

// clientTitles name the clients that are no product of somebody's.
var clientTitles = map[string]string{"a2a": "agent.title.a2a", "agora": "agent.title.agora", "anp": "agent.title.anp"}

// clientNotes say what the text to copy is for.
var clientNotes = map[string]string{
	"claude-code":   "agent.note.shell",
	"codex":         "agent.note.run",
	"gemini":        "agent.note.gemini",
	"anthropic-sdk": "agent.note.base_url",
	"openai-sdk":    "agent.note.base_url",
	"gemini-sdk":    "agent.note.http_options",
	"a2a":           "agent.note.a2a",
	"agora":         "agent.note.agora",
	"anp":           "agent.note.anp",
}

// clientWarnings word what is to be known.
var clientWarnings = map[string]string{
	"remote_control": "agent.warning.remote_control",
	"subscription":   "agent.warning.subscription",
	"one_env_file":   "agent.warning.one_env_file",
	"other_login":    "agent.warning.other_login",
	"environment":    "agent.warning.environment",
	"other_address":  "agent.warning.other_address",
	"unrecorded":     "agent.warning.unrecorded",
}

// agentsOf lists the clients.
func agentsOf(v View, clients []ClientFacts) []Agent {
	var list []Agent
	for _, c := range clients {
		list = append(list, agentOf(v, c))
	}
	return list
}

// agentOf describes one client.
func agentOf(v View, c ClientFacts) Agent {
	a := Agent{ID: c.ID, Name: T("value.plain", "Value", c.Title), File: c.File, Detail: c.Bad, Copies: copiesOf(v, c), Note: T(clientNotes[c.ID])}
	status, ok := clientStatus[c.Status]
	if !ok {
		status = clientStatus["by_hand"]
	}
	if key, ok := clientTitles[c.ID]; ok {
		a.Name = T(key)
	}
	a.State, a.Status = status.state, T(status.key, "Address", c.Value)
	for _, w := range c.Warnings {
		if key, ok := clientWarnings[w.Code]; ok {
			a.Warnings = append(a.Warnings, T(key))
		} else {
			a.Warnings = append(a.Warnings, T("agent.warning.other", "Sentence", w.Sentence))
		}
	}
	if c.Status == "by_hand" || c.Bad != "" {
		return a
	}
	a.Disconnect = c.Status == "connected"
	a.Connect = !a.Disconnect
	a.Changes, a.FileNote = changesOf(c.Plan)
	return a
}

// changesOf words what a click changes.
func changesOf(p ClientPlan) (changes []Text, file Text) {
	for _, c := range p.Changes {
		changes = append(changes, changeText("agent.change", c))
	}
	for _, c := range p.Kept {
		changes = append(changes, changeText("agent.kept", c))
	}
	switch {
	case p.Creates:
		file = T("agent.creates")
	case p.Removes:
		file = T("agent.removes")
	}
	return changes, file
}

// changeText words the change of one key.
func changeText(key string, c ClientChange) Text {
	value := func(s *string) any {
		if s == nil {
			return T("agent.unset")
		}
		return *s
	}
	return T(key, "Key", c.Key, "From", value(c.Before), "To", value(c.After))
}

// workerName stands for the name of an upstream in an address to copy.
const workerName = "/u/NAME/"

// shownWorkers is how many addresses of workers are offered to copy.
const shownWorkers = 3

// copiesOf returns what to copy: for a coordinator, the addresses of the workers that
// there are.
func copiesOf(v View, c ClientFacts) []string {
	var list []string
	for _, l := range c.Lines {
		if l.Name != "" {
			list = append(list, l.Name+"="+l.Value)
			continue
		}
		workers := workersOf(v, c.Kind)
		if !strings.Contains(l.Value, workerName) || len(workers) == 0 {
			list = append(list, l.Value)
			continue
		}
		for _, name := range workers {
			list = append(list, strings.Replace(l.Value, workerName, "/u/"+name+"/", 1))
		}
	}
	return list
}

// workersOf names the first upstreams of a kind.
func workersOf(v View, kind string) []string {
	var names []string
	for _, u := range v.Upstreams {
		if u.Kind == kind && len(names) < shownWorkers {
			names = append(names, u.Name)
		}
	}
	return names
}
