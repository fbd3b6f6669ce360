package window

import (
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/software"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"

	"millpond/app"
	"millpond/app/model"
	"millpond/settings"
)

// states are the views that the window is drawn in, by the names of their
// pictures.
func states() map[string]model.View {
	degraded, failing, off := running(), running(), running()

	degraded.State, degraded.Headline = model.Degraded, model.T("state.degraded")
	degraded.Reason = model.T("reason.upstream_ejected", "Names", "relay")
	degraded.Advice = model.T("advice.ejected")
	degraded.Upstreams[1].State, degraded.Upstreams[1].Health = model.Failing, model.T("upstream.ejected")
	degraded.Upstreams[1].LastError = model.T("upstream.last_error", "When", model.T("ago.minutes", "N", "3"),
		"Detail", "dial tcp 203.0.113.9:443: connect: connection refused")
	degraded.Pool = model.Pool{Busy: 100, Idle: 4, Waiting: 12, Full: 128, Limit: 512,
		Note: model.N("pool.open_of", 104, "Limit", "512"), Reuse: model.T("pool.reuse", "Ratio", "91.2%", "Dials", "212")}

	failing.State, failing.Headline = model.Failing, model.T("state.failing")
	failing.Reason, failing.Advice = model.T("reason.no_healthy_upstream", "Names", "anthropic, relay"), model.T("advice.check_upstreams")

	empty := model.View{State: model.Degraded, Headline: model.T("state.no_upstream"), Connected: true, Serving: true,
		Reason: model.T("reason.no_upstream"), Advice: model.T("advice.add_upstream"),
		Command: "/home/you/.config/millpond/settings.toml", Address: "http://127.0.0.1:7860",
		Pool: model.Pool{Full: 8, Limit: 512, Note: model.N("pool.open_of", 0, "Limit", "512"), Reuse: model.T("pool.reuse_none")}}
	for i, label := range []string{"period.hour", "period.day", "period.weeks"} {
		empty.Periods[i] = model.Period{Label: model.T(label), Rate: model.None, Judgment: model.Loading,
			Note: model.T("overview.no_requests"), Requests: "0", Failed: "0", P50: model.None, P99: model.None,
			Target: 95, Trouble: 90, Legend: model.T("overview.no_history")}
	}

	off.State, off.Headline, off.Serving = model.Off, model.T("state.off"), false
	off.Reason, off.Advice = model.T("reason.paused"), model.T("advice.resume")
	off.Notice = model.T("error.switch", "Cause", "disk full")

	absent := model.View{State: model.Absent, Headline: model.T("state.absent"), Reason: model.T("reason.not_running"),
		Advice: model.T("advice.start"), Command: "millpondd serve"}
	return map[string]model.View{
		"on": running(), "degraded": degraded, "failing": failing, "empty": empty, "off": off, "absent": absent, "loading": model.Start(),
	}
}

// running is the view of a proxy that works.
func running() model.View {
	v := model.View{
		State: model.On, Headline: model.T("state.on"), Connected: true, Serving: true, Address: "http://127.0.0.1:7860",
		Pool: model.Pool{Busy: 3, Idle: 14, Full: 32, Limit: 512,
			Note: model.N("pool.open_of", 17, "Limit", "512"), Reuse: model.T("pool.reuse", "Ratio", "98.6%", "Dials", "31")},
		Upstreams: []model.Upstream{
			{Name: "anthropic", URL: "https://api.anthropic.com", State: model.On, Health: model.T("upstream.healthy"), Rate: "99.4%", Requests: "1,904", P50: "912 ms", Connections: "3 / 9"},
			{Name: "relay", URL: "https://relay.example.net/anthropic/with/a/rather/long/path", State: model.On, Health: model.T("upstream.unused"), Rate: model.None, Requests: "0", P50: model.None, Connections: "0 / 0"},
			{Name: "local", URL: "http://127.0.0.1:11434", State: model.Off, Health: model.T("upstream.disabled"), Rate: model.None, Requests: model.None, P50: model.None, Connections: model.None},
		},
		Failures: []model.Failure{
			{When: model.T("ago.minutes", "N", "3"), Upstream: "anthropic", What: model.T("failure.overloaded"), Advice: model.T("advice.overloaded")},
			{When: model.T("ago.minutes", "N", "17"), Upstream: "anthropic", What: model.T("failure.stream"), Advice: model.T("advice.stream")},
			{When: model.T("ago.hours", "N", "2"), Upstream: "relay", What: model.T("failure.status", "Status", "500")},
		},
	}
	for i, label := range []string{"period.hour", "period.day", "period.weeks"} {
		v.Periods[i] = model.Period{
			Label: model.T(label), Rate: "99.5%", Judgment: model.On, Requests: "2,241", Failed: "11",
			Note: model.N("overview.requests_failed", 2241, "Failed", "11"), P50: "842 ms", P99: "12.4 s",
			Points: points(), Target: 95, Trouble: 90, Legend: model.T("overview.legend", "Target", "95%", "Trouble", "90%"),
		}
	}
	return v
}

// points are those of an hour with a pause and a bad minute.
func points() []model.Point {
	list := make([]model.Point, 60)
	for i := range list {
		list[i] = model.Point{Rate: 100, Requests: int64(20 + 17*i%31), Label: model.N("point.some", 20, "When", "11:30", "Rate", "100%", "Failed", "0")}
		switch {
		case i >= 20 && i < 26:
			list[i] = model.Point{Rate: math.NaN(), Label: model.T("point.none", "When", "11:20")}
		case i%13 == 7:
			list[i].Rate = 96
		case i == 41:
			list[i].Rate = 84
		}
	}
	return list
}

// A scene is something that the window shows.
type scene struct {
	name string // of its golden and its pictures
	page model.Page
	view model.View
	act  func(t *testing.T, w *Window) // what a person does then; may be nil
	size fyne.Size                     // the zero value is that of the window at first
}

// scenes are everything that is drawn, in a file of markup and in pictures.
func scenes() []scene {
	var all []scene
	for name, v := range states() {
		all = append(all, scene{name: "overview-" + name, page: model.PageOverview, view: v})
	}
	return slices.Concat(all, upstreamScenes(), poolScenes(), restScenes())
}

// draw returns a test window that shows a scene in a language and an appearance.
func (s scene) draw(t *testing.T, language string, a Appearance) fyne.Window {
	t.Helper()
	test.NewTempApp(t).Settings().SetTheme(Theme(a))
	say, err := app.Speak(language)
	if err != nil {
		t.Fatal(err)
	}
	notice := model.Text{}
	if s.view.State == model.Loading {
		notice = model.T("reason.no_tray")
	}
	content := New(say, nothing(), notice)
	w := test.NewTempWindow(t, content.Content())
	w.SetPadded(false)
	if s.size.IsZero() {
		s.size = Size
	}
	w.Resize(s.size)
	content.Open(s.page)
	content.Show(s.view)
	if s.act != nil {
		s.act(t, content)
	}
	return w
}

// nothing are actions of which nothing comes.
func nothing() model.Actions {
	return model.Actions{Switch: func(bool) {}, Copy: func(string) {}, Save: func(model.Edit) {}, Probe: func(settings.Upstream) {}, StopProbe: func() {}, Advice: func(string, uint64, bool) {}}
}

// Chinese glyphs differ with the font that a machine has, so their places are not
// compared; TestPictures draws them for a person to look at.
func TestMarkup(t *testing.T) {
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			golden(t, s.name+".xml", s.draw(t, "en", Light))
		})
	}
}

// update rewrites the goldens: go test ./app/window -run Markup -update
var update = flag.Bool("update", false, "rewrite the goldens")

// golden compares what a window shows with the markup in a file of testdata.
func golden(t *testing.T, name string, w fyne.Window) {
	t.Helper()
	if *update {
		if err := os.WriteFile(filepath.Join("testdata", name), []byte(test.RenderToMarkup(w.Canvas())), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	test.AssertRendersToMarkup(t, name, w.Canvas())
}

func TestContrast(t *testing.T) {
	texts := []fyne.ThemeColorName{
		theme.ColorNameForeground, theme.ColorNamePrimary, theme.ColorNameSuccess,
		theme.ColorNameWarning, theme.ColorNameError, ColorMuted,
	}
	for _, a := range []Appearance{Light, Dark} {
		th := Theme(a)
		for _, text := range texts {
			for _, ground := range []fyne.ThemeColorName{ColorPanel, theme.ColorNameBackground} {
				got := contrast(th.Color(text, 0), th.Color(ground, 0))
				if got < 4.5 {
					t.Errorf("%s: %s on %s: got %.2f; want 4.5 at least", a, text, ground, got)
				}
			}
		}
		on := contrast(th.Color(theme.ColorNameForegroundOnPrimary, 0), th.Color(theme.ColorNamePrimary, 0))
		if on < 4.5 {
			t.Errorf("%s: text on primary: got %.2f; want 4.5 at least", a, on)
		}
	}
}

// contrast is the ratio of two colours by WCAG 2.2, from 1 to 21.
func contrast(a, b color.Color) float64 {
	la, lb := luminance(a), luminance(b)
	return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
}

// luminance is the relative luminance of a colour by WCAG 2.2.
func luminance(c color.Color) float64 {
	linear := func(v uint32) float64 {
		s := float64(v) / 0xffff
		if s <= 0.04045 {
			return s / 12.92
		}
		return math.Pow((s+0.055)/1.055, 2.4)
	}
	r, g, b, _ := c.RGBA()
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
}

// TestPictures draws every state. With MILLPOND_SCREENSHOTS set to a folder it
// leaves the pictures there, in both languages and appearances, at single and
// double scale; else it draws the hardest of them. MILLPOND_SCENES limits it to
// those whose names begin so.
func TestPictures(t *testing.T) {
	dir := os.Getenv("MILLPOND_SCREENSHOTS")
	languages, appearances, scales := []string{"zh_Hans"}, []Appearance{Dark}, []float32{1}
	if dir != "" {
		languages, appearances, scales = append(languages, "en"), append(appearances, Light), append(scales, 2)
	}
	for _, s := range scenes() {
		if dir == "" && s.name != "overview-degraded" || !strings.HasPrefix(s.name, os.Getenv("MILLPOND_SCENES")) {
			continue
		}
		for _, language := range languages {
			for _, a := range appearances {
				w := s.draw(t, language, a)
				for _, scale := range scales {
					w.Canvas().(software.WindowlessCanvas).SetScale(scale)
					picture := software.RenderCanvas(w.Canvas(), fyne.CurrentApp().Settings().Theme())
					if got, want := picture.Bounds().Dx(), int(scale*w.Canvas().Size().Width); got != want {
						t.Errorf("%s: got %d pixels wide; want %d", s.name, got, want)
					}
					if dir != "" {
						keep(t, picture, filepath.Join(dir, fmt.Sprintf("%s-%s-%s@%gx.png", s.name, language, a, scale)))
					}
				}
			}
		}
	}
}

// keep writes a picture to a file.
func keep(t *testing.T, picture image.Image, name string) {
	t.Helper()
	file, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(png.Encode(file, picture), file.Close()); err != nil {
		t.Fatal(err)
	}
}
