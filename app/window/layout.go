package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
)

// The distances between things: Fyne's pixels.
const (
	gapSmall  = 4  // between lines that belong together
	gapMedium = 12 // between things in a panel
	gapLarge  = 16 // between panels, and around the page
)

// column puts things under one another with a gap.
func column(gap float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(columnLayout{gap}, objects...)
}

// columnLayout gives each visible object its least height and the whole width.
type columnLayout struct{ gap float32 }

// MinSize implements fyne.Layout.
func (l columnLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for i, o := range visible(objects) {
		least := o.MinSize()
		size.Width = max(size.Width, least.Width)
		size.Height += least.Height
		if i > 0 {
			size.Height += l.gap
		}
	}
	return size
}

// Layout implements fyne.Layout.
func (l columnLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	y := float32(0)
	for _, o := range visible(objects) {
		height := o.MinSize().Height
		o.Move(fyne.NewPos(0, y))
		o.Resize(fyne.NewSize(size.Width, height))
		y += height + l.gap
	}
}

// row puts things side by side, with a gap, in shares of the width.
func row(gap float32, shares []float32, objects ...fyne.CanvasObject) *fyne.Container {
	return container.New(rowLayout{gap, shares}, objects...)
}

// rowLayout divides the width by shares, one for each object; an object whose
// share is 0 gets its least width. All get the whole height. What is hidden takes
// no room.
type rowLayout struct {
	gap    float32
	shares []float32
}

// MinSize implements fyne.Layout.
func (l rowLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for i, o := range visible(objects) {
		least := o.MinSize()
		size.Height = max(size.Height, least.Height)
		size.Width += least.Width
		if i > 0 {
			size.Width += l.gap
		}
	}
	return size
}

// Layout implements fyne.Layout.
func (l rowLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	rest, sum := size.Width-l.gap*float32(len(visible(objects))-1), float32(0)
	for i, o := range objects {
		switch {
		case !o.Visible():
		case l.shares[i] == 0:
			rest -= o.MinSize().Width
		default:
			sum += l.shares[i]
		}
	}
	x := float32(0)
	for i, o := range objects {
		if !o.Visible() {
			continue
		}
		width := o.MinSize().Width
		if l.shares[i] > 0 {
			width = max(0, rest*l.shares[i]/sum)
		}
		o.Move(fyne.NewPos(x, 0))
		o.Resize(fyne.NewSize(width, size.Height))
		x += width + l.gap
	}
}

// sized puts one thing at the left and another of a fixed width at the right.
func sized(width float32, left, right fyne.CanvasObject) *fyne.Container {
	return container.New(sizedLayout{width}, left, right)
}

// sizedLayout gives the second object a fixed width and the first one the rest.
type sizedLayout struct{ width float32 }

// MinSize implements fyne.Layout.
func (l sizedLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	left, right := objects[0].MinSize(), objects[1].MinSize()
	return fyne.NewSize(left.Width+gapLarge+l.width, max(left.Height, right.Height))
}

// Layout implements fyne.Layout.
func (l sizedLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Resize(fyne.NewSize(size.Width-gapLarge-l.width, size.Height))
	objects[1].Move(fyne.NewPos(size.Width-l.width, 0))
	objects[1].Resize(fyne.NewSize(l.width, size.Height))
}

// ends puts things of fixed widths at both ends of another, which gets the rest.
func ends(left, right float32, first, content, last fyne.CanvasObject) *fyne.Container {
	return container.New(endsLayout{left, right}, first, content, last)
}

// endsLayout gives the first and the last object a fixed width.
type endsLayout struct{ left, right float32 }

// MinSize implements fyne.Layout.
func (l endsLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	var size fyne.Size
	for _, o := range objects {
		size.Height = max(size.Height, o.MinSize().Height)
	}
	size.Width = l.left + l.right + 2*gapSmall + objects[1].MinSize().Width
	return size
}

// Layout implements fyne.Layout.
func (l endsLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Resize(fyne.NewSize(l.left, size.Height))
	objects[1].Move(fyne.NewPos(l.left+gapSmall, 0))
	objects[1].Resize(fyne.NewSize(size.Width-l.left-l.right-2*gapSmall, size.Height))
	objects[2].Move(fyne.NewPos(size.Width-l.right, 0))
	objects[2].Resize(fyne.NewSize(l.right, size.Height))
}

// thinLayout makes a bar thin, whatever it asks for.
type thinLayout struct{}

// thin is how high a bar is that tells that something goes on: Fyne's pixels.
const thin = 4

// MinSize implements fyne.Layout.
func (thinLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(objects[0].MinSize().Width, thin)
}

// Layout implements fyne.Layout.
func (thinLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) { objects[0].Resize(size) }

// arrows puts two buttons without words under one another, smaller than they ask for.
func arrows(up, down fyne.CanvasObject) *fyne.Container {
	return container.New(arrowsLayout{}, up, down)
}

// arrowsLayout gives each button its size.
type arrowsLayout struct{}

// The size of each of the arrows: Fyne's pixels.
const (
	arrowWide = 24
	arrowHigh = 20
)

// MinSize implements fyne.Layout.
func (arrowsLayout) MinSize([]fyne.CanvasObject) fyne.Size {
	return fyne.NewSize(arrowWide, 2*arrowHigh)
}

// Layout implements fyne.Layout.
func (arrowsLayout) Layout(objects []fyne.CanvasObject, _ fyne.Size) {
	for i, o := range objects {
		o.Move(fyne.NewPos(0, float32(i)*arrowHigh))
		o.Resize(fyne.NewSize(arrowWide, arrowHigh))
	}
}

// inset puts room around an object.
func inset(room float32, object fyne.CanvasObject) *fyne.Container {
	return container.New(insetLayout{room}, object)
}

// insetLayout leaves the same room on all sides.
type insetLayout struct{ room float32 }

// MinSize implements fyne.Layout.
func (l insetLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return objects[0].MinSize().AddWidthHeight(2*l.room, 2*l.room)
}

// Layout implements fyne.Layout.
func (l insetLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	objects[0].Move(fyne.NewPos(l.room, l.room))
	objects[0].Resize(size.SubtractWidthHeight(2*l.room, 2*l.room))
}

// middle keeps an object at its least height in the middle of the height.
func middle(object fyne.CanvasObject) *fyne.Container {
	return container.New(middleLayout{}, object)
}

// middleLayout centres in the height and fills the width.
type middleLayout struct{}

// MinSize implements fyne.Layout.
func (middleLayout) MinSize(objects []fyne.CanvasObject) fyne.Size { return objects[0].MinSize() }

// Layout implements fyne.Layout.
func (middleLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	height := objects[0].MinSize().Height
	objects[0].Move(fyne.NewPos(0, (size.Height-height)/2))
	objects[0].Resize(fyne.NewSize(size.Width, height))
}

// shellLayout puts the navigation at the left, narrow where the window is, then
// a line, and the rest beside it.
type shellLayout struct{}

// foldBelow is the width under which the navigation shows icons alone: Fyne's
// pixels.
const foldBelow = 820

// MinSize implements fyne.Layout.
func (shellLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	side, rest := objects[0].MinSize(), objects[2].MinSize()
	return fyne.NewSize(side.Width+ruleWidth+rest.Width, max(side.Height, rest.Height))
}

// Layout implements fyne.Layout.
func (shellLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	width := float32(navWide)
	if size.Width < foldBelow {
		width = navNarrow
	}
	objects[0].Resize(fyne.NewSize(width, size.Height))
	objects[1].Move(fyne.NewPos(width, 0))
	objects[1].Resize(fyne.NewSize(ruleWidth, size.Height))
	objects[2].Move(fyne.NewPos(width+ruleWidth, 0))
	objects[2].Resize(fyne.NewSize(size.Width-width-ruleWidth, size.Height))
}

// coreLayout stacks what stays above the pages, the pages, and what stays below
// them, which get the height that is left.
type coreLayout struct{}

// MinSize implements fyne.Layout.
func (coreLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return columnLayout{}.MinSize(objects)
}

// Layout implements fyne.Layout.
func (coreLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	top, foot := objects[0].MinSize().Height, float32(0)
	if objects[2].Visible() {
		foot = objects[2].MinSize().Height
	}
	objects[0].Resize(fyne.NewSize(size.Width, top))
	objects[1].Move(fyne.NewPos(0, top))
	objects[1].Resize(fyne.NewSize(size.Width, max(0, size.Height-top-foot)))
	objects[2].Move(fyne.NewPos(0, size.Height-foot))
	objects[2].Resize(fyne.NewSize(size.Width, foot))
}

// The room around a page: Fyne's pixels. Over it there is less, since it scrolls
// under what is above.
const (
	sheetTop  = 12
	sheetWide = 1120 // a page is no wider, so that lines can be read
)

// topLayout gives what stays above the pages the width that they have.
type topLayout struct{}

// MinSize implements fyne.Layout.
func (topLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	return objects[0].MinSize().AddWidthHeight(2*gapLarge, gapLarge+4)
}

// Layout implements fyne.Layout.
func (topLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	x, width := sheetPlace(size.Width)
	objects[0].Move(fyne.NewPos(x, gapLarge))
	objects[0].Resize(fyne.NewSize(width, size.Height-gapLarge-4))
}

// sheetLayout gives a page the room of its scroller, in the middle.
type sheetLayout struct{}

// MinSize implements fyne.Layout. A page that has nothing to show is not scrolled.
func (sheetLayout) MinSize(objects []fyne.CanvasObject) fyne.Size {
	if !objects[0].Visible() {
		return fyne.Size{}
	}
	return objects[0].MinSize().AddWidthHeight(2*gapLarge, sheetTop+gapLarge)
}

// Layout implements fyne.Layout.
func (sheetLayout) Layout(objects []fyne.CanvasObject, size fyne.Size) {
	x, width := sheetPlace(size.Width)
	objects[0].Move(fyne.NewPos(x, sheetTop))
	objects[0].Resize(fyne.NewSize(width, max(objects[0].MinSize().Height, size.Height-sheetTop-gapLarge)))
}

// sheetPlace returns where a page begins and how wide it is.
func sheetPlace(room float32) (x, width float32) {
	width = min(room-2*gapLarge, sheetWide)
	return (room - width) / 2, width
}

// visible returns the objects that are shown.
func visible(objects []fyne.CanvasObject) []fyne.CanvasObject {
	var shown []fyne.CanvasObject
	for _, o := range objects {
		if o.Visible() {
			shown = append(shown, o)
		}
	}
	return shown
}

// reveal shows an object or hides it.
func reveal(object fyne.CanvasObject, show bool) {
	switch {
	case show && !object.Visible():
		object.Show()
	case !show && object.Visible():
		object.Hide()
	}
}
