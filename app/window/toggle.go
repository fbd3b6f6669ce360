package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A toggle is a switch between on and off, by mouse or keyboard. It shows what
// is, and asks for the other: it moves when the daemon has moved.
type toggle struct {
	widget.DisableableWidget
	on      bool
	focused bool
	asked   func(on bool)
	path    func() string // of the setting that it is for, on a page; nil for the one of the whole
}

// newToggle returns a switch that is off and calls asked when it is used.
func newToggle(asked func(on bool)) *toggle {
	t := &toggle{asked: asked}
	t.ExtendBaseWidget(t)
	return t
}

// set shows on or off.
func (t *toggle) set(on bool) {
	if on != t.on {
		t.on = on
		t.Refresh()
	}
}

// Tapped asks for the other position.
func (t *toggle) Tapped(*fyne.PointEvent) {
	if !t.Disabled() {
		t.asked(!t.on)
	}
}

// Cursor shows that the switch can be used.
func (t *toggle) Cursor() desktop.Cursor { return desktop.PointerCursor }

// FocusGained draws the ring that tells where the keyboard is.
func (t *toggle) FocusGained() {
	t.focused = true
	t.Refresh()
	if t.path != nil {
		seek(t)
	}
}

// called implements named.
func (t *toggle) called() string { return nameOr(t.path, "") }

// FocusLost takes the ring away.
func (t *toggle) FocusLost() { t.focused = false; t.Refresh() }

// TypedRune asks for the other position at a space.
func (t *toggle) TypedRune(r rune) {
	if r == ' ' {
		t.Tapped(nil)
	}
}

// TypedKey asks for the other position at the return key.
func (t *toggle) TypedKey(e *fyne.KeyEvent) {
	if e.Name == fyne.KeyReturn || e.Name == fyne.KeyEnter {
		t.Tapped(nil)
		return
	}
	passKey(t, e)
}

// CreateRenderer implements fyne.Widget.
func (t *toggle) CreateRenderer() fyne.WidgetRenderer {
	r := &toggleRenderer{toggle: t, ring: canvas.NewRectangle(nil), track: canvas.NewRectangle(nil), knob: canvas.NewCircle(nil)}
	r.paint()
	return r
}

// The measures of a toggle: Fyne's pixels.
const (
	toggleWidth  = 48
	toggleHeight = 26
	toggleRing   = 3 // around it, when it has the keyboard
)

// toggleRenderer draws a toggle: a ring for the focus, a track and a knob.
type toggleRenderer struct {
	toggle *toggle
	ring   *canvas.Rectangle
	track  *canvas.Rectangle
	knob   *canvas.Circle
}

func (r *toggleRenderer) Destroy() {}

// MinSize implements fyne.WidgetRenderer.
func (r *toggleRenderer) MinSize() fyne.Size {
	return fyne.NewSize(toggleWidth+2*toggleRing, toggleHeight+2*toggleRing)
}

// Objects implements fyne.WidgetRenderer.
func (r *toggleRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.ring, r.track, r.knob}
}

// Layout implements fyne.WidgetRenderer.
func (r *toggleRenderer) Layout(fyne.Size) {
	const room = 4 // between track and knob
	r.ring.Resize(r.MinSize())
	r.track.Move(fyne.NewPos(toggleRing, toggleRing))
	r.track.Resize(fyne.NewSize(toggleWidth, toggleHeight))
	knob := float32(toggleHeight - 2*room)
	x := float32(toggleRing + room)
	if r.toggle.on {
		x = toggleRing + toggleWidth - room - knob
	}
	r.knob.Move(fyne.NewPos(x, toggleRing+room))
	r.knob.Resize(fyne.NewSize(knob, knob))
}

// Refresh implements fyne.WidgetRenderer.
func (r *toggleRenderer) Refresh() {
	r.Layout(r.toggle.Size())
	r.paint()
	canvas.Refresh(r.toggle)
}

// paint takes the colours of the theme for the present position.
func (r *toggleRenderer) paint() {
	color := func(name fyne.ThemeColorName) { r.track.FillColor = theme.ColorForWidget(name, r.toggle) }
	r.knob.FillColor = theme.ColorForWidget(ColorPanel, r.toggle)
	switch {
	case r.toggle.Disabled():
		color(theme.ColorNameInputBackground)
	case r.toggle.on:
		color(theme.ColorNamePrimary)
	default:
		color(ColorMuted)
	}
	r.ring.FillColor = nil
	if r.toggle.focused {
		r.ring.FillColor = theme.ColorForWidget(theme.ColorNameFocus, r.toggle)
	}
	r.ring.CornerRadius = (toggleHeight + 2*toggleRing) / 2
	r.track.CornerRadius = toggleHeight / 2
}
