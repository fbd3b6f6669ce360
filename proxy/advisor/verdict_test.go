package advisor

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"millpond/proxy/meter"
	"millpond/settings"
)

// TestDecisionTable: the table of issue 5 with its boundaries. A rate that is exactly at a
// limit is on the side of watch.
func TestDecisionTable(t *testing.T) {
	rules := settings.Default().Verdict
	lenient := rules
	lenient.ErrorTarget = 0.04 // five times that is 20 %
	strict := rules
	strict.ErrorTarget, strict.SuccessTarget, strict.SwitchBelow = 0.001, 0.999, 0.98
	tests := []struct {
		name       string
		rules      settings.Verdict
		ok, failed uint64
		decision   Decision
		reason     string
	}{
		{"all well", rules, 1000, 0, Keep, ReasonMeetsTargets},
		{"just under 1 % of errors", rules, 10000, 100, Keep, ReasonMeetsTargets},
		{"exactly 1 %", rules, 9900, 100, Watch, ReasonBelowTarget},
		{"between", rules, 970, 30, Watch, ReasonBelowTarget},
		{"exactly 95 % and 5 %", rules, 950, 50, Watch, ReasonBelowTarget},
		{"just over 5 % of errors", rules, 9499, 501, Switch, ReasonManyErrors},
		{"exactly 90 %", rules, 900, 100, Switch, ReasonManyErrors},
		{"just under 90 %", rules, 8999, 1001, Switch, ReasonBelowSwitch},
		{"none succeeds", rules, 0, 100, Switch, ReasonBelowSwitch},
		{"one too few", rules, 99, 0, Unknown, ReasonTooFew},
		{"one too few, and all failed", rules, 0, 99, Unknown, ReasonTooFew},
		{"none at all", rules, 0, 0, Unknown, ReasonTooFew},
		{"just enough", rules, 100, 0, Keep, ReasonMeetsTargets},
		{"more errors allowed: keep", lenient, 961, 39, Keep, ReasonMeetsTargets},
		{"more errors allowed: exactly 90 %", lenient, 900, 100, Watch, ReasonBelowTarget},
		{"more errors allowed: under 90 %", lenient, 899, 101, Switch, ReasonBelowSwitch},
		{"fewer errors allowed: too few", strict, 999, 0, Unknown, ReasonTooFew},
		{"fewer errors allowed: watch", strict, 9989, 11, Watch, ReasonBelowTarget},
		{"fewer errors allowed: keep", strict, 99901, 99, Keep, ReasonMeetsTargets},
	}
	for _, tt := range tests {
		r := Record{Upstream: "relay", Way: meter.Way{Transport: "http2", Scope: "upstream"}, Counts: meter.Counts{
			OK: tt.ok, UpstreamError: tt.failed - tt.failed/3, StreamError: tt.failed / 3, ClientError: 7, ClientCancelled: 5, Local: 3,
		}}
		j := Judge(tt.rules, r)
		if j.Decision != tt.decision || j.Reason != tt.reason {
			t.Errorf("%s: got %s, %s; want %s, %s", tt.name, j.Decision, j.Reason, tt.decision, tt.reason)
		}
		if !strings.Contains(j.Sentence, "relay over HTTP/2 in scope upstream") {
			t.Errorf("%s: got %q; want it to say what it is of", tt.name, j.Sentence)
		}
	}
}

// TestNeeded: a single failure does not exceed the target by itself.
func TestNeeded(t *testing.T) {
	for target, want := range map[float64]int64{0.01: 100, 0.003: 334, 0.0001: mostNeeded, 0: mostNeeded, 0.2: leastNeeded, 1: leastNeeded} {
		if got := Needed(settings.Verdict{ErrorTarget: target}); got != want {
			t.Errorf("%v: got %d; want %d", target, got, want)
		}
	}
}

// TestVerdictInWords: the figures and what to do.
func TestVerdictInWords(t *testing.T) {
	rules := settings.Default().Verdict
	tests := []struct {
		ok, failed uint64
		want       string
	}{
		{12, 3, "Too few requests to relay over HTTP/1 for a decision: 15 of the 100 that it takes."},
		{1999, 1, "relay over HTTP/1: 99.95 % of 2000 requests succeeded, 0.05 % failed. Keep it: more than 95 % succeed and fewer than 1 % fail."},
		{97, 3, "relay over HTTP/1: 97 % of 100 requests succeeded, 3 % failed. Watch it: it is to be kept when more than 95 % succeed and fewer than 1 % fail."},
		{80, 20, "relay over HTTP/1: 80 % of 100 requests succeeded, 20 % failed. Switch: fewer than 90 % succeed. Try another transport on a share of the requests first."},
		{94, 6, "relay over HTTP/1: 94 % of 100 requests succeeded, 6 % failed. Switch: more than 5 % fail. Try another transport on a share of the requests first."},
	}
	for _, tt := range tests {
		r := Record{Upstream: "relay", Way: meter.Way{Transport: "http1"}, Counts: meter.Counts{OK: tt.ok, UpstreamError: tt.failed}}
		if got := Judge(rules, r).Sentence; got != tt.want {
			t.Errorf("got %q; want %q", got, tt.want)
		}
	}
}

func TestPropose(t *testing.T) {
	pool := func(p settings.Protocol, s settings.Scope) settings.Pool { return settings.Pool{Protocol: p, Scope: s} }
	auto := pool(settings.ProtocolAuto, settings.ScopeUpstream)
	tests := []struct {
		name     string
		decision Decision
		way      meter.Way
		pool     settings.Pool
		https    bool
		other    Decision
		want     *Proposal
	}{
		{"what is kept stays", Keep, meter.Way{Transport: "http2", Scope: "upstream"}, auto, true, "", nil},
		{"so does what is not known", Unknown, meter.Way{Transport: "http2", Scope: "upstream"}, auto, true, "", nil},
		{"HTTP/2: try HTTP/1", Switch, meter.Way{Transport: "http2", Scope: "upstream"}, auto, true, "", &Proposal{"protocol", "auto", "http1"}},
		{"also when it is watched", Watch, meter.Way{Transport: "http2", Scope: "upstream"}, auto, true, Keep, &Proposal{"protocol", "auto", "http1"}},
		{"HTTP/1 is no better: try a scope", Switch, meter.Way{Transport: "http2", Scope: "upstream"}, auto, true, Switch, &Proposal{"scope", "upstream", "caller"}},
		{"the server chose HTTP/1: try a scope", Switch, meter.Way{Transport: "http1", Scope: "upstream"}, auto, true, "", &Proposal{"scope", "upstream", "caller"}},
		{"the settings did: try HTTP/2", Switch, meter.Way{Transport: "http1", Scope: "upstream"}, pool("http1", "upstream"), true, "", &Proposal{"protocol", "http1", "http2"}},
		{"not without TLS", Switch, meter.Way{Transport: "http1", Scope: "caller"}, pool("http1", "caller"), false, "", &Proposal{"scope", "caller", "upstream"}},
		{"a transport that is not in use any more", Switch, meter.Way{Transport: "http2", Scope: "upstream"}, pool("http1", "upstream"), true, "", nil},
		{"a scope that is not in use any more", Switch, meter.Way{Transport: "http1", Scope: "shared"}, auto, true, "", nil},
	}
	for _, tt := range tests {
		got := Propose(Judgement{Decision: tt.decision}, tt.way, tt.pool, tt.https, tt.other)
		if (got == nil) != (tt.want == nil) || got != nil && *got != *tt.want {
			t.Errorf("%s: got %+v; want %+v", tt.name, got, tt.want)
		}
	}
}

func TestCovered(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for _, tt := range []struct {
		first time.Time
		want  time.Duration
	}{{time.Time{}, 0}, {now.Add(-time.Hour), time.Hour}, {now.Add(-48 * time.Hour), 24 * time.Hour}, {now.Add(time.Minute), 0}} {
		if got := Covered(24*time.Hour, tt.first, now); got != tt.want {
			t.Errorf("from %v: got %v; want %v", tt.first, got, tt.want)
		}
	}
}

// arm has so many requests that succeeded and failed; those that succeeded took about ms.
func arm(value string, ok, failed uint64, ms float64, r *rand.Rand) Arm {
	a := Arm{Value: value, Counts: meter.Counts{OK: ok, UpstreamError: failed}}
	for range ok {
		a.Latency.Observe(time.Duration(ms * math.Exp(r.NormFloat64()/2) * float64(time.Millisecond)))
	}
	return a
}

func TestCompare(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	tests := []struct {
		name        string
		base, other Arm
		reason      string
		winner      string
	}{
		{"too few in one arm", arm("a", 1000, 0, 10, r), arm("b", 0, 99, 10, r), TrialTooFew, ""},
		{"nothing at all", Arm{Value: "a"}, Arm{Value: "b"}, TrialTooFew, ""},
		{"the other fails", arm("a", 100, 0, 10, r), arm("b", 80, 20, 10, r), TrialMoreSuccess, "a"},
		{"the base fails", arm("a", 80, 20, 10, r), arm("b", 100, 0, 10, r), TrialMoreSuccess, "b"},
		{"a success counts more than speed", arm("a", 200, 0, 100, r), arm("b", 150, 50, 1, r), TrialMoreSuccess, "a"},
		{"a few failures are chance", arm("a", 100, 0, 10, r), arm("b", 96, 4, 10, r), TrialNoDifference, ""},
		{"the same", arm("a", 500, 5, 10, r), arm("b", 500, 6, 10, r), TrialNoDifference, ""},
		{"both fail always", arm("a", 0, 200, 10, r), arm("b", 0, 200, 10, r), TrialNoDifference, ""},
		{"the other is faster", arm("a", 300, 3, 20, r), arm("b", 300, 2, 10, r), TrialFaster, "b"},
		{"faster, and it may fail more", arm("a", 1000, 0, 20, r), arm("b", 992, 8, 10, r), TrialNoDifference, ""},
		{"faster by too little to matter", arm("a", 20000, 0, 10.3, r), arm("b", 20000, 0, 10, r), TrialNoDifference, ""},
	}
	for _, tt := range tests {
		c := Compare(tt.base, tt.other)
		if c.Reason != tt.reason || c.Winner != tt.winner {
			t.Errorf("%s: got %s, winner %q, chance %v; want %s, %q", tt.name, c.Reason, c.Winner, c.Chance, tt.reason, tt.winner)
		}
		if c.Sentence == "" || !(c.Chance >= 0 && c.Chance <= 1) {
			t.Errorf("%s: got %q with chance %v", tt.name, c.Sentence, c.Chance)
		}
	}
}

// TestFisher: against figures of the literature and of R's fisher.test.
func TestFisher(t *testing.T) {
	for _, tt := range []struct {
		ok1, failed1, ok2, failed2 uint64
		want                       float64
	}{
		{3, 1, 1, 3, 0.4857142857},    // Fisher's lady tasting tea
		{1, 9, 11, 3, 0.002759456186}, // Wikipedia's example of dieting men and women
		{10, 0, 0, 10, 1.0825088e-5},  // 2 / (20 over 10)
		{100, 0, 100, 0, 1},           // no failure at all
		{0, 5, 0, 7, 1},               // nothing else
		{1000, 1000, 1000, 1000, 1},   // no difference
	} {
		got := fisher(tt.ok1, tt.failed1, tt.ok2, tt.failed2)
		if math.Abs(got-tt.want) > 1e-6*tt.want {
			t.Errorf("%d/%d and %d/%d: got %v; want %v", tt.ok1, tt.failed1, tt.ok2, tt.failed2, got, tt.want)
		}
	}
}

// TestMannWhitney: the normal approximation with ties, by hand: of 3 and 3 with one tie,
// U = 0.5 of 9, variance 9/12 (7 - 6/30), z = 4 / sqrt(5.1).
func TestMannWhitney(t *testing.T) {
	var a, b meter.Histogram
	for _, ms := range []time.Duration{1, 10, 100} {
		a.Observe(ms * time.Millisecond)
	}
	for _, ms := range []time.Duration{100, 1000, 5000} {
		b.Observe(ms * time.Millisecond)
	}
	want := math.Erfc(4 / math.Sqrt(5.1) / math.Sqrt2)
	if got := mannWhitney(&a, &b); math.Abs(got-want) > 1e-12 {
		t.Errorf("got %v; want %v", got, want)
	}
	var none meter.Histogram
	if got := mannWhitney(&a, &none); got != 1 {
		t.Errorf("nothing to compare with: got %v; want 1", got)
	}
	if got := mannWhitney(&a, &a); got != 1 {
		t.Errorf("the same: got %v; want 1", got)
	}
}

// TestChanceNamesNoWinner: of 100 trials of two ways that are the same, looked at after each
// doubling from 100 to 12,800 requests an arm, chance names few winners although each is
// looked at often.
func TestChanceNamesNoWinner(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	named := 0
	for range 100 {
		var arms [2]Arm
		n := 0
		for look := 100; look <= 12_800; look *= 2 {
			for ; n < look; n++ {
				for i := range arms {
					if r.Float64() < 0.03 {
						arms[i].Counts.UpstreamError++
						continue
					}
					arms[i].Counts.OK++
					arms[i].Latency.Observe(time.Duration(r.ExpFloat64() * float64(time.Second)))
				}
			}
			arms[0].Value, arms[1].Value = "a", "b"
			if Compare(arms[0], arms[1]).Winner != "" {
				named++
				break
			}
		}
	}
	if named > 5 {
		t.Errorf("chance named %d winners of 100; want 5 at most", named)
	}
}
