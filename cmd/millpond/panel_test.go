package main

import (
	"strings"
	"testing"
	"time"

	"github.com/godbus/dbus/v5"
	"github.com/godbus/dbus/v5/prop"
)

// The names of the protocols that a panel and an icon speak.
const (
	watcherName = "org.kde.StatusNotifierWatcher"
	watcherPath = "/StatusNotifierWatcher"
	itemName    = "org.kde.StatusNotifierItem"
	menuName    = "com.canonical.dbusmenu"
)

// A panel plays the part of the desktop that shows tray icons.
type panel struct {
	t     *testing.T
	bus   *dbus.Conn
	items chan item
}

// An item is an icon that has made itself known.
type item struct {
	owner string
	path  dbus.ObjectPath
}

// addPanel gives the desk a panel.
func (d *desk) addPanel() *panel {
	d.t.Helper()
	bus, err := dbus.Connect(d.bus)
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(func() { bus.Close() })
	p := &panel{t: d.t, bus: bus, items: make(chan item, 8)}
	_, err = prop.Export(bus, watcherPath, prop.Map{watcherName: {
		"RegisteredStatusNotifierItems":  {Value: []string{}},
		"IsStatusNotifierHostRegistered": {Value: true},
		"ProtocolVersion":                {Value: int32(0)},
	}})
	if err == nil {
		err = bus.Export(watcher{p.items}, watcherPath, watcherName)
	}
	if err == nil {
		_, err = bus.RequestName(watcherName, dbus.NameFlagDoNotQueue)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}

// A watcher is what icons call on the bus.
type watcher struct{ items chan<- item }

// RegisterStatusNotifierItem is called by an icon with its path or its name.
func (w watcher) RegisterStatusNotifierItem(sender dbus.Sender, service string) *dbus.Error {
	i := item{owner: service, path: "/StatusNotifierItem"}
	if strings.HasPrefix(service, "/") {
		i = item{owner: string(sender), path: dbus.ObjectPath(service)}
	}
	w.items <- i
	return nil
}

// RegisterStatusNotifierHost is called by other panels.
func (watcher) RegisterStatusNotifierHost(string) *dbus.Error { return nil }

// icon waits for an icon to appear.
func (p *panel) icon() item {
	p.t.Helper()
	select {
	case i := <-p.items:
		return i
	case <-time.After(patience):
		p.t.Fatal("no icon appeared")
		return item{}
	}
}

// property returns a property of an icon.
func (p *panel) property(i item, name string) any {
	p.t.Helper()
	v, err := p.bus.Object(i.owner, i.path).GetProperty(itemName + "." + name)
	if err != nil {
		p.t.Fatalf("%s of the icon: %v", name, err)
	}
	return v.Value()
}

// An entry is one line of a menu.
type entry struct {
	id      int32
	label   string
	enabled bool
	checked bool
	sub     []entry
}

// node is an entry as it comes over the bus.
type node struct {
	ID         int32
	Properties map[string]dbus.Variant
	Children   []dbus.Variant
}

// menu returns what an icon offers: the entries that are shown.
func (p *panel) menu(i item) []entry {
	p.t.Helper()
	path := p.property(i, "Menu").(dbus.ObjectPath)
	var revision uint32
	var root node
	call := p.bus.Object(i.owner, path).Call(menuName+".GetLayout", 0, int32(0), int32(-1), []string{})
	if err := call.Store(&revision, &root); err != nil {
		p.t.Fatalf("read the menu: %v", err)
	}
	return p.entries(root)
}

// entries returns the shown entries below n.
func (p *panel) entries(n node) []entry {
	p.t.Helper()
	var list []entry
	for _, child := range n.Children {
		var c node
		if err := dbus.Store([]any{child.Value()}, &c); err != nil {
			p.t.Fatalf("read an entry of the menu: %v", err)
		}
		e := entry{id: c.ID, enabled: true, sub: p.entries(c)}
		visible := true
		for name, v := range c.Properties {
			switch value := v.Value().(type) {
			case string:
				if name == "label" {
					e.label = value
				}
			case bool:
				if name == "enabled" {
					e.enabled = value
				} else if name == "visible" {
					visible = value
				}
			case int32:
				e.checked = e.checked || name == "toggle-state" && value == 1
			}
		}
		if visible && e.label != "" {
			list = append(list, e)
		}
	}
	return list
}

// find returns the entry whose label begins so, at any depth.
func find(list []entry, label string) (entry, bool) {
	for _, e := range list {
		if strings.HasPrefix(e.label, label) {
			return e, true
		}
		if below, ok := find(e.sub, label); ok {
			return below, true
		}
	}
	return entry{}, false
}

// words are the labels of the menu, since a sentence may take several.
func (p *panel) words(i item) string {
	p.t.Helper()
	words := ""
	for _, e := range p.menu(i) {
		words += e.label + " "
	}
	return words
}

// await waits until the menu has an entry as it should be, and returns it.
func (p *panel) await(i item, label string, is func(entry) bool) entry {
	p.t.Helper()
	var got entry
	until(p.t, "the entry "+label, func() bool {
		e, ok := find(p.menu(i), label)
		got = e
		return ok && is(e)
	})
	return got
}

// click clicks the entry whose label begins so.
func (p *panel) click(i item, label string) {
	p.t.Helper()
	e := p.await(i, label, func(e entry) bool { return e.enabled })
	path := p.property(i, "Menu").(dbus.ObjectPath)
	call := p.bus.Object(i.owner, path).Call(menuName+".Event", 0, e.id, "clicked", dbus.MakeVariant(int32(0)), uint32(0))
	if call.Err != nil {
		p.t.Fatalf("click %s: %v", label, call.Err)
	}
}

// shown, on and off are what an entry may be waited to be.
func shown(entry) bool { return true }
func on(e entry) bool  { return e.checked }
func off(e entry) bool { return !e.checked }
