package bench

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed report.html
var page string

// WriteHTML prints the report as a page that needs nothing beside itself: no script, no font, no
// address. It follows the reader's light or dark theme.
func (r *Report) WriteHTML(w io.Writer) error {
	t, err := template.New("report").Funcs(template.FuncMap{"draw": draw}).Parse(page)
	if err != nil {
		return fmt.Errorf("read the report's template: %w", err)
	}
	return t.Execute(w, struct {
		*Report
		About string
	}{r, r.about()})
}

// The measures of a chart, in the units of its picture.
const (
	labelWidth = 230.0
	plotWidth  = 420.0
	valueWidth = 150.0
	barHeight  = 18.0
	barStep    = 26.0
)

// A drawing is a chart with its places worked out.
type drawing struct {
	Title, Unit   string
	Width, Height float64
	Left          float64
	Bars          []drawn
}

// drawn is one bar of a drawing.
type drawn struct {
	Label, Value, Class  string
	Top, Middle, Text    float64
	Length               float64
	Low, High, ValueLeft float64
	Spread               bool
}

// draw works out where everything in a chart stands.
func draw(c Chart) drawing {
	most := 0.0
	for _, b := range c.Bars {
		most = max(most, b.High, b.Mid)
	}
	scale := 0.0
	if most > 0 {
		scale = plotWidth / most
	}
	d := drawing{Title: c.Title, Unit: c.Unit, Left: labelWidth,
		Width: labelWidth + plotWidth + valueWidth, Height: barStep * float64(len(c.Bars))}
	for i, b := range c.Bars {
		top := barStep * float64(i)
		one := drawn{Label: b.Label, Value: short(b.Mid) + " " + c.Unit, Class: "bar",
			Top: top, Middle: top + barHeight/2, Text: top + barHeight - 4,
			Length: b.Mid * scale, Low: labelWidth + b.Low*scale, High: labelWidth + b.High*scale,
			ValueLeft: labelWidth + max(b.High, b.Mid)*scale + 8, Spread: b.High > b.Low}
		if b.Ours {
			one.Class = "bar ours"
		}
		d.Bars = append(d.Bars, one)
	}
	return d
}
