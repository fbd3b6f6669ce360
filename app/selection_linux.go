package app

import (
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// A selection is the ownership of the X11 clipboard, by the rules of the
// Inter-Client Communication Conventions Manual, section 2: the owner hands its
// text to each program that asks, until another program becomes the owner.
type selection struct {
	conn  *xgb.Conn
	text  string
	atoms map[string]xproto.Atom
	wg    sync.WaitGroup
}

// atomNames are the names that owning a text takes.
var atomNames = []string{"CLIPBOARD", "TARGETS", "UTF8_STRING", "TEXT", "STRING"}

// ownSelection makes this process the owner of the clipboard, with text in it.
func ownSelection(text string) (*selection, error) {
	conn, err := xgb.NewConn()
	if err != nil {
		return nil, fmt.Errorf("connect to the X server: %w", err)
	}
	s := &selection{conn: conn, text: text, atoms: map[string]xproto.Atom{}}
	if err := s.own(); err != nil {
		conn.Close()
		return nil, err
	}
	s.wg.Go(s.serve)
	return s, nil
}

// own takes the clipboard with a window that is never shown.
func (s *selection) own() error {
	for _, name := range atomNames {
		reply, err := xproto.InternAtom(s.conn, false, uint16(len(name)), name).Reply()
		if err != nil {
			return fmt.Errorf("name %s: %w", name, err)
		}
		s.atoms[name] = reply.Atom
	}
	window, err := xproto.NewWindowId(s.conn)
	if err != nil {
		return fmt.Errorf("name a window: %w", err)
	}
	root := xproto.Setup(s.conn).DefaultScreen(s.conn).Root
	created := xproto.CreateWindowChecked(s.conn, 0, window, root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, 0, 0, nil)
	if err := created.Check(); err != nil {
		return fmt.Errorf("make a window: %w", err)
	}
	clip := s.atoms["CLIPBOARD"]
	if err := xproto.SetSelectionOwnerChecked(s.conn, window, clip, xproto.TimeCurrentTime).Check(); err != nil {
		return fmt.Errorf("take the clipboard: %w", err)
	}
	return nil
}

// serve answers who asks for the text, until another program takes over or the
// connection is closed.
func (s *selection) serve() {
	for {
		event, err := s.conn.WaitForEvent()
		if event == nil && err == nil {
			return
		}
		switch e := event.(type) {
		case xproto.SelectionRequestEvent:
			s.answer(e)
		case xproto.SelectionClearEvent:
			s.conn.Close()
		}
	}
}

// answer hands over the text, or the list of its forms, or says that the form
// which was asked for is not to be had.
func (s *selection) answer(e xproto.SelectionRequestEvent) {
	property := e.Property
	if property == xproto.AtomNone {
		property = e.Target // an old client; section 2.2
	}
	switch e.Target {
	case s.atoms["TARGETS"]:
		s.put(e.Requestor, property, xproto.AtomAtom, 32, s.targets())
	case s.atoms["UTF8_STRING"], s.atoms["TEXT"], s.atoms["STRING"]:
		s.put(e.Requestor, property, e.Target, 8, []byte(s.text))
	default:
		property = xproto.AtomNone
	}
	notify := xproto.SelectionNotifyEvent{
		Time: e.Time, Requestor: e.Requestor, Selection: e.Selection, Target: e.Target, Property: property,
	}
	xproto.SendEvent(s.conn, false, e.Requestor, 0, string(notify.Bytes()))
}

// targets lists the forms in which the text can be had.
func (s *selection) targets() []byte {
	var list []byte
	for _, name := range atomNames[1:] {
		list = binary.LittleEndian.AppendUint32(list, uint32(s.atoms[name])) // xgb speaks little endian
	}
	return list
}

// put writes data of format bits a piece to a property of the asker's window.
func (s *selection) put(window xproto.Window, property, kind xproto.Atom, format byte, data []byte) {
	pieces := uint32(len(data)) / uint32(format/8)
	xproto.ChangeProperty(s.conn, xproto.PropModeReplace, window, property, kind, format, pieces, data)
}

// close gives the clipboard up. A nil selection holds nothing.
func (s *selection) close() {
	if s == nil {
		return
	}
	s.conn.Close()
	s.wg.Wait()
}
