package window

import (
	"fmt"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"millpond/app/model"
	"millpond/settings"
)

// A desk is a window that is used, with what it sent.
type desk struct {
	*Window
	t      *testing.T
	view   model.View
	keys   keysForTest
	sent   []model.Edit
	probed []settings.Upstream
	stops  int
	advice []string
}

// use returns a window that shows a page of a proxy with settings.
func use(t *testing.T, page model.Page) *desk {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(Theme(Light))
	d := &desk{t: t, view: configured()}
	do := nothing()
	do.Save = func(e model.Edit) { d.sent = append(d.sent, e) }
	do.Probe = func(u settings.Upstream) { d.probed = append(d.probed, u) }
	do.StopProbe = func() { d.stops++ }
	do.Advice = func(id string, revision uint64, on bool) {
		d.advice = append(d.advice, fmt.Sprint(id, " ", revision, " ", on))
	}
	d.Window = New(byKey, do, model.Text{})
	d.Bind(&d.keys)
	frame := test.NewTempWindow(t, d.Content())
	frame.Resize(Size)
	d.Open(page)
	d.Show(d.view)
	return d
}

// answer is the daemon's to the last edit: in force, or refused with a problem.
func (d *desk) answer(problem model.Text) {
	d.t.Helper()
	last := d.sent[len(d.sent)-1]
	if problem.Empty() {
		d.view.Settings, d.view.Revision = last.Settings, last.Revision+1
	}
	d.view.Saved = model.Saved{Number: last.Number, Problem: problem}
	d.Show(d.view)
}

// line returns a line of the pool's form.
func (d *desk) line(path string) *line {
	d.t.Helper()
	for _, l := range d.shown().(*poolPage).form.lines {
		if l.path() == path {
			return l
		}
	}
	d.t.Fatalf("there is no line for %s", path)
	return nil
}

// upstreams returns the page of upstreams.
func (d *desk) upstreams() *upstreamsPage { return d.shown().(*upstreamsPage) }

// typeIn replaces what stands in an entry, letter by letter.
func typeIn(e *entry, words string) {
	e.SetText("")
	test.Type(e, words)
}

func TestLimitIsCheckedAppliedAndTakenBack(t *testing.T) {
	d := use(t, model.PagePool)
	l := d.line("pool.max_connections")
	typeIn(l.entry, "200000")
	if got, want := l.hint.label.Text, "field.outside"; got != want {
		t.Errorf("out of range: got %q; want %q", got, want)
	}
	if !d.bar.box.Visible() || !d.bar.apply.Disabled() {
		t.Error("out of range: it can be applied")
	}
	d.keys.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyS, Modifier: hold})
	if len(d.sent) > 0 {
		t.Error("out of range: it was sent")
	}

	typeIn(l.entry, "600")
	if got, want := l.hint.label.Text, "field.between_unit · field.plain"; got != want {
		t.Errorf("within the range: got %q; want %q", got, want)
	}
	if got, want := d.bar.changes.lines.rows[0].words, "change.setting"; got != want || d.bar.title.words != "edit.changes" {
		t.Errorf("the bar: got %q, %q; want %q", d.bar.title.words, got, want)
	}
	test.Tap(d.bar.apply)
	if len(d.sent) != 1 || d.sent[0].Revision != 7 || d.sent[0].Settings.Pool.MaxConnections != 600 {
		t.Fatalf("got %+v; want 600 connections, made from revision 7", d.sent)
	}
	if !d.bar.apply.Disabled() {
		t.Error("it can be applied again while it is being applied")
	}
	d.answer(model.Text{})
	if d.bar.title.words != "edit.applied" || !d.bar.undo.Visible() {
		t.Errorf("applied: got %q", d.bar.title.words)
	}
	d.keys.TypedShortcut(&fyne.ShortcutUndo{})
	if len(d.sent) != 2 || d.sent[1].Revision != 8 || d.sent[1].Settings.Pool.MaxConnections != 512 {
		t.Fatalf("undo: got %+v; want 512 connections, made from revision 8", d.sent)
	}
	d.answer(model.Text{})
	if got, want := l.entry.Text, "512"; got != want {
		t.Errorf("taken back: got %q; want %q", got, want)
	}
	test.Tap(d.bar.close)
	if d.bar.box.Visible() {
		t.Error("the bar stays when it is closed")
	}
}

func TestConflictKeepsDraft(t *testing.T) {
	d := use(t, model.PagePool)
	l := d.line("pool.max_waiting")
	typeIn(l.entry, "77")
	test.Tap(d.bar.apply)
	d.view.Settings, d.view.Revision = d.view.Settings.Clone(), 9
	d.view.Settings.Pool.MaxWaiting, d.view.Settings.Pool.MaxIdle = 5, 6
	d.answer(model.T("edit.stale"))
	if l.entry.Text != "77" || d.bar.problem.label.Text != "edit.stale" || d.bar.apply.Disabled() {
		t.Errorf("got %q, %q; want the draft kept and the conflict told", l.entry.Text, d.bar.problem.label.Text)
	}
	if got, want := d.bar.changes.lines.rows[0].words, "change.setting – edit.elsewhere"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	test.Tap(d.bar.apply)
	if s := d.sent[1]; s.Revision != 9 || s.Settings.Pool.MaxWaiting != 77 || s.Settings.Pool.MaxIdle != 6 {
		t.Errorf("got %+v; want both edits", s.Settings.Pool)
	}
}

func TestDraftOutlivesDaemon(t *testing.T) {
	d := use(t, model.PagePool)
	l := d.line("pool.max_waiting")
	typeIn(l.entry, "77")
	d.Show(model.View{State: model.Absent})
	if l.entry.Text != "77" || !d.shown().(*poolPage).form.box.Visible() || !d.bar.apply.Disabled() || d.bar.problem.label.Text != "edit.waiting" {
		t.Errorf("without a daemon: got %q, %q; want the draft kept", l.entry.Text, d.bar.problem.label.Text)
	}
	d.Show(d.view)
	if l.entry.Text != "77" || d.bar.apply.Disabled() {
		t.Error("with a daemon again: the draft is gone or cannot be applied")
	}
}

func TestPresetAndOverride(t *testing.T) {
	d := use(t, model.PagePool)
	d.line("pool.preset").choice.SetSelected("preset.fan_out")
	if got, want := d.line("pool.max_connections").entry.Text, "1000"; got != want {
		t.Errorf("the preset's number: got %q; want %q", got, want)
	}
	d.shown().(*poolPage).form.owner.SetSelectedIndex(2)
	l := d.line("upstreams[relay].pool.max_connections_per_host")
	if l.entry.Text != "40" || !l.reset.Visible() {
		t.Errorf("an override: got %q, reset shown %v; want 40 and a way back", l.entry.Text, l.reset.Visible())
	}
	test.Tap(l.reset)
	if l.entry.Text != "" || l.reset.Visible() {
		t.Errorf("reset: got %q; want nothing of its own", l.entry.Text)
	}
	if plain := d.line("upstreams[relay].pool.max_idle"); plain.reset.Visible() || plain.entry.PlaceHolder != "value.as_all" {
		t.Error("what is not overridden is not told apart")
	}
	test.Tap(d.bar.apply)
	if s := d.sent[0].Settings; s.Pool.MaxConnections != 1000 || s.Upstreams[1].Pool.MaxConnectionsPerHost != nil {
		t.Errorf("got %+v", s)
	}
}

func TestAddFromCatalogue(t *testing.T) {
	d := use(t, model.PageUpstreams)
	p := d.upstreams()
	p.add()
	if !p.adding.add.Disabled() {
		t.Error("an empty form can be added")
	}
	typeIn(p.adding.search, "deepseek anthropic")
	if n := len(visible(p.adding.found.body.Objects)); n != 1 {
		t.Fatalf("found %d services; want 1", n)
	}
	test.Tap(p.adding.found.rows[0].button)
	name := p.adding.lines[0]
	typeIn(name.entry, "relay")
	if got, want := name.hint.label.Text, "field.name_taken"; got != want || !p.adding.add.Disabled() {
		t.Errorf("a name twice: got %q; want %q", got, want)
	}
	typeIn(name.entry, "deep")
	test.Tap(p.adding.add)
	if !p.list.box.Visible() || p.list.lines[3].Name != "deep" || !p.list.lines[3].Added {
		t.Fatalf("got %+v; want it in the list", p.list.lines)
	}
	test.Tap(d.bar.apply)
	all := d.sent[0].Settings.Upstreams
	if u := all[len(all)-1]; u.Name != "deep" || u.Kind != settings.KindAnthropic || u.URL != "https://api.deepseek.com/anthropic" || u.Credential != "" {
		t.Errorf("got %+v", u)
	}
}

func TestEditRemoveAndEscape(t *testing.T) {
	d := use(t, model.PageUpstreams)
	p := d.upstreams()
	test.Tap(p.list.list.rows[1].edit)
	if !p.sheet.box.Visible() || p.list.box.Visible() || p.sheet.name.words != "relay" {
		t.Fatal("the form of the second upstream is not open")
	}
	typeIn(p.sheet.lines[2].entry, "htps://x")
	if got, want := p.sheet.lines[2].hint.label.Text, "field.form.url"; got != want || !d.bar.apply.Disabled() {
		t.Errorf("got %q; want %q", got, want)
	}
	typeIn(p.sheet.lines[2].entry, "https://x.example")
	p.sheet.lines[2].entry.TypedKey(&fyne.KeyEvent{Name: fyne.KeyEscape})
	d.keys.typed(&fyne.KeyEvent{Name: fyne.KeyEscape}) // Fyne's test canvas has no keys of its own
	if !p.list.box.Visible() {
		t.Error("Escape does not go back to the list")
	}
	test.Tap(p.list.list.rows[0].toggle)
	test.Tap(p.list.list.rows[2].remove)
	if !p.list.lines[2].Removed {
		t.Errorf("got %+v; want the third removed", p.list.lines[2])
	}
	test.Tap(d.bar.apply)
	s := d.sent[0].Settings
	if len(s.Upstreams) != 2 || s.Upstreams[0].Enabled || s.Upstreams[1].URL != "https://x.example" {
		t.Errorf("got %+v", s.Upstreams)
	}
	d.answer(model.Text{})
	test.Tap(d.bar.undo)
	if s := d.sent[1].Settings; len(s.Upstreams) != 3 || s.Upstreams[2].Name != "local" || !s.Upstreams[0].Enabled {
		t.Errorf("undo: got %+v", s.Upstreams)
	}
}

func TestOrderByKeyAndByDrag(t *testing.T) {
	d := use(t, model.PageUpstreams)
	p := d.upstreams()
	names := func() []string {
		var all []string
		for _, l := range p.list.lines {
			all = append(all, l.Name)
		}
		return all
	}
	alt := func(key fyne.KeyName) fyne.Shortcut {
		return &desktop.CustomShortcut{KeyName: key, Modifier: fyne.KeyModifierAlt}
	}
	p.list.list.rows[1].box.TypedShortcut(alt(fyne.KeyUp))
	if want := []string{"relay", "anthropic", "local"}; !slices.Equal(names(), want) {
		t.Errorf("Alt and up: got %v; want %v", names(), want)
	}
	p.list.list.rows[0].box.TypedShortcut(alt(fyne.KeyDown))
	if d.bar.box.Visible() {
		t.Error("back where it was: there is still something to apply")
	}
	g := p.list.list.rows[2].grip
	height := p.list.list.rows[2].box.Size().Height
	g.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(0, -height)})
	g.Dragged(&fyne.DragEvent{Dragged: fyne.NewDelta(0, -height)})
	if p.list.list.rows[0].box.drop != -1 {
		t.Error("while dragging, the place is not shown")
	}
	g.DragEnd()
	if want := []string{"local", "anthropic", "relay"}; !slices.Equal(names(), want) {
		t.Errorf("dragged: got %v; want %v", names(), want)
	}
	test.Tap(d.bar.apply)
	if u := d.sent[0].Settings.Upstreams; u[0].Priority != 2 || u[1].Priority != 3 || u[2].Priority != 1 {
		t.Errorf("got %+v", u)
	}
}

// Every line can be moved by its arrows, with the keyboard too, which stays with the line.
func TestOrderByArrows(t *testing.T) {
	d := use(t, model.PageUpstreams)
	p := d.upstreams()
	c := fyne.CurrentApp().Driver().CanvasForObject(p.box)
	rows := p.list.list.rows
	if !rows[0].up.Disabled() || rows[0].down.Disabled() {
		t.Error("the first line can go up, or not down")
	}
	for range 60 {
		if c.FocusNext(); c.Focused() == fyne.Focusable(rows[1].down) {
			break
		}
	}
	if got, want := FocusedForTest(c), "upstream.down"; got != want {
		t.Fatalf("by Tab: got %q; want %q", got, want)
	}
	key := rows[1].key
	d.press(fyne.KeyReturn)
	if rows[2].key != key || c.Focused() != fyne.Focusable(rows[2].box) {
		t.Errorf("down to the end: got %v at the end with the keyboard on %q; want %s", rows[2].key, FocusedForTest(c), key)
	}
	c.Focus(rows[2].up)
	d.press(fyne.KeySpace)
	if rows[1].key != key || c.Focused() != fyne.Focusable(rows[1].up) {
		t.Errorf("up: got %v in the middle with the keyboard on %q; want %s", rows[1].key, FocusedForTest(c), key)
	}
	c.Unfocus()
	test.Tap(rows[1].up)
	if rows[0].key != key || c.Focused() != nil {
		t.Errorf("by the mouse: got %v first; want %s", rows[0].key, key)
	}
	test.Tap(p.list.heads[0])
	if first := rows[0]; p.list.down && (!first.grip.off || !first.up.Disabled() || !first.down.Disabled()) {
		t.Error("lines can be moved though the list is the other way round")
	}
}

func TestSortByColumn(t *testing.T) {
	d := use(t, model.PageUpstreams)
	p := d.upstreams()
	first := func() string { return p.list.lines[0].Name }
	p.list.heads[1].TypedRune(' ')
	if got, want := first(), "anthropic"; got != want || !p.list.heads[1].arrow.Visible() {
		t.Errorf("by name: got %q first; want %q", got, want)
	}
	test.Tap(p.list.heads[1])
	if got, want := first(), "relay"; got != want {
		t.Errorf("by name, the other way: got %q first; want %q", got, want)
	}
	if !p.list.list.rows[0].grip.off {
		t.Error("lines can be dragged though they are not in their order")
	}
}

func TestProbeIsShown(t *testing.T) {
	d := use(t, model.PageUpstreams)
	p := d.upstreams()
	test.Tap(p.list.list.rows[0].test)
	if len(d.probed) != 1 || d.probed[0].Name != "anthropic" {
		t.Fatalf("got %+v; want a test of anthropic", d.probed)
	}
	d.view.Probe = model.ProbeStart("anthropic", "https://api.anthropic.com")
	d.Show(d.view)
	if !p.probe.box.Visible() || p.probe.stop.Text != "probe.stop" || len(visible(p.probe.steps.body.Objects)) != 5 {
		t.Error("the test is not shown while it runs")
	}
	test.Tap(p.probe.stop)
	d.view.Probe = model.Probe{}
	d.Show(d.view)
	if d.stops != 1 || p.probe.box.Visible() {
		t.Error("the test cannot be stopped")
	}
}

func TestAdviceIsTakenAndTakenBack(t *testing.T) {
	d := use(t, model.PagePool)
	rows := d.shown().(*poolPage).advice.items.rows
	if rows[0].undo.Visible() || !rows[0].apply.Visible() || !rows[1].undo.Visible() || rows[1].apply.Visible() {
		t.Error("what can be taken and what can be taken back are mixed up")
	}
	test.Tap(rows[0].apply)
	test.Tap(rows[1].undo)
	if want := []string{"idle_slots:anthropic 7 true", "limit_queue 7 false"}; !slices.Equal(d.advice, want) {
		t.Errorf("got %v; want %v", d.advice, want)
	}
	d.view.Advised = model.AdviceView{Known: true, Note: model.T("advice.none")}
	d.Show(d.view)
	p := d.shown().(*poolPage).advice
	if n := len(visible(p.items.body.Objects)); p.note.label.Text != "advice.none" || n != 0 && p.items.body.Visible() {
		t.Errorf("without advice: got %q and %d items", p.note.label.Text, n)
	}
}

func TestOtherListsSort(t *testing.T) {
	d := use(t, model.PagePool)
	l := d.shown().(*poolPage).learned
	test.Tap(l.heads[0])
	if got, want := l.list.rows[0].name.words, "anthropic"; got != want {
		t.Errorf("by name: got %q first; want %q", got, want)
	}
	test.Tap(l.heads[0])
	if got, want := l.list.rows[0].name.words, "relay"; got != want {
		t.Errorf("by name, the other way: got %q first; want %q", got, want)
	}
	test.Tap(l.heads[0])
	if l.heads[0].arrow.Visible() || l.list.rows[1].name.words != "relay" {
		t.Error("a third tap does not bring the list's own order back")
	}
	d.Open(model.PageOverview)
	u := d.shown().(*overview).upstreams
	test.Tap(u.heads[1])
	if got, want := u.list.rows[2].name.words, "local"; got != want {
		t.Errorf("by state: got %q last; want %q, which is off", got, want)
	}
}

func TestGaugeMovesWithTraffic(t *testing.T) {
	d := use(t, model.PagePool)
	gauge := d.shown().(*poolPage).gauge
	busy := func() float32 { return test.WidgetRenderer(gauge.gauge).Objects()[1].Size().Width }
	before := busy()
	d.view.Pool.Busy = 12
	d.Show(d.view)
	if got := busy(); got <= before || gauge.busy.words != "12" {
		t.Errorf("got %v wide and %q; want more than %v and 12", got, gauge.busy.words, before)
	}
}
