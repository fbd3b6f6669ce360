package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A place is one line of the navigation.
type place struct {
	label string
	icon  fyne.Resource
}

// A nav is the list of pages at the left. It is one stop for the keyboard, in
// which the arrows go up and down. Where it is narrow it shows the icons alone.
type nav struct {
	widget.BaseWidget
	places  []place
	open    int // the page that is shown
	under   int // the line under the pointer, or -1
	focused bool
	chosen  func(int)
	help    *helper
}

// newNav returns a list that calls chosen with the place that a person chose.
func newNav(places []place, help *helper, chosen func(int)) *nav {
	n := &nav{places: places, under: -1, chosen: chosen, help: help}
	n.ExtendBaseWidget(n)
	return n
}

// The measures of the navigation: Fyne's pixels.
const (
	navWide   = 168 // with names
	navNarrow = 56  // icons alone
	navLine   = 38  // the height of a line
	navGap    = 4   // between lines
	navEdge   = 8   // around them
)

// mark shows which page is open.
func (n *nav) mark(open int) {
	if open != n.open {
		n.open = open
		n.Refresh()
	}
}

// narrow reports whether there is room for icons alone.
func (n *nav) narrow() bool { return n.Size().Width < navWide }

// lineAt returns the line at a position, or -1.
func (n *nav) lineAt(p fyne.Position) int {
	i := int((p.Y - navEdge) / (navLine + navGap))
	if p.Y < navEdge || i >= len(n.places) {
		return -1
	}
	return i
}

// Tapped opens the page under the pointer.
func (n *nav) Tapped(e *fyne.PointEvent) {
	if i := n.lineAt(e.Position); i >= 0 {
		n.chosen(i)
	}
}

// MouseIn marks the line under the pointer.
func (n *nav) MouseIn(e *desktop.MouseEvent) { n.MouseMoved(e) }

// MouseMoved marks the line under the pointer and tells its name where it is not
// shown.
func (n *nav) MouseMoved(e *desktop.MouseEvent) {
	i := n.lineAt(e.Position)
	if i == n.under {
		return
	}
	n.under = i
	n.Refresh()
	n.help.hide()
	if i >= 0 && n.narrow() {
		n.help.show(n, n.places[i].label, fyne.NewPos(navNarrow+2, navEdge+float32(i)*(navLine+navGap)+4))
	}
}

// MouseOut takes the mark away.
func (n *nav) MouseOut() {
	n.under = -1
	n.help.hide()
	n.Refresh()
}

// Cursor shows that a line can be chosen.
func (n *nav) Cursor() desktop.Cursor {
	if n.under >= 0 {
		return desktop.PointerCursor
	}
	return desktop.DefaultCursor
}

// FocusGained draws the ring that tells where the keyboard is.
func (n *nav) FocusGained() { n.focused = true; n.Refresh() }

// FocusLost takes the ring away.
func (n *nav) FocusLost() { n.focused = false; n.Refresh() }

// TypedRune does nothing.
func (n *nav) TypedRune(rune) {}

// TypedKey goes to the page above or below.
func (n *nav) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyUp:
		n.chosen(max(0, n.open-1))
	case fyne.KeyDown:
		n.chosen(min(len(n.places)-1, n.open+1))
	case fyne.KeyHome:
		n.chosen(0)
	case fyne.KeyEnd:
		n.chosen(len(n.places) - 1)
	default:
		passKey(n, e)
	}
}

// CreateRenderer implements fyne.Widget.
func (n *nav) CreateRenderer() fyne.WidgetRenderer {
	r := &navRenderer{nav: n, ground: canvas.NewRectangle(nil)}
	for _, p := range n.places {
		line := &navLineParts{field: canvas.NewRectangle(nil), icon: canvas.NewImageFromResource(nil), name: canvas.NewText(p.label, nil)}
		line.field.CornerRadius = 8
		line.icon.FillMode = canvas.ImageFillContain
		r.lines = append(r.lines, line)
	}
	r.paint()
	return r
}

// navLineParts are what one line is drawn from.
type navLineParts struct {
	field *canvas.Rectangle
	icon  *canvas.Image
	name  *canvas.Text
}

// navRenderer draws a nav.
type navRenderer struct {
	nav    *nav
	ground *canvas.Rectangle
	lines  []*navLineParts
}

func (r *navRenderer) Destroy() {}

// MinSize implements fyne.WidgetRenderer.
func (r *navRenderer) MinSize() fyne.Size {
	return fyne.NewSize(navNarrow, 2*navEdge+float32(len(r.lines))*(navLine+navGap)-navGap)
}

// Objects implements fyne.WidgetRenderer.
func (r *navRenderer) Objects() []fyne.CanvasObject {
	objects := []fyne.CanvasObject{r.ground}
	for _, l := range r.lines {
		objects = append(objects, l.field, l.icon, l.name)
	}
	return objects
}

// Layout implements fyne.WidgetRenderer.
func (r *navRenderer) Layout(size fyne.Size) {
	const icon = 20
	r.ground.Resize(size)
	width := size.Width - 2*navEdge
	for i, l := range r.lines {
		y := float32(navEdge + i*(navLine+navGap))
		l.field.Move(fyne.NewPos(navEdge, y))
		l.field.Resize(fyne.NewSize(width, navLine))
		x := float32(navEdge + 12)
		if l.name.Hidden = r.nav.narrow(); l.name.Hidden {
			x = (size.Width - icon) / 2
		}
		l.icon.Move(fyne.NewPos(x, y+(navLine-icon)/2))
		l.icon.Resize(fyne.NewSquareSize(icon))
		l.name.Move(fyne.NewPos(x+icon+12, y))
		l.name.Resize(fyne.NewSize(width-icon-30, navLine))
	}
}

// Refresh implements fyne.WidgetRenderer.
func (r *navRenderer) Refresh() {
	r.Layout(r.nav.Size())
	r.paint()
	canvas.Refresh(r.nav)
}

// paint takes the colours of the theme in force.
func (r *navRenderer) paint() {
	ink := func(name fyne.ThemeColorName) color.Color { return theme.ColorForWidget(name, r.nav) }
	r.ground.FillColor = ink(ColorPanel)
	for i, l := range r.lines {
		p := r.nav.places[i]
		l.field.FillColor, l.field.StrokeWidth = nil, 0
		l.name.Color, l.name.TextStyle.Bold = ink(theme.ColorNameForeground), false
		l.name.TextSize = theme.SizeForWidget(theme.SizeNameText, r.nav)
		l.icon.Resource = theme.NewColoredResource(p.icon, ColorMuted)
		if i == r.nav.under {
			l.field.FillColor = ink(theme.ColorNameHover)
		}
		if i == r.nav.open {
			l.field.FillColor = ink(colorChosen)
			l.name.Color, l.name.TextStyle.Bold = ink(theme.ColorNamePrimary), true
			l.icon.Resource = theme.NewPrimaryThemedResource(p.icon)
			if r.nav.focused {
				l.field.StrokeWidth, l.field.StrokeColor = 2, ink(theme.ColorNamePrimary)
			}
		}
		l.icon.Refresh()
	}
}
