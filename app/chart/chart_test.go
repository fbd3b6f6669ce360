package chart

import (
	"math"
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"
	"fyne.io/fyne/v2/theme"
)

// draw shows a chart in a window of a size and returns what it is made of.
func draw(t *testing.T, chart fyne.Widget, size fyne.Size) []fyne.CanvasObject {
	t.Helper()
	w := test.NewTempWindow(t, chart)
	w.SetPadded(false)
	w.Resize(size)
	return test.WidgetRenderer(chart).Objects()
}

// count returns how many lines, dots and rectangles there are.
func count(objects []fyne.CanvasObject) (lines, dots, bars int) {
	for _, o := range objects {
		switch o.(type) {
		case *canvas.Line:
			lines++
		case *canvas.Circle:
			dots++
		case *canvas.Rectangle:
			bars++
		}
	}
	return lines, dots, bars
}

func TestSparkline(t *testing.T) {
	gap := math.NaN()
	tests := []struct {
		name              string
		points            []Point
		lines, dots, bars int
	}{
		{"no points", nil, 0, 0, 0},
		{"a line", []Point{{100, 1}, {90, 1}, {95, 0}}, 2, 0, 2},
		{"a gap", []Point{{100, 1}, {90, 1}, {gap, 0}, {95, 1}, {95, 1}}, 2, 0, 4},
		{"a point alone", []Point{{gap, 0}, {90, 1}, {gap, 0}}, 0, 1, 1},
		{"gaps alone", []Point{{gap, 0}, {gap, 0}}, 0, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := NewSparkline()
			s.Set(test.points, 80, 100)
			lines, dots, bars := count(draw(t, s, fyne.NewSize(200, 100)))
			if lines != test.lines || dots != test.dots || bars != test.bars {
				t.Errorf("got %d lines, %d dots, %d bars; want %d, %d, %d", lines, dots, bars, test.lines, test.dots, test.bars)
			}
		})
	}
}

func TestSparklineStaysInside(t *testing.T) {
	s := NewSparkline()
	s.Set([]Point{{-50, 9}, {100, 1}, {250, 1}}, 80, 100, Threshold{95, theme.ColorNameWarning})
	size := fyne.NewSize(200, 100)
	for _, o := range draw(t, s, size) {
		if line, ok := o.(*canvas.Line); ok {
			for _, p := range []fyne.Position{line.Position1, line.Position2} {
				if p.X < 0 || p.X > size.Width || p.Y < 0 || p.Y > size.Height {
					t.Errorf("got a point at %v; want it within %v", p, size)
				}
			}
		}
	}
}

func TestSparklineHover(t *testing.T) {
	s := NewSparkline()
	var seen []int
	s.Hover = func(i int) { seen = append(seen, i) }
	at := func(x float32) *desktop.MouseEvent {
		return &desktop.MouseEvent{PointEvent: fyne.PointEvent{Position: fyne.NewPos(x, 5)}}
	}
	draw(t, s, fyne.NewSize(200, 100))
	s.MouseMoved(at(50)) // no points yet
	s.Set([]Point{{1, 1}, {2, 1}, {3, 1}, {4, 1}}, 0, 5)
	s.MouseIn(at(0))
	s.MouseMoved(at(49))
	s.MouseMoved(at(51))
	s.MouseMoved(at(500))
	s.MouseOut()
	if got, want := seen, []int{0, 1, 3, -1}; len(got) != len(want) || got[0] != 0 || got[1] != 1 || got[2] != 3 || got[3] != -1 {
		t.Errorf("got %v; want %v", got, want)
	}
	s.MouseIn(at(199))
	s.Set([]Point{{1, 1}}, 0, 5)
	if got := s.Marked(); got != -1 {
		t.Errorf("a mark on a point that is gone: got %d; want -1", got)
	}
}

func TestGauge(t *testing.T) {
	tests := []struct {
		name   string
		full   float64
		values []float64
		widths []float32 // of 200
	}{
		{"half", 10, []float64{3, 2}, []float32{60, 40}},
		{"over full", 2, []float64{3, 1}, []float32{150, 50}},
		{"one of many", 10000, []float64{1}, []float32{3}},
		{"nothing", 0, []float64{0, 0}, []float32{0, 0}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			g := NewGauge()
			var parts []Part
			for _, v := range test.values {
				parts = append(parts, Part{v, theme.ColorNamePrimary})
			}
			g.Set(test.full, parts...)
			objects := draw(t, g, fyne.NewSize(200, gaugeHeight))[1:] // the track is first
			for i, want := range test.widths {
				if got := objects[i].Size().Width; math.Abs(float64(got-want)) > 0.01 && objects[i].Visible() {
					t.Errorf("part %d: got %v wide; want %v", i, got, want)
				}
				if got := objects[i].Visible(); got != (want > 0) {
					t.Errorf("part %d: got shown %v; want %v", i, got, want > 0)
				}
			}
		})
	}
}
