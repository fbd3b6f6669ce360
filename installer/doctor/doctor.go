// Package doctor looks whether an installation works, from the settings file to the
// upstreams' answers, and says for each thing what was seen and what to do; and it packs
// what it saw, without secrets, into a bundle for whoever is asked to help.
//
// It changes nothing. The daemon need not run: then this program looks for itself at what
// the daemon would be asked.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"millpond/installer/service"
	"millpond/proxy"
	"millpond/proxy/control"
	"millpond/settings"
	"millpond/settings/store"
)

// A Level says how bad a finding is.
type Level string

// The levels. A warning is what works and may not do what was meant.
const (
	OK      Level = "ok"
	Warn    Level = "warn"
	Problem Level = "problem"
)

// A Finding is what one check has seen.
type Finding struct {
	Check string `json:"check"` // its name in the table, as port
	Level Level  `json:"level"`
	Seen  string `json:"seen"`         // a sentence without its stop
	Do    string `json:"do,omitempty"` // what to do, a sentence; "" when there is nothing to do
}

// Config says what to examine. All fields are required unless they say otherwise.
type Config struct {
	Environ  []string // as os.Environ gives it
	Settings string   // the settings file
	StateDir string
	Socket   string // the daemon's control socket
	Public   string // where the machine's daemon tells how it is; "" asks nobody
	Version  string // of this program

	// Service asks the service manager. Its error ErrNoManager is none of ours.
	Service func(context.Context) (service.Status, error)
	// Progress is told what is looked at, from several goroutines. Optional.
	Progress func(check, what string)
	// Now is the clock; nil is the system's.
	Now func() time.Time
}

// A check looks at one thing.
type check struct {
	name string
	own  bool // is about a daemon of this user's, and left out where the machine's serves
	run  func(context.Context, *visit) []Finding
}

// checks are all of them, in their order: what comes later may rest on what was seen.
var checks = []check{
	{"settings", true, checkSettings},
	{"daemon", false, checkDaemon},
	{"stale", true, checkStale},
	{"port", false, checkPort},
	{"service", false, checkService},
	{"tray", false, checkTray},
	{"credentials", true, checkCredentials},
	{"upstreams", true, checkUpstreams},
	{"egress", true, checkEgress},
	{"clock", false, checkClock},
	{"descriptors", true, checkDescriptors},
	{"agents", false, checkAgents},
	{"disk", true, checkDisk},
}

// A visit is one examination and what it knows so far.
type visit struct {
	Config
	client *control.Client

	file      *settings.Settings // by the file alone; nil when it is not valid
	merged    *settings.Settings // with our environment over it; nil when that is not valid
	fileErr   error
	warnings  []string        // of the settings
	status    *control.Status // nil when no daemon answers
	statusErr error
	machine   *control.Status // of the machine's daemon, when this user's does not run
	probes    []probed        // what the upstreams answered
}

// statusWait bounds how long the daemon may take to answer.
const statusWait = 5 * time.Second

// Examine looks at everything. The findings come in the order of the checks, at least one
// for each that applies here.
func Examine(ctx context.Context, c Config) []Finding {
	v := begin(ctx, c)
	defer v.client.Close()
	return v.examine(ctx)
}

// examine runs every check.
func (v *visit) examine(ctx context.Context) []Finding {
	findings := []Finding{}
	for _, check := range checks {
		if check.own && v.machine != nil {
			continue
		}
		v.Progress(check.name, "")
		for _, f := range check.run(ctx, v) {
			f.Check, f.Seen, f.Do = check.name, oneLine(f.Seen), oneLine(f.Do)
			findings = append(findings, f)
		}
	}
	return findings
}

// Print writes the findings for a person: what to do stands below what was seen.
func Print(w io.Writer, findings []Finding) error {
	for _, f := range findings {
		if _, err := fmt.Fprintf(w, "%-8s %-12s %s\n", f.Level, f.Check, f.Seen); err != nil {
			return err
		}
		if f.Do == "" {
			continue
		}
		if _, err := fmt.Fprintf(w, "%-8s %-12s -> %s\n", "", "", f.Do); err != nil {
			return err
		}
	}
	return nil
}

// begin reads what several checks need.
func begin(ctx context.Context, c Config) *visit {
	if c.Progress == nil {
		c.Progress = func(string, string) {}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	v := &visit{Config: c, client: control.Dial(c.Socket)}
	with := store.Open(c.Settings, c.Environ)
	v.merged, v.fileErr = with.Load()
	v.warnings = with.Warnings()
	v.file, _ = store.Open(c.Settings, nil).Load() // with the environment it says the same, or what is wrong
	ctx, cancel := context.WithTimeout(ctx, statusWait)
	defer cancel()
	status, err := v.client.Status(ctx)
	if v.statusErr = err; err == nil {
		v.status = &status
	}
	if errors.Is(err, control.ErrNotRunning) && c.Public != "" {
		machine := control.DialPublic(c.Public)
		defer machine.Close()
		if s, err := machine.Status(ctx); err == nil {
			v.machine = &s
		}
	}
	return v
}

// serving returns where the daemon listens that requests go to; "" when there is none.
func (v *visit) serving() string {
	switch {
	case v.status != nil:
		return v.status.Address
	case v.machine != nil:
		return v.machine.Address
	}
	return ""
}

// settings returns those in force: the daemon's, or those that it would start with; nil
// when there are none.
func (v *visit) settings() *settings.Settings {
	if v.status != nil && v.status.Settings != nil {
		return v.status.Settings
	}
	return v.merged
}

// getenv returns a variable of the environment.
func (v *visit) getenv(name string) string { return store.Getenv(v.Environ, name) }

// ok, warn and problem make findings.
func ok(format string, args ...any) []Finding {
	return []Finding{{Level: OK, Seen: fmt.Sprintf(format, args...)}}
}

func warn(do, format string, args ...any) []Finding {
	return []Finding{{Level: Warn, Do: do, Seen: fmt.Sprintf(format, args...)}}
}

func problem(do, format string, args ...any) []Finding {
	return []Finding{{Level: Problem, Do: do, Seen: fmt.Sprintf(format, args...)}}
}

// oneLine joins lines and hides what must not be shown.
func oneLine(text string) string {
	return proxy.Redact(strings.Join(strings.Split(strings.TrimSpace(text), "\n"), "; "))
}

// Worst returns the worst level of the findings.
func Worst(findings []Finding) Level {
	worst := OK
	for _, f := range findings {
		if f.Level == Problem || f.Level == Warn && worst == OK {
			worst = f.Level
		}
	}
	return worst
}

// checkDaemon looks whether the daemon runs and is of our version.
func checkDaemon(_ context.Context, v *visit) []Finding {
	s := v.status
	switch {
	case v.machine != nil:
		return ok("Millpond runs for the whole machine at http://%s, version %s; an administrator sees more with --system", v.machine.Address, v.machine.Version)
	case errors.Is(v.statusErr, control.ErrNotRunning):
		return problem(`Start it with "millpondd service start", or in a terminal with "millpondd serve".`, "the daemon is not running")
	case v.statusErr != nil:
		return problem(`Restart it with "millpondd service restart" if this goes on.`, "the daemon cannot be asked: %v", v.statusErr)
	case s.Draining:
		return warn("Wait until it has ended.", "the daemon is stopping")
	case s.Version != v.Version:
		return warn(`Restart it with "millpondd service restart", so that both are the same.`, "the daemon is version %s and this program %s", s.Version, v.Version)
	case s.Paused:
		return warn(`Turn it on with "millpondd resume" or in the tray.`, "the daemon runs, and is switched off: requests are refused")
	}
	return ok("the daemon runs, version %s, process %d", s.Version, s.PID)
}
