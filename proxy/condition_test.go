package proxy

import (
	"slices"
	"testing"

	"millpond/proxy/control"
	"millpond/proxy/meter"
	"millpond/settings"
)

func TestJudge(t *testing.T) {
	one, two := []string{"a"}, []string{"a", "b"}
	tests := []struct {
		name   string
		facts  facts
		state  control.State
		reason string
		args   []string
	}{
		{"all well", facts{healthy: one}, control.On, "", nil},
		{"well at work", facts{healthy: one, minute: meter.Counts{OK: 100, UpstreamError: 5}}, control.On, "", nil},
		{"client's faults", facts{healthy: one, minute: meter.Counts{ClientError: 50, ClientCancelled: 9, Local: 9}}, control.On, "", nil},
		{"paused", facts{healthy: one, paused: true}, control.Off, ReasonPaused, nil},
		{"paused comes before all", facts{ejected: two, paused: true}, control.Off, ReasonPaused, nil},
		{"nothing configured", facts{}, control.Degraded, ReasonNoUpstream, nil},
		{"what failed is configured no longer", facts{minute: meter.Counts{UpstreamError: 9}}, control.Degraded, ReasonNoUpstream, nil},
		{"forward mode alone", facts{forward: true}, control.On, "", nil},
		{"all are out", facts{ejected: two}, control.Failing, ReasonNoHealthyUpstream, two},
		{"all are out beside forward mode", facts{ejected: one, forward: true}, control.Failing, ReasonNoHealthyUpstream, one},
		{"one is out", facts{healthy: one, ejected: []string{"b"}}, control.Degraded, ReasonUpstreamEjected, []string{"b"}},
		{"no credential at all", facts{withheld: two}, control.Failing, ReasonCredentialMissing, two},
		{"no credential beside forward mode", facts{withheld: one, forward: true}, control.Degraded, ReasonCredentialMissing, one},
		{"one without its credential", facts{healthy: one, withheld: []string{"b"}}, control.Degraded, ReasonCredentialMissing, []string{"b"}},
		{"the others are out", facts{ejected: one, withheld: []string{"b"}}, control.Failing, ReasonNoHealthyUpstream, one},
		{"an edit that cannot be applied", facts{healthy: one, withheld: two, unapplied: "why"}, control.Degraded, ReasonUnapplied, []string{"why"}},
		{"a first upstream that cannot be applied", facts{unapplied: "why", minute: meter.Counts{UpstreamError: 9}}, control.Degraded, ReasonUnapplied, []string{"why"}},
		{"failing comes before it", facts{ejected: one, unapplied: "why"}, control.Failing, ReasonNoHealthyUpstream, one},
		{"success under the threshold", facts{healthy: one, minute: meter.Counts{OK: 89, StreamError: 11}}, control.Failing, ReasonSuccessTooLow, []string{"89", "90"}},
		{"just at the threshold", facts{healthy: one, minute: meter.Counts{OK: 90, StreamError: 10}}, control.Degraded, ReasonBelowTarget, []string{"90", "95"}},
		{"one failure alone", facts{healthy: one, minute: meter.Counts{UpstreamError: 1}}, control.Degraded, ReasonBelowTarget, []string{"0", "95"}},
		{"below the target", facts{healthy: one, minute: meter.Counts{OK: 937, UpstreamError: 63}}, control.Degraded, ReasonBelowTarget, []string{"93.7", "95"}},
		{"at the target", facts{healthy: one, minute: meter.Counts{OK: 95, UpstreamError: 5}}, control.On, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.facts.verdict = settings.Default().Verdict
			got := judge(tt.facts)
			if got.state != tt.state || got.reason != tt.reason || !slices.Equal(got.args, tt.args) {
				t.Errorf("got %v; want %v %q %q", got, tt.state, tt.reason, tt.args)
			}
		})
	}
}
