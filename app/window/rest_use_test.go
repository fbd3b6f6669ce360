package window

import (
	"fmt"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"millpond/app/model"
	"millpond/settings"
)

// openRest returns a window at a page, and what was asked of it.
func openRest(t *testing.T, page model.Page, v model.View) (*Window, *[]string) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(Theme(Light))
	var asked []string
	note := func(what string, args ...any) { asked = append(asked, fmt.Sprint(append([]any{what}, args...)...)) }
	do := nothing()
	do.Service = func(a model.ServiceAction) { note("service ", a) }
	do.RunOnce = func() { note("run") }
	do.Demo = func() { note("demo") }
	do.Add = func(u settings.Upstream) { note("add ", u.Name, " ", u.Kind, " ", u.URL) }
	do.AtLogin = func(on bool) { note("at login ", on) }
	do.Prefer = func(p model.Preferences) { note("prefer ", p.Language, "/", p.Theme) }
	do.Connect = func(client string, on bool) { note("connect ", client, " ", on) }
	do.Try = func(r model.VerdictRow, share string) { note("try ", r.Upstream, " ", share) }
	do.Trial = func(id string, a model.TrialAction) { note("trial ", id, " ", a) }
	do.OpenFolder = func(path string) { note("folder ", path) }
	do.Copy = func(text string) { note("copy ", text) }
	w := New(byKeyOrValue, do, model.Text{})
	frame := test.NewTempWindow(t, w.Content())
	frame.Resize(fyne.NewSize(Size.Width, 1400))
	w.Open(page)
	w.Show(v)
	return w, &asked
}

// byKeyOrValue words a text as its key, or as the plain value that it holds.
func byKeyOrValue(t model.Text) string {
	if value, ok := t.Args["Value"].(string); ok {
		return value
	}
	return t.Key
}

// wants compares what was asked.
func wants(t *testing.T, asked *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*asked, want) {
		t.Errorf("got %q; want %q", *asked, want)
	}
	*asked = nil
}

// The first run opens by itself when it is needed as soon as anything is known, and not
// over a page that a person has opened.
func TestWelcomeOpensByItself(t *testing.T) {
	fresh, asking := nobody().With(desks()["fresh"]), nobody().With(desks()["asking"])
	w, _ := openRest(t, "", asking)
	if got := w.Page(); got != model.PageOverview {
		t.Errorf("before anything is known: got %v; want the overview", got)
	}
	w.Show(fresh)
	if got := w.Page(); got != model.PageWelcome {
		t.Errorf("got %v; want the first run", got)
	}
	if w.head.box.Visible() {
		t.Error("the head stands over the first run")
	}
	w.Open(model.PageOverview)
	w.Show(fresh)
	if got := w.Page(); got != model.PageOverview || !w.head.box.Visible() {
		t.Errorf("got %v; want the overview that was opened, with its head", got)
	}
	w, _ = openRest(t, "", asking)
	w.nav.TypedKey(&fyne.KeyEvent{Name: fyne.KeyDown})
	w.nav.TypedKey(&fyne.KeyEvent{Name: fyne.KeyUp})
	w.Show(fresh)
	if got := w.Page(); got != model.PageOverview {
		t.Errorf("got %v; want the overview that a person has come back to", got)
	}
	w, _ = openRest(t, model.PageLog, fresh)
	if got := w.Page(); got != model.PageLog {
		t.Errorf("got %v; want the log that was asked for", got)
	}
	w, _ = openRest(t, "", configured().With(desks()["running"]))
	w.Show(fresh)
	if got := w.Page(); got != model.PageOverview {
		t.Errorf("with a proxy that served: got %v; want the overview", got)
	}
}

// The head starts the proxy in the way that there is, once that is known.
func TestHeadStarts(t *testing.T) {
	none := desks()["fresh"]
	none.Service.None = "no systemd"
	for _, test := range []struct {
		name  string
		desk  model.Desk
		label string // "" offers nothing
		page  model.Page
		asks  []string
	}{
		{"not known yet", desks()["asking"], "", model.PageOverview, nil},
		{"the service", desks()["absent"], "tray.start", model.PageOverview, []string{"service start"}},
		{"without services", none, "tray.start", model.PageOverview, []string{"run"}},
		{"to be chosen", desks()["fresh"], "head.start_chosen", model.PageWelcome, nil},
	} {
		w, asked := openRest(t, model.PageOverview, nobody().With(test.desk))
		if got, want := w.head.start.Visible(), test.label != ""; got != want {
			t.Errorf("%s: offered: got %v; want %v", test.name, got, want)
		}
		if test.label != "" {
			if got := w.head.start.Text; got != test.label {
				t.Errorf("%s: got %q; want %q", test.name, got, test.label)
			}
			w.head.start.Tapped(nil)
			if got := w.Page(); got != test.page {
				t.Errorf("%s: got %v; want %v", test.name, got, test.page)
			}
		}
		wants(t, asked, test.asks...)
	}
}

func TestWelcomeAsks(t *testing.T) {
	w, asked := openRest(t, model.PageWelcome, nobody().With(desks()["fresh"]))
	p := w.shown().(*welcomePage)
	test.Tap(p.install)
	test.Tap(p.run)
	test.Tap(p.demo)
	wants(t, asked, "service install", "run", "demo")
	w.Show(nobody().With(desks()["broken"]))
	test.Tap(p.restart)
	w.Show(nobody().With(desks()["absent"]))
	test.Tap(p.start)
	w.Show(configured().With(desks()["by-hand"]))
	test.Tap(p.takeOver)
	wants(t, asked, "service restart", "service start", "service take_over")
	w.Show(nobody().With(desks()["asking"]))
	if p.ways.Visible() || p.demo.Visible() || p.takeOver.Visible() {
		t.Error("something is offered before it is known how it stands with the service")
	}
	w.Show(nobody().With(desks()["fresh"]))
	if p.pick.Visible() {
		t.Error("an upstream can be chosen though nothing would keep it")
	}
	v := configured()
	v.Upstreams = nil
	w.Show(v.With(desks()["empty"]))
	p.catalog.SetSelectedIndex(1)
	test.Tap(p.use)
	wants(t, asked, fmt.Sprintf("add %s %s %s", p.known[1].ID, p.known[1].Kind, p.known[1].URL))
	w.Show(configured().With(desks()["running"]))
	test.Tap(p.connect)
	if got := w.Page(); got != model.PageAgents {
		t.Errorf("got %v; want the agents", got)
	}
}

// The count goes from 0 to 1 before a person's eyes.
func TestWelcomeSeesFirstRequest(t *testing.T) {
	v := configured()
	v.Requests, v.Succeeded = 0, 0
	w, _ := openRest(t, model.PageWelcome, v.With(desks()["running"]))
	p := w.shown().(*welcomePage)
	if p.count.words != "0" || p.done.Visible() || p.request.note.label.Text != "welcome.request.waiting" {
		t.Errorf("before: got %q, %q", p.count.words, p.request.note.label.Text)
	}
	v.Requests = 1
	w.Show(v.With(desks()["running"]))
	if p.count.words != "1" || p.done.Visible() || p.request.note.label.Text != "welcome.request.failed_why" {
		t.Errorf("one that failed: got %q, %q", p.count.words, p.request.note.label.Text)
	}
	v.Succeeded = 1
	w.Show(v.With(desks()["running"]))
	if p.count.words != "1" || !p.done.Visible() || p.request.note.label.Text != "welcome.request.works" {
		t.Errorf("one that succeeded: got %q, %q", p.count.words, p.request.note.label.Text)
	}
	test.Tap(p.done)
	if got := w.Page(); got != model.PageOverview {
		t.Errorf("got %v; want the overview", got)
	}
}

// What cannot be taken back at once is asked first; Escape says no.
func TestServiceIsAskedFirst(t *testing.T) {
	w, asked := openRest(t, model.PageGeneral, configured().With(desks()["running"]))
	p := w.shown().(*generalPage).service
	test.Tap(p.buttons[model.ServiceUninstall])
	wants(t, asked)
	w.typed(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if p.question.box.Visible() {
		t.Error("the question is there after Escape")
	}
	test.Tap(p.buttons[model.ServiceUninstall])
	test.Tap(p.question.yes)
	wants(t, asked, "service uninstall")
	test.Tap(p.buttons[model.ServiceRestart])
	wants(t, asked, "service restart")
	w.Show(nobody().With(desks()["busy"]))
	if !p.buttons[model.ServiceInstall].Disabled() {
		t.Error("something can be asked of the service while something is under way")
	}
}

func TestPreferencesAreAsked(t *testing.T) {
	w, asked := openRest(t, model.PageGeneral, configured().With(desks()["running"]))
	p := w.shown().(*generalPage).look
	wants(t, asked) // showing what is chosen is no choice
	p.languages.SetSelectedIndex(2)
	p.themes.SetSelectedIndex(1)
	test.Tap(p.atLogin)
	wants(t, asked, "prefer zh_Hans/", "prefer /light", "at login false")
}

// A window in another language shows the same page, with what was typed.
func TestRewordKeepsPageAndDraft(t *testing.T) {
	w, _ := openRest(t, model.PageGeneral, configured().With(desks()["running"]))
	w.edit.set("listen.address", "127.0.0.1:7861")
	next := w.Reword(func(x model.Text) string { return "<" + x.Key + ">" })
	if got := next.Page(); got != model.PageGeneral {
		t.Errorf("got %v; want the page that was open", got)
	}
	if got := next.shown().(*generalPage).proxy.lines[0].entry.Text; got != "127.0.0.1:7861" {
		t.Errorf("got %q; want what was typed", got)
	}
	if got := next.head.state.words; got != "<state.on>" {
		t.Errorf("got %q; want the new words", got)
	}
}

// A click shows the keys that change, and a second one changes them.
func TestConnectShowsChangesFirst(t *testing.T) {
	w, asked := openRest(t, model.PageAgents, configured().With(desks()["running"]))
	rows := w.shown().(*agentsPage).list.rows
	test.Tap(rows[1].act)
	wants(t, asked)
	if !rows[1].planned.Visible() || len(rows[1].plan.rows) != 2 {
		t.Error("the changes are not shown")
	}
	test.Tap(rows[1].do)
	test.Tap(rows[0].act)
	test.Tap(rows[0].do)
	wants(t, asked, "connect codex true", "connect claude-code false")
	if rows[3].act.Visible() {
		t.Error("what is set up by hand has a button")
	}
	test.Tap(rows[0].copies.rows[0].button)
	wants(t, asked, "copy ANTHROPIC_BASE_URL=http://127.0.0.1:7860")
}

func TestLogPage(t *testing.T) {
	v := configured().With(desks()["running"])
	w, asked := openRest(t, model.PageLog, v)
	p := w.shown().(*logPage)
	if got := len(p.shown); got != 40 {
		t.Fatalf("got %d lines; want 40", got)
	}
	test.Type(p.search, "relay refused")
	if got := len(p.shown); got != 2 {
		t.Errorf("searched: got %d lines; want 2", got)
	}
	test.Tap(p.copy)
	wants(t, asked, "copy "+v.Log.Lines[4].Raw+"\n"+v.Log.Lines[31].Raw+"\n")
	p.search.SetText("")
	p.level.SetSelectedIndex(2)
	if got := len(p.shown); got != 1 {
		t.Errorf("errors alone: got %d lines; want 1", got)
	}
	p.level.SetSelectedIndex(0)
	test.Tap(p.pause)
	v.Log.Lines = append(v.Log.Lines, v.Log.Lines[0])
	w.Show(v)
	if got := len(p.shown); got != 40 {
		t.Errorf("paused: got %d lines; want the 40", got)
	}
	test.Tap(p.pause)
	w.Show(v)
	if got := len(p.shown); got != 41 {
		t.Errorf("after the pause: got %d lines; want 41", got)
	}
	p.choose(17)
	if !p.more.Visible() || p.whole.label.Text != v.Log.Lines[17].Raw {
		t.Error("a line that was chosen is not shown whole")
	}
	w.typed(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if p.more.Visible() {
		t.Error("it is shown after Escape")
	}
}

func TestTrialsAreAsked(t *testing.T) {
	w, asked := openRest(t, model.PageVerdict, configured().With(desks()["running"]))
	p := w.shown().(*verdictPage)
	row := p.rows.rows[1]
	test.Tap(row.try)
	wants(t, asked) // the share is asked first
	row.share.SetSelectedIndex(1)
	row.begin()
	wants(t, asked, "try relay 0.25")
	if row.plan.Visible() || p.rows.rows[0].try.Visible() {
		t.Error("the question is still there, or there is one where nothing is proposed")
	}
	test.Tap(p.trials.rows[0].end)
	test.Tap(p.trials.rows[1].apply)
	wants(t, asked, "trial t2 end", "trial t1 apply")
}
