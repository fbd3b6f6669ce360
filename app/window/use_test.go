package window

import (
	"fmt"
	"slices"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"millpond/app/model"
)

// byKey words a text as its key, so that these tests need no language.
func byKey(t model.Text) string { return t.Key }

// open returns a window that is shown, and what was asked of it.
func open(t *testing.T, v model.View) (*Window, *[]string) {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(Theme(Light))
	var asked []string
	w := New(byKey, model.Actions{
		Switch: func(on bool) { asked = append(asked, fmt.Sprint("switch ", on)) },
		Copy:   func(text string) { asked = append(asked, "copy "+text) },
	}, model.T("reason.no_tray"))
	frame := test.NewTempWindow(t, w.Content())
	frame.Resize(Size)
	w.Show(v)
	return w, &asked
}

// serving is a view of a proxy that works.
func serving() model.View {
	v := model.View{State: model.On, Headline: model.T("state.on"), Connected: true, Serving: true, Address: "http://127.0.0.1:7860"}
	for i := range v.Periods {
		v.Periods[i] = model.Period{Label: model.T(fmt.Sprint("period.", i)), Rate: fmt.Sprint(90+i, "%"), Requests: fmt.Sprint(i),
			Points: []model.Point{{Rate: 100, Requests: 1, Label: model.T("point.a")}, {Rate: 90, Requests: 1, Label: model.T("point.b")}},
			Legend: model.T("overview.legend")}
	}
	return v
}

func TestSwitch(t *testing.T) {
	w, asked := open(t, serving())
	test.Tap(w.head.toggle)
	if !w.head.toggle.on {
		t.Error("the switch moved before the daemon did")
	}
	v := serving()
	v.Serving = false
	w.Show(v)
	w.head.toggle.TypedRune(' ')
	w.head.toggle.TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	w.head.toggle.TypedRune('x')
	if want := []string{"switch false", "switch true", "switch true"}; !slices.Equal(*asked, want) {
		t.Errorf("got %v; want %v", *asked, want)
	}
	w.Show(model.Start())
	test.Tap(w.head.toggle)
	if len(*asked) != 3 {
		t.Error("the switch asks though there is no daemon")
	}
}

func TestKeyboardReachesSwitch(t *testing.T) {
	w, _ := open(t, serving())
	canvas := fyne.CurrentApp().Driver().CanvasForObject(w.head.toggle)
	for range 10 {
		canvas.FocusNext()
		if w.head.toggle.focused {
			return
		}
	}
	t.Error("the switch never got the keyboard")
}

func TestCopy(t *testing.T) {
	w, asked := open(t, serving())
	test.Tap(w.head.address.button)
	if want := []string{"copy http://127.0.0.1:7860"}; !slices.Equal(*asked, want) {
		t.Errorf("got %v; want %v", *asked, want)
	}
	if got, want := w.head.address.button.Text, "overview.copied"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	v := serving()
	v.Address = "http://127.0.0.1:7861"
	w.Show(v)
	if got, want := w.head.address.button.Text, "overview.copy"; got != want {
		t.Errorf("after a change of address: got %q; want %q", got, want)
	}
}

func TestPeriodStaysChosen(t *testing.T) {
	w, _ := open(t, serving())
	test.Tap(w.pages[0].(*overview).success.choices[2])
	w.Show(serving())
	if got, want := w.pages[0].(*overview).success.rate.words, "92%"; got != want {
		t.Errorf("rate: got %q; want %q", got, want)
	}
	if got, want := w.pages[0].(*overview).traffic.requests.words, "2"; got != want {
		t.Errorf("requests: got %q; want %q", got, want)
	}
}

func TestHoverTellsOfPoint(t *testing.T) {
	w, _ := open(t, serving())
	s := w.pages[0].(*overview).success
	s.spark.MouseMoved(&desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(s.spark.Size().Width-1, 1)}})
	if got, want := s.hint.words, "point.b"; got != want {
		t.Errorf("on the last point: got %q; want %q", got, want)
	}
	w.Show(serving())
	if got, want := s.hint.words, "point.b"; got != want {
		t.Errorf("after new figures: got %q; want %q", got, want)
	}
	s.spark.MouseOut()
	if got, want := s.hint.words, "overview.legend"; got != want {
		t.Errorf("off the chart: got %q; want %q", got, want)
	}
}

func TestBanner(t *testing.T) {
	w, _ := open(t, serving())
	if !w.banner.box.Visible() || w.banner.words.label.Text != "reason.no_tray" {
		t.Error("the notice is not shown")
	}
	v := serving()
	v.Notice = model.T("error.switch")
	w.Show(v)
	if got, want := w.banner.words.label.Text, "error.switch"; got != want {
		t.Errorf("got %q; want %q", got, want)
	}
	w.Show(serving())
	test.Tap(w.banner.close)
	w.Show(serving())
	if w.banner.box.Visible() {
		t.Error("the notice is shown after it was put away")
	}
}

func TestListsGrowAndShrink(t *testing.T) {
	w, _ := open(t, serving())
	list := w.pages[0].(*overview).upstreams.list
	for _, n := range []int{0, 3, 1, 0, 2} {
		v := serving()
		for i := range n {
			v.Upstreams = append(v.Upstreams, model.Upstream{Name: fmt.Sprint("u", i)})
		}
		w.Show(v)
		if got := len(visible(list.body.Objects)); got != n && n > 0 {
			t.Errorf("got %d lines; want %d", got, n)
		}
		if got := list.empty.box.Visible(); got != (n == 0) {
			t.Errorf("with %d upstreams: said there is none is %v", n, got)
		}
	}
}

func TestDaemonGoesAndComes(t *testing.T) {
	w, _ := open(t, serving())
	w.Show(model.View{State: model.Absent, Command: "millpondd serve"})
	if w.pages[0].(*overview).box.Visible() || !w.head.command.box.Visible() || w.head.address.box.Visible() {
		t.Error("without a daemon there are figures, no command, or an address")
	}
	w.Show(serving())
	if !w.pages[0].(*overview).box.Visible() || w.head.command.box.Visible() || !w.head.address.box.Visible() {
		t.Error("with a daemon again there are no figures, a command, or no address")
	}
}

func TestTextIsCutOff(t *testing.T) {
	test.NewTempApp(t)
	long := plain().with(cutOff)
	long.set("a rather long line of words")
	w := test.NewTempWindow(t, long)
	w.Resize(fyne.NewSize(90, 40))
	got := test.WidgetRenderer(long).(*textRenderer).line.Text
	if len(got) >= len(long.words) || got[len(got)-len("…"):] != "…" {
		t.Errorf("got %q; want fewer letters and an ellipsis", got)
	}
	w.Resize(fyne.NewSize(900, 40))
	if got := test.WidgetRenderer(long).(*textRenderer).line.Text; got != long.words {
		t.Errorf("with room: got %q; want %q", got, long.words)
	}
}

// keysForTest takes the window's keys: the canvas of Fyne's tests takes none.
type keysForTest struct {
	fyne.ShortcutHandler
	typed func(*fyne.KeyEvent)
}

func (k *keysForTest) SetOnTypedKey(f func(*fyne.KeyEvent)) { k.typed = f }

func TestPagesOpen(t *testing.T) {
	var opened []model.Page
	test.NewTempApp(t).Settings().SetTheme(Theme(Light))
	w := New(byKey, model.Actions{Open: func(p model.Page) { opened = append(opened, p) }}, model.Text{})
	frame := test.NewTempWindow(t, w.Content())
	keys := &keysForTest{}
	w.Bind(keys)
	frame.Resize(Size)
	w.Show(serving())
	shown := func() string { return pages[w.at].label }

	keys.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.Key2, Modifier: hold})
	if got, want := shown(), "page.upstreams"; got != want {
		t.Errorf("Control and 2: got %s; want %s", got, want)
	}
	keys.typed(&fyne.KeyEvent{Name: fyne.KeyUp})
	if got, want := shown(), "page.overview"; got != want {
		t.Errorf("up: got %s; want %s", got, want)
	}
	test.TapAt(w.nav, fyne.NewPos(navNarrow/2, navEdge+navLine+navGap+1))
	if got, want := shown(), "page.upstreams"; got != want {
		t.Errorf("a tap on the second line: got %s; want %s", got, want)
	}
	w.Open("nowhere")
	w.Show(model.Start())
	w.Show(serving())
	if got, want := shown(), "page.upstreams"; got != want {
		t.Errorf("after the daemon was gone: got %s; want %s", got, want)
	}
	if want := []model.Page{model.PageUpstreams, model.PageOverview, model.PageUpstreams}; !slices.Equal(opened, want) {
		t.Errorf("told of %v; want %v", opened, want)
	}
	if got := w.sheets.Objects; len(got) != 1 || got[0] != w.scrolls[w.at] {
		t.Errorf("got %d pages drawn; want the open one alone", len(got))
	}
}

// Every page of the window has a name that can be asked for.
func TestPagesAreNamed(t *testing.T) {
	for _, p := range pages {
		if !slices.Contains(model.Pages(), p.name) {
			t.Errorf("%s is not in model.Pages", p.name)
		}
	}
}

func TestNavigationFolds(t *testing.T) {
	w, _ := open(t, serving())
	for width, narrow := range map[float32]bool{920: false, foldBelow: false, foldBelow - 1: true} {
		w.Content().Resize(fyne.NewSize(width, 600))
		if got := w.nav.narrow(); got != narrow {
			t.Errorf("%v wide: got icons alone %v; want %v", width, got, narrow)
		}
	}
}

func TestHelpAppearsOnHover(t *testing.T) {
	w, _ := open(t, serving())
	w.Content().Resize(fyne.NewSize(foldBelow-1, 600))
	at := func(y float32) *desktop.MouseEvent {
		return &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(10, y)}}
	}
	w.nav.MouseIn(at(navEdge + 1))
	if got, want := w.nav.help.words.label.Text, "page.overview"; got != want || !w.nav.help.box.Visible() {
		t.Errorf("over an icon: got %q, shown %v; want %q", got, w.nav.help.box.Visible(), want)
	}
	w.nav.MouseOut()
	if w.nav.help.box.Visible() {
		t.Error("help stays when the pointer has gone")
	}
}
