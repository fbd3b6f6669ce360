package main

import (
	"fmt"
	"image"
	"image/color"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"millpond/proxy/control"
	"millpond/proxy/porttest"
)

// The colours of the light appearance that these tests look for.
var (
	primary = color.NRGBA{0x0b, 0x7a, 0x6b, 0xff} // a button that is meant to be pressed
	plainly = color.NRGBA{0xe3, 0xeb, 0xed, 0xff} // another button
	failing = color.NRGBA{0xb9, 0x2d, 0x28, 0xff} // figures that are bad
	well    = color.NRGBA{0x12, 0xa0, 0x86, 0xff} // the icon of a proxy that works
)

// light gives the application its light appearance, whatever the desktop has.
func (d *desk) light() {
	d.t.Helper()
	d.prefer(`{"language": "en", "theme": "light"}`)
}

// prefer writes the application's preferences.
func (d *desk) prefer(text string) {
	d.t.Helper()
	path := filepath.Join(filepath.Dir(d.config()), "application.json")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		d.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// press clicks something of a colour in a part of the screen until that has had its
// effect: a window that has just been drawn may miss a click.
func (d *desk) press(what string, in image.Rectangle, c color.NRGBA, done func() bool) {
	d.t.Helper()
	until(d.t, what, func() bool {
		if done() {
			return true
		}
		if at, found := seek(part(d.screenshot(), in), c); found {
			d.clickAt(at)
		}
		return done()
	})
}

// clickAt clicks a point of the screen.
func (d *desk) clickAt(at image.Point) {
	d.t.Helper()
	d.xdotool("mousemove", strconv.Itoa(at.X), strconv.Itoa(at.Y))
	d.xdotool("click", "1")
}

// part returns a part of a picture, in the same coordinates.
func part(picture image.Image, in image.Rectangle) image.Image {
	return picture.(interface {
		SubImage(image.Rectangle) image.Image
	}).SubImage(in)
}

// place returns where the window is on the screen.
func (d *desk) place() image.Rectangle {
	d.t.Helper()
	until(d.t, "a window", func() bool { return len(d.windows()) == 1 })
	var r image.Rectangle
	for line := range strings.Lines(d.tell("xdotool", "getwindowgeometry", "--shell", d.windows()[0])) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		n, _ := strconv.Atoi(value)
		switch name {
		case "X":
			r.Min.X = n
		case "Y":
			r.Min.Y = n
		case "WIDTH":
			r.Max.X = n
		case "HEIGHT":
			r.Max.Y = n
		}
	}
	r.Max = r.Max.Add(r.Min)
	return r
}

// TestFirstRun goes from nothing to the first request with the mouse alone: it starts
// the proxy for this login, chooses the first provider that is offered, sees that it
// works, and goes on to the overview. The service is not installed here, since it would
// be that of the person who runs the test.
func TestFirstRun(t *testing.T) {
	d := newDesk(t)
	origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer origin.Close()
	d.light()
	d.configure("[listen]\naddress = \"127.0.0.1:0\"\n")
	d.millpond("window")
	window := d.place()
	right := image.Rect(window.Min.X+650, window.Min.Y, window.Max.X, window.Max.Y)

	d.pressRun(window)
	address := d.awaitDaemon()
	defer d.endDaemon()
	d.press("the provider in the settings", right, primary, func() bool {
		text, err := os.ReadFile(d.config())
		return err == nil && strings.Contains(string(text), "https://api.anthropic.com")
	})
	// Nothing of this test leaves the machine.
	text, err := os.ReadFile(d.config())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.config(), []byte(strings.Replace(string(text), "https://api.anthropic.com", origin.URL, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	client := control.Dial(d.socket())
	defer client.Close()
	until(t, "the address of this machine", func() bool {
		s, err := client.Status(t.Context())
		return err == nil && len(s.Settings.Upstreams) == 1 && s.Settings.Upstreams[0].URL == origin.URL
	})
	d.picture("first-run-waiting")
	if got := ask(t, address, "/v1/messages"); got != http.StatusOK {
		t.Fatalf("first request: got %d; want %d", got, http.StatusOK)
	}
	until(t, "the moment that it works", func() bool {
		_, found := seek(part(d.screenshot(), right), primary)
		return found
	})
	d.picture("first-run-works")
	d.press("the overview", right, primary, func() bool {
		_, head := seek(part(d.screenshot(), image.Rect(window.Min.X+170, window.Min.Y, window.Min.X+300, window.Min.Y+110)), well)
		return head
	})
}

// pressRun presses the button that starts the proxy for this login: beside that which
// installs the service, or alone where there can be none.
func (d *desk) pressRun(window image.Rectangle) {
	d.t.Helper()
	row := image.Rect(window.Min.X+230, window.Min.Y+180, window.Max.X-40, window.Min.Y+208)
	client := control.Dial(d.socket())
	defer client.Close()
	until(d.t, "the proxy to start", func() bool {
		picture := part(d.screenshot(), row)
		first, shown := seek(picture, primary)
		if second, beside := seek(picture, plainly); beside {
			first = second
		}
		if shown {
			d.clickAt(first)
		}
		_, err := client.Status(d.t.Context())
		return err == nil
	})
}

// awaitDaemon waits until a daemon answers and returns where it listens.
func (d *desk) awaitDaemon() string {
	d.t.Helper()
	client := control.Dial(d.socket())
	defer client.Close()
	address := ""
	until(d.t, "the daemon to answer", func() bool {
		s, err := client.Status(d.t.Context())
		address = s.Address
		return err == nil && address != ""
	})
	return address
}

// TestSuccessRateMoves has the window show good figures, and then bad ones, by the real
// traffic of a real daemon.
func TestSuccessRateMoves(t *testing.T) {
	d := newDesk(t)
	broken := make(chan struct{})
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		select {
		case <-broken:
			w.WriteHeader(http.StatusInternalServerError)
		default:
		}
	}))
	defer origin.Close()
	d.light()
	d.configure(fmt.Sprintf("[failover]\neject_after = 0\n[[upstreams]]\nname = \"one\"\nkind = \"http\"\nurl = %q\n", origin.URL))
	_, address := d.daemon()
	for range 10 {
		ask(t, address, "/")
	}
	shown := d.millpond("window", "--page", "overview")
	window := d.place()
	figure := image.Rect(window.Min.X+200, window.Min.Y+140, window.Min.X+360, window.Min.Y+300) // the head grows when there is trouble
	until(t, "a good rate", func() bool { _, good := seek(part(d.screenshot(), figure), primary); return good })
	if _, bad := seek(part(d.screenshot(), figure), failing); bad {
		t.Error("the rate looks bad while every request succeeds")
	}
	close(broken)
	for range 10 {
		ask(t, address, "/")
	}
	until(t, "a bad rate", func() bool { _, bad := seek(part(d.screenshot(), figure), failing); return bad })
	shown.end(t, syscall.SIGTERM)
}

// TestTrayTurnsAmber breaks one of two upstreams: requests go on, and the icon says what
// is wrong.
func TestTrayTurnsAmber(t *testing.T) {
	d := newDesk(t)
	origin := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer origin.Close()
	gone := "http://" + porttest.Hold(t)
	d.configure(fmt.Sprintf("[[upstreams]]\nname = \"one\"\nkind = \"anthropic\"\nurl = %q\n[[upstreams]]\nname = \"two\"\nkind = \"anthropic\"\npriority = 2\nurl = %q\n", gone, origin.URL))
	panel := d.addPanel()
	daemon, address := d.daemon()
	d.millpond("--background")
	icon := panel.icon()
	panel.await(icon, "Running", shown)
	fine := fmt.Sprint(panel.property(icon, "IconPixmap"))
	for range 8 {
		if got := ask(t, address, "/v1/messages"); got != http.StatusOK {
			t.Errorf("with one of two broken: got %d; want %d", got, http.StatusOK)
		}
	}
	panel.await(icon, "Running with trouble", shown)
	panel.await(icon, "Left alone after failures in a row: one.", shown)
	amber := fmt.Sprint(panel.property(icon, "IconPixmap"))
	panel.await(icon, "one  ·  left alone after failures", shown)
	daemon.end(t, syscall.SIGKILL)
	panel.await(icon, "Not running", shown)
	grey := fmt.Sprint(panel.property(icon, "IconPixmap"))
	if fine == amber || amber == grey || grey == fine {
		t.Error("two of the states look alike")
	}
	d.daemon()
	panel.await(icon, "Running", shown)
	until(t, "the icon of a proxy that runs", func() bool { return fmt.Sprint(panel.property(icon, "IconPixmap")) == fine })
}

// TestTraySpeaksAnew has the tray speak another language at once, as the window asks it
// to when a person has chosen one.
func TestTraySpeaksAnew(t *testing.T) {
	d := newDesk(t)
	d.prefer(`{"language": "zh_Hans"}`)
	panel := d.addPanel()
	d.millpond("--background")
	icon := panel.icon()
	panel.await(icon, "未运行", shown)
	d.prefer(`{"language": "en"}`)
	tray, err := net.Dial("unix", control.Sibling(d.socket(), "tray"))
	if err != nil {
		t.Fatal(err)
	}
	defer tray.Close()
	if _, err := tray.Write([]byte("speak\n")); err != nil {
		t.Fatal(err)
	}
	panel.await(icon, "Not running", shown)
	panel.await(icon, "Start the proxy", shown)
}
