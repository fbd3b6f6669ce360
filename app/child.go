package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// DaemonProgram is the name of the daemon, which lies in the same folder as we do.
const DaemonProgram = "millpondd"

// daemonProgram returns where the daemon is, or an error when it is not there.
func daemonProgram() (string, error) {
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	name := DaemonProgram
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); err != nil {
		return path, fmt.Errorf("the program %s is missing: install Millpond again", path)
	}
	return path, nil
}

// startPatience is how long a daemon that was started may take to answer.
const startPatience = 15 * time.Second

// runDaemon starts the daemon for this login, as a process that outlives us, and
// returns when it answers. The error is the daemon's own sentence when it ended
// instead. args stand behind "serve".
func (c Config) runDaemon(ctx context.Context, args ...string) error {
	program, err := daemonProgram()
	if err != nil {
		return err
	}
	said, err := os.CreateTemp("", "millpondd-start-")
	if err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	defer os.Remove(said.Name()) // Windows keeps it while the daemon runs; it holds a line
	defer said.Close()
	// The daemon outlives ctx: it is stopped by "turn off", not by closing a window.
	daemon := exec.Command(program, append([]string{"serve", "--quiet"}, args...)...)
	daemon.Stderr, daemon.SysProcAttr = said, detached()
	if err := daemon.Start(); err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	ended := make(chan struct{})
	go func() { // ends with the daemon, which may be after us
		_ = daemon.Wait()
		close(ended)
	}()
	return c.awaitDaemon(ctx, ended, said.Name())
}

// awaitDaemon returns when the daemon answers, or has ended, or takes too long.
func (c Config) awaitDaemon(ctx context.Context, ended <-chan struct{}, said string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() { // ends with the daemon or with us
		select {
		case <-ended:
			cancel(errors.New(lastWords(said)))
		case <-ctx.Done():
		}
	}()
	err := c.answers(ctx)
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// lastWords returns what the daemon said before it ended, without its name.
func lastWords(path string) string {
	text, _ := os.ReadFile(path)
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return "the daemon ended at once and did not say why"
	}
	return strings.TrimPrefix(string(text), DaemonProgram+": ")
}
