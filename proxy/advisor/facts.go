package advisor

import (
	"time"

	"millpond/proxy/meter"
	"millpond/settings"
)

// Facts are what was measured from Since to At under the same settings. The zero value is a
// proxy without upstreams.
type Facts struct {
	At, Since time.Time
	Settings  *settings.Settings // in force; required
	Upstreams []UpstreamFacts    // that requests can go to, in the order of the settings
	Callers   []CallerFacts

	// Wanted is how many connections the widest bursts to all hosts of one pool take together: of
	// all upstreams in scope "shared", of one caller in scope "caller".
	Wanted int

	InForce []Change // advice that was applied and stands
}

// UpstreamFacts are the figures of one upstream. Counts are of the time of the Facts; those that
// say "now" are of its end.
type UpstreamFacts struct {
	Name string
	Pool settings.Pool // its limits, with its overrides
	Live bool          // it is in the saved settings, so that they can be changed for it

	Requests uint64        // that were given a connection
	Reused   uint64        // of these, on one that was there
	Dials    uint64        // begun
	Connects uint64        // that succeeded
	Spent    time.Duration // on their handshakes

	Connections        Pressure // max_connections
	ConnectionsPerHost Pressure // max_connections_per_host
	Idle               Pressure // max_idle
	IdlePerHost        Pressure // max_idle_per_host
	Streams            Pressure // max_streams_per_connection

	Refused  uint64 // requests beyond max_waiting
	TimedOut uint64 // requests beyond wait_timeout

	Expired     uint64 // connections closed by us after idle_timeout
	Aged        uint64 // connections closed by us for their age: learned, the server's own word, or lifetime
	Closed      uint64 // connections that the upstream closed
	Lost        uint64 // of these, those that might still have been used: such a close can meet a request
	NotReusable uint64 // connections that an answer left unusable

	Width       int    // the most requests to one host at one time
	Wanted      int    // the connections that this takes
	Bursts      uint64 // times that two requests or more were under way
	Together    int    // scope "caller": the most requests at one time over all callers
	PeerStreams int    // HTTP/2, now: requests at one time that the peer takes on one connection; 0 unknown

	Learned    time.Duration // now: the idle age at which it closes connections; 0 unknown
	Unreliable bool          // now: it closes too soon for connections to be kept
	HTTP2      bool          // now: it speaks HTTP/2
	Origin     string        // scheme, host and port
	Egress     string        // the egress proxy that it is reached through, without its login; "" when none
	Direct     bool          // now: its origin was reached without that too, and keeps connections then

	Counts  meter.Counts
	Latency meter.Histogram
}

// Pressure is what one limit did.
type Pressure struct {
	Closed uint64        // idle connections, to stay within it
	Queued uint64        // requests that waited because of it
	Waited time.Duration // that they waited, together
}

// CallerFacts are the figures of one caller.
type CallerFacts struct {
	Name     string
	Requests uint64
	Queued   uint64        // that waited because of a limit
	Waited   time.Duration // that they waited, together
}

// After returns what happened after earlier, which are older facts of the same process. An
// upstream that earlier does not know keeps all that was counted of it.
func (f Facts) After(earlier *Facts) Facts {
	f.Since = earlier.At
	upstreams := make([]UpstreamFacts, len(f.Upstreams))
	for i, u := range f.Upstreams {
		upstreams[i] = u
		for j := range earlier.Upstreams {
			if before := &earlier.Upstreams[j]; before.Name == u.Name {
				upstreams[i] = u.after(before)
			}
		}
	}
	callers := make([]CallerFacts, len(f.Callers))
	for i, c := range f.Callers {
		callers[i] = c
		for _, before := range earlier.Callers {
			if before.Name == c.Name {
				callers[i] = CallerFacts{c.Name, c.Requests - before.Requests, c.Queued - before.Queued, c.Waited - before.Waited}
			}
		}
	}
	f.Upstreams, f.Callers = upstreams, callers
	return f
}

func (u UpstreamFacts) after(e *UpstreamFacts) UpstreamFacts {
	u.Requests -= e.Requests
	u.Reused -= e.Reused
	u.Dials -= e.Dials
	u.Connects -= e.Connects
	u.Spent -= e.Spent
	u.Connections = u.Connections.after(e.Connections)
	u.ConnectionsPerHost = u.ConnectionsPerHost.after(e.ConnectionsPerHost)
	u.Idle = u.Idle.after(e.Idle)
	u.IdlePerHost = u.IdlePerHost.after(e.IdlePerHost)
	u.Streams = u.Streams.after(e.Streams)
	u.Refused -= e.Refused
	u.TimedOut -= e.TimedOut
	u.Expired -= e.Expired
	u.Aged -= e.Aged
	u.Closed -= e.Closed
	u.Lost -= e.Lost
	u.NotReusable -= e.NotReusable
	u.Bursts -= min(u.Bursts, e.Bursts) // those of forgotten groups are gone
	u.Counts = u.Counts.Since(e.Counts)
	u.Latency = u.Latency.Since(&e.Latency)
	return u
}

func (p Pressure) after(e Pressure) Pressure {
	return Pressure{p.Closed - e.Closed, p.Queued - e.Queued, p.Waited - e.Waited}
}

// Widest raises the widths of f to those of earlier facts, of which it otherwise forgets what is
// older than an hour.
func (f *Facts) Widest(earlier *Facts) {
	f.Wanted = max(f.Wanted, earlier.Wanted)
	for i := range f.Upstreams {
		u := &f.Upstreams[i]
		for j := range earlier.Upstreams {
			if e := &earlier.Upstreams[j]; e.Name == u.Name {
				u.Width, u.Wanted = max(u.Width, e.Width), max(u.Wanted, e.Wanted)
			}
		}
	}
}

// cold returns the requests that had to wait for a handshake.
func (u *UpstreamFacts) cold() uint64 { return u.Requests - min(u.Reused, u.Requests) }

// handshake returns what opening one connection took on average; 0 when none was opened.
func (u *UpstreamFacts) handshake() time.Duration {
	if u.Connects == 0 {
		return 0
	}
	return u.Spent / time.Duration(u.Connects)
}

// upstream returns the figures of one upstream; nil when there is none of that name.
func (f *Facts) upstream(name string) *UpstreamFacts {
	for i := range f.Upstreams {
		if f.Upstreams[i].Name == name {
			return &f.Upstreams[i]
		}
	}
	return nil
}

func requestsOf(u *UpstreamFacts) uint64 { return u.Requests }
func coldOf(u *UpstreamFacts) uint64     { return u.cold() }
func dialsOf(u *UpstreamFacts) uint64    { return u.Dials }
