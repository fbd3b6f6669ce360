// Package chart holds small charts as Fyne widgets. They know numbers and the
// names of theme colours, and nothing of what the numbers mean.
package chart

import (
	"image/color"
	"math"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A Point is one step of a Sparkline.
type Point struct {
	Value  float64 // on the axis; NaN leaves a gap
	Weight float64 // height of the bar behind, relative to the other points'
}

// A Threshold is a level that is drawn across a Sparkline.
type Threshold struct {
	Value float64
	Color fyne.ThemeColorName
}

// A Sparkline draws values as a line, their weights as bars behind it, and
// thresholds across. Use NewSparkline.
type Sparkline struct {
	widget.BaseWidget

	// Hover is called with the index of the point under the pointer, and with -1
	// when it leaves. Optional.
	Hover func(index int)

	points     []Point
	thresholds []Threshold
	low, high  float64 // the ends of the axis
	marked     int     // the point under the pointer, or -1
}

// sparklineHeight is the least height: Fyne's pixels.
const sparklineHeight = 96

// NewSparkline returns a chart without points.
func NewSparkline() *Sparkline {
	s := &Sparkline{marked: -1, high: 1}
	s.ExtendBaseWidget(s)
	return s
}

// Set replaces what is shown. The axis goes from low to high.
func (s *Sparkline) Set(points []Point, low, high float64, thresholds ...Threshold) {
	s.points, s.low, s.high, s.thresholds = points, low, high, thresholds
	if s.marked >= len(points) {
		s.marked = -1
	}
	s.Refresh()
}

// Marked returns the index of the point under the pointer, or -1.
func (s *Sparkline) Marked() int { return s.marked }

// MouseIn marks the point under the pointer.
func (s *Sparkline) MouseIn(e *desktop.MouseEvent) { s.MouseMoved(e) }

// MouseMoved marks the point under the pointer.
func (s *Sparkline) MouseMoved(e *desktop.MouseEvent) {
	if len(s.points) == 0 || s.Size().Width <= 0 {
		return
	}
	i := int(float32(len(s.points)) * e.Position.X / s.Size().Width)
	s.mark(min(max(i, 0), len(s.points)-1))
}

// MouseOut takes the mark away.
func (s *Sparkline) MouseOut() { s.mark(-1) }

// mark marks a point, or none, and tells.
func (s *Sparkline) mark(i int) {
	if i == s.marked {
		return
	}
	s.marked = i
	s.Refresh()
	if s.Hover != nil {
		s.Hover(i)
	}
}

// CreateRenderer implements fyne.Widget.
func (s *Sparkline) CreateRenderer() fyne.WidgetRenderer {
	r := &sparklineRenderer{chart: s}
	r.build()
	return r
}

// sparklineRenderer draws a Sparkline from bars, lines and dots. It makes them
// anew with each change: there are at most some two hundred.
type sparklineRenderer struct {
	chart   *Sparkline
	objects []fyne.CanvasObject
}

func (r *sparklineRenderer) Destroy()                     {}
func (r *sparklineRenderer) Objects() []fyne.CanvasObject { return r.objects }
func (r *sparklineRenderer) Layout(fyne.Size)             { r.build() }
func (r *sparklineRenderer) MinSize() fyne.Size           { return fyne.NewSize(160, sparklineHeight) }

// Refresh implements fyne.WidgetRenderer.
func (r *sparklineRenderer) Refresh() {
	r.build()
	canvas.Refresh(r.chart)
}

// build draws the chart for its present size and colours.
func (r *sparklineRenderer) build() {
	r.objects = nil
	if len(r.chart.points) == 0 {
		return
	}
	r.bars()
	for _, t := range r.chart.thresholds {
		line := canvas.NewRectangle(faint(r.colour(t.Color), 0x90))
		line.Move(fyne.NewPos(0, r.y(t.Value)))
		line.Resize(fyne.NewSize(r.chart.Size().Width, 1))
		r.objects = append(r.objects, line)
	}
	r.line()
}

// bars draws the weights along the bottom third.
func (r *sparklineRenderer) bars() {
	heaviest := 0.0
	for _, p := range r.chart.points {
		heaviest = max(heaviest, p.Weight)
	}
	size := r.chart.Size()
	step := r.step()
	for i, p := range r.chart.points {
		if p.Weight <= 0 {
			continue
		}
		strength := uint8(0x38)
		if i == r.chart.marked {
			strength = 0x80
		}
		height := max(2, size.Height/3*float32(p.Weight/heaviest))
		bar := canvas.NewRectangle(faint(r.colour(theme.ColorNamePrimary), strength))
		bar.Move(fyne.NewPos(step*float32(i)+step*0.12, size.Height-height))
		bar.Resize(fyne.NewSize(step*0.76, height))
		r.objects = append(r.objects, bar)
	}
}

// line joins the values that follow one another, and dots one that stands
// alone or is marked.
func (r *sparklineRenderer) line() {
	points := r.chart.points
	colour := r.colour(theme.ColorNamePrimary)
	for i, p := range points {
		if math.IsNaN(p.Value) {
			continue
		}
		before := i > 0 && !math.IsNaN(points[i-1].Value)
		after := i+1 < len(points) && !math.IsNaN(points[i+1].Value)
		if after {
			line := canvas.NewLine(colour)
			line.StrokeWidth = 2
			line.Position1, line.Position2 = r.at(i), r.at(i+1)
			r.objects = append(r.objects, line)
		}
		if !before && !after || i == r.chart.marked {
			r.objects = append(r.objects, dot(r.at(i), 3, colour))
		}
	}
}

// at returns where the value of point i is.
func (r *sparklineRenderer) at(i int) fyne.Position {
	return fyne.NewPos(r.step()*(float32(i)+0.5), r.y(r.chart.points[i].Value))
}

// step returns the width of a point.
func (r *sparklineRenderer) step() float32 {
	return r.chart.Size().Width / float32(max(1, len(r.chart.points)))
}

// y returns the height of a value, a little off the edges.
func (r *sparklineRenderer) y(value float64) float32 {
	const margin = 4
	share := (value - r.chart.low) / (r.chart.high - r.chart.low)
	share = min(max(share, 0), 1)
	return margin + float32(1-share)*(r.chart.Size().Height-2*margin)
}

// colour returns a colour of the theme that the chart is drawn in.
func (r *sparklineRenderer) colour(name fyne.ThemeColorName) color.Color {
	return theme.ColorForWidget(name, r.chart)
}

// dot returns a filled circle around a point.
func dot(at fyne.Position, radius float32, fill color.Color) *canvas.Circle {
	c := canvas.NewCircle(fill)
	c.Move(at.SubtractXY(radius, radius))
	c.Resize(fyne.NewSize(2*radius, 2*radius))
	return c
}

// faint returns a colour with another strength, from 0 to 255.
func faint(c color.Color, alpha uint8) color.Color {
	r, g, b, _ := c.RGBA()
	return color.NRGBA{R: uint8(r >> 8), G: uint8(g >> 8), B: uint8(b >> 8), A: alpha}
}
