package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A panel is a rounded field behind a group of things, in a colour of the theme.
type panel struct {
	widget.BaseWidget
	color   fyne.ThemeColorName
	content fyne.CanvasObject
	flat    bool // without an edge
}

// newPanel returns a panel around content.
func newPanel(content fyne.CanvasObject) *panel {
	p := &panel{color: ColorPanel, content: inset(gapLarge, content)}
	p.ExtendBaseWidget(p)
	return p
}

// title returns the heading of a panel.
func title(words string) *text {
	h := muted()
	h.style.Bold = true
	h.set(words)
	return h
}

// newHeadedPanel returns a panel with a heading over its content.
func newHeadedPanel(heading string, content fyne.CanvasObject) *panel {
	return newPanel(column(gapMedium, title(heading), content))
}

// CreateRenderer implements fyne.Widget.
func (p *panel) CreateRenderer() fyne.WidgetRenderer {
	r := &panelRenderer{panel: p, field: canvas.NewRectangle(nil)}
	r.paint()
	return r
}

// panelRenderer draws a panel.
type panelRenderer struct {
	panel *panel
	field *canvas.Rectangle
}

func (r *panelRenderer) Destroy()           {}
func (r *panelRenderer) MinSize() fyne.Size { return r.panel.content.MinSize() }

// Objects implements fyne.WidgetRenderer.
func (r *panelRenderer) Objects() []fyne.CanvasObject {
	return []fyne.CanvasObject{r.field, r.panel.content}
}

// Layout implements fyne.WidgetRenderer.
func (r *panelRenderer) Layout(size fyne.Size) {
	r.field.Resize(size)
	r.panel.content.Resize(size)
}

// Refresh implements fyne.WidgetRenderer.
func (r *panelRenderer) Refresh() {
	r.paint()
	canvas.Refresh(r.panel)
}

// paint takes the colours of the theme in force.
func (r *panelRenderer) paint() {
	r.field.FillColor = theme.ColorForWidget(r.panel.color, r.panel)
	r.field.CornerRadius, r.field.StrokeWidth = 10, 1
	if r.panel.flat {
		r.field.CornerRadius, r.field.StrokeWidth = 0, 0
	}
	r.field.StrokeColor = theme.ColorForWidget(theme.ColorNameSeparator, r.panel)
}

// An emptyPanel stands where a page has nothing to show: a picture and the reason.
type emptyPanel struct {
	words *sentence
	box   *panel
}

// emptyIcon is the edge of its picture, and emptyRoom the room above and below: Fyne's
// pixels.
const (
	emptyIcon = 44
	emptyRoom = 56
)

// newEmptyPanel returns a panel with a picture.
func newEmptyPanel(icon fyne.Resource) *emptyPanel {
	e := &emptyPanel{words: newSentence(widget.LowImportance)}
	e.words.label.Alignment, e.words.label.Selectable = fyne.TextAlignCenter, false
	picture := canvas.NewImageFromResource(theme.NewColoredResource(icon, ColorMuted))
	picture.FillMode = canvas.ImageFillContain
	picture.Translucency = 0.4
	picture.SetMinSize(fyne.NewSquareSize(emptyIcon))
	e.box = newPanel(column(gapMedium, atLeast(0, emptyRoom), picture, e.words.box, atLeast(0, emptyRoom)))
	return e
}

// show shows the reason, or nothing.
func (e *emptyPanel) show(words string, shown bool) {
	e.words.set(words)
	reveal(e.box, shown)
}

// atLeast returns nothing that is seen, but takes room.
func atLeast(width, height float32) fyne.CanvasObject {
	r := canvas.NewRectangle(color.Transparent)
	r.SetMinSize(fyne.NewSize(width, height))
	return r
}

// newFoot returns a field along the foot of the window, with a line above it.
func newFoot(content fyne.CanvasObject) fyne.CanvasObject {
	p := newPanel(nil)
	p.flat, p.content = true, inset(gapLarge, content)
	return column(0, newRule(), p)
}

// ruleWidth is how wide the line between two parts of the window is.
const ruleWidth = 1

// A rule is a line between two parts of the window.
type rule struct{ widget.BaseWidget }

// newRule returns a line that is as long as there is room.
func newRule() *rule {
	r := &rule{}
	r.ExtendBaseWidget(r)
	return r
}

// CreateRenderer implements fyne.Widget.
func (r *rule) CreateRenderer() fyne.WidgetRenderer {
	line := canvas.NewRectangle(theme.ColorForWidget(theme.ColorNameSeparator, r))
	line.SetMinSize(fyne.NewSquareSize(ruleWidth))
	return &ruleRenderer{widget.NewSimpleRenderer(line), r, line}
}

// ruleRenderer draws a rule in the colour of the theme in force.
type ruleRenderer struct {
	fyne.WidgetRenderer
	rule *rule
	line *canvas.Rectangle
}

// Refresh implements fyne.WidgetRenderer.
func (r *ruleRenderer) Refresh() {
	r.line.FillColor = theme.ColorForWidget(theme.ColorNameSeparator, r.rule)
	r.line.Refresh()
}
