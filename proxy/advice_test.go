package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"millpond/proxy/control"
	"millpond/settings/store"
)

// advised runs a daemon with a control socket, and returns a client of it.
func advised(t *testing.T, text string) (*running, *control.Client) {
	t.Helper()
	return advisedBy(t, text, func(*Config) {})
}

// advisedBy is advised with something else in the daemon's configuration.
func advisedBy(t *testing.T, text string, adjust func(*Config)) (*running, *control.Client) {
	t.Helper()
	dir, err := os.MkdirTemp("", "mp") // a unix socket's address is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket := filepath.Join(dir, "s", "c.sock")
	r := start(t, anywhere+text, func(c *Config) {
		c.Control = socket
		adjust(c)
	})
	r.client.Transport = &http.Transport{MaxIdleConnsPerHost: 256}
	client := control.Dial(socket)
	t.Cleanup(client.Close)
	until(t, "the control socket answers", func() bool {
		_, err := client.Status(t.Context())
		return err == nil
	})
	return r, client
}

// crowd is an upstream that answers only when so many requests are there at one time, so that
// a burst is as wide as the test says.
type crowd struct {
	mu      sync.Mutex
	want    int
	waiting []chan struct{}
	think   time.Duration
}

func (c *crowd) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	here := make(chan struct{})
	c.mu.Lock()
	c.waiting = append(c.waiting, here)
	if len(c.waiting) >= c.want {
		for _, other := range c.waiting {
			close(other)
		}
		c.waiting = nil
	}
	c.mu.Unlock()
	select {
	case <-here:
	case <-r.Context().Done():
	}
	if c.think > 0 {
		select {
		case <-time.After(c.think):
		case <-r.Context().Done():
		}
	}
	fmt.Fprintln(w, "done")
}

// burst sends so many requests at one time, so often, and returns how many did not succeed.
func (r *running) burst(t *testing.T, width, times int, path, caller string) (failed int) {
	t.Helper()
	for range times {
		var wg sync.WaitGroup
		results := make(chan error, width)
		for range width {
			wg.Go(func() { results <- r.post(t.Context(), path, caller) })
		}
		wg.Wait()
		close(results)
		for err := range results {
			if err != nil {
				failed++
			}
		}
	}
	return failed
}

// post sends one request and reads its answer.
func (r *running) post(ctx context.Context, path, caller string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+r.Address()+path, strings.NewReader("{}"))
	if err != nil {
		return err
	}
	if caller != "" {
		req.Header.Set("X-Millpond-Caller", caller)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", resp.StatusCode)
	}
	return nil
}

// advice asks for the piece of advice with a code, and fails unless there is one.
func advice(t *testing.T, c *control.Client, code string) control.Recommendation {
	t.Helper()
	a, err := c.Advice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(a.Items, func(r control.Recommendation) bool { return r.Code == code })
	if i < 0 {
		t.Fatalf("got %s; want %s", told(a), code)
	}
	return a.Items[i]
}

// told shows advice in an error.
func told(a control.Advice) string {
	var list []string
	for _, r := range a.Items {
		list = append(list, fmt.Sprintf("%s (%s) %v", r.ID, r.Sentence, r.Patch))
	}
	return fmt.Sprintf("advice %q, missing %+v", list, a.Missing)
}

// noAdvice fails when there is any that was not applied.
func noAdvice(t *testing.T, c *control.Client) {
	t.Helper()
	a, err := c.Advice(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(a.Items, func(r control.Recommendation) bool { return r.AppliedAt == nil }) {
		t.Errorf("got %s; want none", told(a))
	}
}

// apply takes a piece of advice.
func apply(t *testing.T, c *control.Client, id string) {
	t.Helper()
	status, err := c.Status(t.Context())
	if err == nil {
		err = c.ApplyAdvice(t.Context(), status.Revision, id)
	}
	if err != nil {
		t.Fatalf("apply %s: %v", id, err)
	}
}

// patched checks the change that a piece of advice proposes.
func patched(t *testing.T, r control.Recommendation, want ...control.Change) {
	t.Helper()
	if !slices.Equal(r.Patch, want) {
		t.Errorf("%s: got the patch %v; want %v", r.ID, r.Patch, want)
	}
}

// improved checks that the measured figure fell to less than half.
func improved(t *testing.T, c *control.Client, code string) {
	t.Helper()
	r := advice(t, c, code)
	if r.AppliedAt == nil || !r.CanUndo || r.Measured == nil || r.Measured.After*2 > r.Measured.Before {
		t.Errorf("%s: got applied at %v, can undo %v, measured %+v; want an effect to less than half", code, r.AppliedAt, r.CanUndo, r.Measured)
	}
}

func TestAdviceOnIdleSlots(t *testing.T) {
	s := httptest.NewServer(&crowd{want: 16})
	t.Cleanup(s.Close)
	r, c := advised(t, entry("a", s.URL)+"[pool]\nmax_idle_per_host = 4\n")
	if failed := r.burst(t, 16, 10, "/", ""); failed > 0 {
		t.Fatalf("got %d failed requests; want none", failed)
	}
	found := advice(t, c, "idle_slots")
	patched(t, found, control.Change{Key: "pool.max_idle_per_host", From: "4", To: "16"})
	dials := r.Stats().Pool.Dials
	apply(t, c, found.ID)
	r.burst(t, 16, 10, "/", "")
	if got := r.Stats().Pool.Dials - dials; got > dials/4 {
		t.Errorf("got %d dials after the advice was applied; want far fewer than the %d before", got, dials)
	}
	improved(t, c, "idle_slots")
	noAdvice(t, c)
}

func TestAdviceOnALimitThatQueues(t *testing.T) {
	s := httptest.NewServer(&crowd{want: 1, think: 10 * time.Millisecond})
	t.Cleanup(s.Close)
	r, c := advised(t, entry("a", s.URL)+"[pool]\nmax_connections_per_host = 2\n")
	r.burst(t, 12, 6, "/", "")
	found := advice(t, c, "limit_queue")
	patched(t, found, control.Change{Key: "pool.max_connections_per_host", From: "2", To: "12"})
	apply(t, c, found.ID)
	r.burst(t, 12, 6, "/", "")
	improved(t, c, "limit_queue")
	noAdvice(t, c)
}

// Undo sets back what was, unless a person has changed it; a stale revision changes nothing.
func TestAdviceIsUndoneExactly(t *testing.T) {
	s := httptest.NewServer(&crowd{want: 12, think: time.Millisecond})
	t.Cleanup(s.Close)
	r, c := advised(t, entry("a", s.URL)+"[pool]\nmax_idle_per_host = 4\n")
	before := r.saved()
	r.burst(t, 12, 10, "/", "")
	found := advice(t, c, "idle_slots")
	if err := c.ApplyAdvice(t.Context(), 99, found.ID); !errors.Is(err, control.ErrStale) {
		t.Fatalf("from another revision: got %v; want %v", err, control.ErrStale)
	}
	apply(t, c, found.ID)
	status, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.UndoAdvice(t.Context(), status.Revision, found.ID); err != nil {
		t.Fatalf("undo: %v", err)
	}
	if got := r.saved(); got.Pool != before.Pool {
		t.Errorf("after undo: got %+v; want %+v", got.Pool, before.Pool)
	}
	if got, err := store.Open(r.file, nil).Load(); err != nil || got.Pool != before.Pool {
		t.Errorf("the file after undo: got %+v, %v; want %+v", got, err, before.Pool)
	}

	r.burst(t, 12, 10, "/", "")
	apply(t, c, "idle_slots")
	next := r.saved().Clone()
	next.Pool.MaxIdlePerHost = 5
	if status, err = c.Status(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.PutSettings(t.Context(), status.Revision, next); err != nil {
		t.Fatal(err)
	}
	if got := advice(t, c, "idle_slots"); got.CanUndo {
		t.Error("after a person changed the setting: got can_undo; want not")
	}
	var refused *control.Error
	if err := c.UndoAdvice(t.Context(), status.Revision+1, "idle_slots"); !errors.As(err, &refused) || refused.Code != control.CodeChangedSince {
		t.Errorf("undo of what a person changed: got %v; want %s", err, control.CodeChangedSince)
	}
	if got := r.saved().Pool.MaxIdlePerHost; got != 5 {
		t.Errorf("got max_idle_per_host %d; want the person's 5", got)
	}
}

// What was applied is known after a restart, and can be undone.
func TestAdviceOutlivesARestart(t *testing.T) {
	s := httptest.NewServer(&crowd{want: 12})
	t.Cleanup(s.Close)
	r, c := advised(t, entry("a", s.URL)+"[pool]\nmax_idle_per_host = 4\n")
	r.burst(t, 12, 10, "/", "")
	apply(t, c, advice(t, c, "idle_slots").ID)
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	again, err := New(r.config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- again.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	<-again.Ready()
	items := again.Advice().Items
	if len(items) != 1 || items[0].AppliedAt == nil || !items[0].CanUndo {
		t.Fatalf("got %+v; want one that was applied and can be undone", items)
	}
	if err := again.UndoAdvice(1, items[0].ID); err != nil {
		t.Fatal(err)
	}
	if got := again.saved().Pool.MaxIdlePerHost; got != 4 {
		t.Errorf("got max_idle_per_host %d; want 4", got)
	}
}

// A file that cannot be read costs what was applied before, not the daemon, and is replaced.
func TestAdviceFileIsDamaged(t *testing.T) {
	for _, text := range []string{"", "{", `{"version": 2}`} {
		file := filepath.Join(t.TempDir(), adviceName)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		a, err := newAdviser(file)
		if err == nil || a == nil || len(a.taken()) != 0 {
			t.Fatalf("%q: got %+v, %v; want an adviser that knows nothing, and why", text, a, err)
		}
		a.remember(applied{ID: "x"}, func(err error) {
			if err != nil {
				t.Error(err)
			}
		})
		if again, err := newAdviser(file); err != nil || len(again.taken()) != 1 {
			t.Errorf("%q: after it was written anew: got %+v, %v; want one that was applied", text, again, err)
		}
	}
}

// A pool that fits needs no advice.
func TestNoAdviceWithoutNeed(t *testing.T) {
	s := httptest.NewServer(&crowd{want: 16})
	t.Cleanup(s.Close)
	r, c := advised(t, entry("a", s.URL))
	a, err := c.Advice(t.Context())
	if err != nil || len(a.Items) != 0 || len(a.Missing) == 0 {
		t.Errorf("without requests: got %s, %v; want no advice and what is missing", told(a), err)
	}
	r.burst(t, 16, 10, "/", "")
	noAdvice(t, c)
}
