//go:build packages

package system

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A desk is alice's desktop in the container: a screen in memory, a window manager and a panel, all under
// her own service manager and on her own message bus, as after a login.
type desk struct {
	m   *machine
	env []string // of what she starts
}

// display is the name of the screen.
const display = ":9"

// panelSettings give xfce4-panel one bar at the top with a tray.
const panelSettings = `<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=6;x=0;y=0"/>
      <property name="length" type="uint" value="100"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="size" type="uint" value="32"/>
      <property name="plugin-ids" type="array"><value type="int" value="1"/></property>
    </property>
  </property>
  <property name="plugins" type="empty"><property name="plugin-1" type="string" value="systray"/></property>
</channel>
`

// logIn gives alice a desktop.
func logIn(t *testing.T, m *machine) *desk {
	t.Helper()
	d := &desk{m: m, env: []string{
		"DISPLAY=" + display, "DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/" + m.uid + "/bus",
		"LANG=en_US.UTF-8", "LIBGL_ALWAYS_SOFTWARE=1", "NO_AT_BRIDGE=1",
	}}
	const settings = "/home/alice/.config/xfce4/xfconf/xfce-perchannel-xml"
	d.must(t, "mkdir", "-p", settings)
	m.write(t, settings+"/xfce4-panel.xml", panelSettings, "0600", "alice:alice")
	d.must(t, append([]string{"systemctl", "--user", "set-environment"}, d.env...)...)
	d.must(t, "systemd-run", "--user", "--unit=screen", "Xvfb", display, "-screen", "0", "1280x800x24", "-nolisten", "tcp", "-noreset")
	until(t, "the screen answers", func() bool { return d.run("xdotool", "getdisplaygeometry").code == 0 })
	d.must(t, "systemd-run", "--user", "--unit=window-manager", "openbox")
	d.must(t, "systemd-run", "--user", "--unit=panel", "xfce4-panel", "--disable-wm-check")
	until(t, "the panel shows a tray", func() bool { return d.icons() == 0 })
	t.Cleanup(func() {
		if t.Failed() {
			d.keep(t, t.Name()+"-failed")
			t.Logf("the desktop's programs said:\n%s", d.run("tail", "-n", "40", "/home/alice/launched").out)
			t.Logf("the service: %s", d.run("systemctl", "--user", "status", "--no-pager", "--lines", "20", "millpond").out)
		}
	})
	return d
}

// run runs a command as alice on her desktop.
func (d *desk) run(words ...string) result {
	return d.m.alice(append(append([]string{"env"}, d.env...), words...)...)
}

// must is run for what has to succeed; it returns what was printed.
func (d *desk) must(t *testing.T, words ...string) string {
	t.Helper()
	r := d.run(words...)
	if r.code != 0 {
		t.Fatalf("%q: %v", words, r)
	}
	return r.out
}

// key presses a key so often.
func (d *desk) key(t *testing.T, name string, times int) {
	t.Helper()
	d.must(t, "xdotool", "key", "--repeat", strconv.Itoa(times), "--delay", "100", name)
}

// launch starts a program as the desktop's menu does when a person double-clicks its entry.
func (d *desk) launch(t *testing.T, entry string) {
	t.Helper()
	const script = `exec systemd-run --user --scope --quiet --slice=app.slice gio launch "$1" >>/home/alice/launched 2>&1 </dev/null`
	d.must(t, "sh", "-c", script, "sh", entry)
}

// icons returns how many icons the panel's tray knows, or -1 when there is no tray.
func (d *desk) icons() int {
	const watcher = "org.kde.StatusNotifierWatcher"
	r := d.run("busctl", "--user", "get-property", watcher, "/StatusNotifierWatcher", watcher, "RegisteredStatusNotifierItems")
	fields := strings.Fields(r.out) // as in: as 1 ":1.7/StatusNotifierItem"
	if r.code != 0 || len(fields) < 2 {
		return -1
	}
	n, err := strconv.Atoi(fields[1])
	if err != nil {
		return -1
	}
	return n
}

// windows returns the ids of the application's windows that are shown.
func (d *desk) windows() []string {
	return strings.Fields(d.run("xdotool", "search", "--onlyvisible", "--name", "^Millpond$").out)
}

// place waits for the window and returns where it is on the screen.
func (d *desk) place(t *testing.T) image.Rectangle {
	t.Helper()
	until(t, "the window is open", func() bool { return len(d.windows()) == 1 })
	at := map[string]int{}
	for line := range strings.Lines(d.must(t, "xwininfo", "-id", d.windows()[0])) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		at[name], _ = strconv.Atoi(strings.TrimSpace(value)) // not all are numbers
	}
	corner := image.Pt(at["Absolute upper-left X"], at["Absolute upper-left Y"])
	return image.Rect(0, 0, at["Width"], at["Height"]).Add(corner)
}

// look returns what the screen shows.
func (d *desk) look(t *testing.T) image.Image {
	t.Helper()
	picture, err := png.Decode(strings.NewReader(d.must(t, "import", "-window", "root", "png:-")))
	if err != nil {
		t.Fatal(err)
	}
	return picture
}

// keep writes what the screen shows to the folder MILLPOND_SCREENSHOTS, if set.
func (d *desk) keep(t *testing.T, name string) {
	t.Helper()
	dir := os.Getenv("MILLPOND_SCREENSHOTS")
	if dir == "" {
		return
	}
	var text bytes.Buffer
	if err := png.Encode(&text, d.look(t)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// press clicks something of a colour in a part of the screen until that has had its effect: a window that
// has just been drawn may miss a click.
func (d *desk) press(t *testing.T, what string, in image.Rectangle, c color.NRGBA, done func() bool) {
	t.Helper()
	until(t, what, func() bool {
		if done() {
			return true
		}
		if at, found := seek(d.look(t), in, c); found {
			d.click(t, at)
		}
		return done()
	})
}

// open clicks to the left of something of a colour in a part of the screen, where a list is, until another
// part has changed, which the open list covers. It clicks again only after some looks, since a second click
// chooses what the first one has opened.
func (d *desk) open(t *testing.T, what string, in image.Rectangle, c color.NRGBA, covered image.Rectangle) {
	t.Helper()
	before := cut(d.look(t), covered)
	looks := 0
	until(t, what, func() bool {
		picture := d.look(t)
		if !slices.Equal(cut(picture, covered), before) {
			return true
		}
		if at, found := seek(picture, in, c); found && looks%10 == 0 {
			d.click(t, at.Sub(image.Pt(200, 0)))
		}
		looks++
		return false
	})
}

// cut returns the colours of a part of a picture.
func cut(picture image.Image, in image.Rectangle) []color.Color {
	var all []color.Color
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			all = append(all, picture.At(x, y))
		}
	}
	return all
}

// click clicks a point of the screen.
func (d *desk) click(t *testing.T, at image.Point) {
	t.Helper()
	d.must(t, "xdotool", "mousemove", strconv.Itoa(at.X), strconv.Itoa(at.Y))
	d.must(t, "xdotool", "click", "1")
}

// seek returns the middle of what has nearly a colour in a part of a picture.
func seek(picture image.Image, in image.Rectangle, want color.NRGBA) (image.Point, bool) {
	near := func(a uint32, b uint8) bool { return max(a>>8, uint32(b))-min(a>>8, uint32(b)) < 12 }
	var sum image.Point
	n := 0
	in = in.Intersect(picture.Bounds())
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			if r, g, b, _ := picture.At(x, y).RGBA(); near(r, want.R) && near(g, want.G) && near(b, want.B) {
				sum, n = sum.Add(image.Pt(x, y)), n+1
			}
		}
	}
	if n < 8 {
		return image.Point{}, false
	}
	return sum.Div(n), true
}
