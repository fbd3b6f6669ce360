package advisor

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"millpond/settings"
)

// roomy rounds a number of connections up to one of 2, 3, 4, 6, 8, 12, 16, 24, 32 and so on,
// so that a burst that is a little wider next time fits as well.
func roomy(n int) int {
	for step := 2; ; step *= 2 {
		switch {
		case n <= step:
			return step
		case n <= step/2*3:
			return step / 2 * 3
		}
	}
}

// A want is a value that a setting of the pool should have at least.
type want struct {
	key string // within [pool]
	at  int
}

// numberOf returns the present value of a number of a pool by its key.
func numberOf(p *settings.Pool, key string) int {
	switch key {
	case "max_connections":
		return p.MaxConnections
	case "max_connections_per_host":
		return p.MaxConnectionsPerHost
	case "max_idle":
		return p.MaxIdle
	case "max_idle_per_host":
		return p.MaxIdlePerHost
	case "max_streams_per_connection":
		return p.MaxStreamsPerConnection
	case "max_waiting":
		return p.MaxWaiting
	}
	return 0
}

// unlimited reports whether 0 means that there is no limit.
func unlimited(key string, n int) bool {
	return n == 0 && (key == "max_connections" || key == "max_connections_per_host")
}

// ofGroup reports whether a limit holds over a whole pool, so that an upstream's own value counts
// in scope "upstream" alone.
func ofGroup(key string) bool {
	return key == "max_connections" || key == "max_idle" || key == "max_waiting"
}

// raise returns the changes that lift settings for these upstreams to what is wanted: in [pool]
// where they are all that matter, else by overrides. What is high enough already stays. nil means
// that nothing has to change, or that it cannot be changed.
func (f *Facts) raise(upstreams []*UpstreamFacts, everywhere bool, wants ...want) []Change {
	var patch []Change
	for _, w := range wants {
		ofAll := ofGroup(w.key) && domain{"", upstreams}.pooled()
		if everywhere || ofAll {
			patch = append(patch, f.lift("pool."+w.key, numberOf(&f.Settings.Pool, w.key), w)...)
		}
		for _, u := range upstreams {
			if ofAll || everywhere && !f.overrides(u.Name, w.key) {
				continue
			}
			if !u.Live {
				return nil
			}
			patch = append(patch, f.lift(path(u.Name, w.key), numberOf(&u.Pool, w.key), w)...)
		}
	}
	return f.orPreset(patch, everywhere)
}

// lift returns the change of one setting, if there is any.
func (f *Facts) lift(path string, now int, w want) []Change {
	if now >= w.at || unlimited(w.key, now) {
		return nil
	}
	return []Change{f.change(path, strconv.Itoa(w.at))}
}

// change returns the change of one setting to a text.
func (f *Facts) change(path, to string) Change {
	from := ""
	if value, err := f.Settings.Get(path); err == nil {
		from = fmt.Sprint(value)
	}
	return Change{path, from, to}
}

// path is that of an upstream's own setting of the pool.
func path(upstream, key string) string { return "upstreams[" + upstream + "].pool." + key }

// overrides reports whether an upstream has its own value of a setting, or a preset that brings one.
func (f *Facts) overrides(upstream, key string) bool {
	for _, key := range []string{key, "preset"} {
		if value, err := f.Settings.Get(path(upstream, key)); err == nil && fmt.Sprint(value) != "" {
			return true
		}
	}
	return false
}

// orPreset replaces several numbers of [pool] by the first preset that brings them all, when
// those that are there come from a preset as well.
func (f *Facts) orPreset(patch []Change, everywhere bool) []Change {
	p := f.Settings.Pool
	if !everywhere || len(patch) < 2 || p.Preset == settings.PresetCustom || p != p.WithPreset(p.Preset) {
		return patch
	}
	if slices.ContainsFunc(patch, func(c Change) bool { return c.Key != "pool."+settingOf(c.Key) }) {
		return patch
	}
	for _, name := range []settings.Preset{settings.PresetBalanced, settings.PresetFanOut} {
		next := p.WithPreset(name)
		if name != p.Preset && !slices.ContainsFunc(patch, func(c Change) bool { return tooLow(&next, c) }) {
			return []Change{f.change("pool.preset", string(name))}
		}
	}
	return patch
}

// tooLow reports whether a pool has less than a change asks for.
func tooLow(p *settings.Pool, c Change) bool {
	key := settingOf(c.Key)
	to, err := strconv.Atoi(c.To)
	now := numberOf(p, key)
	return err != nil || now < to && !unlimited(key, now)
}

// domain is a set of upstreams that share what is wrong. name is "" when they are as good as all.
type domain struct {
	name      string
	upstreams []*UpstreamFacts
}

// pooled reports whether the limits over a whole pool are those of [pool]: the upstreams share one,
// or there is one for each caller.
func (d domain) pooled() bool {
	return slices.ContainsFunc(d.upstreams, func(u *UpstreamFacts) bool { return u.Pool.Scope != settings.ScopeUpstream })
}

// everywhere reports whether [pool] is the place to change.
func (d domain) everywhere() bool { return d.name == "" }

// domains splits the upstreams for which something is wrong: one domain when half or more of those
// that are busy share it, or one of them has no settings of its own that could be changed, else one
// for each.
func (f *Facts) domains(wrong func(*UpstreamFacts) bool) []domain {
	var all []*UpstreamFacts
	busy := 0
	for i := range f.Upstreams {
		u := &f.Upstreams[i]
		if u.Requests >= enough {
			busy++
		}
		if wrong(u) {
			all = append(all, u)
		}
	}
	if len(all) == 0 {
		return nil
	}
	fromFlags := slices.ContainsFunc(all, func(u *UpstreamFacts) bool { return !u.Live })
	if len(f.Upstreams) == 1 || len(all) > 1 && 2*len(all) >= busy || fromFlags {
		return []domain{{"", all}}
	}
	var each []domain
	for _, u := range all {
		each = append(each, domain{u.Name, []*UpstreamFacts{u}})
	}
	return each
}

// total adds up a figure over the domain's upstreams.
func (d domain) total(figure func(*UpstreamFacts) uint64) uint64 {
	var n uint64
	for _, u := range d.upstreams {
		n += figure(u)
	}
	return n
}

// widest returns the largest of a figure of the domain's upstreams.
func (d domain) widest(figure func(*UpstreamFacts) int) int {
	n := 0
	for _, u := range d.upstreams {
		n = max(n, figure(u))
	}
	return n
}

// handshake returns what opening one connection took on average.
func (d domain) handshake() time.Duration {
	var all UpstreamFacts
	for _, u := range d.upstreams {
		all.Connects += u.Connects
		all.Spent += u.Spent
	}
	return all.handshake()
}

// words names the domain within a sentence.
func (d domain) words() string {
	if d.name == "" {
		return "the upstreams"
	}
	return d.name
}
