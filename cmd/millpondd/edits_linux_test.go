package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"millpond/proxy/control"
	"millpond/settings/store"
)

// The file that many edit at once, with comments of a person's.
const shared = `# Mine, on top.
version = 1

[listen]
address = "127.0.0.1:0" # mine, beside

[failover]
# Mine, above.
eject_after = 7
`

// A writer changes one key that nobody else changes.
type writer struct {
	key string
	try func(ctx context.Context, key string, value int) error // one attempt; an error means that nothing was changed
}

// TestEditsAtTheSameTime: a daemon runs, and the window, the command line, a command line
// that does not find the daemon, and a person's editor change the settings at once. What
// was reported done stays; whoever came too late is told; the file is whole at every
// moment and keeps its comments.
func TestEditsAtTheSameTime(t *testing.T) {
	const rounds = 4
	d := contest(t)
	writers := []writer{
		{"pool.max_waiting", d.window}, {"pool.max_requests_per_connection", d.window},
		{"failover.eject_after", d.command}, {"pool.max_connections", d.command},
		{"failover.attempts", d.blindCommand}, {"pool.warm", d.blindCommand},
		{"pool.max_streams_per_connection", d.editor},
	}
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	var looking, editing sync.WaitGroup
	looked, stopLooking := context.WithCancel(ctx)
	looking.Go(func() { d.look(looked, t) })
	var refused atomic.Int64
	for i, w := range writers {
		editing.Go(func() {
			for round := range rounds {
				value := 3 + i%2 + round
				for ctx.Err() == nil {
					err := w.try(ctx, w.key, value)
					if err == nil {
						break
					}
					refused.Add(1)
					if !errors.Is(err, errRefused) {
						t.Errorf("%s: got %v; want done, or refused because of another edit", w.key, err)
						return
					}
				}
				d.awaitValue(ctx, t, w.key, value)
			}
		})
	}
	editing.Wait()
	stopLooking()
	looking.Wait()
	t.Logf("%d edits were refused and made again", refused.Load())
	for i, w := range writers {
		want := strconv.Itoa(3 + i%2 + rounds - 1)
		fromFile, err := store.Open(d.file, nil).Load()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := fromFile.Get(w.key); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s in the file: got %v, %v; want %s", w.key, got, err, want)
		}
	}
}

// errRefused says that an edit came too late.
var errRefused = errors.New("refused")

// contested is a daemon whose settings many edit.
type contested struct {
	file    string
	environ []string
	client  *control.Client
}

// contest starts one.
func contest(t *testing.T) *contested {
	t.Helper()
	dir := t.TempDir()
	d := &contested{file: filepath.Join(dir, "settings.toml")}
	if err := os.WriteFile(d.file, []byte(shared), 0o600); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "s", "c.sock")
	d.environ = []string{"MILLPOND_CONFIG=" + d.file, "MILLPOND_STATE=" + filepath.Join(dir, "state"), "MILLPOND_CONTROL=" + socket, "HOME=" + dir}
	d.client = control.Dial(socket)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int, 1)
	out := &sharedText{}
	go func() {
		done <- run(ctx, []string{"serve"}, streams{in: strings.NewReader(""), out: out, err: out}, d.environ)
	}()
	t.Cleanup(func() {
		cancel()
		if code := <-done; code != exitDone {
			t.Errorf("serve: got exit code %d; want 0: %s", code, out.text.String())
		}
		d.client.Close()
	})
	d.poll(ctx, t, "the daemon answers", func() bool {
		_, err := d.client.Status(ctx)
		return err == nil
	})
	return d
}

// window edits as the window does: from a status, with its revision.
func (d *contested) window(ctx context.Context, key string, value int) error {
	status, err := d.client.Status(ctx)
	if err != nil {
		return err
	}
	next := status.Settings.Clone()
	if err := next.Set(key, strconv.Itoa(value)); err != nil {
		return err
	}
	err = d.client.PutSettings(ctx, status.Revision, next)
	if errors.Is(err, control.ErrStale) {
		return errRefused
	}
	return err
}

// command edits by "config set".
func (d *contested) command(ctx context.Context, key string, value int) error {
	return d.set(ctx, key, value, d.environ)
}

// blindCommand edits by "config set" that finds no daemon and so writes the file.
func (d *contested) blindCommand(ctx context.Context, key string, value int) error {
	return d.set(ctx, key, value, append(d.environ[:len(d.environ):len(d.environ)], "MILLPOND_CONTROL="+d.file+".none"))
}

func (d *contested) set(ctx context.Context, key string, value int, environ []string) error {
	var out bytes.Buffer
	code := run(ctx, []string{"config", "set", key, strconv.Itoa(value)}, streams{in: strings.NewReader(""), out: &out, err: &out}, environ)
	switch {
	case code == exitDone:
		return nil
	case code == exitFailed && strings.Contains(out.String(), "changed"):
		return errRefused
	}
	return fmt.Errorf("exit code %d: %s", code, &out)
}

// editor edits the text as a person's editor does, which takes no lock but does look
// whether the file is still the one that it read.
func (d *contested) editor(_ context.Context, key string, value int) error {
	was, err := os.ReadFile(d.file)
	if err != nil {
		return err
	}
	line := key[strings.IndexByte(key, '.')+1:] + " = "
	text := regexp.MustCompile(`(?m)^(# )?`+line+`\d+`).ReplaceAllString(string(was), line+strconv.Itoa(value))
	if text == string(was) {
		text = strings.Replace(text, "[failover]", "[pool]\n"+line+strconv.Itoa(value)+"\n\n[failover]", 1)
	}
	if _, err := store.Decode([]byte(text)); err != nil {
		return fmt.Errorf("%w in %s", err, text)
	}
	next := d.file + ".editor"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	in, out := text, string(was)
	for {
		if err := unix.Renameat2(unix.AT_FDCWD, next, unix.AT_FDCWD, d.file, unix.RENAME_EXCHANGE); err != nil {
			return err
		}
		got, err := os.ReadFile(next)
		switch {
		case err != nil:
			return err
		case string(got) == out && in == text:
			return nil
		case string(got) == out:
			return errRefused
		}
		in, out = string(got), in // not what was read: put it back
	}
}

// look reads the file again and again: it is there, valid, and has its comments.
func (d *contested) look(ctx context.Context, t *testing.T) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(d.file)
		if err == nil {
			_, err = store.Decode(text)
		}
		if err != nil {
			t.Errorf("the file: %v", err)
			return
		}
		for _, comment := range []string{"# Mine, on top.\n", "# mine, beside\n", "# Mine, above.\neject_after = "} {
			if !strings.Contains(string(text), comment) {
				t.Errorf("the comment %q is lost in:\n%s", comment, text)
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// awaitValue waits until the daemon runs with a value.
func (d *contested) awaitValue(ctx context.Context, t *testing.T, key string, want int) {
	var got any
	d.poll(ctx, t, fmt.Sprintf("%s = %d in the daemon", key, want), func() bool {
		status, err := d.client.Status(ctx)
		if err != nil {
			return false
		}
		got, err = status.Settings.Get(key)
		return err == nil && fmt.Sprint(got) == strconv.Itoa(want)
	})
}

// poll waits for a condition.
func (d *contested) poll(ctx context.Context, t *testing.T, what string, met func() bool) {
	deadline := time.After(time.Minute)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !met() {
		select {
		case <-ctx.Done():
			t.Errorf("waited in vain: %s", what)
			return
		case <-deadline:
			text, _ := os.ReadFile(d.file)
			t.Errorf("waited in vain: %s; the file is\n%s", what, text)
			return
		case <-tick.C:
		}
	}
}
