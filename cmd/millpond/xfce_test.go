package main

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/godbus/dbus/v5"
	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"

	"millpond/proxy/porttest"
)

// panelHeight is how high the panel at the top of the screen is, with its clock.
const panelHeight = 34

// panelSettings give xfce4-panel one bar at the top with the tray and a clock.
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
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
        <value type="int" value="3"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-2" type="string" value="systray"/>
    <property name="plugin-3" type="string" value="clock"/>
  </property>
</channel>
`

// TestRealPanel shows the icon in a panel that people use, finds it on the screen by
// its colour, opens its menu with the mouse and turns the proxy off with the keyboard.
func TestRealPanel(t *testing.T) {
	d := newDesk(t)
	origin := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	origin.Listener.Close()
	origin.Listener = porttest.Listen(t) // it is closed while requests go on
	origin.Start()
	defer origin.Close()
	d.configure(fmt.Sprintf("[[upstreams]]\nname = \"anthropic\"\nkind = \"anthropic\"\nurl = %q\n[[upstreams]]\nname = \"relay\"\nkind = \"anthropic\"\npriority = 2\nurl = %q\n", origin.URL, origin.URL))
	_, address := d.daemon()
	d.xfcePanel()
	for range 3 {
		ask(t, address, "/v1/messages")
	}
	d.millpond("--background")
	until(t, "the panel to know the icon", d.panelKnowsIcon)
	icon := d.findColor(color.NRGBA{0x12, 0xa0, 0x86, 0xff})

	d.openMenu(icon)
	d.picture("tray-menu")
	d.choose(0)
	until(t, "the proxy to be off", func() bool { return ask(t, address, "/") == http.StatusServiceUnavailable })
	d.openMenu(icon)
	d.picture("tray-menu-off")
	d.choose(0)
	until(t, "the proxy to be on", func() bool { return ask(t, address, "/") == http.StatusOK })

	d.openMenu(icon)
	d.step("Down", "Down", "Down", "Right")
	d.picture("tray-upstreams")
	d.step("Down")
	d.xdotool("key", "Return")
	until(t, "the other upstream to be preferred", func() bool {
		text, err := os.ReadFile(d.config())
		return err == nil && strings.Contains(string(text), "priority = 2") && strings.Index(string(text), "priority = 2") < strings.Index(string(text), "relay")
	})

	origin.Close()
	until(t, "an icon in red", func() bool {
		ask(t, address, "/v1/messages")
		_, found := seek(d.screenshot(), color.NRGBA{0xdc, 0x3b, 0x34, 0xff})
		return found
	})
	d.picture("tray-failing")
}

// xfcePanel starts a window manager and Xfce's panel, and waits for its tray.
func (d *desk) xfcePanel() {
	d.t.Helper()
	for _, tool := range []string{"xfce4-panel", "openbox", "import"} {
		if _, err := exec.LookPath(tool); err != nil {
			d.t.Skipf("%s is not installed here; .ci/install test brings it", tool)
		}
	}
	dir := filepath.Join(d.home, "config", "xfce4", "xfconf", "xfce-perchannel-xml")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "xfce4-panel.xml"), []byte(panelSettings), 0o600); err != nil {
		d.t.Fatal(err)
	}
	d.paintDesk()
	d.run("openbox")
	d.run("xfce4-panel", "--disable-wm-check")
	bus, err := dbus.Connect(d.bus)
	if err != nil {
		d.t.Fatal(err)
	}
	defer bus.Close()
	until(d.t, "the panel's tray", func() bool {
		var owned bool
		err := bus.BusObject().Call("org.freedesktop.DBus.NameHasOwner", 0, watcherName).Store(&owned)
		return err == nil && owned
	})
}

// paintDesk gives the screen a colour, so that pictures of it look like a desktop.
func (d *desk) paintDesk() {
	d.t.Helper()
	conn, err := xgb.NewConnDisplay(d.display)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	root := xproto.Setup(conn).DefaultScreen(conn).Root
	xproto.ChangeWindowAttributes(conn, root, xproto.CwBackPixel, []uint32{0x38565e})
	if err := xproto.ClearAreaChecked(conn, false, root, 0, 0, 0, 0).Check(); err != nil {
		d.t.Fatal(err)
	}
}

// panelKnowsIcon reports whether the panel has an icon.
func (d *desk) panelKnowsIcon() bool {
	bus, err := dbus.Connect(d.bus)
	if err != nil {
		d.t.Fatal(err)
	}
	defer bus.Close()
	v, err := bus.Object(watcherName, watcherPath).GetProperty(watcherName + ".RegisteredStatusNotifierItems")
	if err != nil {
		return false
	}
	items, _ := v.Value().([]string)
	return len(items) > 0
}

// screenshot returns what the screen shows.
func (d *desk) screenshot() image.Image {
	d.t.Helper()
	picture, err := png.Decode(bytes.NewReader(d.screen()))
	if err != nil {
		d.t.Fatal(err)
	}
	return picture
}

// findColor waits until something of a colour is on the screen and returns where.
func (d *desk) findColor(want color.NRGBA) image.Point {
	d.t.Helper()
	var at image.Point
	until(d.t, fmt.Sprintf("something of the colour %v on the screen", want), func() bool {
		found := false
		at, found = seek(d.screenshot(), want)
		return found
	})
	return at
}

// seek returns the middle of what has nearly a colour.
func seek(picture image.Image, want color.NRGBA) (image.Point, bool) {
	var sum image.Point
	n := 0
	near := func(a uint32, b uint8) bool { return max(a>>8, uint32(b))-min(a>>8, uint32(b)) < 12 }
	in := picture.Bounds()
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			r, g, b, _ := picture.At(x, y).RGBA()
			if near(r, want.R) && near(g, want.G) && near(b, want.B) {
				sum, n = sum.Add(image.Pt(x, y)), n+1
			}
		}
	}
	if n < 8 {
		return image.Point{}, false
	}
	return sum.Div(n), true
}

// again is after how many looks something is pressed anew that has had no effect: a second
// click would close what the first one is about to open.
const again = 20

// openMenu opens the menu of the icon with the mouse and waits for it.
func (d *desk) openMenu(icon image.Point) {
	d.t.Helper()
	before, looks := d.panelWindows(), 0
	until(d.t, "the menu", func() bool {
		if looks%again == 0 {
			d.xdotool("mousemove", strconv.Itoa(icon.X), strconv.Itoa(icon.Y), "click", "3")
		}
		looks++
		return d.panelWindows() > before
	})
	d.still()
}

// step presses keys in an open menu, each when what the one before does is seen.
func (d *desk) step(keys ...string) {
	d.t.Helper()
	below := image.Rect(0, panelHeight, 1000, 760)
	for _, key := range keys {
		before, looks := part(d.screenshot(), below), 0
		until(d.t, "the menu after "+key, func() bool {
			if looks%again == 0 {
				d.xdotool("key", key)
			}
			looks++
			return !slices.Equal(colors(part(d.screenshot(), below)), colors(before))
		})
	}
}

// colors returns the points of a picture.
func colors(picture image.Image) []color.Color {
	var all []color.Color
	for y := picture.Bounds().Min.Y; y < picture.Bounds().Max.Y; y++ {
		for x := picture.Bounds().Min.X; x < picture.Bounds().Max.X; x++ {
			all = append(all, picture.At(x, y))
		}
	}
	return all
}

// choose chooses the entry of the open menu that comes after n others which can be
// chosen, and waits until the menu has closed.
func (d *desk) choose(n int) {
	d.t.Helper()
	open := d.panelWindows()
	for range n + 1 {
		d.step("Down")
	}
	d.xdotool("key", "Return")
	until(d.t, "the menu to close", func() bool { return d.panelWindows() < open })
}

// panelWindows returns how many windows the panel shows: its own and its menus, which
// belong to the process that the panel wraps the tray in.
func (d *desk) panelWindows() int {
	d.t.Helper()
	find := exec.Command("xdotool", "search", "--onlyvisible", "--class", "(xfce4-panel|[Ww]rapper)")
	find.Env = d.env
	out, _ := find.Output() // fails when there is none
	return len(strings.Fields(string(out)))
}
