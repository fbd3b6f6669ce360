package window

import (
	"testing"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/driver/desktop"
	"fyne.io/fyne/v2/test"

	"millpond/app/model"
)

// leave asks to close the window, and returns whether it was closed.
func (d *desk) leave() *bool {
	closed := new(bool)
	d.Leave(func() { *closed = true })
	return closed
}

// press presses keys where the keyboard is.
func (d *desk) press(keys ...fyne.KeyName) {
	c := fyne.CurrentApp().Driver().CanvasForObject(d.content)
	for _, k := range keys {
		if k == fyne.KeyTab {
			c.FocusNext()
		} else {
			c.Focused().TypedKey(&fyne.KeyEvent{Name: k})
		}
	}
}

func TestLeaveWithoutChanges(t *testing.T) {
	d := use(t, model.PagePool)
	if !*d.leave() {
		t.Error("the window does not close though nothing is lost")
	}
	typeIn(d.line("pool.max_waiting").entry, "77")
	test.Tap(d.bar.apply)
	d.answer(model.Text{})
	if !*d.leave() {
		t.Error("the window does not close though everything is applied")
	}
}

func TestLeaveKeepsEditing(t *testing.T) {
	d := use(t, model.PagePool)
	l := d.line("pool.max_waiting")
	typeIn(l.entry, "77")
	closed := d.leave()
	if !d.leaving.pop.Visible() || d.leaving.changes.lines.rows[0].words != "change.setting" {
		t.Fatal("the question with the changes is not shown")
	}
	d.press(fyne.KeyReturn) // the keyboard is where it does no harm
	if *closed || d.leaving.pop.Visible() || l.entry.Text != "77" {
		t.Errorf("kept: closed %v, asked %v, %q; want the draft kept", *closed, d.leaving.pop.Visible(), l.entry.Text)
	}
	closed = d.leave()
	d.keys.typed(&fyne.KeyEvent{Name: fyne.KeyDown})
	d.keys.typed(&fyne.KeyEvent{Name: fyne.KeyEscape})
	if *closed || d.leaving.pop.Visible() || d.Page() != model.PagePool {
		t.Errorf("Escape: closed %v, asked %v, page %v", *closed, d.leaving.pop.Visible(), d.Page())
	}
	test.Tap(d.bar.discard)
	if *closed {
		t.Error("the window closes though that was taken back")
	}
}

func TestLeaveDiscards(t *testing.T) {
	d := use(t, model.PagePool)
	typeIn(d.line("pool.max_waiting").entry, "77")
	closed := d.leave()
	d.press(fyne.KeyTab, fyne.KeyReturn)
	if !*closed || len(d.sent) > 0 {
		t.Errorf("closed %v with %d edits sent; want it closed with none", *closed, len(d.sent))
	}
}

// The window stays until the daemon has what it was sent, and when it refuses it.
func TestLeaveApplies(t *testing.T) {
	d := use(t, model.PagePool)
	typeIn(d.line("pool.max_waiting").entry, "77")
	closed := d.leave()
	d.press(fyne.KeyTab, fyne.KeyTab, fyne.KeyReturn)
	if *closed || len(d.sent) != 1 || d.leaving.title.words != "edit.applying" || !d.leaving.discard.Disabled() {
		t.Fatalf("closed %v, %d sent, %q; want it under way", *closed, len(d.sent), d.leaving.title.words)
	}
	d.answer(model.T("edit.refused"))
	if *closed || d.leaving.problem.label.Text != "edit.refused" || d.leaving.apply.Disabled() {
		t.Errorf("refused: closed %v, %q; want it told", *closed, d.leaving.problem.label.Text)
	}
	test.Tap(d.leaving.apply)
	d.answer(model.Text{})
	if !*closed || d.sent[1].Settings.Pool.MaxWaiting != 77 {
		t.Errorf("applied: closed %v; want it closed", *closed)
	}
}

func TestLeaveWithWrongDraft(t *testing.T) {
	d := use(t, model.PagePool)
	typeIn(d.line("pool.max_connections").entry, "200000")
	closed := d.leave()
	d.keys.TypedShortcut(&desktop.CustomShortcut{KeyName: fyne.KeyS, Modifier: hold})
	if *closed || !d.leaving.apply.Disabled() || d.leaving.problem.label.Text != "edit.wrong" || len(d.sent) > 0 {
		t.Errorf("closed %v, %q; want it told that it cannot be applied", *closed, d.leaving.problem.label.Text)
	}
	test.Tap(d.leaving.discard)
	if !*closed {
		t.Error("it cannot be discarded")
	}
}

// A new upstream that was begun and not added is asked about, too.
func TestLeaveHalfFilled(t *testing.T) {
	d := use(t, model.PageUpstreams)
	p := d.upstreams()
	p.add()
	if !*d.leave() {
		t.Error("the window does not close though nothing was filled in")
	}
	name := p.adding.lines[0].entry
	typeIn(name, "mine")
	d.Open(model.PagePool)
	closed := d.leave()
	if *closed || !d.leaving.pop.Visible() || d.leaving.title.words != "edit.leave_form" || d.leaving.apply.Visible() || d.Page() != model.PageUpstreams {
		t.Fatalf("closed %v, asked %q on page %v; want it asked where the form is", *closed, d.leaving.title.words, d.Page())
	}
	d.press(fyne.KeyReturn) // keep
	if *closed || d.leaving.pop.Visible() || name.Text != "mine" || p.adding.fresh == nil {
		t.Errorf("kept: closed %v, %q; want the form as it was", *closed, name.Text)
	}
	d.Open(model.PagePool)
	typeIn(d.line("pool.max_waiting").entry, "77") // a change besides
	closed = d.leave()
	if d.leaving.title.words != "edit.leave" || d.leaving.form.label.Text != "edit.form" || !d.leaving.apply.Visible() {
		t.Errorf("with a change: asked %q and %q; want both told", d.leaving.title.words, d.leaving.form.label.Text)
	}
	test.Tap(d.leaving.apply)
	d.answer(model.Text{})
	if *closed || d.leaving.title.words != "edit.leave_form" {
		t.Errorf("the change applied: closed %v, asked %q; want the form left to ask about", *closed, d.leaving.title.words)
	}
	test.Tap(d.leaving.discard)
	if !*closed || p.adding.fresh != nil {
		t.Errorf("discarded: closed %v, form open %v", *closed, p.adding.fresh != nil)
	}
}
