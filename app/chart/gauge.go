package chart

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A Part is one stretch of a Gauge.
type Part struct {
	Value float64
	Color fyne.ThemeColorName
}

// A Gauge is a bar of parts side by side. Use NewGauge.
type Gauge struct {
	widget.BaseWidget
	parts []Part
	full  float64
}

// gaugeHeight is the height of the bar: Fyne's pixels.
const gaugeHeight = 14

// NewGauge returns an empty bar.
func NewGauge() *Gauge {
	g := &Gauge{full: 1}
	g.ExtendBaseWidget(g)
	return g
}

// Set replaces the parts. The whole bar stands for full, or for the sum of the
// parts if that is more.
func (g *Gauge) Set(full float64, parts ...Part) {
	sum := 0.0
	for _, p := range parts {
		sum += p.Value
	}
	g.parts, g.full = parts, max(full, sum, 1)
	g.Refresh()
}

// CreateRenderer implements fyne.Widget.
func (g *Gauge) CreateRenderer() fyne.WidgetRenderer {
	return &gaugeRenderer{gauge: g, track: canvas.NewRectangle(nil)}
}

// gaugeRenderer draws a Gauge: a track, and a rectangle for each part.
type gaugeRenderer struct {
	gauge *Gauge
	track *canvas.Rectangle
	parts []*canvas.Rectangle
}

func (r *gaugeRenderer) Destroy()           {}
func (r *gaugeRenderer) MinSize() fyne.Size { return fyne.NewSize(120, gaugeHeight) }

// Objects implements fyne.WidgetRenderer.
func (r *gaugeRenderer) Objects() []fyne.CanvasObject {
	objects := []fyne.CanvasObject{r.track}
	for _, p := range r.parts {
		objects = append(objects, p)
	}
	return objects
}

// Refresh implements fyne.WidgetRenderer.
func (r *gaugeRenderer) Refresh() {
	r.Layout(r.gauge.Size())
	canvas.Refresh(r.gauge)
}

// Layout implements fyne.WidgetRenderer.
func (r *gaugeRenderer) Layout(size fyne.Size) {
	for len(r.parts) < len(r.gauge.parts) {
		r.parts = append(r.parts, canvas.NewRectangle(nil))
	}
	r.parts = r.parts[:len(r.gauge.parts)]
	const radius = gaugeHeight / 2
	r.track.FillColor = theme.ColorForWidget(theme.ColorNameInputBackground, r.gauge)
	r.track.CornerRadius = radius
	r.track.Resize(fyne.NewSize(size.Width, gaugeHeight))
	x := float32(0)
	for i, p := range r.gauge.parts {
		width := size.Width * float32(p.Value/r.gauge.full)
		if p.Value > 0 {
			width = max(width, 3) // one of many is seen too
		}
		bar := r.parts[i]
		bar.Hidden = p.Value <= 0
		bar.FillColor = theme.ColorForWidget(p.Color, r.gauge)
		r.round(i, bar, radius)
		bar.Move(fyne.NewPos(x, 0))
		bar.Resize(fyne.NewSize(width, gaugeHeight))
		x += width
	}
}

// round rounds the outer corners of the first and the last part that are seen.
func (r *gaugeRenderer) round(i int, bar *canvas.Rectangle, radius float32) {
	first, last := true, true
	for j, p := range r.gauge.parts {
		if p.Value > 0 && j < i {
			first = false
		}
		if p.Value > 0 && j > i {
			last = false
		}
	}
	bar.TopLeftCornerRadius, bar.BottomLeftCornerRadius = 0, 0
	bar.TopRightCornerRadius, bar.BottomRightCornerRadius = 0, 0
	if first {
		bar.TopLeftCornerRadius, bar.BottomLeftCornerRadius = radius, radius
	}
	if last {
		bar.TopRightCornerRadius, bar.BottomRightCornerRadius = radius, radius
	}
}
