package proxy

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"strconv"
	"sync"
	"time"

	"millpond/settings"
	"millpond/settings/secret"
)

// SeekEvery is how often a secret that is missing is looked for again, unless Config
// says otherwise. A keyring is unlocked when a person has logged in; a file may be put in
// place later.
const SeekEvery = 30 * time.Second

// fetchWait bounds how long the start and a change wait for a keyring, all its secrets
// together. One that is locked asks a person, who takes longer: that answer comes by
// looking again.
const fetchWait = 2 * time.Second

// A vault holds the secrets that settings refer to, by reference, and why others are
// missing. It is never modified once made.
type vault struct {
	found   map[string]secret.Value
	missing map[string]*missingSecret
}

// A missingSecret says why a secret cannot be read. It names the reference, which is no
// secret.
type missingSecret struct {
	reference string
	cause     error
	since     time.Time
}

// Error says it in a sentence for the log and the statistics.
func (m *missingSecret) Error() string {
	return fmt.Sprintf("secret %s cannot be read: %v", m.reference, m.cause)
}

// Unwrap returns the cause.
func (m *missingSecret) Unwrap() error { return m.cause }

// fetchSecrets reads the secrets that s refers to, except those of upstreams that are
// not enabled. Where a keyring does not answer, what old has stays; old may be nil.
func fetchSecrets(ctx context.Context, s *settings.Settings, old *vault, now func() time.Time) *vault {
	ctx, cancel := context.WithTimeout(ctx, fetchWait)
	defer cancel()
	v := &vault{found: map[string]secret.Value{}, missing: map[string]*missingSecret{}}
	for _, reference := range references(s) {
		value, err := read(ctx, reference)
		kept, had := secret.Value{}, false
		if old != nil {
			kept, had = old.found[reference]
		}
		switch {
		case err == nil:
			v.found[reference] = value
		case had && !errors.Is(err, secret.ErrNotFound):
			v.found[reference] = kept
		case old != nil && old.missing[reference] != nil:
			v.missing[reference] = &missingSecret{reference, err, old.missing[reference].since}
		default:
			v.missing[reference] = &missingSecret{reference, err, now()}
		}
	}
	return v
}

// read fetches one secret. Its error does not repeat the reference.
func read(ctx context.Context, reference string) (secret.Value, error) {
	ref, err := secret.Parse(reference)
	if err != nil {
		return secret.Value{}, err
	}
	value, err := ref.Resolve(ctx)
	if inner := errors.Unwrap(err); inner != nil {
		err = inner
	}
	return value, err
}

// references lists the references in s that are in use.
func references(s *settings.Settings) []string {
	seen := map[string]bool{"": true}
	var list []string
	add := func(reference string) {
		if !seen[reference] {
			seen[reference] = true
			list = append(list, reference)
		}
	}
	add(s.Listen.Token)
	for _, u := range s.Upstreams {
		if u.Enabled {
			add(u.Credential)
			add(egressPassword(u.Egress))
		}
	}
	return list
}

// egressPassword returns the reference that stands for the password in a proxy's URL,
// http://USER:REFERENCE@HOST:PORT; "" when there is none.
func egressPassword(egress string) string {
	u, err := url.Parse(egress)
	if err != nil {
		return "" // settings are validated; they hold no such URL
	}
	password, _ := u.User.Password()
	return password
}

// token returns the token that clients must show. A missing one is an error: without it
// everyone would be let in.
func (v *vault) token(s *settings.Settings) (secret.Value, error) {
	if m := v.missing[s.Listen.Token]; m != nil {
		return secret.Value{}, &settings.FieldError{Path: "listen.token", Problem: settings.Refused,
			Value: strconv.Quote(m.reference), Want: m.Error()}
	}
	return v.found[s.Listen.Token], nil
}

// credentials returns the credential of each upstream, and why nothing may be sent to
// it. Without its credential the client's own would go to an upstream that it is not
// meant for.
func (v *vault) credentials(s *settings.Settings) (credentials []secret.Value, withheld []error) {
	credentials, withheld = make([]secret.Value, len(s.Upstreams)), make([]error, len(s.Upstreams))
	for i, u := range s.Upstreams {
		if !u.Enabled {
			continue
		}
		credentials[i] = v.found[u.Credential]
		for _, reference := range []string{u.Credential, egressPassword(u.Egress)} {
			if m := v.missing[reference]; m != nil {
				withheld[i] = m
			}
		}
	}
	return credentials, withheld
}

// withPasswords returns s with the passwords themselves in the URLs of egress proxies.
// It is for building the connections and is shown to nobody.
func (v *vault) withPasswords(s *settings.Settings) *settings.Settings {
	next := s
	for i, up := range s.Upstreams {
		password, found := v.found[egressPassword(up.Egress)]
		if !found {
			continue
		}
		u, err := url.Parse(up.Egress)
		if err != nil {
			continue
		}
		if next == s {
			next = s.Clone()
		}
		u.User = url.UserPassword(u.User.Username(), password.Reveal())
		next.Upstreams[i].Egress = u.String()
	}
	return next
}

// with returns v with one more secret found.
func (v *vault) with(reference string, value secret.Value) *vault {
	next := &vault{found: maps.Clone(v.found), missing: maps.Clone(v.missing)}
	next.found[reference] = value
	delete(next.missing, reference)
	return next
}

// seek looks for what is missing until ctx is done. A keyring may ask a person and take
// as long as it likes: each secret is asked for once at a time.
func (d *Daemon) seek(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	var asking sync.Map // references
	tick := time.NewTicker(d.config.SeekEvery)
	defer tick.Stop()
	for {
		for _, reference := range d.missing() {
			if _, asked := asking.LoadOrStore(reference, true); asked {
				continue
			}
			wg.Go(func() {
				defer asking.Delete(reference)
				if value, err := read(ctx, reference); err == nil {
					d.supply(reference, value)
				}
			})
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// missing lists the references whose secrets cannot be read.
func (d *Daemon) missing() []string {
	d.changing.Lock()
	defer d.changing.Unlock()
	list := make([]string, 0, len(d.vault.missing))
	for reference := range d.vault.missing {
		list = append(list, reference)
	}
	return list
}

// supply puts a secret that was missing in force.
func (d *Daemon) supply(reference string, value secret.Value) {
	d.changing.Lock()
	defer d.changing.Unlock()
	if d.vault.missing[reference] == nil {
		return // the settings were changed meanwhile
	}
	v := d.vault.with(reference, value)
	state, err := compile(d.exchange.State().Settings, v, d.listener.Addrs(), d.exchange.State())
	if err != nil { // nothing else has changed since it was built before
		d.config.Log.Error("a credential was found and cannot be used", "reference", reference, "err", err)
		return
	}
	d.commit(state, nil, d.listener.Addrs())
	d.vault = v
	d.config.Log.Info("credential found; requests are sent with it", "reference", reference)
}

// logMissing says what cannot be read, unless it could not be read before either.
func (d *Daemon) logMissing(before *vault) {
	state := d.exchange.State()
	for i, err := range state.Withheld {
		var m *missingSecret
		if !errors.As(err, &m) || before != nil && before.missing[m.reference] != nil {
			continue
		}
		d.config.Log.Warn("nothing is sent to this upstream until its credential can be read",
			"upstream", state.Upstreams[i].Name, "reference", m.reference, "err", m.cause)
	}
}
