package advisor

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"millpond/proxy/meter"
	"millpond/settings"
)

// facts are those of a healthy proxy: one upstream, bursts of 16, all on connections that are kept.
func facts(change func(*settings.Settings)) *Facts {
	s := settings.Default()
	s.Upstreams = []settings.Upstream{{Name: "a", Kind: settings.KindAnthropic, URL: "https://a.example", Enabled: true, Priority: 1, Weight: 1}}
	if change != nil {
		change(s)
	}
	end := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	f := &Facts{At: end, Since: end.Add(-time.Hour), Settings: s, Wanted: 16}
	for _, u := range s.Upstreams {
		f.Upstreams = append(f.Upstreams, healthy(s, u))
	}
	return f
}

func healthy(s *settings.Settings, u settings.Upstream) UpstreamFacts {
	h := UpstreamFacts{
		Name: u.Name, Pool: s.PoolFor(u), Live: true, Origin: u.URL,
		Requests: 1000, Reused: 984, Dials: 16, Connects: 16, Spent: 16 * 50 * time.Millisecond,
		Width: 16, Wanted: 16, Bursts: 60, Learned: 400 * time.Second,
		Counts: meter.Counts{OK: 1000},
	}
	for range 1000 {
		h.Latency.Observe(200 * time.Millisecond)
	}
	return h
}

// twoOfAKind has two upstreams that share the requests of one API.
func twoOfAKind(s *settings.Settings) {
	b := s.Upstreams[0]
	b.Name, b.URL = "b", "https://b.example"
	s.Upstreams = append(s.Upstreams, b)
}

// slow makes all requests of an upstream take as long.
func slow(u *UpstreamFacts, d time.Duration) {
	u.Latency = meter.Histogram{}
	for range u.Requests {
		u.Latency.Observe(d)
	}
}

func fixed(s *settings.Settings)  { s.Pool.Reuse = settings.ReuseFixed }
func scoped(s *settings.Settings) { s.Pool.Scope = settings.ScopeCaller }
func gentle(s *settings.Settings) { s.Pool = s.Pool.WithPreset(settings.PresetGentle) }

// crowd has four callers with the same number of requests.
func crowd(f *Facts) {
	for _, name := range []string{"w", "x", "y", "z"} {
		f.Callers = append(f.Callers, CallerFacts{Name: name, Requests: 250})
	}
}

var situationTests = []struct {
	name     string
	settings func(*settings.Settings)
	facts    func(f *Facts, u *UpstreamFacts)
	want     []string // ids
	patch    []Change // of the first
}{
	{"healthy", nil, nil, nil, nil},
	{"two healthy ones", twoOfAKind, nil, nil, nil},
	{"slots for a host", nil, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, u.Width, u.Wanted, u.IdlePerHost.Closed = 500, 500, 100, 100, 400
	}, []string{"idle_slots"}, []Change{{"pool.max_idle_per_host", "64", "128"}}},
	{"one wide burst, the first", nil, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, u.Width, u.Wanted, u.IdlePerHost.Closed = 100, 900, 100, 100, 36
	}, nil, nil},
	{"one burst, and then nobody", nil, func(f *Facts, u *UpstreamFacts) {
		u.Requests, u.Dials, u.Connects, u.Reused, u.Width, u.Wanted, u.Expired, u.Spent = 60, 60, 60, 0, 60, 60, 60, 6*time.Second
	}, nil, nil},
	{"slots for one of two", twoOfAKind, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, u.Width, u.Wanted, u.IdlePerHost.Closed = 500, 500, 100, 100, 400
	}, []string{"idle_slots:a"}, []Change{{"upstreams[a].pool.max_idle_per_host", "", "128"}}},
	{"slots for one that only flags brought", twoOfAKind, func(f *Facts, u *UpstreamFacts) {
		u.Live, u.Dials, u.Reused, u.Width, u.Wanted, u.IdlePerHost.Closed = false, 500, 500, 100, 100, 400
	}, []string{"idle_slots"}, []Change{{"pool.max_idle_per_host", "64", "128"}}},
	{"slots of a shared pool", func(s *settings.Settings) { s.Pool.Scope, s.Pool.MaxIdle = settings.ScopeShared, 20 }, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, f.Wanted, u.Idle.Closed = 500, 500, 150, 400
	}, []string{"idle_slots"}, []Change{{"pool.max_idle", "20", "192"}}},
	{"a preset brings all", gentle, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, u.Width, u.Wanted, u.IdlePerHost.Closed = 900, 100, 60, 60, 890
		u.ConnectionsPerHost = Pressure{Queued: 900, Waited: 900 * 500 * time.Millisecond}
	}, []string{"limit_queue"}, []Change{{"pool.preset", "gentle", "balanced"}}},
	{"too few slots to matter", nil, func(f *Facts, u *UpstreamFacts) { u.IdlePerHost.Closed, u.Width = 9, 100 }, nil, nil},
	{"a limit that holds up", func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost, s.Pool.MaxIdlePerHost = 4, 4 }, func(f *Facts, u *UpstreamFacts) {
		u.ConnectionsPerHost = Pressure{Queued: 800, Waited: 800 * 100 * time.Millisecond}
	}, []string{"limit_queue"}, []Change{{"pool.max_connections_per_host", "4", "16"}, {"pool.max_idle_per_host", "4", "16"}}},
	{"a limit that holds up for no time", func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost, s.Pool.MaxIdlePerHost = 4, 4 }, func(f *Facts, u *UpstreamFacts) {
		u.ConnectionsPerHost = Pressure{Queued: 800, Waited: 800 * 100 * time.Microsecond}
	}, nil, nil},
	{"a limit that protects who fails", func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost, s.Pool.MaxIdlePerHost = 4, 4 }, func(f *Facts, u *UpstreamFacts) {
		u.ConnectionsPerHost = Pressure{Queued: 800, Waited: 800 * 100 * time.Millisecond}
		u.Counts = meter.Counts{OK: 800, UpstreamError: 200}
	}, nil, nil},
	{"requests turned away", func(s *settings.Settings) {
		s.Pool.MaxConnectionsPerHost, s.Pool.MaxIdlePerHost, s.Pool.MaxWaiting = 16, 16, 4
	}, func(f *Facts, u *UpstreamFacts) {
		u.Width, u.Wanted, u.Refused, u.ConnectionsPerHost = 40, 40, 60, Pressure{Queued: 20, Waited: time.Second}
	}, []string{"limit_queue"}, []Change{{"pool.max_connections_per_host", "16", "48"}, {"pool.max_idle_per_host", "16", "48"}, {"pool.max_waiting", "4", "48"}}},
	{"streams of one connection", func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost, s.Pool.MaxIdlePerHost = 1, 1 }, func(f *Facts, u *UpstreamFacts) {
		u.HTTP2, u.PeerStreams, u.Width, u.Wanted = true, 100, 60, 4
		u.Streams = Pressure{Queued: 500, Waited: 500 * 100 * time.Millisecond}
	}, []string{"http2_saturated"}, []Change{{"pool.max_streams_per_connection", "16", "64"}}},
	{"streams that the peer does not allow", func(s *settings.Settings) { s.Pool.MaxConnectionsPerHost, s.Pool.MaxIdlePerHost = 1, 1 }, func(f *Facts, u *UpstreamFacts) {
		u.HTTP2, u.PeerStreams, u.Width, u.Wanted = true, 16, 60, 4
		u.Streams = Pressure{Queued: 500, Waited: 500 * 100 * time.Millisecond}
	}, []string{"http2_saturated"}, []Change{{"pool.max_connections_per_host", "1", "4"}}},
	{"kept beyond what was learned", fixed, func(f *Facts, u *UpstreamFacts) { u.Learned, u.Lost, u.Closed = 5*time.Second, 200, 200 },
		[]string{"idle_timeout:a"}, []Change{{"pool.idle_timeout", "5m", "4s"}}},
	{"the learned age bounds it", nil, func(f *Facts, u *UpstreamFacts) { u.Learned, u.Lost, u.Closed = 5*time.Second, 200, 200 }, nil, nil},
	{"kept for too long by one that closes behind answers", fixed, func(f *Facts, u *UpstreamFacts) {
		u.Learned, u.Unreliable, u.Lost, u.Closed = time.Millisecond, true, 200, 200
	}, []string{"idle_timeout:a"}, []Change{{"pool.reuse", "fixed", "learned"}}},
	{"given up too soon", gentle, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, u.Expired, u.Width, u.Wanted = 300, 700, 290, 4, 4
	},
		[]string{"idle_timeout_short:a"}, []Change{{"pool.idle_timeout", "15s", "5m"}}},
	{"closes behind answers", nil, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, u.Unreliable, u.Learned, u.Aged, u.Connects, u.Spent = 1000, 0, true, time.Millisecond, 1000, 1000, 60*time.Second
	}, []string{"keepalive_unreliable:a"}, []Change{{"pool.warm", "0", "auto"}}},
	{"says that it closes behind answers", nil, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, u.NotReusable, u.Connects, u.Spent = 1000, 0, 1000, 1000, 60*time.Second
	}, []string{"keepalive_unreliable:a"}, []Change{{"pool.warm", "0", "auto"}}},
	{"clients that leave before the end", nil, func(f *Facts, u *UpstreamFacts) {
		u.Dials, u.Reused, u.NotReusable, u.Connects, u.Spent = 1000, 0, 1000, 1000, 60*time.Second
		u.Counts = meter.Counts{OK: 100, ClientCancelled: 900}
	}, nil, nil},
	{"callers apart who leave before the end", scoped, func(f *Facts, u *UpstreamFacts) {
		crowd(f)
		u.Dials, u.Reused, u.NotReusable, u.Together = 900, 100, 890, 4
		u.Counts = meter.Counts{OK: 110, ClientCancelled: 890}
	}, nil, nil},
	{"closes behind more answers than can be warmed", nil, func(f *Facts, u *UpstreamFacts) {
		u.Requests, u.Reused, u.Unreliable, u.Aged, u.Connects, u.Spent = 1_000_000, 0, true, 1_000_000, 1000, 60*time.Second
		f.Since = f.At.Add(-time.Minute)
	}, []string{"keepalive_unreliable:a"}, nil},
	{"cold after pauses", nil, func(f *Facts, u *UpstreamFacts) { u.Dials, u.Reused, u.Aged = 300, 700, 290 },
		[]string{"warm"}, []Change{{"pool.warm", "0", "auto"}}},
	{"cold, but cheap", nil, func(f *Facts, u *UpstreamFacts) { u.Dials, u.Reused, u.Aged, u.Spent = 300, 700, 290, time.Millisecond }, nil, nil},
	{"warm already", func(s *settings.Settings) { s.Pool.Warm = settings.WarmAuto }, func(f *Facts, u *UpstreamFacts) { u.Dials, u.Reused, u.Aged = 300, 700, 290 }, nil, nil},
	{"one caller before all others", gentle, func(f *Facts, u *UpstreamFacts) {
		f.Callers = []CallerFacts{{"batch", 900, 850, time.Minute}, {"me", 50, 40, 4 * time.Second}, {"you", 50, 40, 4 * time.Second}}
		u.Width, u.Wanted, u.ConnectionsPerHost = 40, 40, Pressure{Queued: 930, Waited: 68 * time.Second}
	}, []string{"caller_scope_helps"}, []Change{{"pool.scope", "upstream", "caller"}}},
	{"all callers wait alike", gentle, func(f *Facts, u *UpstreamFacts) {
		f.Callers = []CallerFacts{{"me", 500, 400, 40 * time.Second}, {"you", 500, 400, 40 * time.Second}}
		u.Width, u.Wanted, u.ConnectionsPerHost = 40, 40, Pressure{Queued: 800, Waited: 80 * time.Second}
	}, []string{"limit_queue"}, []Change{{"pool.preset", "gentle", "balanced"}}},
	{"callers apart for nothing", scoped, func(f *Facts, u *UpstreamFacts) {
		crowd(f)
		u.Dials, u.Reused, u.Together = 400, 600, 16
	}, []string{"caller_scope_hurts"}, []Change{{"pool.scope", "caller", "upstream"}}},
	{"callers apart who need it", scoped, func(f *Facts, u *UpstreamFacts) {
		crowd(f)
		u.Dials, u.Reused, u.Together = 64, 936, 64
	}, nil, nil},
	{"what was applied is not taken back", scoped, func(f *Facts, u *UpstreamFacts) {
		crowd(f)
		u.Dials, u.Reused, u.Together = 400, 600, 16
		f.InForce = []Change{{"pool.scope", "upstream", "caller"}}
	}, nil, nil},
	{"fails more than its peer", twoOfAKind, func(f *Facts, u *UpstreamFacts) { u.Counts = meter.Counts{OK: 800, UpstreamError: 200} },
		[]string{"upstream_failing:a"}, []Change{{"upstreams[a].priority", "1", "2"}}},
	{"fails more by chance", twoOfAKind, func(f *Facts, u *UpstreamFacts) {
		u.Counts = meter.Counts{OK: 55, UpstreamError: 5}
		f.Upstreams[1].Counts = meter.Counts{OK: 59, UpstreamError: 1}
	}, nil, nil},
	{"fails, and is last already", func(s *settings.Settings) { twoOfAKind(s); s.Upstreams[0].Priority = 2 }, func(f *Facts, u *UpstreamFacts) { u.Counts = meter.Counts{OK: 800, UpstreamError: 200} }, nil, nil},
	{"fails like its peer", twoOfAKind, func(f *Facts, u *UpstreamFacts) {
		u.Counts = meter.Counts{OK: 800, UpstreamError: 200}
		f.Upstreams[1].Counts = u.Counts
	}, nil, nil},
	{"workers are no peers", func(s *settings.Settings) {
		twoOfAKind(s)
		s.Upstreams[0].Kind, s.Upstreams[1].Kind = settings.KindA2A, settings.KindA2A
	}, func(f *Facts, u *UpstreamFacts) { u.Counts = meter.Counts{OK: 800, UpstreamError: 200} }, nil, nil},
	{"slower than its peer", twoOfAKind, func(f *Facts, u *UpstreamFacts) { slow(u, 900*time.Millisecond) },
		[]string{"upstream_slow:a"}, []Change{{"upstreams[a].priority", "1", "2"}}},
	{"slower, with other requests", func(s *settings.Settings) { twoOfAKind(s); s.Upstreams[1].Priority = 2 }, func(f *Facts, u *UpstreamFacts) { slow(u, 900*time.Millisecond) }, nil, nil},
	{"an egress proxy that ends connections", func(s *settings.Settings) { s.Upstreams[0].Egress = "http://127.0.0.1:3128" }, func(f *Facts, u *UpstreamFacts) {
		u.Egress, u.Direct, u.Unreliable, u.Reused, u.Dials, u.Aged = "127.0.0.1:3128", true, true, 0, 1000, 1000
	}, []string{"egress_reuse:a"}, []Change{{"upstreams[a].egress", "http://127.0.0.1:3128", ""}}},
	{"an egress proxy before who ends them himself", func(s *settings.Settings) { s.Upstreams[0].Egress = "http://127.0.0.1:3128" }, func(f *Facts, u *UpstreamFacts) {
		u.Egress, u.Unreliable, u.Reused, u.Dials, u.Aged = "127.0.0.1:3128", true, 0, 1000, 1000
	}, []string{"keepalive_unreliable:a"}, []Change{{"pool.warm", "0", "auto"}}},
}

// TestSituations gives each situation in figures. Whether real traffic makes such figures, and
// whether applying the advice mends them, is tested with a daemon in package proxy.
func TestSituations(t *testing.T) {
	for _, tt := range situationTests {
		f := facts(tt.settings)
		if tt.facts != nil {
			tt.facts(f, &f.Upstreams[0])
		}
		var got []string
		a := Advise(f)
		for _, r := range a.Items {
			got = append(got, r.ID())
			complete(t, tt.name, f, &r)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %v; want %v", tt.name, got, tt.want)
			continue
		}
		if len(a.Items) > 0 && !slices.Equal(a.Items[0].Patch, tt.patch) {
			t.Errorf("%s: got the patch %v; want %v", tt.name, a.Items[0].Patch, tt.patch)
		}
	}
}

// complete checks what every piece of advice must have.
func complete(t *testing.T, name string, f *Facts, r *Recommendation) {
	t.Helper()
	if r.Sentence == "" || len(r.Figures) == 0 || len(r.Patch) > 0 && r.Expected == nil {
		t.Errorf("%s: got %+v; want a sentence, figures, and an expected effect with a patch", name, r)
	}
	next := f.Settings.Clone()
	for _, c := range r.Patch {
		if err := next.Set(c.Key, c.To); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := next.Validate(); err != nil {
		t.Errorf("%s: with %v: %v", name, r.Patch, err)
	}
	e, requests, ok := Measure(f, r.Code, r.Upstream)
	if !ok || requests == 0 || r.Expected != nil && (e.Key != r.Expected.Key || e.After != r.Expected.Before || r.Expected.After >= r.Expected.Before) {
		t.Errorf("%s: measured %+v of %d; want what the expected effect %+v begins with, and that to be less", name, e, requests, r.Expected)
	}
}

// No advice is given on little, and what is missing is said.
func TestTooFewRequests(t *testing.T) {
	for _, tt := range situationTests {
		f := facts(tt.settings)
		if tt.facts != nil {
			tt.facts(f, &f.Upstreams[0])
		}
		for i := range f.Upstreams {
			u := &f.Upstreams[i]
			u.Requests, u.Counts, u.Latency = 20, meter.Counts{OK: 15, UpstreamError: 5}, meter.Histogram{}
		}
		f.Callers = nil
		a := Advise(f)
		if len(a.Items) > 0 || len(a.Missing) == 0 {
			t.Errorf("%s: got %v and missing %v; want no advice and what is missing", tt.name, a.Items, a.Missing)
		}
		for _, m := range a.Missing {
			if m.Have >= m.Need || m.Code == "" || m.Of == "" {
				t.Errorf("%s: got %+v; want less than is needed, and of what", tt.name, m)
			}
		}
	}
}

// Two situations at once do not ask for opposite things: no setting is changed twice.
func TestNoTwoContradict(t *testing.T) {
	for i, one := range situationTests {
		for _, two := range situationTests[i+1:] {
			f := facts(func(s *settings.Settings) {
				for _, change := range []func(*settings.Settings){one.settings, two.settings} {
					if change != nil && len(s.Upstreams) == 1 {
						change(s)
					}
				}
			})
			for _, change := range []func(*Facts, *UpstreamFacts){one.facts, two.facts} {
				if change != nil && len(f.Upstreams) == 1 {
					change(f, &f.Upstreams[0])
				}
			}
			seen := map[string]string{}
			next := f.Settings.Clone()
			for _, r := range Advise(f).Items {
				for _, c := range r.Patch {
					if by := seen[settingOf(c.Key)]; by != "" && by != r.ID() {
						t.Errorf("%s and %s: %s and %s both change %s", one.name, two.name, by, r.ID(), c.Key)
					}
					seen[settingOf(c.Key)] = r.ID()
					if err := next.Set(c.Key, c.To); err != nil {
						t.Error(err)
					}
				}
			}
			if err := next.Validate(); err != nil {
				t.Errorf("%s and %s: all advice taken together: %v", one.name, two.name, err)
			}
		}
	}
}

func TestRoomy(t *testing.T) {
	for n, want := range map[int]int{0: 2, 2: 2, 3: 3, 4: 4, 5: 6, 7: 8, 16: 16, 17: 24, 33: 48, 100: 128, 150: 192, 700: 768} {
		if got := roomy(n); got != want {
			t.Errorf("roomy(%d): got %d; want %d", n, got, want)
		}
	}
}

func TestAfter(t *testing.T) {
	f := facts(twoOfAKind)
	f.Callers = []CallerFacts{{"a", 10, 2, time.Second}}
	earlier := Facts{At: f.At.Add(-time.Minute), Upstreams: []UpstreamFacts{{Name: "a", Requests: 900, Dials: 10, Bursts: 100, Counts: meter.Counts{OK: 900}}}, Callers: []CallerFacts{{"a", 4, 1, 0}}}
	got := f.After(&earlier)
	if u := got.Upstreams[0]; u.Requests != 100 || u.Dials != 6 || u.Counts.OK != 100 || u.Bursts != 0 || u.Width != 16 {
		t.Errorf("got %+v; want what was counted after", u)
	}
	if !reflect.DeepEqual(got.Upstreams[1], f.Upstreams[1]) {
		t.Errorf("got %+v; want all of an upstream that is new", got.Upstreams[1])
	}
	if want := []CallerFacts{{"a", 6, 1, time.Second}}; !slices.Equal(got.Callers, want) || got.Since != earlier.At {
		t.Errorf("got %+v since %v; want %+v since %v", got.Callers, got.Since, want, earlier.At)
	}
	if f.Upstreams[0].Requests != 1000 {
		t.Error("the facts themselves were changed")
	}
}
