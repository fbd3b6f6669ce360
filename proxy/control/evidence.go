package control

import "time"

// Advice is what the daemon makes of its statistics, and what it cannot say yet.
type Advice struct {
	At      time.Time        `json:"at"`      // when it was thought through
	Since   time.Time        `json:"since"`   // the first request that it rests on
	Items   []Recommendation `json:"items"`   // the most useful first, then those that were applied
	Missing []Missing        `json:"missing"` // what would have to be known for more
}

// A Recommendation is one change that would help, with the figures that it rests on.
type Recommendation struct {
	ID       string `json:"id"`       // stable while the situation lasts: the code and what it is about
	Code     string `json:"code"`     // what was found, as idle_slots; the screens have a sentence for each
	Upstream string `json:"upstream"` // "" when it concerns all
	Sentence string `json:"sentence"` // what was found, in English, with the figures

	Figures  []Figure `json:"figures"`
	Patch    []Change `json:"patch"`    // what to change; none when only a person can act, as Sentence says
	Expected *Effect  `json:"expected"` // nil when the effect cannot be reckoned

	AppliedAt *time.Time `json:"applied_at"` // nil until Client.ApplyAdvice; set until it is undone
	Measured  *Effect    `json:"measured"`   // after it was applied and enough was seen; nil before
	CanUndo   bool       `json:"can_undo"`   // the settings still have what it put there
}

// A Figure is one measured number, such as handshake_ms 412 ms.
type Figure struct {
	Key   string  `json:"key"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"` // ms, s, percent, or "" for a count
}

// A Change is one setting: its path as in "config set", and its text before and after.
type Change struct {
	Key  string `json:"key"`
	From string `json:"from"`
	To   string `json:"to"` // "" unsets an upstream's override
}

// An Effect is a figure before and after a change.
type Effect struct {
	Key    string  `json:"key"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	Unit   string  `json:"unit"`
}

// Missing says which advice needs more to be seen.
type Missing struct {
	Code     string `json:"code"`     // of the advice
	Upstream string `json:"upstream"` // "" when it concerns all
	Have     int64  `json:"have"`
	Need     int64  `json:"need"`
	Of       string `json:"of"` // what is counted: requests, bursts, dials
}

// Verdict is the judgement over the window of the settings, for each upstream and transport.
type Verdict struct {
	At            time.Time     `json:"at"`
	Window        time.Duration `json:"window"`  // nanoseconds: what the settings ask for
	Covered       time.Duration `json:"covered"` // nanoseconds: what there is
	SuccessTarget float64       `json:"success_target"`
	ErrorTarget   float64       `json:"error_target"`
	SwitchBelow   float64       `json:"switch_below"`
	Rows          []VerdictRow  `json:"rows"`
	Trials        []Trial       `json:"trials"` // that run or have ended, oldest first
}

// A Decision is the word for a row: keep, watch, switch, or unknown with too few requests.
type Decision string

// The decisions.
const (
	Keep    Decision = "keep"
	Watch   Decision = "watch"
	Switch  Decision = "switch"
	Unknown Decision = "unknown"
)

// The reasons of a decision.
const (
	ReasonMeetsTargets = "meets_targets" // keep
	ReasonBelowTarget  = "below_target"  // watch
	ReasonBelowSwitch  = "below_switch"  // switch: the success rate is below switch_below
	ReasonManyErrors   = "many_errors"   // switch: the error rate is above five times its target
	ReasonTooFew       = "too_few"       // unknown
)

// A VerdictRow judges one upstream over one transport.
type VerdictRow struct {
	Upstream    string      `json:"upstream"`
	Transport   string      `json:"transport"`    // http1 or http2
	Scope       string      `json:"scope"`        // of the pool: shared, upstream or caller
	Requests    int64       `json:"requests"`     // that say something about the upstream: they succeeded or failed
	Need        int64       `json:"need"`         // requests that a decision takes
	SuccessRate float64     `json:"success_rate"` // percent
	ErrorRate   float64     `json:"error_rate"`   // percent
	LatencyMS   Percentiles `json:"latency_ms"`
	Decision    Decision    `json:"decision"`
	Reason      string      `json:"reason"`   // one of the Reason constants; the screens have a sentence for each
	Sentence    string      `json:"sentence"` // the same in English, with the figures
	Trial       string      `json:"trial"`    // ID of the one that runs on the upstream; "" when none does
	Proposal    *Proposal   `json:"proposal"` // nil when there is nothing to try
}

// A Proposal is a trial that could be started: another protocol or another scope.
type Proposal struct {
	Setting string `json:"setting"` // protocol or scope
	From    string `json:"from"`
	To      string `json:"to"`
}

// The states of a trial.
const (
	TrialTooFew       = "too_few"       // requests in an arm
	TrialNoDifference = "no_difference" // that is more than chance
	TrialMoreSuccess  = "more_success"  // the winner fails less
	TrialFaster       = "faster"        // the winner fails no more, and answers sooner
)

// Why a trial has ended.
const (
	EndedByPerson   = "person"
	EndedApplied    = "applied"  // its winner was put into the settings
	EndedWorse      = "worse"    // the other way fails more: nothing more is sent there
	EndedBySettings = "settings" // its upstream was changed or taken away
)

// The settings that a trial can be of.
const (
	SettingProtocol = "protocol" // pool.protocol
	SettingScope    = "scope"    // pool.scope
)

// A Trial sends a share of an upstream's requests another way and compares.
type Trial struct {
	ID       string    `json:"id"`
	Upstream string    `json:"upstream"`
	Setting  string    `json:"setting"` // protocol or scope
	Base     Arm       `json:"base"`
	Other    Arm       `json:"other"`
	Share    float64   `json:"share"` // of the requests that go the other way, from 0 to 1
	Started  time.Time `json:"started"`

	Ended    *time.Time `json:"ended"`     // nil while it runs
	EndedBy  string     `json:"ended_by"`  // one of the Ended constants; "" while it runs
	Need     int64      `json:"need"`      // requests of each arm before a winner is named
	Reason   string     `json:"reason"`    // one of the Trial constants; the screens have a sentence for each
	Winner   string     `json:"winner"`    // the setting's value that did better; "" while there is no difference that is not chance
	Chance   float64    `json:"chance"`    // that chance alone makes such a difference, from 0 to 1
	Sentence string     `json:"sentence"`  // the state of it in English, with the figures
	Applied  bool       `json:"applied"`   // the winner was put into the settings
	CanApply bool       `json:"can_apply"` // there is a winner that the settings do not have
	CanUndo  bool       `json:"can_undo"`  // the settings still have what applying it put there
}

// An Arm is one of a trial's two ways.
type Arm struct {
	Value       string      `json:"value"`        // of the setting
	Requests    int64       `json:"requests"`     // that succeeded or failed
	SuccessRate float64     `json:"success_rate"` // percent
	LatencyMS   Percentiles `json:"latency_ms"`   // of those that succeeded
	Dials       int64       `json:"dials"`
}

// TrialRequest starts a trial.
type TrialRequest struct {
	Upstream string  `json:"upstream"`
	Setting  string  `json:"setting"` // protocol or scope
	To       string  `json:"to"`
	Share    float64 `json:"share"` // from 0.01 to 0.9; 0 means 0.5
}
