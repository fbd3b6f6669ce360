package proxy

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"

	"millpond/proxy/control"
	"millpond/settings"
	"millpond/settings/store"
)

// heldStore is a store whose changes of the file are told when the test says so.
type heldStore struct {
	*store.Store
	read    chan struct{} // a change was read
	release chan struct{} // it may be told
}

func (s *heldStore) Watch(ctx context.Context, tell func(*settings.Settings, func(), error)) error {
	return s.Store.Watch(ctx, func(next *settings.Settings, take func(), err error) {
		s.read <- struct{}{}
		<-s.release
		tell(next, take, err)
	})
}

// A file that was read but is not in force yet is not replaced by an edit of the settings
// before it.
func TestEditOfTheFileThatIsBeingApplied(t *testing.T) {
	held := &heldStore{read: make(chan struct{}, 1), release: make(chan struct{}, 1)}
	r := start(t, anywhere, func(c *Config) {
		held.Store = c.Store.(*store.Store)
		c.Store = held
	})
	before := r.Status()
	write(t, r.file, anywhere+"[failover]\neject_after = 9\n")
	<-held.read
	next := before.Settings.Clone()
	next.Failover.Attempts = 7
	if err := r.PutSettings(before.Revision, next); !errors.Is(err, control.ErrStale) {
		t.Errorf("got %v; want %v", err, control.ErrStale)
	}
	held.release <- struct{}{}
	until(t, "the file is in force", func() bool { return r.Status().Settings.Failover.EjectAfter == 9 })
	if err := r.PutSettings(before.Revision, next); !errors.Is(err, control.ErrStale) {
		t.Errorf("after it was applied: got %v; want %v", err, control.ErrStale)
	}
	now := r.Status()
	now.Settings = now.Settings.Clone()
	now.Settings.Failover.Attempts = 7
	if err := r.PutSettings(now.Revision, now.Settings); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(r.file)
	if err != nil || !strings.Contains(string(text), "\nattempts = 7 ") || !strings.Contains(string(text), "\neject_after = 9 ") {
		t.Errorf("got the file\n%s, %v; want both edits", text, err)
	}
}

// An edit of the file that cannot be applied stays there, and everybody is told of it.
func TestEditOfTheFileThatCannotBeApplied(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	r := start(t, anywhere, nil)
	for name, text := range map[string]string{
		"address in use": at(taken.Addr().String()),
		"out of range":   anywhere + "[failover]\nattempts = 99\n",
	} {
		t.Run(name, func(t *testing.T) {
			before := r.Status()
			write(t, r.file, text)
			until(t, "the status tells of it", func() bool { return r.Status().Unapplied != "" })
			err := r.PutSettings(before.Revision, before.Settings)
			if !errors.Is(err, control.ErrStale) || !strings.Contains(err.Error(), "an edit that cannot be applied: "+r.Status().Unapplied) {
				t.Errorf("got %v; want stale, and why", err)
			}
			if got, err := os.ReadFile(r.file); err != nil || string(got) != text {
				t.Errorf("got the file %q, %v; want it as it was edited", got, err)
			}
			write(t, r.file, anywhere+"# mended after "+name+"\n")
			until(t, "it is mended", func() bool { return r.Status().Unapplied == "" })
		})
	}
}
