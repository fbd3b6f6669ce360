// Package upstream is one API that requests go to: its address, how a credential is sent to it, its
// health, and the choice among several. It opens no connection (proxy/pool does) and decides no replay
// (proxy/replay does).
//
// An Upstream is immutable and is replaced when the settings change; its health is kept, as long as
// name and address stay the same. Health is passive: it is judged from the real outcomes of requests,
// at the end of their streams. No request is made only to probe.
//
// # Health
//
//	up --(eject_after failures in a row, or Retry-After)--> out --(time over)--> trial
//	trial --(success)--> up          trial --(failure)--> out, twice as long, at most 10 minutes
//
// In trial exactly one request is let through at a time. When every candidate is out, all are tried,
// best first: there is never an answer "no healthy upstream".
package upstream
