package model

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"millpond/settings"
)

// An UpstreamLine is one upstream in the list where upstreams are changed: as the
// draft has it, and how it does.
type UpstreamLine struct {
	Upstream
	Key      string // its name in the paths of the draft
	Enabled  bool
	Priority string
	Place    string // its URL, as short as can be
	Note     Text   // what the draft does to it; empty when nothing
	Added    bool   // by the draft
	Removed  bool   // by the draft
	Up, Down bool   // it can go before or behind a neighbour
}

// A Column is what a list of upstreams is sorted by.
type Column int

// The columns. The first is the order in which upstreams are asked.
const (
	ByOrder Column = iota
	ByName
	ByState
	ByRate
	ByRequests
	ByLatency
	ByConnections
	ByLearned
	ByProtocol
	ByReuse
	ByDials
)

// Lines returns the upstreams of the draft, and those that it removes, with what is
// known of them.
func (d *Draft) Lines(known []Upstream) []UpstreamLine {
	var lines []UpstreamLine
	for _, i := range order(d.next.Upstreams) {
		u := d.next.Upstreams[i]
		l := lineOf(u, d.names[i], known)
		l.Added = !slices.Contains(namesOf(d.base), l.Key)
		switch {
		case l.Added:
			l.Note = T("upstream.added")
		case slices.ContainsFunc(d.changes, func(c Change) bool { name, _ := splitPath(c.Path); return name == l.Key }):
			l.Note = T("upstream.changed")
		}
		lines = append(lines, l)
	}
	for i := range lines {
		l := &lines[i]
		l.Up = i > 0 && lines[i-1].Kind == l.Kind
		l.Down = i+1 < len(lines) && lines[i+1].Kind == l.Kind
	}
	for _, u := range d.base.Upstreams {
		if slices.Contains(d.edits.removed, u.Name) {
			l := lineOf(u, u.Name, known)
			l.Removed, l.Note = true, T("upstream.removed")
			lines = append(lines, l)
		}
	}
	return lines
}

// lineOf describes an upstream of the draft.
func lineOf(u settings.Upstream, key string, known []Upstream) UpstreamLine {
	l := UpstreamLine{Key: key, Enabled: u.Enabled, Priority: strconv.Itoa(u.Priority)}
	l.Upstream = Upstream{State: Off, Health: T("upstream.unused"), Rate: None, Requests: None, P50: None, Connections: None}
	if i := slices.IndexFunc(known, func(k Upstream) bool { return k.Name == key }); i >= 0 {
		l.Upstream = known[i]
	}
	l.Name, l.URL, l.Kind = u.Name, u.URL, string(u.Kind)
	l.Place = strings.TrimPrefix(u.URL, "https://")
	if !u.Enabled {
		l.State, l.Health = Off, T("upstream.disabled")
	}
	return l
}

// order returns the places of upstreams as they are asked: by kind as they come in
// the file, and by priority.
func order(all []settings.Upstream) []int {
	var kinds []settings.Kind
	places := make([]int, len(all))
	for i, u := range all {
		places[i] = i
		if !slices.Contains(kinds, u.Kind) {
			kinds = append(kinds, u.Kind)
		}
	}
	slices.SortStableFunc(places, func(a, b int) int {
		return cmp.Or(slices.Index(kinds, all[a].Kind)-slices.Index(kinds, all[b].Kind), all[a].Priority-all[b].Priority)
	})
	return places
}

// SortLines sorts a list by a column, descending where down says so. Lines that are
// alike keep their order, and the column of the order leaves all as it is.
func SortLines(lines []UpstreamLine, by Column, down bool) {
	if compare := comparing(by, down); compare != nil {
		slices.SortStableFunc(lines, func(a, b UpstreamLine) int { return compare(&a.Upstream, &b.Upstream) })
	}
}

// SortUpstreams returns a list sorted as SortLines does, and leaves the given one.
func SortUpstreams(list []Upstream, by Column, down bool) []Upstream {
	sorted := slices.Clone(list)
	if compare := comparing(by, down); compare != nil {
		slices.SortStableFunc(sorted, func(a, b Upstream) int { return compare(&a, &b) })
	}
	return sorted
}

// comparing returns what compares upstreams by a column; nil for that of the order.
func comparing(by Column, down bool) func(a, b *Upstream) int {
	compare := map[Column]func(a, b *Upstream) int{
		ByName:        func(a, b *Upstream) int { return strings.Compare(a.Name, b.Name) },
		ByState:       func(a, b *Upstream) int { return trouble(a.State) - trouble(b.State) },
		ByRate:        func(a, b *Upstream) int { return cmp.Compare(a.figures.rate, b.figures.rate) },
		ByRequests:    func(a, b *Upstream) int { return cmp.Compare(a.figures.requests, b.figures.requests) },
		ByLatency:     func(a, b *Upstream) int { return cmp.Compare(a.figures.p50, b.figures.p50) },
		ByConnections: func(a, b *Upstream) int { return cmp.Compare(a.figures.open, b.figures.open) },
		ByLearned:     func(a, b *Upstream) int { return cmp.Compare(a.figures.learned, b.figures.learned) },
		ByProtocol:    func(a, b *Upstream) int { return strings.Compare(a.Protocol, b.Protocol) },
		ByReuse:       func(a, b *Upstream) int { return cmp.Compare(a.figures.reuse, b.figures.reuse) },
		ByDials:       func(a, b *Upstream) int { return cmp.Compare(a.figures.dials, b.figures.dials) },
	}[by]
	if compare == nil || !down {
		return compare
	}
	return func(a, b *Upstream) int { return compare(b, a) }
}

// trouble puts what fails first.
func trouble(s State) int { return slices.Index([]State{Failing, Degraded, On, Off}, s) }

// figures are what an upstream is sorted by; -1 where nothing was measured.
type figures struct {
	rate, p50, learned, reuse float64
	requests, dials           int64
	open                      int
}

// unmeasured are the figures of an upstream that is not in use.
var unmeasured = figures{rate: -1, p50: -1, learned: -1, reuse: -1, requests: -1, dials: -1, open: -1}

// Move puts an upstream before or behind others of its kind, by as many places as by
// says, and gives them the priorities of that order. Between two that share their
// requests it shares too; else it goes alone.
func (d *Draft) Move(key string, by int) {
	all := d.next.Upstreams
	at := slices.Index(d.names, key)
	if at < 0 {
		return
	}
	var row []int // the places of its kind, in their order
	for _, i := range order(all) {
		if all[i].Kind == all[at].Kind {
			row = append(row, i)
		}
	}
	from := slices.Index(row, at)
	to := min(max(from+by, 0), len(row)-1)
	if from == to {
		return
	}
	row = slices.Insert(slices.Delete(row, from, from+1), to, at)
	keys := make([]string, len(row))
	for i, place := range row {
		keys[i] = d.names[place]
	}
	for i, rank := range ranks(row, to, func(place int) int { return all[place].Priority }) {
		d.Set(upstreamPath(keys[i], "priority"), strconv.Itoa(rank))
	}
}

// ranks numbers a row from 1, alike where the priorities are alike and neighbours,
// and where the one that was moved stands between two that are alike.
func ranks(row []int, moved int, priority func(place int) int) []int {
	alike := func(a, b int) bool { return priority(row[a]) == priority(row[b]) }
	between := moved > 0 && moved+1 < len(row) && alike(moved-1, moved+1)
	list := make([]int, len(row))
	for i := range row {
		switch {
		case i == 0:
			list[i] = 1
		case between && (i == moved || i == moved+1):
			list[i] = list[i-1]
		case i != moved && i != moved+1 && alike(i-1, i):
			list[i] = list[i-1]
		default:
			list[i] = list[i-1] + 1
		}
	}
	return list
}

// Upstream returns an upstream as the draft has it, and false when there is none.
func (d *Draft) Upstream(key string) (settings.Upstream, bool) {
	i := slices.Index(d.names, key)
	if i < 0 {
		return settings.Upstream{}, false
	}
	return d.next.Upstreams[i], true
}

// UpstreamPath returns the path of an upstream's setting.
func UpstreamPath(key string, k settings.Key) string { return upstreamPath(key, k.Name()) }

// UpstreamSwitch returns the path of whether an upstream is in use.
func UpstreamSwitch(key string) string { return upstreamPath(key, "enabled") }

// UpstreamKeys returns the settings of an upstream, its own pool aside.
func UpstreamKeys() []settings.Key { return keysOf("upstreams[]") }

// FailoverKeys returns the settings of what happens when an upstream fails.
func FailoverKeys() []settings.Key { return keysOf("failover") }

// TimeoutKeys returns the settings of how long is waited for an upstream.
func TimeoutKeys() []settings.Key { return keysOf("timeouts") }

// keysOf returns the settings of a part of the file.
func keysOf(section string) []settings.Key {
	var list []settings.Key
	for _, k := range settings.Keys() {
		if k.Section() == section {
			list = append(list, k)
		}
	}
	return list
}

// Fresh is the key of an upstream that is being filled in: it has no name yet.
const Fresh = ""

// Begin returns a draft of its own in which a new upstream can be filled in. It goes
// to this one by Take.
func (d *Draft) Begin(u settings.Upstream) *Draft {
	name := u.Name
	u.Name, u.Enabled, u.Weight = Fresh, true, 1
	u.Priority = 1
	for _, other := range d.next.Upstreams {
		if other.Kind == u.Kind {
			u.Priority = max(u.Priority, other.Priority+1) // behind those that there are
		}
	}
	fresh := NewDraft(d.next, d.revision)
	fresh.Add(u)
	if name != "" {
		fresh.Set(upstreamPath(Fresh, "name"), d.freeName(name))
	}
	return fresh
}

// freeName returns a name that no upstream has, like the given one.
func (d *Draft) freeName(name string) string {
	for n, free := 2, name; ; n++ {
		if !slices.Contains(namesOf(d.next), free) {
			return free
		}
		free = name + "-" + strconv.Itoa(n)
	}
}

// Complete reports whether the upstream that is filled in could be added.
func (d *Draft) Complete() bool {
	for path := range d.errs {
		if name, key := splitPath(path); name == Fresh && key != path {
			return false
		}
	}
	_, ok := d.Upstream(Fresh)
	return ok
}

// Take adds the upstream that was filled in, and reports whether it could.
func (d *Draft) Take(fresh *Draft) bool {
	u, _ := fresh.Upstream(Fresh)
	if !fresh.Complete() || slices.Contains(namesOf(d.next), u.Name) {
		return false
	}
	d.Add(u)
	return true
}

// ServiceNote says where the key of a known service is made, and how it is given.
func ServiceNote(page, variable string) Text {
	if page == "" {
		return T("upstream.no_key")
	}
	return T("upstream.key", "Page", page, "Variable", variable)
}
