//go:build packages

package system

import (
	"image"
	"image/color"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ollama is where the catalogue says that Ollama listens.
const ollama = "127.0.0.1:11434"

// The colours of the dark appearance, which the application has where the desktop states none.
var (
	primary = color.NRGBA{0x35, 0xc9, 0xae, 0xff} // a button that is meant to be pressed
	well    = color.NRGBA{0x12, 0xa0, 0x86, 0xff} // the icon of a proxy that works
)

// firstRun goes from a double-click on the entry in the menu to "it works", with the mouse and no terminal.
func (d *desk) firstRun(t *testing.T, u *upstream, entry string) {
	t.Helper()
	began := time.Now()
	d.launch(t, entry)
	d.welcome(t, u)
	t.Logf("from the double-click to the overview after the first request: %v", time.Since(began).Round(time.Millisecond))
	if r := d.run("systemctl", "--user", "is-enabled", "millpond"); strings.TrimSpace(r.out) != "enabled" {
		t.Errorf("the service is %v; want it enabled", r)
	}
	d.launch(t, entry) // again: the same window, one icon
	if n := len(d.windows()); n != 1 || d.icons() != 1 {
		t.Errorf("after a second double-click: got %d windows and %d icons; want one of each", n, d.icons())
	}
}

// welcome goes through the first page: starts the service, chooses a provider, and sees the first request.
func (d *desk) welcome(t *testing.T, u *upstream) {
	t.Helper()
	until(t, "the panel shows the icon", func() bool { return d.icons() == 1 })
	w := d.place(t)
	part := func(x0, y0, x1, y1 int) image.Rectangle { return image.Rect(x0, y0, x1, y1).Add(w.Min) }
	right := part(650, 80, w.Dx(), w.Dy())

	d.press(t, "the service is active", part(230, 160, 880, 220), primary, func() bool {
		return strings.TrimSpace(d.run("systemctl", "--user", "is-active", "millpond").out) == "active"
	})
	until(t, "the page asks where requests go", func() bool {
		_, found := seek(d.look(t), right, primary)
		return found
	})
	d.keep(t, "package-service")
	d.open(t, "the list of providers", right, primary, part(260, 90, 640, 130))
	d.key(t, "Up", 4) // from the end
	d.key(t, "Return", 1)
	d.press(t, "Ollama in the settings", right, primary, func() bool {
		return strings.Contains(d.run("cat", "/home/alice/.config/millpond/settings.toml").out, "http://"+ollama)
	})
	c := newClient(t, d.m, true)
	until(t, "a first request passes", func() bool { return c.askAt(http.MethodPost, "/v1/chat/completions", "first") == nil })
	if u.times("first") == 0 {
		t.Error("the first request was answered by someone else")
	}
	until(t, "the page says that it works", func() bool {
		_, found := seek(d.look(t), right, primary)
		return found
	})
	d.keep(t, "package-works")
	head := part(170, 0, 300, 110)
	d.press(t, "the overview", right, primary, func() bool {
		_, found := seek(d.look(t), head, well)
		return found
	})
	d.keep(t, "package-overview")
}

// closeWindow closes the window as a person does.
func (d *desk) closeWindow(t *testing.T) {
	t.Helper()
	d.key(t, "alt+F4", 1)
	until(t, "the window is closed", func() bool { return len(d.windows()) == 0 })
}
