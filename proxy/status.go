package proxy

import (
	"net/http"
	"os"

	"millpond/proxy/control"
	"millpond/proxy/meter"
)

// Status returns everything that the daemon tells, as one value.
func (d *Daemon) Status() control.Status {
	stats, counted := d.count()
	c := judge(d.facts())
	d.mu.Lock()
	defer d.mu.Unlock()
	s := control.Status{
		Revision: d.revision, API: control.API, MinAPI: control.MinAPI, Version: d.config.Version, PID: os.Getpid(),
		State: c.state, Reason: c.reason, ReasonArgs: c.args,
		ConfigPath: d.config.Store.Path(), Unapplied: d.unapplied, Draining: d.draining, Paused: d.paused,
		Settings: d.base, Stats: stats,
		Failures: recentFailures(counted.Failures),
		History: map[string]control.Series{
			control.Window1h:  series(d.meter.Sparkline(meter.Hour)),
			control.Window24h: series(d.meter.Sparkline(meter.Day)),
			control.Window28d: series(d.meter.Sparkline(meter.FourWeeks)),
		},
	}
	if len(d.addrs) > 0 {
		s.Address = d.addrs[0].String()
	}
	if d.history != nil {
		kept := d.history.State()
		s.Keeping = control.Keeping{Code: kept.Code, Detail: Redact(kept.Detail)}
	}
	return s
}

// Changed returns a channel that is closed when something other than the counts changes
// next. A change of an upstream's health shows in the counts' pace.
func (d *Daemon) Changed() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.changed
}

// publish changes what mu guards, and tells those who watch.
func (d *Daemon) publish(change func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change()
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *Daemon) currentRevision() uint64 {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.revision
}

func (d *Daemon) pausedNow() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.paused
}

// facts collects what the state is judged from.
func (d *Daemon) facts() facts {
	state := d.exchange.State()
	f := facts{
		forward: state.Settings.Forward.Enabled,
		minute:  d.meter.CountsWithin(meter.Minute),
		verdict: state.Settings.Verdict,
	}
	for i, u := range state.Upstreams {
		switch {
		case !u.Enabled:
		case state.Withheld[i] != nil:
			f.withheld = append(f.withheld, u.Name)
		case u.Status().Healthy:
			f.healthy = append(f.healthy, u.Name)
		default:
			f.ejected = append(f.ejected, u.Name)
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	f.paused, f.unapplied = d.paused, d.unapplied
	return f
}

// pages returns the handler of our own pages.
func (d *Daemon) pages() http.Handler {
	return &pages{stats: d.count, health: d.health, recent: d.config.Log.Recent, metrics: d.metricsPage()}
}

// health answers whether requests can be served now.
func (d *Daemon) health() health {
	d.mu.Lock()
	draining := d.draining
	d.mu.Unlock()
	if draining {
		return health{"draining", "Millpond is stopping; requests in flight may end."}
	}
	f := d.facts()
	f.unapplied = "" // what is in force serves all the same
	switch c := judge(f); c.reason {
	case ReasonPaused:
		return health{c.reason, "A person has paused Millpond."}
	case ReasonNoUpstream:
		return health{c.reason, "No upstream is configured and enabled."}
	case ReasonNoHealthyUpstream:
		return health{c.reason, "Every upstream failed lately and is left alone for a while."}
	case ReasonCredentialMissing:
		if c.state == control.Failing {
			return health{c.reason, "The credential of every upstream is missing."}
		}
	}
	return health{Status: "ok"}
}
