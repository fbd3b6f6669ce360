package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// A columnHead is the name over a column, by which a list is sorted: by a tap, or by
// the space or return key. It says what the column means while the pointer rests on it.
type columnHead struct {
	widget.BaseWidget
	words   *text
	arrow   *widget.Icon
	right   bool // the column is aligned to the right
	focused bool
	content fyne.CanvasObject
	tapped  func()
	help    *helper
	meaning string
}

// newColumnHead returns the name of a column.
func newColumnHead(t tools, label, meaning string, right bool, tapped func()) *columnHead {
	h := &columnHead{words: caption().with(cutOff), arrow: widget.NewIcon(nil), right: right, tapped: tapped, help: t.help, meaning: meaning}
	h.words.set(label)
	h.arrow.Hide()
	if right {
		h.words.with(toRight)
		h.content = row(0, []float32{1, 0}, middle(h.words), h.arrow)
	} else {
		h.words.cut = false
		h.content = row(0, []float32{0, 0}, middle(h.words), h.arrow)
	}
	h.ExtendBaseWidget(h)
	return h
}

// mark shows that the list is sorted by this column, and which way.
func (h *columnHead) mark(sorted, down bool) {
	icon := theme.MenuDropUpIcon()
	if down {
		icon = theme.MenuDropDownIcon()
	}
	h.arrow.SetResource(icon)
	reveal(h.arrow, sorted)
	ink := ColorMuted
	if sorted || h.focused {
		ink = theme.ColorNamePrimary
	}
	h.words.style.Bold = sorted
	h.words.style.Underline = h.focused
	h.words.color = ink
	h.words.Refresh()
}

// Tapped sorts by the column.
func (h *columnHead) Tapped(*fyne.PointEvent) { h.tapped() }

// Cursor shows that the name can be used.
func (h *columnHead) Cursor() desktop.Cursor { return desktop.PointerCursor }

// MouseIn says what the column means.
func (h *columnHead) MouseIn(*desktop.MouseEvent) {
	h.help.show(h, h.meaning, fyne.NewPos(0, h.Size().Height+2))
}

// MouseMoved implements desktop.Hoverable.
func (h *columnHead) MouseMoved(*desktop.MouseEvent) {}

// MouseOut takes the help away.
func (h *columnHead) MouseOut() { h.help.hide() }

// FocusGained shows that the keyboard is here.
func (h *columnHead) FocusGained() {
	h.focused = true
	h.mark(h.arrow.Visible(), h.down())
}

// FocusLost shows that the keyboard is elsewhere.
func (h *columnHead) FocusLost() {
	h.focused = false
	h.mark(h.arrow.Visible(), h.down())
}

// down reports which way the arrow points.
func (h *columnHead) down() bool {
	return h.arrow.Resource != nil && h.arrow.Resource.Name() == theme.MenuDropDownIcon().Name()
}

// TypedRune sorts at a space.
func (h *columnHead) TypedRune(r rune) {
	if r == ' ' {
		h.tapped()
	}
}

// TypedKey sorts at the return key.
func (h *columnHead) TypedKey(e *fyne.KeyEvent) {
	switch e.Name {
	case fyne.KeyReturn, fyne.KeyEnter:
		h.tapped()
	default:
		passKey(h, e)
	}
}

// CreateRenderer implements fyne.Widget.
func (h *columnHead) CreateRenderer() fyne.WidgetRenderer {
	return widget.NewSimpleRenderer(h.content)
}

// A sorting is what a list of upstreams is sorted by, with the names over its columns.
// The zero value is the list's own order.
type sorting struct {
	by    model.Column
	down  bool
	heads []*columnHead
	bys   []model.Column
	draw  func() // draws the list anew
}

// A columnName is the name over a column and what it means, as keys of the locale files.
type columnName struct {
	by          model.Column
	label, help string
}

// columns makes the names over the columns; those from the place right on are aligned to
// the right.
func (s *sorting) columns(t tools, right int, all ...columnName) []fyne.CanvasObject {
	var heads []fyne.CanvasObject
	for i, c := range all {
		h := newColumnHead(t, t.say(model.T(c.label)), t.say(model.T(c.help)), i >= right, func() { s.sort(c.by) })
		s.heads, s.bys = append(s.heads, h), append(s.bys, c.by)
		heads = append(heads, h)
	}
	return heads
}

// sort sorts by a column, the other way when it is sorted by it already, and after that
// not at all.
func (s *sorting) sort(by model.Column) {
	switch {
	case s.by != by:
		s.by, s.down = by, false
	case !s.down && by != model.ByOrder:
		s.down = true
	default:
		s.by, s.down = model.ByOrder, false
	}
	s.draw()
}

// mark shows by which column the list is sorted.
func (s *sorting) mark(any bool) {
	for i, h := range s.heads {
		h.mark(any && s.bys[i] == s.by, s.down)
	}
}

// A movable is one line of a list whose order can be changed: by Alt and an arrow
// while it has the keyboard, or by its grip.
type movable struct {
	widget.BaseWidget
	content fyne.CanvasObject
	name    string
	focused bool
	drop    int                  // where another line would be put: -1 before this one, 1 behind, or 0
	moved   func(by int)         // by so many lines
	keyed   func(*fyne.KeyEvent) // other keys
}

// newMovable returns a line around content.
func newMovable(content fyne.CanvasObject) *movable {
	m := &movable{content: content}
	m.ExtendBaseWidget(m)
	return m
}

// FocusGained shows that the keyboard is here.
func (m *movable) FocusGained() {
	m.focused = true
	m.Refresh()
	seek(m)
}

// called implements named.
func (m *movable) called() string { return m.name }

// FocusLost shows that the keyboard is elsewhere.
func (m *movable) FocusLost() { m.focused = false; m.Refresh() }

// TypedRune does nothing.
func (m *movable) TypedRune(rune) {}

// TypedKey hands a key on.
func (m *movable) TypedKey(e *fyne.KeyEvent) { m.keyed(e) }

// TypedShortcut moves the line with Alt and an arrow.
func (m *movable) TypedShortcut(s fyne.Shortcut) {
	key, ok := s.(*desktop.CustomShortcut)
	switch {
	case ok && key.Modifier == fyne.KeyModifierAlt && key.KeyName == fyne.KeyUp:
		m.moved(-1)
	case ok && key.Modifier == fyne.KeyModifierAlt && key.KeyName == fyne.KeyDown:
		m.moved(1)
	default:
		passShortcut(m, s)
	}
}

// point shows where another line would be put.
func (m *movable) point(drop int) {
	if m.drop != drop {
		m.drop = drop
		m.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (m *movable) CreateRenderer() fyne.WidgetRenderer {
	r := &movableRenderer{line: m, field: canvas.NewRectangle(nil), drop: canvas.NewRectangle(nil)}
	r.field.CornerRadius = 8
	r.paint()
	return r
}

// movableRenderer draws a movable: a field when it has the keyboard, and a bar where
// another line would be put.
type movableRenderer struct {
	line        *movable
	field, drop *canvas.Rectangle
}

// movableRoom is the room above and below the content of a line: Fyne's pixels.
const movableRoom = 6

func (r *movableRenderer) Destroy() {}

// MinSize implements fyne.WidgetRenderer.
func (r *movableRenderer) MinSize() fyne.Size {
	return r.line.content.MinSize().AddWidthHeight(0, 2*movableRoom)
}

// Objects implements fyne.WidgetRenderer.
func (r *movableRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.field, r.line.content, r.drop}
}

// Layout implements fyne.WidgetRenderer.
func (r *movableRenderer) Layout(size fyne.Size) {
	const thick, beyond = 2, 8
	r.field.Move(fyne.NewPos(-beyond, 0))
	r.field.Resize(size.AddWidthHeight(2*beyond, 0))
	r.line.content.Move(fyne.NewPos(0, movableRoom))
	r.line.content.Resize(size.SubtractWidthHeight(0, 2*movableRoom))
	y := float32(0)
	if r.line.drop > 0 {
		y = size.Height - thick
	}
	r.drop.Move(fyne.NewPos(0, y))
	r.drop.Resize(fyne.NewSize(size.Width, thick))
}

// Refresh implements fyne.WidgetRenderer.
func (r *movableRenderer) Refresh() {
	r.Layout(r.line.Size())
	r.paint()
	canvas.Refresh(r.line)
}

// paint takes the colours of the theme in force.
func (r *movableRenderer) paint() {
	r.field.Hidden, r.drop.Hidden = !r.line.focused, r.line.drop == 0
	r.field.FillColor = theme.ColorForWidget(colorChosen, r.line)
	r.drop.FillColor = theme.ColorForWidget(theme.ColorNamePrimary, r.line)
}

// A grip is what a line is dragged by.
type grip struct {
	widget.BaseWidget
	far  float32           // how far it was dragged
	drag func(far float32) // while it is
	drop func(far float32) // at the end
	help *helper
	what string
	off  bool // there is nowhere to drag it to
}

// enable makes the grip usable, or not seen; it keeps its room.
func (g *grip) enable(on bool) {
	if g.off == on {
		g.off = !on
		g.Refresh()
	}
}

// newGrip returns a grip.
func newGrip(t tools, what string) *grip {
	g := &grip{help: t.help, what: what}
	g.ExtendBaseWidget(g)
	return g
}

// Dragged implements fyne.Draggable.
func (g *grip) Dragged(e *fyne.DragEvent) {
	if g.off {
		return
	}
	g.help.hide()
	g.far += e.Dragged.DY
	g.drag(g.far)
}

// DragEnd implements fyne.Draggable.
func (g *grip) DragEnd() {
	far := g.far
	g.far = 0
	if !g.off {
		g.drop(far)
	}
}

// Cursor shows that the line can be dragged.
func (g *grip) Cursor() desktop.Cursor {
	if g.off {
		return desktop.DefaultCursor
	}
	return desktop.VResizeCursor
}

// MouseIn says what it is for.
func (g *grip) MouseIn(*desktop.MouseEvent) {
	g.help.show(g, g.what, fyne.NewPos(0, g.Size().Height+2))
}

// MouseMoved implements desktop.Hoverable.
func (g *grip) MouseMoved(*desktop.MouseEvent) {}

// MouseOut takes the help away.
func (g *grip) MouseOut() { g.help.hide() }

// CreateRenderer implements fyne.Widget.
func (g *grip) CreateRenderer() fyne.WidgetRenderer {
	r := &gripRenderer{grip: g}
	for range 6 {
		r.dots = append(r.dots, canvas.NewCircle(nil))
	}
	r.Refresh()
	return r
}

// gripRenderer draws a grip: two rows of three dots.
type gripRenderer struct {
	grip *grip
	dots []*canvas.Circle
}

func (r *gripRenderer) Destroy()           {}
func (r *gripRenderer) MinSize() fyne.Size { return fyne.NewSize(16, 24) }

// Objects implements fyne.WidgetRenderer.
func (r *gripRenderer) Objects() []fyne.CanvasObject {
	var all []fyne.CanvasObject
	for _, d := range r.dots {
		all = append(all, d)
	}
	return all
}

// Layout implements fyne.WidgetRenderer.
func (r *gripRenderer) Layout(size fyne.Size) {
	const dot, gap = 3, 6
	for i, d := range r.dots {
		d.Resize(fyne.NewSquareSize(dot))
		d.Move(fyne.NewPos(2+float32(i%2)*gap, size.Height/2-gap-dot/2+float32(i/2)*gap))
	}
}

// Refresh implements fyne.WidgetRenderer.
func (r *gripRenderer) Refresh() {
	for _, d := range r.dots {
		d.Hidden = r.grip.off
		d.FillColor = theme.ColorForWidget(ColorMuted, r.grip)
	}
	canvas.Refresh(r.grip)
}
