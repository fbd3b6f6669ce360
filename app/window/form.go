package window

import (
	"slices"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/theme"
	"fyne.io/fyne/v2/widget"

	"millpond/app/model"
)

// An entry is Fyne's line to type in, which leaves the window what it has no use
// for: Escape, and shortcuts such as Control and a figure.
type entry struct {
	widget.Entry
	typed func(string)  // by a person
	path  func() string // of the setting that it is for; nil for none
}

// newEntry returns an empty line.
func newEntry(typed func(string)) *entry {
	e := &entry{typed: typed}
	e.Wrapping, e.Scroll = fyne.TextWrapOff, fyne.ScrollNone
	e.OnChanged = func(words string) {
		if e.typed != nil {
			e.typed(words)
			seek(e) // what came of it may have taken room
		}
	}
	e.ExtendBaseWidget(e)
	return e
}

// set changes the words without telling of it.
func (e *entry) set(words string) {
	if e.Text == words {
		return
	}
	typed := e.typed
	e.typed = nil
	e.SetText(words)
	e.typed = typed
}

// TypedKey implements fyne.Focusable.
func (e *entry) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyEscape, fyne.KeyPageUp, fyne.KeyPageDown:
		passKey(e, k)
	default:
		e.Entry.TypedKey(k)
	}
}

// FocusGained brings the line into sight.
func (e *entry) FocusGained() {
	e.Entry.FocusGained()
	seek(e)
}

// called implements named.
func (e *entry) called() string { return nameOr(e.path, e.PlaceHolder) }

// TypedShortcut implements fyne.Shortcutable.
func (e *entry) TypedShortcut(s fyne.Shortcut) {
	if _, ours := s.(*desktop.CustomShortcut); ours {
		passShortcut(e, s)
	}
	e.Entry.TypedShortcut(s)
}

// A choice is Fyne's list to choose from, by values rather than by words.
type choice struct {
	widget.Select
	say    func(model.Text) string
	values []string
	chosen func(value string) // by a person
	path   func() string      // of the setting that it is for; nil for none
}

// newChoice returns a list without options.
func newChoice(say func(model.Text) string, chosen func(string)) *choice {
	c := &choice{say: say, chosen: chosen}
	c.ExtendBaseWidget(c)
	c.OnChanged = func(string) {
		if i := c.SelectedIndex(); i >= 0 && c.chosen != nil {
			c.chosen(c.values[i])
		}
	}
	return c
}

// set shows the options and which of them is chosen, without telling of it.
func (c *choice) set(options []model.Option, value string) {
	chosen := c.chosen
	c.chosen = nil
	defer func() { c.chosen = chosen }()
	var values, words []string
	for _, o := range options {
		values, words = append(values, o.Value), append(words, c.say(o.Label))
	}
	if !slices.Equal(words, c.Options) || !slices.Equal(values, c.values) {
		c.values = values
		c.SetOptions(words)
	}
	if i := slices.Index(values, value); i != c.SelectedIndex() {
		if i < 0 {
			c.ClearSelected()
		} else {
			c.SetSelectedIndex(i)
		}
	}
}

// TypedKey implements fyne.Focusable.
func (c *choice) TypedKey(k *fyne.KeyEvent) {
	switch k.Name {
	case fyne.KeyEscape, fyne.KeyPageUp, fyne.KeyPageDown:
		passKey(c, k)
	default:
		c.Select.TypedKey(k)
	}
}

// FocusGained brings the list into sight.
func (c *choice) FocusGained() {
	c.Select.FocusGained()
	seek(c)
}

// called implements named.
func (c *choice) called() string { return nameOr(c.path, "") }

// A line is one setting of a form: its name and what it means at the left, where it
// is filled in at the right, and below that the range or what is wrong.
type line struct {
	say    func(model.Text) string
	path   func() string // of the setting; it may change, as the upstream does
	edit   func(path, text string)
	mark   *mark // that it is changed
	label  *text
	help   *sentence
	entry  *entry
	choice *choice
	toggle *toggle
	reset  *button
	hint   *sentence
	plain  string // what reset puts back
	box    fyne.CanvasObject
}

// fillWidth is how wide the part of a form is where it is filled in: Fyne's pixels.
const fillWidth = 290

// newLine returns a line for a setting of a kind, which calls edit with what a
// person fills in.
func newLine(t tools, kind model.Kind, path func() string, edit func(path, text string)) *line {
	l := &line{
		say: t.say, path: path, edit: edit, mark: newMark(theme.ColorNameWarning), label: plain(),
		help: newNote(), hint: newNote(),
	}
	l.reset = newButton("", theme.ContentUndoIcon(), func() { l.edit(l.path(), l.plain) })
	l.reset.Importance = widget.LowImportance
	fill := l.control(kind)
	words := column(2, row(gapMedium/2, []float32{0, 0}, l.label, middle(l.mark)), l.help.box)
	left := row(0, []float32{1, 0}, words, column(0, l.reset))
	l.box = sized(fillWidth, left, column(2, fill, l.hint.box))
	return l
}

// control makes what the setting is filled in with.
func (l *line) control(kind model.Kind) fyne.CanvasObject {
	set := func(text string) { l.edit(l.path(), text) }
	switch kind {
	case model.KindChoice:
		l.choice = newChoice(l.say, set)
		l.choice.path = l.path
		return l.choice
	case model.KindSwitch:
		l.toggle = newToggle(func(on bool) {
			if on {
				set(model.Yes)
			} else {
				set(model.No)
			}
		})
		l.toggle.path = l.path
		return row(0, []float32{0, 1}, l.toggle, column(0))
	}
	l.entry = newEntry(set)
	l.entry.path = l.path
	return l.entry
}

// show draws the setting as the draft has it.
func (l *line) show(f model.Field) {
	l.label.set(l.say(f.Label))
	l.help.set(l.say(f.Help))
	reveal(l.mark, f.Changed)
	switch {
	case l.choice != nil:
		l.choice.set(f.Options, f.Text)
	case l.toggle != nil:
		l.toggle.set(f.Text == model.Yes)
	default:
		l.entry.set(f.Text)
		l.entry.hint(l.say(f.Hint))
	}
	l.plain = f.Reset
	reveal(l.reset, f.Own)
	l.tell(f)
}

// tell says what is wrong, or else what is permitted and what would be otherwise.
func (l *line) tell(f model.Field) {
	words, importance := l.say(f.Range), widget.LowImportance
	if f.Own && !f.Plain.Empty() {
		words = l.join(words, l.say(model.T("field.plain", "Value", f.Plain)))
	}
	if !f.Problem.Empty() {
		words, importance = l.say(f.Problem), widget.DangerImportance
	}
	l.hint.paint(importance)
	l.hint.set(words)
}

// join puts two remarks in one line.
func (l *line) join(a, b string) string {
	if a == "" {
		return b
	}
	return a + " · " + b
}

// hint shows words where nothing is typed.
func (e *entry) hint(words string) {
	if e.PlaceHolder != words {
		e.SetPlaceHolder(words)
	}
}
