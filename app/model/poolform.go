package model

import (
	"strings"
	"time"

	"millpond/settings"
)

// A Section is lines of a form that belong together.
type Section struct {
	Label Text
	Keys  []settings.Key
}

// PoolGroups returns the settings of a pool in the order of the form.
func PoolGroups() []Section {
	how := Section{Label: T("pool.group.how")}
	limits := Section{Label: T("pool.group.limits")}
	times := Section{Label: T("pool.group.times")}
	for _, k := range settings.Keys() {
		if k.Section() != "pool" {
			continue
		}
		switch kindOf(k) {
		case KindChoice:
			how.Keys = append(how.Keys, k)
		case KindDuration:
			times.Keys = append(times.Keys, k)
		default:
			limits.Keys = append(limits.Keys, k)
		}
	}
	return []Section{how, limits, times}
}

// KindOf returns how a setting is filled in.
func KindOf(k settings.Key) Kind { return kindOf(k) }

// PoolPath returns the path of a pool's setting: that of all upstreams, or that of
// one by its name.
func PoolPath(upstream string, k settings.Key) string {
	if upstream == "" {
		return k.Path
	}
	return upstreamPath(upstream, k.Path)
}

// PoolOwners returns whose pool can be set: all, and each upstream, with how many
// settings of its own it has.
func (d *Draft) PoolOwners() []Option {
	list := []Option{{"", T("pool.all")}}
	for i, name := range d.names {
		own := 0
		for _, k := range settings.Keys() {
			if k.Section() == "pool" && textAt(d.next, upstreamPath(d.next.Upstreams[i].Name, k.Path)) != "" {
				own++
			}
		}
		label := T("value.plain", "Value", d.next.Upstreams[i].Name)
		if own > 0 {
			label = N("pool.own", int64(own), "Name", d.next.Upstreams[i].Name)
		}
		list = append(list, Option{name, label})
	}
	return list
}

// PoolNote says what the chosen preset or scope means, under the form's choice.
func PoolNote(upstream string) Text {
	if upstream == "" {
		return T("pool.note_all")
	}
	return T("pool.note_one", "Name", upstream)
}

// learnedOf says after what idle time an upstream closes a connection.
func learnedOf(seconds float64) Text {
	if seconds <= 0 {
		return T("learned.unknown")
	}
	return T("value.plain", "Value", Span(time.Duration(seconds*float64(time.Second))))
}

// Span formats a time as a person reads it: 400 ms, 45 s, 6 min 40 s, 2 h 05 min.
func Span(d time.Duration) string {
	if d < time.Minute {
		return strings.TrimSuffix(strings.ReplaceAll(Millis(float64(d)/float64(time.Millisecond)), ".0 ", " "), " ")
	}
	d = d.Round(time.Second)
	if d < time.Hour {
		return whole(d, time.Minute) + " min " + pad(int64(d%time.Minute/time.Second)) + " s"
	}
	return whole(d, time.Hour) + " h " + pad(int64(d%time.Hour/time.Minute)) + " min"
}

// protocolOf names what is spoken with an upstream.
func protocolOf(name string) string {
	switch name {
	case "http1":
		return "HTTP/1.1"
	case "http2":
		return "HTTP/2"
	case "":
		return None
	}
	return name
}
