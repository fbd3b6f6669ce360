package model

import (
	"strconv"
	"strings"
	"time"

	"millpond/proxy/control"
)

// An AdviceList is what the daemon advises, and what it cannot say yet.
type AdviceList struct {
	Items   []AdviceItem // those that can be taken first, then those that were
	Missing []Text
}

// An AdviceItem is one piece of advice, worded.
type AdviceItem struct {
	ID       string // for control.Client.ApplyAdvice and UndoAdvice
	Upstream string // that it is about; "" for all
	Title    Text
	Found    Text // what was found, with the figures
	Do       Text // what would help
	Changes  []AdviceChange
	Effect   Text // expected, or measured once it was applied and enough was seen
	Applied  Text // when; empty until it was
	Note     Text // why it cannot be applied or undone here; may be empty

	CanApply, CanUndo bool
}

// An AdviceChange is one setting, by its path as in the file, and its text before and after.
type AdviceChange struct{ Key, From, To string }

// advised are the sentences for the codes of advice: the subject, what was found, and what to do.
var advised = map[string]struct{ title, found, do string }{
	"idle_slots":           {"advice.title.idle_slots", "advice.found.idle_slots", "advice.do.idle_slots"},
	"limit_queue":          {"advice.title.limit_queue", "advice.found.limit_queue", "advice.do.limit_queue"},
	"http2_saturated":      {"advice.title.http2_saturated", "advice.found.http2_saturated", "advice.do.http2_saturated"},
	"idle_timeout":         {"advice.title.idle_timeout", "advice.found.idle_timeout", "advice.do.idle_timeout"},
	"idle_timeout_short":   {"advice.title.idle_timeout_short", "advice.found.idle_timeout_short", "advice.do.idle_timeout_short"},
	"keepalive_unreliable": {"advice.title.keepalive_unreliable", "advice.found.keepalive_unreliable", "advice.do.warm"},
	"warm":                 {"advice.title.warm", "advice.found.warm", "advice.do.warm"},
	"caller_scope_helps":   {"advice.title.caller_scope_helps", "advice.found.caller_scope_helps", "advice.do.caller_scope_helps"},
	"caller_scope_hurts":   {"advice.title.caller_scope_hurts", "advice.found.caller_scope_hurts", "advice.do.caller_scope_hurts"},
	"upstream_failing":     {"advice.title.upstream_failing", "advice.found.upstream_failing", "advice.do.other_upstream"},
	"upstream_slow":        {"advice.title.upstream_slow", "advice.found.upstream_slow", "advice.do.other_upstream"},
	"egress_reuse":         {"advice.title.egress_reuse", "advice.found.egress_reuse", "advice.do.egress_reuse"},
}

// effects are the sentences for the figures by which an effect is measured.
var effects = map[string]string{
	"dials_per_100":  "advice.effect.dials_per_100",
	"queued_per_100": "advice.effect.queued_per_100",
	"others_per_100": "advice.effect.others_per_100",
	"lost_per_100":   "advice.effect.lost_per_100",
	"cold_per_100":   "advice.effect.cold_per_100",
	"error_rate":     "advice.effect.error_rate",
	"latency_p50_ms": "advice.effect.latency_p50_ms",
}

// AdviceOf words what the daemon advises.
func AdviceOf(a control.Advice, now time.Time) AdviceList {
	var list AdviceList
	for _, r := range a.Items {
		list.Items = append(list.Items, adviceItem(r, now))
	}
	for _, m := range a.Missing {
		list.Missing = append(list.Missing, missingOf(m))
	}
	return list
}

func adviceItem(r control.Recommendation, now time.Time) AdviceItem {
	item := AdviceItem{ID: r.ID, Upstream: r.Upstream, Title: T("advice.title.other"), Found: T("advice.found.other", "Sentence", r.Sentence)}
	if known, ok := advised[r.Code]; ok {
		item.Title, item.Found, item.Do = T(known.title), T(known.found, figuresOf(r)...), T(known.do)
	}
	for _, c := range r.Patch {
		item.Changes = append(item.Changes, AdviceChange(c))
	}
	if r.Expected != nil {
		item.Effect = T("advice.expected", "Effect", effectOf(*r.Expected))
	}
	switch {
	case r.AppliedAt != nil:
		item.Applied, item.CanUndo = T("advice.applied", "When", Ago(*r.AppliedAt, now)), r.CanUndo
		item.Effect = T("advice.not_measured")
		if r.Measured != nil {
			item.Effect = T("advice.measured", "Effect", effectOf(*r.Measured))
		}
		if !r.CanUndo {
			item.Note = T("advice.changed_since")
		}
	case len(r.Patch) == 0:
		item.Do, item.Note = T("advice.do.ask_keepalive"), T("advice.by_hand")
	default:
		item.CanApply = true
	}
	return item
}

// figuresOf returns the figures as arguments of a sentence: handshake_total_ms is HandshakeTotal.
func figuresOf(r control.Recommendation) []any {
	var args []any
	for _, f := range r.Figures {
		var name strings.Builder
		for part := range strings.SplitSeq(strings.TrimSuffix(f.Key, "_ms"), "_") {
			name.WriteString(strings.ToUpper(part[:min(1, len(part))]) + part[min(1, len(part)):])
		}
		args = append(args, name.String(), inUnit(f.Value, f.Unit))
	}
	return args
}

// inUnit formats a figure of advice.
func inUnit(v float64, unit string) string {
	switch {
	case unit == "ms" && v > 0:
		return Millis(v)
	case unit == "ms":
		return "0 ms"
	case unit == "percent":
		return Percent(v)
	case v == float64(int64(v)):
		return Count(int64(v))
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// effectOf words a figure before and after.
func effectOf(e control.Effect) Text {
	before, after := inUnit(e.Before, e.Unit), inUnit(e.After, e.Unit)
	if key, ok := effects[e.Key]; ok {
		return T(key, "Before", before, "After", after)
	}
	return T("advice.effect.other", "Before", before, "After", after)
}

// missingOf says what the daemon must see before it can advise on something.
func missingOf(m control.Missing) Text {
	title := T("advice.title.other")
	if known, ok := advised[m.Code]; ok {
		title = T(known.title)
	}
	switch {
	case m.Of == "direct_requests":
		return T("advice.missing.direct", "About", title, "Upstream", m.Upstream)
	case m.Upstream != "":
		return T("advice.missing.requests_to", "About", title, "Upstream", m.Upstream, "Have", Count(m.Have), "Need", Count(m.Need))
	}
	return T("advice.missing.requests", "About", title, "Have", Count(m.Have), "Need", Count(m.Need))
}
