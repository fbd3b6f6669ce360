package upstream

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestVerdictOf(t *testing.T) {
	tests := map[int]Verdict{
		101: Good, 200: Good, 204: Good, 302: Good, 400: Neutral, 401: Neutral, 404: Neutral, 422: Neutral,
		429: Throttled, 503: Throttled, 529: Throttled, 500: Failed, 502: Failed, 504: Failed, 599: Failed,
	}
	for status, want := range tests {
		if got := VerdictOf(status); got != want {
			t.Errorf("%d: got %v; want %v", status, got, want)
		}
	}
}

// A step is something that happens to one upstream, at some second, and how it then stands.
type step struct {
	at     int // seconds
	result Result
	began  int // second at which the attempt was chosen; -1 for just now
	want   standing
	until  int // second; 0 for up
}

var (
	good   = Result{Verdict: Good}
	failed = Result{Verdict: Failed, Reason: "upstream_reset"}
	busy   = Result{Verdict: Throttled}
)

func wait(seconds int) Result {
	return Result{Verdict: Throttled, RetryAfter: time.Duration(seconds) * time.Second}
}

func TestHealth(t *testing.T) {
	tests := map[string][]step{
		"consecutive failures eject": {
			{0, failed, -1, up, 0}, {1, failed, -1, up, 0}, {2, failed, -1, out, 32},
		},
		"a success between starts anew": {
			{0, failed, -1, up, 0}, {1, failed, -1, up, 0}, {2, good, -1, up, 0}, {3, failed, -1, up, 0}, {4, failed, -1, up, 0}, {5, failed, -1, out, 35},
		},
		"neutral ones do not count": {
			{0, failed, -1, up, 0}, {1, failed, -1, up, 0}, {2, Result{}, -1, up, 0}, {3, failed, -1, out, 33},
		},
		"529 without Retry-After is a failure like another": {
			{0, busy, -1, up, 0}, {1, busy, -1, up, 0}, {2, busy, -1, out, 32},
		},
		"Retry-After sets aside at once": {
			{0, wait(5), -1, out, 5}, {5, good, -1, up, 0},
		},
		"Retry-After is believed up to the cap": {
			{0, wait(1587827), -1, out, 60},
		},
		"Retry-After again in trial": {
			{0, wait(5), -1, out, 5}, {5, wait(7), -1, out, 12}, {12, wait(7), -1, out, 19}, {19, good, -1, up, 0},
		},
		"a failed trial doubles": {
			{0, failed, -1, up, 0}, {0, failed, -1, up, 0}, {0, failed, -1, out, 30},
			{30, failed, -1, out, 90}, {90, failed, -1, out, 210}, {210, failed, -1, out, 450},
			{450, failed, -1, out, 930}, {930, failed, -1, out, 1530}, {1530, failed, -1, out, 2130}, // 10 min at most
			{2130, good, -1, up, 0},
			{2131, failed, -1, up, 0}, {2132, failed, -1, up, 0}, {2133, failed, -1, out, 2163}, // from the start
		},
		"failures together are one event": {
			{0, failed, 0, up, 0}, {1, failed, 0, up, 0}, {1, failed, 0, out, 31},
			{1, failed, 0, out, 31}, {2, failed, 0, out, 31}, {2, failed, 1, out, 31}, {40, failed, 0, ready, 31},
		},
		"one that began before does not end it": {
			{0, failed, 0, up, 0}, {1, failed, 0, up, 0}, {5, failed, 0, out, 35},
			{6, good, 4, out, 35}, {36, good, 4, ready, 35}, {37, good, 36, up, 0},
		},
		"one that was tried although out, and went well, ends it": {
			{0, wait(50), -1, out, 50}, {10, good, 9, up, 0},
		},
		"a Retry-After while out extends nothing": {
			{0, wait(5), -1, out, 5}, {3, wait(30), 2, out, 5},
		},
	}
	for name, steps := range tests {
		t.Run(name, func(t *testing.T) {
			u := make1(t, "x", 1, 1)
			start := time.Unix(1e9, 0)
			at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
			for i, s := range steps {
				if s.began >= 0 {
					s.result.Chosen = at(s.began)
				}
				u.Report(s.result, at(s.at))
				got, until := u.health.standing(at(s.at))
				if want := at(s.until); got != s.want || s.until != 0 && !until.Equal(want) || s.until == 0 && !until.IsZero() {
					t.Fatalf("step %d: got %v until %v; want %v until second %d", i, got, until.Sub(start), s.want, s.until)
				}
				if got := u.Status(); got.Healthy != (s.want == up) {
					t.Errorf("step %d: got status %+v; want healthy only when up", i, got)
				}
			}
		})
	}
}

func TestNeverEject(t *testing.T) {
	u := make1(t, "x", 1, 1)
	u.failover.EjectAfter = 0
	now := time.Unix(1e9, 0)
	for range 100 {
		u.Report(failed, now)
	}
	if s := u.Status(); !s.Healthy || s.Failures != 100 {
		t.Errorf("got %+v; want it healthy after 100 failures", s)
	}
	u.Report(wait(5), now)
	now = now.Add(6 * time.Second)
	u.Report(failed, now)
	if s := u.Status(); !s.Healthy {
		t.Errorf("got %+v; want it back after a failed trial", s)
	}
}

func TestLastError(t *testing.T) {
	u := make1(t, "x", 1, 1)
	now := time.Unix(1e9, 0)
	u.Report(failed, now)
	u.Report(Result{Verdict: Failed}, now.Add(time.Second))
	u.Report(good, now.Add(2*time.Second))
	if s := u.Status(); s.LastError != "upstream_reset" || !s.LastAt.Equal(now) || s.Failures != 0 {
		t.Errorf("got %+v; want the error remembered, with its time", s)
	}
}

// set returns upstreams of the priorities and weights, and all their indexes.
func set(t testing.TB, priorityAndWeight ...[2]int) (all []*Upstream, among []int) {
	t.Helper()
	for i, pw := range priorityAndWeight {
		all = append(all, make1(t, fmt.Sprint(i), pw[0], pw[1]))
		among = append(among, i)
	}
	return all, among
}

// eject puts u aside for d from now.
func eject(u *Upstream, d time.Duration, now time.Time) {
	u.failover.RetryAfterCap = time.Hour
	u.Report(Result{Verdict: Throttled, RetryAfter: d}, now)
}

func TestChoosePriority(t *testing.T) {
	now := time.Unix(1e9, 0)
	all, among := set(t, [2]int{2, 1}, [2]int{1, 1}, [2]int{3, 1})
	want := func(name string, tried ...*Upstream) {
		t.Helper()
		u, release := Choose(all, among, tried, now)
		release()
		if u == nil && name != "" || u != nil && u.Name != name {
			t.Errorf("got %v; want %q", u, name)
		}
	}
	want("1")
	want("0", all[1])
	want("2", all[1], all[0])
	want("", all...)
	eject(all[1], time.Minute, now)
	want("0")
	want("2", all[0])
	eject(all[0], 2*time.Minute, now)
	want("2")
	eject(all[2], 30*time.Second, now)
	want("2") // all are out: the first to come back
	want("1", all[2])
	want("0", all[2], all[1])
	want("", all...)

	among = []int{0} // the others are not candidates
	want("0")
	among = nil
	want("")
}

// Of equal ones that are out until the same time, the first by priority, then by order.
func TestChooseBestOfEqual(t *testing.T) {
	now := time.Unix(1e9, 0)
	all, among := set(t, [2]int{2, 1}, [2]int{1, 1}, [2]int{1, 1})
	for _, u := range all {
		eject(u, time.Minute, now)
	}
	if u, _ := Choose(all, among, nil, now); u != all[1] {
		t.Errorf("got %s; want 1", u.Name)
	}
}

func TestChooseTrial(t *testing.T) {
	start := time.Unix(1e9, 0)
	all, among := set(t, [2]int{1, 1}, [2]int{2, 1})
	eject(all[0], 10*time.Second, start)
	now := start.Add(10 * time.Second)

	trial, release := Choose(all, among, nil, now)
	if trial != all[0] {
		t.Fatalf("got %s; want the first in trial", trial.Name)
	}
	for range 10 {
		if u, _ := Choose(all, among, nil, now); u != all[1] {
			t.Fatal("a second request went to the upstream in trial")
		}
	}
	release() // without a verdict: another may try
	trial, release = Choose(all, among, nil, now)
	if trial != all[0] {
		t.Fatal("the place in trial was not given back")
	}
	trial.Report(Result{Verdict: Failed, Chosen: now}, now)
	if u, _ := Choose(all, among, nil, now); u != all[1] {
		t.Fatal("an upstream whose trial failed was chosen")
	}

	now = now.Add(30 * time.Second)
	next, releaseNext := Choose(all, among, nil, now)
	if next != all[0] {
		t.Fatal("no second trial")
	}
	release() // the first one's, late: not the second one's place
	if u, _ := Choose(all, among, nil, now); u != all[1] {
		t.Fatal("a late release gave another's place away")
	}
	next.Report(Result{Verdict: Good, Chosen: now}, now)
	releaseNext()
	for range 2 {
		if u, _ := Choose(all, among, nil, now); u != all[0] {
			t.Fatal("a good trial did not bring the upstream back")
		}
	}
}

// While the only upstream is in trial, other requests go there all the same.
func TestChooseNeverNone(t *testing.T) {
	now := time.Unix(1e9, 0)
	all, among := set(t, [2]int{1, 1})
	eject(all[0], time.Second, now)
	for range 3 {
		if u, _ := Choose(all, among, nil, now); u != all[0] {
			t.Errorf("out: got %v; want the only one", u)
		}
		now = now.Add(time.Second)
	}
}

// Shares are those of the weights, within five standard deviations.
func TestChooseWeights(t *testing.T) {
	const n = 4000
	r := rand.New(rand.NewPCG(1, 2))
	now := time.Unix(1e9, 0)
	for range 20 {
		var pw [][2]int
		total := 0
		for range 1 + r.IntN(5) {
			weight := r.IntN(10) // 0 counts as 1
			pw = append(pw, [2]int{1, weight})
			total += max(weight, 1)
		}
		pw = append(pw, [2]int{2, 100}) // never its turn
		all, among := set(t, pw...)
		counts := make(map[*Upstream]int)
		for range n {
			u, _ := choose(all, among, nil, now, r.IntN)
			counts[u]++
		}
		for i, u := range all[:len(all)-1] {
			p := float64(max(pw[i][1], 1)) / float64(total)
			if got, want := float64(counts[u]), n*p; math.Abs(got-want) > 5*math.Sqrt(n*p*(1-p))+1 {
				t.Errorf("weights %v: upstream %d got %v of %d; want %v", pw, i, got, n, want)
			}
		}
		if counts[all[len(all)-1]] != 0 {
			t.Errorf("weights %v: the lower priority got %d", pw, counts[all[len(all)-1]])
		}
	}
}

// One that fails at once gets no more than its share, and nothing once it is out.
func TestFastFailureAttractsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		all, among := set(t, [2]int{1, 1}, [2]int{1, 1})
		var wg sync.WaitGroup
		var mu sync.Mutex
		counts := make(map[*Upstream]int)
		for range 32 { // workers, each for a minute
			wg.Go(func() {
				for end := time.Now().Add(time.Minute); time.Now().Before(end); {
					chosen := time.Now()
					u, release := Choose(all, among, nil, chosen)
					mu.Lock()
					counts[u]++
					mu.Unlock()
					if u == all[0] {
						time.Sleep(time.Millisecond)
						u.Report(Result{Verdict: Failed, Chosen: chosen}, time.Now())
					} else {
						time.Sleep(500 * time.Millisecond)
						u.Report(Result{Verdict: Good, Chosen: chosen}, time.Now())
					}
					release()
				}
			})
		}
		wg.Wait()
		// At first about half of the 32, again while those end; then one trial at 30 s.
		if bad, well := counts[all[0]], counts[all[1]]; bad > 64 || well < 32*115 {
			t.Errorf("the failing one got %d, the good one %d; want at most 64 and at least %d", bad, well, 32*115)
		}
	})
}

// Whatever happens at once, no candidate is forgotten, no tried one is chosen, and no trial stays taken.
func TestChooseAtRandom(t *testing.T) {
	all, among := set(t, [2]int{1, 1}, [2]int{1, 3}, [2]int{2, 1}, [2]int{3, 1})
	for _, u := range all {
		u.failover.EjectFor = time.Microsecond // ejections end as fast as they come
	}
	var wg sync.WaitGroup
	for seed := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(seed), 0))
			for range 500 {
				var tried []*Upstream
				for range r.IntN(len(all) + 2) {
					now := time.Now()
					u, release := Choose(all, among, tried, now)
					if (u == nil) != (len(tried) == len(all)) {
						t.Errorf("got %v with %d of %d tried", u, len(tried), len(all))
					}
					if u == nil {
						break
					}
					if slices.Contains(tried, u) {
						t.Errorf("%s was tried already", u.Name)
					}
					tried = append(tried, u)
					u.Report(Result{Verdict: Verdict(r.IntN(4)), Chosen: now, RetryAfter: time.Duration(r.IntN(1000))}, time.Now())
					release()
				}
			}
		})
	}
	wg.Wait()
	for _, u := range all {
		if u.health.trial != 0 {
			t.Errorf("%s: a trial is held by nobody", u.Name)
		}
	}
}

func BenchmarkChoose(b *testing.B) {
	all, among := set(b, [2]int{1, 1}, [2]int{1, 3}, [2]int{2, 1})
	now := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		u, release := Choose(all, among, nil, now)
		u.Report(Result{Verdict: Good, Chosen: now}, now)
		release()
	}
}
