package main

import (
	"testing"
	"time"

	"github.com/jezek/xgb"
	"github.com/jezek/xgb/xproto"
)

// clipboard returns the text that a program would paste on the desk.
func (d *desk) clipboard() string {
	d.t.Helper()
	conn, err := xgb.NewConnDisplay(d.display)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	window, err := xproto.NewWindowId(conn)
	if err != nil {
		d.t.Fatal(err)
	}
	root := xproto.Setup(conn).DefaultScreen(conn).Root
	xproto.CreateWindow(conn, 0, window, root, 0, 0, 1, 1, 0, xproto.WindowClassInputOnly, 0, 0, nil)
	clip, utf8, place := atom(d.t, conn, "CLIPBOARD"), atom(d.t, conn, "UTF8_STRING"), atom(d.t, conn, "PASTED")
	xproto.ConvertSelection(conn, window, clip, utf8, place, xproto.TimeCurrentTime)
	events := make(chan xgb.Event, 1)
	go func() {
		e, _ := conn.WaitForEvent()
		events <- e
	}()
	select {
	case e := <-events:
		if n, ok := e.(xproto.SelectionNotifyEvent); !ok || n.Property == xproto.AtomNone {
			return "" // nobody owns it
		}
	case <-time.After(patience):
		d.t.Fatal("the owner of the clipboard does not answer")
	}
	reply, err := xproto.GetProperty(conn, true, window, place, xproto.AtomAny, 0, 1000).Reply()
	if err != nil {
		d.t.Fatal(err)
	}
	return string(reply.Value)
}

// closeWindow asks a window to close, as its frame's button does.
func (d *desk) closeWindow(id xproto.Window) {
	d.t.Helper()
	conn, err := xgb.NewConnDisplay(d.display)
	if err != nil {
		d.t.Fatal(err)
	}
	defer conn.Close()
	data := []uint32{uint32(atom(d.t, conn, "WM_DELETE_WINDOW")), 0, 0, 0, 0}
	message := xproto.ClientMessageEvent{
		Format: 32, Window: id, Type: atom(d.t, conn, "WM_PROTOCOLS"), Data: xproto.ClientMessageDataUnionData32New(data),
	}
	if err := xproto.SendEventChecked(conn, false, id, 0, string(message.Bytes())).Check(); err != nil {
		d.t.Fatal(err)
	}
}

// atom returns the number of a name.
func atom(t *testing.T, conn *xgb.Conn, name string) xproto.Atom {
	t.Helper()
	reply, err := xproto.InternAtom(conn, false, uint16(len(name)), name).Reply()
	if err != nil {
		t.Fatal(err)
	}
	return reply.Atom
}
