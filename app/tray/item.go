package tray

import (
	"context"

	"fyne.io/systray"
)

// A line is one entry of the menu that remembers what it shows, so that only
// changes go over the bus.
type line struct {
	item   *systray.MenuItem
	label  string
	hidden bool
}

// add appends an entry that calls click, if not nil.
func (t *Tray) add(ctx context.Context, click func()) *line {
	l := &line{item: systray.AddMenuItem("", "")}
	t.listen(ctx, l.item, click)
	return l
}

// addCheck appends an entry with a check mark.
func (t *Tray) addCheck(ctx context.Context, click func()) *line {
	l := &line{item: systray.AddMenuItemCheckbox("", "", false)}
	t.listen(ctx, l.item, click)
	return l
}

// listen hands every click on item to the goroutine that draws, until ctx ends.
func (t *Tray) listen(ctx context.Context, item *systray.MenuItem, click func()) {
	if click == nil {
		return
	}
	t.wg.Go(func() {
		for {
			select {
			case <-ctx.Done():
				return
			case <-item.ClickedCh:
			}
			select {
			case <-ctx.Done():
				return
			case t.clicks <- click:
			}
		}
	})
}

// set changes the label and whether the entry is there at all.
func (l *line) set(label string, visible bool) {
	if label != l.label && visible {
		l.label = label
		l.item.SetTitle(label)
	}
	if visible == l.hidden {
		l.hidden = !visible
		if visible {
			l.item.Show()
		} else {
			l.item.Hide()
		}
	}
}

// enable makes the entry clickable, or grey.
func (l *line) enable(on bool) {
	switch {
	case on && l.item.Disabled():
		l.item.Enable()
	case !on && !l.item.Disabled():
		l.item.Disable()
	}
}

// check sets or takes away the check mark.
func (l *line) check(on bool) {
	switch {
	case on && !l.item.Checked():
		l.item.Check()
	case !on && l.item.Checked():
		l.item.Uncheck()
	}
}

// A choice is one entry of a menu of which one is chosen. The library knows check
// marks alone and no radio marks (fyne.io/systray 1.12), so they stand for both.
type choice struct {
	name    string // what a click is about
	label   string
	chosen  bool
	fixed   bool // cannot be chosen
	heading bool // over the choices that follow; has no mark
}

// A menu is an entry with choices below it.
type menu struct {
	*line
	add   func(i int) place // appends the place of choice i
	lines []place
	names []string // of the choices, what a click is about
}

// A place in a menu holds a choice or a heading: entries can only be appended and
// keep their kind, so it has one of each, of which one is hidden.
type place struct{ heading, choice *line }

// set shows a choice in its place.
func (p place) set(c choice) {
	p.heading.set(c.label, c.heading)
	p.choice.set(c.label, !c.heading)
	if !c.heading {
		p.choice.check(c.chosen)
		p.choice.enable(!c.fixed)
	}
}

// clear shows nothing in the place.
func (p place) clear() {
	p.heading.set("", false)
	p.choice.set("", false)
}

// addMenu appends an entry with choices; choose gets the name of the clicked one.
func (t *Tray) addMenu(ctx context.Context, choose func(name string)) *menu {
	m := &menu{line: t.add(ctx, nil)}
	m.add = func(i int) place {
		p := place{
			heading: &line{item: m.item.AddSubMenuItem("", "")},
			choice:  &line{item: m.item.AddSubMenuItemCheckbox("", "", false)},
		}
		p.heading.enable(false)
		t.listen(ctx, p.choice.item, func() {
			if i < len(m.names) { // the choices may have changed since the click
				choose(m.names[i])
			}
		})
		return p
	}
	return m
}

// set changes the label and the choices; without choices the entry is hidden.
func (m *menu) set(label string, choices []choice) {
	m.names = m.names[:0]
	for i, c := range choices {
		if i == len(m.lines) {
			m.lines = append(m.lines, m.add(i))
		}
		m.lines[i].set(c)
		m.names = append(m.names, c.name)
	}
	for _, p := range m.lines[len(choices):] {
		p.clear()
	}
	m.line.set(label, len(choices) > 0)
}
