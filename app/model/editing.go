package model

import (
	"errors"
	"reflect"

	"millpond/proxy/control"
	"millpond/settings"
)

// An Edit is settings to be put in force.
type Edit struct {
	Number   int    // tells its outcome from that of others
	Revision uint64 // that it was made from
	Settings *settings.Settings
}

// A Saved is what became of an Edit. The zero value is of none.
type Saved struct {
	Number  int
	Stale   bool // someone else had changed the settings meanwhile
	Problem Text // why nothing has changed; empty when the edit is in force
}

// SavedOf says what became of an edit, by the error that came back.
func SavedOf(number int, err error) Saved {
	s := Saved{Number: number, Stale: errors.Is(err, control.ErrStale)}
	var refused *control.Error
	switch {
	case err == nil:
	case s.Stale:
		s.Problem = T("edit.stale")
	case errors.Is(err, control.ErrNotRunning):
		s.Problem = T("edit.gone")
	case errors.As(err, &refused):
		s.Problem = T("edit.refused", "Cause", refused.Error())
	default:
		s.Problem = T("error.settings", "Cause", err.Error())
	}
	return s
}

// An Editing is a draft from the first change until it is in force, and back. The
// zero value is ready; it belongs to one goroutine.
type Editing struct {
	draft     *Draft // nil before the settings are known
	connected bool
	number    int   // of the last edit
	sent      *step // under way
	done      *step // in force, so that it can be taken back
	problem   Text  // of the last edit
}

// A step is settings before and after an edit.
type step struct {
	number        int
	before, after *settings.Settings
	changes       []Change
	undoes        bool // it takes another one back
}

// Draft returns what is being changed, and nil while the settings are not known.
func (e *Editing) Draft() *Draft { return e.draft }

// Take takes the newest settings and the outcome of what was sent. Without a
// daemon everything is kept.
func (e *Editing) Take(v View) {
	again := v.Connected && !e.connected // revisions of another daemon cannot be compared
	if e.connected = v.Connected && v.Settings != nil; !e.connected {
		return
	}
	switch {
	case e.draft == nil:
		e.draft = NewDraft(v.Settings, v.Revision)
	case again || v.Revision != e.draft.Revision():
		e.draft.Rebase(v.Settings, v.Revision)
	}
	if e.sent == nil || v.Saved.Number != e.sent.number {
		return
	}
	if e.problem = v.Saved.Problem; e.problem.Empty() {
		e.done = e.sent
	}
	e.sent = nil
}

// Apply returns the edit to send, and false when there is none or it would be
// refused.
func (e *Editing) Apply() (Edit, bool) {
	if !e.Bar().CanApply {
		return Edit{}, false
	}
	return e.send(e.draft, false), true
}

// Undo returns the edit that takes the last one back, and false when there is
// none. What someone else has changed since stays.
func (e *Editing) Undo() (Edit, bool) {
	if !e.Bar().CanUndo {
		return Edit{}, false
	}
	return e.send(e.back(), true), true
}

// send makes an edit of a draft.
func (e *Editing) send(d *Draft, undoes bool) Edit {
	e.number++
	e.problem = Text{}
	e.sent = &step{e.number, d.base, d.next, d.Changes(), undoes}
	return Edit{Number: e.number, Revision: d.revision, Settings: d.next}
}

// back returns a draft of what takes the last edit back, as far as what it did is
// still there.
func (e *Editing) back() *Draft {
	d := NewDraft(e.draft.base, e.draft.revision)
	d.edits = editsFrom(e.done.after, e.done.before)
	for path := range d.edits.texts {
		if textAt(d.base, path) != textAt(e.done.after, path) {
			delete(d.edits.texts, path)
		}
	}
	if !reflect.DeepEqual(d.base.Clone().Routes, e.done.after.Clone().Routes) {
		d.edits.routes = nil
	}
	d.build()
	return d
}

// Discard takes back what was not applied, and what is said of the last edit.
func (e *Editing) Discard() {
	e.problem, e.done = Text{}, nil
	if e.draft != nil {
		e.draft.Discard()
	}
}

// A Bar is what the window says about changes, below its pages.
type Bar struct {
	Shown   bool
	Title   Text
	Changes []Change
	Problem Text // why they are not in force, or cannot be; may be empty
	Busy    bool // they are being applied

	CanApply, CanDiscard, CanUndo, CanClose bool
}

// Bar returns what there is to say.
func (e *Editing) Bar() Bar {
	switch {
	case e.draft == nil:
		return Bar{}
	case e.sent != nil:
		return Bar{Shown: true, Title: T("edit.applying"), Changes: e.sent.changes, Busy: true}
	case !e.draft.Empty():
		return e.pending()
	case e.done != nil:
		return e.applied()
	}
	return Bar{Shown: !e.problem.Empty(), Title: T("edit.failed"), Problem: e.problem, CanClose: true}
}

// pending returns the bar of changes that are not applied yet.
func (e *Editing) pending() Bar {
	list := e.draft.Changes()
	b := Bar{Shown: true, Title: N("edit.changes", int64(len(list))), Changes: list, Problem: e.problem, CanDiscard: true}
	b.CanApply = e.connected && e.draft.Valid() && len(list) > 0
	switch {
	case !e.draft.Valid():
		b.Problem = N("edit.wrong", int64(len(e.draft.errs)))
	case !e.connected:
		b.Problem = T("edit.waiting")
	case b.Problem.Empty() && taken(list):
		b.Problem = T("edit.taken")
	}
	return b
}

// taken reports whether someone else has changed one of the same settings.
func taken(list []Change) bool {
	for _, c := range list {
		if c.Taken {
			return true
		}
	}
	return false
}

// applied returns the bar of what was applied last.
func (e *Editing) applied() Bar {
	key := "edit.applied"
	if e.done.undoes {
		key = "edit.undone"
	}
	n := int64(len(e.done.changes))
	return Bar{
		Shown: true, Title: N(key, n), Changes: e.done.changes, Problem: e.problem, CanClose: true,
		CanUndo: e.connected && len(e.back().Changes()) > 0,
	}
}
