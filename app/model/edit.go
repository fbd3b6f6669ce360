package model

import (
	"slices"

	"millpond/settings"
)

// A Preset is one set of numbers for the pool that can be chosen.
type Preset struct {
	Name   string
	Label  Text
	Chosen bool
}

// presetLabels name the presets.
var presetLabels = map[settings.Preset]string{
	settings.PresetBalanced: "preset.balanced",
	settings.PresetGentle:   "preset.gentle",
	settings.PresetFanOut:   "preset.fan_out",
	settings.PresetUnpooled: "preset.unpooled",
	settings.PresetCustom:   "preset.custom",
}

// presetsOf lists the presets in their order. The person's own numbers are
// listed only while they are in force, since there is nothing else to take them
// from.
func presetsOf(s *settings.Settings) []Preset {
	if s == nil {
		return nil
	}
	var list []Preset
	for _, p := range settings.Presets() {
		chosen := p.Name == s.Pool.Preset
		if p.Name != settings.PresetCustom || chosen {
			list = append(list, Preset{string(p.Name), T(presetLabels[p.Name]), chosen})
		}
	}
	return list
}

// WithPreset returns the settings with the numbers of a preset for every
// upstream that has none of its own.
func WithPreset(s *settings.Settings, name string) *settings.Settings {
	next := s.Clone()
	next.Pool = next.Pool.WithPreset(settings.Preset(name))
	return next
}

// preferred names the upstreams that get the requests of their kind first.
func preferred(s *settings.Settings) []string {
	if s == nil {
		return nil
	}
	best := map[settings.Kind]int{}
	for _, u := range s.Upstreams {
		if p, ok := best[u.Kind]; u.Enabled && (!ok || u.Priority < p) {
			best[u.Kind] = u.Priority
		}
	}
	var names []string
	for _, u := range s.Upstreams {
		if p, ok := best[u.Kind]; ok && u.Enabled && u.Priority == p {
			names = append(names, u.Name)
		}
	}
	return names
}

// Prefer returns the settings with the named upstream enabled and before all
// others of its kind, which keep their order among themselves. Without such an
// upstream nothing changes.
func Prefer(s *settings.Settings, name string) *settings.Settings {
	next := s.Clone()
	at := slices.IndexFunc(next.Upstreams, func(u settings.Upstream) bool { return u.Name == name })
	if at < 0 {
		return next
	}
	chosen := &next.Upstreams[at]
	var ranks []int // the priorities of the others, each once, in order
	for i := range next.Upstreams {
		if u := &next.Upstreams[i]; i != at && u.Kind == chosen.Kind && !slices.Contains(ranks, u.Priority) {
			ranks = append(ranks, u.Priority)
		}
	}
	slices.Sort(ranks)
	for i := range next.Upstreams {
		if u := &next.Upstreams[i]; i != at && u.Kind == chosen.Kind {
			u.Priority = 2 + slices.Index(ranks, u.Priority)
		}
	}
	chosen.Enabled, chosen.Priority = true, 1
	return next
}

// FirstUpstream returns an upstream to begin with: the client's own key passes through
// to it, so nothing else need be known.
func FirstUpstream(name, kind, url string) settings.Upstream {
	return settings.Upstream{Name: name, Kind: settings.Kind(kind), URL: url, Enabled: true, Priority: 1, Weight: 1}
}

// WithUpstream returns the settings with one upstream more, unless it is there.
func WithUpstream(s *settings.Settings, u settings.Upstream) *settings.Settings {
	next := s.Clone()
	if !slices.ContainsFunc(next.Upstreams, func(have settings.Upstream) bool { return have.Name == u.Name }) {
		next.Upstreams = append(next.Upstreams, u)
	}
	return next
}
