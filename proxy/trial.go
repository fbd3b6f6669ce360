package proxy

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"millpond/proxy/advisor"
	"millpond/proxy/control"
	"millpond/proxy/exchange"
	"millpond/settings"
)

// The shares of requests that a trial may send the other way.
const (
	leastShare   = 0.01
	mostShare    = 0.9
	defaultShare = 0.5
)

// StartTrial sends a share of an upstream's requests another way. The other protocol is
// tested first with a request of our own, so that nobody's fail on one that is not spoken.
func (d *Daemon) StartTrial(ctx context.Context, q control.TrialRequest) (control.Trial, error) {
	d.trials.editing.Lock()
	defer d.trials.editing.Unlock()
	s := d.exchange.State().Settings
	u, err := named(s, q.Upstream)
	if err != nil {
		return control.Trial{}, err
	}
	one := &trial{
		Upstream: u.Name, URL: u.URL, Setting: q.Setting, To: q.To, Share: cmp.Or(q.Share, defaultShare), Started: d.config.Now(),
	}
	one.From = one.value(s, u)
	if err := d.tryable(ctx, s, u, one); err != nil {
		return control.Trial{}, err
	}
	begun, ok := d.trials.add(one)
	if !ok {
		return control.Trial{}, refusal(control.CodeRunning, "a trial runs on %s already; end it first", u.Name)
	}
	if err := d.trials.save(); err != nil {
		d.trials.remove(one)
		return control.Trial{}, err
	}
	d.refit()
	d.config.Log.Info("trial started", "trial", one.ID, "setting", one.Setting, "from", one.From, "to", one.To, "share", one.Share)
	return d.describe(begun), nil
}

// tryable returns why a trial cannot be started, if so.
func (d *Daemon) tryable(ctx context.Context, s *settings.Settings, u settings.Upstream, one *trial) error {
	wrong := func(field, problem string) error {
		return &control.Error{Status: http.StatusUnprocessableEntity, Code: control.CodeInvalid, Message: field + ": " + problem}
	}
	allowed := map[string][]string{
		control.SettingProtocol: {string(settings.ProtocolHTTP1), string(settings.ProtocolHTTP2)},
		control.SettingScope:    {string(settings.ScopeShared), string(settings.ScopeUpstream), string(settings.ScopeCaller)},
	}[one.Setting]
	switch {
	case allowed == nil:
		return wrong("setting", fmt.Sprintf("%q is neither protocol nor scope", one.Setting))
	case !slices.Contains(allowed, one.To):
		return wrong("to", fmt.Sprintf("%q is not one of %q", one.To, allowed))
	case !(one.Share >= leastShare && one.Share <= mostShare): // so that a NaN is refused
		return wrong("share", fmt.Sprintf("%v is outside %v to %v", one.Share, leastShare, mostShare))
	case !u.Enabled:
		return refusal(control.CodeNoUpstream, "%s is disabled, so that it gets no requests", u.Name)
	case one.To == one.From, one.Setting == control.SettingProtocol && d.speaks(u.Name) == one.To:
		return refusal(control.CodeSame, "requests to %s go over %s already", u.Name, one.To)
	case one.Setting == control.SettingScope:
		return nil
	}
	protocol := settings.Protocol(one.To)
	u.Pool.Protocol = &protocol
	if r := Examine(ctx, s, u, func(control.ProbeProgress) {}); r.Protocol != one.To {
		return refusal(control.CodeNotSpoken, "%s does not answer over %s: %s", u.Name, one.To, cmp.Or(r.Problem, "it answers over "+r.Protocol))
	}
	return nil
}

// speaks returns the transport that an upstream was last seen to choose; "" when it was
// given no choice yet.
func (d *Daemon) speaks(name string) string {
	for _, u := range d.Stats().Upstreams {
		if u.Name == name {
			return u.Protocol
		}
	}
	return ""
}

// EndTrial sends all requests the first way again and keeps what was counted.
func (d *Daemon) EndTrial(id string) error {
	d.trials.editing.Lock()
	defer d.trials.editing.Unlock()
	ended := false
	known := d.trials.edit(id, func(t *trial) {
		if ended = t.Ended != nil; !ended {
			t.end(d.config.Now(), control.EndedByPerson)
		}
	})
	switch {
	case !known:
		return noTrial(id)
	case ended:
		return refusal(control.CodeEnded, "trial %s has ended already", id)
	}
	d.refit()
	d.config.Log.Info("trial ended", "trial", id, "by", control.EndedByPerson)
	return d.trials.save()
}

// ApplyTrial puts the winner of a trial into the settings and ends the trial. What is to be
// taken back is written first, so that a crash between the two leaves nothing that cannot be.
func (d *Daemon) ApplyTrial(revision uint64, id string) error {
	d.trials.editing.Lock()
	defer d.trials.editing.Unlock()
	t, next, err := d.editable(revision, id)
	if err != nil {
		return err
	}
	switch c := compare(t); {
	case c.Winner == "":
		return refusal(control.CodeNoWinner, "trial %s names no winner: %s", id, c.Sentence)
	case c.Winner == t.From:
		return refusal(control.CodeNothingToApply, "%s does better and is what the settings say; nothing is to be changed", t.From)
	}
	before, err := text(next, t.key())
	if err != nil {
		return err
	}
	if err := next.Set(t.key(), t.To); err != nil {
		return err
	}
	d.trials.edit(id, func(t *trial) { t.Applied, t.Before = &t.To, &before })
	err = d.trials.save()
	if err == nil {
		err = d.PutSettings(revision, next)
	}
	if err != nil {
		d.trials.edit(id, func(now *trial) { now.Applied, now.Before = t.Applied, t.Before })
		return err
	}
	// The trial has ended, since the settings do not have the value that it began with.
	d.trials.edit(id, func(now *trial) {
		if t.Ended == nil {
			now.EndedBy = control.EndedApplied
		}
	})
	d.config.Log.Info("trial applied", "trial", id, "key", t.key(), "value", t.To)
	return d.trials.save()
}

// UndoTrial puts back what ApplyTrial changed, unless it was changed since.
func (d *Daemon) UndoTrial(revision uint64, id string) error {
	d.trials.editing.Lock()
	defer d.trials.editing.Unlock()
	t, next, err := d.editable(revision, id)
	if err != nil {
		return err
	}
	if t.Applied == nil {
		return refusal(control.CodeNotApplied, "trial %s was not applied", id)
	}
	now, err := text(next, t.key())
	if err != nil {
		return err
	}
	if now != *t.Applied {
		return &control.Error{Status: http.StatusConflict, Code: control.CodeChangedSince,
			Message: fmt.Sprintf("%s was changed since and is %q now; nothing was put back", t.key(), now)}
	}
	if err := next.Set(t.key(), *t.Before); err != nil {
		return err
	}
	if err := d.PutSettings(revision, next); err != nil {
		return err
	}
	d.trials.edit(id, func(t *trial) { t.Applied, t.Before = nil, nil })
	d.config.Log.Info("trial taken back", "trial", id, "key", t.key(), "value", *t.Before)
	return d.trials.save()
}

// editable returns a trial and a copy of the saved settings, which have its upstream.
func (d *Daemon) editable(revision uint64, id string) (trial, *settings.Settings, error) {
	i, all := -1, d.trials.all()
	if i = slices.IndexFunc(all, func(t trial) bool { return t.ID == id }); i < 0 {
		return trial{}, nil, noTrial(id)
	}
	if d.currentRevision() != revision { // asked first: a change after it is found by PutSettings
		return trial{}, nil, control.ErrStale
	}
	base, t := d.saved(), all[i]
	if !t.isIn(base) {
		return trial{}, nil, refusal(control.CodeNoUpstream, "the settings have no upstream %s at %s any more", t.Upstream, t.URL)
	}
	return t, base.Clone(), nil
}

// text returns the setting at a path as Set takes it.
func text(s *settings.Settings, path string) (string, error) {
	v, err := s.Get(path)
	return fmt.Sprint(v), err
}

func refusal(code, format string, args ...any) error {
	return &control.Error{Status: http.StatusConflict, Code: code, Message: fmt.Sprintf(format, args...)}
}

func noTrial(id string) error {
	return &control.Error{Status: http.StatusNotFound, Code: control.CodeNoTrial, Message: fmt.Sprintf("there is no trial %q", id)}
}

// refit puts the trials in force as they are now.
func (d *Daemon) refit() {
	d.recommit(func(state *exchange.State) { d.trials.fit(state, d.config.Now()) })
}

const (
	// lookEvery is how often trials are looked at, whether the other way does harm.
	lookEvery = 2 * time.Second
	// saveLooks is in how many of these looks the counts are written.
	saveLooks = 5
)

// keepTrials ends the trials that do harm, and writes the counts, until ctx is done and a
// last time then.
func (d *Daemon) keepTrials(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for look := 1; ; look++ {
		ended, done := false, false
		select {
		case <-ctx.Done():
			done = true
		case <-tick.C:
			ended = d.endHarmful()
		}
		if ended || done || look%saveLooks == 0 {
			if err := d.trials.save(); err != nil {
				d.config.Log.Warn("trials were not saved", "err", err)
			}
		}
		if done {
			return
		}
	}
}

// endHarmful ends the trials whose other way fails more, beyond chance: more requests
// would teach nothing. It reports whether there was one.
func (d *Daemon) endHarmful() bool {
	ended := false
	for _, t := range d.trials.all() {
		if t.Ended != nil {
			continue
		}
		if c := compare(t); c.Reason != advisor.TrialMoreSuccess || c.Winner != t.From {
			continue
		}
		ended = true
		d.trials.edit(t.ID, func(now *trial) {
			if now.Ended == nil {
				now.end(d.config.Now(), control.EndedWorse)
			}
		})
		d.config.Log.Warn("trial ended", "trial", t.ID, "by", control.EndedWorse)
	}
	if ended {
		d.refit()
	}
	return ended
}
