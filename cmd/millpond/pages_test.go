package main

import (
	"fmt"
	"image"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"
	"github.com/jezek/xgb/xproto"

	"millpond/app"
	"millpond/app/model"
	"millpond/app/window"
	"millpond/proxy/control"
	"millpond/settings"
)

// A twin is the same window without a screen, in the test's own process. It tells how
// often Tab must be pressed in the real one to come from where the keyboard is to
// something that has a name; so the tests need no places on the screen.
type twin struct {
	d       *desk
	content *window.Window
	canvas  fyne.Canvas
}

// twin returns a twin that shows a page as the daemon's state has it now, with nothing
// focused, as the real window is after Escape.
func (d *desk) twin(page model.Page) *twin {
	d.t.Helper()
	say, err := app.Speak("en")
	if err != nil {
		d.t.Fatal(err)
	}
	test.NewTempApp(d.t).Settings().SetTheme(window.Theme(window.Light))
	content := window.New(say, model.Actions{
		Save: func(model.Edit) {}, Advice: func(string, uint64, bool) {},
		Try: func(model.VerdictRow, string) {}, Trial: func(string, model.TrialAction) {},
	}, model.Text{})
	frame := test.NewTempWindow(d.t, content.Content())
	frame.Resize(window.Size)
	content.Open(page)
	w := &twin{d, content, frame.Canvas()}
	d.still() // the real one has the daemon's state now, too
	w.refresh()
	d.focus()
	d.keys("Escape")
	return w
}

// refresh shows the daemon's state as it is now.
func (w *twin) refresh() {
	w.d.t.Helper()
	client := control.Dial(w.d.socket())
	defer client.Close()
	s, err := client.Status(w.d.t.Context())
	if err != nil {
		w.d.t.Fatal(err)
	}
	verdict, err := client.Verdict(w.d.t.Context())
	if err != nil {
		w.d.t.Fatal(err)
	}
	advice, err := client.Advice(w.d.t.Context())
	now := time.Now()
	w.content.Show(model.Of(s, nil, now).With(model.Desk{Advised: model.AdviceViewOf(advice, err, now), Verdict: model.VerdictViewOf(verdict)}))
}

// shows reports whether some words stand in the window.
func (w *twin) shows(words string) bool {
	return strings.Contains(test.RenderToMarkup(w.canvas), ">"+words+"</text>")
}

// focus gives the real window the keyboard.
func (d *desk) focus() {
	d.t.Helper()
	d.xdotool("search", "--onlyvisible", "--name", "^Millpond$", "windowfocus")
}

// keys presses keys in the window that has the keyboard.
func (d *desk) keys(names ...string) {
	d.t.Helper()
	d.xdotool(append([]string{"key", "--delay", "25"}, names...)...)
}

// to brings the keyboard to what is called name, in both windows. It reports whether
// there is such a thing now.
func (w *twin) to(name string) bool {
	w.d.t.Helper()
	const most = 120
	var tabs []string
	for range most {
		w.canvas.FocusNext()
		tabs = append(tabs, "Tab")
		if window.FocusedForTest(w.canvas) == name {
			w.d.keys(tabs...)
			return true
		}
	}
	return false
}

// press presses the return key in both windows.
func (w *twin) press() {
	w.canvas.Focused().TypedKey(&fyne.KeyEvent{Name: fyne.KeyReturn})
	w.d.keys("Return")
}

// write replaces what stands where the keyboard is, in both windows.
func (w *twin) write(words string) {
	w.canvas.Focused().(interface{ SetText(string) }).SetText("")
	test.Type(w.canvas.Focused(), words)
	w.d.keys("ctrl+a")
	w.d.xdotool("type", "--delay", "25", words)
}

// try does something in the window until the daemon has the settings that should come
// of it.
func (d *desk) try(what string, done func(*settings.Settings) bool, do func()) {
	d.t.Helper()
	client := control.Dial(d.socket())
	defer client.Close()
	d.attempt(what, func() bool {
		s, err := client.Status(d.t.Context())
		return err == nil && done(s.Settings)
	}, do)
}

// attempt does something in the window until what should come of it has come. What is
// pressed before the window has drawn the daemon's state is lost; then it is done anew.
func (d *desk) attempt(what string, met func() bool, do func()) {
	d.t.Helper()
	const pause = 8 * time.Second
	do()
	again := time.NewTicker(pause)
	defer again.Stop()
	until(d.t, what, func() bool {
		select {
		case <-again.C:
			if !met() {
				do()
				again.Reset(pause)
			}
		default:
		}
		return met()
	})
}

// file waits until the settings file says something, or does not.
func (d *desk) file(words string, says bool) {
	d.t.Helper()
	until(d.t, fmt.Sprintf("%q in the settings file: %v", words, says), func() bool {
		text, err := os.ReadFile(d.config())
		return err == nil && strings.Contains(string(text), words) == says
	})
}

// open opens the window at a page, and waits until it is drawn.
func (d *desk) open(page model.Page) *process {
	d.t.Helper()
	p := d.run(programs.whole, "window", "--page", string(page))
	until(d.t, "a window", func() bool { return len(d.windows()) == 1 })
	d.still()
	return p
}

// only returns the one window that is shown.
func (d *desk) only() xproto.Window {
	d.t.Helper()
	until(d.t, "one window", func() bool { return len(d.windows()) == 1 })
	id, err := strconv.ParseUint(d.windows()[0], 10, 32)
	if err != nil {
		d.t.Fatal(err)
	}
	return xproto.Window(id)
}

// TestWindowEditsLimit raises a limit of the pool with nothing but the window, sees it in
// the settings file and in the daemon, and takes it back.
func TestWindowEditsLimit(t *testing.T) {
	d := newDesk(t)
	d.configure("[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = \"http://127.0.0.1:9\"\n")
	d.daemon()
	shown := d.open(model.PagePool)
	const path = "pool.max_connections"
	d.try("the raised limit", func(s *settings.Settings) bool { return s.Pool.MaxConnections == 600 }, func() {
		w := d.twin(model.PagePool)
		if !w.to(path) {
			t.Fatalf("the keyboard does not reach %s", path)
		}
		w.write("600")
		d.keys("ctrl+s")
	})
	d.file("max_connections = 600", true)
	d.picture("window-pool-applied")
	d.try("the limit as it was", func(s *settings.Settings) bool { return s.Pool.MaxConnections == 512 }, func() {
		d.focus()
		d.keys("Escape", "ctrl+z")
	})
	d.file("max_connections = 600", false)
	shown.end(t, syscall.SIGTERM)
}

// TestWindowAddsUpstream adds an upstream from the catalogue with nothing but the window.
func TestWindowAddsUpstream(t *testing.T) {
	d := newDesk(t)
	d.configure("[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = \"http://127.0.0.1:9\"\n")
	d.daemon()
	shown := d.open(model.PageUpstreams)
	has := func(s *settings.Settings) bool {
		return slices.ContainsFunc(s.Upstreams, func(u settings.Upstream) bool { return u.URL == "https://api.deepseek.com/anthropic" })
	}
	d.try("the new upstream", has, func() {
		w := d.twin(model.PageUpstreams)
		for _, step := range []string{"Add upstream", "Search known services", "DeepSeek (Anthropic's form)", "Add"} {
			if window.FocusedForTest(w.canvas) != step && !w.to(step) {
				t.Fatalf("the keyboard does not reach %q", step)
			}
			if step == "Search known services" {
				w.write("deepseek anthropic")
				continue
			}
			w.press()
		}
		d.keys("ctrl+s")
	})
	d.file("https://api.deepseek.com/anthropic", true)
	d.picture("window-upstream-added")
	shown.end(t, syscall.SIGTERM)
}

// TestWindowTakesAdvice lets requests queue at a limit that is too small, takes the
// advice in the window, and takes it back.
func TestWindowTakesAdvice(t *testing.T) {
	d := newDesk(t)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		select {
		case <-time.After(10 * time.Millisecond): // an answer takes a while, so that requests meet
		case <-r.Context().Done():
		}
	}))
	defer origin.Close()
	const limit = 2
	d.configure(fmt.Sprintf("[pool]\nmax_connections_per_host = %d\nmax_idle_per_host = %d\n[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = %q\n", limit, limit, origin.URL))
	_, address := d.daemon()
	client := control.Dial(d.socket())
	defer client.Close()
	until(t, "advice that can be taken", func() bool {
		burst(t, address)
		a, err := client.Advice(t.Context())
		return err == nil && len(a.Items) > 0 && len(a.Items[0].Patch) > 0
	})
	before, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	shown := d.open(model.PagePool)
	raised := func(s *settings.Settings) bool {
		return s.Pool != before.Settings.Pool || s.PoolFor(s.Upstreams[0]) != before.Settings.PoolFor(before.Settings.Upstreams[0])
	}
	d.try("the advice in force", raised, func() {
		if w := d.twin(model.PagePool); w.to("Apply") {
			w.press()
		}
	})
	d.picture("window-advice-taken")
	d.try("the settings as they were", func(s *settings.Settings) bool { return !raised(s) }, func() {
		if w := d.twin(model.PagePool); w.to("Undo") {
			w.press()
		}
	})
	shown.end(t, syscall.SIGTERM)
}

// TestWindowAsksBeforeClosing closes the window with changes that are not applied: it
// stays and applies them when asked to, and it ends when it is told to by a signal.
func TestWindowAsksBeforeClosing(t *testing.T) {
	d := newDesk(t)
	d.light()
	d.configure("[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = \"http://127.0.0.1:9\"\n")
	d.daemon()
	limit := func(n int) func(*settings.Settings) bool {
		return func(s *settings.Settings) bool { return s.Pool.MaxConnections == n }
	}
	write := func(n int) {
		w := d.twin(model.PagePool)
		if path := "pool.max_connections"; !w.to(path) {
			t.Fatalf("the keyboard does not reach %s", path)
		}
		w.write(fmt.Sprint(n))
	}
	closing := func(n int) *process {
		p := d.open(model.PagePool)
		d.try("a window that works", limit(n), func() { write(n); d.keys("ctrl+s") })
		frame := d.place()
		foot := image.Rect(frame.Max.X-200, frame.Max.Y-110, frame.Max.X, frame.Max.Y)
		d.attempt("what applies a change", func() bool { _, shown := seek(part(d.screenshot(), foot), primary); return shown }, func() { write(700) })
		d.closeWindow(d.only())
		until(t, "the question, with what discards", func() bool { _, shown := seek(part(d.screenshot(), frame), failing); return shown })
		return p
	}
	closing(600).end(t, syscall.SIGTERM)
	until(t, "no window", func() bool { return len(d.windows()) == 0 })

	asked := closing(601)
	d.picture("window-closing")
	d.keys("Tab", "Tab", "Return") // from what keeps it open, over what discards, to what applies
	if code := asked.wait(t); code != 0 {
		t.Errorf("exit code: got %d; want 0", code)
	}
	d.file("max_connections = 700", true)
}

// TestWindowTriesAnotherWay starts the trial that the verdict proposes, applies it when
// it has a winner, and takes that back, all in the window.
func TestWindowTriesAnotherWay(t *testing.T) {
	d := newDesk(t)
	d.configure("[failover]\neject_after = 0\n[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = \"" + lopsided(t) + "\"\n[upstreams.pool]\nprotocol = \"http2\"\n")
	_, address := d.daemon()
	client := control.Dial(d.socket())
	defer client.Close()
	now := func() control.Verdict {
		v, err := client.Verdict(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	until(t, "a proposal", func() bool {
		burst(t, address)
		v := now()
		return len(v.Rows) > 0 && v.Rows[0].Proposal != nil
	})
	shown := d.open(model.PageVerdict)
	d.attempt("a trial", func() bool { return len(now().Trials) == 1 }, func() {
		if w := d.twin(model.PageVerdict); w.to("Try: HTTP/1") {
			w.press()
			if w.to("Start") {
				w.press()
			}
		}
	})
	until(t, "a winner", func() bool {
		burst(t, address)
		return now().Trials[0].CanApply
	})
	protocol := func(p settings.Protocol) func(*settings.Settings) bool {
		return func(s *settings.Settings) bool { return *s.Upstreams[0].Pool.Protocol == p }
	}
	press := func(what string) func() {
		return func() {
			if w := d.twin(model.PageVerdict); w.to(what) {
				w.press()
			}
		}
	}
	d.try("the winner in force", protocol(settings.ProtocolHTTP1), press("Apply"))
	d.picture("window-trial-applied")
	d.try("the protocol as it was", protocol(settings.ProtocolHTTP2), press("Undo"))
	shown.end(t, syscall.SIGTERM)
}

// lopsided starts an upstream that fails in one of four requests over HTTP/2, and in none
// over HTTP/1, and returns where.
func lopsided(t *testing.T) string {
	var n atomic.Int64
	origin := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && n.Add(1)%4 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	origin.Config.Protocols = new(http.Protocols)
	origin.Config.Protocols.SetHTTP1(true)
	origin.Config.Protocols.SetUnencryptedHTTP2(true)
	origin.Start()
	t.Cleanup(origin.Close)
	return origin.URL
}

// TestWindowShowsSuccess sees the success rate move while requests begin to fail.
func TestWindowShowsSuccess(t *testing.T) {
	d := newDesk(t)
	var broken atomic.Bool
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if broken.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	defer origin.Close()
	d.configure(fmt.Sprintf("[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = %q\n", origin.URL))
	_, address := d.daemon()
	shown := d.open(model.PageOverview)
	w := d.twin(model.PageOverview)
	some := func(rate string) {
		for range 6 {
			ask(t, address, "/x")
		}
		until(t, "a success rate of "+rate, func() bool { w.refresh(); return w.shows(rate) })
		d.picture("window-success-" + strings.TrimSuffix(rate, "%"))
	}
	some("100%")
	broken.Store(true)
	some("50%")
	broken.Store(false)
	some("66.6%")
	shown.end(t, syscall.SIGTERM)
}

// burst sends as many requests at one time as a coordinator does.
func burst(t *testing.T, address string) {
	t.Helper()
	var all sync.WaitGroup
	for range 32 {
		all.Go(func() {
			answer, err := http.Get("http://" + address + "/x")
			if err == nil {
				answer.Body.Close()
			}
		})
	}
	all.Wait()
}
