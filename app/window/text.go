package window

import (
	"image/color"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/canvas"
	"fyne.io/fyne/v2/container"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"
)

// A text is one line without room around it, in a size and colour of the theme.
// What does not fit ends in an ellipsis. Fyne's Label has room on all sides,
// which does not suit dense figures.
type text struct {
	widget.BaseWidget
	words string
	size  fyne.ThemeSizeName
	color fyne.ThemeColorName
	style fyne.TextStyle
	align fyne.TextAlign
	cut   bool // may be cut off, so it asks for little width
}

// newText returns an empty line.
func newText(size fyne.ThemeSizeName, color fyne.ThemeColorName) *text {
	t := &text{size: size, color: color}
	t.ExtendBaseWidget(t)
	return t
}

// plain, muted, caption, strong and number return empty lines of the kinds that
// the window uses.
func plain() *text   { return newText(theme.SizeNameText, theme.ColorNameForeground) }
func muted() *text   { return newText(theme.SizeNameText, ColorMuted) }
func caption() *text { return newText(theme.SizeNameCaptionText, ColorMuted) }

func strong() *text {
	t := plain()
	t.style.Bold = true
	return t
}

func number() *text {
	t := newText(sizeNumber, theme.ColorNameForeground)
	t.style.Bold = true
	return t
}

// with changes t in place and returns it, to declare a line where it is used.
func (t *text) with(change func(*text)) *text {
	change(t)
	return t
}

// cutOff lets a line be cut off where room is short.
func cutOff(t *text) { t.cut = true }

// toRight aligns a line to the right.
func toRight(t *text) { t.align = fyne.TextAlignTrailing }

// set changes the words.
func (t *text) set(words string) {
	if words != t.words {
		t.words = words
		t.Refresh()
	}
}

// paint changes the colour.
func (t *text) paint(color fyne.ThemeColorName) {
	if color != t.color {
		t.color = color
		t.Refresh()
	}
}

// CreateRenderer implements fyne.Widget.
func (t *text) CreateRenderer() fyne.WidgetRenderer {
	r := &textRenderer{text: t, line: canvas.NewText("", nil)}
	r.Refresh()
	return r
}

// textRenderer draws a text.
type textRenderer struct {
	text *text
	line *canvas.Text

	// What was measured last, since Fyne asks again and again.
	measured string
	size     float32
	style    fyne.TextStyle
	result   fyne.Size
}

func (r *textRenderer) Destroy()                     {}
func (r *textRenderer) Objects() []fyne.CanvasObject { return []fyne.CanvasObject{r.line} }

// MinSize implements fyne.WidgetRenderer.
func (r *textRenderer) MinSize() fyne.Size {
	size := r.whole()
	if r.text.cut {
		size.Width = min(size.Width, 48)
	}
	return size
}

// Layout implements fyne.WidgetRenderer.
func (r *textRenderer) Layout(size fyne.Size) {
	r.line.Text = r.fit(size.Width)
	r.line.Resize(size)
}

// Refresh implements fyne.WidgetRenderer.
func (r *textRenderer) Refresh() {
	r.line.TextSize = theme.SizeForWidget(r.text.size, r.text)
	r.line.Color = theme.ColorForWidget(r.text.color, r.text)
	r.line.TextStyle, r.line.Alignment = r.text.style, r.text.align
	r.line.Text = r.fit(r.text.Size().Width)
	canvas.Refresh(r.line)
}

// fit returns the words, or as many letters as there is room for.
func (r *textRenderer) fit(width float32) string {
	if !r.text.cut || width <= 0 || r.whole().Width <= width {
		return r.text.words
	}
	letters := []rune(r.text.words)
	for n := len(letters) - 1; n > 0; n-- {
		if short := string(letters[:n]) + "…"; r.measure(short).Width <= width {
			return short
		}
	}
	return "…"
}

// whole returns the size of all words.
func (r *textRenderer) whole() fyne.Size {
	size := theme.SizeForWidget(r.text.size, r.text)
	if r.measured != r.text.words || r.size != size || r.style != r.text.style {
		r.measured, r.size, r.style = r.text.words, size, r.text.style
		r.result = r.measure(r.measured)
	}
	return r.result
}

// measure returns the size of some words.
func (r *textRenderer) measure(words string) fyne.Size {
	return fyne.MeasureText(words, theme.SizeForWidget(r.text.size, r.text), r.text.style)
}

// A sentence is text of several lines that wraps, without room around it, and
// can be selected.
type sentence struct {
	label *widget.Label
	box   fyne.CanvasObject
}

// newSentence returns an empty sentence of a colour of Fyne's importances.
func newSentence(importance widget.Importance) *sentence {
	label := widget.NewLabel("")
	label.Wrapping, label.Importance, label.Selectable = fyne.TextWrapWord, importance, true
	return &sentence{label, container.NewThemeOverride(label, tight{})}
}

// set changes the words; without words the sentence takes no room.
func (s *sentence) set(words string) {
	if words != s.label.Text {
		s.label.SetText(words)
	}
	reveal(s.box, words != "")
}

// newNote returns an empty sentence in small letters of the second rank.
func newNote() *sentence {
	s := newSentence(widget.LowImportance)
	s.label.SizeName = theme.SizeNameCaptionText
	s.label.Selectable = false // or the keyboard would stop at it
	return s
}

// paint changes the colour to one of Fyne's importances.
func (s *sentence) paint(importance widget.Importance) {
	if s.label.Importance != importance {
		s.label.Importance = importance
		s.label.Refresh()
	}
}

// tight is the application's theme without room around labels, and with muted
// text where Fyne has the colour of what is disabled.
type tight struct{}

// Color implements fyne.Theme.
func (tight) Color(name fyne.ThemeColorName, variant fyne.ThemeVariant) color.Color {
	if name == theme.ColorNameDisabled { // a label of low importance
		name = ColorMuted
	}
	return current().Color(name, variant)
}

// Size implements fyne.Theme.
func (tight) Size(name fyne.ThemeSizeName) float32 {
	if name == theme.SizeNameInnerPadding {
		return 0
	}
	return current().Size(name)
}

// Font implements fyne.Theme.
func (tight) Font(style fyne.TextStyle) fyne.Resource { return current().Font(style) }

// Icon implements fyne.Theme.
func (tight) Icon(name fyne.ThemeIconName) fyne.Resource { return current().Icon(name) }

// current returns the application's theme, whatever overrides it here.
func current() fyne.Theme { return fyne.CurrentApp().Settings().Theme() }
