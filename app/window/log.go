package window

import (
	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// A logPage shows the daemon's log as it is written.
type logPage struct {
	tools
	level  *choice
	search *entry
	pause  *button
	copy   *button
	lines  *widget.List
	note   *text
	empty  *sentence
	whole  *sentence // the line that was chosen, whole
	more   *panel
	box    fyne.CanvasObject

	newest model.LogView
	frozen model.LogView // what is shown while it is paused
	paused bool
	least  string // the level
	shown  []model.LogLine
	chosen string // the line that is shown whole, as it is in the file
}

// newLogPage returns the page without lines.
func newLogPage(t tools) *logPage {
	p := &logPage{tools: t, note: caption().with(cutOff), empty: newSentence(widget.LowImportance), whole: newSentence(widget.MediumImportance)}
	p.least = model.LogLevels()[0].Value
	p.level = newChoice(t.say, func(value string) { p.least = value; p.draw() })
	p.level.set(model.LogLevels(), p.least)
	p.search = newEntry(func(string) { p.draw() })
	p.search.SetPlaceHolder(t.say(model.T("log.search")))
	p.pause = newButton(t.say(model.T("log.pause")), theme.MediaPauseIcon(), p.halt)
	p.copy = newButton(t.say(model.T("overview.copy")), theme.ContentCopyIcon(), func() { t.do.Copy(model.LogText(p.shown)) })
	folder := newButton(t.say(model.T("general.open_folder")), theme.FolderOpenIcon(), func() { t.do.OpenFolder(p.newest.Folder) })
	p.lines = widget.NewList(func() int { return len(p.shown) }, newLogRow, func(i int, o fyne.CanvasObject) { o.(*logRow).set(p.shown[i]) })
	p.lines.HideSeparators = true
	p.lines.OnSelected = func(i int) { p.choose(i) }
	copyOne := newButton(t.say(model.T("overview.copy")), theme.ContentCopyIcon(), func() { t.do.Copy(p.chosen) })
	closeOne := newButton(t.say(model.T("banner.close")), nil, p.escape)
	p.more = newPanel(row(gapMedium, []float32{1, 0, 0}, middle(p.whole.box), middle(copyOne), middle(closeOne)))
	p.more.Hide()
	top := row(gapMedium, []float32{1.1, 2, 0, 0, 0}, middle(p.level), middle(p.search), middle(p.pause), middle(p.copy), middle(folder))
	p.box = container.NewBorder(column(gapMedium, top, p.empty.box), column(gapMedium, p.note, p.more), nil, nil,
		newPanel(container.NewThemeOverride(p.lines, dense{})))
	return p
}

func (p *logPage) body() fyne.CanvasObject { return p.box }

// escape closes the line that is shown whole.
func (p *logPage) escape() {
	p.lines.UnselectAll()
	p.more.Hide()
}

// show draws a view.
func (p *logPage) show(v model.View) {
	p.newest = v.Log
	empty := model.Text{}
	switch {
	case v.Machine:
		empty = model.T("page.machine")
	case v.State == model.Loading, v.Connected && !v.Log.Known:
		empty = model.T("log.asking")
	case !v.Connected:
		empty = model.T("log.not_running")
	}
	p.empty.set(p.say(empty))
	p.draw()
}

// draw draws the lines that pass the filter, and stays at the end where the end was
// shown.
func (p *logPage) draw() {
	v := p.newest
	if p.paused {
		v = p.frozen
	}
	atEnd := p.lines.GetScrollOffset() >= float32(len(p.shown))*(p.lineHeight())-p.lines.Size().Height-1
	before := len(p.shown)
	p.shown = model.FilterLog(v.Lines, p.least, p.search.Text)
	p.note.set(p.say(model.LogNote(v, len(p.shown), p.paused)))
	p.copy.enable(len(p.shown) > 0)
	p.lines.Refresh()
	if atEnd && !p.paused && (before != len(p.shown) || len(p.shown) == v.Most) {
		p.lines.ScrollToBottom()
	}
}

// lineHeight is how high a line of the list is.
func (p *logPage) lineHeight() float32 {
	return newLogRow().MinSize().Height + theme.SizeForWidget(theme.SizeNamePadding, p.lines)
}

// halt stops the lines, or lets them run on.
func (p *logPage) halt() {
	p.paused, p.frozen = !p.paused, p.newest
	label, icon := "log.pause", theme.MediaPauseIcon()
	if p.paused {
		label, icon = "log.resume", theme.MediaPlayIcon()
	}
	p.pause.SetIcon(icon)
	p.pause.label(p.say(model.T(label)))
	p.draw()
}

// choose shows a line whole.
func (p *logPage) choose(i int) {
	if i < len(p.shown) {
		p.chosen = p.shown[i].Raw
		p.whole.set(p.chosen)
		p.more.Show()
	}
}

// A logRow is one line of the log.
type logRow struct {
	widget.BaseWidget
	when, words *text
	mark        *mark
	box         *fyne.Container
}

// newLogRow returns an empty line.
func newLogRow() fyne.CanvasObject {
	r := &logRow{when: caption(), words: caption().with(cutOff), mark: newMark(ColorMuted)}
	r.when.style.Monospace, r.words.style.Monospace = true, true
	r.words.color = theme.ColorNameForeground
	r.box = row(gapMedium, []float32{0, 0, 1}, middle(r.mark), r.when, r.words)
	r.ExtendBaseWidget(r)
	return r
}

// set shows a line.
func (r *logRow) set(l model.LogLine) {
	r.when.set(l.When)
	r.words.set(l.Words)
	judgment := l.Judgment()
	ink := inkOf(judgment)
	if judgment == model.On {
		r.mark.paint(ColorPanel) // nothing to see
		r.words.paint(theme.ColorNameForeground)
		return
	}
	r.mark.paint(ink)
	r.words.paint(ink)
}

// CreateRenderer implements fyne.Widget.
func (r *logRow) CreateRenderer() fyne.WidgetRenderer { return widget.NewSimpleRenderer(r.box) }

// dense is the application's theme with lines close together.
type dense struct{ tight }

// Size implements fyne.Theme.
func (d dense) Size(name fyne.ThemeSizeName) float32 {
	if name == theme.SizeNamePadding {
		return 2
	}
	return d.tight.Size(name)
}
