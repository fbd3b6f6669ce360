package control

import (
	"encoding/json"
	"time"

	"millpond/settings"
)

// State is the condition of the proxy in one word.
type State string

// The states of the proxy. Off means paused by a person.
const (
	On       State = "on"       // requests pass
	Degraded State = "degraded" // requests pass, with trouble that a person should know of, or have nowhere to go yet
	Failing  State = "failing"  // requests fail
	Off      State = "off"      // requests are refused because a person paused the proxy
)

// Status is everything that the daemon tells, as one value: a watcher that
// skipped some has missed nothing once it has the newest.
type Status struct {
	Revision uint64 `json:"revision"` // of the settings; grows with each change
	API      int    `json:"api"`      // the constant API of the daemon
	MinAPI   int    `json:"min_api"`  // the constant MinAPI of the daemon; 0 of one before it was told
	Version  string `json:"version"`  // of the daemon
	PID      int    `json:"pid"`

	State      State    `json:"state"`
	Reason     string   `json:"reason"`      // a code such as upstream_ejected; "" when State says it all
	ReasonArgs []string `json:"reason_args"` // what the sentence for Reason mentions, e.g. the upstream's name

	Address    string `json:"address"`     // host:port where the proxy listens; "" when it does not
	ConfigPath string `json:"config_path"` // of the settings file
	Unapplied  string `json:"unapplied"`   // why the settings file as it is now is not in force; "" when it is
	Draining   bool   `json:"draining"`    // stopping: requests in flight end, new ones are refused
	Paused     bool   `json:"paused"`      // by Client.Pause

	// Machine says that this is the machine's daemon, as it tells of itself to users who may
	// not change it: see Public.
	Machine bool `json:"machine,omitempty"`

	Settings *settings.Settings `json:"settings"` // in force now; secrets are references

	// UnknownSettings are the paths of the settings that a newer daemon has and that this
	// program does not know. Settings lacks them, so that they cannot be edited here.
	UnknownSettings []string `json:"-"`

	Stats Stats `json:"stats"`

	Failures []Failure `json:"failures"` // the latest failed requests, newest first; at most 50

	// History is how requests went over time, by the keys Window1h, Window24h
	// and Window28d; a window is missing when the daemon does not keep it.
	History map[string]Series `json:"history"`

	// Keeping says whether the statistics outlive the daemon.
	Keeping Keeping `json:"keeping"`
}

// Public returns what every user of the machine may know: whether requests pass, where, and
// how many of them succeed. Nothing in it names an upstream, a caller or a file.
func (s Status) Public() Status {
	p := Status{
		API: s.API, MinAPI: s.MinAPI, Version: s.Version, Machine: true,
		State: s.State, Reason: s.Reason, Address: s.Address, Draining: s.Draining, Paused: s.Paused,
		Stats: Stats{
			Version: s.Stats.Version, UptimeSeconds: s.Stats.UptimeSeconds,
			SuccessRate: s.Stats.SuccessRate, ErrorRate: s.Stats.ErrorRate,
			TotalRequests: s.Stats.TotalRequests, SuccessfulRequests: s.Stats.SuccessfulRequests, FailedRequests: s.Stats.FailedRequests,
			Windows: map[string]Window{},
		},
	}
	for name, w := range s.Stats.Windows {
		p.Stats.Windows[name] = Window{Requests: w.Requests, Successful: w.Successful, Failed: w.Failed, SuccessRate: w.SuccessRate, ErrorRate: w.ErrorRate}
	}
	return p
}

// UnmarshalJSON reads a status, also that of a newer daemon: settings that we do not know
// are set aside. Fields that we do not know are ignored anyway.
func (s *Status) UnmarshalJSON(b []byte) error {
	type plain Status // without this method
	read := struct {
		*plain
		Settings json.RawMessage `json:"settings"`
	}{plain: (*plain)(s)}
	if err := json.Unmarshal(b, &read); err != nil {
		return err
	}
	s.Settings, s.UnknownSettings = nil, nil
	if len(read.Settings) == 0 || string(read.Settings) == "null" {
		return nil
	}
	known, unknown, err := settings.ReadKnown(read.Settings)
	s.Settings, s.UnknownSettings = known, unknown
	return err
}

// Keeping is how it stands with the statistics that are kept in the state folder. Code
// is kept, anew (what was there was damaged, and was moved aside), failing, disk_full,
// newer (a newer version's, left alone), in_use (another daemon's), or "" when nothing
// is kept. Statistics of the present run are right in every case.
type Keeping struct {
	Code   string `json:"code"`
	Detail string `json:"detail"` // a sentence in English; "" when all is well
}

// Failure is a request that failed or that the proxy refused.
type Failure struct {
	At       time.Time `json:"at"`
	Upstream string    `json:"upstream"` // its name; "" when none was chosen
	Outcome  string    `json:"outcome"`  // as in Stats.Outcomes
	Code     string    `json:"code"`     // as in X-Millpond-Error; "" when the upstream itself answered
	Status   int       `json:"status"`   // of HTTP, as the client saw it; 0 when it saw none
	Error    string    `json:"error"`    // the cause in English, for a person who looks closer
}

// Series counts the requests that ended in each of a row of equally long steps
// of time. Both lists have the same length, oldest first; the last step is the
// present one and still growing.
type Series struct {
	Start      time.Time     `json:"start"` // of the first step
	Step       time.Duration `json:"step"`  // nanoseconds
	Successful []int64       `json:"successful"`
	Failed     []int64       `json:"failed"`
}
