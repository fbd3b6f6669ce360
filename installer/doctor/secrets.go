package doctor

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
	"millpond/settings/secret"
)

// secretWait bounds the wait for a keyring.
const secretWait = 5 * time.Second

// checkCredentials looks whether every secret that the settings refer to can be read: by
// the daemon where it runs, since its environment and its keyring are what counts.
func checkCredentials(ctx context.Context, v *visit) []Finding {
	s := v.settings()
	if s == nil {
		return nil
	}
	var findings []Finding
	if v.status != nil {
		findings = withheld(v.status.Stats.Upstreams)
	} else {
		findings = unreadable(ctx, s)
	}
	if len(findings) > 0 {
		return findings
	}
	n := 0
	for _, u := range s.Upstreams {
		if u.Credential != "" {
			n++
		}
	}
	if n == 0 {
		return ok("no upstream has a credential of its own; clients bring theirs")
	}
	return ok("the credentials of %d upstreams can be read", n)
}

// mendSecret says what to do about a secret that cannot be read.
const mendSecret = `Put it where the reference leads, or change the reference with "millpondd config set". Unlock the keyring if it is locked.`

// withheld tells of the upstreams that the daemon sends nothing to.
func withheld(list []control.Upstream) (findings []Finding) {
	for _, u := range list {
		if u.Withheld != "" {
			findings = append(findings, problem(mendSecret, "nothing is sent to %s: %s", u.Name, u.LastError)...)
		}
	}
	return findings
}

// unreadable tries every reference that is in use.
func unreadable(ctx context.Context, s *settings.Settings) (findings []Finding) {
	ctx, cancel := context.WithTimeout(ctx, secretWait)
	defer cancel()
	try := func(what, reference string) {
		if reference == "" {
			return
		}
		ref, err := secret.Parse(reference)
		if err == nil {
			_, err = ref.Resolve(ctx)
		}
		if err != nil {
			findings = append(findings, problem(mendSecret, "%s cannot be read: %v", what, err)...)
		}
	}
	try("listen.token", s.Listen.Token)
	for _, u := range s.Upstreams {
		if !u.Enabled {
			continue
		}
		try(fmt.Sprintf("the credential of %s", u.Name), u.Credential)
		if egress, err := url.Parse(u.Egress); err == nil {
			password, _ := egress.User.Password()
			try(fmt.Sprintf("the password of %s's egress", u.Name), password)
		}
	}
	return findings
}
