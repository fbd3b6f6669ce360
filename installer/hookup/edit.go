package hookup

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// An editing is one key of a client's file, as it was read.
type editing struct {
	client Client
	at     place
	read   content
	now    value // of the key
	set    bool  // the key has one
	was    *record
}

// open reads a client's file and what we recorded of the key.
func (h *Hookup) open(c Client, at place) (editing, error) {
	e := editing{client: c, at: at}
	var err error
	if e.read, err = readFile(at.file); err != nil {
		return e, err
	}
	if e.now, e.set, err = at.format().get(e.read.bytes); err != nil {
		return e, e.place(err)
	}
	all, err := h.readRecords()
	if i := slices.IndexFunc(all, func(r record) bool { return r.isOf(c.ID, at) }); i >= 0 {
		e.was = &all[i]
	}
	return e, err
}

// place tells in which file a mistake is.
func (e editing) place(err error) error {
	var at *lineError
	if errors.As(err, &at) {
		return &SyntaxError{e.at.file, at.line, at.column, at.message}
	}
	return err
}

// ours reports whether the key holds what we wrote.
func (e editing) ours() bool {
	return e.set && e.was != nil && slices.Contains(e.was.Written, e.now.Text)
}

// before returns the text that the key held before us; nil when it was not set.
func (e editing) before() *string {
	if e.was.Before == nil {
		return nil
	}
	return &e.was.Before.Text
}

// text returns what the key holds; nil when it is not set.
func (e editing) text() *string {
	if !e.set {
		return nil
	}
	return &e.now.Text
}

// planConnect returns how a client is connected, step by step, and what that changes. Everything is
// read and planned before anything is written; the address comes last, so that what it needs is there.
func (h *Hookup) planConnect(id, address string) ([]func() error, Changes, error) {
	changes := Changes{Client: id, Changes: []Change{}, Kept: []Change{}, Warnings: []Warning{}}
	c, err := h.editable(id)
	if err != nil {
		return nil, changes, err
	}
	places := c.locate(h)
	at := places[0]
	changes.File, changes.Creates = at.file, !exists(at.file)
	if !h.installed(c, at) {
		return nil, changes, fmt.Errorf("%s: %w: there is no %s, and no %s in PATH", c.Title, ErrNotInstalled, at.home, c.program)
	}
	changes.Warnings = append(changes.Warnings, c.warn(h, at)...)
	var edits []func() error
	for _, at := range places {
		e, err := h.open(c, at)
		if err != nil {
			return nil, changes, err
		}
		edit, err := h.give(e, address, &changes)
		if err != nil {
			return nil, changes, e.place(err)
		}
		if edit != nil {
			edits = append(edits, edit)
		}
	}
	slices.Reverse(edits)
	return edits, changes, nil
}

// give returns how one key gets its value; nil when there is nothing to do.
func (h *Hookup) give(e editing, address string, changes *Changes) (func() error, error) {
	want := e.at.fixed
	switch {
	case want != "":
		if e.set {
			return nil, nil // the person's own choice
		}
	default:
		want = baseOf(address) + e.at.suffix
		if e.set && strings.TrimRight(e.now.Text, "/") == want {
			return nil, nil
		}
		if e.set && !leadsTo(e.now.Text, address) && !e.ours() {
			changes.Warnings = append(changes.Warnings, otherAddress(e.client, e.now.Text))
		}
	}
	format := e.at.format()
	next, made, err := format.set(e.read.bytes, format.quote(want))
	if err != nil {
		return nil, err
	}
	if again, set, err := format.get(next); err != nil || !set || again.Text != want {
		return nil, fmt.Errorf("edit %s: what was to be written does not read back the same", e.at.file)
	}
	changes.Changes = append(changes.Changes, Change{e.at.file, e.at.key(), e.text(), &want})
	after := content{mark: e.read.mark, bytes: next}.all()
	r := e.record(want, made, after)
	return func() error { return h.write(e, r, after) }, nil
}

// otherAddress warns that another address was in the key.
func otherAddress(c Client, text string) Warning {
	host := "another address"
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		host = u.Host
	}
	return Warning{"other_address", fmt.Sprintf("Until now %s went to %s, with the key for that; from now on Millpond's upstreams of kind %s get its requests, so make that address one of them", c.Title, host, c.Kind)}
}

// record returns what to remember of a key that is given a text, and of the file as it will be.
func (e editing) record(text string, made int, after []byte) record {
	before := e.read.all()
	if e.ours() { // the state before us counts, not the one between
		r := *e.was
		original, known := r.Exact.undo(before)
		r.Written, r.Exact = append(slices.Clone(r.Written), text), nil
		if known {
			r.Exact = spliceOf(original, after)
		}
		return r
	}
	r := record{
		Client: e.client.ID, File: e.at.file, Path: e.at.path, Written: []string{text}, Made: made,
		Created: !e.read.exists, Folder: !exists(filepath.Dir(e.at.file)), Exact: spliceOf(before, after),
	}
	if e.set {
		r.Before = &e.now
	}
	return r
}

// write records what is about to be written and writes it. A crash in between leaves a record of a
// value that the key does not hold, which is no harm.
func (h *Hookup) write(e editing, r record, text []byte) error {
	if err := unchanged(e.at.file, e.read); err != nil {
		return err
	}
	if err := h.writeRecord(r); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(e.at.file), 0o700); err != nil {
		return fmt.Errorf("write the settings of %s: %w", e.client.Title, err)
	}
	if err := replaceFile(e.at.file, e.read, text); err != nil {
		return fmt.Errorf("write the settings of %s: %w", e.client.Title, err)
	}
	return nil
}

// disconnect takes a client's keys back, or only tells what that would change. A client has several
// records when it kept the address in several places; the newest goes first.
func (h *Hookup) disconnect(id, address string, apply bool) (Changes, error) {
	changes := Changes{Client: id, Changes: []Change{}, Kept: []Change{}, Warnings: []Warning{}}
	c, err := h.editable(id)
	if err != nil {
		return changes, err
	}
	all, err := h.readRecords()
	if err != nil {
		return changes, err
	}
	first := c.locate(h)[0]
	changes.File = first.file
	var places []place
	for _, r := range slices.Backward(all) {
		if r.Client == id {
			places = append(places, place{home: first.home, file: r.File, path: r.Path})
		}
	}
	if !slices.ContainsFunc(all, func(r record) bool { return r.isOf(id, first) }) {
		places = append(places, first)
	}
	for _, at := range places {
		e, err := h.open(c, at)
		if err != nil {
			return changes, err
		}
		edit, err := h.takeBack(e, address, &changes)
		if err == nil && edit != nil && apply {
			err = edit()
		}
		if err != nil {
			return changes, e.place(err)
		}
	}
	return changes, nil
}

// takeBack returns how one key gets back what it held; nil when there is nothing to do.
func (h *Hookup) takeBack(e editing, address string, changes *Changes) (func() error, error) {
	key := e.at.key()
	switch {
	case e.was == nil && (!e.set || !leadsTo(e.now.Text, address)):
		return nil, nil
	case e.was == nil:
		changes.Warnings = append(changes.Warnings, Warning{"unrecorded", key + " was not written by Millpond, so there is nothing to put back in its place"})
		next, err := e.at.format().unset(e.read.bytes, 0)
		changes.Changes = append(changes.Changes, Change{e.at.file, key, e.text(), nil})
		return func() error { return h.finish(e, content{mark: e.read.mark, bytes: next}.all(), false) }, err
	case !e.ours():
		if text := e.text(); e.set != (e.was.Before != nil) || e.set && *text != *e.before() {
			changes.Kept = append(changes.Kept, Change{e.at.file, key, text, e.before()})
		}
		return func() error { return h.forget(*e.was) }, nil
	}
	next, err := e.original()
	if err != nil {
		return nil, err
	}
	remove := e.was.Created && slices.Contains([]string{"", "{}"}, string(bytes.TrimSpace(next)))
	changes.Removes = changes.Removes || remove && e.at.file == changes.File
	changes.Changes = append(changes.Changes, Change{e.at.file, key, e.text(), e.before()})
	return func() error { return h.finish(e, next, remove) }, nil
}

// original returns the file as it was before us: byte for byte when nothing else came into it, and
// with everything that did otherwise.
func (e editing) original() ([]byte, error) {
	if text, ok := e.was.Exact.undo(e.read.all()); ok {
		return text, nil
	}
	var next []byte
	var err error
	if e.was.Before != nil {
		next, _, err = e.at.format().set(e.read.bytes, e.was.Before.Raw)
	} else {
		next, err = e.at.format().unset(e.read.bytes, e.was.Made)
	}
	return content{mark: e.read.mark, bytes: next}.all(), err
}

// finish writes the file as it was, or removes one that we made, and forgets the record.
func (h *Hookup) finish(e editing, text []byte, remove bool) error {
	err := unchanged(e.at.file, e.read)
	if err == nil && remove {
		err = os.Remove(e.at.file)
	} else if err == nil {
		err = replaceFile(e.at.file, e.read, text)
	}
	if err != nil {
		return fmt.Errorf("write the settings of %s: %w", e.client.Title, err)
	}
	if e.was == nil {
		return nil
	}
	if remove && e.was.Folder {
		_ = os.Remove(filepath.Dir(e.at.file)) // it stays when the client has come to use it
	}
	return h.forget(*e.was)
}
