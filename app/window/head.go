package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
	"millpond/assets"
)

// A head is the top of the window: the state with its reason, the switch, and
// what to copy.
type head struct {
	say     func(model.Text) string
	icon    *canvas.Image
	state   *text
	reason  *sentence
	advice  *sentence
	detail  *sentence
	toggle  *toggle
	address *copyLine
	command *copyLine
	start   *button
	way     model.Way // in which start does it
	shown   model.State
	why     fyne.CanvasObject
	box     fyne.CanvasObject
}

// iconSize is the edge of the state's picture: Fyne's pixels.
const iconSize = 48

// newHead returns the top of the window. choose shows the ways to start the proxy.
func newHead(say func(model.Text) string, do model.Actions, choose func()) *head {
	h := &head{
		say:     say,
		icon:    &canvas.Image{FillMode: canvas.ImageFillContain},
		state:   newText(theme.SizeNameHeadingText, theme.ColorNameForeground).with(cutOff),
		reason:  newSentence(widget.MediumImportance),
		advice:  newSentence(widget.LowImportance),
		detail:  newSentence(widget.LowImportance),
		toggle:  newToggle(do.Switch),
		address: newCopyLine(say, do, model.T("overview.address")),
		command: newCopyLine(say, do, model.Text{}),
	}
	h.start = newButton("", nil, func() {
		switch h.way {
		case model.StartService:
			do.Service(model.ServiceStart)
		case model.StartLogin:
			do.RunOnce()
		case model.StartChosen:
			choose()
		}
	})
	h.start.Importance = widget.HighImportance
	h.state.style.Bold = true
	h.icon.SetMinSize(fyne.NewSquareSize(iconSize))
	ask := container.NewStack(h.address.box, h.start) // one or the other
	top := row(gapLarge, []float32{0, 1, 0, 0}, middle(h.icon), middle(h.state), middle(ask), middle(h.toggle))
	why := column(gapSmall, h.reason.box, h.advice.box, h.detail.box)
	h.why = why
	h.box = newPanel(column(gapMedium, top, why, h.command.box))
	return h
}

// show draws the state of a view.
func (h *head) show(v model.View) {
	if v.State != h.shown {
		h.shown = v.State
		h.icon.Resource = fyne.NewStaticResource(string(v.State)+".png", assets.StateIcon(string(v.State)))
		h.icon.Refresh()
	}
	h.state.set(h.say(v.Headline))
	h.reason.set(h.say(v.Reason))
	h.advice.set(h.say(v.Advice))
	h.detail.set(v.Detail)
	reveal(h.why, !v.Reason.Empty() || !v.Advice.Empty())
	h.toggle.set(v.Serving)
	if v.Connected {
		h.toggle.Enable()
	} else {
		h.toggle.Disable()
	}
	h.address.show(v.Address)
	h.showStart(v)
	h.command.show(v.Command)
}

// showStart offers to start the proxy where that is known to be possible.
func (h *head) showStart(v model.View) {
	h.way = v.Start
	label := model.T("tray.start")
	if h.way == model.StartChosen {
		label = model.T("head.start_chosen")
	}
	h.start.label(h.say(label))
	reveal(h.start, v.Start != "")
	h.start.enable(!v.General.Busy)
}

// A copyLine is something to copy, with a button that does it. Without anything
// to copy it takes no room.
type copyLine struct {
	say    func(model.Text) string
	words  *text
	button *button
	copied string // what was copied last
	box    *fyne.Container
}

// newCopyLine returns a line under a name, which may be empty. A named line asks
// for the room of its words; another is cut off where room is short.
func newCopyLine(say func(model.Text) string, do model.Actions, name model.Text) *copyLine {
	c := &copyLine{say: say, words: plain()}
	c.words.style.Monospace = true
	c.button = newButton("", theme.ContentCopyIcon(), func() {
		c.copied = c.words.words
		do.Copy(c.copied)
		c.show(c.copied)
	})
	if name.Empty() {
		c.words.cut = true
		c.box = row(gapMedium, []float32{1, 0}, middle(c.words), middle(c.button))
		return c
	}
	label := caption()
	label.set(say(name))
	c.box = row(gapMedium, []float32{0, 0}, middle(column(0, label, c.words)), middle(c.button))
	return c
}

// show shows what there is to copy.
func (c *copyLine) show(words string) {
	reveal(c.box, words != "")
	c.words.set(words)
	key := "overview.copy"
	if words == c.copied {
		key = "overview.copied"
	}
	c.button.label(c.say(model.T(key)))
}
