package window

import (
	"fyne.io/fyne/v2"

	"millpond/app/model"
)

// An upstreamsPage is the page where upstreams are looked at.
type upstreamsPage struct {
	list *upstreams
	box  fyne.CanvasObject
}

// newUpstreamsPage returns the page without lines.
func newUpstreamsPage(t tools) *upstreamsPage {
	p := &upstreamsPage{list: newUpstreams(t.say)}
	p.box = column(gapLarge, p.list.box)
	return p
}

// body implements page.
func (p *upstreamsPage) body() fyne.CanvasObject { return p.box }

// show implements page.
func (p *upstreamsPage) show(v model.View) {
	reveal(p.box, v.Connected)
	p.list.show(v.Upstreams)
}
