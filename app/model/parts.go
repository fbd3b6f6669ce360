package model

import (
	"slices"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
)

// A Pool is the gauge of connections to the upstreams.
type Pool struct {
	Busy, Idle, Waiting int  // connections, connections, requests
	Full                int  // what the whole gauge stands for
	Limit               int  // of connections; 0 means no limit
	Note                Text // how many there are and may be
	Reuse               Text // how often a connection was there already
}

// poolOf describes the connections of all upstreams.
func poolOf(s control.Status) Pool {
	p := Pool{Busy: s.Stats.Pool.InUse, Idle: s.Stats.Pool.Idle, Waiting: s.Stats.Pool.Waiting}
	if s.Settings != nil {
		p.Limit = s.Settings.Pool.MaxConnections
	}
	p.Full = scaleOf(p.Busy+p.Idle+p.Waiting, p.Limit)
	open := int64(p.Busy + p.Idle)
	if p.Limit > 0 {
		p.Note = N("pool.open_of", open, "Limit", Count(int64(p.Limit)))
	} else {
		p.Note = N("pool.open", open)
	}
	p.Reuse = T("pool.reuse_none")
	if sent := s.Stats.Pool.Reused + s.Stats.Pool.Dials; sent > 0 {
		p.Reuse = T("pool.reuse", "Ratio", Percent(100*s.Stats.Pool.ReuseRatio), "Dials", Count(s.Stats.Pool.Dials))
	}
	return p
}

// scaleOf returns what the whole gauge stands for, so that a few connections are
// seen although hundreds are allowed: the power of two that holds them, 8 at
// least, or the limit.
func scaleOf(n, limit int) int {
	scale := 8
	for scale < n {
		scale *= 2
	}
	if limit > 0 {
		scale = min(scale, limit)
	}
	return scale
}

// An Upstream is one line of the list of upstreams.
type Upstream struct {
	Name, URL, Kind string
	State           State  // On, Failing, or Off when it is disabled
	Health          Text   // the state in words
	Rate            string // percent that went well, or "–"
	Requests        string
	P50             string
	Connections     string // busy and idle ones
	Preferred       bool   // the first to get requests of its kind
	Configured      bool   // by the settings, so that it can be preferred; else by the command line
	LastError       Text   // when, and what; empty when there was none lately
	Learned         Text   // how long it keeps an idle connection open
	Protocol        string // HTTP/1.1 or HTTP/2, or "–"
	Reuse           string // percent of requests on a connection that was there, or "–"
	Dials           string // connections opened
	figures         figures
	Latest          Text // the time to the first byte of its latest answer, and how long ago that was; empty before it
}

// A Group is the upstreams of one kind.
type Group struct {
	Label     Text
	Upstreams []Upstream
}

// kindLabels name the kinds.
var kindLabels = map[string]string{
	string(settings.KindAnthropic): "kind.anthropic",
	string(settings.KindOpenAI):    "kind.openai",
	string(settings.KindGemini):    "kind.gemini",
	string(settings.KindA2A):       "kind.a2a",
	string(settings.KindHTTP):      "kind.http",
}

// Kinds returns the upstreams by their kinds, in the order of each kind's first.
func (v View) Kinds() []Group {
	var groups []Group
	at := map[string]int{}
	for _, u := range v.Upstreams {
		i, known := at[u.Kind]
		if !known {
			i = len(groups)
			at[u.Kind] = i
			label := u.Kind // of a daemon that knows more than we
			if key, ok := kindLabels[u.Kind]; ok {
				label = key
			}
			groups = append(groups, Group{Label: T(label)})
		}
		groups[i].Upstreams = append(groups[i].Upstreams, u)
	}
	return groups
}

// upstreamsOf lists the upstreams in the order of the daemon's statistics, and
// after them those that are disabled and have none.
func upstreamsOf(s control.Status, now time.Time) []Upstream {
	var list []Upstream
	counted, enabled := map[string]bool{}, map[string]bool{}
	first := preferred(s.Settings)
	for _, u := range configured(s.Settings) {
		enabled[u.Name] = u.Enabled
	}
	for _, u := range s.Stats.Upstreams {
		counted[u.Name] = true
		v := upstreamOf(u, now)
		v.Preferred = slices.Contains(first, u.Name)
		on, known := enabled[u.Name]
		if v.Configured = known; known && !on {
			v.State, v.Health = Off, T("upstream.disabled")
		}
		list = append(list, v)
	}
	for _, u := range configured(s.Settings) {
		if !counted[u.Name] {
			list = append(list, Upstream{
				Name: u.Name, URL: u.URL, Kind: string(u.Kind), State: Off, Health: T("upstream.disabled"), Configured: true,
				Rate: None, Requests: None, P50: None, Connections: None,
				Learned: learnedOf(0), Protocol: None, Reuse: None, Dials: None, figures: unmeasured,
			})
		}
	}
	return list
}

// configured returns the upstreams of the settings, if there are any.
func configured(s *settings.Settings) []settings.Upstream {
	if s == nil {
		return nil
	}
	return s.Upstreams
}

// errorTime is how long the last error of an upstream is shown.
const errorTime = time.Hour

// upstreamOf describes an upstream that is in use.
func upstreamOf(u control.Upstream, now time.Time) Upstream {
	v := Upstream{
		Name: u.Name, URL: u.URL, Kind: u.Kind,
		State: On, Health: T("upstream.unused"),
		Rate: None, Requests: Count(u.Requests), P50: Millis(u.LatencyMS.P50),
		Connections: Count(int64(u.Pool.InUse)) + " / " + Count(int64(u.Pool.Idle)),
		Learned:     learnedOf(u.LearnedIdleSeconds), Protocol: protocolOf(u.Protocol), Reuse: None, Dials: Count(u.Pool.Dials),
		figures: figures{
			rate: -1, p50: -1, reuse: -1, learned: u.LearnedIdleSeconds,
			requests: u.Requests, dials: u.Pool.Dials, open: u.Pool.InUse + u.Pool.Idle,
		},
	}
	if u.Requests > 0 {
		v.figures.rate, v.figures.p50 = u.SuccessRate, u.LatencyMS.P50
	}
	if u.Pool.Dials+u.Pool.Reused > 0 {
		v.Reuse, v.figures.reuse = Percent(100*u.Pool.ReuseRatio), u.Pool.ReuseRatio
	}
	if u.Requests > 0 {
		v.Rate, v.Health = Percent(u.SuccessRate), T("upstream.healthy")
	}
	switch {
	case u.Withheld != "":
		v.State, v.Health = Failing, T("upstream.withheld")
	case !u.Healthy:
		v.State, v.Health = Failing, T("upstream.ejected")
	}
	if u.LastAnswerAt != nil {
		v.Latest = T("upstream.latest", "Latency", Millis(u.LastFirstByteMS), "When", AgoMinutes(*u.LastAnswerAt, now))
	}
	if u.LastErrorAt != nil && now.Sub(*u.LastErrorAt) < errorTime {
		v.LastError = T("upstream.last_error", "When", Ago(*u.LastErrorAt, now), "Detail", u.LastError)
	}
	return v
}

// A Failure is one line of the list of failed requests.
type Failure struct {
	When     Text
	Upstream string // "" when none was chosen
	What     Text
	Advice   Text   // may be empty
	Detail   string // the cause in English; may be empty
}

// shownFailures is how many failures the overview lists.
const shownFailures = 8

// failuresOf lists the latest failures, newest first.
func failuresOf(all []control.Failure, now time.Time) []Failure {
	var list []Failure
	for _, f := range all[:min(len(all), shownFailures)] {
		v := Failure{When: Ago(f.At, now), Upstream: f.Upstream, Detail: f.Error}
		v.What, v.Advice = failureOf(f)
		list = append(list, v)
	}
	return list
}
