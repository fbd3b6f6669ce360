package proxy

import (
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/settings"
)

// A lopsided upstream speaks both protocols without TLS, and answers every failEvery-th
// request over one of them with 500.
type lopsided struct {
	*httptest.Server
	over      [3]atomic.Int64 // requests for /q by the protocol's major version
	fails     int             // this version
	failEvery int64           // 0 never
}

func newLopsided(t *testing.T, fails int, failEvery int64) *lopsided {
	t.Helper()
	l := &lopsided{fails: fails, failEvery: failEvery}
	l.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/q" {
			return // the test of the other protocol
		}
		n := l.over[r.ProtoMajor].Add(1)
		if r.ProtoMajor == l.fails && l.failEvery > 0 && n%l.failEvery == 0 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	l.Config.Protocols = new(http.Protocols)
	l.Config.Protocols.SetHTTP1(true)
	l.Config.Protocols.SetUnencryptedHTTP2(true)
	l.Start()
	t.Cleanup(l.Close)
	return l
}

// send sends n requests through the daemon, eight at a time by four callers.
func (r *running) send(t *testing.T, n int) {
	t.Helper()
	var wg sync.WaitGroup
	var left atomic.Int64
	left.Store(int64(n))
	for i := range 8 {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				req, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+r.Address()+"/u/relay/q", nil)
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("X-Millpond-Caller", fmt.Sprint("agent-", i%4))
				resp, err := r.client.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
		})
	}
	wg.Wait()
}

// verdict gives the verdict.
func (r *running) verdict(t *testing.T) control.Verdict {
	t.Helper()
	v, err := r.Verdict(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// trialOf returns the latest trial.
func (r *running) trialOf(t *testing.T) control.Trial {
	t.Helper()
	v := r.verdict(t)
	if len(v.Trials) == 0 {
		t.Fatal("there is no trial")
	}
	return v.Trials[len(v.Trials)-1]
}

// relay is the settings' upstream, with its own protocol.
func relay(url, pool string) string {
	return anywhere + entry("relay", url) + "[upstreams.pool]\n" + pool + "\n"
}

func isRefused(err error, code string) bool {
	var refused *control.Error
	return errors.As(err, &refused) && refused.Code == code
}

// TestVerdictNamesWhatFails: an upstream that fails over one transport alone is to be left
// there, with the figures and the other transport proposed; the other transport is kept.
func TestVerdictNamesWhatFails(t *testing.T) {
	up := newLopsided(t, 2, 4)
	r := start(t, relay(up.URL, `protocol = "http2"`), nil)
	r.send(t, 60)
	if row := r.verdict(t).Rows[0]; row.Decision != control.Unknown || row.Need != 100 || row.Requests != 60 || !strings.Contains(row.Sentence, "60 of the 100") {
		t.Errorf("after 60 requests: got %+v; want unknown, with 100 needed", row)
	}
	r.send(t, 140)
	v := r.verdict(t)
	row := v.Rows[0]
	if len(v.Rows) != 1 || row.Transport != "http2" || row.Scope != "upstream" || row.Requests != 200 || row.SuccessRate != 75 || row.ErrorRate != 25 {
		t.Errorf("got %+v; want one row, 75 %% of 200 over http2", v.Rows)
	}
	if row.Decision != control.Switch || row.Reason != control.ReasonBelowSwitch || !strings.Contains(row.Sentence, "75 % of 200 requests") {
		t.Errorf("got %s for %s: %q; want switch", row.Decision, row.Reason, row.Sentence)
	}
	if want := (control.Proposal{Setting: "protocol", From: "http2", To: "http1"}); row.Proposal == nil || *row.Proposal != want {
		t.Errorf("proposal: got %+v; want %+v", row.Proposal, want)
	}
	if v.Window != 28*24*time.Hour || v.Covered <= 0 || v.Covered > time.Hour {
		t.Errorf("got %v covered of %v; want less than an hour of 28 days", v.Covered, v.Window)
	}

	// The same after a restart, from the history, beside what the other transport does.
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again := start(t, relay(up.URL, `protocol = "http1"`), func(c *Config) { c.StateDir = r.config.StateDir })
	again.send(t, 150)
	rows := again.verdict(t).Rows
	if len(rows) != 2 || rows[0].Transport != "http2" || rows[0].Requests != 200 || rows[0].Decision != control.Switch || rows[0].Proposal != nil {
		t.Errorf("got %+v; want what was over HTTP/2 to be left as it is, with nothing to try", rows)
	}
	if len(rows) == 2 && (rows[1].Transport != "http1" || rows[1].Requests != 150 || rows[1].Decision != control.Keep) {
		t.Errorf("got %+v; want HTTP/1 kept", rows[1])
	}
}

// TestTrialFromStartToUndo: a trial splits the requests by its share, its winner is the
// better way, and applying and undoing it moves all requests there and back.
func TestTrialFromStartToUndo(t *testing.T) {
	up := newLopsided(t, 2, 4)
	r := start(t, relay(up.URL, `protocol = "http2"`), nil)
	r.check(t, r.PutSettings(1, r.Status().Settings)) // the file as we write it
	before, err := os.ReadFile(r.file)
	r.check(t, err)
	trial, err := r.StartTrial(t.Context(), control.TrialRequest{Upstream: "relay", Setting: "protocol", To: "http1", Share: 0.3})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.StartTrial(t.Context(), control.TrialRequest{Upstream: "relay", Setting: "scope", To: "caller"}); !isRefused(err, control.CodeRunning) {
		t.Errorf("a second one: got %v; want it refused", err)
	}
	if err := r.ApplyTrial(r.Status().Revision, trial.ID); !isRefused(err, control.CodeNoWinner) {
		t.Errorf("applied without a request: got %v; want it refused", err)
	}
	const n = 1000
	r.send(t, n)
	base, other := up.over[2].Load(), up.over[1].Load()
	if spread := 5 * math.Sqrt(n*0.3*0.7); base+other != n || math.Abs(float64(other)-0.3*n) > spread {
		t.Errorf("the upstream got %d and %d requests; want 30 %% of %d by the other way, give or take %.0f", base, other, n, spread)
	}
	trial = r.trialOf(t)
	if trial.Base.Requests != base || trial.Other.Requests != other || trial.Base.Dials == 0 || trial.Other.Dials == 0 {
		t.Errorf("got %+v and %+v; want the %d and %d requests of the upstream", trial.Base, trial.Other, base, other)
	}
	if trial.Winner != "http1" || trial.Reason != control.TrialMoreSuccess || !trial.CanApply || trial.CanUndo || trial.Ended != nil {
		t.Errorf("got %+v; want http1 to win, and to be applied", trial)
	}
	if rows := r.verdict(t).Rows; len(rows) != 2 || rows[0].Trial != trial.ID || rows[0].Proposal != nil {
		t.Errorf("got rows %+v; want a row for each way, with no proposal while the trial runs", rows)
	}

	if err := r.ApplyTrial(99, trial.ID); !errors.Is(err, control.ErrStale) {
		t.Errorf("from another revision: got %v; want %v", err, control.ErrStale)
	}
	r.check(t, r.ApplyTrial(r.Status().Revision, trial.ID))
	r.goesOver(t, up, 1)
	if trial = r.trialOf(t); !trial.Applied || !trial.CanUndo || trial.CanApply || trial.EndedBy != control.EndedApplied {
		t.Errorf("applied: got %+v; want it ended, to be undone", trial)
	}
	r.check(t, r.UndoTrial(r.Status().Revision, trial.ID))
	r.goesOver(t, up, 2)
	if after, err := os.ReadFile(r.file); err != nil || string(after) != string(before) {
		t.Errorf("undone: got the file %s, %v; want it as it was: %s", after, err, before)
	}
	if err := r.UndoTrial(r.Status().Revision, trial.ID); !isRefused(err, control.CodeNotApplied) {
		t.Errorf("undone again: got %v; want it refused", err)
	}
}

// check ends the test on an error.
func (r *running) check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// goesOver sends requests and checks that all reach the upstream over one protocol.
func (r *running) goesOver(t *testing.T, up *lopsided, major int) {
	t.Helper()
	before, wrong := up.over[major].Load(), up.over[3-major].Load()
	r.send(t, 40)
	if up.over[major].Load() != before+40 || up.over[3-major].Load() != wrong {
		t.Errorf("got %d over HTTP/%d and %d over the other; want 40 and 0", up.over[major].Load()-before, major, up.over[3-major].Load()-wrong)
	}
}

// TestUndoLeavesWhatAPersonChanged: what was changed since is not put back.
func TestUndoLeavesWhatAPersonChanged(t *testing.T) {
	up := newLopsided(t, 2, 2)
	r := start(t, relay(up.URL, `protocol = "http2"`), nil)
	trial, err := r.StartTrial(t.Context(), control.TrialRequest{Upstream: "relay", Setting: "protocol", To: "http1"})
	r.check(t, err)
	r.send(t, 400)
	r.check(t, r.ApplyTrial(r.Status().Revision, trial.ID))

	s := r.Status().Settings.Clone()
	r.check(t, s.Set("upstreams[relay].pool.protocol", "auto"))
	r.check(t, r.PutSettings(r.Status().Revision, s))
	revision := r.Status().Revision
	if err := r.UndoTrial(revision, trial.ID); !isRefused(err, control.CodeChangedSince) {
		t.Errorf("got %v; want it refused", err)
	}
	if got := r.Status(); got.Revision != revision || *got.Settings.Upstreams[0].Pool.Protocol != settings.ProtocolAuto {
		t.Errorf("got revision %d with %v; want nothing changed", got.Revision, *got.Settings.Upstreams[0].Pool.Protocol)
	}
	if trial := r.trialOf(t); trial.CanUndo || trial.Applied {
		t.Errorf("got %+v; want nothing to undo", trial)
	}
}

// TestTrialThatDoesHarmEnds: and it goes on over a restart until then, with its counts.
func TestTrialThatDoesHarmEnds(t *testing.T) {
	up := newLopsided(t, 1, 2)
	text := relay(up.URL, `protocol = "http2"`)
	r := start(t, text, nil)
	_, err := r.StartTrial(t.Context(), control.TrialRequest{Upstream: "relay", Setting: "protocol", To: "http1"})
	r.check(t, err)
	r.send(t, 100)
	if trial := r.trialOf(t); trial.Reason != control.TrialTooFew || trial.Need != 100 || trial.Winner != "" {
		t.Errorf("after 100 requests: got %+v; want too few", trial)
	}
	r.check(t, r.stop())
	again := start(t, text, func(c *Config) { c.StateDir = r.config.StateDir })
	if trial := again.trialOf(t); trial.Ended != nil || trial.Base.Requests+trial.Other.Requests != 100 {
		t.Fatalf("after a restart: got %+v; want it to go on from 100 requests", trial)
	}
	again.send(t, 300)
	until(t, "the trial has ended", func() bool { return again.trialOf(t).Ended != nil })
	if trial := again.trialOf(t); trial.EndedBy != control.EndedWorse || trial.Winner != "http2" || trial.CanApply {
		t.Errorf("got %+v; want it ended because the other way is worse", trial)
	}
	again.goesOver(t, up, 2)
	if err := again.ApplyTrial(again.Status().Revision, again.trialOf(t).ID); !isRefused(err, control.CodeNothingToApply) {
		t.Errorf("applied: got %v; want nothing to change", err)
	}
}

// TestTrialOfScope: the agents of the other arm have connections of their own.
func TestTrialOfScope(t *testing.T) {
	up := newLopsided(t, 0, 0)
	r := start(t, relay(up.URL, `max_connections_per_host = 1`), nil)
	trial, err := r.StartTrial(t.Context(), control.TrialRequest{Upstream: "relay", Setting: "scope", To: "caller", Share: 0.5})
	r.check(t, err)
	r.send(t, 200)
	if got := r.trialOf(t); got.Base.Dials != 1 || got.Other.Dials != 4 || got.Base.Value != "upstream" || got.Other.Value != "caller" {
		t.Errorf("got %+v and %+v; want one connection for all and four for four agents", got.Base, got.Other)
	}
	r.check(t, r.EndTrial(trial.ID))
	if err := r.EndTrial(trial.ID); !isRefused(err, control.CodeEnded) {
		t.Errorf("ended again: got %v; want it refused", err)
	}
	if got := r.pools.StatsOf("relay").Open; got != 1 {
		t.Errorf("ended: got %d connections; want the one of the settings", got)
	}
}

// TestTrialIsRefused: and nothing is tried then.
func TestTrialIsRefused(t *testing.T) {
	plain := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(plain.Close)
	r := start(t, relay(plain.URL, `protocol = "http1"`), nil)
	for name, tt := range map[string]struct {
		request control.TrialRequest
		code    string
	}{
		"an unknown upstream":       {control.TrialRequest{Upstream: "nobody", Setting: "protocol", To: "http2"}, control.CodeNoUpstream},
		"an unknown setting":        {control.TrialRequest{Upstream: "relay", Setting: "warm", To: "2"}, control.CodeInvalid},
		"an unknown value":          {control.TrialRequest{Upstream: "relay", Setting: "protocol", To: "http3"}, control.CodeInvalid},
		"everything":                {control.TrialRequest{Upstream: "relay", Setting: "scope", To: "caller", Share: 1}, control.CodeInvalid},
		"less than nothing":         {control.TrialRequest{Upstream: "relay", Setting: "scope", To: "caller", Share: -0.1}, control.CodeInvalid},
		"what is done now":          {control.TrialRequest{Upstream: "relay", Setting: "protocol", To: "http1"}, control.CodeSame},
		"a protocol not spoken":     {control.TrialRequest{Upstream: "relay", Setting: "protocol", To: "http2"}, control.CodeNotSpoken},
		"the scope that it has now": {control.TrialRequest{Upstream: "relay", Setting: "scope", To: "upstream"}, control.CodeSame},
	} {
		if _, err := r.StartTrial(t.Context(), tt.request); !isRefused(err, tt.code) {
			t.Errorf("%s: got %v; want %s", name, err, tt.code)
		}
	}
	if err := r.EndTrial("relay-7"); !isRefused(err, control.CodeNoTrial) {
		t.Errorf("an unknown trial: got %v; want %s", err, control.CodeNoTrial)
	}
	if got := r.verdict(t).Trials; len(got) != 0 {
		t.Errorf("got %+v; want no trial", got)
	}
}

// TestTrialsFileThatCannotBeRead: is left as it is, and the daemon serves.
func TestTrialsFileThatCannotBeRead(t *testing.T) {
	up := newLopsided(t, 0, 0)
	dir := t.TempDir()
	file := filepath.Join(dir, trialsName)
	write(t, file, `{"version": 9}`)
	r := start(t, relay(up.URL, `protocol = "http1"`), func(c *Config) { c.StateDir = dir })
	_, err := r.StartTrial(t.Context(), control.TrialRequest{Upstream: "relay", Setting: "scope", To: "caller"})
	r.check(t, err)
	r.send(t, 10)
	r.check(t, r.stop())
	if text, err := os.ReadFile(file); err != nil || string(text) != `{"version": 9}` {
		t.Errorf("got %s, %v; want the file left alone", text, err)
	}
	if !strings.Contains(r.log.String(), "version 9 is not known") {
		t.Errorf("got the log %s; want it to say what is wrong", r.log)
	}
}
