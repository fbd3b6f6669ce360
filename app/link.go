package app

import (
	"context"
	"errors"
	"sync"
	"time"

	"millpond/app/model"
	"millpond/proxy/control"
	"millpond/settings"
)

// How long a lost daemon is left alone before it is asked again: at first, and
// at most.
const (
	retryFirst = 250 * time.Millisecond
	retryMost  = 2 * time.Second
)

// noticeTime is how long the failure of something that a person asked for is
// shown.
const noticeTime = 8 * time.Second

// requestTime bounds something that a person asked for, such as to start the daemon.
const requestTime = 30 * time.Second

// A link is the connection to the daemon, which may vanish and come back at any
// time. It turns each status into a view and carries out what a person asks.
// Use newLink.
type link struct {
	client *control.Client
	public *control.Client // the machine's daemon, which is shown while this user's does not run; nil asks nobody
	every  time.Duration   // the pace of the views
	show   func(model.View)
	fill   func(model.View) model.View // adds what is not the daemon's; nil adds nothing
	stop   func(context.Context) error // ends the daemon; nil cannot
	wake   chan struct{}               // look for a lost daemon now
	wg     sync.WaitGroup              // requests under way

	mu sync.Mutex
	// mu guards what follows.
	asked       bool // a status or an error has come
	status      control.Status
	err         error
	notice      model.Text
	noticeUntil time.Time
	saved       model.Saved
	probe       model.Probe
	stopProbe   context.CancelFunc // ends the test under way; nil when there is none
}

// newLink returns a link to the daemon that calls show with each view. Views come
// from several goroutines, one at a time.
func newLink(c Config, every time.Duration, show func(model.View)) *link {
	return &link{client: control.Dial(c.Socket), public: c.dialPublic(), every: every, show: show, wake: make(chan struct{}, 1)}
}

// dialPublic returns a client of the machine's daemon; nil where nobody is to be asked.
func (c Config) dialPublic() *control.Client {
	if c.Public == "" {
		return nil
	}
	return control.DialPublic(c.Public)
}

// askPublic asks the machine's daemon in the place of this user's, which does not run. Where
// there is none, err stays.
func askPublic(ctx context.Context, public *control.Client, err error) (control.Status, error) {
	if public == nil || !errors.Is(err, control.ErrNotRunning) {
		return control.Status{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, retryMost)
	defer cancel()
	s, unknown := public.Status(ctx)
	if unknown == nil || errors.Is(unknown, control.ErrClientOlder) || errors.Is(unknown, control.ErrDaemonOlder) {
		return s, unknown
	}
	return control.Status{}, err
}

// run watches the daemon until ctx is done, and waits for the requests that are
// under way then.
func (l *link) run(ctx context.Context) {
	defer l.client.Close()
	if l.public != nil {
		defer l.public.Close()
	}
	defer l.wg.Wait()
	wait := retryFirst
	for ctx.Err() == nil {
		for s, err := range l.client.Watch(ctx, l.every) {
			if err == nil {
				wait = retryFirst
			} else {
				s, err = askPublic(ctx, l.public, err)
			}
			l.update(func() { l.take(s, err) })
		}
		select {
		case <-ctx.Done():
		case <-l.wake:
		case <-time.After(wait):
			wait = min(2*wait, retryMost)
		}
	}
}

// take keeps a status, or the error in its place. One that was made before the last
// edit and comes after it is left out. The mutex is held.
func (l *link) take(s control.Status, err error) {
	if err == nil && l.err == nil && s.PID == l.status.PID && s.Machine == l.status.Machine && s.Revision < l.status.Revision {
		return
	}
	l.status, l.err, l.asked = s, err, true
}

// update changes what the link knows and shows it.
func (l *link) update(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	now := time.Now()
	v := model.Start()
	if l.asked {
		v = model.Of(l.status, l.err, now)
	}
	v.Saved, v.Probe = l.saved, l.probe
	if now.Before(l.noticeUntil) {
		v.Notice = l.notice
	}
	if l.fill != nil {
		v = l.fill(v)
	}
	l.show(v) // does not block: the tray keeps the newest view, Fyne queues it
}

// again makes the view anew, since something else has changed, and looks for a daemon that
// was lost.
func (l *link) again() {
	select {
	case l.wake <- struct{}{}:
	default: // it is about to
	}
	l.update(func() {})
}

// present returns the last status, and false when there is none to go by.
func (l *link) present() (control.Status, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.status, l.asked && l.err == nil && l.status.Settings != nil
}

// ask carries out a request without making the caller wait, and shows the
// sentence under key when it fails.
func (l *link) ask(ctx context.Context, key string, request func(context.Context) error) {
	l.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, requestTime)
		defer cancel()
		if err := request(ctx); err != nil && !errors.Is(err, context.Canceled) {
			l.complain(model.T(key, "Cause", err.Error()))
		}
	})
}

// complain shows a notice for a while.
func (l *link) complain(notice model.Text) {
	l.update(func() { l.notice, l.noticeUntil = notice, time.Now().Add(noticeTime) })
}

// turn lets requests pass, or not. Off may mean that the daemon stops, by the person's
// own choice.
func (l *link) turn(ctx context.Context, on bool) {
	s, known := l.present()
	switch {
	case on:
		l.ask(ctx, "error.switch", l.client.Resume)
	case known && s.Settings.App.Off == settings.OffStop && l.stop != nil:
		l.ask(ctx, "error.switch", l.stop)
	default:
		l.ask(ctx, "error.switch", l.client.Pause)
	}
}

// edit changes the settings from those that are in force now.
func (l *link) edit(ctx context.Context, change func(*settings.Settings) *settings.Settings) {
	l.ask(ctx, "error.settings", func(ctx context.Context) error {
		s, ok := l.present()
		if !ok {
			return control.ErrNotRunning
		}
		return l.client.PutSettings(ctx, s.Revision, change(s.Settings))
	})
}

// save puts edited settings in force. What came of it is shown together with the
// settings that are in force then.
func (l *link) save(ctx context.Context, e model.Edit) {
	l.wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, requestTime)
		defer cancel()
		err := l.client.PutSettings(ctx, e.Revision, e.Settings)
		s, unknown := l.client.Status(ctx)
		l.update(func() {
			if unknown == nil {
				l.take(s, nil)
			}
			l.saved = model.SavedOf(e.Number, err)
		})
	})
}

// prefer sends requests to the named upstream first.
func (l *link) prefer(ctx context.Context, name string) {
	l.edit(ctx, func(s *settings.Settings) *settings.Settings { return model.Prefer(s, name) })
}

// preset takes the pool's numbers from a preset.
func (l *link) preset(ctx context.Context, name string) {
	l.edit(ctx, func(s *settings.Settings) *settings.Settings { return model.WithPreset(s, name) })
}
