package model

import (
	"math"
	"time"

	"millpond/proxy/control"
)

// window is a stretch of time that the overview can show.
type window struct {
	key   string // in control.Stats.Windows and control.Status.History
	label string // a key of the locale files
	short bool   // a label that has hours rather than days
}

// windows are the stretches that the overview offers, in its order.
var windows = [...]window{
	{control.Window1h, "period.hour", true},
	{control.Window24h, "period.day", true},
	{control.Window28d, "period.weeks", false},
}

// A Period is how requests went in one stretch of time.
type Period struct {
	Label Text // "1 h", for a switch

	Rate     string // share of requests that went well, or "–" when there were none
	Judgment State  // On, Degraded or Failing by the targets; Loading when there were none
	Note     Text   // of how many requests, and how many failed
	Requests string
	Failed   string
	P50, P99 string // time to the last byte

	Points  []Point // oldest first; nil when the daemon keeps no history
	Target  float64 // percent: where the good part of the chart begins
	Trouble float64 // percent: where the bad part of it begins
	Legend  Text    // what the chart shows, or why there is none
}

// A Point is one step of a Period.
type Point struct {
	Rate     float64 // percent that went well; NaN when nothing was counted
	Requests int64
	Label    Text // when, how well and of how many, to show on hover
}

// periodOf sums up one window.
func periodOf(w window, s control.Status, now time.Time) Period {
	sum := s.Stats.Windows[w.key]
	judged := sum.Successful + sum.Failed
	p := Period{
		Label:    T(w.label),
		Rate:     None,
		Judgment: Loading,
		Note:     T("overview.no_requests"),
		Requests: Count(sum.Requests),
		Failed:   Count(sum.Failed),
		P50:      Millis(sum.LatencyMS.P50),
		P99:      Millis(sum.LatencyMS.P99),
		Points:   pointsOf(s.History[w.key], w.short, now.Location()),
	}
	p.Target, p.Trouble = targetsOf(s)
	p.Legend = T("overview.no_history")
	if len(p.Points) > 0 {
		p.Legend = T("overview.legend", "Target", Percent(p.Target), "Trouble", Percent(p.Trouble))
	}
	if judged > 0 {
		p.Rate = Percent(sum.SuccessRate)
		p.Judgment = judge(sum.SuccessRate, p.Target, p.Trouble)
		p.Note = N("overview.requests_failed", judged, "Failed", Count(sum.Failed))
	}
	return p
}

// targetsOf returns what the settings ask for, in percent.
func targetsOf(s control.Status) (target, trouble float64) {
	if s.Settings == nil {
		return 95, 90
	}
	return 100 * s.Settings.Verdict.SuccessTarget, 100 * s.Settings.Verdict.SwitchBelow
}

// judge says how good a success rate is.
func judge(rate, target, trouble float64) State {
	switch {
	case rate < trouble:
		return Failing
	case rate < target:
		return Degraded
	}
	return On
}

// pointsOf lays a series out in steps, with the times of the person's place.
func pointsOf(s control.Series, short bool, place *time.Location) []Point {
	n := min(len(s.Successful), len(s.Failed))
	if n == 0 {
		return nil
	}
	layout := "01-02"
	if short {
		layout = "15:04"
	}
	points := make([]Point, n)
	for i := range points {
		ok, failed := s.Successful[i], s.Failed[i]
		when := s.Start.Add(time.Duration(i) * s.Step).In(place).Format(layout)
		points[i] = Point{Rate: math.NaN(), Requests: ok + failed, Label: T("point.none", "When", when)}
		if ok+failed > 0 {
			rate := 100 * float64(ok) / float64(ok+failed)
			points[i].Rate = rate
			points[i].Label = N("point.some", ok+failed, "When", when, "Rate", Percent(rate), "Failed", Count(failed))
		}
	}
	return points
}
