package app

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"millpond/app/model"
	"millpond/proxy/control"
	"millpond/settings"
)

// patience bounds the wait for what another goroutine does.
const patience = 10 * time.Second

// A daemon answers on a control socket as the real one does, with a status that
// the test sets. The real one is run in cmd/millpond.
type daemon struct {
	server *http.Server

	mu sync.Mutex
	// mu guards what follows.
	status  control.Status
	edits   []control.Edit
	refuse  bool
	changed chan struct{}
	probed  chan struct{} // lets a test of an upstream end
}

// startDaemon listens at path.
func startDaemon(t *testing.T, path string) *daemon {
	t.Helper()
	l, err := control.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	d := &daemon{changed: make(chan struct{}), probed: make(chan struct{}, 1), status: control.Status{
		Revision: 7, API: control.API, State: control.On, Address: "127.0.0.1:7860", Settings: settings.Default(),
	}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/watch", d.watch)
	mux.HandleFunc("POST /v1/pause", d.pause)
	mux.HandleFunc("PUT /v1/settings", d.put)
	mux.HandleFunc("GET /v1/status", d.tell)
	mux.HandleFunc("POST /v1/probe", d.probe)
	d.server = &http.Server{Handler: mux}
	go func() { _ = d.server.Serve(l) }()
	t.Cleanup(d.stop)
	return d
}

// stop ends the daemon in the middle of what it does.
func (d *daemon) stop() { _ = d.server.Close() }

func (d *daemon) watch(w http.ResponseWriter, r *http.Request) {
	for {
		d.mu.Lock()
		changed, line := d.changed, d.status
		d.mu.Unlock()
		_ = json.NewEncoder(w).Encode(line)
		_ = http.NewResponseController(w).Flush()
		select {
		case <-changed:
		case <-r.Context().Done():
			return
		}
	}
}

func (d *daemon) pause(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refuse {
		w.WriteHeader(http.StatusInternalServerError)
		_ = json.NewEncoder(w).Encode(control.Error{Code: "failed", Message: "disk full"})
		return
	}
	d.status.Paused, d.status.State = true, control.Off
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *daemon) put(w http.ResponseWriter, r *http.Request) {
	var e control.Edit
	if json.NewDecoder(r.Body).Decode(&e) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.edits = append(d.edits, e)
	if e.Revision != d.status.Revision {
		w.WriteHeader(http.StatusConflict)
		_ = json.NewEncoder(w).Encode(control.Error{Code: control.CodeStale, Message: "stale"})
		return
	}
	d.status.Settings, d.status.Revision = e.Settings, e.Revision+1
	close(d.changed)
	d.changed = make(chan struct{})
}

func (d *daemon) tell(w http.ResponseWriter, _ *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	_ = json.NewEncoder(w).Encode(d.status)
}

// probe tells of one step, and of the end when the test lets it.
func (d *daemon) probe(w http.ResponseWriter, r *http.Request) {
	ms := 3.0
	_ = json.NewEncoder(w).Encode(control.ProbeLine{Progress: &control.ProbeProgress{Step: control.StepConnect, DNS: &ms}})
	_ = http.NewResponseController(w).Flush()
	select {
	case <-d.probed:
		_ = json.NewEncoder(w).Encode(control.ProbeLine{Report: &control.ProbeReport{OK: true, DNS: &ms, Protocol: "http1"}})
	case <-r.Context().Done():
	}
}

// follow runs a link to the daemon at path and returns it with its views.
func follow(t *testing.T, path string) (*link, <-chan model.View) {
	t.Helper()
	return followAll(t, Config{Socket: path})
}

// followAll is follow for both daemons.
func followAll(t *testing.T, c Config) (*link, <-chan model.View) {
	t.Helper()
	views := make(chan model.View, 1000)
	l := newLink(c, 100*time.Millisecond, func(v model.View) { views <- v })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); l.run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return l, views
}

// await returns the first view that is as it should be.
func await(t *testing.T, views <-chan model.View, what string, is func(model.View) bool) model.View {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case v := <-views:
			if is(v) {
				return v
			}
		case <-timeout:
			t.Fatalf("no view that is %s", what)
		}
	}
}

func inState(s model.State) func(model.View) bool {
	return func(v model.View) bool { return v.State == s }
}

// The daemon may come late, go, and come back; every time the views follow.
func TestLinkFollowsDaemon(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	_, views := follow(t, path)
	await(t, views, "without a daemon", inState(model.Absent))
	d := startDaemon(t, path)
	await(t, views, "with a daemon", inState(model.On))
	d.stop()
	await(t, views, "after the daemon", inState(model.Absent))
	startDaemon(t, path)
	await(t, views, "with a daemon again", inState(model.On))
}

// While no daemon of this user runs, the machine's is shown: as it is, and with nothing to start.
func TestLinkShowsMachine(t *testing.T) {
	dir := t.TempDir()
	c := Config{Socket: filepath.Join(dir, "control.sock"), Public: filepath.Join(dir, "status.sock")}
	machine := startDaemon(t, c.Public)
	machine.status = machine.status.Public()
	machine.status.State = control.Degraded
	_, views := followAll(t, c)
	v := await(t, views, "the machine's", func(v model.View) bool { return v.Machine })
	if v.State != model.Degraded || v.Address != "http://127.0.0.1:7860" || v.Startable || v.Connected {
		t.Errorf("got %+v; want it as it is, and nothing to start or change", v)
	}
	own := startDaemon(t, c.Socket)
	await(t, views, "this user's own", func(v model.View) bool { return v.Connected && !v.Machine })
	own.stop()
	await(t, views, "the machine's again", func(v model.View) bool { return v.Machine })
	machine.stop()
	await(t, views, "none", func(v model.View) bool { return v.State == model.Absent && v.Startable })
}

func TestLinkCarriesRequests(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	d := startDaemon(t, path)
	l, views := follow(t, path)
	await(t, views, "on", inState(model.On))
	l.preset(t.Context(), "gentle")
	l.wg.Wait()
	if len(d.edits) != 1 || d.edits[0].Revision != 7 || d.edits[0].Settings.Pool.Preset != settings.PresetGentle {
		t.Errorf("got %+v; want gentle from revision 7", d.edits)
	}
	l.turn(t.Context(), false)
	await(t, views, "off", inState(model.Off))
}

// Before the daemon has been asked nothing is said of it, whatever else is shown.
func TestLinkBeforeTheFirstStatus(t *testing.T) {
	var got []model.View
	l := newLink(Config{Socket: filepath.Join(t.TempDir(), "control.sock")}, time.Second, func(v model.View) { got = append(got, v) })
	l.fill = func(v model.View) model.View {
		return v.With(model.Desk{Service: model.ServiceFacts{Asked: true}})
	}
	l.again()
	if v := got[0]; v.State != model.Loading || v.Connected || v.Welcome.Needed {
		t.Errorf("got %v, connected %v, first run %v; want loading alone", v.State, v.Connected, v.Welcome.Needed)
	}
}

// What a person asked for and did not get is told, with the reason.
func TestLinkTellsOfRefusal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	d := startDaemon(t, path)
	d.refuse = true
	l, views := follow(t, path)
	await(t, views, "on", inState(model.On))
	l.turn(t.Context(), false)
	v := await(t, views, "with a notice", func(v model.View) bool { return !v.Notice.Empty() })
	if v.Notice.Key != "error.switch" || v.Notice.Args["Cause"] != "disk full" {
		t.Errorf("got %+v; want error.switch, disk full", v.Notice)
	}
	if v.State != model.On {
		t.Errorf("got %v; want it still on", v.State)
	}
}

func TestLinkWithoutDaemonTells(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	l, views := follow(t, path)
	await(t, views, "without a daemon", inState(model.Absent))
	l.prefer(t.Context(), "relay")
	v := await(t, views, "with a notice", func(v model.View) bool { return !v.Notice.Empty() })
	if v.Notice.Key != "error.settings" {
		t.Errorf("got %+v; want error.settings", v.Notice)
	}
}

// A window whose socket someone holds without answering does not hang.
func TestTellGivesUp(t *testing.T) {
	path := filepath.Join(t.TempDir(), "window.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := tell(ctx, path, show); err == nil {
		t.Error("got no error; want one")
	}
}

// Off stops the daemon, and does not pause it, where the person chose so.
func TestOffMayStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	d := startDaemon(t, path)
	d.status.Settings = settings.Default()
	d.status.Settings.App.Off = settings.OffStop
	l, views := follow(t, path)
	stopped := make(chan struct{}, 1)
	l.stop = func(context.Context) error { stopped <- struct{}{}; return nil }
	await(t, views, "on", inState(model.On))
	l.turn(t.Context(), false)
	select {
	case <-stopped:
	case <-time.After(patience):
		t.Fatal("the daemon was not stopped")
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.status.Paused {
		t.Error("got paused; want stopped")
	}
}

// An edited draft comes back with its outcome and the settings in force.
func TestLinkSaves(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	d := startDaemon(t, path)
	l, views := follow(t, path)
	first := await(t, views, "on", inState(model.On))
	next := first.Settings.Clone()
	next.Pool.MaxIdle = 3
	outcome := func(number int) func(model.View) bool {
		return func(v model.View) bool { return v.Saved.Number == number }
	}
	l.save(t.Context(), model.Edit{Number: 1, Revision: first.Revision, Settings: next})
	v := await(t, views, "saved", outcome(1))
	if !v.Saved.Problem.Empty() || v.Settings.Pool.MaxIdle != 3 || v.Revision != 8 {
		t.Errorf("got %+v, revision %d, %d idle; want it in force", v.Saved, v.Revision, v.Settings.Pool.MaxIdle)
	}
	l.save(t.Context(), model.Edit{Number: 2, Revision: first.Revision, Settings: next})
	if v := await(t, views, "refused", outcome(2)); !v.Saved.Stale || v.Revision != 8 {
		t.Errorf("from an old revision: got %+v, revision %d; want it stale", v.Saved, v.Revision)
	}
	d.stop()
	await(t, views, "without a daemon", inState(model.Absent))
	l.save(t.Context(), model.Edit{Number: 3, Revision: 8, Settings: next})
	if v := await(t, views, "not sent", outcome(3)); v.Saved.Problem.Key != "edit.gone" {
		t.Errorf("without a daemon: got %+v; want edit.gone", v.Saved)
	}
}

// A status from before an edit that comes after it is not shown.
func TestLinkTakesNoOlderStatus(t *testing.T) {
	var l link
	l.take(control.Status{PID: 1, Revision: 8}, nil)
	l.take(control.Status{PID: 1, Revision: 7}, nil)
	if l.status.Revision != 8 {
		t.Errorf("got revision %d; want 8", l.status.Revision)
	}
	l.take(control.Status{PID: 2, Revision: 1}, nil)
	if l.status.Revision != 1 {
		t.Errorf("of another daemon: got revision %d; want 1", l.status.Revision)
	}
}

// A test of an upstream is shown step by step, and can be stopped.
func TestLinkTestsUpstream(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control.sock")
	d := startDaemon(t, path)
	l, views := follow(t, path)
	await(t, views, "on", inState(model.On))
	u := settings.Upstream{Name: "one", URL: "https://one.example"}
	step := func(v model.View) bool {
		return v.Probe.Running && len(v.Probe.Steps) > 1 && v.Probe.Steps[0].State == model.On && v.Probe.Steps[1].State == model.Loading
	}
	l.test(t.Context(), u)
	await(t, views, "at a step", step)
	d.probed <- struct{}{}
	if v := await(t, views, "tested", func(v model.View) bool { return !v.Probe.Running }); !v.Probe.OK || v.Probe.Name != "one" {
		t.Errorf("got %+v; want it well", v.Probe)
	}
	l.test(t.Context(), u)
	await(t, views, "at a step again", step)
	l.stopTest()
	await(t, views, "stopped", func(v model.View) bool { return !v.Probe.Running && v.Probe.Result.Empty() })
	d.stop()
	await(t, views, "without a daemon", inState(model.Absent))
	l.test(t.Context(), u)
	if v := await(t, views, "not made", func(v model.View) bool { return !v.Probe.Running && !v.Probe.Result.Empty() }); v.Probe.Result.Key != "probe.not_made" {
		t.Errorf("without a daemon: got %+v", v.Probe)
	}
}
