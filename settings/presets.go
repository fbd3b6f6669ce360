package settings

import "time"

// A PresetInfo declares a preset of [Pool] by what it has otherwise than the defaults.
type PresetInfo struct {
	Name  Preset
	Help  string // one line of English, no full stop
	apply func(*Pool)
}

// Locale returns the key under which the translation of Help is found.
func (p PresetInfo) Locale() string { return "settings.preset." + string(p.Name) }

// Presets returns the presets in the order in which they are offered. A preset says how much is
// kept, not between whom nor in which protocol: scope and protocol stay as they are.
func Presets() []PresetInfo {
	return []PresetInfo{
		{PresetBalanced, "for one person with some agents", func(*Pool) {}},
		// The limits that aiohttp users settled on: 100 in total, 5 to a host, 15 s.
		{PresetGentle, "few connections, soon closed, for upstreams that count them", func(p *Pool) {
			p.MaxConnections, p.MaxConnectionsPerHost = 100, 5
			p.MaxIdle, p.MaxIdlePerHost = 100, 5
			p.IdleTimeout = 15 * time.Second
		}},
		{PresetFanOut, "a coordinator that calls many workers at once", func(p *Pool) {
			p.MaxConnections, p.MaxConnectionsPerHost = 1000, 1000
			p.MaxIdle, p.MaxIdlePerHost = 200, 200
		}},
		// As if there were no pool, so no limit either: nothing may wait that would not wait without us.
		{PresetUnpooled, "a connection for each request, to compare with", func(p *Pool) {
			p.MaxConnections, p.MaxConnectionsPerHost = 0, 0
			p.MaxIdle, p.MaxIdlePerHost = 0, 0
			p.Reuse = ReuseNever
		}},
		{PresetCustom, "your own numbers", func(*Pool) {}},
	}
}

// presetNames returns the names of the presets.
func presetNames() []string {
	var names []string
	for _, p := range Presets() {
		names = append(names, string(p.Name))
	}
	return names
}

// PresetPool returns the pool that a file has which names the preset and nothing else. An unknown
// preset has the numbers of the balanced one.
func PresetPool(name Preset) Pool { return Default().Pool.WithPreset(name) }

// WithPreset returns the pool with the preset's numbers. Scope and protocol stay; so do all numbers
// when the preset is [PresetCustom], which has none of its own.
func (p Pool) WithPreset(name Preset) Pool {
	next := Default().Pool
	if name == PresetCustom {
		next = p
	}
	for _, preset := range Presets() {
		if preset.Name == name {
			preset.apply(&next)
		}
	}
	next.Preset, next.Scope, next.Protocol = name, p.Scope, p.Protocol
	return next
}
